//! The settings of each arm of Fig. 1, chosen on held-out training rows.

use super::arms::{LEARNED_ARMS, LearnedBefore, all_arms};
use crate::data::task::Task;
use crate::lab::estimate::Cost;
use crate::report::stats::mean;
use crate::run::RunFolder;
use crate::run::jobs::JobLoop;
use crate::support::progress::Output;
use crate::train::{Arm, Hyperparameters, TrainConfig, Training, ValidateConfig, train};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// The settings of the progression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressionConfig {
    /// The networks, and all arms that are not learned beforehand.
    pub ensemble: ValidateConfig,
    /// The learning rates that every arm chooses from.
    pub lr: Vec<f64>,
    /// Its weight decays.
    pub weight_decay: Vec<f64>,
    /// Its lengths, in passes over the training rows.
    pub epochs: Vec<usize>,
    /// Networks for each setting.
    pub trials: usize,
    /// Training rows that are kept for the choice.
    pub validation_rows: usize,
}

/// The arms, each with its best settings on held-out training rows.
///
/// # Errors
/// If an arm diverges at every setting, a setting is impossible, a file cannot be written, or the user
/// stops it.
pub fn select(
    config: &ProgressionConfig,
    task: &Task,
    learned: &LearnedBefore,
    folder: &RunFolder,
    output: Output,
) -> Result<(Vec<Arm>, Vec<Hyperparameters>)> {
    let arms = all_arms(&config.ensemble.compare, learned)?;
    let (rest, held_out) = task
        .train
        .split(config.validation_rows, config.ensemble.seed, 1)?;
    let trials: Vec<SelectionTraining> = arms.iter().flat_map(|arm| config.trials(arm)).collect();

    let results = JobLoop::<SelectionTraining, SelectionResult> {
        name: "selection",
        key: &|trial| key(&trial.arm.choice.name, trial.point, trial.seed),
        key_of: &|done| key(&done.activation, done.point, done.seed),
        needed: true,
        work: &|trial| {
            let settings = trial.point.config(&config.ensemble.train);
            let choice = &trial.arm.choice;
            let done = train(&settings, choice, task, &rest, &held_out, trial.seed)?;

            Ok(SelectionResult {
                activation: trial.arm.choice.name.clone(),
                point: trial.point,
                seed: trial.seed,
                accuracy: end_of(&done).filter(|_| !done.diverged),
            })
        },
        message: &|done| match done.accuracy {
            Some(accuracy) => format!("{} {accuracy:.1} %", done.activation),
            None => format!("{} diverged", done.activation),
        },
    }
    .run(&trials, folder, output)?;

    let best = |arm: &Arm| {
        best_of(arm, &results).with_context(|| {
            let name = &arm.choice.name;
            format!("'{name}' diverges at every learning rate; give smaller ones")
        })
    };
    let chosen = arms.iter().map(best).collect::<Result<Vec<_>>>()?;
    folder.write("chosen.json", serde_json::to_string_pretty(&chosen)? + "\n")?;
    Ok((arms, chosen))
}

/// One setting of a training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct SettingsPoint {
    lr: f64,
    weight_decay: f64,
    epochs: usize,
}

/// A training without the held-out rows.
struct SelectionTraining<'a> {
    arm: &'a Arm,
    point: SettingsPoint,
    seed: u64,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SelectionResult {
    activation: String,
    point: SettingsPoint,
    seed: u64,
    /// On the held-out rows; none if it diverged.
    accuracy: Option<f64>,
}

fn key(name: &str, point: SettingsPoint, seed: u64) -> String {
    format!("{name}, {point:?}, seed {seed}")
}

/// The accuracy at the end of a training.
pub(super) fn end_of(training: &Training) -> Option<f64> {
    training.curve.accuracy.last().copied()
}

impl ProgressionConfig {
    /// # Errors
    /// With the setting and what to do, for the first that is impossible.
    pub fn check(&self) -> Result<()> {
        for (setting, is_there) in [
            ("`lr`", !self.lr.is_empty()),
            ("`weight_decay`", !self.weight_decay.is_empty()),
            ("`epochs`", !self.epochs.is_empty()),
            ("`trials`", self.trials > 0),
            ("`ensemble.runs`", self.ensemble.runs > 0),
        ] {
            ensure!(is_there, "{setting}: must be at least one");
        }

        for trial in self.points() {
            trial.config(&self.ensemble.train).check()?;
        }

        Ok(())
    }

    /// What the choice of settings costs, with so many outer seeds.
    #[must_use]
    pub fn selection_cost(&self, seeds: usize, task: &Task) -> Cost {
        let settings = self.lr.len() * self.weight_decay.len() * self.trials;
        let arms = self.ensemble.compare.len() + LEARNED_ARMS * seeds;
        let of = |&epochs: &usize| Cost::trainings(arms * settings, &self.lasting(epochs), task);
        self.epochs.iter().map(of).sum()
    }

    /// What the trainings afterwards cost.
    #[must_use]
    pub fn training_cost(&self, seeds: usize, task: &Task) -> Cost {
        let longest = self.epochs.iter().copied().max().unwrap_or(1);
        let arms = self.ensemble.compare.len() * seeds + LEARNED_ARMS * seeds;
        Cost::trainings(arms * self.ensemble.runs, &self.lasting(longest), task)
    }

    fn lasting(&self, epochs: usize) -> TrainConfig {
        TrainConfig {
            epochs,
            ..self.ensemble.train.clone()
        }
    }

    /// Every setting.
    fn points(&self) -> impl Iterator<Item = SettingsPoint> {
        self.lr.iter().flat_map(move |&lr| {
            self.weight_decay.iter().flat_map(move |&weight_decay| {
                self.epochs.iter().map(move |&epochs| SettingsPoint {
                    lr,
                    weight_decay,
                    epochs,
                })
            })
        })
    }

    /// The trainings that choose the settings of an arm.
    fn trials<'a>(&self, arm: &'a Arm) -> Vec<SelectionTraining<'a>> {
        // Apart from the seeds of the networks that are compared later.
        let first = self.ensemble.seed + 1_000_000;

        self.points()
            .flat_map(|point| {
                (0..self.trials as u64).map(move |i| SelectionTraining {
                    arm,
                    point,
                    seed: first + i,
                })
            })
            .collect()
    }
}

impl SettingsPoint {
    fn config(self, to: &TrainConfig) -> TrainConfig {
        TrainConfig {
            lr: self.lr,
            weight_decay: Some(self.weight_decay),
            epochs: self.epochs,
            every: self.epochs,
            ..to.clone()
        }
    }

    fn hyperparameters(self, arm: &Arm, validation: f64) -> Hyperparameters {
        Hyperparameters {
            activation: arm.choice.name.clone(),
            lr: self.lr,
            weight_decay: Some(self.weight_decay),
            epochs: self.epochs,
            validation,
        }
    }
}

/// The setting with the best mean, of those at which no training diverged.
fn best_of(arm: &Arm, results: &[SelectionResult]) -> Option<Hyperparameters> {
    let own: Vec<&SelectionResult> = results
        .iter()
        .filter(|r| r.activation == arm.choice.name)
        .collect();
    let of_point = |same: &[&SelectionResult]| {
        let accuracies: Option<Vec<f64>> = same.iter().map(|r| r.accuracy).collect();
        let point = same.first()?.point;
        Some(point.hyperparameters(arm, mean(&accuracies?)))
    };

    own.chunk_by(|a, b| a.point == b.point)
        .filter_map(of_point)
        .reduce(|best, next| {
            if next.validation > best.validation {
                next
            } else {
                best
            }
        })
}
