//! Activations as the paper's authors write them: a line of samples per type, on equal steps over
//! `[-5, 5]`.
//!
//! Their code joins the samples with straight lines and takes the last line on beyond the ends.
//! What it takes by itself is 50 samples per line (`linspace(-5, 5, 50)` is written into it), though
//! what their meta-learning writes is 100.

use crate::model::activations::{LearnedActivations, SAMPLE_RANGE, grid};
use crate::model::{Function, NetworkFile};
use anyhow::{Result, ensure};

/// The text of learned activations.
///
/// # Errors
/// If there is no type, or one is malformed.
pub fn of_activations(learned: &LearnedActivations, samples: usize) -> Result<String> {
    let rows = learned
        .types
        .iter()
        .map(|t| t.evaluate(&grid(samples, SAMPLE_RANGE)));
    text(&rows.collect::<Result<Vec<_>>>()?)
}

/// The text of a network's types, whatever they are.
///
/// # Errors
/// If the network is malformed, or has no hidden layer.
pub fn of_network(model: &NetworkFile, samples: usize) -> Result<String> {
    let network = model.network()?;
    let (shape, z) = (network.shape, grid(samples, SAMPLE_RANGE));
    let phi = &network.params[shape.theta_len()..];
    let rows = (0..shape.types()).map(|t| Function::of(&shape, phi, t)?.values(&z));
    text(&rows.collect::<Result<Vec<_>>>()?)
}

/// As NumPy's `savetxt` writes it.
fn text(rows: &[Vec<f64>]) -> Result<String> {
    ensure!(!rows.is_empty(), "there is no activation to be sampled");

    let line = |row: &Vec<f64>| {
        row.iter()
            .map(|y| format!("{y:.18e}"))
            .collect::<Vec<_>>()
            .join(" ")
            + "\n"
    };

    Ok(rows.iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::activations::{LearnedType, SAMPLES};
    use approx::assert_abs_diff_eq;

    fn sine() -> LearnedType {
        LearnedType::Subnet {
            base: "sine".into(),
            u: vec![1.0, -0.5],
            c: vec![0.0, 0.3],
            v: vec![2.0, 1.0],
            d: 0.5,
        }
    }

    #[test]
    fn both_kinds_of_file_come_back_as_they_were_written() {
        let set = LearnedActivations {
            version: 1,
            provenance: "test".into(),
            layers: 1,
            types: vec![sine()],
        };

        assert_eq!(
            LearnedActivations::from_json(&serde_json::to_string(&set).unwrap()).unwrap(),
            set
        );

        let samples =
            LearnedActivations::from_text(&of_activations(&set, SAMPLES).unwrap()).unwrap();
        let z = grid(SAMPLES, SAMPLE_RANGE);
        let (a, b) = (
            set.types[0].evaluate(&z).unwrap(),
            samples.types[0].evaluate(&z).unwrap(),
        );

        // Samples are kept in single precision.
        for (a, b) in a.iter().zip(&b) {
            assert_abs_diff_eq!(a, b, epsilon = 1e-6);
        }
    }
}
