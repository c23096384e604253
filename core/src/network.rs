//! A network as a value: what can be asked of a shape with parameters.
//!
//! A [`Network`] binds shape, parameters and the kernels' instruction set; a [`Workspace`] binds
//! scratch memory. Both are views of the caller's memory and cost nothing to make.
//!
//! ```
//! use ldnn_core::network::{Batch, Data, Network, Pass, Target, Workspace, Wrt};
//! use ldnn_core::{Activation, Shape};
//!
//! // One neuron, relu, one output: y = 3 relu(2 x + 1) - 1, as `[theta | phi]`.
//! const SHAPE: Shape = Shape::new(&[1, 1, 1], &[Activation::RELU]);
//! let network = Network::new(&SHAPE, &[2.0f32, 1.0, 3.0, -1.0])?;
//! let mut memory = [0.0; SHAPE.workspace_len(2, Pass::Backward)];
//! let mut workspace = Workspace::new(&SHAPE, 2, Pass::Backward, &mut memory)?;
//!
//! let mut out = [0.0; 2];
//! network.predict(&[1.0, -1.0], &mut out, &mut workspace)?;
//! assert_eq!(out, [8.0, -1.0]);
//!
//! // The gradient of the squared error (y - 7)^2 of the first row: 2 (8 - 7) times the derivatives of y.
//! let batch = Batch::all(Data { x: &[1.0], target: Target::Values(&[7.0]) }, SHAPE.inputs());
//! let mut grad = [0.0; SHAPE.theta_len()];
//! let loss = network.gradient(&batch, Wrt::Weights, &mut grad, &mut workspace)?;
//! assert_eq!((loss, grad), (1.0, [6.0, 6.0, 6.0, 2.0]));
//! # Ok::<(), ldnn_core::Error>(())
//! ```

use crate::data::check_batch;
use crate::error::{Error, SizeError, check};
use crate::kernel::planes::{Planes, PlanesMut, transpose};
use crate::kernel::vector::{Plain, Vector};
use crate::math::Real;
use crate::shape::Shape;
use crate::walk::Walk;

pub use crate::data::{Batch, BatchRows, Data, Evaluation, Noise, Target};
pub use crate::init::{Init, init_phi, init_theta};
pub use crate::shape::Pass;
pub use crate::workspace::Workspace;

/// A network: its sizes, its parameters, and how its kernels are compiled.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a, T, V = Plain> {
    pub(crate) shape: &'a Shape,
    pub(crate) params: &'a [T],
    pub(crate) vector: V,
}

/// With respect to which parameters a loss is differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrt {
    /// Weights and biases, `theta`.
    Weights,
    /// All parameters, `[theta | phi]`.
    All,
}

impl Wrt {
    /// The number of these parameters.
    #[must_use]
    pub const fn len(self, shape: &Shape) -> usize {
        match self {
            Wrt::Weights => shape.theta_len(),
            Wrt::All => shape.param_len(),
        }
    }
}

/// A direction in the space of the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Direction<'a, T> {
    /// One number per weight and bias; the activations stay. `theta_len` numbers.
    Weights(&'a [T]),
    /// One number per parameter of `[theta | phi]`. `param_len` numbers.
    All(&'a [T]),
}

impl<'a, T> Direction<'a, T> {
    /// Which parameters it moves.
    #[must_use]
    pub const fn wrt(&self) -> Wrt {
        match self {
            Direction::Weights(_) => Wrt::Weights,
            Direction::All(_) => Wrt::All,
        }
    }

    const fn values(&self) -> &'a [T] {
        match self {
            Direction::Weights(values) | Direction::All(values) => values,
        }
    }
}

/// Where a gradient and a Hessian-vector product go; both as long as the direction.
#[derive(Debug)]
pub struct GradientAndProduct<'a, T> {
    /// The gradient, overwritten.
    pub gradient: &'a mut [T],
    /// The product, overwritten.
    pub product: &'a mut [T],
}

impl<'a, T: Real> Network<'a, T> {
    /// The network of `shape` with `params`, `[theta | phi]`.
    ///
    /// # Errors
    /// If `params` is not [`Shape::param_len`] long.
    pub fn new(shape: &'a Shape, params: &'a [T]) -> Result<Self, SizeError> {
        check("params", shape.param_len(), params.len())?;

        Ok(Network {
            shape,
            params,
            vector: Plain,
        })
    }
}

impl<'a, T: Real, V: Vector> Network<'a, T, V> {
    /// The same network with its kernels compiled as `vector` says; the bits of all results stay.
    #[must_use]
    pub fn with_vector<W: Vector>(self, vector: W) -> Network<'a, T, W> {
        Network {
            shape: self.shape,
            params: self.params,
            vector,
        }
    }

    /// Its sizes.
    #[must_use]
    pub const fn shape(&self) -> &'a Shape {
        self.shape
    }

    /// Its parameters, `[theta | phi]`.
    #[must_use]
    pub const fn params(&self) -> &'a [T] {
        self.params
    }

    /// Computes the outputs for some rows: `out` (rows x outputs, row-major) is overwritten.
    ///
    /// `x`: rows x inputs, row-major. The workspace is for [`Pass::Forward`].
    ///
    /// # Errors
    /// If a length does not fit, or there is no row.
    pub fn predict(
        &self,
        x: &[T],
        out: &mut [T],
        workspace: &mut Workspace<'_, T>,
    ) -> Result<(), Error> {
        let outputs = self.shape.outputs();
        let rows = out.len().checked_div(outputs).unwrap_or_default();
        check("out", rows.saturating_mul(outputs), out.len())?;

        let batch = self.inputs_alone(x, rows)?;
        let work = workspace.memory(self.shape, rows, Pass::Forward)?;

        let walk = self.walk(&batch);
        let mut memory = walk.memory(work);
        walk.forward(&batch, &mut memory);

        let by_features = walk.outputs(&mut memory.state).value();
        self.vector.run(
            #[inline(always)]
            || transpose(out, by_features, outputs, rows),
        );

        Ok(())
    }

    /// Mean loss and number of correct rows of a batch, without its noise.
    ///
    /// The workspace is for [`Pass::Forward`].
    ///
    /// # Errors
    /// If a length does not fit, a label is no class, or a row is not there.
    pub fn evaluate(
        &self,
        batch: &Batch<'_, T>,
        workspace: &mut Workspace<'_, T>,
    ) -> Result<Evaluation<T>, Error> {
        check_batch(self.shape, batch)?;
        let work = workspace.memory(self.shape, batch.rows.len(), Pass::Forward)?;

        let walk = self.walk(batch);
        let mut memory = walk.memory(work);
        walk.forward(batch, &mut memory);

        Ok(walk.evaluation(batch, walk.outputs(&mut memory.state).value()))
    }

    /// The gradient of the mean loss over a batch; returns the loss.
    ///
    /// `grad`, overwritten: [`Wrt::len`]. The workspace is for [`Pass::Backward`].
    ///
    /// # Errors
    /// If a length does not fit, a label is no class, or a row is not there.
    pub fn gradient(
        &self,
        batch: &Batch<'_, T>,
        wrt: Wrt,
        grad: &mut [T],
        workspace: &mut Workspace<'_, T>,
    ) -> Result<T, Error> {
        check("grad", wrt.len(self.shape), grad.len())?;
        check_batch(self.shape, batch)?;

        let work = workspace.memory(self.shape, batch.rows.len(), Pass::Backward)?;

        // Without activation parameters both are the same, and weights alone are cheaper.
        let only_weights = grad.len() == self.shape.theta_len();

        let walk = Walk {
            noise: batch.noise,
            only_weights,
            ..self.walk(batch)
        };

        Ok(walk.loss_gradient(batch, PlanesMut([grad]), T::ZERO, work))
    }

    /// The product of the Hessian of the mean loss with `direction`; returns the loss.
    ///
    /// `product`, overwritten: as long as the direction. Along [`Direction::All`] it is the joint
    /// Hessian of `[theta | phi]`. The workspace is for [`Pass::SecondOrder`].
    ///
    /// # Errors
    /// If a length does not fit, a label is no class, or a row is not there.
    pub fn hessian_product(
        &self,
        batch: &Batch<'_, T>,
        direction: Direction<'_, T>,
        product: &mut [T],
        workspace: &mut Workspace<'_, T>,
    ) -> Result<T, Error> {
        check("product", direction.wrt().len(self.shape), product.len())?;

        self.products(
            batch,
            direction,
            PlanesMut([&mut [], product]),
            T::ZERO,
            workspace,
        )
    }

    /// [`Network::hessian_product`], and the gradient in the same parameters.
    ///
    /// # Errors
    /// As [`Network::hessian_product`].
    pub fn gradient_and_hessian_product(
        &self,
        batch: &Batch<'_, T>,
        direction: Direction<'_, T>,
        out: GradientAndProduct<'_, T>,
        workspace: &mut Workspace<'_, T>,
    ) -> Result<T, Error> {
        let len = direction.wrt().len(self.shape);
        check("gradient", len, out.gradient.len())?;
        check("product", len, out.product.len())?;

        self.products(
            batch,
            direction,
            PlanesMut([out.gradient, out.product]),
            T::ZERO,
            workspace,
        )
    }

    /// `out = [gradient | H direction + share gradient]`, an empty plane where it is not wanted;
    /// returns the loss.
    ///
    /// The adjoint of a network is linear in the adjoint of its outputs, so the sum costs what the
    /// product alone costs.
    pub(crate) fn products(
        &self,
        batch: &Batch<'_, T>,
        direction: Direction<'_, T>,
        out: PlanesMut<'_, T, 2>,
        share: T,
        workspace: &mut Workspace<'_, T>,
    ) -> Result<T, Error> {
        check(
            "direction",
            direction.wrt().len(self.shape),
            direction.values().len(),
        )?;

        check_batch(self.shape, batch)?;

        let work = workspace.memory(self.shape, batch.rows.len(), Pass::SecondOrder)?;

        let Network {
            shape,
            params,
            vector,
        } = *self;

        let params = Planes([params, direction.values()]);

        let walk = Walk {
            vector,
            shape,
            params,
            batch: batch.rows.len(),
            noise: batch.noise,
            only_weights: false,
        };

        Ok(walk.loss_gradient(batch, out, share, work))
    }

    /// Rows of inputs as a batch without targets.
    pub(crate) fn inputs_alone<'x>(&self, x: &'x [T], rows: usize) -> Result<Batch<'x, T>, Error> {
        check("x", rows.saturating_mul(self.shape.inputs()), x.len())?;

        if rows == 0 {
            return Err(Error::Empty("the number of rows"));
        }

        Ok(Batch::range(
            Data {
                x,
                target: Target::Classes(&[]),
            },
            0,
            rows,
        ))
    }

    /// A walk over values alone, without noise.
    pub(crate) fn walk(&self, batch: &Batch<'_, T>) -> Walk<'a, T, V, 1> {
        let Network {
            shape,
            params,
            vector,
        } = *self;

        Walk {
            vector,
            shape,
            params: Planes([params]),
            batch: batch.rows.len(),
            noise: None,
            only_weights: false,
        }
    }
}
