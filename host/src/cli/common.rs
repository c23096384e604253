//! What several commands have in common.

use super::files::Files;
use super::plan::Resume;
use super::plan::TextPlan;
use super::plan::{Mode, Plan};
use crate::config::{self, Layers, StoredConfig};
use crate::data::Dataset;
use crate::data::task::Task;
use crate::lab::estimate::Load;
use crate::report::{self, Page, Section, judge, status};
use crate::run::{Incomplete, RunFolder, RunMode, Shard};
use crate::support::notice::notice;
use crate::support::progress::Output;
use crate::support::stop::{STOPPED, Stopped};
use crate::support::text::printable;
use anyhow::{Context, Result, bail};
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Which task networks learn.
#[derive(clap::Args, Default)]
pub struct TaskArgs {
    /// A bundled task: mnist1d, vanderpol or digits [default: mnist1d]
    #[arg(long, value_name = "NAME")]
    task: Option<String>,

    /// A NumPy archive with x, y, x_test and y_test instead (whole-number y are class labels;
    /// inputs, and y of other numbers, are standardised)
    #[arg(long, value_name = "FILE.npz", conflicts_with = "task")]
    data: Option<PathBuf>,
}

impl TaskArgs {
    /// The task, and how the settings name it.
    pub fn load(&self, layers: &Layers) -> Result<(String, Task)> {
        let (name, set) = self.dataset(layers)?;
        Ok((name, set.task()))
    }

    fn dataset(&self, layers: &Layers) -> Result<(String, NamedDataset)> {
        let flag = self
            .data
            .as_ref()
            .map(|path| path.display().to_string())
            .or(self.task.clone());

        let name = layers
            .pick("task", flag)?
            .unwrap_or_else(|| "mnist1d".into());
        let may_be_file = self.task.is_none() && (self.data.is_some() || is_archive(&name));
        let found = dataset_named(&name, may_be_file)?;

        Ok((name, found))
    }
}

/// A data set that settings name.
enum NamedDataset {
    /// It is bundled, and scaled as the experiments want it.
    Bundled(Dataset),
    /// It is the user's own.
    Own(Dataset),
}

impl NamedDataset {
    /// The user's own data are standardised.
    fn task(self) -> Task {
        match self {
            NamedDataset::Bundled(set) => Task::new(&set),
            NamedDataset::Own(set) => Task::standardised(set),
        }
    }
}

impl TaskArgs {
    /// The file with the user's own data, if the task that was resolved is one.
    pub fn file_of(name: &str) -> Option<PathBuf> {
        Some(PathBuf::from(name)).filter(|path| path.is_file())
    }

    /// The user's own rows, if there are some: any table, for commands that have a model to read it
    /// with.
    pub fn file(&self, layers: &Layers) -> Result<Option<PathBuf>> {
        let flag = self.data.as_ref().map(|path| path.display().to_string());
        let named = layers.pick("task", flag.or(self.task.clone()))?;
        let file =
            |name: &String| !["none", "mnist1d", "vanderpol", "digits"].contains(&name.as_str());
        Ok(named.filter(file).map(PathBuf::from))
    }
}

/// The task that settings name; the user's own data are standardised.
pub fn task_named(name: &str, may_be_file: bool) -> Result<Task> {
    Ok(dataset_named(name, may_be_file)?.task())
}

fn dataset_named(name: &str, may_be_file: bool) -> Result<NamedDataset> {
    match Dataset::named(name)? {
        Some(set) => Ok(NamedDataset::Bundled(set)),
        None if may_be_file => Ok(NamedDataset::Own(
            Dataset::from_npz(Path::new(name)).context("--data")?,
        )),
        None => bail!(
            "--task {name}: there are mnist1d, vanderpol and digits; for your own data use --data FILE.npz"
        ),
    }
}

/// Whether the settings mean a file.
fn is_archive(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "npz")
}

/// Where settings come from beside flags.
#[derive(clap::Args, Clone, Default)]
pub struct ConfigArgs {
    /// Settings from a file, such as the config.toml of a run; flags and --set are above it
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,

    /// One setting, by its name in config.toml (see --print-config); may be given several times,
    /// and is above all else
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Print the resolved settings as --config takes them, and do nothing
    #[arg(long)]
    print_config: bool,
}

impl ConfigArgs {
    /// The file.
    pub fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The assignments.
    pub fn sets(&self) -> &[String] {
        &self.set
    }

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
            load: None,
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
    load: Option<Load>,
    part: RunMode,
    sources: Vec<PathBuf>,
    inputs: Vec<PathBuf>,
}

impl<S> RunPlan<S> {
    /// The same with an estimate of its cost, for `--dry-run`.
    pub fn costing(self, load: Load) -> RunPlan<S> {
        RunPlan {
            load: Some(load),
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
            load: None,
            part,
            sources,
            inputs: vec![],
        }
    }

    fn stored(&self) -> Result<StoredConfig> {
        StoredConfig::new(&self.command, &self.settings)
    }
}

impl<S: Serialize> Plan for RunPlan<S> {
    fn describe(&self) -> Result<String> {
        let load = self
            .load
            .map_or(String::new(), |load| format!("# {load}\n"));

        Ok(format!(
            "# to {}\n{load}{}",
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

        if let Some(load) = &self.load {
            load.check()?;
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

/// What has become of the work, in words: a shard that has nothing left to do has done its work,
/// whatever others have.
pub fn finish(result: Result<String>, folder: &RunFolder) -> Result<String> {
    if folder.mode() == RunMode::Gather {
        for sentence in status::divisions(folder) {
            notice!("note: {sentence}");
        }
    }

    let Err(error) = result else {
        folder.ended("done");

        return if folder.mode() == RunMode::Status {
            Ok(status::describe(folder, None))
        } else {
            result
        };
    };

    let incomplete = Incomplete::of(&error);
    folder.ended(&match incomplete {
        Some(Incomplete { blocked: false, .. }) => "done".into(),
        Some(_) => "waits".into(),
        None if error.is::<Stopped>() => "stopped".into(),
        None => format!("{error:#}"),
    });

    if folder.mode() == RunMode::Status && incomplete.is_some() {
        return Ok(status::describe(folder, incomplete));
    }

    let run = folder.path().display();

    match (folder.mode(), incomplete) {
        (RunMode::Shard(shard), Some(Incomplete { blocked: false, .. })) => Ok(format!(
            "shard {shard}: done; when all shards are (`ldnn status {run}`), `ldnn merge {run}` writes the results"
        )),
        (RunMode::Shard(shard), Some(_)) => Err(error.context(format!(
            "shard {shard}: done as far as it can be now; start it again when the other shards have done as much"
        ))),
        (RunMode::Gather, Some(_)) => Err(error.context(status::lacking(folder)).context("not all jobs are done")),
        _ => Err(error),
    }
}

/// The exit code of an error in the work: 2 where the request turned out to be wrong, 75
/// (EX_TEMPFAIL) where the same command goes on later, else 1.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Refused>() {
        2
    } else if error.is::<Stopped>() || Incomplete::of(error).is_some() {
        STOPPED
    } else {
        1
    }
}

/// The user's data or request are wrong, though it only showed on the way: exit code 2.
#[derive(Debug)]
pub struct Refused(anyhow::Error);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Refused {}

/// Marks an error as the user's.
pub fn refused(error: anyhow::Error) -> anyhow::Error {
    anyhow::Error::new(Refused(error))
}

/// Whether writing failed because the reader has gone away, which is no error.
pub fn is_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        let csv = cause.downcast_ref::<csv::Error>().map(|e| match e.kind() {
            csv::ErrorKind::Io(e) => e.kind(),
            _ => ErrorKind::Other,
        });

        io == Some(ErrorKind::BrokenPipe) || csv == Some(ErrorKind::BrokenPipe)
    })
}

/// Writes to standard output, if there is anything to say; a reader that has gone away is no error.
/// Names in the text cannot steer a terminal; files and other programs get the text as it is.
pub fn say(text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }

    let mut out = std::io::stdout().lock();
    let text = if out.is_terminal() {
        printable(text)
    } else {
        text.into()
    };

    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// Judges a section's claims, writes it as a page, and returns it for a terminal.
pub fn save_page(
    mut section: Section,
    settings: &impl Serialize,
    folder: &RunFolder,
) -> Result<String> {
    judge(&mut section.claims);
    section.save(folder)?;

    let text = section.to_text(folder);
    let settings = toml::to_string(settings).context("the settings cannot be written as TOML")?;
    let version = (
        "version".to_string(),
        format!("ldnn {}", env!("CARGO_PKG_VERSION")),
    );
    let title = section.title.clone();

    let part = report::Part {
        folder: String::new(),
        section,
        settings,
    };

    Page {
        title,
        summary: vec![],
        facts: vec![version],
        parts: vec![part],
    }
    .save(folder)?;

    Ok(text)
}

/// A command whose settings are its flags, under their names, those of tables in `[table]`: with
/// what a file and assignments say, and its plan, or the text that --print-config wants.
pub fn flagged<A, P>(
    args: &A,
    config: &ConfigArgs,
    matches: &ArgMatches,
    resolve: impl FnOnce(&A) -> Result<P>,
) -> Result<(Box<dyn Plan>, Mode)>
where
    A: Clone + Serialize + DeserializeOwned,
    P: Plan + 'static,
{
    let all = toml::Table::try_from(args).context("the flags cannot be written as TOML")?;
    let own = innermost(matches);
    let mut given = toml::Table::new();

    for id in own.ids() {
        if own.value_source(id.as_str()) != Some(ValueSource::CommandLine) {
            continue;
        }

        for path in [id.to_string(), format!("table.{id}"), format!("queue.{id}")] {
            if let Some(value) = config::lookup(&all, &path) {
                config::assign(&mut given, &path, value.clone())?;
            }
        }
    }

    let args = config.layers("")?.resolve(args.clone(), &given)?;

    match config.mode(false) {
        Mode::PrintConfig => {
            let text = toml::to_string(&args).context("the settings cannot be written as TOML")?;
            Ok((Box::new(TextPlan::new(text)), Mode::Work))
        }
        mode => Ok((Box::new(resolve(&args)?), mode)),
    }
}

/// The matches of the command that is done.
pub fn innermost(matches: &ArgMatches) -> &ArgMatches {
    let mut own = matches;
    while let Some((_, inside)) = own.subcommand() {
        own = inside;
    }
    own
}
