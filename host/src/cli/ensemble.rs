//! What the commands that train ensembles have in common.

use super::common::{TaskArgs, set};
use crate::config::Layers;
use crate::data::task::Task;
use crate::formats::read_activations;
use crate::train::{Learned, OptimizerKind, TrainConfig, ValidateConfig, lr_scale};
use anyhow::{Context, Result};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct EnsembleArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// Learned activations: a run folder of `ldnn meta`, its activations.json, or an activations.txt with samples on
    /// linspace(-5, 5), one line a type; several (from other outer seeds) are compared as one method
    #[arg(long, value_name = "FILE,...", value_delimiter = ',')]
    activations: Option<Vec<PathBuf>>,
    /// What to compare: base functions, type1, type2, ..., mix [default: relu,sine,tanh, and all that was learned]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    compare: Option<Vec<String>>,
    /// Networks of each kind; of learned ones so many for each of --activations, of the others as many in all [default: 10]
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
    /// Passes over the training rows [default: 100]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Record the curve every so many epochs [default: 5]
    #[arg(long, value_name = "N")]
    every: Option<usize>,
    /// OptimizerKind [default: sgd]
    #[arg(long, value_name = "NAME")]
    optimizer: Option<OptimizerKind>,
    /// Learning rate [default: 0.01, less for more than 100 inputs]
    #[arg(long, value_name = "X")]
    lr: Option<f64>,
    /// Momentum; decay of the mean square for rmsprop; beta1 for adam [default: 0.8]
    #[arg(long, value_name = "X")]
    momentum: Option<f64>,
    /// Rows a training step [default: 200]
    #[arg(long, value_name = "ROWS")]
    batch: Option<usize>,
    /// Take the rows in file order in every epoch
    #[arg(long)]
    no_shuffle: bool,
    /// Widths of the hidden layers [default: 100]
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    hidden: Option<Vec<usize>>,
    /// Seed of the first network; the others have the next ones [default: 101]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Evaluate learned activations directly instead of by tables
    #[arg(long)]
    exact: bool,
}

/// The settings of an experiment on some task with some learned activations.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings<C> {
    /// A task's name, or a file.
    pub task: String,
    /// Where learned activations are to be read from; they themselves are what is stored.
    #[serde(default, skip_serializing, rename = "activations")]
    _activations: IgnoredAny,
    /// The learned types themselves: another file is another run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learned: Vec<Learned>,
    /// What is done with them.
    pub experiment: C,
}

/// What the user says, and what an experiment starts from.
pub struct Start {
    layers: Layers,
    task: String,
    learned: Vec<Learned>,
    files: Vec<PathBuf>,
}

impl Start {
    /// The files that were read.
    pub fn files(&self) -> Vec<PathBuf> {
        self.files.clone()
    }

    /// The resolved settings.
    pub fn resolve<C: Serialize + DeserializeOwned>(
        self,
        default: C,
        flags: impl FnOnce(&mut C),
    ) -> Result<Settings<C>> {
        let Start {
            layers,
            task,
            learned,
            ..
        } = self;
        let start = Settings {
            task: task.clone(),
            _activations: IgnoredAny,
            learned: vec![],
            experiment: default,
        };
        let settings = layers.resolve(start, |s| flags(&mut s.experiment))?;
        Ok(Settings {
            task,
            learned,
            ..settings
        })
    }
}

impl EnsembleArgs {
    /// The task, the learned activations, and ensembles as they are by default.
    pub fn start(&self, layers: Layers) -> Result<(Task, ValidateConfig, Start)> {
        let (name, task) = self.task.load(&layers)?;
        let given: Option<Vec<PathBuf>> = layers.pick("activations", self.activations.clone())?;
        let learned = match &given {
            Some(files) => read_all(files)?,
            None => layers.pick("learned", None)?.unwrap_or_default(),
        };
        let files = given
            .into_iter()
            .flatten()
            .chain(TaskArgs::file_of(&name))
            .collect();
        let config = default_ensembles(&learned, &task);
        Ok((
            task,
            config,
            Start {
                layers,
                task: name,
                learned,
                files,
            },
        ))
    }

    /// Puts in what the flags say.
    pub fn apply(&self, c: &mut ValidateConfig) {
        set(&mut c.activations, &self.compare);
        set(&mut c.runs, &self.runs);
        set(&mut c.seed, &self.seed);
        c.exact |= self.exact;
        set(&mut c.train.hidden, &self.hidden);
        set(&mut c.train.optimizer, &self.optimizer);
        set(&mut c.train.lr, &self.lr);
        set(&mut c.train.momentum, &self.momentum);
        set(&mut c.train.batch, &self.batch);
        set(&mut c.train.epochs, &self.epochs);
        set(&mut c.train.every, &self.every);
        c.train.shuffle &= !self.no_shuffle;
    }
}

/// What was learned, numbered from 1 in the order given.
fn read_all(files: &[PathBuf]) -> Result<Vec<Learned>> {
    let read = |(i, path): (usize, &PathBuf)| {
        Ok((
            i as u64 + 1,
            read_activations(path).context("--activations")?,
        ))
    };
    files.iter().enumerate().map(read).collect()
}

fn default_ensembles(learned: &[Learned], task: &Task) -> ValidateConfig {
    ValidateConfig {
        activations: names(learned),
        runs: 10,
        seed: 101,
        exact: false,
        keep_networks: false,
        train: TrainConfig {
            hidden: vec![100],
            optimizer: OptimizerKind::Sgd,
            lr: 0.01 * lr_scale(task.inputs),
            momentum: 0.8,
            batch: 200,
            epochs: 100,
            shuffle: true,
            every: 5,
        },
    }
}

fn names(learned: &[Learned]) -> Vec<String> {
    let classical = ["relu", "sine", "tanh"].map(String::from);
    let types = learned
        .iter()
        .map(|(_, a)| a.types_in_a_layer())
        .min()
        .unwrap_or(0);
    let learned = (1..=types)
        .map(|t| format!("type{t}"))
        .chain((types > 0).then(|| "mix".into()));
    classical.into_iter().chain(learned).collect()
}
