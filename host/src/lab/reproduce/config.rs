//! The settings behind each preset.

use super::progression::{self, DepthConfig, ProgressionAmount};
use super::stage::{LearningStage, TaskName};
use crate::data::task::Task;
use crate::lab::analysis::spectrum::SpectrumConfig;
use crate::lab::experiments::forecast::ForecastConfig;
use crate::lab::experiments::hessian::HessianConfig;
use crate::lab::experiments::sizes::SizesConfig;
use crate::meta::MetaConfig;
use crate::train::{SelectConfig, TrainConfig, ValidateConfig};
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
    /// The paper's numbers: 50 networks per activation, 100 per size, thousands of outer steps.
    Paper,
}

/// One of the paper's experiments, or of ours about its claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Experiment {
    /// From homogeneous over diverse and learned to learned diverse layers
    Fig1,
    /// Evolution of two types from sine; ensembles of relu, sine, tanh, type 1, type 2 and mixed
    /// networks
    Fig3,
    /// Accuracy against network size, activations evolved from zero
    Fig4,
    /// Van der Pol: regression and closed-loop forecast
    Fig5,
    /// Accuracy against participation ratio
    Fig6,
    /// Traces and near-zero fractions of the Hessian
    Hessian,
    /// Other starting points: zero, identity, relu, tanh, sigmoid, elu
    Bases,
    /// Two hidden layers, with one set of types or two; three types
    Depth,
    /// Activations learned on one task, used on another
    Transfer,
    /// Clusters of learned activations
    Family,
    /// The alternating schedule against the unrolled one
    Schedules,
}

/// Rates and epochs to be chosen.
#[derive(Clone, Copy)]
pub(super) struct Choosing<'a> {
    /// The stage whose activations are trained.
    pub stage: &'static str,
    /// On which task.
    pub on: TaskName,
    /// How.
    pub config: &'a SelectConfig,
    /// For which ensemble.
    pub ensemble: &'a ValidateConfig,
}

/// Everything that `reproduce` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReproduceConfig {
    /// Where the settings come from.
    pub preset: Preset,
    /// The experiments.
    pub experiments: Vec<Experiment>,
    /// Fig. 1, question 1: ensembles at equal training.
    pub progression_equal: ValidateConfig,
    /// Fig. 1, question 2: each at its best, once for each depth of network.
    pub progression: Vec<DepthConfig>,
    /// Fig. 3, question 1: ensembles at equal training.
    pub equal: ValidateConfig,
    /// How each finds its best learning rate and number of epochs, on the main task.
    pub select: SelectConfig,
    /// Fig. 3, question 2: ensembles with each at its best.
    pub best: ValidateConfig,
    /// Fig. 4.
    pub sizes: SizesConfig,
    /// Fig. 5.
    pub forecast: ForecastConfig,
    /// How each finds its best learning rate for Fig. 5.
    pub forecast_select: SelectConfig,
    /// Fig. 6.
    pub participation: ValidateConfig,
    /// The Hessian.
    pub hessian: HessianConfig,
    /// Bases, depth, schedules.
    pub variants: ValidateConfig,
    /// Transfer: how networks are trained on the main task, on van der Pol, on digits.
    pub transfer: [ValidateConfig; 3],
    /// The meta-learning runs, which come first.
    pub stages: Vec<LearningStage>,
}

/// What a preset changes.
struct Amount {
    outer_seeds: usize,
    /// The same for what is beside the paper's figures.
    other_seeds: usize,
    authors_steps: usize,
    heldout_steps: usize,
    small_steps: usize,
    /// Networks per learned activation and outer seed.
    runs: usize,
    /// The same for what is beside the paper's figures.
    few: usize,
    epochs: usize,
    select_runs: usize,
    select_epochs: usize,
    lr: &'static [f64],
    widths: &'static [usize],
    size_runs: usize,
    hessian_width: usize,
    hessian_runs: usize,
    progression: ProgressionAmount,
}

impl Preset {
    fn amount(self) -> Amount {
        match self {
            Preset::Smoke => Amount {
                outer_seeds: 2,
                other_seeds: 2,
                authors_steps: 20,
                heldout_steps: 8,
                small_steps: 6,
                runs: 3,
                few: 2,
                epochs: 50,
                select_runs: 1,
                select_epochs: 20,
                lr: &[0.01, 0.02, 0.05, 0.1, 0.2],
                widths: &[10, 50],
                size_runs: 2,
                hessian_width: 10,
                hessian_runs: 1,
                progression: ProgressionAmount {
                    outer_seeds: 2,
                    steps: 3,
                    runs: 2,
                    equal_epochs: 50,
                    epochs: &[10],
                    lr: &[0.02],
                    weight_decay: &[0.3],
                    trials: 1,
                    deep: false,
                },
            },
            Preset::Default => Amount {
                outer_seeds: 5,
                other_seeds: 3,
                authors_steps: 250,
                heldout_steps: 100,
                small_steps: 30,
                runs: 3,
                few: 2,
                epochs: 500,
                select_runs: 2,
                select_epochs: 150,
                lr: &[0.02, 0.05, 0.1],
                widths: &[10, 30, 100, 200],
                size_runs: 2,
                hessian_width: 30,
                hessian_runs: 1,
                progression: ProgressionAmount {
                    outer_seeds: 5,
                    steps: 80,
                    runs: 2,
                    equal_epochs: 100,
                    epochs: &[100],
                    lr: &[0.03],
                    weight_decay: &[0.2, 0.5, 1.2],
                    trials: 1,
                    deep: false,
                },
            },
            Preset::Paper => Amount {
                outer_seeds: 5,
                other_seeds: 5,
                authors_steps: 2000,
                heldout_steps: 300,
                small_steps: 100,
                runs: 10,
                few: 5,
                epochs: 500,
                select_runs: 4,
                select_epochs: 300,
                lr: &[0.01, 0.02, 0.05, 0.1, 0.2],
                widths: &[10, 25, 50, 100, 200, 400],
                size_runs: 20,
                hessian_width: 100,
                hessian_runs: 1,
                progression: ProgressionAmount {
                    outer_seeds: 10,
                    steps: 200,
                    runs: 3,
                    equal_epochs: 500,
                    epochs: &[50, 200],
                    lr: &[0.01, 0.03, 0.1],
                    weight_decay: &[0.2, 0.5, 1.2],
                    trials: 1,
                    deep: true,
                },
            },
        }
    }
}

const CLASSICAL: [&str; 3] = ["relu", "sine", "tanh"];
const LEARNED: [&str; 3] = ["type1", "type2", "mix"];

fn names(parts: &[&[&str]]) -> Vec<String> {
    parts
        .iter()
        .flat_map(|p| p.iter().map(ToString::to_string))
        .collect()
}

impl ReproduceConfig {
    /// The settings of a preset, scaled down where `task` has few rows; only what `experiments`
    /// need is learned.
    #[must_use]
    pub fn new(
        preset: Preset,
        experiments: &[Experiment],
        seed: u64,
        task: &Task,
    ) -> ReproduceConfig {
        let a = preset.amount();

        let train = TrainConfig {
            momentum: Some(0.8),
            epochs: a.epochs,
            every: 10,
            ..TrainConfig::default()
        };

        let ensemble = |compare: Vec<String>, runs: usize, train: TrainConfig| ValidateConfig {
            compare,
            runs,
            seed: seed + 1,
            train,
            ..ValidateConfig::default()
        };

        let all = || names(&[&CLASSICAL, &LEARNED]);

        let brief = |lr: f64, epochs: usize| TrainConfig {
            lr,
            epochs,
            every: epochs,
            ..train.clone()
        };

        let select = |lr: &[f64], rows: usize| SelectConfig {
            lr: lr.to_vec(),
            runs: a.select_runs,
            epochs: a.select_epochs,
            lr_times_epochs: 10.0,
            validation_rows: (rows / 5).max(1),
            seed: seed + 1,
            train: train.clone(),
        };

        let short = |epochs: usize| {
            if preset == Preset::Smoke {
                epochs.min(10)
            } else {
                epochs
            }
        };

        let small = TrainConfig {
            hidden: vec![a.hessian_width],
            ..brief(0.01, a.epochs)
        };

        let learned = LEARNED.iter().map(ToString::to_string);
        let progression_equal = ensemble(
            progression::fixed_layers()
                .into_iter()
                .chain(learned)
                .collect(),
            a.progression.runs,
            TrainConfig {
                epochs: a.progression.equal_epochs,
                ..train.clone()
            },
        );

        let study = ReproduceConfig {
            preset,
            experiments: experiments.to_vec(),
            progression: progression::depths(&a.progression, &progression_equal, task),
            progression_equal,
            equal: ensemble(all(), a.runs, train.clone()),
            select: select(a.lr, task.train.rows()),
            best: ensemble(all(), a.runs, train.clone()),
            sizes: SizesConfig {
                widths: a.widths.to_vec(),
                ensemble: ensemble(all(), a.size_runs, brief(0.01, short(100))),
            },
            forecast: ForecastConfig {
                ensemble: ensemble(all(), a.runs, brief(0.01, a.epochs)),
                orbit: 125,
                dt: 0.1,
                valid: 0.4,
            },
            forecast_select: SelectConfig {
                lr_times_epochs: 50.0,
                ..select(&[0.01, 0.03, 0.1], 4000)
            },
            participation: ensemble(all(), a.runs, brief(0.01, short(200))),
            hessian: HessianConfig {
                ensemble: ensemble(all(), a.hessian_runs, small),
                spectrum: SpectrumConfig {
                    probes: 16,
                    ..SpectrumConfig::default()
                },
            },
            variants: ensemble(
                names(&[&CLASSICAL, &["mix"]]),
                a.few,
                brief(0.05, short(60)),
            ),
            transfer: [(0.05, 60), (0.03, 200), (0.05, 60)].map(|(lr, epochs)| {
                ensemble(names(&[&CLASSICAL]), a.few, brief(lr, short(epochs)))
            }),
            stages: vec![],
        };

        ReproduceConfig {
            stages: stages(&a, experiments, seed, task),
            ..study
        }
    }

    /// The stages for which learning rates and epochs are chosen, one entry per experiment that asks for
    /// it.
    pub(super) fn choices(&self) -> Vec<Choosing<'_>> {
        let main = |stage, ensemble| Choosing {
            stage,
            on: TaskName::Main,
            config: &self.select,
            ensemble,
        };

        let forecast = Choosing {
            stage: "vanderpol",
            on: TaskName::Vanderpol,
            config: &self.forecast_select,
            ensemble: &self.forecast.ensemble,
        };

        let of = [
            (Experiment::Fig3, main("sine", &self.best)),
            (Experiment::Fig4, main("zero", &self.sizes.ensemble)),
            (Experiment::Fig5, forecast),
            (Experiment::Fig6, main("sine", &self.participation)),
            (Experiment::Hessian, main("sine", &self.hessian.ensemble)),
        ];

        of.into_iter()
            .filter(|(e, _)| self.does(*e))
            .map(|(_, choosing)| choosing)
            .collect()
    }

    /// Whether this experiment is to be done.
    #[must_use]
    pub fn does(&self, experiment: Experiment) -> bool {
        self.experiments.contains(&experiment)
    }
}

impl Experiment {
    /// All of them, in the order of the report.
    pub const ALL: [Experiment; 11] = [
        Experiment::Fig1,
        Experiment::Fig3,
        Experiment::Fig4,
        Experiment::Fig5,
        Experiment::Fig6,
        Experiment::Hessian,
        Experiment::Bases,
        Experiment::Depth,
        Experiment::Transfer,
        Experiment::Family,
        Experiment::Schedules,
    ];

    /// The names of the stages that it needs.
    fn stages(self) -> &'static [&'static str] {
        match self {
            Experiment::Fig1 => &["authors", "one", "two", "one-deep", "two-deep"],
            Experiment::Fig3 | Experiment::Fig6 | Experiment::Hessian => &["authors", "sine"],
            Experiment::Fig4 => &["zero"],
            Experiment::Fig5 => &["vanderpol"],
            Experiment::Bases | Experiment::Family => {
                &["sine", "zero", "identity", "relu", "tanh", "sigmoid", "elu"]
            }
            Experiment::Depth => &["two-layers", "two-layers-own", "three-types"],
            Experiment::Transfer => &["sine", "vanderpol", "digits"],
            Experiment::Schedules => &["sine", "alternating"],
        }
    }
}

/// The stages of the paper's figures.
const FIGURES: [&str; 4] = ["authors", "sine", "zero", "vanderpol"];

fn stages(a: &Amount, experiments: &[Experiment], seed: u64, task: &Task) -> Vec<LearningStage> {
    // As many rows held out as `ldnn meta` holds out.
    let held_out = (task.train.rows() / 4).max(1);

    let heldout = MetaConfig {
        seed: seed + 1,
        steps: a.heldout_steps,
        held_out,
        ..MetaConfig::gradient_descent()
    };

    let seeds = |name: &str| {
        if FIGURES.contains(&name) {
            a.outer_seeds
        } else {
            a.other_seeds
        }
    };

    let stage = |name: &str, on: TaskName, meta: MetaConfig| LearningStage {
        name: name.into(),
        on,
        seeds: seeds(name),
        meta,
    };

    let mut all = vec![
        stage(
            "authors",
            TaskName::Main,
            MetaConfig {
                seed,
                ..MetaConfig::authors(a.authors_steps)
            },
        ),
        stage("sine", TaskName::Main, heldout.clone()),
        stage(
            "zero",
            TaskName::Main,
            MetaConfig {
                base: "zero".into(),
                ..heldout.clone()
            },
        ),
    ];

    for base in ["identity", "relu", "tanh", "sigmoid", "elu"] {
        let meta = MetaConfig {
            base: base.into(),
            steps: a.small_steps,
            ..heldout.clone()
        };
        all.push(stage(base, TaskName::Main, meta));
    }

    let small = MetaConfig {
        steps: a.small_steps,
        ..heldout.clone()
    };

    let two = MetaConfig {
        hidden: vec![100, 100],
        inner_lr: 0.1,
        ..small.clone()
    };

    all.extend([
        stage("two-layers", TaskName::Main, two.clone()),
        stage(
            "two-layers-own",
            TaskName::Main,
            MetaConfig {
                per_layer: true,
                ..two
            },
        ),
        stage(
            "three-types",
            TaskName::Main,
            MetaConfig {
                types: 3,
                ..small.clone()
            },
        ),
        stage(
            "alternating",
            TaskName::Main,
            heldout.alternating(task.inputs),
        ),
        stage("vanderpol", TaskName::Vanderpol, vanderpol(&heldout)),
        stage(
            "digits",
            TaskName::Digits,
            MetaConfig {
                held_out: 359,
                ..small
            },
        ),
    ]);

    all.extend(progression::stages(&a.progression, seed, task));

    all.retain(|l| {
        experiments
            .iter()
            .any(|e| e.stages().contains(&l.name.as_str()))
    });

    all
}

/// A regression whose losses are a hundredth of a cross-entropy: a smaller step for the weights, a
/// hundred times larger one for the activations, and no noise, which would drown the errors that
/// are to be learned from.
fn vanderpol(heldout: &MetaConfig) -> MetaConfig {
    MetaConfig {
        inner_lr: 0.05,
        outer_lr: 40.0,
        noise: 0.0,
        held_out: 1000,
        ..heldout.clone()
    }
}
