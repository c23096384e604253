//! A learning rate and a number of epochs for each kind of activations, chosen on validation rows: for comparisons with
//! each at its best.

use super::ensemble::{Ensemble, Entrant, Job, train_all};
use super::results::Metric;
use super::run::metric_of;
use crate::folder::RunFolder;
use crate::progress::Output;
use crate::stats::mean;
use crate::task::{Set, Task};
use crate::train::{TrainConfig, Training};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// How each activation finds its own learning rate and number of epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectConfig {
    /// The learning rates that are tried.
    pub rates: Vec<f64>,
    /// Networks for each rate.
    pub runs: usize,
    /// The longest training.
    pub epochs: usize,
    /// Largest product of rate and epochs: a larger step gets there sooner.
    pub rate_times_epochs: f64,
    /// A training ends when it has not been better on the validation rows for so many epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Training rows that are kept for the choice.
    pub validation_rows: usize,
    /// Seed of the rows that are kept, and of the networks.
    pub seed: u64,
    /// All other settings of the trainings.
    pub train: TrainConfig,
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The activations' name.
    pub activation: String,
    /// Step size.
    pub rate: f64,
    /// Passes over the training rows.
    pub epochs: usize,
    /// The mean metric on the validation rows there.
    pub validation: f64,
}

impl Chosen {
    /// The settings with what was chosen; the network is judged at the end only.
    #[must_use]
    pub fn apply(&self, to: &TrainConfig) -> TrainConfig {
        TrainConfig { rate: self.rate, epochs: self.epochs, every: self.epochs, ..to.clone() }
    }
}

impl SelectConfig {
    /// The longest training at `rate`.
    #[must_use]
    pub fn epochs_at(&self, rate: f64) -> usize {
        ((self.rate_times_epochs / rate).round() as usize).clamp(1, self.epochs)
    }

    /// The settings of a training of `epochs` epochs at `rate`.
    #[must_use]
    pub fn at(&self, rate: f64, epochs: usize) -> TrainConfig {
        TrainConfig { rate, epochs, every: EVERY, ..self.train.clone() }
    }

    /// The seed of network number `run`.
    #[must_use]
    pub fn network_seed(&self, run: u64) -> u64 {
        self.seed + 1_000_000 + run
    }
}

/// Trains each entrant at each rate without the validation rows, and takes rate and epoch of the best mean. The choices
/// are written to `chosen.json`.
///
/// # Errors
/// If a setting is impossible, an entrant diverges at every rate, a file cannot be written, or the user stops it.
pub fn select(
    config: &SelectConfig,
    task: &Task,
    entrants: &[Entrant],
    folder: &RunFolder,
    output: Output,
) -> Result<Vec<Chosen>> {
    let (rest, validation) = task.train.split(config.validation_rows, config.seed, 1)?;
    select_on(config, task, (&rest, &validation), entrants, folder, output)
}

/// As [`select`], with the rows to learn from and those to choose by given.
///
/// # Errors
/// As [`select`].
pub fn select_on(
    config: &SelectConfig,
    task: &Task,
    (rest, validation): (&Set, &Set),
    entrants: &[Entrant],
    folder: &RunFolder,
    output: Output,
) -> Result<Vec<Chosen>> {
    let mut jobs = Vec::new();
    for entrant in entrants {
        for &rate in &config.rates {
            for run in 0..config.runs as u64 {
                let train = config.at(rate, config.epochs_at(rate));
                jobs.push(Job { choice: &entrant.choice, config: train, seed: config.network_seed(run) });
            }
        }
    }
    let ensemble = Ensemble { task, train: rest, judge: validation, patience: config.patience };
    let trainings = train_all(ensemble, &jobs, folder, ("selection", true), output)?;
    let metric = metric_of(task);
    let per_entrant = config.rates.len() * config.runs;
    let better = |a: Chosen, b: Chosen| if metric.better(b.validation, a.validation) { b } else { a };
    let best =
        |trainings: &[Training]| trainings.chunks(config.runs).filter_map(|t| best_epoch(t, metric)).reduce(better);
    let name = |i: usize| entrants[i].choice.name.clone();
    let found = trainings.chunks(per_entrant).enumerate();
    let chosen = found
        .map(|(i, t)| {
            best(t).with_context(|| format!("'{}' diverges at every learning rate; give smaller ones", name(i)))
        })
        .collect::<Result<Vec<_>>>()?;
    folder.write("chosen.json", serde_json::to_string_pretty(&chosen)? + "\n")?;
    Ok(chosen)
}

/// The metric is measured every so many epochs.
const EVERY: usize = 5;

/// The best recorded epoch of the mean over some trainings with one rate, each point averaged with its two neighbours
/// against the luck of single epochs, as far as all of them went; none if one of the trainings diverged.
#[must_use]
pub fn best_epoch(trainings: &[Training], metric: Metric) -> Option<Chosen> {
    let first = trainings.first()?;
    if trainings.iter().any(|t| t.diverged) {
        return None;
    }
    let common = trainings.iter().map(|t| t.curve.epoch.len()).min()?;
    let near = |t: &Training, i: usize| mean(&metric.of(&t.curve)[i.saturating_sub(1)..(i + 2).min(common)]);
    let at = |i: usize| mean(&trainings.iter().map(|t| near(t, i)).collect::<Vec<_>>());
    let chosen = |(i, &epochs): (usize, &usize)| Chosen {
        activation: first.activation.clone(),
        rate: first.rate,
        epochs,
        validation: at(i),
    };
    let points = first.curve.epoch[..common].iter().enumerate().map(chosen);
    points.reduce(|best, next| if metric.better(next.validation, best.validation) { next } else { best })
}
