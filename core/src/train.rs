//! One step of ordinary training: the weights learn, the activations are frozen.
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

use crate::error::{Error, check, check_at_least};
use crate::kernel::planes::{part, part_mut};
use crate::kernel::vector::Vector;
use crate::math::Real;
use crate::network::{Batch, Network, Target, Workspace, Wrt};
use crate::optimizer::Optimizer;
use crate::shape::Shape;

/// A network in training, with all the memory that a step needs. A view: nothing is copied, and
/// making one is free.
///
/// [`Alternating`](crate::meta::Alternating) steps it, too.
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
