//! What the whole-system tests share: random problems, differences, and the tolerances with their
//! reasons.

pub mod commands;
pub mod entries;
pub mod onnx;
pub mod prepared;
pub mod program;
pub mod tables;
pub mod tolerance;

use ldnn_core::meta::{Buffers, Datasets, Draw, InnerLosses, Unroll, hypergradient};
use ldnn_core::network::{
    Batch, Data, Direction, GradientAndProduct, Init, Network, Noise, Pass, Target, Workspace, Wrt,
    init_phi, init_theta,
};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Base, Error, Optimizer, Plain, Real, Shape, Vector};

/// Which loss a problem has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Softmax cross-entropy.
    CrossEntropy,
    /// Mean squared error.
    SquaredError,
}

/// A network with parameters and a random data set.
#[derive(Clone, Debug)]
pub struct Problem<T> {
    /// The network.
    pub shape: Shape,
    /// `[theta | phi]`
    pub params: Vec<T>,
    /// rows x inputs
    pub x: Vec<T>,
    labels: Vec<u16>,
    values: Vec<T>,
    /// The loss.
    pub loss: Loss,
    /// Training noise, if any.
    pub noise: Option<Noise<T>>,
}

impl<T: Real> Problem<T> {
    /// A random problem; the same numbers for every scalar type, up to rounding.
    pub fn new(shape: Shape, rows: usize, loss: Loss, seed: u64) -> Self {
        let mut params = vec![T::ZERO; shape.param_len()];
        let (theta, phi) = params.split_at_mut(shape.theta_len());
        init_theta(&shape, Init::FanIn, seed, 0, theta).unwrap();
        init_phi(&shape, seed, phi).unwrap();

        // Readouts as large as hidden weights: sub-networks that matter.
        phi.iter_mut().for_each(|p| *p = T::from_f64(3.0) * *p);

        let draws = Draws::new(seed, Stream::User, 3, 0);
        let number = |i: usize| T::from_f64(2.0 * f64::from(draws.symmetric::<f32>(i as u32)));
        let inputs = rows * shape.inputs();

        Problem {
            shape,
            params,
            x: (0..inputs).map(number).collect(),
            labels: (0..rows)
                .map(|i| draws.below((1 << 20) + i as u32, shape.outputs() as u32) as u16)
                .collect(),
            values: (0..rows * shape.outputs())
                .map(|i| number(inputs + i))
                .collect(),
            loss,
            noise: None,
        }
    }

    /// The same with training noise.
    pub fn with_noise(self, amplitude: f64) -> Self {
        Problem {
            noise: Some(Noise {
                amplitude: T::from_f64(amplitude),
                seed: 5,
                step: 9,
            }),
            ..self
        }
    }

    /// The data set.
    pub fn data(&self) -> Data<'_, T> {
        let target = match self.loss {
            Loss::CrossEntropy => Target::Classes(&self.labels),
            Loss::SquaredError => Target::Values(&self.values),
        };
        Data { x: &self.x, target }
    }

    /// All of it as one batch, with the noise.
    pub fn batch(&self) -> Batch<'_, T> {
        Batch::range(self.data(), 0, self.rows()).with_noise(self.noise)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.x.len() / self.shape.inputs()
    }

    /// The outputs for all rows.
    pub fn outputs<V: Vector>(&self, vector: V) -> Vec<T> {
        outputs(vector, &self.shape, &self.params, &self.x)
    }

    /// Loss and joint gradient at `params`.
    pub fn gradient_at(&self, params: &[T]) -> (T, Vec<T>) {
        gradient(&self.shape, params, &self.batch())
    }

    /// Joint gradient and Hessian-vector product.
    pub fn product(&self, direction: &[T]) -> (Vec<T>, Vec<T>) {
        self.product_by(Plain, direction)
    }

    /// As [`Problem::product`], with the kernels compiled as `vector` says.
    pub fn product_by<V: Vector>(&self, vector: V, direction: &[T]) -> (Vec<T>, Vec<T>) {
        let (mut gradient, mut product) = (
            vec![T::ZERO; self.params.len()],
            vec![T::ZERO; self.params.len()],
        );
        let mut memory = vec![T::ZERO; self.shape.workspace_len(self.rows(), Pass::SecondOrder)];
        let mut workspace =
            Workspace::new(&self.shape, self.rows(), Pass::SecondOrder, &mut memory).unwrap();
        let network = Network::new(&self.shape, &self.params)
            .unwrap()
            .with_vector(vector);

        let out = GradientAndProduct {
            gradient: &mut gradient,
            product: &mut product,
        };
        let direction = Direction::All(direction);

        network
            .gradient_and_hessian_product(&self.batch(), direction, out, &mut workspace)
            .unwrap();

        (gradient, product)
    }

    /// The results of so many steps on all rows, each the loss before it, and the parameters after
    /// them.
    pub fn trained<V: Vector>(
        &self,
        vector: V,
        optimizer: &Optimizer<T>,
        steps: usize,
    ) -> (Vec<Result<T, Error>>, Vec<T>) {
        let theta = self.shape.theta_len();
        let (mut params, mut state) = (
            self.params.clone(),
            vec![T::ZERO; optimizer.state_len(theta)],
        );

        optimizer.init_state(&mut state);

        let mut memory = vec![T::ZERO; self.shape.workspace_len(self.rows(), Pass::Backward)];

        let mut trainer = Trainer {
            shape: &self.shape,
            vector,
            params: &mut params,
            state: &mut state,
            grad: &mut vec![T::ZERO; theta],
            workspace: Workspace::new(&self.shape, self.rows(), Pass::Backward, &mut memory)
                .unwrap(),
        };

        let losses = (0..steps)
            .map(|t| trainer.step(optimizer, &self.batch(), t))
            .collect();

        (losses, params)
    }
}

/// The outputs of a network for the rows of `x`.
pub fn outputs<T: Real, V: Vector>(vector: V, shape: &Shape, params: &[T], x: &[T]) -> Vec<T> {
    let rows = x.len() / shape.inputs();
    let mut out = vec![T::ZERO; rows * shape.outputs()];
    let mut memory = vec![T::ZERO; shape.workspace_len(rows, Pass::Forward)];
    let mut workspace = Workspace::new(shape, rows, Pass::Forward, &mut memory).unwrap();

    Network::new(shape, params)
        .unwrap()
        .with_vector(vector)
        .predict(x, &mut out, &mut workspace)
        .unwrap();

    out
}

/// Loss and joint gradient of a batch.
pub fn gradient<T: Real>(shape: &Shape, params: &[T], batch: &Batch<'_, T>) -> (T, Vec<T>) {
    let mut grad = vec![T::ZERO; params.len()];
    let mut memory = vec![T::ZERO; shape.workspace_len(batch.rows.len(), Pass::Backward)];
    let mut workspace =
        Workspace::new(shape, batch.rows.len(), Pass::Backward, &mut memory).unwrap();
    let network = Network::new(shape, params).unwrap();
    let loss = network
        .gradient(batch, Wrt::All, &mut grad, &mut workspace)
        .unwrap();

    (loss, grad)
}

/// What an unrolled training leaves.
pub struct Unrolled<T> {
    /// Its losses.
    pub outcome: InnerLosses<T>,
    /// The hypergradient.
    pub dphi: Vec<T>,
    /// The trained weights.
    pub trained: Vec<T>,
}

/// Runs an unrolled training from the activation parameters `phi`.
pub fn unrolled<T: Real, V: Vector>(
    vector: V,
    plan: &Unroll<T>,
    data: Datasets<'_, T>,
    draw: Draw,
    phi: &[T],
) -> Unrolled<T> {
    let shape = &plan.shape;
    let mut params = vec![T::ZERO; shape.param_len()];
    params[shape.theta_len()..].copy_from_slice(phi);

    let (mut dphi, mut trained) = (
        vec![T::ZERO; shape.phi_len()],
        vec![T::ZERO; shape.theta_len()],
    );

    let buffers = Buffers {
        params: &mut params,
        dphi: &mut dphi,
        trained: &mut trained,
        tape: &mut vec![T::ZERO; plan.tape_len()],
        work: &mut vec![T::ZERO; plan.work_len()],
        order: &mut vec![0; plan.order_len(data.train.x.len() / shape.inputs())],
    };

    let outcome = hypergradient(vector, plan, data, draw, buffers).unwrap();

    Unrolled {
        outcome,
        dphi,
        trained,
    }
}

/// Numbers in [-1, 1).
pub fn random<T: Real>(len: usize, seed: u64) -> Vec<T> {
    let draws = Draws::new(seed, Stream::User, 4, 0);
    (0..len)
        .map(|i| T::from_f64(f64::from(draws.symmetric::<f32>(i as u32))))
        .collect()
}

/// `types` learned types on one base, with few units.
pub fn learned(base: Base, types: usize) -> Vec<Activation> {
    vec![Activation::Learned { base, units: 4 }; types]
}

/// The Euclidean norm.
pub fn norm(a: &[f64]) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// `|a - b| / |b|`
pub fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    norm(&difference) / norm(b)
}

/// The derivative of a vector-valued function along `direction` at `at`, by central differences of
/// fourth order. Where a function has kinks the step must be small enough to cross none.
pub fn central_difference(
    f: impl Fn(&[f64]) -> Vec<f64>,
    at: &[f64],
    direction: &[f64],
    step: f64,
) -> Vec<f64> {
    let moved = |by: f64| {
        f(&at
            .iter()
            .zip(direction)
            .map(|(a, d)| a + by * step * d)
            .collect::<Vec<_>>())
    };

    let (a, b, c, d) = (moved(-2.0), moved(-1.0), moved(1.0), moved(2.0));
    let slope = |i: usize| (a[i] - d[i] + 8.0 * (c[i] - b[i])) / (12.0 * step);
    (0..a.len()).map(slope).collect()
}

/// As `f64`.
pub fn widen(a: &[f32]) -> Vec<f64> {
    a.iter().map(|&x| f64::from(x)).collect()
}
