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
//! # Ok::<(), ldnn_core::SizeError>(())
//! ```
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow; sizes have passed the door")]

use crate::error::{SizeError, check};
use crate::math::Real;
use crate::planes::part_mut;

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
    /// If a length differs.
    #[inline(always)]
    pub fn step(&self, params: &mut [T], state: &mut [T], grad: &[T], t: usize) -> Result<(), SizeError> {
        let n = params.len();
        check("grad", n, grad.len())?;
        check("state", n.saturating_mul(self.state_planes()), state.len())?;
        match *self {
            Rule::Sgd { rate, momentum } => {
                for ((p, m), &g) in params.iter_mut().zip(state).zip(grad) {
                    *m = momentum * *m + g;
                    *p -= rate * *m;
                }
            }
            Rule::RmsProp { rate, decay, epsilon, .. } => {
                for ((p, v), &g) in params.iter_mut().zip(state).zip(grad) {
                    *v = decay * *v + (T::ONE - decay) * (g * g);
                    *p -= rate * g / (v.sqrt() + epsilon);
                }
            }
            Rule::Adam { rate, beta1, beta2, epsilon } => {
                let (c1, c2) = (correction(beta1, t), correction(beta2, t));
                let (m, v) = state.split_at_mut_checked(n).unwrap_or_default();
                for (((p, m), v), &g) in params.iter_mut().zip(m).zip(v).zip(grad) {
                    *m = beta1 * *m + (T::ONE - beta1) * g;
                    *v = beta2 * *v + (T::ONE - beta2) * (g * g);
                    *p -= rate * (*m / c1) / ((*v / c2).sqrt() + epsilon);
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

/// Clamps every element to `[-limit, limit]`, as the authors' code does with the meta-gradient.
pub fn clamp<T: Real>(values: &mut [T], limit: T) {
    let n = values.len();
    part_mut(values, 0, n).iter_mut().for_each(|x| *x = x.min(limit).max(-limit));
}
