//! `ldnn reproduce`

use super::common::{OutArgs, RunPlan, ShardArgs, TaskArgs, task_named};
use super::plan::Plan;
use super::plan::Resume;
use crate::config::{Layers, SettingsFile, StoredConfig};
use crate::data::task::Task;
use crate::lab::reproduce::{self, Costs, Experiment, Preset, ReproduceConfig};
use crate::lab::study::Stage;
use crate::run::RunFolder;
use crate::support::progress::Output;
use anyhow::{Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use toml::Table;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
pub struct ReproduceArgs {
    /// Which experiments; 'all' for every one [default: fig1]
    #[arg(value_name = "EXPERIMENT", value_parser = which)]
    experiments: Vec<Which>,
    /// How much work [default: default]
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,
    /// Seed of the first meta-learning run; everything else follows from it [default: 100]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    shard: ShardArgs,
    #[command(flatten)]
    pub out: OutArgs,
}

const EXAMPLES: &str = "\
Experiments:
  fig1       from homogeneous over diverse and learned to learned diverse layers, each trained as well as can be
  fig3       evolution of two types from sine; ensembles of relu, sine, tanh, type 1, type 2 and mixed networks
  fig4       accuracy against network size, activations evolved from zero
  fig5       van der Pol: regression and closed-loop forecast
  fig6       accuracy against participation ratio
  hessian    traces and near-zero fractions of the Hessian
  bases      other starting points: zero, identity, relu, tanh, sigmoid, elu
  depth      two hidden layers, with one set of types or two; three types
  transfer   activations learned on one task, used on another
  family     clusters of learned activations
  schedules  the alternating schedule against the unrolled one

Examples:
  ldnn reproduce                       Figure 1, a few minutes on two processors
  ldnn reproduce all                   everything, a quarter of an hour
  ldnn reproduce all --preset smoke    under two minutes: shows that everything runs
  ldnn reproduce fig4 hessian          two of them

It writes report.html (self-contained), report.md, and every figure as SVG, PNG and CSV. The report has the paper's claims,
what was measured, and a verdict that may be \"not reproduced\".";

/// One experiment, or all.
#[derive(Clone, Copy)]
enum Which {
    All,
    One(Experiment),
}

fn which(text: &str) -> Result<Which, String> {
    if text == "all" {
        return Ok(Which::All);
    }

    let names = || {
        Experiment::value_variants()
            .iter()
            .filter_map(|e| Some(e.to_possible_value()?.get_name().to_string()))
    };

    let unknown = |_| {
        format!(
            "the experiments are all, {}",
            names().collect::<Vec<_>>().join(", ")
        )
    };

    Experiment::from_str(text, false)
        .map(Which::One)
        .map_err(unknown)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReproduceSettings {
    task: String,
    reproduce: ReproduceConfig,
}

/// What decides nearly all settings.
#[derive(Default)]
struct ReproduceRequest {
    experiments: Vec<Experiment>,
    preset: Option<Preset>,
    seed: Option<u64>,
}

impl ReproduceArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let asked = ReproduceRequest {
            experiments: self.experiments(),
            preset: self.preset,
            seed: self.seed,
        };

        let (settings, task) = asked.settings(&self.out.layers(SECTION)?, &self.task)?;
        let preset = settings
            .reproduce
            .preset
            .to_possible_value()
            .map_or(String::new(), |v| v.get_name().to_string());

        let name = name_of(&settings.reproduce.experiments);
        let data = TaskArgs::file_of(&settings.task);
        let cost = settings.reproduce.costs(&task)?.cost();

        let plan = self.out.plan(
            &format!("out/{name}-{preset}"),
            settings,
            task,
            |s, t, f, o| work(s, t, f, Stage::All, o),
        );

        plan.costing(cost).reading(data).sharing(&self.shard)
    }

    fn experiments(&self) -> Vec<Experiment> {
        let wanted = |e: &Experiment| {
            self.experiments.iter().any(|w| match w {
                Which::All => true,
                Which::One(one) => one == e,
            })
        };
        Experiment::ALL.into_iter().filter(wanted).collect()
    }
}

/// The table of its settings.
const SECTION: &str = "reproduce";

/// Whether a study's file is one of reproduce.
pub fn is_study(file: &SettingsFile) -> bool {
    file.values().contains_key(SECTION)
}

/// A study of reproduce, for `ldnn run`.
pub struct OfFile {
    settings: ReproduceSettings,
    task: Task,
}

impl OfFile {
    /// From its file and assignments.
    pub fn read(file: SettingsFile, sets: &[String]) -> Result<OfFile> {
        let (settings, task) = ReproduceRequest::default().settings(
            &Layers::above(SECTION, Some(file), sets)?,
            &TaskArgs::default(),
        )?;
        Ok(OfFile { settings, task })
    }

    pub fn costs(&self) -> Result<Costs> {
        self.settings.reproduce.costs(&self.task)
    }

    /// The plan to do a stage of it.
    pub fn plan(
        self,
        resume: Resume,
        replace: Option<bool>,
        stage: Stage,
    ) -> Result<RunPlan<ReproduceSettings>> {
        let cost = self.costs()?.cost();
        let data = TaskArgs::file_of(&self.settings.task);

        let work = match stage {
            Stage::All | Stage::Train => |s: &_, t: &_, f: &_, o| work(s, t, f, Stage::All, o),
            Stage::Learn => |s: &_, t: &_, f: &_, o| work(s, t, f, Stage::Learn, o),
            Stage::Select => |s: &_, t: &_, f: &_, o| work(s, t, f, Stage::Select, o),
        };

        let plan = RunPlan::resume(self.settings, self.task, work, resume)
            .of("reproduce")
            .costing(cost)
            .reading(data);

        Ok(match replace {
            Some(replace) => plan.replacing(replace),
            None => plan,
        })
    }
}

impl ReproduceRequest {
    fn settings(&self, layers: &Layers, task: &TaskArgs) -> Result<(ReproduceSettings, Task)> {
        let (task_name, task) = task.load(layers)?;
        ensure!(
            task.is_classification(),
            "reproduce needs class labels; use --task mnist1d or whole-number y in --data"
        );

        let settings = ReproduceSettings {
            reproduce: self.study(layers, &task)?,
            task: task_name.clone(),
        };
        let settings = ReproduceSettings {
            task: task_name,
            ..layers.resolve(settings, &Table::new())?
        };

        settings.reproduce.check(&task)?;
        Ok((settings, task))
    }

    /// The settings before a file and assignments.
    fn study(&self, layers: &Layers, task: &Task) -> Result<ReproduceConfig> {
        if layers.in_file("reproduce.stages") {
            let given = [
                ("--preset", self.preset.is_some()),
                ("--seed", self.seed.is_some()),
                ("EXPERIMENT", !self.experiments.is_empty()),
            ];

            for (flag, given) in given {
                ensure!(
                    !given,
                    "{flag}: the --config holds all that would follow from it; leave one of the two out, and change single \
                     settings with --set"
                );
            }
        }

        let preset = layers
            .pick("reproduce.preset", self.preset)?
            .unwrap_or(Preset::Default);
        let flag = (!self.experiments.is_empty()).then(|| self.experiments.clone());
        let experiments = layers
            .pick("reproduce.experiments", flag)?
            .unwrap_or_else(|| vec![Experiment::Fig1]);

        ensure!(
            self.seed.is_none_or(|seed| seed <= u64::from(u32::MAX)),
            "--seed: other seeds count on from it; at most {}",
            u32::MAX
        );

        Ok(ReproduceConfig::new(
            preset,
            &experiments,
            self.seed.unwrap_or(100),
            task,
        ))
    }
}

/// The plan of a run with these settings, without work of its own.
pub fn resume(config: &StoredConfig, resume: Resume) -> Result<Box<dyn Plan>> {
    let settings: ReproduceSettings = config.settings()?;
    let task = task_named(&settings.task, true)?;
    OfFile { settings, task }
        .plan(resume, None, Stage::All)
        .map(|plan| Box::new(plan) as Box<dyn Plan>)
}

fn work(
    settings: &ReproduceSettings,
    task: &Task,
    folder: &RunFolder,
    stage: Stage,
    output: Output,
) -> Result<String> {
    reproduce::run(&settings.reproduce, task, folder, stage, output)
}

/// Of the run folder.
fn name_of(experiments: &[Experiment]) -> String {
    if experiments.len() == Experiment::ALL.len() {
        return "all".into();
    }

    let names = experiments
        .iter()
        .filter_map(|e| Some(e.to_possible_value()?.get_name().to_string()));

    names.collect::<Vec<_>>().join("-")
}
