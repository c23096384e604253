//! The claims that types become diverse, or stay so, measured on the learned curves.

use crate::model::activations::{LearnedActivations, SAMPLE_RANGE, SAMPLES, grid};
use crate::report::stats::mean;
use crate::report::{Claim, Measure};
use crate::train::SeededActivations;
use anyhow::Result;

/// Types from one base: curves with a smaller correlation are called diverse. At the start it is
/// about 0.99.
const BECOME_DIVERSE: f64 = 0.9;
/// Types from different bases: at the start of the default recipe it is about -0.2.
const STAY_DIVERSE: f64 = 0.7;

/// Types that start from one base become diverse.
pub fn become_diverse(of: &str, learned: &[SeededActivations]) -> Result<Claim> {
    let claim = format!(
        "Types that start alike become diverse: a correlation below {BECOME_DIVERSE} ({of})"
    );
    below(claim, BECOME_DIVERSE, learned)
}

/// Types that start from different bases stay diverse.
pub fn stay_diverse(of: &str, learned: &[SeededActivations]) -> Result<Claim> {
    let claim = format!(
        "Types from different bases stay diverse: a correlation below {STAY_DIVERSE} ({of})"
    );
    below(claim, STAY_DIVERSE, learned)
}

/// The largest correlation of two of the learned curves, an outer seed, against a bound; curves that
/// only differ by offset and scale have 1.
fn below(claim: String, bound: f64, learned: &[SeededActivations]) -> Result<Claim> {
    let correlations = learned
        .iter()
        .map(|(_, a)| largest_correlation(a))
        .collect::<Result<Vec<_>>>()?;
    let pairs: Vec<_> = correlations
        .iter()
        .map(|c| (vec![bound], vec![*c]))
        .collect();

    let measure = Measure::of(
        "",
        "below the bound, in the correlation of the curves on [-5, 5]",
        &pairs,
    );

    Ok(Claim::new(claim, vec![measure]))
}

fn largest_correlation(activations: &LearnedActivations) -> Result<f64> {
    let z = grid(SAMPLES, SAMPLE_RANGE);

    let curves = activations
        .types
        .iter()
        .map(|t| t.evaluate(&z))
        .collect::<Result<Vec<_>>>()?;

    let pairs = (0..curves.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    Ok(pairs
        .map(|(a, b)| correlation(&curves[a], &curves[b]))
        .fold(f64::NEG_INFINITY, f64::max))
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (ma, mb) = (mean(a), mean(b));
    let product =
        |f: fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
    product(|a, b| a * b) / (product(|a, _| a * a) * product(|_, b| b * b)).sqrt()
}
