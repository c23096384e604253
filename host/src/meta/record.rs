//! What a run keeps: a line for each outer step, and the checkpoint that it goes on from.

use super::caution::Caution;
use serde::{Deserialize, Serialize};

/// One line of `history.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Outer step, from 1.
    pub step: usize,
    /// The outer loss at the activations before the step.
    pub loss: f64,
    /// The last training loss.
    pub train_loss: f64,
    /// The test loss of the trained network, without noise; the largest number of single precision
    /// if it is beyond that.
    pub test_loss: f64,
    /// Its test accuracy in percent, on all test rows; nothing for regression.
    pub test_accuracy: Option<f64>,
    /// Euclidean norm of each type's part of the gradient, before clipping.
    pub gradient_norms: Vec<f64>,
    /// How many elements of the gradient were clipped.
    pub clipped: usize,
    /// How often the step was taken back and retried smaller.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: usize,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// All that a run needs to go on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Outer steps done.
    pub step: usize,
    /// The activation parameters.
    pub phi: Vec<f32>,
    /// The outer momentum.
    pub velocity: Vec<f32>,
    /// What the run has learned about the steps that it may take.
    #[serde(default, skip_serializing_if = "Caution::is_none")]
    pub caution: Caution,
    /// The alternating schedule's network: parameters, optimizer state; empty for the unrolled
    /// schedule.
    pub network: Vec<f32>,
}
