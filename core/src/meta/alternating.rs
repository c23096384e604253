//! The alternating schedule: weights at every step, activations at some.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::error::{Error, check, check_at_least};
use crate::finite::check_finite;
use crate::kernel::planes::part_mut;
use crate::kernel::vector::Vector;
use crate::math::Real;
use crate::network::{Batch, Wrt};
use crate::optimizer::{Optimizer, clamp};
use crate::shape::Shape;
use crate::train::{Trainer, cause, check_loss};

/// The settings of the alternating schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternating<T> {
    /// How the weights learn, at every step.
    pub weights: Optimizer<T>,
    /// How the activations learn.
    pub activations: Optimizer<T>,
    /// Every how many steps the activations learn.
    pub period: usize,
    /// Every element of the activations' gradient is clamped to this.
    pub clip: T,
}

impl<T: Real> Alternating<T> {
    /// Length of the state for a network of `shape`: that of the weights' optimizer, then of the
    /// activations'.
    #[must_use]
    pub const fn state_len(&self, shape: &Shape) -> usize {
        let weights = self.weights.state_len(shape.theta_len());
        weights.saturating_add(self.activations.state_len(shape.phi_len()))
    }

    /// Sets the state to what it is before the first step. `state`: [`Alternating::state_len`].
    ///
    /// # Errors
    /// If the length differs.
    pub fn init_state(&self, shape: &Shape, state: &mut [T]) -> Result<(), Error> {
        check("state", self.state_len(shape), state.len())?;
        let of_weights = self.weights.state_len(shape.theta_len());
        let (weights, activations) = state.split_at_mut_checked(of_weights).unwrap_or_default();
        self.weights.init_state(weights);
        self.activations.init_state(activations);
        Ok(())
    }

    /// Step `t` (from 0) of the alternating schedule; returns the loss of the batch before the
    /// step.
    ///
    /// The trainer's `state` is [`Alternating::state_len`] long, its `grad` at least
    /// `shape.param_len()`.
    ///
    /// # Errors
    /// As [`Trainer::step`], or if the period is 0.
    pub fn step<V: Vector>(
        &self,
        trainer: &mut Trainer<'_, T, V>,
        batch: &Batch<'_, T>,
        t: usize,
    ) -> Result<T, Error> {
        let (shape, theta) = (trainer.shape, trainer.shape.theta_len());
        check("state", self.state_len(shape), trainer.state.len())?;
        check_at_least("grad", shape.param_len(), trainer.grad.len())?;

        if self.period == 0 {
            return Err(Error::Empty("the period"));
        }

        let learns = t % self.period == self.period - 1;
        let wrt = if learns { Wrt::All } else { Wrt::Weights };
        let loss = trainer.gradient(batch, wrt)?;

        let (weights, activations) = trainer
            .params
            .split_at_mut_checked(theta)
            .unwrap_or_default();
        let of_weights = self.weights.state_len(theta);
        let (state_w, state_a) = trainer
            .state
            .split_at_mut_checked(of_weights)
            .unwrap_or_default();

        let grad = part_mut(trainer.grad, 0, wrt.len(shape));
        let (grad_w, grad_a) = grad.split_at_mut_checked(theta).unwrap_or_default();

        // All is checked before anything moves; a gradient before it is clamped.
        let mut check_step = || {
            check_loss(loss)?;
            check_finite("grad", grad_a)?;
            clamp(grad_a, self.clip);
            self.weights.check(weights, state_w, grad_w, t)?;

            if learns {
                self.activations
                    .check(activations, state_a, grad_a, t / self.period)
            } else {
                Ok(())
            }
        };

        check_step().map_err(|error| cause(error, shape, weights, activations, batch))?;

        self.weights.advance(weights, state_w, grad_w, t)?;

        if learns {
            self.activations
                .advance(activations, state_a, grad_a, t / self.period)?;
        }

        Ok(loss)
    }
}
