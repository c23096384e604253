//! The settings of `ldnn train`, and what follows from them.

use crate::data::split::LEAST_ROWS;
use crate::data::task::Task;
use crate::meta::{MetaConfig, Schedule};
use crate::model::activations::{Activations, base_named, is_learned};
use crate::train::{Optimiser, SelectConfig, TrainConfig, rate_scale};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Where activations come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activate {
    /// They are learned on this task.
    Learn,
    /// They were learned elsewhere.
    Given(Activations),
    /// Classical ones only.
    Classical,
}

/// The settings of `ldnn train`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// Where activations come from.
    pub activate: Activate,
    /// Classical activations to compare with.
    pub classical: Vec<String>,
    /// The kind of activations of the model: `best` on the validation rows, `learned`, or the name of a classical one.
    pub keep: String,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Number of learned types.
    pub types: usize,
    /// The schedule of learning them.
    pub schedule: Schedule,
    /// Outer steps of the unrolled schedule; the alternating one has as many as cost the same.
    pub steps: usize,
    /// Networks of each kind.
    pub runs: usize,
    /// The longest training, in passes over the rows.
    pub epochs: usize,
    /// A training that looks for its number of epochs ends when it has not been better on the validation rows for so many.
    pub patience: usize,
    /// The optimizer of the networks.
    pub optimiser: Optimiser,
    /// Learning rates that are tried; none for those that suit the optimizer and the number of inputs.
    pub rates: Vec<f64>,
    /// Test rows that the model holds, at most; 0 for none.
    #[serde(default)]
    pub with_rows: usize,
    /// Seed of every draw.
    pub seed: u64,
}

/// For [`FitConfig::keep`]: the model has the kind that was best on the validation rows.
pub const BEST: &str = "best";
/// The model has the learned activations.
pub const LEARNED: &str = "learned";

impl Default for FitConfig {
    fn default() -> Self {
        FitConfig {
            activate: Activate::Learn,
            classical: vec!["relu".into(), "tanh".into()],
            keep: BEST.into(),
            hidden: vec![50],
            types: 2,
            schedule: Schedule::Unrolled,
            steps: 100,
            runs: 5,
            epochs: 150,
            patience: 50,
            optimiser: Optimiser::Adam,
            rates: vec![],
            with_rows: 0,
            seed: 1,
        }
    }
}

impl FitConfig {
    /// Rows a training step: a tenth of them, 10 to 200.
    fn batch(rows: usize) -> usize {
        (rows / 10).clamp(10, 200).min(rows)
    }

    /// The learning rates that are tried on a task of so many inputs. Adam's steps do not depend on the
    /// size of the gradient; those of gradient descent shrink with [`rate_scale`].
    #[must_use]
    pub fn rates(&self, inputs: usize) -> Vec<f64> {
        if !self.rates.is_empty() {
            return self.rates.clone();
        }
        match self.optimiser {
            Optimiser::Sgd => [0.02, 0.05, 0.1]
                .map(|rate| rate * rate_scale(inputs))
                .to_vec(),
            Optimiser::Adam | Optimiser::Rmsprop => vec![0.001, 0.003, 0.01, 0.03],
        }
    }

    /// How networks are trained with `rows` rows, before rate and epochs are chosen.
    #[must_use]
    pub fn train(&self, rows: usize) -> TrainConfig {
        TrainConfig {
            hidden: self.hidden.clone(),
            optimiser: self.optimiser,
            rate: 0.01,
            momentum: if self.optimiser == Optimiser::Sgd {
                0.8
            } else {
                0.9
            },
            batch: Self::batch(rows),
            epochs: self.epochs,
            shuffle: true,
            every: self.epochs.max(1),
        }
    }

    /// How rate and epochs are chosen.
    #[must_use]
    pub fn select(&self, task: &Task) -> SelectConfig {
        let rows = task.train.rows();
        SelectConfig {
            rates: self.rates(task.inputs),
            runs: 2,
            epochs: self.epochs,
            rate_times_epochs: 10.0,
            patience: Some(self.patience),
            validation_rows: (rows / 5).max(1),
            seed: self.seed,
            train: self.train(rows),
        }
    }

    /// How activations are learned from the rows of a task.
    #[must_use]
    pub fn meta(&self, task: &Task) -> MetaConfig {
        let rows = task.train.rows();
        let held_out = (rows / 4).max(1);
        let unrolled = MetaConfig {
            inner_rate: MetaConfig::default().inner_rate * rate_scale(task.inputs),
            hidden: self.hidden.clone(),
            types: self.types,
            steps: self.steps,
            seed: self.seed,
            batch: Self::batch(rows),
            held_out,
            held_out_batch: held_out.min(200),
            ..MetaConfig::default()
        };
        match self.schedule {
            Schedule::Unrolled => unrolled,
            Schedule::Alternating => unrolled.alternating(),
        }
    }

    /// Trainings of the stage that has most of them: that which chooses the learning rate, or the comparison.
    pub(crate) fn most_trainings(&self, task: &Task) -> usize {
        let learned = usize::from(!matches!(self.activate, Activate::Classical));
        let select = self.select(task);
        let each = (select.rates.len() * select.runs).max(self.runs);
        (self.classical.len() + learned) * each
    }

    /// Whether there can still be a model if activations cannot be learned.
    pub(super) fn has_other_arms(&self) -> bool {
        self.keep != LEARNED && !self.classical.is_empty()
    }

    /// Whether training is possible.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do instead.
    pub fn check(&self, task: &Task) -> Result<()> {
        let rows = task.train.rows();
        ensure!(
            rows >= LEAST_ROWS,
            "there are {rows} rows to learn from; at least {LEAST_ROWS} are needed"
        );
        ensure!(
            (2..=1000).contains(&self.runs),
            "--runs {}: use 2 to 1000, for an interval",
            self.runs
        );
        ensure!(
            self.patience > 0,
            "--patience 0: wait at least 1 epoch, e.g. 50"
        );
        self.train(rows).check()?;
        for &rate in &self.rates {
            ensure!(
                rate.is_finite() && rate > 0.0,
                "--rates {rate}: must be positive numbers, e.g. 0.001,0.003,0.01,0.03"
            );
            TrainConfig {
                rate,
                ..self.train(rows)
            }
            .check()?;
        }
        if matches!(self.activate, Activate::Learn) {
            self.meta(task).check(task)?;
        }
        ensure!(
            !(self.classical.is_empty() && matches!(self.activate, Activate::Classical)),
            "there is nothing to train: give --compare relu,tanh or learn activations"
        );
        for name in &self.classical {
            ensure!(
                !is_learned(name),
                "--compare {name}: name base functions, such as relu and tanh"
            );
            base_named(name).context("--compare")?;
        }
        let classical = matches!(self.activate, Activate::Classical);
        let kept = match self.keep.as_str() {
            BEST => true,
            LEARNED => !classical,
            name => self.classical.iter().any(|c| c == name),
        };
        ensure!(
            kept,
            "--keep {}: the model can have what is trained: {}{}, or {BEST}",
            self.keep,
            self.classical.join(", "),
            if classical { "" } else { ", learned" }
        );
        let twice = self
            .classical
            .iter()
            .enumerate()
            .find(|(i, name)| self.classical[..*i].contains(name));
        ensure!(
            twice.is_none(),
            "--compare: '{}' is named twice",
            twice.map_or("", |(_, name)| name)
        );
        Ok(())
    }
}
