//! Whether numbers are finite. Learning asks before it changes anything.
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow")]

use crate::error::Error;
use crate::math::Real;

/// 0 for a finite number and NaN for every other, which a sum keeps.
#[inline(always)]
pub(crate) fn zero_or_nan<T: Real>(x: T) -> T {
    x * T::ZERO
}

/// Whether all of them are finite: eight sums side by side, which become vector instructions where
/// there are any.
#[inline(always)]
pub(crate) fn all_finite<T: Real>(values: &[T]) -> bool {
    let mut sums = [T::ZERO; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for (sum, &x) in sums.iter_mut().zip(eight) {
            *sum += zero_or_nan(x);
        }
    }

    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum += zero_or_nan(x);
    }

    sums.iter().all(|&sum| sum == T::ZERO)
}

/// An error that names the first number of a buffer that is not finite.
pub(crate) fn check_finite<T: Real>(buffer: &'static str, values: &[T]) -> Result<(), Error> {
    if all_finite(values) {
        return Ok(());
    }

    match values.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Error::NotFinite { buffer, index }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_that_is_not_finite_is_found_at_every_place() {
        for len in 0..20 {
            let mut values = [1e38f32; 20];
            assert!(all_finite(&values[..len]));

            for index in 0..len {
                for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    values[index] = bad;
                    assert_eq!(
                        check_finite("x", &values[..len]),
                        Err(Error::NotFinite { buffer: "x", index })
                    );
                }

                values[index] = -1e38;
            }
        }
    }
}
