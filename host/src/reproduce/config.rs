//! The settings behind each preset.

use crate::meta::MetaConfig;
use crate::task::Task;
use crate::train::{Optimiser, TrainConfig};
use crate::validate::ValidateConfig;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How much work `reproduce` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Seconds: shows that everything runs; too little learning to judge the claims.
    Smoke,
    /// Minutes.
    Default,
    /// The paper's numbers: 50 networks of each kind, 5000 outer steps.
    Paper,
}

/// How each activation finds its own learning rate and number of epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectConfig {
    /// The learning rates that are tried.
    pub rates: Vec<f64>,
    /// Networks for each rate.
    pub runs: usize,
    /// The longest training.
    pub epochs: usize,
    /// Largest product of rate and epochs: a larger step gets there sooner.
    pub rate_times_epochs: f64,
    /// Training rows that are kept for the choice.
    pub validation_rows: usize,
    /// Networks trained with the choice, on all training rows.
    pub final_runs: usize,
    /// Names of the activations that are not learned.
    pub classical: Vec<String>,
}

/// Everything that `reproduce fig3` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReproduceConfig {
    /// Where the settings come from.
    pub preset: Preset,
    /// Runs of the held-out meta-learning, with seeds from that of `heldout` on.
    pub outer_seeds: usize,
    /// Question 1: meta-learning with the authors' objective.
    pub authors: MetaConfig,
    /// Question 1: ensembles at equal training.
    pub equal: ValidateConfig,
    /// Question 2: meta-learning with the held-out objective.
    pub heldout: MetaConfig,
    /// Question 2: each activation at its best.
    pub select: SelectConfig,
}

/// What a preset changes.
struct Amount {
    outer_steps: usize,
    heldout_steps: usize,
    outer_seeds: usize,
    runs: usize,
    epochs: usize,
    select_runs: usize,
    select_epochs: usize,
}

impl Preset {
    fn amount(self) -> Amount {
        match self {
            Preset::Smoke => Amount {
                outer_steps: 30,
                heldout_steps: 12,
                outer_seeds: 2,
                runs: 3,
                epochs: 50,
                select_runs: 1,
                select_epochs: 20,
            },
            Preset::Default => Amount {
                outer_steps: 800,
                heldout_steps: 300,
                outer_seeds: 3,
                runs: 10,
                epochs: 500,
                select_runs: 4,
                select_epochs: 300,
            },
            Preset::Paper => Amount {
                outer_steps: 5000,
                heldout_steps: 500,
                outer_seeds: 5,
                runs: 50,
                epochs: 500,
                select_runs: 4,
                select_epochs: 300,
            },
        }
    }
}

impl SelectConfig {
    /// The longest training at `rate`.
    #[must_use]
    pub fn epochs_at(&self, rate: f64) -> usize {
        ((self.rate_times_epochs / rate).round() as usize).clamp(1, self.epochs)
    }
}

impl ReproduceConfig {
    /// The settings of a preset, scaled down where `task` has few rows.
    #[must_use]
    pub fn new(preset: Preset, seed: u64, task: &Task) -> ReproduceConfig {
        let amount = preset.amount();
        let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        let train = TrainConfig {
            hidden: vec![100],
            optimiser: Optimiser::Sgd,
            rate: 0.01,
            momentum: 0.8,
            batch: 200,
            epochs: amount.epochs,
            shuffle: true,
            every: 10,
        };
        ReproduceConfig {
            preset,
            outer_seeds: amount.outer_seeds,
            authors: MetaConfig { seed, ..MetaConfig::authors(amount.outer_steps) },
            equal: ValidateConfig {
                activations: names(&["relu", "sine", "tanh", "type1", "type2", "mix"]),
                runs: amount.runs,
                seed: seed + 1,
                exact: false,
                train,
            },
            heldout: MetaConfig { seed: seed + 1, steps: amount.heldout_steps, ..MetaConfig::default() },
            select: SelectConfig {
                rates: vec![0.01, 0.02, 0.05, 0.1, 0.2],
                runs: amount.select_runs,
                epochs: amount.select_epochs,
                rate_times_epochs: 10.0,
                validation_rows: task.train.rows() / 5,
                final_runs: amount.runs,
                classical: names(&["relu", "sine", "tanh"]),
            },
        }
    }

    /// The settings of held-out run number `i`.
    #[must_use]
    pub fn heldout_run(&self, i: usize) -> MetaConfig {
        MetaConfig { seed: self.heldout.seed + i as u64, ..self.heldout.clone() }
    }
}
