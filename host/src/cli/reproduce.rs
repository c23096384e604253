//! `ldnn reproduce`

use super::Plan;
use super::common::{OutArgs, TaskArgs, toml_of};
use anyhow::{Result, ensure};
use clap::ValueEnum;
use ldnn::folder::RunFolder;
use ldnn::progress::Output;
use ldnn::reproduce::{self, Preset, ReproduceConfig};
use ldnn::task::Task;
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
pub struct Args {
    /// Which experiment
    #[arg(value_enum, default_value = "fig3")]
    experiment: Experiment,
    /// How much work
    #[arg(long, default_value = "default", value_name = "NAME")]
    preset: Preset,
    /// Seed of the first meta-learning run; everything else follows from it
    #[arg(long, default_value_t = 100, value_name = "N")]
    seed: u64,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    out: OutArgs,
}

const EXAMPLES: &str = "\
Examples:
  ldnn reproduce                     a few minutes on two processors
  ldnn reproduce --preset smoke      under half a minute: shows that everything runs
  ldnn reproduce --preset paper      50 networks of each kind, 5000 outer steps

It ends with the table of the paper's claims, what was measured, and a verdict that may be \"not reproduced\".";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Experiment {
    /// Evolution of two types from sine, and ensembles of relu, sine, tanh, type 1, type 2 and mixed networks
    Fig3,
}

#[derive(Serialize)]
struct Settings {
    task: String,
    reproduce: ReproduceConfig,
}

struct Resolved {
    settings: Settings,
    task: Task,
    out: PathBuf,
    replace: bool,
}

impl Args {
    pub fn dry_run(&self) -> bool {
        self.out.dry_run
    }

    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let Experiment::Fig3 = self.experiment;
        let task = self.task.load()?;
        ensure!(
            task.is_classification(),
            "reproduce fig3 needs class labels; use --task mnist1d or whole-number y in --data"
        );
        let reproduce = ReproduceConfig::new(self.preset, self.seed, &task);
        let preset = self.preset.to_possible_value().map_or(String::new(), |v| v.get_name().to_string());
        let out = self.out.path(&format!("out/fig3-{preset}"));
        let settings = Settings { task: self.task.describe(), reproduce };
        Ok(Resolved { settings, task, out, replace: self.out.replace })
    }
}

impl Plan for Resolved {
    fn describe(&self) -> Result<String> {
        Ok(format!("# to {}\n{}", self.out.display(), toml_of(&self.settings)?))
    }

    fn execute(&self, output: Output) -> Result<String> {
        let folder = RunFolder::open(&self.out, &self.settings, self.replace)?;
        reproduce::run(&self.settings.reproduce, &self.task, &folder, output)
    }
}
