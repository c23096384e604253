//! What several commands have in common.

use super::Plan;
use anyhow::{Context, Result, bail};
use ldnn::data::{Dataset, Mnist1dConfig, VanDerPolConfig};
use ldnn::estimate::Load;
use ldnn::folder::RunFolder;
use ldnn::progress::Output;
use ldnn::task::Task;
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

/// Which task networks learn.
#[derive(clap::Args)]
pub struct TaskArgs {
    /// A task that comes along: mnist1d, vanderpol or digits
    #[arg(long, default_value = "mnist1d", value_name = "NAME")]
    task: String,

    /// A NumPy archive with x, y, x_test and y_test instead (whole-number y are class labels)
    #[arg(long, value_name = "FILE.npz", conflicts_with = "task")]
    data: Option<PathBuf>,
}

impl Default for TaskArgs {
    fn default() -> Self {
        TaskArgs { task: "mnist1d".into(), data: None }
    }
}

impl TaskArgs {
    pub fn load(&self) -> Result<Task> {
        let set = match (&self.data, self.task.as_str()) {
            (Some(path), _) => Dataset::from_npz(path).context("--data")?,
            (None, "mnist1d") => Dataset::mnist1d(&Mnist1dConfig::default())?,
            (None, "vanderpol") => Dataset::vanderpol(&VanDerPolConfig::default())?,
            (None, "digits") => Dataset::digits()?,
            (None, other) => {
                bail!("--task {other}: there are mnist1d, vanderpol and digits; for your own data use --data FILE.npz")
            }
        };
        Ok(Task::new(&set))
    }

    /// For the folder of settings.
    pub fn describe(&self) -> String {
        self.data.as_ref().map_or_else(|| self.task.clone(), |path| path.display().to_string())
    }
}

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
}

impl OutArgs {
    /// The plan to do `work` with `settings` in the run folder.
    pub fn plan<S: Serialize>(&self, default: &str, settings: S, task: Task, work: Work<S>) -> RunPlan<S> {
        let out = self.out.clone().unwrap_or_else(|| PathBuf::from(default));
        RunPlan { settings, task, out, replace: self.replace, work, load: None }
    }
}

/// What a command does in its run folder; the text is for standard output.
type Work<S> = fn(&S, &Task, &RunFolder, Output) -> Result<String>;

/// A command that leaves a run folder.
pub struct RunPlan<S> {
    settings: S,
    task: Task,
    out: PathBuf,
    replace: bool,
    work: Work<S>,
    load: Option<Load>,
}

impl<S> RunPlan<S> {
    /// The same with an estimate of its cost, for `--dry-run`.
    pub fn costing(self, load: Load) -> RunPlan<S> {
        RunPlan { load: Some(load), ..self }
    }
}

impl<S: Serialize> Plan for RunPlan<S> {
    fn describe(&self) -> Result<String> {
        let settings = toml::to_string(&self.settings).context("the settings cannot be written as TOML")?;
        let load = self.load.map_or(String::new(), |load| format!("# {load}\n"));
        Ok(format!("# to {}\n{load}{settings}", self.out.display()))
    }

    fn execute(&self, output: Output) -> Result<String> {
        let folder = RunFolder::open(&self.out, &self.settings, self.replace)?;
        (self.work)(&self.settings, &self.task, &folder, output)
    }
}

/// Writes to standard output; a reader that has gone away is no error.
pub fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// Puts a flag's value, if it was given, in place of the default.
pub fn set<T: Clone>(place: &mut T, given: &Option<T>) {
    if let Some(value) = given {
        place.clone_from(value);
    }
}
