//! The alternating schedule: weights at every step, activations at some.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::error::Error;
use crate::kernel::vector::Vector;
use crate::math::Real;
use crate::network::Batch;
use crate::optimizer::Optimizer;
use crate::shape::Shape;
use crate::train::{ActivationStep, Joint, Trainer};

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
    fn joint(&self) -> Joint<T> {
        Joint {
            weights: self.weights,
            activations: self.activations,
            smoothing: T::ZERO,
        }
    }

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
        self.joint().init_state(shape, state)
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
        if self.period == 0 {
            return Err(Error::Empty("the period"));
        }

        let learn = t % self.period == self.period - 1;
        let activations = learn.then_some(ActivationStep {
            t: t / self.period,
            clip: Some(self.clip),
            smoothing: T::ZERO,
        });

        self.joint().step_with(trainer, batch, t, activations)
    }
}
