//! A network that owns its memory, its lengths fixed at compile time.

use crate::error::{Error, check};
use crate::finite::check_finite;
use crate::kernel::vector::Plain;
use crate::math::Real;
use crate::network::{Batch, Evaluation, Init, Network, Pass, Workspace, init_phi, init_theta};
use crate::optimizer::Optimizer;
use crate::shape::Shape;
use crate::train::Trainer;

/// All the memory of one network. [`model!`](crate::model) makes a type around it for a given
/// shape.
///
/// `STATE` and `GRAD` are 0 for a network that is not trained.
#[derive(Clone, Debug)]
pub struct Fixed<T, const PARAMS: usize, const WORK: usize, const STATE: usize, const GRAD: usize> {
    /// `[theta | phi]`
    pub params: [T; PARAMS],
    /// The optimizer's state; before the first step it does not matter.
    pub state: [T; STATE],
    /// Training steps taken.
    pub steps: usize,
    grad: [T; GRAD],
    work: [T; WORK],
}

impl<T: Real, const P: usize, const W: usize, const S: usize, const G: usize> Fixed<T, P, W, S, G> {
    /// All zeros: as a `static` it takes no flash.
    #[must_use]
    pub const fn zeroed() -> Self {
        Fixed {
            params: [T::ZERO; P],
            state: [T::ZERO; S],
            steps: 0,
            grad: [T::ZERO; G],
            work: [T::ZERO; W],
        }
    }

    /// Draws fresh weights and activation parameters, as a training starts with; see [`init_theta`]
    /// and [`init_phi`].
    ///
    /// # Errors
    /// If the shape has another number of parameters.
    pub fn init(&mut self, shape: &Shape, init: Init, seed: u64) -> Result<(), Error> {
        check("params", shape.param_len(), P)?;

        let (theta, phi) = self
            .params
            .split_at_mut_checked(shape.theta_len())
            .unwrap_or_default();

        init_theta(shape, init, seed, 0, theta)?;
        init_phi(shape, seed, phi)?;
        self.steps = 0;

        Ok(())
    }

    /// Takes over parameters that were kept, `[theta | phi]`; the optimizer begins anew.
    ///
    /// # Errors
    /// If their number differs, or one is not finite; then nothing has changed.
    pub fn set_params(&mut self, params: &[T]) -> Result<(), Error> {
        check("params", P, params.len())?;
        check_finite("params", params)?;

        self.params
            .iter_mut()
            .zip(params)
            .for_each(|(own, kept)| *own = *kept);
        self.steps = 0;

        Ok(())
    }

    /// [`Network::predict`]
    ///
    /// # Errors
    /// If a length does not fit.
    pub fn predict(&mut self, shape: &Shape, x: &[T], out: &mut [T]) -> Result<(), Error> {
        let mut workspace = Workspace::new(shape, 0, Pass::Forward, &mut self.work)?;
        Network::new(shape, &self.params)?.predict(x, out, &mut workspace)
    }

    /// [`Network::evaluate`]
    ///
    /// # Errors
    /// If the batch does not fit.
    pub fn evaluate(
        &mut self,
        shape: &Shape,
        batch: &Batch<'_, T>,
    ) -> Result<Evaluation<T>, Error> {
        let mut workspace = Workspace::new(shape, 0, Pass::Forward, &mut self.work)?;
        Network::new(shape, &self.params)?.evaluate(batch, &mut workspace)
    }

    /// [`Trainer::step`]; the steps are counted from [`Fixed::init`] on, and before the first the optimizer's state is
    /// set to its start.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    pub fn train_step(
        &mut self,
        shape: &Shape,
        optimizer: &Optimizer<T>,
        batch: &Batch<'_, T>,
    ) -> Result<T, Error> {
        if self.steps == 0 {
            optimizer.init_state(&mut self.state);
        }

        let mut trainer = Trainer {
            shape,
            vector: Plain,
            params: &mut self.params,
            state: &mut self.state,
            grad: &mut self.grad,
            workspace: Workspace::new(shape, 0, Pass::Backward, &mut self.work)?,
        };

        let loss = trainer.step(optimizer, batch, self.steps)?;
        self.steps = self.steps.saturating_add(1);
        Ok(loss)
    }
}

/// Makes a type that owns the memory of a network: no length to get wrong, and a shape that is
/// impossible does not compile. `rows` is the largest batch. With an `optimizer` the type can also
/// be trained.
///
/// ```
/// use ldnn_core::network::{Batch, Data, Init, Target};
/// use ldnn_core::{Activation, Optimizer, Shape};
///
/// ldnn_core::model! {
///     /// Four inputs, eight neurons of two types, three classes.
///     pub struct Gestures(f32) { shape: Shape::new(&[4, 8, 3], &[Activation::SINE, Activation::RELU]), rows: 1 }
/// }
///
/// static START: Gestures = Gestures::zeroed();
/// let mut net = START.clone();
/// let mut out = [0.0; 3];
/// net.predict(&[0.1, 0.2, 0.3, 0.4], &mut out)?;
/// assert_eq!(out, [0.0; 3]);
/// assert_eq!(net.params().len(), Gestures::SHAPE.param_len());
///
/// ldnn_core::model! {
///     /// One line through points, learned.
///     pub struct Line(f64) {
///         shape: Shape::new(&[1, 1], &[]),
///         rows: 3,
///         optimizer: Optimizer::Sgd { lr: 0.1, momentum: 0.5 },
///     }
/// }
///
/// let batch = Batch::all(Data { x: &[-1.0, 0.0, 1.0], target: Target::Values(&[-1.0, 1.0, 3.0]) }, 1);
/// let mut line = Line::new(Init::FanIn, 1)?;
/// for _ in 0..200 {
///     line.train_step(&batch)?;
/// }
/// assert!((line.params()[0] - 2.0).abs() < 1e-6 && (line.params()[1] - 1.0).abs() < 1e-6);
/// # Ok::<(), ldnn_core::Error>(())
/// ```
#[macro_export]
macro_rules! model {
    ($(#[$meta:meta])* $vis:vis struct $name:ident($scalar:ty) { shape: $shape:expr, rows: $rows:expr $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name(
            $crate::Fixed<
                $scalar,
                { $shape.param_len() },
                { $shape.workspace_len($rows, $crate::network::Pass::Forward) },
                0,
                0,
            >,
        );

        $crate::model!(@predicts $name($scalar), $shape);
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident($scalar:ty) {
        shape: $shape:expr, rows: $rows:expr, optimizer: $optimizer:expr $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name(
            $crate::Fixed<
                $scalar,
                { $shape.param_len() },
                { $shape.workspace_len($rows, $crate::network::Pass::Backward) },
                {
                    const OPTIMIZER: $crate::Optimizer<$scalar> = $optimizer;
                    OPTIMIZER.state_len($shape.theta_len())
                },
                { $shape.theta_len() },
            >,
        );

        $crate::model!(@predicts $name($scalar), $shape);

        #[allow(dead_code, reason = "not every program uses all of them")]
        impl $name {
            /// How the network learns.
            pub const OPTIMIZER: $crate::Optimizer<$scalar> = $optimizer;

            /// One step of training on a batch; returns its loss before the step.
            ///
            /// # Errors
            /// If the batch does not fit, or a number is not finite; then nothing has changed.
            pub fn train_step(
                &mut self,
                batch: &$crate::network::Batch<'_, $scalar>,
            ) -> Result<$scalar, $crate::Error> {
                self.0.train_step(&Self::SHAPE, &Self::OPTIMIZER, batch)
            }
        }
    };
    (@predicts $name:ident($scalar:ty), $shape:expr) => {
        #[allow(dead_code, reason = "not every program uses all of them")]
        impl $name {
            /// The shape of the network.
            pub const SHAPE: $crate::Shape = $shape;

            /// All zeros: as a `static` it takes no flash.
            #[must_use]
            pub const fn zeroed() -> Self {
                Self($crate::Fixed::zeroed())
            }

            /// Fresh weights and activation parameters, drawn from a seed.
            ///
            /// # Errors
            /// Never: the lengths fit.
            pub fn new(init: $crate::network::Init, seed: u64) -> Result<Self, $crate::Error> {
                let mut network = Self::zeroed();
                network.0.init(&Self::SHAPE, init, seed)?;
                Ok(network)
            }

            /// The parameters, `[theta | phi]`, `SHAPE.param_len()` of them.
            #[must_use]
            pub const fn params(&self) -> &[$scalar] {
                &self.0.params
            }

            /// Takes over parameters that were kept; the optimizer begins anew.
            ///
            /// # Errors
            /// If their number differs, or one is not finite; then nothing has changed.
            pub fn set_params(&mut self, params: &[$scalar]) -> Result<(), $crate::Error> {
                self.0.set_params(params)
            }

            /// The parameters to be changed one by one; the optimizer's state stays as it is.
            pub fn params_mut(&mut self) -> &mut [$scalar] {
                &mut self.0.params
            }

            /// Outputs for some rows, both row-major.
            ///
            /// # Errors
            /// If a length does not fit or there are too many rows.
            pub fn predict(&mut self, x: &[$scalar], out: &mut [$scalar]) -> Result<(), $crate::Error> {
                self.0.predict(&Self::SHAPE, x, out)
            }

            /// Mean loss and number of right rows of a batch.
            ///
            /// # Errors
            /// If the batch does not fit.
            pub fn evaluate(
                &mut self,
                batch: &$crate::network::Batch<'_, $scalar>,
            ) -> Result<$crate::network::Evaluation<$scalar>, $crate::Error> {
                self.0.evaluate(&Self::SHAPE, batch)
            }
        }
    };
}
