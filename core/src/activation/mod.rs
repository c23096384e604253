//! Activation functions: fixed base functions, sub-networks on top of them, and tables.
//!
//! A learned type is `sigma(z) = base(z) + s (v . tanh(u z + c) + d)` with `s = 0.2`
//! ([`SUBNET_SCALE`]) and parameters `phi = [u | c | v | d]` of `units, units, units, 1` numbers
//! (Choudhary et al. 2022, arXiv 2204.04348).
//!
//! Arrays of pre-activations are "feature-major": all rows of the batch for neuron 0, then for
//! neuron 1, and so on, so the neurons of one type are one run of memory and a kernel is a loop
//! over it.
//!
//! | module | what |
//! |---|---|
//! | `spec` | form and size of an activation |
//! | `base`, `subnet`, `hermite` | the kernels of each form, forward beside adjoint |

mod base;
pub(crate) mod hermite;
mod spec;
mod subnet;

use crate::error::{SizeError, check};
use crate::kernel::planes::{BLOCK, Planes, PlanesMut, blocks, part, part_mut};
use crate::kernel::vector::{Plain, Vector};
use crate::math::Real;

pub use spec::{Activation, Base, MAX_WIDTH, SUBNET_SCALE, TableForm};
pub(crate) use subnet::{noise_offset, noise_offset_adjoint};

/// Where the values of a function and its derivatives go, point by point: slices of the same
/// length.
#[derive(Debug)]
pub struct Derivatives<'a, T> {
    /// The values, overwritten.
    pub value: &'a mut [T],
    /// The first derivatives, overwritten.
    pub slope: &'a mut [T],
    /// The second derivatives, overwritten.
    pub curvature: &'a mut [T],
}

/// An activation by itself: a function of one variable.
impl Activation {
    /// The function at any points: `out_i = sigma(z_i)`.
    ///
    /// `phi`: the type's parameters, [`Activation::param_len`]; `out`, overwritten: as long as `z`.
    ///
    /// # Errors
    /// If a length does not fit.
    pub fn eval<T: Real>(self, phi: &[T], z: &[T], out: &mut [T]) -> Result<(), SizeError> {
        check("phi", self.param_len(), phi.len())?;
        check("out", z.len(), out.len())?;

        forward(Plain, self, Planes([phi]), Planes([z]), PlanesMut([out]));
        Ok(())
    }

    /// The function and its first two derivatives at any points.
    ///
    /// `phi`: the type's parameters, [`Activation::param_len`]; `out`: as long as `z`. At a kink the
    /// derivatives are those of the left side.
    ///
    /// # Errors
    /// If a length does not fit.
    pub fn eval_derivatives<T: Real>(
        self,
        phi: &[T],
        z: &[T],
        out: Derivatives<'_, T>,
    ) -> Result<(), SizeError> {
        let Derivatives {
            value,
            slope,
            curvature,
        } = out;

        self.eval(phi, z, value)?;
        check("slope", z.len(), slope.len())?;
        check("curvature", z.len(), curvature.len())?;

        // The adjoint of `sigma` along the tangent 1, from the adjoints (1, 0), is
        // `(sigma', sigma'')`.
        slope.fill(T::ONE);
        curvature.fill(T::ZERO);

        let ones = [T::ONE; BLOCK];

        for (at, len) in blocks(z.len()) {
            let z = Planes([part(z, at, len), part(&ones, 0, len)]);
            let d = PlanesMut([part_mut(slope, at, len), part_mut(curvature, at, len)]);

            adjoint(
                Plain,
                self,
                Planes([phi, &[]]),
                z,
                d,
                PlanesMut([&mut [], &mut []]),
            );
        }

        Ok(())
    }
}

/// `h = sigma(z)`.
///
/// `z`, `h`: runs of pre- and post-activations of one type; `phi`: the type's parameters.
#[inline(never)]
pub(crate) fn forward<T: Real, V: Vector, const K: usize>(
    v: V,
    activation: Activation,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    h: PlanesMut<'_, T, K>,
) {
    match activation {
        Activation::Base(base) => v.run(
            #[inline(always)]
            || base::forward(base, z, h),
        ),
        Activation::Learned { base, units } => v.run(
            #[inline(always)]
            || subnet::forward(base, units, phi, z, h),
        ),
        Activation::Table(form) => v.run(
            #[inline(always)]
            || hermite::forward(form, phi, z, h),
        ),
    }
}

/// As [`forward`] with one plane, and the slopes take the place of the pre-activations: all that
/// the adjoint of the weights needs of them.
#[inline(never)]
pub(crate) fn forward_with_slopes<T: Real, V: Vector>(
    v: V,
    activation: Activation,
    phi: &[T],
    z_then_slopes: &mut [T],
    h: &mut [T],
) {
    match activation {
        Activation::Base(base) => v.run(
            #[inline(always)]
            || base::forward_with_slopes(base, z_then_slopes, h),
        ),
        Activation::Learned { base, units } => v.run(
            #[inline(always)]
            || subnet::forward_with_slopes(base, units, phi, z_then_slopes, h),
        ),
        Activation::Table(form) => v.run(
            #[inline(always)]
            || hermite::forward_with_slopes(form, phi, z_then_slopes, h),
        ),
    }
}

/// In place, `d` goes from the adjoint of `h` to the adjoint of `z`; `dphi` (empty: not wanted)
/// accumulates the adjoint of the type's parameters.
#[inline(never)]
pub(crate) fn adjoint<T: Real, V: Vector, const K: usize>(
    v: V,
    activation: Activation,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    d: PlanesMut<'_, T, K>,
    dphi: PlanesMut<'_, T, K>,
) {
    match activation {
        Activation::Base(base) => v.run(
            #[inline(always)]
            || base::adjoint(base, z, d),
        ),
        Activation::Learned { base, units } => v.run(
            #[inline(always)]
            || subnet::adjoint(base, units, phi, z, d, dphi),
        ),
        Activation::Table(form) => v.run(
            #[inline(always)]
            || hermite::adjoint(form, phi, z, d, dphi),
        ),
    }
}
