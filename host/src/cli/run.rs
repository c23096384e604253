//! `ldnn run`, `ldnn slurm`, `ldnn k8s`: studies, and scripts for the queues that do them.

use super::common::{ShardArgs, finish};
use super::scale::Again;
use super::{Mode, Plan};
use anyhow::{Context, Result, ensure};
use ldnn::estimate::Load;
use ldnn::folder::RunFolder;
use ldnn::progress::Output;
use ldnn::scale::Mode as Part;
use ldnn::scale::queue::Queue;
use ldnn::scale::study::{self, Stage, Study, Tasks};
use serde::{Deserialize, Serialize};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// The study
    #[arg(value_name = "STUDY.toml")]
    study: PathBuf,
    /// Which stage to work at
    #[arg(long, default_value = "all", value_name = "NAME")]
    stage: Stage,
    /// Print the plan, a line a training (of --shard, if it is given), and do nothing
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
}

const EXAMPLES: &str = "\
A study has the settings of `ldnn meta` and `ldnn validate`, and a sweep over any of them:
  task = \"mnist1d\"
  [meta]
  steps = 100
  [validate]
  activations = [\"relu\", \"tanh\", \"type1\", \"mix\"]
  runs = 10
  [validate.train]
  epochs = 100
  [sweep]
  meta.seed = { from = 100, count = 5 }       # outer seeds: repetitions, taken together
  meta.base = [\"sine\", \"zero\"]
  validate.train.hidden = [[20], [50], [100]]
  task = [\"mnist1d\", \"digits\"]

All combinations are worked. Examples:
  ldnn run study.toml                                  all of it, here
  ldnn run study.toml --plan | head                    what there is to do
  ldnn run study.toml --shard 3/16                     a sixteenth; then `ldnn merge out/study`
  ldnn slurm study.toml > study.sh && bash study.sh    on a cluster";

#[derive(clap::Args)]
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
    /// Tasks a stage, instead of as many as --minutes gives
    #[arg(long, value_name = "N")]
    tasks: Option<usize>,
    /// Processors a task
    #[arg(long, default_value_t = 1, value_name = "N")]
    cpus: usize,
    /// Tasks at a time
    #[arg(long, default_value_t = 100, value_name = "N")]
    throttle: usize,
}

#[derive(clap::Args)]
pub struct SlurmArgs {
    #[command(flatten)]
    queue: QueueArgs,
    /// An option for sbatch, e.g. --option=--partition=short; may be given several times
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    option: Vec<String>,
}

#[derive(clap::Args)]
pub struct K8sArgs {
    #[command(flatten)]
    queue: QueueArgs,
    /// The image that has the program
    #[arg(long, default_value = "ldnn:latest", value_name = "IMAGE")]
    image: String,
    /// The persistent volume claim that is mounted at /data, where the study's file is
    #[arg(long, default_value = "ldnn", value_name = "CLAIM")]
    claim: String,
}

#[derive(Serialize, Deserialize)]
struct Settings {
    study: Study,
}

/// A study to be done.
pub struct StudyPlan {
    settings: Settings,
    tasks: Tasks,
    out: PathBuf,
    replace: bool,
    part: Part,
    sources: Vec<PathBuf>,
    stage: Stage,
    list: bool,
}

fn read(path: &Path, tasks: &Tasks) -> Result<Study> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read '{}'", path.display()))?;
    Study::parse(&text, tasks).with_context(|| format!("'{}'", path.display()))
}

/// `out/STUDY`
fn default_out(study: &Path) -> PathBuf {
    Path::new("out").join(study.file_stem().unwrap_or_default())
}

impl RunArgs {
    pub fn mode(&self) -> Mode {
        if self.dry_run { Mode::DryRun } else { Mode::Work }
    }

    pub fn resolve(&self) -> Result<StudyPlan> {
        let tasks = Tasks::default();
        let study = read(&self.study, &tasks)?;
        Ok(StudyPlan {
            settings: Settings { study },
            tasks,
            out: self.out.clone().unwrap_or_else(|| default_out(&self.study)),
            replace: self.replace,
            part: self.shard.part()?,
            sources: vec![],
            stage: self.stage,
            list: self.plan,
        })
    }
}

/// The plan of a study in a run folder, without work of its own.
pub fn again(config: &str, again: Again) -> Result<Box<dyn Plan>> {
    let settings: Settings = toml::from_str(config)?;
    let Again { out, part, sources } = again;
    let (tasks, stage) = (Tasks::default(), Stage::All);
    Ok(Box::new(StudyPlan { settings, tasks, out, replace: false, part, sources, stage, list: false }))
}

/// What a study costs.
struct Costs {
    lessons: usize,
    learning: Load,
    trainings: usize,
    training: Load,
}

fn costs(study: &Study, tasks: &Tasks) -> Result<Costs> {
    let plan = study::Plan::new(study, tasks)?;
    let lessons = plan.lessons()?;
    let learning = (0..lessons).map(|number| {
        let lesson = plan.lesson(number)?;
        Ok(Load::learning(&lesson.meta, &*tasks.get(&lesson.task)?))
    });
    let learning = learning.collect::<Result<Vec<_>>>()?.into_iter().sum();
    let (mut trainings, mut training) = (0, Load::default());
    for block in plan.blocks() {
        let block = block?;
        let task = tasks.get(&block.setting.task)?;
        trainings += block.len();
        training = training + Load::trainings(block.len(), &block.setting.validate.train, &task);
    }
    Ok(Costs { lessons, learning, trainings, training })
}

impl StudyPlan {
    /// Prints the trainings as they are computed: a million of them need no memory.
    fn print(&self) -> Result<String> {
        let mut out = BufWriter::new(std::io::stdout().lock());
        match self.print_to(&mut out).and_then(|()| Ok(out.flush()?)) {
            Err(e) if e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) => {}
            other => other?,
        }
        Ok(String::new())
    }

    fn print_to(&self, out: &mut impl Write) -> Result<()> {
        let plan = study::Plan::new(&self.settings.study, &self.tasks)?;
        writeln!(out, "number\tid\ttask\tactivation\touter_seed\tseed\tcell")?;
        for block in plan.blocks() {
            let block = block?;
            let cell = plan.describe(block.setting_number, block.meta_number);
            for i in 0..block.len() {
                let (number, item) = (block.first + i, block.item(i));
                if !self.part.does("trainings", number) {
                    continue;
                }
                let outer = item.lesson.map_or(String::new(), |l| l.meta.seed.to_string());
                let (id, task) = (item.id, &block.setting.task);
                writeln!(out, "{number}\t{id}\t{task}\t{}\t{outer}\t{}\t{cell}", item.kind, item.seed)?;
            }
        }
        Ok(())
    }
}

impl Plan for StudyPlan {
    fn describe(&self) -> Result<String> {
        let settings = toml::to_string(&self.settings).context("the settings cannot be written as TOML")?;
        let costs = costs(&self.settings.study, &self.tasks)?;
        let load = costs.learning + costs.training;
        let counts = format!("# {} meta-learning runs, {} trainings\n", costs.lessons, costs.trainings);
        Ok(format!("# to {}\n{counts}# {load}\n{settings}", self.out.display()))
    }

    fn execute(&self, output: Output) -> Result<String> {
        if self.list {
            return self.print();
        }
        let folder = RunFolder::open_as(&self.out, &self.settings, self.replace, self.part, &self.sources)?;
        finish(study::run(&self.settings.study, &self.tasks, &folder, self.stage, output), &folder)
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
        ensure!(self.tasks.is_none_or(|t| t > 0), "--tasks 0: use at least 1");
        let tasks = Tasks::default();
        let costs = costs(&read(&self.study, &tasks)?, &tasks)?;
        let each = 60.0 * self.minutes as f64;
        let pack = |load: Load, pieces: usize| {
            let wanted = (load.seconds(self.cpus) / each).ceil().max(1.0) as usize;
            self.tasks.unwrap_or(wanted.min(MOST_TASKS)).min(pieces)
        };
        let (learn, train) = (pack(costs.learning, costs.lessons), pack(costs.training, costs.trainings));
        let longest = |load: Load, tasks: usize| load.seconds(self.cpus) / tasks.max(1) as f64 / 60.0;
        let minutes = longest(costs.learning, learn).max(longest(costs.training, train));
        let bytes = costs.learning.bytes.max(costs.training.bytes);
        let out = self.out.clone().unwrap_or_else(|| default_out(&self.study));
        let name = self.study.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let about = vec![
            format!(
                "The study {}: {} meta-learning runs, {} trainings.",
                self.study.display(),
                costs.lessons,
                costs.trainings
            ),
            format!(
                "Estimated: {:.1} processor hours of learning, {:.1} of training; a task takes some {:.0} minutes.",
                costs.learning.seconds(1) / 3600.0,
                costs.training.seconds(1) / 3600.0,
                minutes.ceil().max(1.0)
            ),
        ];
        Ok(Queue {
            program: self.program.clone(),
            study: self.study.display().to_string(),
            out: out.display().to_string(),
            name,
            learn,
            train,
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
    pub fn resolve(&self) -> Result<super::runs::Said> {
        let queue = Queue { options: self.option.clone(), ..self.queue.queue()? };
        Ok(super::runs::Said::new(queue.slurm()))
    }
}

impl K8sArgs {
    pub fn resolve(&self) -> Result<super::runs::Said> {
        Ok(super::runs::Said::new(self.queue.queue()?.kubernetes(&self.image, &self.claim)))
    }
}
