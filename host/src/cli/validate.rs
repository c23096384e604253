//! `ldnn validate`

use super::Plan;
use super::common::{OutArgs, TaskArgs};
use anyhow::{Context, Result};
use ldnn::activations::Activations;
use ldnn::folder::RunFolder;
use ldnn::progress::Output;
use ldnn::task::Task;
use ldnn::train::{Optimiser, TrainConfig};
use ldnn::validate::{self, ValidateConfig};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
pub struct Args {
    #[command(flatten)]
    task: TaskArgs,
    /// Learned activations: a run folder of `ldnn meta`, its activations.json, or an activations.txt with samples on
    /// linspace(-5, 5), one line a type
    #[arg(long, value_name = "FILE")]
    activations: Option<PathBuf>,
    /// What to compare: base functions, type1, type2, ..., mix [default: relu,sine,tanh, and all that was learned]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    compare: Vec<String>,
    /// Networks of each kind
    #[arg(long, default_value_t = 10, value_name = "N")]
    runs: usize,
    /// Passes over the training rows
    #[arg(long, default_value_t = 100, value_name = "N")]
    epochs: usize,
    /// Record the curve every so many epochs
    #[arg(long, default_value_t = 5, value_name = "N")]
    every: usize,
    /// Optimiser
    #[arg(long, default_value = "sgd", value_name = "NAME")]
    optimiser: Optimiser,
    /// Learning rate
    #[arg(long, default_value_t = 0.01, value_name = "X")]
    rate: f64,
    /// Momentum; decay of the mean square for rmsprop; beta1 for adam
    #[arg(long, default_value_t = 0.8, value_name = "X")]
    momentum: f64,
    /// Rows a training step
    #[arg(long, default_value_t = 200, value_name = "ROWS")]
    batch: usize,
    /// Take the rows in file order in every epoch
    #[arg(long)]
    no_shuffle: bool,
    /// Widths of the hidden layers
    #[arg(long, default_value = "100", value_name = "N,...", value_delimiter = ',')]
    hidden: Vec<usize>,
    /// Seed of the first network; the others have the next ones
    #[arg(long, default_value_t = 101, value_name = "N")]
    seed: u64,
    /// Evaluate learned activations directly instead of by tables
    #[arg(long)]
    exact: bool,
    #[command(flatten)]
    pub out: OutArgs,
}

const EXAMPLES: &str = "\
Examples:
  ldnn validate --compare relu,sine,tanh --runs 20
  ldnn validate --activations out/meta --compare relu,type1,type2,mix --epochs 200 --out out/validate

The run folder gets config.toml, trainings.jsonl (one line a training, curve included), trainings.csv, report.txt,
violins.svg/.png and curves.svg/.png. A training that diverges is recorded as diverged; the others go on.";

#[derive(Serialize)]
struct Settings {
    task: String,
    /// The learned types themselves: another file is another run.
    #[serde(skip_serializing_if = "Option::is_none")]
    learned: Option<Activations>,
    validate: ValidateConfig,
}

impl Args {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let task = self.task.load()?;
        let learned = self.activations.as_deref().map(Activations::read).transpose().context("--activations")?;
        let validate = ValidateConfig {
            activations: self.names(learned.as_ref()),
            runs: self.runs,
            seed: self.seed,
            exact: self.exact,
            train: TrainConfig {
                hidden: self.hidden.clone(),
                optimiser: self.optimiser,
                rate: self.rate,
                momentum: self.momentum,
                batch: self.batch,
                epochs: self.epochs,
                shuffle: !self.no_shuffle,
                every: self.every,
            },
        };
        validate.choices(&task, learned.as_ref())?;
        let settings = Settings { task: self.task.describe(), learned, validate };
        Ok(self.out.plan("out/validate", settings, task, compare))
    }

    fn names(&self, learned: Option<&Activations>) -> Vec<String> {
        if !self.compare.is_empty() {
            return self.compare.clone();
        }
        let classical = ["relu", "sine", "tanh"].map(String::from);
        let types = learned.map_or(0, |l| l.types.len());
        let learned = (1..=types).map(|t| format!("type{t}")).chain((types > 0).then(|| "mix".into()));
        classical.into_iter().chain(learned).collect()
    }
}

fn compare(settings: &Settings, task: &Task, folder: &RunFolder, output: Output) -> Result<String> {
    let report = validate::run(&settings.validate, task, settings.learned.as_ref(), folder, output)?;
    let file = |name: &str| folder.file(name).display().to_string();
    Ok(format!("{report}\n\npictures: {}, {}", file("violins.png"), file("curves.png")))
}
