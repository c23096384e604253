//! Spectra from products alone: stochastic Lanczos quadrature and Hutchinson's trace.
//!
//! Lanczos from a random vector gives a small tridiagonal matrix, whose eigenvalues are the nodes
//! and whose eigenvectors' squared first elements are the weights of a Gauss quadrature of the
//! spectral density (Golub and Meurant 1994; Ghorbani, Krishnan and Xiao 2019). Every new vector is
//! made orthogonal to all earlier ones, twice.

use crate::support::draws::{DrawnFor, draws};
use crate::support::stop;
use anyhow::{Context, Result};
use faer::{Mat, Side};
use rayon::prelude::*;

/// A symmetric matrix as a function that multiplies with it.
pub trait Product: Fn(&[f64]) -> Result<Vec<f64>> + Sync {}
impl<F: Fn(&[f64]) -> Result<Vec<f64>> + Sync> Product for F {}

/// A density of eigenvalues as weighted points; the weights sum to 1.
#[derive(Clone, Debug, Default)]
pub struct Density {
    /// (eigenvalue, share of all eigenvalues), in rising order.
    pub points: Vec<(f64, f64)>,
}

/// A mean over random vectors with its standard error.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// How many vectors.
    pub vectors: usize,
}

/// Independent signs (Rademacher); vector `index` of `seed`.
#[must_use]
pub fn signs(n: usize, seed: u64, index: u64) -> Vec<f64> {
    let draws = draws(DrawnFor::Signs, seed, index);
    (0..n as u32)
        .map(|i| if draws.below(i, 2) == 0 { -1.0 } else { 1.0 })
        .collect()
}

/// Hutchinson's estimate of the trace: the mean of `v' H v` over `vectors` vectors of signs.
///
/// # Errors
/// If a product fails.
pub fn hutchinson(n: usize, vectors: usize, seed: u64, product: &impl Product) -> Result<Estimate> {
    let one = |i: usize| {
        let v = signs(n, seed, i as u64);
        Ok(dot(&v, &product(&v)?))
    };
    let values = (0..vectors)
        .into_par_iter()
        .map(one)
        .collect::<Result<Vec<f64>>>()?;
    let error = (crate::report::stats::variance(&values) / vectors as f64).sqrt();

    Ok(Estimate {
        value: crate::report::stats::mean(&values),
        standard_error: error,
        vectors,
    })
}

/// The density of eigenvalues, averaged over `vectors` Lanczos runs of at most `steps` steps. With
/// `steps` = n and one vector without symmetry the nodes are the eigenvalues themselves.
///
/// # Errors
/// If a product fails.
pub fn density(
    n: usize,
    steps: usize,
    vectors: usize,
    seed: u64,
    product: &impl Product,
) -> Result<Density> {
    let run = |i: usize| quadrature(&signs(n, seed, (1 << 32) + i as u64), steps, product);
    let runs = (0..vectors)
        .into_par_iter()
        .map(run)
        .collect::<Result<Vec<_>>>()?;
    let share = 1.0 / vectors as f64;

    let mut points: Vec<_> = runs
        .into_iter()
        .flatten()
        .map(|(node, weight)| (node, weight * share))
        .collect();

    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(Density { points })
}

/// Nodes and weights of one Lanczos run.
fn quadrature(start: &[f64], steps: usize, product: &impl Product) -> Result<Vec<(f64, f64)>> {
    let (diagonal, beside) = tridiagonal(start, steps, product)?;
    let m = diagonal.len();
    let t = Mat::from_fn(m, m, |i, j| match i.abs_diff(j) {
        0 => diagonal[i],
        1 => beside[i.min(j)],
        _ => 0.0,
    });

    let eigen = t
        .self_adjoint_eigen(Side::Lower)
        .ok()
        .context("the Lanczos matrix has no eigenvalues")?;
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());

    Ok((0..m)
        .map(|i| (values[i], vectors[(0, i)].powi(2)))
        .collect())
}

/// The diagonal and the elements beside it of the tridiagonal matrix.
fn tridiagonal(
    start: &[f64],
    steps: usize,
    product: &impl Product,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
    let length = dot(start, start).sqrt();
    let mut basis: Vec<Vec<f64>> = vec![start.iter().map(|v| v / length).collect()];
    let mut largest = 0f64;

    loop {
        stop::check()?;

        let last = &basis[basis.len() - 1];
        let mut w = product(last)?;
        diagonal.push(dot(last, &w));

        for _ in 0..2 {
            for q in &basis {
                let share = dot(q, &w);
                w.iter_mut().zip(q).for_each(|(w, q)| *w -= share * q);
            }
        }

        let rest = dot(&w, &w).sqrt();
        largest = largest.max(rest).max(diagonal[diagonal.len() - 1].abs());

        // What is left is rounding: the vectors so far span all that the start can reach.
        if diagonal.len() >= steps.min(start.len()) || rest <= 1e-12 * largest {
            return Ok((diagonal, beside));
        }

        beside.push(rest);
        basis.push(w.iter().map(|w| w / rest).collect());
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Density {
    /// Every eigenvalue with the same weight.
    #[must_use]
    pub fn of_eigenvalues(values: &[f64]) -> Density {
        let share = 1.0 / values.len().max(1) as f64;
        Density {
            points: values.iter().map(|&v| (v, share)).collect(),
        }
    }

    /// The share of eigenvalues that `wanted` accepts.
    pub fn share(&self, wanted: impl Fn(f64) -> bool) -> f64 {
        self.points
            .iter()
            .filter(|(v, _)| wanted(*v))
            .map(|(_, w)| w)
            .sum()
    }

    /// The mean eigenvalue; times n, the trace.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.points.iter().map(|(v, w)| v * w).sum()
    }

    /// The largest distance that mass must be carried, on average, to turn one density into the
    /// other (Wasserstein-1).
    #[must_use]
    pub fn distance(&self, other: &Density) -> f64 {
        let mut events: Vec<(f64, f64)> = self.points.clone();
        events.extend(other.points.iter().map(|(v, w)| (*v, -w)));
        events.sort_by(|a, b| a.0.total_cmp(&b.0));

        let (mut ahead, mut total) = (0.0, 0.0);
        for pair in events.windows(2) {
            ahead += pair[0].1;
            total += f64::abs(ahead) * (pair[1].0 - pair[0].0);
        }

        total
    }
}
