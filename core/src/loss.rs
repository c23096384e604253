//! Losses, and what turns outputs into probabilities and classes.
//!
//! A network for classification gives one *logit* per class; [`softmax`] makes probabilities of
//! them, [`arg_max`] the class, and [`cross_entropy`] the loss.
//!
//! ```
//! use ldnn_core::loss::{arg_max, cross_entropy, softmax};
//!
//! let mut y = [1.0f64, 3.0, 2.0];
//! assert_eq!(arg_max(&y), 1);
//! let loss = cross_entropy(&y, 2);
//! softmax(&mut y);
//! assert!((y.iter().sum::<f64>() - 1.0).abs() < 1e-15);
//! assert!((loss + y[2].ln()).abs() < 1e-15);
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::math::Real;

/// Logits become probabilities in place: `exp(y_c) / sum_k exp(y_k)`.
///
/// The largest logit is taken out of all of them first, so that no exponential overflows. The sum
/// runs in ascending order, and each exponential is divided by it. Logits that are not finite give
/// NaN.
pub fn softmax<T: Real>(logits: &mut [T]) {
    softmax_parts(logits);
}

/// [`softmax`]; returns the largest logit and the sum of `exp(y - largest)`, which the loss needs as well.
#[inline(always)]
pub(crate) fn softmax_parts<T: Real>(logits: &mut [T]) -> (T, T) {
    let top = largest(logits.iter().copied());

    let mut total = T::ZERO;

    for y in logits.iter_mut() {
        *y = (*y - top).exp();
        total += *y;
    }

    for y in logits.iter_mut() {
        *y = *y / total;
    }

    (top, total)
}

/// The index of the largest value; the first of equals, 0 if there is none or the first is NaN.
#[must_use]
pub fn arg_max<T: PartialOrd + Copy>(values: &[T]) -> usize {
    first_largest(values.iter().copied())
}

/// As [`arg_max`].
#[inline(always)]
pub(crate) fn first_largest<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> usize {
    let mut best: Option<(usize, T)> = None;
    for (i, value) in values.enumerate() {
        if best.is_none_or(|(_, top)| value > top) {
            best = Some((i, value));
        }
    }
    best.map_or(0, |(i, _)| i)
}

/// Softmax cross-entropy of one row in nats: `ln(sum_c exp(y_c)) - y_label`. NaN if there is no
/// such class.
#[must_use]
pub fn cross_entropy<T: Real>(logits: &[T], label: usize) -> T {
    if label >= logits.len() {
        return T::from_f64(f64::NAN);
    }
    cross_entropy_of(logits.iter().copied(), label)
}

/// As [`cross_entropy`]: the largest logit is taken out of the sum; classes in ascending order.
#[inline(always)]
pub(crate) fn cross_entropy_of<T: Real>(
    logits: impl Iterator<Item = T> + Clone,
    label: usize,
) -> T {
    let top = largest(logits.clone());
    let mut total = T::ZERO;

    for y in logits.clone() {
        total += (y - top).exp();
    }
    total.ln() + (top - logits.clone().nth(label).unwrap_or_default())
}

#[inline(always)]
fn largest<T: Real>(mut logits: impl Iterator<Item = T>) -> T {
    let first = logits.next().unwrap_or_default();
    logits.fold(first, |a, b| b.max(a))
}
