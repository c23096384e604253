//! The settings of `ldnn train`, and what follows from them.

use crate::data::split::LEAST_ROWS;
use crate::data::task::Task;
use crate::meta::{MetaConfig, MetaSchedule, Objective};
use crate::model::activations::{LearnedActivations, base_named, is_learned};
use crate::train::{OptimizerKind, SelectConfig, TrainConfig, lr_scale};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Where activations come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationSource {
    /// They are learned on this task.
    Learn,
    /// They were learned elsewhere.
    Given(LearnedActivations),
    /// Classical ones only.
    Classical,
}

/// The settings of `ldnn train`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// Where activations come from.
    #[arg(skip = ActivationSource::Learn)]
    pub activate: ActivationSource,

    /// Classical activations to compare with; none for no comparison
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub compare: Vec<String>,

    /// Which activations the model has: those that were best on the validation rows (best),
    /// learned, or a name of --compare
    #[arg(long, value_name = "WHICH")]
    pub keep: String,

    /// Widths of the hidden layers
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub hidden: Vec<usize>,

    /// Learned activation types
    #[arg(long, value_name = "N")]
    pub types: usize,

    /// Schedule of learning the activations
    #[arg(long, value_name = "NAME")]
    pub schedule: MetaSchedule,

    /// Steps of learning the activations; the alternating schedule has as many as cost the same
    #[arg(long, value_name = "N")]
    pub steps: usize,

    /// Networks per activation, for the comparison
    #[arg(long, value_name = "N")]
    pub runs: usize,

    /// The longest training, in passes over the rows; the best number is found on validation rows
    #[arg(long, value_name = "N")]
    pub epochs: usize,

    /// A training that looks for the best number of epochs ends when neither loss nor accuracy on
    /// the validation rows has been better for N
    #[arg(long, value_name = "N")]
    pub patience: usize,

    /// Optimizer of the networks
    #[arg(long, value_name = "NAME")]
    pub optimizer: OptimizerKind,

    /// Learning rates that are tried [default: 0.001,0.003,0.01,0.03; with sgd 0.02,0.05,0.1, less
    /// for more than 100 inputs]
    #[arg(
        long,
        value_name = "X,...",
        value_delimiter = ',',
        hide_default_value = true
    )]
    pub lr: Vec<f64>,

    /// Put N test rows with their targets into the model, for exports with real rows; a model holds
    /// no rows otherwise
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub with_rows: usize,

    /// Seed of every draw
    #[arg(long, value_name = "N")]
    pub seed: u64,
}

/// For [`FitConfig::keep`]: the model has the activations that were best on the validation rows.
pub const BEST: &str = "best";
/// The model has the learned activations.
pub const LEARNED: &str = "learned";

impl Default for FitConfig {
    fn default() -> Self {
        FitConfig {
            activate: ActivationSource::Learn,
            compare: vec!["relu".into(), "tanh".into()],
            keep: BEST.into(),
            hidden: vec![50],
            types: 2,
            schedule: MetaSchedule::Unrolled,
            steps: 100,
            runs: 5,
            epochs: 150,
            patience: 50,
            optimizer: OptimizerKind::Adam,
            lr: vec![],
            with_rows: 0,
            seed: 1,
        }
    }
}

impl FitConfig {
    /// Rows per training step: a tenth of them, 10 to 200.
    fn batch(rows: usize) -> usize {
        (rows / 10).clamp(10, 200).min(rows)
    }

    /// The learning rates that are tried on a task of so many inputs. Adam's steps do not depend on
    /// the size of the gradient; those of gradient descent shrink with [`lr_scale`].
    #[must_use]
    pub fn lrs(&self, inputs: usize) -> Vec<f64> {
        if !self.lr.is_empty() {
            return self.lr.clone();
        }

        match self.optimizer {
            OptimizerKind::Sgd => [0.02, 0.05, 0.1].map(|lr| lr * lr_scale(inputs)).to_vec(),
            OptimizerKind::Adam | OptimizerKind::Adamw | OptimizerKind::Rmsprop => {
                vec![0.001, 0.003, 0.01, 0.03]
            }
        }
    }

    /// How networks are trained with `rows` rows, before learning rate and epochs are chosen.
    #[must_use]
    pub fn train(&self, rows: usize) -> TrainConfig {
        TrainConfig {
            hidden: self.hidden.clone(),
            optimizer: self.optimizer,
            decay: Some(0.9).filter(|_| self.optimizer == OptimizerKind::Rmsprop),
            batch: Self::batch(rows),
            epochs: self.epochs,
            every: self.epochs.max(1),
            ..TrainConfig::default()
        }
    }

    /// How learning rate and epochs are chosen.
    #[must_use]
    pub fn select(&self, task: &Task) -> SelectConfig {
        let rows = task.train.rows();

        SelectConfig {
            lr: self.lrs(task.inputs),
            runs: 2,
            epochs: self.epochs,
            lr_times_epochs: 10.0,
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
        let default = MetaConfig::for_task(Objective::Heldout, task);

        let unrolled = MetaConfig {
            hidden: self.hidden.clone(),
            types: self.types,
            steps: self.steps,
            seed: self.seed,
            batch: Self::batch(rows),
            held_out_batch: default.held_out.min(200),
            ..default
        };

        match self.schedule {
            MetaSchedule::Unrolled => unrolled,
            MetaSchedule::Alternating => unrolled.alternating(),
        }
    }

    /// Trainings of the stage that has most of them: that which chooses the learning rate, or the
    /// comparison.
    pub(crate) fn most_trainings(&self, task: &Task) -> usize {
        let learned = usize::from(!matches!(self.activate, ActivationSource::Classical));
        let select = self.select(task);
        let each = (select.lr.len() * select.runs).max(self.runs);
        (self.compare.len() + learned) * each
    }

    /// Whether there can still be a model if activations cannot be learned.
    pub(super) fn has_other_arms(&self) -> bool {
        self.keep != LEARNED && !self.compare.is_empty()
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
            "`runs` {}: use 2 to 1000, for an interval",
            self.runs
        );

        ensure!(
            self.patience > 0,
            "`patience` 0: wait at least 1 epoch, e.g. 50"
        );

        self.train(rows).check()?;

        for &lr in &self.lr {
            ensure!(
                lr.is_finite() && lr > 0.0,
                "`lr` {lr}: must be positive numbers, e.g. 0.001,0.003,0.01,0.03"
            );

            TrainConfig {
                lr,
                ..self.train(rows)
            }
            .check()?;
        }

        if matches!(self.activate, ActivationSource::Learn) {
            self.meta(task).check(task)?;
        }

        ensure!(
            !(self.compare.is_empty() && matches!(self.activate, ActivationSource::Classical)),
            "there is nothing to train: give `compare` relu,tanh or learn activations"
        );

        for name in &self.compare {
            ensure!(
                !is_learned(name),
                "`compare` {name}: name base functions, such as relu and tanh"
            );
            base_named(name).context("`compare`")?;
        }

        let classical = matches!(self.activate, ActivationSource::Classical);

        let kept = match self.keep.as_str() {
            BEST => true,
            LEARNED => !classical,
            name => self.compare.iter().any(|c| c == name),
        };

        ensure!(
            kept,
            "`keep` {}: the model can have what is trained: {}{}, or {BEST}",
            self.keep,
            self.compare.join(", "),
            if classical { "" } else { ", learned" }
        );

        let twice = self
            .compare
            .iter()
            .enumerate()
            .find(|(i, name)| self.compare[..*i].contains(name));

        ensure!(
            twice.is_none(),
            "`compare`: '{}' is named twice",
            twice.map_or("", |(_, name)| name)
        );

        Ok(())
    }
}
