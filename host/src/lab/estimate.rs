//! What a run will cost, roughly, before it is started.

use crate::data::task::Task;
use crate::meta::{MetaConfig, Schedule};
use crate::support::memory::Budget;
use crate::train::TrainConfig;
use anyhow::Result;
use std::fmt;

/// Multiply-adds a second and thread that trainings reach on a server core of 2026 (see `docs/performance.md`).
const SPEED: f64 = 20e9;

/// The work of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Networks trained.
    pub trainings: usize,
    /// Steps of activations.
    pub outer_steps: usize,
    /// Multiply-adds in all.
    pub multiply_adds: f64,
    /// The largest memory that one thread needs at a time, in bytes.
    pub bytes: f64,
}

/// Weights of a network on `task`.
fn weights(hidden: &[usize], task: &Task) -> f64 {
    let widths: Vec<f64> = [&[task.inputs], hidden, &[task.outputs]]
        .concat()
        .iter()
        .map(|&w| w as f64)
        .collect();
    widths.windows(2).map(|w| (w[0] + 1.0) * w[1]).sum::<f64>() + 20.0 * neurons(hidden)
}

/// Neurons of the hidden layers.
fn neurons(hidden: &[usize]) -> f64 {
    hidden.iter().map(|&w| w as f64).sum()
}

impl Load {
    /// Of `count` trainings: forward, and backward to the weights.
    #[must_use]
    pub fn trainings(count: usize, config: &TrainConfig, task: &Task) -> Load {
        let epochs = config.epochs as f64;
        let judged = task.test.rows() as f64 / config.every.max(1) as f64 / 3.0;
        let rows = epochs * (task.train.rows() as f64 + judged);
        let size = weights(&config.hidden, task);
        let multiply_adds = 2.0 * size * rows * count as f64;
        Load {
            trainings: count,
            multiply_adds,
            bytes: 4.0 * 6.0 * size,
            ..Load::default()
        }
    }

    /// Of a meta-learning run.
    #[must_use]
    pub fn learning(config: &MetaConfig, task: &Task) -> Load {
        let size = weights(&config.hidden, task);
        let gradient = 3.0 * size * config.batch as f64;
        let (step, tape) = match config.schedule {
            // A gradient and a Hessian-vector product an inner step, a gradient each of the held-out losses.
            Schedule::Unrolled => {
                let inner = config.inner_steps as f64 * 2.4 + config.outer_last as f64;
                (
                    inner * gradient * config.inner_trainings as f64,
                    config.inner_steps as f64 * 2.0,
                )
            }
            Schedule::Alternating => (
                config.period as f64 * gradient + size * task.test.rows() as f64,
                4.0,
            ),
        };
        let rows = config
            .batch
            .max(config.held_out_batch)
            .min(task.train.rows()) as f64;
        let bytes = 4.0 * size * (tape + 10.0) + 4.0 * 4.0 * rows * neurons(&config.hidden);
        Load {
            outer_steps: config.steps,
            multiply_adds: step * config.steps as f64,
            bytes,
            trainings: 0,
        }
    }

    /// Of `count` exact Hessians over the training rows: every element once a row, and the eigenvalues.
    #[must_use]
    pub fn hessians(count: usize, hidden: &[usize], task: &Task) -> Load {
        let n = weights(hidden, task) - 20.0 * neurons(hidden);
        // Reducing a matrix to a tridiagonal one waits for memory: some three times slower than counted.
        let each = n * n / 2.0 * task.train.rows() as f64 + 3.0 * 4.0 / 3.0 * n * n * n;
        Load {
            multiply_adds: each * count as f64,
            bytes: 3.0 * 8.0 * n * n,
            ..Load::default()
        }
    }
}

impl std::ops::Add for Load {
    type Output = Load;

    fn add(self, other: Load) -> Load {
        Load {
            trainings: self.trainings + other.trainings,
            outer_steps: self.outer_steps + other.outer_steps,
            multiply_adds: self.multiply_adds + other.multiply_adds,
            bytes: self.bytes.max(other.bytes),
        }
    }
}

impl std::iter::Sum for Load {
    fn sum<I: Iterator<Item = Load>>(loads: I) -> Load {
        loads.fold(Load::default(), |a, b| a + b)
    }
}

impl Load {
    /// Whether one thread at this work finds the memory that it needs.
    ///
    /// # Errors
    /// If it does not, with what to change.
    pub fn check(&self) -> Result<()> {
        Budget::find()?.allow_work(self.bytes)
    }

    /// How long it takes on so many threads.
    #[must_use]
    pub fn seconds(&self, threads: usize) -> f64 {
        self.multiply_adds / SPEED / threads as f64
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = rayon::current_num_threads();
        let seconds = self.seconds(threads);
        let time = match seconds {
            s if s < 90.0 => format!("{:.0} s", s.max(1.0)),
            s if s < 5400.0 => format!("{:.0} min", s / 60.0),
            s => format!("{:.1} h", s / 3600.0),
        };
        let memory = 30.0 + self.bytes * threads as f64 / 1e6;
        write!(
            f,
            "{} outer steps, {} trainings; some {time} on {threads} threads, some {memory:.0} MB (estimates)",
            self.outer_steps, self.trainings
        )
    }
}
