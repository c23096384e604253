//! `ldnn meta`

use super::common::{OutArgs, TaskArgs};
use super::idle::Typed;
use super::plan::Plan;
use super::settings::Flags;
use crate::config::{self, Layers};
use crate::data::task::Task;
use crate::lab::estimate::Cost;
use crate::meta::{self, MetaBasics, MetaConfig, MetaSchedule, Objective, Unlearnable};
use crate::run::RunFolder;
use crate::support::progress::{Output, Progress};
use anyhow::Result;
use serde::{Deserialize, Serialize};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
pub struct MetaArgs {
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    meta: Flags<MetaConfig>,
    #[command(flatten)]
    pub out: OutArgs,
}

const EXAMPLES: &str = "\
Examples:
  ldnn meta --out out/two                             two types, from swish and from sine
  ldnn meta --base sine --types 3                     three types from sine
  ldnn meta --outer-loss train --steps 800            the objective and the settings of the paper's authors
  ldnn meta --types 3 --base zero --hidden 64,64      three types from nothing, shared by two layers
  ldnn meta --data mine.npz --schedule alternating    your own data, first order only

The run folder gets config.toml, history.jsonl, activations.json, activations.txt (samples on linspace(-5, 5)),
snapshots.jsonl, evolution.svg/.png/.csv and checkpoint.json.";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetaSettings {
    task: String,
    meta: MetaConfig,
}

impl MetaArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let layers = self.out.layers("meta")?;
        let flags = self.meta.given("meta");
        let (name, task) = self.task.load(&layers)?;

        let default = MetaConfig::for_task(basics(&layers, &flags)?, &task);

        let default = MetaSettings {
            task: name.clone(),
            meta: default,
        };

        let resolved = layers.resolve(default, &flags)?;
        let settings = MetaSettings {
            task: name.clone(),
            meta: resolved.meta.settled()?,
        };

        check_idle(&settings.meta, &Typed::new(&flags, &layers))?;
        settings.meta.check(&task)?;

        let cost = Cost::learning(&settings.meta, &task);
        let plan = self.out.plan("out/meta", settings, task, learn);
        Ok(plan.costing(cost).reading(TaskArgs::file_of(&name)))
    }
}

/// The settings that the defaults of others follow from, wherever they are given.
fn basics(layers: &Layers, flags: &toml::Table) -> Result<MetaBasics> {
    fn picked<T: serde::de::DeserializeOwned>(
        layers: &Layers,
        flags: &toml::Table,
        path: &str,
    ) -> Result<Option<T>> {
        let flag = config::lookup(flags, path).cloned();
        layers.pick(path, flag.map(toml::Value::try_into).transpose()?)
    }

    Ok(MetaBasics {
        types: picked(layers, flags, "meta.types")?,
        outer_loss: picked(layers, flags, "meta.outer_loss")?,
        schedule: picked(layers, flags, "meta.schedule")?,
        inner_optimizer: picked(layers, flags, "meta.inner_optimizer")?,
        outer_optimizer: picked(layers, flags, "meta.outer_optimizer")?,
    })
}

/// Refuses settings of the other schedule, of the other objective, and of tables that are not there.
fn check_idle(meta: &MetaConfig, typed: &Typed) -> Result<()> {
    let is_unrolled = meta.schedule == MetaSchedule::Unrolled;
    typed.refuse(
        is_unrolled,
        &["period", "restart"],
        "is of `schedule` alternating",
    )?;
    typed.refuse(
        !is_unrolled,
        &["inner_steps", "inner_trainings", "outer_last", "tape"],
        "is of `schedule` unrolled",
    )?;
    typed.refuse(
        meta.outer_loss == Objective::Train,
        &["held_out", "held_out_batch", "resplit"],
        "is of `outer_loss` heldout",
    )?;
    typed.refuse(
        meta.exact,
        &["table_knots", "table_range"],
        "is of tables, and with `exact` there are none",
    )
}

/// What can be done about activations that cannot be learned, in flags of this command.
fn with_advice(error: anyhow::Error) -> anyhow::Error {
    match error.is::<Unlearnable>() {
        true => anyhow::anyhow!(
            "{error:#}; begin with a smaller --inner-lr, or bring inputs and targets to a common scale"
        ),
        false => error,
    }
}

fn learn(
    settings: &MetaSettings,
    task: &Task,
    folder: &RunFolder,
    output: Output,
) -> Result<String> {
    let progress = Progress::new(output, "meta-learning", settings.meta.steps);
    let learned = meta::run(&settings.meta, task, folder, &progress).map_err(with_advice)?;
    let file = |name: &str| folder.file(name).display().to_string();

    Ok(format!(
        "learned: {}\nactivations: {}\npicture: {}",
        learned.provenance,
        file("activations.json"),
        file("evolution.png")
    ))
}
