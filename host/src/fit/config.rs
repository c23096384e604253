//! The settings of `ldnn train`, and what follows from them.

use crate::data::split::LEAST_ROWS;
use crate::data::task::Task;
use crate::meta::{MetaBasics, MetaConfig, MetaSchedule};
use crate::model::LearnedActivations;
use crate::model::choice::Choice;
use crate::model::names::{is_learned, is_learning, learning_from};
use crate::train::{LearningTables, LrDecay, OptimizerKind, TrainConfig, lr_scale};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Where learned activations come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivationSource {
    /// They learn beside the weights, as tables.
    Learn,
    /// They are learned on this task before the weights, by hypergradients, and stay then.
    Meta,
    /// They were learned elsewhere; they stay, or are the start of tables that learn on.
    Given(LearnedActivations),
    /// There are none.
    Classical,
}

/// However many rows there are, each is seen so often.
const LEAST_EPOCHS: usize = 10;
/// However few there are, no more often.
const MOST_EPOCHS: usize = 1000;

/// The settings of `ldnn train`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// Where activations come from.
    #[arg(skip = ActivationSource::Learn)]
    pub activate: ActivationSource,

    /// Classical activations to compare with, several in one layer as in tanh+sine; none for no
    /// comparison
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub compare: Vec<String>,

    /// Which activations the model has: those that were best on held-out rows (best), learned, or a
    /// name of --compare
    #[arg(long, value_name = "WHICH")]
    pub keep: String,

    /// Widths of the hidden layers
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub hidden: Vec<usize>,

    /// What activations that learn beside the weights start from: a type for each name
    #[arg(long, value_name = "NAME+...")]
    pub start: String,

    /// Form and learning rate of activations that learn beside the weights.
    #[command(flatten)]
    pub tables: LearningTables,

    /// Activation types with --activations meta
    #[arg(long, value_name = "N")]
    pub types: usize,

    /// Schedule of --activations meta
    #[arg(long, value_name = "NAME")]
    pub schedule: MetaSchedule,

    /// Steps of --activations meta; the alternating schedule has as many as cost the same
    #[arg(long, value_name = "N")]
    pub steps: usize,

    /// Networks per activation, for the comparison
    #[arg(long, value_name = "N")]
    pub runs: usize,

    /// Lengths of trainings that are tried, in passes over the rows: the shortest with every
    /// setting, longer ones with the best of these [default: 600 and 3000 steps; for regression 1200
    /// and 6000]
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        hide_default_value = true
    )]
    pub epochs: Vec<usize>,

    /// Optimizer of the networks
    #[arg(long, value_name = "NAME")]
    pub optimizer: OptimizerKind,

    /// How the learning rate falls over a training
    #[arg(long, value_name = "NAME")]
    pub lr_decay: LrDecay,

    /// Learning rates that are tried [default: 0.003,0.02; with sgd 0.02,0.05,0.1, less for more
    /// than 100 inputs]
    #[arg(
        long,
        value_name = "X,...",
        value_delimiter = ',',
        hide_default_value = true
    )]
    pub lr: Vec<f64>,

    /// Weight decays of adamw that are tried, and larger ones where the largest is best [default:
    /// 0,0.3,3]
    #[arg(
        long,
        value_name = "X,...",
        value_delimiter = ',',
        hide_default_value = true
    )]
    pub weight_decay: Vec<f64>,

    /// Put N test rows with their targets into the model, for exports with real rows; a model holds
    /// no rows otherwise
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub with_rows: usize,

    /// Seed of every draw
    #[arg(long, value_name = "N")]
    pub seed: u64,
}

/// For [`FitConfig::keep`]: the model has the activations that were best on the held-out rows.
pub const BEST: &str = "best";
/// The model has the learned activations.
pub const LEARNED: &str = "learned";

impl Default for FitConfig {
    fn default() -> Self {
        FitConfig {
            activate: ActivationSource::Learn,
            compare: ["relu", "tanh", "sine", "swish"].map(String::from).to_vec(),
            keep: BEST.into(),
            hidden: vec![50],
            start: "tanh+sine".into(),
            tables: LearningTables::default(),
            types: 2,
            schedule: MetaSchedule::Unrolled,
            steps: 100,
            runs: 5,
            epochs: vec![],
            optimizer: OptimizerKind::Adamw,
            lr_decay: LrDecay::Linear,
            lr: vec![],
            weight_decay: vec![],
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

    /// The same with the settings that follow from the task.
    #[must_use]
    pub fn settled(self, task: &Task) -> FitConfig {
        FitConfig {
            lr: self.lrs(task.inputs),
            epochs: self.lengths(task),
            ..self
        }
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
                vec![0.003, 0.02]
            }
        }
    }

    /// The weight decays that are tried; one entry without a number for an optimizer that has none.
    #[must_use]
    pub fn weight_decays(&self) -> Vec<Option<f64>> {
        let all = match self.optimizer {
            _ if !self.weight_decay.is_empty() => self.weight_decay.clone(),
            OptimizerKind::Adamw => vec![0.0, 0.3, 3.0],
            _ => return vec![None],
        };

        all.into_iter().map(Some).collect()
    }

    /// Epochs of the trainings that are tried, ascending. A function of numbers is fitted to a
    /// precision that a classification does not ask for.
    #[must_use]
    pub fn lengths(&self, task: &Task) -> Vec<usize> {
        let steps: usize = if task.is_classification() { 3000 } else { 6000 };
        let rows = task.train.rows().max(1);
        let in_an_epoch = rows.div_ceil(Self::batch(rows));
        let longest = steps.div_ceil(in_an_epoch).clamp(LEAST_EPOCHS, MOST_EPOCHS);

        let mut lengths = if self.epochs.is_empty() {
            vec![longest.div_ceil(5), longest]
        } else {
            self.epochs.clone()
        };

        lengths.sort_unstable();
        lengths.dedup();
        lengths
    }

    /// Epochs of the longest training.
    #[must_use]
    pub fn longest(&self, task: &Task) -> usize {
        self.lengths(task).last().copied().unwrap_or(1)
    }

    /// How networks are trained with `rows` rows, before learning rate, weight decay and epochs are
    /// chosen.
    #[must_use]
    pub fn train(&self, rows: usize) -> TrainConfig {
        TrainConfig {
            hidden: self.hidden.clone(),
            optimizer: self.optimizer,
            decay: Some(0.9).filter(|_| self.optimizer == OptimizerKind::Rmsprop),
            lr_decay: self.lr_decay,
            tables: self.tables,
            batch: Self::batch(rows),
            ..TrainConfig::default()
        }
    }

    /// The same with the longest training on `task`.
    #[must_use]
    pub fn longest_training(&self, task: &Task) -> TrainConfig {
        let epochs = self.longest(task);

        TrainConfig {
            epochs,
            every: epochs.max(1),
            ..self.train(task.train.rows())
        }
    }

    /// The names of the learned activations that are trained.
    #[must_use]
    pub fn learned(&self) -> Vec<String> {
        let mix = "mix".to_string();

        match &self.activate {
            ActivationSource::Learn => vec![learning_from(&self.start)],
            ActivationSource::Meta => vec![mix],
            ActivationSource::Given(_) => vec![learning_from(&mix), mix],
            ActivationSource::Classical => vec![],
        }
    }

    /// How activations are learned from the rows of a task.
    #[must_use]
    pub fn meta(&self, task: &Task) -> MetaConfig {
        let rows = task.train.rows();
        let basics = MetaBasics {
            types: Some(self.types),
            ..MetaBasics::default()
        };
        let default = MetaConfig::for_task(basics, task);

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
            MetaSchedule::Alternating => unrolled.alternating(task.inputs),
        }
    }

    /// Trainings of the stage that has most of them: that which chooses the settings, or the
    /// comparison.
    pub(crate) fn most_trainings(&self, task: &Task, divisions: usize) -> usize {
        let settings = self.lrs(task.inputs).len() * self.weight_decays().len();
        let each = (settings * divisions).max(self.runs);
        (self.compare.len() + self.learned().len()) * each
    }

    /// Whether there can still be a model if activations cannot be learned.
    pub(super) fn has_other_arms(&self) -> bool {
        self.keep != LEARNED && !self.compare.is_empty()
    }

    /// The activations that a search tries: the learned ones, then those to compare with.
    #[must_use]
    pub fn activations_to_try(&self) -> Vec<String> {
        let learned = match self.activate {
            ActivationSource::Learn => Some("learn"),
            ActivationSource::Meta => Some("meta"),
            ActivationSource::Given(_) | ActivationSource::Classical => None,
        };

        let learned = learned.map(String::from).into_iter();
        learned.chain(self.compare.iter().cloned()).collect()
    }

    /// Whether the layers have room for the types of some activations, and of those that the model
    /// is to have.
    fn check_shapes(&self, task: &Task) -> Result<()> {
        let widths = self.train(task.train.rows()).widths(task);
        let fits = |name: &String| Choice::named(name, None, false)?.shape(&widths).map(drop);
        let learning = self.learned().into_iter().filter(|name| !is_learned(name));
        let all: Vec<String> = self.compare.iter().cloned().chain(learning).collect();

        let wanted = |name: &&String| match self.keep.as_str() {
            BEST => true,
            LEARNED => is_learning(name),
            kept => *name == kept,
        };
        let mut faults = all.iter().filter(wanted).map(fits).peekable();

        if faults.peek().is_none() {
            return Ok(());
        }

        let faults: Vec<Result<()>> = faults.collect();
        if faults.iter().any(Result::is_ok) {
            return Ok(());
        }

        let advice = "give wider layers with `hidden`, or fewer types with `start` tanh";
        faults
            .into_iter()
            .find(Result::is_err)
            .unwrap_or(Ok(()))
            .context(advice)
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
            !self.epochs.contains(&0),
            "`epochs` 0: train for at least 1 epoch"
        );

        self.longest_training(task).check()?;

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

        for &weight_decay in &self.weight_decay {
            TrainConfig {
                weight_decay: Some(weight_decay),
                ..self.train(rows)
            }
            .check()?;
        }

        match &self.activate {
            ActivationSource::Meta => self.meta(task).check(task)?,
            ActivationSource::Learn => {
                Choice::of_bases(&self.start).context("`start`")?;
            }
            ActivationSource::Given(_) | ActivationSource::Classical => {}
        }

        ensure!(
            !(self.compare.is_empty() && matches!(self.activate, ActivationSource::Classical)),
            "there is nothing to train: give `compare` relu,tanh or learn activations"
        );

        for name in &self.compare {
            ensure!(
                !is_learned(name) && !is_learning(name),
                "`compare` {name}: name base functions, such as relu, tanh or tanh+sine"
            );
            Choice::of_bases(name).context("`compare`")?;
        }

        self.check_shapes(task)?;

        let classical = matches!(self.activate, ActivationSource::Classical);

        let kept = match self.keep.as_str() {
            BEST => true,
            LEARNED => !classical,
            name => self
                .compare
                .iter()
                .chain(&self.learned())
                .any(|c| c == name),
        };

        let learned = (!classical).then(|| LEARNED.to_string());
        let can: Vec<String> = self.compare.iter().cloned().chain(learned).collect();

        ensure!(
            kept,
            "`keep` {}: the model can have what is trained: {}, or {BEST}",
            self.keep,
            can.join(", ")
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
