//! A command that leaves a run folder: its flags and its plan.

use super::config::ConfigArgs;
use super::finish::finish;
use super::task::TaskArgs;
use crate::cli::files::Files;
use crate::cli::plan::{Mode, Plan, Resume};
use crate::config::{Layers, StoredConfig};
use crate::data::task::Task;
use crate::lab::estimate::Cost;
use crate::run::{RunFolder, RunMode, Shard};
use crate::support::progress::Output;
use anyhow::Result;
use serde::Serialize;
use std::path::PathBuf;

/// Where results go, and whether to work at all.
#[derive(clap::Args)]
pub struct OutArgs {
    /// The run folder; a run with the same settings goes on where it stopped
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Delete a run with other settings that the folder holds
    #[arg(long)]
    pub replace: bool,

    /// Print the resolved settings and do nothing
    #[arg(long)]
    pub dry_run: bool,

    #[command(flatten)]
    config: ConfigArgs,
}

impl OutArgs {
    /// What the user says; most settings of the command are in the table `section`.
    pub fn layers(&self, section: &'static str) -> Result<Layers> {
        self.config.layers(section)
    }

    /// What is to be done with the plan.
    pub fn mode(&self) -> Mode {
        self.config.mode(self.dry_run)
    }

    /// The plan to do `work` with `settings` in the run folder.
    pub fn plan<S: Serialize>(
        &self,
        default: &str,
        settings: S,
        task: Task,
        work: ExecuteFn<S>,
    ) -> RunPlan<S> {
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from(default));
        let (replace, part) = (Some(self.replace), RunMode::Whole);

        RunPlan {
            command: String::new(),
            settings,
            task,
            out,
            replace,
            work,
            cost: None,
            part,
            sources: vec![],
            inputs: vec![],
        }
    }
}

/// Which part of the work to do.
#[derive(clap::Args, Default)]
pub struct ShardArgs {
    /// Do only the part I of N of the work (I from 0), in a folder of its own inside --out; 'auto'
    /// or 'auto/N' takes the numbers from Slurm, Kubernetes, HyperQueue or GNU parallel.
    /// `ldnn merge` makes the results of all parts
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
}

impl ShardArgs {
    /// The part: the whole, if no shard is given.
    pub fn part(&self) -> Result<RunMode> {
        let parse = |text: &String| Shard::parse(text, |name| std::env::var(name).ok());
        Ok(self
            .shard
            .as_ref()
            .map(parse)
            .transpose()?
            .map_or(RunMode::Whole, RunMode::Shard))
    }
}

/// What a command does in its run folder; the text is for standard output.
type ExecuteFn<S> = fn(&S, &Task, &RunFolder, Output) -> Result<String>;

/// A command that leaves a run folder.
pub struct RunPlan<S> {
    /// Empty until [`Plan::called`] says it.
    command: String,
    settings: S,
    task: Task,
    out: PathBuf,
    /// Whether a run of other settings is deleted; none where there is no flag for it.
    replace: Option<bool>,
    work: ExecuteFn<S>,
    cost: Option<Cost>,
    part: RunMode,
    sources: Vec<PathBuf>,
    inputs: Vec<PathBuf>,
}

impl<S> RunPlan<S> {
    /// The same with an estimate of its cost, for `--dry-run`.
    pub fn costing(self, cost: Cost) -> RunPlan<S> {
        RunPlan {
            cost: Some(cost),
            ..self
        }
    }

    /// The same as work of this command, whatever command the user gave.
    pub fn of(self, command: &str) -> RunPlan<S> {
        RunPlan {
            command: command.into(),
            ..self
        }
    }

    /// The same, and whether a run with other settings that the folder holds is deleted.
    pub fn replacing(self, replace: bool) -> RunPlan<S> {
        RunPlan {
            replace: Some(replace),
            ..self
        }
    }

    /// The same with files that were read for it.
    pub fn reading(mut self, inputs: impl IntoIterator<Item = PathBuf>) -> RunPlan<S> {
        self.inputs.extend(inputs);
        self
    }

    /// The same as one of several processes that share the work.
    pub fn sharing(self, shard: &ShardArgs) -> Result<RunPlan<S>> {
        Ok(RunPlan {
            part: shard.part()?,
            ..self
        })
    }
}

impl<S: Serialize> RunPlan<S> {
    /// A run with these settings, without work of its own.
    pub fn resume(settings: S, task: Task, work: ExecuteFn<S>, resume: Resume) -> RunPlan<S> {
        let Resume { out, part, sources } = resume;

        RunPlan {
            command: String::new(),
            settings,
            task,
            out,
            replace: None,
            work,
            cost: None,
            part,
            sources,
            inputs: vec![],
        }
    }

    fn stored(&self) -> Result<StoredConfig> {
        let stored = StoredConfig::new(&self.command, &self.settings)?;

        match stored.task().and_then(TaskArgs::file_of) {
            Some(_) => stored.on_rows(&self.task.fingerprint()),
            None => Ok(stored),
        }
    }
}

impl<S: Serialize> Plan for RunPlan<S> {
    fn describe(&self) -> Result<String> {
        let cost = self
            .cost
            .map_or(String::new(), |cost| format!("# {cost}\n"));

        Ok(format!(
            "# to {}\n{cost}{}",
            self.out.display(),
            self.config()?
        ))
    }

    fn config(&self) -> Result<String> {
        Ok(self.stored()?.text().into())
    }

    fn called(&mut self, command: &str) {
        if self.command.is_empty() {
            self.command = command.into();
        }
    }

    fn files(&self) -> Result<Files> {
        if self.part == RunMode::Status {
            return Ok(Files::default());
        }

        if let Some(cost) = &self.cost {
            cost.check()?;
        }

        let files = Files::reading(self.inputs.iter().cloned());
        let files = files.running(&self.out, self.stored()?.text().into(), self.part);
        Ok(match self.replace {
            Some(replace) => files.replacing(replace),
            None => files,
        })
    }

    fn execute(&self, output: Output) -> Result<String> {
        let replace = self.replace == Some(true);

        let folder = RunFolder::open_as(
            &self.out,
            &self.stored()?,
            replace,
            self.part,
            &self.sources,
        )?;

        finish(
            (self.work)(&self.settings, &self.task, &folder, output),
            &folder,
        )
    }
}
