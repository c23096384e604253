//! The spectrum of a network's Hessian: exact, or by Lanczos quadrature, with the figures that
//! describe it.

use super::curvature;
use super::lanczos::{Density, Estimate, density, hutchinson};
use super::point::Point;
use crate::support::memory::{MOST, check_size};
use anyhow::{Context, Result, ensure};
use faer::{Mat, Side};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Up to so many parameters the spectrum is exact unless asked otherwise.
pub const EXACT_LIMIT: usize = 6000;
/// Counted as zero below this, unless asked otherwise; the curve over thresholds shows what hangs
/// on it.
pub const NEAR_ZERO: f64 = 1e-2;

/// Which parameters the Hessian is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Parameters {
    /// Weights and biases; the activations rest.
    Theta,
    /// Weights, biases and activation parameters.
    Joint,
}

/// How the spectrum is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Exact up to some 6000 parameters, Lanczos beyond.
    Auto,
    /// All eigenvalues of the whole matrix.
    Exact,
    /// Stochastic Lanczos quadrature.
    Lanczos,
}

/// The settings of one spectrum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct SpectrumConfig {
    /// Which parameters: theta (weights and biases) or joint (activation parameters as well)
    #[arg(long, value_name = "NAME")]
    pub parameters: Parameters,

    /// auto (exact up to 6000 parameters, Lanczos beyond), exact or lanczos
    #[arg(long, value_name = "NAME")]
    pub method: Method,

    /// Eigenvalues with a smaller absolute value count as zero
    #[arg(long, value_name = "X")]
    pub near_zero: f64,

    /// Vectors for Hutchinson's estimate of the trace; 0 for none
    #[arg(long, value_name = "N")]
    pub probes: usize,

    /// Steps of a Lanczos run
    #[arg(long, value_name = "N")]
    pub lanczos_steps: usize,

    /// Lanczos runs, from different random vectors
    #[arg(long, value_name = "N")]
    pub lanczos_vectors: usize,

    /// Seed of the random vectors.
    #[arg(skip)]
    pub seed: u64,
}

impl Default for SpectrumConfig {
    fn default() -> Self {
        SpectrumConfig {
            parameters: Parameters::Theta,
            method: Method::Auto,
            near_zero: NEAR_ZERO,
            probes: 32,
            lanczos_steps: 100,
            lanczos_vectors: 8,
            seed: 1,
        }
    }
}

impl SpectrumConfig {
    /// Whether the spectrum of so many parameters is computed whole.
    #[must_use]
    pub fn is_exact(&self, parameters: usize) -> bool {
        match self.method {
            Method::Auto => parameters <= EXACT_LIMIT,
            Method::Exact => true,
            Method::Lanczos => false,
        }
    }

    /// # Errors
    /// With field, value and remedy, for settings that give no spectrum.
    pub fn check(&self) -> Result<()> {
        let good = self.near_zero.is_finite() && self.near_zero > 0.0;

        ensure!(
            good,
            "`near_zero` {}: must be a positive number, e.g. {NEAR_ZERO}",
            self.near_zero
        );

        ensure!(
            self.probes != 1,
            "`probes` 1: a standard error needs 2 or more vectors; 0 leaves the estimate out"
        );
        ensure!(
            self.lanczos_steps > 0,
            "`lanczos_steps` 0: must be at least 1, e.g. 100"
        );
        ensure!(
            self.lanczos_vectors > 0,
            "`lanczos_vectors` 0: must be at least 1, e.g. 8"
        );

        check_size("`probes`", self.probes, MOST)?;
        check_size("`lanczos_steps`", self.lanczos_steps, MOST)?;
        check_size("`lanczos_vectors`", self.lanczos_vectors, MOST)?;

        Ok(())
    }
}

/// What a Hessian looks like.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// Number of parameters.
    pub parameters: usize,
    /// All eigenvalues, rising, if the spectrum is exact.
    pub eigenvalues: Option<Vec<f64>>,
    /// The density of eigenvalues.
    pub density: Density,
    /// The trace: the sum of the diagonal (exact), or Lanczos quadrature's.
    pub trace: f64,
    /// Hutchinson's estimate of it, if it was asked for.
    pub hutchinson: Option<Estimate>,
    /// `sum_i theta_i^2 H_ii`: unlike the trace it does not change when parameters are measured in
    /// other units. Only for theta.
    pub scaled_trace: Option<f64>,
    /// The loss.
    pub loss: f64,
    /// Euclidean norm of its gradient: 0 at a minimum.
    pub gradient_norm: f64,
}

/// The spectrum of the Hessian at `point`.
///
/// # Errors
/// If network and data do not fit together, or a number is not finite.
pub fn spectrum(point: &Point, config: &SpectrumConfig) -> Result<Spectrum> {
    config.check()?;

    let joint = config.parameters == Parameters::Joint;
    let n = point.len(joint);
    let (loss, gradient) = point.gradient(joint)?;
    let gradient_norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();

    ensure!(
        loss.is_finite() && gradient_norm.is_finite(),
        "the loss or its gradient is no finite number there"
    );

    let product = |v: &[f64]| point.hessian_product(v);

    let diagonal = if joint {
        None
    } else {
        Some(curvature::diagonal(point)?)
    };

    let scaled = |d: &Vec<f64>| d.iter().zip(&point.params).map(|(h, p)| h * p * p).sum();
    let scaled_trace = diagonal.as_ref().map(scaled);
    let exact = config.is_exact(n);
    let hutchinson = match config.probes {
        0 => None,
        vectors => Some(hutchinson(n, vectors, config.seed, &product)?),
    };

    let (eigenvalues, density) = if exact {
        let values = eigenvalues(&matrix(point, joint)?)?;
        (Some(values.clone()), Density::of_eigenvalues(&values))
    } else {
        (
            None,
            density(
                n,
                config.lanczos_steps,
                config.lanczos_vectors,
                config.seed,
                &product,
            )?,
        )
    };

    let trace = diagonal.map_or_else(|| density.mean() * n as f64, |d| d.iter().sum());

    Ok(Spectrum {
        parameters: n,
        eigenvalues,
        density,
        trace,
        hutchinson,
        scaled_trace,
        loss,
        gradient_norm,
    })
}

/// The whole Hessian, lower triangle: theta's part put together row by row, and what the activation
/// parameters add by a Hessian-vector product for each of them.
///
/// # Errors
/// If network and data do not fit together.
pub fn matrix(point: &Point, joint: bool) -> Result<Mat<f64>> {
    let theta = curvature::hessian(point)?;

    if !joint {
        return Ok(theta);
    }

    let (inner, n) = (point.len(false), point.len(true));

    let column = |i: usize| {
        let mut unit = vec![0.0; n];
        unit[i] = 1.0;
        point.hessian_product(&unit)
    };

    let rows = (inner..n)
        .into_par_iter()
        .map(column)
        .collect::<Result<Vec<_>>>()?;

    Ok(Mat::from_fn(n, n, |r, c| match (r.max(c), r.min(c)) {
        (high, low) if high < inner => theta[(high, low)],
        (high, low) => rows[high - inner][low],
    }))
}

/// All eigenvalues of a symmetric matrix, of which the lower triangle is read, in rising order.
///
/// # Errors
/// If they cannot be found, because an element is not finite.
pub fn eigenvalues(matrix: &Mat<f64>) -> Result<Vec<f64>> {
    // One thread: the last digits must not depend on their number.
    faer::set_global_parallelism(faer::Par::Seq);
    matrix
        .self_adjoint_eigenvalues(Side::Lower)
        .ok()
        .context("the Hessian has no eigenvalues; is an element infinite?")
}

impl Spectrum {
    /// The largest eigenvalue (by Lanczos: the largest node).
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.density.points.last().map_or(f64::NAN, |p| p.0)
    }

    /// The smallest eigenvalue.
    #[must_use]
    pub fn smallest(&self) -> f64 {
        self.density.points.first().map_or(f64::NAN, |p| p.0)
    }

    /// The largest `count` eigenvalues, falling; with Lanczos those of all runs, so close ones may
    /// be the same.
    #[must_use]
    pub fn top(&self, count: usize) -> Vec<f64> {
        self.density
            .points
            .iter()
            .rev()
            .take(count)
            .map(|p| p.0)
            .collect()
    }

    /// The share of eigenvalues with an absolute value below `threshold`: the paper's f.
    #[must_use]
    pub fn near_zero(&self, threshold: f64) -> f64 {
        self.density.share(|v| v.abs() < threshold)
    }

    /// The shares of negative, near-zero and positive eigenvalues.
    #[must_use]
    pub fn signs(&self, threshold: f64) -> [f64; 3] {
        let share = |f: &dyn Fn(f64) -> bool| self.density.share(f);
        [
            share(&|v| v <= -threshold),
            self.near_zero(threshold),
            share(&|v| v >= threshold),
        ]
    }

    /// f at each threshold.
    #[must_use]
    pub fn near_zero_curve(&self, thresholds: &[f64]) -> Vec<f64> {
        thresholds.iter().map(|&t| self.near_zero(t)).collect()
    }
}

/// Thresholds for f, four a decade from 1e-6 to 10.
#[must_use]
pub fn thresholds() -> Vec<f64> {
    (-24..=4).map(|i| 10f64.powf(f64::from(i) / 4.0)).collect()
}
