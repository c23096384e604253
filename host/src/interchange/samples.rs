//! Activations as the paper's authors write them: a line of samples a type, on equal steps over `[-5, 5]`.
//!
//! Their code joins the samples with straight lines and takes the last line on beyond the ends. What it takes by itself is 50
//! samples a line (`linspace(-5, 5, 50)` is written into it), though what their meta-learning writes is 100.

use crate::activations::{Activations, SAMPLE_RANGE, grid};
use crate::export::Function;
use crate::model::Model;
use anyhow::{Result, ensure};

/// The text of learned activations.
///
/// # Errors
/// If there is no type, or one is malformed.
pub fn of_activations(learned: &Activations, samples: usize) -> Result<String> {
    let rows = learned.types.iter().map(|t| t.evaluate(&grid(samples, SAMPLE_RANGE)));
    text(&rows.collect::<Result<Vec<_>>>()?)
}

/// The text of a network's types, whatever they are.
///
/// # Errors
/// If the network is malformed, or has no hidden layer.
pub fn of_network(model: &Model, samples: usize) -> Result<String> {
    let network = model.network()?;
    let (shape, z) = (network.shape, grid(samples, SAMPLE_RANGE));
    let phi = &network.params[shape.theta_len()..];
    let rows = (0..shape.types()).map(|t| Function::of(&shape, phi, t)?.values(&z));
    text(&rows.collect::<Result<Vec<_>>>()?)
}

/// As NumPy's `savetxt` writes it.
fn text(rows: &[Vec<f64>]) -> Result<String> {
    ensure!(!rows.is_empty(), "there is no activation to be sampled");
    let line = |row: &Vec<f64>| row.iter().map(|y| format!("{y:.18e}")).collect::<Vec<_>>().join(" ") + "\n";
    Ok(rows.iter().map(line).collect())
}
