//! The task that networks learn, built-in or from the user's own file.

use crate::config::Layers;
use crate::data::Dataset;
use crate::data::task::Task;
use crate::run::folder::read_config;
use crate::support::notice::notice;
use crate::support::text::printable;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// What the settings of an export call the task of a model that needs no rows.
pub const NO_TASK: &str = "none";

fn task_help() -> String {
    format!(
        "A built-in task with its default settings: {} (`ldnn data NAME` writes one with others) [default: mnist1d]",
        Dataset::names()
    )
}

/// Which task networks learn.
#[derive(clap::Args, Default, PartialEq)]
pub struct TaskArgs {
    #[arg(long, value_name = "NAME", help = task_help())]
    task: Option<String>,

    /// A NumPy archive with x, y, x_test and y_test instead (y of an integer type, or of whole
    /// numbers that look like classes, are class labels; inputs, and other y, are standardised)
    #[arg(long, value_name = "FILE.npz", conflicts_with = "task")]
    data: Option<PathBuf>,
}

/// The task where nothing names one.
const USUAL: &str = "mnist1d";

/// The task that the activations of a run folder were learned on, or of a file in one; none if that
/// is not known, or its file is not there.
fn learned_on(activations: &Path) -> Option<String> {
    let folder = match activations.is_dir() {
        true => activations,
        false => activations.parent()?,
    };

    let config: toml::Table = read_config(folder).ok()?.text().parse().ok()?;
    let task = config.get("task")?.as_str()?;

    (Dataset::is_built_in(task) || Path::new(task).is_file()).then(|| task.into())
}

impl TaskArgs {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == TaskArgs::default()
    }

    /// The task, and how the settings name it.
    pub fn load(&self, layers: &Layers) -> Result<(String, Task)> {
        self.load_or(layers, USUAL)
    }

    /// The same; if nothing names a task, the one that the first of these activations were learned
    /// on, which a note says, or the usual one.
    pub fn load_like(&self, layers: &Layers, activations: &[PathBuf]) -> Result<(String, Task)> {
        let Some(task) = activations.first().and_then(|path| learned_on(path)) else {
            return self.load(layers);
        };

        let (name, loaded) = self.load_or(layers, &task)?;

        if name == task && name != USUAL && self.task.is_none() && self.data.is_none() {
            notice!(
                "note: on {name}, as the activations were learned; --data or --task names another"
            );
        }

        Ok((name, loaded))
    }

    /// The same with another usual task.
    pub fn load_or(&self, layers: &Layers, usual: &str) -> Result<(String, Task)> {
        let (name, set) = self.dataset(layers, usual)?;
        Ok((name, set.task()))
    }

    fn dataset(&self, layers: &Layers, usual: &str) -> Result<(String, NamedDataset)> {
        let flag = self
            .data
            .as_ref()
            .map(|path| path.display().to_string())
            .or(self.task.clone());

        let name = layers.pick("task", flag)?.unwrap_or_else(|| usual.into());
        let may_be_file = self.task.is_none() && (self.data.is_some() || is_archive(&name));
        let (found, note) = dataset_named(&name, may_be_file)?;
        if let Some(note) = note {
            notice!("note: '{}': {note}", printable(&name));
        }

        Ok((name, found))
    }

    /// The file with the user's own data, if the task that was resolved is one.
    pub fn file_of(name: &str) -> Option<PathBuf> {
        Some(PathBuf::from(name)).filter(|path| path.is_file())
    }

    /// The user's own rows, if there are some: any table, for commands that have a model to read it
    /// with.
    pub fn file(&self, layers: &Layers) -> Result<Option<PathBuf>> {
        if let Some(task) = &self.task {
            bail!("--task {task}: the model has its own data; its rows are given with --data FILE");
        }

        let flag = self.data.as_ref().map(|path| path.display().to_string());
        let named = layers.pick("task", flag)?;
        let is_file = |name: &String| name != NO_TASK && !Dataset::is_built_in(name);
        Ok(named.filter(is_file).map(PathBuf::from))
    }
}

/// The task that settings name; the user's own data are standardised.
pub fn task_named(name: &str, may_be_file: bool) -> Result<Task> {
    Ok(dataset_named(name, may_be_file)?.0.task())
}

/// A data set that settings name.
enum NamedDataset {
    /// It is built in, and scaled as the experiments want it.
    BuiltIn(Dataset),
    /// It is the user's own.
    Own(Dataset),
}

impl NamedDataset {
    /// The user's own data are standardised.
    fn task(self) -> Task {
        match self {
            NamedDataset::BuiltIn(set) => Task::new(&set),
            NamedDataset::Own(set) => Task::standardised(set),
        }
    }
}

/// The data set, and what there is to be said of its targets.
fn dataset_named(name: &str, may_be_file: bool) -> Result<(NamedDataset, Option<String>)> {
    match Dataset::named(name)? {
        Some(set) => Ok((NamedDataset::BuiltIn(set), None)),
        None if may_be_file => {
            let (set, note) = Dataset::from_npz_noted(Path::new(name)).context("--data")?;
            Ok((NamedDataset::Own(set), note))
        }
        None => bail!(
            "--task {name}: there are {}; for your own data use --data FILE.npz",
            Dataset::names()
        ),
    }
}

/// Whether the settings mean a file.
fn is_archive(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "npz")
}
