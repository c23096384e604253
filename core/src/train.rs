//! One step of training. With [`Trainer::step`] the weights learn and the activations are frozen;
//! with [`Joint`] both learn.
//!
//! ```
//! use ldnn_core::network::{Batch, Data, Init, Pass, Target, Workspace, init_theta};
//! use ldnn_core::train::Trainer;
//! use ldnn_core::{Activation, Optimizer, Plain, Shape};
//!
//! // Two inputs, four rectifiers, one output; the function x0 + x1 at three points.
//! const SHAPE: Shape = Shape::new(&[2, 4, 1], &[Activation::RELU]);
//! const SGD: Optimizer<f32> = Optimizer::Sgd { lr: 0.1, momentum: 0.5 };
//! let data = Data { x: &[0.0, 1.0, 1.0, 0.0, 1.0, 1.0], target: Target::Values(&[1.0, 1.0, 2.0]) };
//! let batch = Batch::all(data, SHAPE.inputs());
//!
//! let mut params = [0.0; SHAPE.param_len()];
//! init_theta(&SHAPE, Init::FanIn, 1, 0, &mut params)?;
//! let mut memory = [0.0; SHAPE.workspace_len(3, Pass::Backward)];
//! let mut trainer = Trainer {
//!     shape: &SHAPE,
//!     vector: Plain,
//!     params: &mut params,
//!     state: &mut vec![0.0; SGD.state_len(SHAPE.theta_len())],
//!     grad: &mut [0.0; SHAPE.theta_len()],
//!     workspace: Workspace::new(&SHAPE, 3, Pass::Backward, &mut memory)?,
//! };
//! SGD.init_state(trainer.state);
//! let first = trainer.step(&SGD, &batch, 0)?;
//! let mut last = first;
//! for t in 1..100 {
//!     last = trainer.step(&SGD, &batch, t)?;
//! }
//! assert!(last < 0.01 * first);
//! # Ok::<(), ldnn_core::Error>(())
//! ```

#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; differences of places in one buffer"
)]

use crate::activation::{Activation, hermite};
use crate::error::{Error, check, check_at_least};
use crate::finite::check_finite;
use crate::kernel::planes::{part, part_mut};
use crate::kernel::vector::Vector;
use crate::math::Real;
use crate::network::{Batch, Network, Target, Workspace, Wrt};
use crate::optimizer::{Optimizer, clamp};
use crate::shape::Shape;

/// A network in training, with all the memory that a step needs. A view: nothing is copied, and
/// making one is free.
///
/// [`Joint`] and [`Alternating`](crate::meta::Alternating) step it, too.
#[derive(Debug)]
pub struct Trainer<'a, T, V> {
    /// Its sizes.
    pub shape: &'a Shape,
    /// How its kernels are compiled.
    pub vector: V,
    /// `[theta | phi]`, [`Shape::param_len`]
    pub params: &'a mut [T],
    /// The optimizer's state, [`Optimizer::state_len`]
    pub state: &'a mut [T],
    /// Scratch for the gradient, at least [`Shape::theta_len`]
    pub grad: &'a mut [T],
    /// Scratch for [`Pass::Backward`](crate::network::Pass::Backward)
    pub workspace: Workspace<'a, T>,
}

impl<T: Real, V: Vector> Trainer<'_, T, V> {
    /// Step `t` (from 0): the weights move along the gradient of the batch; returns its loss before
    /// the step.
    ///
    /// # Errors
    /// If a length does not fit or the batch does not fit the shape; if a row, a target or a
    /// parameter is not finite ([`Error::NotFinite`]); if the loss, its gradient or what the
    /// optimizer would leave is not ([`Error::Diverges`]). Then `params` and `state` have not
    /// changed.
    pub fn step(
        &mut self,
        optimizer: &Optimizer<T>,
        batch: &Batch<'_, T>,
        t: usize,
    ) -> Result<T, Error> {
        let (shape, theta) = (self.shape, self.shape.theta_len());
        check_at_least("grad", theta, self.grad.len())?;
        check("state", optimizer.state_len(theta), self.state.len())?;

        let loss = self.gradient(batch, Wrt::Weights)?;

        let (weights, activations) = self.params.split_at_mut_checked(theta).unwrap_or_default();
        let (state, grad) = (&mut *self.state, part(self.grad, 0, theta));

        let step = check_loss(loss).and_then(|()| {
            self.vector.run(
                #[inline(always)]
                || optimizer.step(weights, state, grad, t),
            )
        });

        step.map_err(|error| cause(error, shape, weights, activations, batch))?;
        Ok(loss)
    }

    /// Fills the beginning of `grad`, whose length has been checked.
    pub(crate) fn gradient(&mut self, batch: &Batch<'_, T>, wrt: Wrt) -> Result<T, Error> {
        let network = Network::new(self.shape, self.params)?.with_vector(self.vector);
        network.gradient(
            batch,
            wrt,
            part_mut(self.grad, 0, wrt.len(self.shape)),
            &mut self.workspace,
        )
    }
}

/// Weights and activations that learn together, at every step.
///
/// What is meant to learn so is a [table](crate::table): its knots are few and each acts on a short
/// piece of the function. Sub-networks can, too. Types without parameters stay as they are.
///
/// ```
/// use ldnn_core::network::{Batch, Data, Init, Pass, Target, Workspace, init_theta};
/// use ldnn_core::table::{TableForm, fill};
/// use ldnn_core::train::{Joint, Trainer};
/// use ldnn_core::{Activation, Base, Optimizer, Plain, Shape};
///
/// // One input, four neurons whose function starts as the tanh at 33 knots, one output.
/// const TABLE: TableForm = TableForm::fixed(33, 10.0);
/// const SHAPE: Shape = Shape::new(&[1, 4, 1], &[Activation::Table(TABLE)]);
/// const ADAM: Optimizer<f32> = Optimizer::Adam { lr: 0.02, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
/// const JOINT: Joint<f32> = Joint { weights: ADAM, activations: ADAM, smoothing: 0.0 };
///
/// let mut params = [0.0; SHAPE.param_len()];
/// let (theta, phi) = params.split_at_mut(SHAPE.theta_len());
/// init_theta(&SHAPE, Init::FanIn, 1, 0, theta)?;
/// fill(Activation::Base(Base::Tanh), &[], TABLE, phi)?;
///
/// let data = Data { x: &[-1.0, 0.0, 1.0], target: Target::Values(&[1.0, 0.0, 1.0]) };
/// let batch = Batch::all(data, SHAPE.inputs());
/// let mut memory = [0.0; SHAPE.workspace_len(3, Pass::Backward)];
/// let mut trainer = Trainer {
///     shape: &SHAPE,
///     vector: Plain,
///     params: &mut params,
///     state: &mut vec![0.0; JOINT.state_len(&SHAPE)],
///     grad: &mut [0.0; SHAPE.param_len()],
///     workspace: Workspace::new(&SHAPE, 3, Pass::Backward, &mut memory)?,
/// };
/// JOINT.init_state(&SHAPE, trainer.state)?;
/// let first = JOINT.step(&mut trainer, &batch, 0)?;
/// for t in 1..100 {
///     JOINT.step(&mut trainer, &batch, t)?;
/// }
/// assert!(JOINT.step(&mut trainer, &batch, 100)? < 0.01 * first);
/// # Ok::<(), ldnn_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joint<T> {
    /// How the weights learn.
    pub weights: Optimizer<T>,
    /// How the activations learn. A tenth of the weights' learning rate is a good start.
    pub activations: Optimizer<T>,
    /// Strength of a penalty on bent tables, in units of the loss: it is `smoothing` times the mean
    /// square of the table's second derivative over its range, summed over the types. 0 for none.
    pub smoothing: T,
}

impl<T: Real> Joint<T> {
    /// Length of the state for a network of `shape`: that of the weights' optimizer, then of the
    /// activations'.
    #[must_use]
    pub const fn state_len(&self, shape: &Shape) -> usize {
        let weights = self.weights.state_len(shape.theta_len());
        weights.saturating_add(self.activations.state_len(shape.phi_len()))
    }

    /// Sets the state to what it is before the first step. `state`: [`Joint::state_len`].
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

    /// Step `t` (from 0): weights and activations move along the gradient of the batch, the
    /// activations along that of the penalty, too. Returns the loss of the batch before the step,
    /// without the penalty.
    ///
    /// The trainer's `state` is [`Joint::state_len`] long, its `grad` at least
    /// [`Shape::param_len`].
    ///
    /// # Errors
    /// As [`Trainer::step`].
    pub fn step<V: Vector>(
        &self,
        trainer: &mut Trainer<'_, T, V>,
        batch: &Batch<'_, T>,
        t: usize,
    ) -> Result<T, Error> {
        let activations = ActivationStep {
            t,
            clip: None,
            smoothing: self.smoothing,
        };

        self.step_with(trainer, batch, t, Some(activations))
    }

    /// Step `t` of the weights, and a step of the activations unless they rest.
    pub(crate) fn step_with<V: Vector>(
        &self,
        trainer: &mut Trainer<'_, T, V>,
        batch: &Batch<'_, T>,
        t: usize,
        of_activations: Option<ActivationStep<T>>,
    ) -> Result<T, Error> {
        let (shape, theta) = (trainer.shape, trainer.shape.theta_len());
        check("state", self.state_len(shape), trainer.state.len())?;
        check_at_least("grad", shape.param_len(), trainer.grad.len())?;

        let wrt = if of_activations.is_some() {
            Wrt::All
        } else {
            Wrt::Weights
        };
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
            self.weights.check(weights, state_w, grad_w, t)?;

            if let Some(step) = &of_activations {
                step.complete(shape, activations, grad_a);
                self.activations
                    .check(activations, state_a, grad_a, step.t)?;
            }

            Ok(())
        };

        check_step().map_err(|error| cause(error, shape, weights, activations, batch))?;

        self.weights.advance(weights, state_w, grad_w, t)?;

        if let Some(step) = of_activations {
            self.activations
                .advance(activations, state_a, grad_a, step.t)?;
        }

        Ok(loss)
    }
}

/// A step of the activations.
#[derive(Clone, Copy)]
pub(crate) struct ActivationStep<T> {
    /// Its number, from 0.
    pub t: usize,
    /// Every element of the gradient is clamped to this.
    pub clip: Option<T>,
    /// See [`Joint::smoothing`].
    pub smoothing: T,
}

impl<T: Real> ActivationStep<T> {
    /// Makes the gradient of the loss that which is stepped along.
    fn complete(&self, shape: &Shape, phi: &[T], grad: &mut [T]) {
        if let Some(limit) = self.clip {
            clamp(grad, limit);
        }

        if self.smoothing == T::ZERO {
            return;
        }

        for t in 0..shape.types() {
            let (activation, at) = (shape.activation(t), shape.type_at(t) - shape.theta_len());
            if let Activation::Table(form) = activation {
                let (own, grad) = (
                    part(phi, at, activation.param_len()),
                    part_mut(grad, at, activation.param_len()),
                );
                hermite::add_bending_gradient(form, own, self.smoothing, grad);
            }
        }
    }
}

pub(crate) fn check_loss<T: Real>(loss: T) -> Result<(), Error> {
    if loss.is_finite() {
        Ok(())
    } else {
        Err(Error::Diverges("the loss"))
    }
}

/// Why a step was refused: the first number that came in and is not finite, or `error` if all of
/// them are.
#[cold]
pub(crate) fn cause<T: Real>(
    error: Error,
    shape: &Shape,
    weights: &[T],
    activations: &[T],
    batch: &Batch<'_, T>,
) -> Error {
    if let Some(index) = weights
        .iter()
        .chain(activations)
        .position(|p| !p.is_finite())
    {
        return Error::NotFinite {
            buffer: "params",
            index,
        };
    }

    let of_row = |buffer, values: &[T], row: usize, width: usize| {
        let at = row.saturating_mul(width);
        let index = part(values, at, width)
            .iter()
            .position(|x| !x.is_finite())?;

        Some(Error::NotFinite {
            buffer,
            index: at.saturating_add(index),
        })
    };

    for row in (0..batch.rows.len()).map(|i| batch.rows.at(i)) {
        let of_target = match batch.data.target {
            Target::Values(values) => of_row("target", values, row, shape.outputs()),
            Target::Classes(_) => None,
        };
        if let Some(error) = of_row("x", batch.data.x, row, shape.inputs()).or(of_target) {
            return error;
        }
    }

    match error {
        Error::NotFinite { .. } => Error::Diverges("the gradient"),
        other => other,
    }
}
