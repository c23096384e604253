//! `ldnn reproduce`

use super::Plan;
use super::common::{OutArgs, TaskArgs};
use anyhow::{Result, ensure};
use clap::ValueEnum;
use ldnn::reproduce::{self, Preset, ReproduceConfig};
use serde::Serialize;

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
    pub out: OutArgs,
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

impl Args {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let Experiment::Fig3 = self.experiment;
        let task = self.task.load()?;
        ensure!(
            task.is_classification(),
            "reproduce fig3 needs class labels; use --task mnist1d or whole-number y in --data"
        );
        let reproduce = ReproduceConfig::new(self.preset, self.seed, &task);
        let preset = self.preset.to_possible_value().map_or(String::new(), |v| v.get_name().to_string());
        let settings = Settings { task: self.task.describe(), reproduce };
        Ok(self.out.plan(&format!("out/fig3-{preset}"), settings, task, |settings, task, folder, output| {
            reproduce::run(&settings.reproduce, task, folder, output)
        }))
    }
}
