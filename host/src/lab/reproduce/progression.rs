//! The settings of Fig. 1: its layers, its stages of meta-learning, its networks.

use super::stage::{LearningStage, TaskName};
use crate::data::task::Task;
use crate::lab::experiments::progression::ProgressionConfig;
use crate::meta::{MetaBasics, MetaConfig};
use crate::train::{LrDecay, OptimizerKind, TrainConfig, ValidateConfig};
use serde::{Deserialize, Serialize};

/// The progression of Fig. 1 in networks of one depth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthConfig {
    /// The name of its folder.
    pub name: String,
    /// The stages that learn one type, and two types.
    pub stages: [String; 2],
    /// How networks are trained and compared.
    #[serde(flatten)]
    pub progression: ProgressionConfig,
}

/// What a preset changes for Fig. 1.
pub(super) struct ProgressionAmount {
    pub outer_seeds: usize,
    pub steps: usize,
    /// Networks per learned arm and outer seed.
    pub runs: usize,
    /// Epochs at equal training.
    pub equal_epochs: usize,
    /// Epochs with each at its best.
    pub epochs: &'static [usize],
    pub lr: &'static [f64],
    pub weight_decay: &'static [f64],
    /// Networks for each setting.
    pub trials: usize,
    /// Whether networks with two hidden layers take part.
    pub deep: bool,
}

/// The layers of Fig. 1 with one classical activation.
const HOMOGENEOUS: [&str; 4] = ["relu", "tanh", "sine", "swish"];

/// Two of these in one layer, every pair once.
fn pairs_of(activations: &[&str]) -> Vec<String> {
    let after = |i: usize| activations.iter().skip(i + 1);
    let with = |(i, a): (usize, &&str)| after(i).map(|b| format!("{a}+{b}")).collect::<Vec<_>>();
    activations.iter().enumerate().flat_map(with).collect()
}

/// The layers of Fig. 1 that are not learned.
pub(super) fn fixed_layers() -> Vec<String> {
    let alone = HOMOGENEOUS.iter().map(ToString::to_string);
    alone.chain(pairs_of(&HOMOGENEOUS)).collect()
}

/// What is measured with each at its best, once for each depth of network. `equal`: the ensembles
/// at equal training, from which all other settings are taken.
pub(super) fn depths(
    p: &ProgressionAmount,
    equal: &ValidateConfig,
    task: &Task,
) -> Vec<DepthConfig> {
    let learning = format!("learning:{}", MetaConfig::default().base);
    let compare: Vec<String> = fixed_layers().into_iter().chain([learning]).collect();

    let depth = |name: &str, stages: [&str; 2], hidden: &[usize]| DepthConfig {
        name: name.into(),
        stages: stages.map(String::from),
        progression: ProgressionConfig {
            ensemble: ValidateConfig {
                compare: compare.clone(),
                train: TrainConfig {
                    hidden: hidden.to_vec(),
                    optimizer: OptimizerKind::Adamw,
                    lr_decay: LrDecay::Linear,
                    momentum: None,
                    ..equal.train.clone()
                },
                ..equal.clone()
            },
            lr: p.lr.to_vec(),
            weight_decay: p.weight_decay.to_vec(),
            epochs: p.epochs.to_vec(),
            trials: p.trials,
            validation_rows: (task.train.rows() / 5).max(1),
        },
    };

    let mut all = vec![depth("one-layer", ["one", "two"], &[100])];
    if p.deep {
        all.push(depth("two-layers", ["one-deep", "two-deep"], &[100, 100]));
    }

    all
}

/// Its stages: the recipe of `ldnn meta`, for one type and for two.
pub(super) fn stages(p: &ProgressionAmount, seed: u64, task: &Task) -> Vec<LearningStage> {
    let recipe = |types: usize| {
        let basics = MetaBasics {
            types: Some(types),
            ..MetaBasics::default()
        };
        MetaConfig {
            types,
            seed: seed + 1,
            steps: p.steps,
            ..MetaConfig::for_task(basics, task)
        }
    };
    let (one, two) = (recipe(1), recipe(2));

    let stage = |name: &str, meta: &MetaConfig, hidden: &[usize]| LearningStage {
        name: name.into(),
        on: TaskName::Main,
        seeds: p.outer_seeds,
        meta: MetaConfig {
            hidden: hidden.to_vec(),
            ..meta.clone()
        },
    };

    let mut all = vec![stage("one", &one, &[100]), stage("two", &two, &[100])];
    if p.deep {
        all.push(stage("one-deep", &one, &[100, 100]));
        all.push(stage("two-deep", &two, &[100, 100]));
    }

    all
}
