//! What an ensemble is: which activations, how many networks of each, and how they are trained.

use super::ensemble::{Arm, Job, SeededActivations, arms};
use super::select::Hyperparameters;
use super::training::TrainConfig;
use crate::data::task::Task;
use crate::support::memory::{MOST, MOST_TIMES, check_size};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is trained how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct ValidateConfig {
    /// What to compare: base functions, type1, type2, ..., mix [default: relu,sine,tanh, and all
    /// that was learned]
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        hide_default_value = true
    )]
    pub compare: Vec<String>,

    /// Networks per activation; learned ones have as many for each of --activations, the others as
    /// many in all
    #[arg(long, value_name = "N")]
    pub runs: usize,

    /// Seed of the first network; the others have the next ones, the same for every activation
    #[arg(long, value_name = "N")]
    pub seed: u64,

    /// Evaluate learned activations directly instead of by tables
    #[arg(long)]
    pub exact: bool,

    /// Whether every trained network is written to a file.
    #[arg(skip)]
    #[serde(default)]
    pub keep_networks: bool,

    /// How they are trained.
    #[command(flatten)]
    pub train: TrainConfig,
}

impl Default for ValidateConfig {
    /// Ten networks of each of the paper's classical activations.
    fn default() -> Self {
        ValidateConfig {
            compare: ["relu", "sine", "tanh"].map(String::from).to_vec(),
            runs: 10,
            seed: 101,
            exact: false,
            keep_networks: false,
            train: TrainConfig::default(),
        }
    }
}

impl ValidateConfig {
    /// The activations, each learned one once per outer seed.
    ///
    /// # Errors
    /// With field, value and remedy, if a setting is impossible.
    pub fn arms(&self, task: &Task, learned: &[SeededActivations]) -> Result<Vec<Arm>> {
        ensure!(
            self.runs > 0,
            "`runs` 0: train at least 1 network per activation"
        );

        check_size("`runs`", self.runs, MOST)?;

        ensure!(
            self.seed <= u64::MAX - MOST_TIMES as u64,
            "`seed` {}: the seeds of the networks count on from it; give a smaller one",
            self.seed
        );

        ensure!(
            !self.compare.is_empty(),
            "`compare`: name at least one activation, e.g. relu"
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

        self.train.check()?;

        let arms = arms(&self.compare, learned, self.exact).context("`compare`")?;
        for e in &arms {
            e.choice
                .shape(&self.train.widths(task))
                .with_context(|| format!("`hidden` {:?}", self.train.hidden))?;
        }

        Ok(arms)
    }

    /// How many networks each arm has: `runs`, and for one without outer seeds as many as
    /// one with them has in all, so that its mean is known as well as theirs.
    #[must_use]
    pub fn networks(&self, arms: &[Arm]) -> Vec<usize> {
        let outer_seeds: BTreeSet<u64> = arms.iter().filter_map(|e| e.outer_seed).collect();
        let all = self.runs * outer_seeds.len().max(1);

        arms.iter()
            .map(|e| {
                if e.outer_seed.is_none() {
                    all
                } else {
                    self.runs
                }
            })
            .collect()
    }

    /// All networks together.
    ///
    /// # Errors
    /// As [`ValidateConfig::arms`].
    pub fn count(&self, task: &Task, learned: &[SeededActivations]) -> Result<usize> {
        Ok(self.networks(&self.arms(task, learned)?).iter().sum())
    }

    /// Every training: seed by seed, so that a run that is stopped has something of every arm.
    ///
    /// # Errors
    /// If `chosen` lacks an arm.
    pub fn jobs<'a>(
        &self,
        arms: &'a [Arm],
        chosen: Option<&[Hyperparameters]>,
    ) -> Result<Vec<Job<'a>>> {
        let config = |e: &Arm| match chosen {
            None => Ok(self.train.clone()),
            Some(all) => {
                let own = all.iter().find(|c| c.activation == e.choice.name);
                Ok(own
                    .with_context(|| {
                        format!("no learning rate was chosen for '{}'", e.choice.name)
                    })?
                    .apply(&self.train))
            }
        };

        let configs = arms.iter().map(config).collect::<Result<Vec<_>>>()?;
        let networks = self.networks(arms);

        let of = |i: usize| {
            let each = arms
                .iter()
                .zip(&configs)
                .zip(&networks)
                .filter(move |(_, networks)| i < **networks);

            let seed = self.seed + i as u64;

            each.map(move |((e, config), _)| Job {
                choice: &e.choice,
                config: config.clone(),
                seed,
            })
        };

        Ok((0..networks.iter().copied().max().unwrap_or(0))
            .flat_map(of)
            .collect())
    }
}
