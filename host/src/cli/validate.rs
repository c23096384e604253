//! `ldnn validate`

use super::common::{OutArgs, RunPlan, ShardArgs, task_named};
use super::ensemble::{EnsembleArgs, ExperimentSettings};
use super::plan::Plan;
use super::plan::Resume;
use super::settings::nested;
use crate::config::{StoredConfig, overlay};
use crate::data::task::Task;
use crate::lab::estimate::Cost;
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{ValidateConfig, validate};
use anyhow::Result;
use toml::Table;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
pub struct ValidateArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    /// Write every trained network to networks/NAME-SEED.json
    #[arg(long)]
    keep_networks: bool,
    #[command(flatten)]
    shard: ShardArgs,
    #[command(flatten)]
    pub out: OutArgs,
}

const EXAMPLES: &str = "\
Examples:
  ldnn validate --compare relu,sine,tanh --runs 20
  ldnn validate --activations out/meta --compare relu,type1,type2,mix --epochs 200 --out out/validate
  ldnn validate --activations out/seed1,out/seed2,out/seed3 --compare relu,mix

The run folder gets config.toml, trainings.jsonl (one line per training, curve included), trainings.csv, report.txt,
violins.svg/.png and curves.svg/.png. A training that diverges is recorded as diverged; the others go on.";

impl ValidateArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let (task, config, start) = self.ensemble.start(self.out.layers("experiment")?)?;
        let files = start.files();

        let mut flags = self.ensemble.given("experiment");

        if self.keep_networks {
            let keep = Table::from_iter([("keep_networks".to_string(), true.into())]);
            overlay(&mut flags, &nested("experiment", keep));
        }

        let settings = start.resolve(config, &flags)?;
        let count = settings.experiment.count(&task, &settings.learned)?;
        let cost = Cost::trainings(count, &settings.experiment.train, &task);

        self.out
            .plan("out/validate", settings, task, compare)
            .costing(cost)
            .reading(files)
            .sharing(&self.shard)
    }
}

/// The plan of a run with these settings, without work of its own.
pub fn resume(config: &StoredConfig, resume: Resume) -> Result<Box<dyn Plan>> {
    let settings: ExperimentSettings<ValidateConfig> = config.settings()?;
    let task = task_named(&settings.task, true)?;
    Ok(Box::new(
        RunPlan::resume(settings, task, compare, resume).of("validate"),
    ))
}

fn compare(
    settings: &ExperimentSettings<ValidateConfig>,
    task: &Task,
    folder: &RunFolder,
    output: Output,
) -> Result<String> {
    Ok(validate::run(
        &settings.experiment,
        task,
        &settings.learned,
        folder,
        output,
    )?
    .to_text(folder))
}
