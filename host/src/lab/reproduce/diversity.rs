//! The claim that types that start alike become diverse, measured on the learned curves.

use crate::model::activations::{LearnedActivations, SAMPLE_RANGE, SAMPLES, grid};
use crate::report::stats::mean;
use crate::report::{Claim, Measure};
use crate::train::SeededActivations;
use anyhow::Result;

/// Curves with a smaller correlation are called diverse. At the start it is about 0.99.
const DIVERSE: f64 = 0.9;

/// The largest correlation of two of the learned curves, an outer seed; curves that only differ by
/// offset and scale have 1.
pub fn diversity(of: &str, learned: &[SeededActivations]) -> Result<Claim> {
    let correlations = learned
        .iter()
        .map(|(_, a)| largest_correlation(a))
        .collect::<Result<Vec<_>>>()?;
    let pairs: Vec<_> = correlations
        .iter()
        .map(|c| (vec![DIVERSE], vec![*c]))
        .collect();

    let measure = Measure::of(
        "",
        "below the bound, in the correlation of the curves on [-5, 5]",
        &pairs,
    );

    Ok(Claim::new(
        format!("Types that start alike become diverse: a correlation below {DIVERSE} ({of})"),
        vec![measure],
    ))
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
