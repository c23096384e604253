//! What the commands that train ensembles have in common.

use super::common::TaskArgs;
use super::idle::{NO_TABLES, TABLES, Typed};
use super::settings::Flags;
use crate::config::Layers;
use crate::data::task::Task;
use crate::formats::read_activations;
use crate::model::names::{is_any_learned, is_learning};
use crate::train::{SeededActivations, TrainConfig, ValidateConfig, lr_scale};
use anyhow::{Context, Result};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::Table;

#[derive(clap::Args)]
pub struct EnsembleArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// Learned activations: a run folder of `ldnn meta`, its activations.json, or an
    /// activations.txt with samples on linspace(-5, 5), one line per type; several (from other
    /// outer seeds) are compared as one method
    #[arg(long, value_name = "FILE,...", value_delimiter = ',')]
    activations: Option<Vec<PathBuf>>,
    #[command(flatten)]
    flags: Flags<ValidateConfig>,
}

/// An experiment on ensembles of networks.
pub trait OnEnsembles {
    /// Its ensembles.
    fn ensembles(&mut self) -> &mut ValidateConfig;
}

impl OnEnsembles for ValidateConfig {
    fn ensembles(&mut self) -> &mut ValidateConfig {
        self
    }
}

/// The settings of an experiment on some task with some learned activations.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentSettings<C> {
    /// A task's name, or a file.
    pub task: String,
    /// Where learned activations are to be read from; they themselves are what is stored.
    #[serde(default, skip_serializing, rename = "activations")]
    _activations: IgnoredAny,
    /// The learned types themselves: another file is another run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learned: Vec<SeededActivations>,
    /// What is done with them.
    pub experiment: C,
}

/// What the user says, and what an experiment starts from.
pub struct Start {
    layers: Layers,
    task: String,
    learned: Vec<SeededActivations>,
    files: Vec<PathBuf>,
}

impl Start {
    /// The files that were read.
    pub fn files(&self) -> Vec<PathBuf> {
        self.files.clone()
    }

    /// The resolved settings; `flags` are those of the experiment.
    pub fn resolve<C>(self, default: C, flags: &Table) -> Result<ExperimentSettings<C>>
    where
        C: Serialize + DeserializeOwned + OnEnsembles,
    {
        let default = ExperimentSettings {
            task: self.task.clone(),
            _activations: IgnoredAny,
            learned: vec![],
            experiment: default,
        };

        let mut resolved = self.layers.resolve(default, flags)?;
        let ensembles = resolved.experiment.ensembles();
        check_idle(ensembles, &Typed::new(flags, &self.layers))?;
        ensembles.train = ensembles.train.clone().settled()?;

        Ok(ExperimentSettings {
            task: self.task,
            learned: self.learned,
            ..resolved
        })
    }
}

/// Refuses settings of activations that no ensemble has.
fn check_idle(ensembles: &ValidateConfig, typed: &Typed) -> Result<()> {
    let some = |is: fn(&str) -> bool| ensembles.compare.iter().any(|name| is(name));

    typed.refuse(!some(is_learning), &TABLES, NO_TABLES)?;
    typed.refuse(
        !some(is_any_learned),
        &["exact"],
        "is of learned activations, and `compare` names none",
    )
}

impl EnsembleArgs {
    /// The task, the learned activations, and ensembles as they are by default.
    pub fn start(&self, layers: Layers) -> Result<(Task, ValidateConfig, Start)> {
        self.start_on(layers, None)
    }

    /// The same with another usual task than that of the activations.
    pub fn start_on(
        &self,
        layers: Layers,
        usual: Option<&str>,
    ) -> Result<(Task, ValidateConfig, Start)> {
        let given: Option<Vec<PathBuf>> = layers.pick("activations", self.activations.clone())?;
        let (name, task) = match usual {
            Some(usual) => self.task.load_or(&layers, usual)?,
            None => self
                .task
                .load_like(&layers, given.as_deref().unwrap_or_default())?,
        };
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

    /// The flags of the ensembles, which are the settings under the key `section`.
    pub fn given(&self, section: &str) -> Table {
        self.flags.given(section)
    }
}

/// What was learned, numbered from 1 in the order given.
fn read_all(files: &[PathBuf]) -> Result<Vec<SeededActivations>> {
    let read = |(i, path): (usize, &PathBuf)| {
        Ok((
            i as u64 + 1,
            read_activations(path).context("--activations")?,
        ))
    };
    files.iter().enumerate().map(read).collect()
}

fn default_ensembles(learned: &[SeededActivations], task: &Task) -> ValidateConfig {
    let ensembles = ValidateConfig::default();

    ValidateConfig {
        compare: names(&ensembles.compare, learned),
        train: TrainConfig {
            lr: ensembles.train.lr * lr_scale(task.inputs),
            ..ensembles.train
        },
        ..ensembles
    }
}

/// These classical activations, and all that was learned.
fn names(classical: &[String], learned: &[SeededActivations]) -> Vec<String> {
    let types = learned
        .iter()
        .map(|(_, activations)| activations.types_in_a_layer())
        .min()
        .unwrap_or(0);

    let learned = (1..=types)
        .map(|t| format!("type{t}"))
        .chain((types > 0).then(|| "mix".into()));

    classical.iter().cloned().chain(learned).collect()
}
