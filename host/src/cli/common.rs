//! What several commands have in common.

use super::{Mode, Plan};
use anyhow::{Context, Result, bail};
use clap::ArgMatches;
use clap::parser::ValueSource;
use ldnn::config::Layers;
use ldnn::data::{Dataset, Mnist1dConfig, VanDerPolConfig};
use ldnn::estimate::Load;
use ldnn::folder::RunFolder;
use ldnn::progress::Output;
use ldnn::report::printable;
use ldnn::task::Task;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Which task networks learn.
#[derive(clap::Args)]
pub struct TaskArgs {
    /// A task that comes along: mnist1d, vanderpol or digits [default: mnist1d]
    #[arg(long, value_name = "NAME")]
    task: Option<String>,

    /// A NumPy archive with x, y, x_test and y_test instead (whole-number y are class labels)
    #[arg(long, value_name = "FILE.npz", conflicts_with = "task")]
    data: Option<PathBuf>,
}

impl TaskArgs {
    /// The task, and how the settings name it.
    pub fn load(&self, layers: &Layers) -> Result<(String, Task)> {
        let flag = self.data.as_ref().map(|path| path.display().to_string()).or(self.task.clone());
        let name = layers.pick("task", flag)?.unwrap_or_else(|| "mnist1d".into());
        let set = match name.as_str() {
            "mnist1d" => Dataset::mnist1d(&Mnist1dConfig::default())?,
            "vanderpol" => Dataset::vanderpol(&VanDerPolConfig::default())?,
            "digits" => Dataset::digits()?,
            path if self.task.is_none() && (self.data.is_some() || is_archive(path)) => {
                Dataset::from_npz(Path::new(path)).context("--data")?
            }
            other => {
                bail!("--task {other}: there are mnist1d, vanderpol and digits; for your own data use --data FILE.npz")
            }
        };
        Ok((name, Task::new(&set)))
    }
}

impl TaskArgs {
    /// Whether the user gives a data set of her own.
    pub fn has_data(&self, layers: &Layers) -> Result<bool> {
        let named = layers.pick("task", self.task.clone())?;
        Ok(self.data.is_some() || named.is_some_and(|name| is_archive(&name)))
    }
}

/// Whether the settings mean a file.
fn is_archive(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "npz")
}

/// Where settings come from beside flags.
#[derive(clap::Args, Clone)]
pub struct ConfigArgs {
    /// Settings from a file, such as the config.toml of a run; flags and --set are above it
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,

    /// One setting, by its name in config.toml (see --print-config); may be given several times, and is above all else
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Print the resolved settings as --config takes them, and do nothing
    #[arg(long)]
    print_config: bool,
}

impl ConfigArgs {
    /// What the user says; most settings of the command are in the table `section`.
    pub fn layers(&self, section: &'static str) -> Result<Layers> {
        Layers::new(section, self.config.as_deref(), &self.set)
    }

    /// What is to be done with the plan.
    pub fn mode(&self, dry_run: bool) -> Mode {
        match (self.print_config, dry_run) {
            (true, _) => Mode::PrintConfig,
            (false, true) => Mode::DryRun,
            (false, false) => Mode::Work,
        }
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
        let load = self.load.map_or(String::new(), |load| format!("# {load}\n"));
        Ok(format!("# to {}\n{load}{}", self.out.display(), self.config()?))
    }

    fn config(&self) -> Result<String> {
        toml::to_string(&self.settings).context("the settings cannot be written as TOML")
    }

    fn execute(&self, output: Output) -> Result<String> {
        let folder = RunFolder::open(&self.out, &self.settings, self.replace)?;
        (self.work)(&self.settings, &self.task, &folder, output)
    }
}

/// Writes to standard output; a reader that has gone away is no error. Names in the text cannot steer a terminal; files
/// and other programs get the text as it is.
pub fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let text = if out.is_terminal() { printable(text) } else { text.into() };
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

/// The settings whose flags stand on the command line; `flags` has pairs of a flag and its setting.
pub fn given_on<'a>(matches: &ArgMatches, flags: &[(&str, &'a str)]) -> Vec<&'a str> {
    let mut own = matches;
    while let Some((_, inside)) = own.subcommand() {
        own = inside;
    }
    let given = |flag: &str| own.value_source(flag) == Some(ValueSource::CommandLine);
    flags.iter().filter(|(flag, _)| given(flag)).map(|(_, setting)| *setting).collect()
}
