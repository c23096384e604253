//! A data set as the experiments use it: single precision, with a training and a test part.

use crate::data::{Dataset, Standardisation, Targets};
use crate::support::draws::{DrawnFor, draws};
use anyhow::{Result, bail};
use ldnn_core::network::{self, Batch};
use xxhash_rust::xxh3::Xxh3;

/// Rows of inputs with their targets.
#[derive(Clone, Debug)]
pub struct Examples {
    /// rows x inputs, row-major
    pub x: Vec<f32>,
    /// What they are compared with.
    pub target: ExampleTargets,
    inputs: usize,
}

/// Labels or values, row by row.
#[derive(Clone, Debug)]
pub enum ExampleTargets {
    /// One class per row.
    Classes(Vec<u16>),
    /// `outputs` values per row.
    Values(Vec<f32>),
}

/// A learning task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name, for messages.
    pub name: String,
    /// Number of inputs.
    pub inputs: usize,
    /// Number of classes, or of regression targets.
    pub outputs: usize,
    /// What networks learn from.
    pub train: Examples,
    /// What they are tested on.
    pub test: Examples,
    /// What leads from the units of the user's own data to those of the rows; empty if they are the
    /// same.
    pub scales: Standardisation,
}

impl Examples {
    /// Rows of `inputs` numbers with their targets.
    #[must_use]
    pub fn new(x: Vec<f32>, target: ExampleTargets, inputs: usize) -> Examples {
        Examples { x, target, inputs }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.x.len() / self.inputs
    }

    /// The core's view.
    #[must_use]
    pub fn data(&self) -> network::Data<'_, f32> {
        let target = match &self.target {
            ExampleTargets::Classes(labels) => network::Target::Classes(labels),
            ExampleTargets::Values(values) => network::Target::Values(values),
        };
        network::Data { x: &self.x, target }
    }

    /// All rows as one batch.
    #[must_use]
    pub fn all(&self) -> Batch<'_, f32> {
        Batch::all(self.data(), self.inputs)
    }

    /// The given rows, in that order.
    #[must_use]
    pub fn pick(&self, rows: &[u32]) -> Examples {
        let x = gather(&self.x, self.inputs, rows);

        let target = match &self.target {
            ExampleTargets::Classes(labels) => ExampleTargets::Classes(gather(labels, 1, rows)),
            ExampleTargets::Values(values) => {
                ExampleTargets::Values(gather(values, values.len() / self.rows(), rows))
            }
        };

        Examples {
            x,
            target,
            inputs: self.inputs,
        }
    }

    /// The loss of a network that answers 0, whatever its input: the mean square of the targets, or
    /// the logarithm of the number of classes (`outputs`). At least a little above 0.
    #[must_use]
    pub fn loss_of_zeros(&self, outputs: usize) -> f64 {
        let loss = match &self.target {
            ExampleTargets::Classes(_) => (outputs as f64).ln(),
            ExampleTargets::Values(values) => {
                values.iter().map(|&y| f64::from(y).powi(2)).sum::<f64>()
                    / values.len().max(1) as f64
            }
        };
        loss.max(f64::from(f32::MIN_POSITIVE))
    }

    /// Two parts, drawn at random by (seed, step): all but `second` rows, and `second` rows.
    ///
    /// # Errors
    /// If one part would be empty.
    pub fn split(&self, second: usize, seed: u64, step: u64) -> Result<(Examples, Examples)> {
        if second == 0 || second >= self.rows() {
            bail!(
                "cannot hold out {second} of {} training rows; use 1 to {}",
                self.rows(),
                self.rows() - 1
            );
        }

        let mut order = vec![0; self.rows()];
        draws(DrawnFor::HeldOutRows, seed, step).permutation(&mut order);

        let (held_out, rest) = order.split_at(second);
        Ok((self.pick(rest), self.pick(held_out)))
    }
}

fn gather<T: Copy>(values: &[T], width: usize, rows: &[u32]) -> Vec<T> {
    rows.iter()
        .flat_map(|&r| values[r as usize * width..][..width].iter().copied())
        .collect()
}

impl Task {
    /// A fingerprint of all rows and their targets.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();

        for part in [&self.train, &self.test] {
            part.x.iter().for_each(|x| hash.update(&x.to_le_bytes()));

            match &part.target {
                ExampleTargets::Classes(all) => {
                    all.iter().for_each(|y| hash.update(&y.to_le_bytes()));
                }
                ExampleTargets::Values(all) => {
                    all.iter().for_each(|y| hash.update(&y.to_le_bytes()));
                }
            }
        }

        format!("{:016x}", hash.digest())
    }

    /// Takes a data set over, in single precision.
    #[must_use]
    pub fn new(set: &Dataset) -> Task {
        let outputs = match &set.target {
            Targets::Classes { classes, .. } => *classes,
            Targets::Values { width, .. } => *width,
        };

        let part = |x: &[f64], target: &Targets| Examples {
            x: single(x),
            inputs: set.features,
            target: match target {
                Targets::Classes { labels, .. } => ExampleTargets::Classes(labels.clone()),
                Targets::Values { values, .. } => ExampleTargets::Values(single(values)),
            },
        };

        Task {
            name: set.name.clone(),
            inputs: set.features,
            outputs,
            train: part(&set.x, &set.target),
            test: part(&set.x_test, &set.target_test),
            scales: Standardisation::default(),
        }
    }

    /// Takes a data set over standardised, with its scales.
    #[must_use]
    pub fn standardised(set: Dataset) -> Task {
        let (set, scales) = set.standardised();
        Task {
            scales,
            ..Task::new(&set)
        }
    }

    /// Whether the targets are classes.
    #[must_use]
    pub fn is_classification(&self) -> bool {
        matches!(self.train.target, ExampleTargets::Classes(_))
    }
}

fn single(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&v| v as f32).collect()
}
