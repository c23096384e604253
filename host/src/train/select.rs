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
pub struct Hyperparameters {
    /// The activations' name.
    pub activation: String,
    /// Step size.
    pub lr: f64,
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

/// What a selection found for one arm.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// Learning rate and epochs; none if a training diverged at every learning rate.
    pub chosen: Option<Hyperparameters>,
    /// How many of its trainings diverged.
    pub diverged: usize,
    /// How many there were.
    pub trainings: usize,
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
        patience: config.patience,
    };

    let trainings = train_all(
        rows,
        &config.jobs(arms),
        folder,
        ("selection", true),
        output,
    )?;

    let found = config
        .evaluation(arms, &trainings, metric_of(task))
        .into_iter();
    let chosen = found
        .zip(arms)
        .map(|(found, arm)| {
            found.chosen.with_context(|| {
                let name = &arm.choice.name;
                format!("'{name}' diverges at every learning rate; give smaller ones")
            })
        })
        .collect::<Result<Vec<_>>>()?;

    write(&chosen, folder)?;
    Ok(chosen)
}

/// How often [`select_cautiously`] goes on to smaller learning rates.
const MOST_EXTENSIONS: usize = 6;
/// By how much they are smaller each time.
const EXTENSION: f64 = 0.25;

/// As [`select`], on rows that are given, and no arm ends the work: one that diverges at every
/// learning rate is trained at smaller ones, and one that diverges there too has nothing chosen.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn select_cautiously(
    config: &SelectConfig,
    rows: Ensemble,
    arms: &[Arm],
    folder: &RunFolder,
    output: Output,
) -> Result<Vec<Selected>> {
    let metric = metric_of(rows.task);
    let mut jobs = config.jobs(arms);
    let mut least = config.lr.iter().copied().fold(f64::INFINITY, f64::min);
    let train = |jobs: &[Job]| train_all(rows, jobs, folder, ("selection", true), output);
    let mut found = config.evaluation(arms, &train(&jobs)?, metric);

    for _ in 0..MOST_EXTENSIONS {
        if found.iter().all(|f| f.chosen.is_some()) {
            break;
        }

        least *= EXTENSION;

        let smaller = SelectConfig {
            lr: vec![least],
            ..config.clone()
        };
        let open = arms
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.chosen.is_none());

        jobs.extend(open.flat_map(|(arm, _)| smaller.jobs_of(arm)));
        found = config.evaluation(arms, &train(&jobs)?, metric);
    }

    let chosen: Vec<Hyperparameters> = found.iter().filter_map(|f| f.chosen.clone()).collect();
    write(&chosen, folder)?;
    Ok(found)
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

    /// The best learning rate and epoch of each arm, whatever learning rates its trainings had.
    fn evaluation(&self, arms: &[Arm], trainings: &[Training], metric: Metric) -> Vec<Selected> {
        let better = |a: Hyperparameters, b: Hyperparameters| {
            if metric.better(b.validation, a.validation) {
                b
            } else {
                a
            }
        };

        let one = |arm: &Arm| {
            let name = &arm.choice.name;

            let own: Vec<Training> = trainings
                .iter()
                .filter(|t| t.activation == *name)
                .cloned()
                .collect();

            Selected {
                chosen: own
                    .chunk_by(|a, b| a.lr == b.lr)
                    .filter_map(|same| best_epoch(same, metric))
                    .reduce(better),
                diverged: own.iter().filter(|t| t.diverged).count(),
                trainings: own.len(),
            }
        };

        arms.iter().map(one).collect()
    }
}

/// The metric is measured every so many epochs.
const EVERY: usize = 5;

/// The best recorded epoch of the mean over some trainings with one learning rate, each point
/// averaged with its two neighbours against the luck of single epochs, as far as all of them went;
/// none if one of the trainings diverged.
#[must_use]
pub fn best_epoch(trainings: &[Training], metric: Metric) -> Option<Hyperparameters> {
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
