//! `ldnn run`, `ldnn slurm`: studies, and the script for a cluster that does them.

use super::common::{ConfigArgs, ShardArgs, finish};
use super::files::Files;
use super::plan::Resume;
use super::plan::{Mode, Plan};
use super::reproduce::{self, OfFile};
use crate::config::{Layers, SettingsFile, StoredConfig};
use crate::lab::estimate::Cost;
use crate::lab::queue::Queue;
use crate::lab::study::{self, Stage, StudyConfig, TaskCache};
use crate::run::folder::CONFIG;
use crate::run::{RunFolder, RunMode};
use crate::support::progress::Output;
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// The study; or the config.toml that a run of one has stored
    #[arg(
        value_name = "STUDY.toml",
        required_unless_present = "config",
        conflicts_with = "config"
    )]
    study: Option<PathBuf>,
    /// Which stage to work at
    #[arg(long, default_value = "all", value_name = "NAME")]
    stage: Stage,
    /// Print the plan, one line per training (of --shard, if it is given), and do nothing
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    shard: ShardArgs,
    /// The run folder; a run of the same study goes on where it stopped [default: out/STUDY]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Delete a run of another study that the folder holds
    #[arg(long)]
    replace: bool,
    /// Print the study, how much work it is, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

const EXAMPLES: &str = "\
A study has the settings of `ldnn meta` and `ldnn validate`, and a sweep over any of them:
  task = \"mnist1d\"
  [meta]
  steps = 100
  [validate]
  compare = [\"relu\", \"tanh\", \"type1\", \"mix\"]
  runs = 10
  [validate.train]
  epochs = 100
  [sweep]
  meta.seed = { from = 100, count = 5 }       # outer seeds: repetitions, taken together
  meta.base = [\"sine\", \"zero\"]
  validate.train.hidden = [[20], [50], [100]]
  task = [\"mnist1d\", \"digits\"]

All combinations are worked. A study with [reproduce] has the settings of `ldnn reproduce`:
  [reproduce]
  preset = \"paper\"
  experiments = [\"fig3\", \"fig4\"]

Examples:
  ldnn run study.toml                                  all of it, here
  ldnn run study.toml --set validate.runs=50           with another setting
  ldnn run study.toml --plan | head                    what there is to do
  ldnn run study.toml --shard 3/16                     a sixteenth; then `ldnn merge out/study`
  ldnn slurm study.toml > study.sh && bash study.sh    on a cluster";

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueArgs {
    /// The study
    #[arg(value_name = "STUDY.toml")]
    study: PathBuf,
    /// The run folder, on a file system that all machines share [default: out/STUDY]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// How the machines call the program
    #[arg(long, default_value = "ldnn", value_name = "PROGRAM")]
    program: String,
    /// Minutes that a task is to take, roughly
    #[arg(long, default_value_t = 30, value_name = "N")]
    minutes: usize,
    /// Tasks per stage, instead of as many as --minutes gives
    #[arg(long, value_name = "N")]
    tasks: Option<usize>,
    /// Processors per task
    #[arg(long, default_value_t = 1, value_name = "N")]
    cpus: usize,
    /// Tasks at a time
    #[arg(long, default_value_t = 100, value_name = "N")]
    throttle: usize,
}

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlurmArgs {
    #[command(flatten)]
    queue: QueueArgs,
    /// An option for sbatch, e.g. --option=--partition=short; may be given several times
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    option: Vec<String>,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

#[derive(Serialize, Deserialize)]
struct StudySettings {
    study: StudyConfig,
}

/// A study to be done.
pub struct StudyRun {
    settings: StudySettings,
    tasks: TaskCache,
    /// Its file, if it was not found in a run folder.
    file: Option<PathBuf>,
    out: PathBuf,
    /// None where there is no flag for it.
    replace: Option<bool>,
    part: RunMode,
    sources: Vec<PathBuf>,
    stage: Stage,
    list: bool,
}

/// A study's file.
enum StudyFile {
    /// Of its own settings.
    Own(Box<StudyConfig>),
    /// Of those of reproduce.
    Reproduce(Box<OfFile>),
}

fn read(path: &Path, sets: &[String], tasks: &TaskCache) -> Result<StudyFile> {
    let text = regular::read_to_string(path, Most::Settings)
        .with_context(|| format!("cannot read '{}'", path.display()))?;
    let file = SettingsFile::parse(&path.display().to_string(), &text)?;

    if reproduce::is_study(&file) {
        return Ok(StudyFile::Reproduce(Box::new(OfFile::read(file, sets)?)));
    }

    Ok(StudyFile::Own(Box::new(StudyConfig::read(
        &Layers::above("study", Some(file), sets)?,
        tasks,
    )?)))
}

/// `out/STUDY`; of a stored `RUN/config.toml`, `out/RUN`.
fn default_out(study: &Path) -> PathBuf {
    let run = study
        .parent()
        .and_then(Path::file_name)
        .filter(|_| study.file_name().is_some_and(|f| f == CONFIG));
    Path::new("out").join(run.or(study.file_stem()).unwrap_or_default())
}

impl RunArgs {
    pub fn mode(&self) -> Mode {
        self.config.mode(self.dry_run)
    }

    pub fn resolve(&self) -> Result<Box<dyn Plan>> {
        let path = self
            .study
            .as_deref()
            .or(self.config.file())
            .context("which study? Give STUDY.toml")?;

        let tasks = TaskCache::default();
        let out = self.out.clone().unwrap_or_else(|| default_out(path));
        let (part, sources, stage, replace) =
            (self.shard.part()?, vec![], self.stage, self.replace);

        match read(path, self.config.sets(), &tasks)? {
            StudyFile::Own(study) => {
                ensure!(
                    stage != Stage::Select,
                    "--stage select: only studies of reproduce have it; here are learn and train"
                );

                let (settings, list) = (StudySettings { study: *study }, self.plan);
                let (file, replace) = (Some(path.to_path_buf()), Some(replace));

                Ok(Box::new(StudyRun {
                    settings,
                    tasks,
                    file,
                    out,
                    replace,
                    part,
                    sources,
                    stage,
                    list,
                }))
            }
            StudyFile::Reproduce(of) => {
                ensure!(
                    !self.plan,
                    "--plan: there is no list of a study of reproduce; --dry-run says how much work it is"
                );
                let plan = of.plan(Resume { out, part, sources }, Some(replace), stage)?;
                Ok(Box::new(plan.reading([path.to_path_buf()])))
            }
        }
    }
}

/// The plan of a study in a run folder, without work of its own.
pub fn resume(config: &StoredConfig, resume: Resume) -> Result<Box<dyn Plan>> {
    let settings: StudySettings = config.settings()?;
    let Resume { out, part, sources } = resume;
    let (tasks, stage) = (TaskCache::default(), Stage::All);
    let (file, replace) = (None, None);

    Ok(Box::new(StudyRun {
        settings,
        tasks,
        file,
        out,
        replace,
        part,
        sources,
        stage,
        list: false,
    }))
}

/// A stage, with how many jobs it has and what they cost.
struct StageCosts {
    name: &'static str,
    jobs: usize,
    load: Cost,
}

/// Every stage; the first one is the meta-learning runs.
fn costs(file: &StudyFile, tasks: &TaskCache) -> Result<Vec<StageCosts>> {
    let stage = |name, jobs, load| StageCosts { name, jobs, load };

    match file {
        StudyFile::Own(study) => {
            let (meta_runs, learning, trainings, training) = costs_of(study, tasks)?;
            Ok(vec![
                stage("learn", meta_runs, learning),
                stage("train", trainings, training),
            ])
        }
        StudyFile::Reproduce(of) => {
            let costs = of.costs()?;
            let trainings = |name, load: Cost| stage(name, load.trainings, load);

            Ok(vec![
                stage("learn", costs.runs, costs.learning),
                trainings("select", costs.selecting),
                trainings("train", costs.training),
            ])
        }
    }
}

/// Meta-learning runs and trainings.
fn costs_of(study: &StudyConfig, tasks: &TaskCache) -> Result<(usize, Cost, usize, Cost)> {
    let plan = study::StudyPlan::new(study, tasks)?;
    let meta_runs = plan.meta_runs()?;
    let learning = (0..meta_runs).map(|number| {
        let meta_run = plan.meta_run(number)?;
        Ok(Cost::learning(&meta_run.meta, &*tasks.get(&meta_run.task)?))
    });
    let learning: Cost = learning.collect::<Result<Vec<_>>>()?.into_iter().sum();
    let learning = learning.side_by_side(meta_runs);

    let (mut trainings, mut training) = (0, Cost::default());

    for block in plan.blocks() {
        let block = block?;
        let task = tasks.get(&block.setting.task)?;
        trainings += block.len();

        // Of blocks too, several run side by side: the memory of one training counts here, their
        // number below.
        let config = &block.setting.validate.train;

        training = training
            + Cost {
                bytes: Cost::trainings(1, config, &task).bytes,
                ..Cost::trainings(block.len(), config, &task)
            };
    }

    Ok((
        meta_runs,
        learning,
        trainings,
        training.side_by_side(trainings),
    ))
}

impl StudyRun {
    fn stored(&self) -> Result<StoredConfig> {
        StoredConfig::new("run", &self.settings)
    }

    /// Prints the trainings as they are computed: a million of them need no memory.
    fn print(&self) -> Result<String> {
        let mut out = BufWriter::new(std::io::stdout().lock());
        match self.print_to(&mut out).and_then(|()| Ok(out.flush()?)) {
            Err(e)
                if e.downcast_ref::<std::io::Error>()
                    .is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) => {}
            other => other?,
        }

        Ok(String::new())
    }

    fn print_to(&self, out: &mut impl Write) -> Result<()> {
        let plan = study::StudyPlan::new(&self.settings.study, &self.tasks)?;
        writeln!(out, "number\tid\ttask\tactivation\touter_seed\tseed\tcell")?;

        for block in plan.blocks() {
            let block = block?;
            let cell = plan.describe(block.setting_number, block.meta_number);

            for i in 0..block.len() {
                let (number, item) = (block.first + i, block.item(i));
                if !self.part.does("trainings", number) {
                    continue;
                }

                let outer = item
                    .meta_run
                    .map_or(String::new(), |l| l.meta.seed.to_string());
                let (id, task) = (item.id, &block.setting.task);

                writeln!(
                    out,
                    "{number}\t{id}\t{task}\t{}\t{outer}\t{}\t{cell}",
                    item.activation, item.seed
                )?;
            }
        }

        Ok(())
    }
}

impl Plan for StudyRun {
    fn describe(&self) -> Result<String> {
        let settings = self.config()?;
        let (meta_runs, learning, trainings, training) =
            costs_of(&self.settings.study, &self.tasks)?;
        let counts = format!("# {meta_runs} meta-learning runs, {trainings} trainings\n");

        Ok(format!(
            "# to {}\n{counts}# {}\n{settings}",
            self.out.display(),
            learning + training
        ))
    }

    fn config(&self) -> Result<String> {
        Ok(self.stored()?.text().into())
    }

    fn files(&self) -> Result<Files> {
        if self.list || self.part == RunMode::Status {
            return Ok(Files::default());
        }

        if self.part != RunMode::Gather {
            let (_, learning, _, training) = costs_of(&self.settings.study, &self.tasks)?;
            (learning + training).check()?;
        }

        let files = Files::reading(self.file.clone());
        let files = files.running(&self.out, self.stored()?.text().into(), self.part);
        Ok(match self.replace {
            Some(replace) => files.replacing(replace),
            None => files,
        })
    }

    fn execute(&self, output: Output) -> Result<String> {
        if self.list {
            return self.print();
        }

        let replace = self.replace == Some(true);

        let folder = RunFolder::open_as(
            &self.out,
            &self.stored()?,
            replace,
            self.part,
            &self.sources,
        )?;

        finish(
            study::run(
                &self.settings.study,
                &self.tasks,
                &folder,
                self.stage,
                output,
            ),
            &folder,
        )
    }
}

/// The largest array of a queue that nobody has changed (Slurm: MaxArraySize = 1001).
const MOST_TASKS: usize = 1000;

impl QueueArgs {
    fn queue(&self) -> Result<Queue> {
        ensure!(
            self.minutes > 0 && self.cpus > 0 && self.throttle > 0,
            "--minutes, --cpus and --throttle must be at least 1"
        );
        ensure!(
            self.tasks.is_none_or(|t| t > 0),
            "--tasks 0: use at least 1"
        );

        let tasks = TaskCache::default();
        let costs = costs(&read(&self.study, &[], &tasks)?, &tasks)?;
        let each = 60.0 * self.minutes as f64;

        let pack = |stage: &StageCosts| {
            let wanted = (stage.load.seconds(self.cpus) / each).ceil().max(1.0) as usize;
            (
                stage.name,
                self.tasks.unwrap_or(wanted.min(MOST_TASKS)).min(stage.jobs),
            )
        };

        let stages: Vec<(&str, usize)> = costs.iter().map(pack).collect();
        let longest = |(stage, (_, tasks)): (&StageCosts, &(&str, usize))| {
            stage.load.seconds(self.cpus) / (*tasks).max(1) as f64 / 60.0
        };
        let minutes = costs.iter().zip(&stages).map(longest).fold(0.0, f64::max);
        let bytes = costs.iter().map(|s| s.load.bytes).fold(0.0, f64::max);
        let (learning, rest) = costs.split_first().context("a study has stages")?;
        let training: Cost = rest.iter().map(|s| s.load).sum();

        let out = self.out.clone().unwrap_or_else(|| default_out(&self.study));

        let name = self
            .study
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();

        let about = vec![
            format!(
                "The study {}: {} meta-learning runs, {} trainings.",
                self.study.display(),
                learning.jobs,
                rest.iter().map(|s| s.jobs).sum::<usize>()
            ),
            format!(
                "Estimated: {:.1} processor hours of learning, {:.1} of training; a task takes some {:.0} minutes.",
                learning.load.seconds(1) / 3600.0,
                training.seconds(1) / 3600.0,
                minutes.ceil().max(1.0)
            ),
        ];

        Ok(Queue {
            program: self.program.clone(),
            study: self.study.display().to_string(),
            out: out.display().to_string(),
            name,
            stages,
            cpus: self.cpus,
            megabytes: 200 + (bytes * self.cpus as f64 / 1e6).ceil() as usize,
            // The estimate is a rough one, and a task that is stopped at the limit goes on later.
            limit_minutes: (2.0 * minutes).ceil() as usize + 5,
            throttle: self.throttle,
            options: vec![],
            about,
        })
    }
}

impl SlurmArgs {
    pub fn resolve(&self) -> Result<super::plan::TextPlan> {
        let queue = Queue {
            options: self.option.clone(),
            ..self.queue.queue()?
        };
        Ok(super::plan::TextPlan::of(
            queue.slurm(),
            &[&self.queue.study],
        ))
    }
}
