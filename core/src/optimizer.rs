//! Optimizers: one step, and the adjoint of that step.
//!
//! An [`Optimizer`] is a function over slices: parameters, state and gradient in, parameters and
//! state out, element by element. The adjoint carries derivatives with respect to the new
//! parameters and state back to the old ones and to the gradient: this is what unrolled
//! meta-learning needs.
//!
//! ```
//! use ldnn_core::Optimizer;
//!
//! let optimizer = Optimizer::Sgd { lr: 0.5f32, momentum: 0.5 };
//! let (mut params, mut state) = (vec![1.0, 2.0], vec![0.0; optimizer.state_len(2)]);
//! optimizer.init_state(&mut state);
//! optimizer.step(&mut params, &mut state, &[1.0, 0.0], 0)?;
//! optimizer.step(&mut params, &mut state, &[1.0, 0.0], 1)?;
//! assert_eq!(params, [1.0 - 0.5 - 0.75, 2.0]);
//! # Ok::<(), ldnn_core::Error>(())
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::error::{Error, SizeError, check};
use crate::finite::zero_or_nan;
use crate::kernel::planes::load;
use crate::math::Real;

/// An optimizer with its hyperparameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer<T> {
    /// `m <- momentum m + g`, `p <- p - lr m` (heavy ball; state `m`, starting at 0).
    Sgd {
        /// Learning rate.
        lr: T,
        /// Fraction of the old direction that is kept.
        momentum: T,
    },
    /// `v <- decay v + (1 - decay) g^2`, `p <- p - lr g / (sqrt(v) + epsilon)` (state `v`).
    RmsProp {
        /// Learning rate.
        lr: T,
        /// Fraction of the old mean square that is kept.
        decay: T,
        /// Added to the root.
        epsilon: T,
        /// What `v` starts with: 0 is usual; the authors of the paper start with 1, which warms the
        /// first steps up.
        start: T,
    },
    /// Kingma and Ba 2015 with bias correction (state `m`, `v`, both starting at 0).
    Adam {
        /// Learning rate.
        lr: T,
        /// Fraction of the old mean gradient that is kept.
        beta1: T,
        /// Fraction of the old mean square that is kept.
        beta2: T,
        /// Added to the root.
        epsilon: T,
    },
    /// Adam whose weights decay on their own: `p <- (1 - lr weight_decay) p`, then Adam's step
    /// (Loshchilov and Hutter 2019; state `m`, `v`).
    AdamW {
        /// Learning rate.
        lr: T,
        /// Fraction of the old mean gradient that is kept.
        beta1: T,
        /// Fraction of the old mean square that is kept.
        beta2: T,
        /// Added to the root.
        epsilon: T,
        /// Strength of the decay towards 0, per unit of learning rate.
        weight_decay: T,
    },
}

/// What a step of Adam or AdamW needs.
#[derive(Clone, Copy)]
struct AdamStep<T> {
    lr: T,
    beta1: T,
    beta2: T,
    epsilon: T,
    /// The factor of the old parameters, 1 without weight decay.
    keep: T,
    /// The bias corrections of the mean gradient and of the mean square.
    corrections: [T; 2],
}

/// A step that was taken; what [`Optimizer::step_adjoint`] needs to know of it.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a, T> {
    /// The gradient that was stepped along.
    pub grad: &'a [T],
    /// The state *after* the step.
    pub state: &'a [T],
    /// Its number, from 0.
    pub t: usize,
}

impl<T: Real> Optimizer<T> {
    /// The inner optimizer of the authors' code: learning rate 0.01, decay 0.8, `v` starting at 1.
    #[must_use]
    pub fn authors_rmsprop() -> Self {
        let f = T::from_f64;
        Optimizer::RmsProp {
            lr: f(0.01),
            decay: f(0.8),
            epsilon: f(1e-8),
            start: T::ONE,
        }
    }

    /// The same optimizer at `factor` times its learning rate, as a
    /// [`Schedule`](crate::schedule::Schedule) asks for.
    #[must_use]
    #[inline]
    pub fn scaled(mut self, factor: T) -> Self {
        match &mut self {
            Optimizer::Sgd { lr, .. }
            | Optimizer::RmsProp { lr, .. }
            | Optimizer::Adam { lr, .. }
            | Optimizer::AdamW { lr, .. } => *lr = *lr * factor,
        }

        self
    }

    /// Length of the state for `params` parameters.
    #[must_use]
    pub const fn state_len(&self, params: usize) -> usize {
        match self {
            Optimizer::Sgd { .. } | Optimizer::RmsProp { .. } => params,
            Optimizer::Adam { .. } | Optimizer::AdamW { .. } => params.saturating_mul(2),
        }
    }

    /// Sets the state to what it is before the first step.
    pub fn init_state(&self, state: &mut [T]) {
        state.fill(if let Optimizer::RmsProp { start, .. } = self {
            *start
        } else {
            T::ZERO
        });
    }

    /// One step in place. `t` counts the steps from 0 (Adam's bias correction needs it).
    ///
    /// `params`, `grad`: n; `state`: [`state_len(n)`](Optimizer::state_len).
    ///
    /// # Errors
    /// If a length differs, or if a parameter or the state would not be finite after the step, as
    /// after a gradient that is not. Then nothing has changed.
    #[inline(always)]
    pub fn step(
        &self,
        params: &mut [T],
        state: &mut [T],
        grad: &[T],
        t: usize,
    ) -> Result<(), Error> {
        self.check(params, state, grad, t)?;
        Ok(self.advance(params, state, grad, t)?)
    }

    /// Whether [`Optimizer::step`] goes through: computes it and keeps nothing.
    #[inline(always)]
    pub(crate) fn check(
        &self,
        params: &[T],
        state: &[T],
        grad: &[T],
        t: usize,
    ) -> Result<(), Error> {
        self.check_lengths(params.len(), state.len(), grad.len())?;

        let finite = match *self {
            Optimizer::Sgd { lr, momentum } => stays_finite([params, state, grad], |[p, m, g]| {
                sgd(p, m, g, [lr, momentum])
            }),
            Optimizer::RmsProp {
                lr, decay, epsilon, ..
            } => stays_finite([params, state, grad], |[p, v, g]| {
                rms_prop(p, v, g, [lr, decay, epsilon])
            }),
            Optimizer::Adam { .. } | Optimizer::AdamW { .. } => {
                let step = self.adam_step(t);
                let (m, v) = state.split_at_checked(params.len()).unwrap_or_default();
                stays_finite([params, m, v, grad], |[p, m, v, g]| {
                    adam(p, [m, v], g, &step)
                })
            }
        };

        if finite {
            Ok(())
        } else {
            Err(Error::Diverges("what the optimizer would leave"))
        }
    }

    #[inline(always)]
    fn check_lengths(&self, params: usize, state: usize, grad: usize) -> Result<(), SizeError> {
        check("grad", params, grad)?;
        check("state", self.state_len(params), state)
    }

    /// [`Optimizer::step`] whatever the numbers.
    #[inline(always)]
    pub(crate) fn advance(
        &self,
        params: &mut [T],
        state: &mut [T],
        grad: &[T],
        t: usize,
    ) -> Result<(), SizeError> {
        let n = params.len();
        self.check_lengths(n, state.len(), grad.len())?;

        match *self {
            Optimizer::Sgd { lr, momentum } => {
                for ((p, m), &g) in params.iter_mut().zip(state).zip(grad) {
                    [*p, *m] = sgd(*p, *m, g, [lr, momentum]);
                }
            }
            Optimizer::RmsProp {
                lr, decay, epsilon, ..
            } => {
                for ((p, v), &g) in params.iter_mut().zip(state).zip(grad) {
                    [*p, *v] = rms_prop(*p, *v, g, [lr, decay, epsilon]);
                }
            }
            Optimizer::Adam { .. } | Optimizer::AdamW { .. } => {
                let step = self.adam_step(t);
                let (m, v) = state.split_at_mut_checked(n).unwrap_or_default();
                for (((p, m), v), &g) in params.iter_mut().zip(m).zip(v).zip(grad) {
                    [*p, *m, *v] = adam(*p, [*m, *v], g, &step);
                }
            }
        }

        Ok(())
    }

    /// The numbers of one step of Adam or AdamW; all 0 for the other optimizers.
    #[inline(always)]
    fn adam_step(&self, t: usize) -> AdamStep<T> {
        let (lr, beta1, beta2, epsilon, keep) = match *self {
            Optimizer::Adam {
                lr,
                beta1,
                beta2,
                epsilon,
            } => (lr, beta1, beta2, epsilon, T::ONE),
            Optimizer::AdamW {
                lr,
                beta1,
                beta2,
                epsilon,
                weight_decay,
            } => (lr, beta1, beta2, epsilon, T::ONE - lr * weight_decay),
            _ => (T::ZERO, T::ZERO, T::ZERO, T::ZERO, T::ONE),
        };

        AdamStep {
            lr,
            beta1,
            beta2,
            epsilon,
            keep,
            corrections: [correction(beta1, t), correction(beta2, t)],
        }
    }

    /// The adjoint of [`Optimizer::step`].
    ///
    /// `taken`: the step; `dparams` (n), in place: from the adjoint of the new parameters to what
    /// of that of the old ones does not pass through the gradient, the same but for weight decay;
    /// `dstate` (state of n), in place: from the adjoint of the new state to that of the old one;
    /// `dgrad` (n), overwritten: the adjoint of the gradient. Where a mean square is exactly 0 the square root
    /// has no derivative; its term counts as 0.
    ///
    /// # Errors
    /// If a length differs.
    #[inline(always)]
    pub fn step_adjoint(
        &self,
        taken: Step<'_, T>,
        dparams: &mut [T],
        dstate: &mut [T],
        dgrad: &mut [T],
    ) -> Result<(), SizeError> {
        let Step { grad, state, t } = taken;
        let n = dparams.len();
        check("grad", n, grad.len())?;
        check("state", self.state_len(n), state.len())?;
        check("dstate", self.state_len(n), dstate.len())?;
        check("dgrad", n, dgrad.len())?;

        match *self {
            Optimizer::Sgd { lr, momentum } => {
                for ((dg, dm), &mut dp) in dgrad.iter_mut().zip(dstate).zip(dparams) {
                    let total = *dm - lr * dp;
                    *dg = total;
                    *dm = momentum * total;
                }
            }
            Optimizer::RmsProp {
                lr, decay, epsilon, ..
            } => {
                let each = dgrad
                    .iter_mut()
                    .zip(dstate)
                    .zip(dparams)
                    .zip(grad.iter().zip(state));

                for (((dg, dv), &mut dp), (&g, &v)) in each {
                    let (by_root, inverse) = root_slope(v, epsilon);
                    let total = *dv + lr * g * dp * by_root;
                    let twice = (T::ONE - decay) * (g + g);
                    *dg = total * twice - lr * dp * inverse;
                    *dv = decay * total;
                }
            }
            Optimizer::Adam { .. } | Optimizer::AdamW { .. } => {
                let step = self.adam_step(t);
                let (m, v) = state.split_at_checked(n).unwrap_or_default();
                let (dm, dv) = dstate.split_at_mut_checked(n).unwrap_or_default();

                let each = dgrad
                    .iter_mut()
                    .zip(dm)
                    .zip(dv)
                    .zip(dparams)
                    .zip(grad)
                    .zip(m.iter().zip(v));

                for (((((dg, dm), dv), dp), &g), (&m, &v)) in each {
                    [*dp, *dm, *dv, *dg] = adam_adjoint([*dp, *dm, *dv], g, [m, v], &step);
                }
            }
        }

        Ok(())
    }
}

#[inline(always)]
fn sgd<T: Real>(p: T, m: T, g: T, [lr, momentum]: [T; 2]) -> [T; 2] {
    let m = momentum * m + g;
    [p - lr * m, m]
}

#[inline(always)]
fn rms_prop<T: Real>(p: T, v: T, g: T, [lr, decay, epsilon]: [T; 3]) -> [T; 2] {
    let v = decay * v + (T::ONE - decay) * (g * g);
    [p - lr * g / (v.sqrt() + epsilon), v]
}

/// New parameter, mean gradient and mean square.
#[inline(always)]
fn adam<T: Real>(p: T, [m, v]: [T; 2], g: T, step: &AdamStep<T>) -> [T; 3] {
    let [c1, c2] = step.corrections;
    let m = step.beta1 * m + (T::ONE - step.beta1) * g;
    let v = step.beta2 * v + (T::ONE - step.beta2) * (g * g);
    let root = (v / c2).sqrt() + step.epsilon;

    [step.keep * p - step.lr * (m / c1) / root, m, v]
}

/// From the adjoints of the new parameter, mean gradient and mean square to those of the old ones
/// and of the gradient. `g`, `m`, `v`: the gradient, and the means after the step.
#[inline(always)]
fn adam_adjoint<T: Real>([dp, dm, dv]: [T; 3], g: T, [m, v]: [T; 2], step: &AdamStep<T>) -> [T; 4] {
    let [c1, c2] = step.corrections;
    let (by_root, inverse) = root_slope(v / c2, step.epsilon);
    let dm = dm - step.lr * dp * inverse / c1;
    let dv = dv + step.lr * (m / c1) * dp * by_root / c2;
    let dg = dm * (T::ONE - step.beta1) + dv * ((T::ONE - step.beta2) * (g + g));

    [step.keep * dp, step.beta1 * dm, step.beta2 * dv, dg]
}

/// Whether all that `next` makes of equally long slices is finite; as `all_finite`.
#[inline(always)]
#[allow(
    clippy::indexing_slicing,
    reason = "arrays of eight, indices below eight"
)]
fn stays_finite<T: Real, const N: usize, const M: usize>(
    slices: [&[T]; N],
    next: impl Fn([T; N]) -> [T; M],
) -> bool {
    let mut sums = [T::ZERO; 8];
    let len = slices.first().map_or(0, |s| s.len());

    for at in (0..len - len % 8).step_by(8) {
        let eights = slices.map(|s| load::<T, 8>(s, at));
        for i in 0..8 {
            sums[i] += next(eights.map(|eight| eight[i]))
                .into_iter()
                .fold(T::ZERO, |sum, x| sum + zero_or_nan(x));
        }
    }

    for at in len - len % 8..len {
        let one = slices.map(|s| s.get(at).copied().unwrap_or_default());
        sums[0] += next(one)
            .into_iter()
            .fold(T::ZERO, |sum, x| sum + zero_or_nan(x));
    }

    sums.iter().all(|&sum| sum == T::ZERO)
}

/// `1 - beta^(t + 1)`
#[inline(always)]
fn correction<T: Real>(beta: T, t: usize) -> T {
    let mut power = T::ONE;
    for _ in 0..=t.min(10_000) {
        power = power * beta;
    }
    T::ONE - power
}

/// For `r = sqrt(v) + epsilon`: `(1 / (2 sqrt(v) r^2), 1 / r)`, the first 0 for `v = 0`.
#[inline(always)]
fn root_slope<T: Real>(v: T, epsilon: T) -> (T, T) {
    let root = v.sqrt();
    let inverse = T::ONE / (root + epsilon);
    let slope = inverse * inverse / (root + root);
    (if root > T::ZERO { slope } else { T::ZERO }, inverse)
}

/// Clamps every element to `[-limit, limit]`, as the authors' code does with the meta-gradient. NaN
/// stays NaN.
pub fn clamp<T: Real>(values: &mut [T], limit: T) {
    for x in values {
        *x = if *x > limit {
            limit
        } else if *x < -limit {
            -limit
        } else {
            *x
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_decay_apart_from_adams_step() {
        let optimizer = Optimizer::AdamW {
            lr: 0.1f64,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.5,
        };

        // Loshchilov and Hutter's algorithm 2 by hand, with numbers of double precision.
        let expected = [
            0.850_000_001_999_999_9,
            0.863_450_350_920_055_5,
            0.855_518_310_210_840_3,
        ];

        let (mut params, mut state) = ([1.0], [0.0; 2]);
        for (t, (grad, expected)) in [0.5, -2.0, 0.25].into_iter().zip(expected).enumerate() {
            assert_eq!(optimizer.step(&mut params, &mut state, &[grad], t), Ok(()));
            assert!((params[0] - expected).abs() < 1e-14, "{params:?}");
        }
    }

    #[test]
    fn without_weight_decay_it_is_adam_to_the_bit() {
        let [lr, beta1, beta2, epsilon] = [0.1f32, 0.9, 0.999, 1e-8];
        let adam = Optimizer::Adam {
            lr,
            beta1,
            beta2,
            epsilon,
        };
        let adam_w = Optimizer::AdamW {
            lr,
            beta1,
            beta2,
            epsilon,
            weight_decay: 0.0,
        };

        let run = |optimizer: Optimizer<f32>| {
            let (mut params, mut state) = ([1.0, -0.3], [0.0; 4]);
            for t in 0..9 {
                let grad = [params[1] - 0.5, params[0] * params[1]];
                assert_eq!(optimizer.step(&mut params, &mut state, &grad, t), Ok(()));
            }
            params.map(f32::to_bits)
        };

        assert_eq!(run(adam), run(adam_w));
    }
}
