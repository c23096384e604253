//! What the whole-system tests share: random problems, differences, and the tolerances with their reasons.

pub mod entries;
pub mod onnx;
pub mod program;
pub mod tables;
pub mod tolerance;

use ldnn_core::network::{Batch, Data, Init, Noise, Rows, Target, gradient, hessian_product, init_phi, init_theta};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::{Base, Kind, Plain, Real, Shape};

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
            labels: (0..rows).map(|i| draws.below((1 << 20) + i as u32, shape.outputs() as u32) as u16).collect(),
            values: (0..rows * shape.outputs()).map(|i| number(inputs + i)).collect(),
            loss,
            noise: None,
        }
    }

    /// The same with training noise.
    pub fn with_noise(self, amplitude: f64) -> Self {
        Problem { noise: Some(Noise { amplitude: T::from_f64(amplitude), seed: 5, step: 9 }), ..self }
    }

    /// The data set.
    pub fn data(&self) -> Data<'_, T> {
        let target = match self.loss {
            Loss::CrossEntropy => Target::Classes(&self.labels),
            Loss::SquaredError => Target::Values(&self.values),
        };
        Data { x: &self.x, target }
    }

    /// All of it as one batch.
    pub fn batch(&self) -> Batch<'_, T> {
        Batch { data: self.data(), rows: Rows::Range { start: 0, len: self.rows() } }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.x.len() / self.shape.inputs()
    }

    /// Loss and joint gradient at `params`.
    pub fn gradient_at(&self, params: &[T]) -> (T, Vec<T>) {
        let mut grad = vec![T::ZERO; params.len()];
        let mut work = vec![T::ZERO; self.shape.work_len(self.rows())];
        let loss = gradient(Plain, &self.shape, params, self.batch(), self.noise, &mut grad, &mut work).unwrap();
        (loss, grad)
    }

    /// Joint gradient and Hessian-vector product.
    pub fn product(&self, direction: &[T]) -> (Vec<T>, Vec<T>) {
        let (mut grad, mut product) = (vec![T::ZERO; self.params.len()], vec![T::ZERO; self.params.len()]);
        let mut work = vec![T::ZERO; self.shape.tangent_work_len(self.rows())];
        let (shape, params, batch) = (&self.shape, &self.params, self.batch());
        hessian_product(Plain, shape, params, direction, batch, self.noise, &mut grad, &mut product, &mut work)
            .unwrap();
        (grad, product)
    }
}

/// Numbers in [-1, 1).
pub fn random<T: Real>(len: usize, seed: u64) -> Vec<T> {
    let draws = Draws::new(seed, Stream::User, 4, 0);
    (0..len).map(|i| T::from_f64(f64::from(draws.symmetric::<f32>(i as u32)))).collect()
}

/// `types` learned types on one base, with few units.
pub fn learned(base: Base, types: usize) -> Vec<Kind> {
    vec![Kind::Learned { base, units: 4 }; types]
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

/// The derivative of a vector-valued function along `direction` at `at`, by central differences of fourth order. Where
/// a function has kinks the step must be small enough to cross none.
pub fn central_difference(f: impl Fn(&[f64]) -> Vec<f64>, at: &[f64], direction: &[f64], step: f64) -> Vec<f64> {
    let moved = |by: f64| f(&at.iter().zip(direction).map(|(a, d)| a + by * step * d).collect::<Vec<_>>());
    let (a, b, c, d) = (moved(-2.0), moved(-1.0), moved(1.0), moved(2.0));
    let slope = |i: usize| (a[i] - d[i] + 8.0 * (c[i] - b[i])) / (12.0 * step);
    (0..a.len()).map(slope).collect()
}

/// As `f64`.
pub fn widen(a: &[f32]) -> Vec<f64> {
    a.iter().map(|&x| f64::from(x)).collect()
}
