//! What the commands that train ensembles have in common.

use super::common::TaskArgs;
use anyhow::{Context, Result};
use ldnn::activations::Activations;
use ldnn::task::Task;
use ldnn::train::{Optimiser, TrainConfig};
use ldnn::validate::{Learned, ValidateConfig};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct EnsembleArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// Learned activations: a run folder of `ldnn meta`, its activations.json, or an activations.txt with samples on
    /// linspace(-5, 5), one line a type; several (from other outer seeds) are compared as one method
    #[arg(long, value_name = "FILE,...", value_delimiter = ',')]
    activations: Vec<PathBuf>,
    /// What to compare: base functions, type1, type2, ..., mix [default: relu,sine,tanh, and all that was learned]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    compare: Vec<String>,
    /// Networks of each kind; of learned ones so many for each of --activations, of the others as many in all
    #[arg(long, default_value_t = 10, value_name = "N")]
    runs: usize,
    /// Passes over the training rows
    #[arg(long, default_value_t = 100, value_name = "N")]
    epochs: usize,
    /// Record the curve every so many epochs
    #[arg(long, default_value_t = 5, value_name = "N")]
    every: usize,
    /// Optimiser
    #[arg(long, default_value = "sgd", value_name = "NAME")]
    optimiser: Optimiser,
    /// Learning rate
    #[arg(long, default_value_t = 0.01, value_name = "X")]
    rate: f64,
    /// Momentum; decay of the mean square for rmsprop; beta1 for adam
    #[arg(long, default_value_t = 0.8, value_name = "X")]
    momentum: f64,
    /// Rows a training step
    #[arg(long, default_value_t = 200, value_name = "ROWS")]
    batch: usize,
    /// Take the rows in file order in every epoch
    #[arg(long)]
    no_shuffle: bool,
    /// Widths of the hidden layers
    #[arg(long, default_value = "100", value_name = "N,...", value_delimiter = ',')]
    hidden: Vec<usize>,
    /// Seed of the first network; the others have the next ones
    #[arg(long, default_value_t = 101, value_name = "N")]
    seed: u64,
    /// Evaluate learned activations directly instead of by tables
    #[arg(long)]
    exact: bool,
}

impl EnsembleArgs {
    /// What was learned, numbered from 1 in the order given.
    pub fn learned(&self) -> Result<Vec<Learned>> {
        let read = |(i, path): (usize, &PathBuf)| Ok((i as u64 + 1, Activations::read(path).context("--activations")?));
        self.activations.iter().enumerate().map(read).collect()
    }

    /// The checked settings.
    pub fn config(&self, task: &Task, learned: &[Learned]) -> Result<ValidateConfig> {
        let config = ValidateConfig {
            activations: self.names(learned),
            runs: self.runs,
            seed: self.seed,
            exact: self.exact,
            keep_networks: false,
            train: TrainConfig {
                hidden: self.hidden.clone(),
                optimiser: self.optimiser,
                rate: self.rate,
                momentum: self.momentum,
                batch: self.batch,
                epochs: self.epochs,
                shuffle: !self.no_shuffle,
                every: self.every,
            },
        };
        config.entrants(task, learned)?;
        Ok(config)
    }

    fn names(&self, learned: &[Learned]) -> Vec<String> {
        if !self.compare.is_empty() {
            return self.compare.clone();
        }
        let classical = ["relu", "sine", "tanh"].map(String::from);
        let types = learned.iter().map(|(_, a)| a.types_in_a_layer()).min().unwrap_or(0);
        let learned = (1..=types).map(|t| format!("type{t}")).chain((types > 0).then(|| "mix".into()));
        classical.into_iter().chain(learned).collect()
    }
}
