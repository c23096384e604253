//! A learning rate and a number of epochs for each arm, chosen on validation rows:
//! for comparisons with each at its best.

use super::ensemble::{Arm, Ensemble, Job, train_all};
use super::results::{Metric, metric_of};
use crate::data::task::Task;
use crate::report::stats::mean;
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{TrainConfig, Training};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// How each activation finds its own learning rate and number of epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectConfig {
    /// The learning rates that are tried.
    pub lr: Vec<f64>,
    /// Networks for each learning rate.
    pub runs: usize,
    /// The longest training.
    pub epochs: usize,
    /// Largest product of learning rate and epochs: a larger step gets there sooner.
    pub lr_times_epochs: f64,
    /// Training rows that are kept for the choice.
    pub validation_rows: usize,
    /// Seed of the rows that are kept, and of the networks.
    pub seed: u64,
    /// All other settings of the trainings.
    pub train: TrainConfig,
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameters {
    /// The activations' name.
    pub activation: String,
    /// Step size.
    pub lr: f64,
    /// Decay of the weights; none where the settings have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Passes over the training rows.
    pub epochs: usize,
    /// The mean metric on the validation rows there.
    pub validation: f64,
}

impl Hyperparameters {
    /// The settings with what was chosen; the network is evaluated at the end only.
    #[must_use]
    pub fn apply(&self, to: &TrainConfig) -> TrainConfig {
        TrainConfig {
            lr: self.lr,
            weight_decay: self.weight_decay.or(to.weight_decay),
            epochs: self.epochs,
            every: self.epochs,
            ..to.clone()
        }
    }
}

impl SelectConfig {
    /// The longest training at the learning rate `lr`.
    #[must_use]
    pub fn epochs_at(&self, lr: f64) -> usize {
        ((self.lr_times_epochs / lr).round() as usize).clamp(1, self.epochs)
    }

    /// The settings of a training of `epochs` epochs at the learning rate `lr`.
    #[must_use]
    pub fn at(&self, lr: f64, epochs: usize) -> TrainConfig {
        TrainConfig {
            lr,
            epochs,
            every: EVERY,
            ..self.train.clone()
        }
    }

    /// The seed of network number `run`.
    #[must_use]
    pub fn network_seed(&self, run: u64) -> u64 {
        self.seed + 1_000_000 + run
    }
}

/// Trains each arm at each learning rate without the validation rows, and takes learning rate and
/// epoch of the best mean. The choices are written to `chosen.json`.
///
/// # Errors
/// If a setting is impossible, an arm diverges at every learning rate, a file cannot be written, or
/// the user stops it.
pub fn select(
    config: &SelectConfig,
    task: &Task,
    arms: &[Arm],
    folder: &RunFolder,
    output: Output,
) -> Result<Vec<Hyperparameters>> {
    let (rest, validation) = task.train.split(config.validation_rows, config.seed, 1)?;

    let rows = Ensemble {
        task,
        train: &rest,
        evaluation: &validation,
    };

    let trainings = train_all(
        rows,
        &config.jobs(arms),
        folder,
        ("selection", true),
        output,
    )?;

    let metric = metric_of(task);
    let chosen = arms
        .iter()
        .map(|arm| {
            let name = &arm.choice.name;
            best_of(name, &trainings, metric).with_context(|| {
                format!("'{name}' diverges at every learning rate; give smaller ones")
            })
        })
        .collect::<Result<Vec<_>>>()?;

    write(&chosen, folder)?;
    Ok(chosen)
}

fn write(chosen: &[Hyperparameters], folder: &RunFolder) -> Result<()> {
    folder.write("chosen.json", serde_json::to_string_pretty(chosen)? + "\n")
}

impl SelectConfig {
    /// The trainings of all arms.
    fn jobs<'a>(&self, arms: &'a [Arm]) -> Vec<Job<'a>> {
        arms.iter().flat_map(|arm| self.jobs_of(arm)).collect()
    }

    /// `runs` trainings for each learning rate.
    fn jobs_of<'a>(&self, arm: &'a Arm) -> Vec<Job<'a>> {
        let at = |lr: f64| {
            (0..self.runs as u64).map(move |run| Job {
                choice: &arm.choice,
                config: self.at(lr, self.epochs_at(lr)),
                seed: self.network_seed(run),
            })
        };
        self.lr.iter().copied().flat_map(at).collect()
    }
}

/// The best learning rate and epoch of the activations of this name.
fn best_of(name: &str, trainings: &[Training], metric: Metric) -> Option<Hyperparameters> {
    let own: Vec<Training> = trainings
        .iter()
        .filter(|t| t.activation == *name)
        .cloned()
        .collect();

    let better = |a: Hyperparameters, b: Hyperparameters| {
        if metric.better(b.validation, a.validation) {
            b
        } else {
            a
        }
    };

    own.chunk_by(|a, b| a.lr == b.lr)
        .filter_map(|same| best_epoch(same, metric))
        .reduce(better)
}

/// The metric is measured every so many epochs.
const EVERY: usize = 5;

/// The best recorded epoch of the mean over some trainings with one learning rate, each point
/// averaged with its two neighbours against the luck of single epochs, as far as all of them went;
/// none if one of the trainings diverged.
fn best_epoch(trainings: &[Training], metric: Metric) -> Option<Hyperparameters> {
    let first = trainings.first()?;

    if trainings.iter().any(|t| t.diverged) {
        return None;
    }

    let common = trainings.iter().map(|t| t.curve.epoch.len()).min()?;
    let near = |t: &Training, i: usize| {
        mean(&metric.of(&t.curve)[i.saturating_sub(1)..(i + 2).min(common)])
    };
    let at = |i: usize| mean(&trainings.iter().map(|t| near(t, i)).collect::<Vec<_>>());

    let chosen = |(i, &epochs): (usize, &usize)| Hyperparameters {
        activation: first.activation.clone(),
        lr: first.lr,
        weight_decay: None,
        epochs,
        validation: at(i),
    };

    let points = first.curve.epoch[..common].iter().enumerate().map(chosen);
    points.reduce(|best, next| {
        if metric.better(next.validation, best.validation) {
            next
        } else {
            best
        }
    })
}
