//! One step of an optimiser, and the adjoint of that step.
//!
//! A [`Rule`] is a function over slices: parameters, state and gradient in, parameters and state out, element by
//! element. The adjoint carries derivatives with respect to the new parameters and state back to the old ones and to
//! the gradient: this is what unrolled meta-learning needs.
//!
//! ```
//! use ldnn_core::optimise::Rule;
//!
//! let rule = Rule::Sgd { rate: 0.5f32, momentum: 0.5 };
//! let (mut params, mut state) = ([1.0, 2.0], [0.0; 2]);
//! rule.start(&mut state);
//! rule.step(&mut params, &mut state, &[1.0, 0.0], 0)?;
//! rule.step(&mut params, &mut state, &[1.0, 0.0], 1)?;
//! assert_eq!(params, [1.0 - 0.5 - 0.75, 2.0]);
//! # Ok::<(), ldnn_core::Error>(())
//! ```
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow; sizes have passed the door")]

use crate::error::{Error, SizeError, check};
use crate::finite::zero_or_nan;
use crate::math::Real;
use crate::planes::load;

/// An optimiser with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule<T> {
    /// `m <- momentum m + g`, `p <- p - rate m` (heavy ball; state `m`, starting at 0).
    Sgd {
        /// Step size.
        rate: T,
        /// Share of the old direction that is kept.
        momentum: T,
    },
    /// `v <- decay v + (1 - decay) g^2`, `p <- p - rate g / (sqrt(v) + epsilon)` (state `v`).
    RmsProp {
        /// Step size.
        rate: T,
        /// Share of the old mean square that is kept.
        decay: T,
        /// Added to the root.
        epsilon: T,
        /// What `v` starts with: 0 is usual; the authors of the paper start with 1, which warms the first steps up.
        start: T,
    },
    /// Kingma and Ba 2015 with bias correction (state `m`, `v`, both starting at 0).
    Adam {
        /// Step size.
        rate: T,
        /// Share of the old mean gradient that is kept.
        beta1: T,
        /// Share of the old mean square that is kept.
        beta2: T,
        /// Added to the root.
        epsilon: T,
    },
}

impl<T: Real> Rule<T> {
    /// The inner optimiser of the authors' code: rate 0.01, decay 0.8, `v` starting at 1.
    #[must_use]
    pub fn authors_rmsprop() -> Self {
        let f = T::from_f64;
        Rule::RmsProp { rate: f(0.01), decay: f(0.8), epsilon: f(1e-8), start: T::ONE }
    }

    /// State values per parameter.
    #[must_use]
    pub const fn state_planes(&self) -> usize {
        match self {
            Rule::Sgd { .. } | Rule::RmsProp { .. } => 1,
            Rule::Adam { .. } => 2,
        }
    }

    /// Sets the state to its start.
    pub fn start(&self, state: &mut [T]) {
        state.fill(if let Rule::RmsProp { start, .. } = self { *start } else { T::ZERO });
    }

    /// One step in place. `t` counts the steps from 0 (Adam's bias correction needs it).
    ///
    /// `params`, `grad`: n; `state`: n [`state_planes`](Rule::state_planes).
    ///
    /// # Errors
    /// If a length differs, or if a parameter or the state would not be finite after the step, as after a gradient that is
    /// not. Then nothing has changed.
    #[inline(always)]
    pub fn step(&self, params: &mut [T], state: &mut [T], grad: &[T], t: usize) -> Result<(), Error> {
        self.check(params, state, grad, t)?;
        Ok(self.advance(params, state, grad, t)?)
    }

    /// Whether [`Rule::step`] goes through: computes it and keeps nothing.
    #[inline(always)]
    pub(crate) fn check(&self, params: &[T], state: &[T], grad: &[T], t: usize) -> Result<(), Error> {
        self.check_lengths(params.len(), state.len(), grad.len())?;
        let finite = match *self {
            Rule::Sgd { rate, momentum } => {
                stays_finite([params, state, grad], |[p, m, g]| sgd(p, m, g, [rate, momentum]))
            }
            Rule::RmsProp { rate, decay, epsilon, .. } => {
                stays_finite([params, state, grad], |[p, v, g]| rms_prop(p, v, g, [rate, decay, epsilon]))
            }
            Rule::Adam { rate, beta1, beta2, epsilon } => {
                let corrections = [correction(beta1, t), correction(beta2, t)];
                let (m, v) = state.split_at_checked(params.len()).unwrap_or_default();
                let settings = [rate, beta1, beta2, epsilon];
                stays_finite([params, m, v, grad], |[p, m, v, g]| adam(p, [m, v], g, settings, corrections))
            }
        };
        if finite { Ok(()) } else { Err(Error::Diverges("what the optimizer would leave")) }
    }

    #[inline(always)]
    fn check_lengths(&self, params: usize, state: usize, grad: usize) -> Result<(), SizeError> {
        check("grad", params, grad)?;
        check("state", params.saturating_mul(self.state_planes()), state)
    }

    /// [`Rule::step`] whatever the numbers.
    #[inline(always)]
    pub(crate) fn advance(&self, params: &mut [T], state: &mut [T], grad: &[T], t: usize) -> Result<(), SizeError> {
        let n = params.len();
        self.check_lengths(n, state.len(), grad.len())?;
        match *self {
            Rule::Sgd { rate, momentum } => {
                for ((p, m), &g) in params.iter_mut().zip(state).zip(grad) {
                    [*p, *m] = sgd(*p, *m, g, [rate, momentum]);
                }
            }
            Rule::RmsProp { rate, decay, epsilon, .. } => {
                for ((p, v), &g) in params.iter_mut().zip(state).zip(grad) {
                    [*p, *v] = rms_prop(*p, *v, g, [rate, decay, epsilon]);
                }
            }
            Rule::Adam { rate, beta1, beta2, epsilon } => {
                let corrections = [correction(beta1, t), correction(beta2, t)];
                let (m, v) = state.split_at_mut_checked(n).unwrap_or_default();
                for (((p, m), v), &g) in params.iter_mut().zip(m).zip(v).zip(grad) {
                    [*p, *m, *v] = adam(*p, [*m, *v], g, [rate, beta1, beta2, epsilon], corrections);
                }
            }
        }
        Ok(())
    }

    /// The adjoint of [`Rule::step`] with respect to everything but the parameters, for which it is the identity.
    ///
    /// `dgrad`, overwritten: the adjoint of the gradient. `dstate`: in place from the adjoint of the new state to that
    /// of the old one. `dparams`: the adjoint of the new parameters. `grad`, `state`: the gradient of the step and the
    /// state *after* it. Where a mean square is exactly 0 the square root has no derivative; its term counts as 0.
    ///
    /// # Errors
    /// If a length differs.
    #[inline(always)]
    pub fn step_adjoint(
        &self,
        dgrad: &mut [T],
        dstate: &mut [T],
        dparams: &[T],
        grad: &[T],
        state: &[T],
        t: usize,
    ) -> Result<(), SizeError> {
        let n = dparams.len();
        check("dgrad", n, dgrad.len())?;
        check("grad", n, grad.len())?;
        check("state", n.saturating_mul(self.state_planes()), state.len())?;
        check("dstate", n.saturating_mul(self.state_planes()), dstate.len())?;
        match *self {
            Rule::Sgd { rate, momentum } => {
                for ((dg, dm), &dp) in dgrad.iter_mut().zip(dstate).zip(dparams) {
                    let total = *dm - rate * dp;
                    *dg = total;
                    *dm = momentum * total;
                }
            }
            Rule::RmsProp { rate, decay, epsilon, .. } => {
                let each = dgrad.iter_mut().zip(dstate).zip(dparams).zip(grad.iter().zip(state));
                for (((dg, dv), &dp), (&g, &v)) in each {
                    let (by_root, inverse) = root_slope(v, epsilon);
                    let total = *dv + rate * g * dp * by_root;
                    let twice = (T::ONE - decay) * (g + g);
                    *dg = total * twice - rate * dp * inverse;
                    *dv = decay * total;
                }
            }
            Rule::Adam { rate, beta1, beta2, epsilon } => {
                let (c1, c2) = (correction(beta1, t), correction(beta2, t));
                let (m, v) = state.split_at_checked(n).unwrap_or_default();
                let (dm, dv) = dstate.split_at_mut_checked(n).unwrap_or_default();
                let each = dgrad.iter_mut().zip(dm).zip(dv).zip(dparams).zip(grad).zip(m.iter().zip(v));
                for (((((dg, dm), dv), &dp), &g), (&m, &v)) in each {
                    let (by_root, inverse) = root_slope(v / c2, epsilon);
                    let dm_total = *dm - rate * dp * inverse / c1;
                    let dv_total = *dv + rate * (m / c1) * dp * by_root / c2;
                    *dg = dm_total * (T::ONE - beta1) + dv_total * ((T::ONE - beta2) * (g + g));
                    *dm = beta1 * dm_total;
                    *dv = beta2 * dv_total;
                }
            }
        }
        Ok(())
    }
}

#[inline(always)]
fn sgd<T: Real>(p: T, m: T, g: T, [rate, momentum]: [T; 2]) -> [T; 2] {
    let m = momentum * m + g;
    [p - rate * m, m]
}

#[inline(always)]
fn rms_prop<T: Real>(p: T, v: T, g: T, [rate, decay, epsilon]: [T; 3]) -> [T; 2] {
    let v = decay * v + (T::ONE - decay) * (g * g);
    [p - rate * g / (v.sqrt() + epsilon), v]
}

#[inline(always)]
fn adam<T: Real>(p: T, [m, v]: [T; 2], g: T, [rate, beta1, beta2, epsilon]: [T; 4], [c1, c2]: [T; 2]) -> [T; 3] {
    let m = beta1 * m + (T::ONE - beta1) * g;
    let v = beta2 * v + (T::ONE - beta2) * (g * g);
    [p - rate * (m / c1) / ((v / c2).sqrt() + epsilon), m, v]
}

/// Whether all that `next` makes of equally long slices is finite; as `all_finite`.
#[inline(always)]
#[allow(clippy::indexing_slicing, reason = "arrays of eight, indices below eight")]
fn stays_finite<T: Real, const N: usize, const M: usize>(slices: [&[T]; N], next: impl Fn([T; N]) -> [T; M]) -> bool {
    let mut sums = [T::ZERO; 8];
    let len = slices.first().map_or(0, |s| s.len());
    for at in (0..len - len % 8).step_by(8) {
        let eights = slices.map(|s| load::<T, 8>(s, at));
        for i in 0..8 {
            sums[i] += next(eights.map(|eight| eight[i])).into_iter().fold(T::ZERO, |sum, x| sum + zero_or_nan(x));
        }
    }
    for at in len - len % 8..len {
        let one = slices.map(|s| s.get(at).copied().unwrap_or_default());
        sums[0] += next(one).into_iter().fold(T::ZERO, |sum, x| sum + zero_or_nan(x));
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

/// Clamps every element to `[-limit, limit]`, as the authors' code does with the meta-gradient. NaN stays NaN.
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
