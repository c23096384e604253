//! `ldnn meta`

use super::common::{OutArgs, TaskArgs, set};
use super::plan::Plan;
use crate::data::task::Task;
use crate::lab::estimate::Load;
use crate::meta::{self, MetaConfig, Objective, Schedule, Tape};
use crate::run::RunFolder;
use crate::support::progress::{Output, Progress};
use crate::train::{OptimizerKind, lr_scale};
use anyhow::Result;
use serde::{Deserialize, Serialize};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
pub struct Args {
    #[command(flatten)]
    task: TaskArgs,
    /// Base function of every type: zero, identity, relu, tanh, sigmoid, sine or elu [default: sine]
    #[arg(long, value_name = "NAME")]
    base: Option<String>,
    /// Number of activation types [default: 2]
    #[arg(long, value_name = "N")]
    types: Option<usize>,
    /// Give every hidden layer types of its own, instead of one set for all
    #[arg(long)]
    per_layer: bool,
    /// Widths of the hidden layers [default: 100]
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    hidden: Option<Vec<usize>>,
    /// Hidden units of each type's sub-network [default: 50]
    #[arg(long, value_name = "N")]
    units: Option<usize>,
    /// Schedule of learning [default: unrolled]
    #[arg(long, value_name = "NAME")]
    schedule: Option<Schedule>,
    /// Outer steps: how often the activations change [default: 500]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Seed of every draw [default: 100]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What the activations are to make small [default: heldout]; train takes all the settings of the paper's authors as
    /// defaults
    #[arg(long, value_name = "NAME")]
    outer_loss: Option<Objective>,
    /// Inner training steps [default: 200; with --outer-loss train 100]
    #[arg(long, value_name = "N")]
    inner_steps: Option<usize>,
    /// Along how many last inner steps the outer loss is taken [default: 100]
    #[arg(long, value_name = "N")]
    outer_last: Option<usize>,
    /// Training rows kept for the held-out loss [default: a quarter of them]
    #[arg(long, value_name = "ROWS")]
    held_out: Option<usize>,
    /// Rows of a held-out batch [default: 200]
    #[arg(long, value_name = "ROWS")]
    held_out_batch: Option<usize>,
    /// Hold out other rows at every outer step
    #[arg(long)]
    resplit: bool,
    /// Inner trainings an outer step, run in parallel, their hypergradients averaged [default: 1]
    #[arg(long, value_name = "N")]
    inner_trainings: Option<usize>,
    /// Rows a training step [default: 200]
    #[arg(long, value_name = "ROWS")]
    batch: Option<usize>,
    /// Take the rows in file order in every epoch
    #[arg(long)]
    no_shuffle: bool,
    /// Amplitude of the training noise on hidden units; never used in evaluation [default: 0.1]
    #[arg(long, value_name = "X")]
    noise: Option<f64>,
    /// OptimizerKind of the weights; RMSprop's mean square starts at 1 [default: sgd; with --outer-loss train rmsprop]
    #[arg(long, value_name = "NAME")]
    inner_optimizer: Option<OptimizerKind>,
    /// Learning rate of the weights [default: 0.2, less for more than 100 inputs; with --outer-loss train
    /// 0.01]
    #[arg(long, value_name = "X")]
    inner_lr: Option<f64>,
    /// Momentum of the weights, or decay of RMSprop's mean square [default: 0.8]
    #[arg(long, value_name = "X")]
    inner_momentum: Option<f64>,
    /// Learning rate of the activations [default: 0.4]
    #[arg(long, value_name = "X")]
    outer_lr: Option<f64>,
    /// Momentum of the activations [default: 0.8]
    #[arg(long, value_name = "X")]
    outer_momentum: Option<f64>,
    /// Whether the activations' learning rate falls linearly to 0 over the second half of the run [default: true; with
    /// --outer-loss train false]
    #[arg(long, value_name = "BOOL")]
    anneal: Option<bool>,
    /// Bound on every element of the activations' gradient [default: 0.1]
    #[arg(long, value_name = "X")]
    clip: Option<f64>,
    /// Training steps between two steps of the activations, alternating schedule [default: 20]
    #[arg(long, value_name = "N")]
    period: Option<usize>,
    /// Steps of the activations after which the weights start anew, alternating schedule; 0 for never [default: 0]
    #[arg(long, value_name = "N")]
    restart: Option<usize>,
    /// Evaluate the sub-networks directly instead of by tables (some 50 times slower)
    #[arg(long)]
    exact: bool,
    /// Knots of the tables [default: 257]
    #[arg(long, value_name = "N")]
    table_knots: Option<usize>,
    /// The tables span -X to X, and go on linearly outside [default: 10]
    #[arg(long, value_name = "X")]
    table_range: Option<f64>,
    /// How the inner training is kept: full, or short (memory of the square root of the steps, same bits) [default: full]
    #[arg(long, value_name = "NAME")]
    tape: Option<Tape>,
    /// Outer steps between two snapshots of the activations [default: 10]
    #[arg(long, value_name = "N")]
    snapshot_every: Option<usize>,
    #[command(flatten)]
    pub out: OutArgs,
}

const EXAMPLES: &str = "\
Examples:
  ldnn meta --out out/two                             two types from sine, held-out objective
  ldnn meta --outer-loss train --steps 800            the authors' objective
  ldnn meta --types 3 --base zero --hidden 64,64      three types shared by two layers
  ldnn meta --data mine.npz --schedule alternating    your own data, first order only

The run folder gets config.toml, history.jsonl, activations.json, activations.txt (samples on linspace(-5, 5)),
snapshots.jsonl, evolution.svg/.png/.csv and checkpoint.json.";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    task: String,
    meta: MetaConfig,
}

impl Args {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let layers = self.out.layers("meta")?;
        let (name, task) = self.task.load(&layers)?;
        let default = match layers.pick("meta.outer_loss", self.outer_loss)? {
            Some(Objective::Train) => MetaConfig::authors(MetaConfig::default().steps),
            _ => MetaConfig {
                held_out: (task.train.rows() / 4).max(1),
                inner_lr: MetaConfig::default().inner_lr * lr_scale(task.inputs),
                ..MetaConfig::default()
            },
        };
        let settings = layers.resolve(
            Settings {
                task: name.clone(),
                meta: default,
            },
            |s| self.apply(&mut s.meta),
        )?;
        settings.meta.check(&task)?;
        let load = Load::learning(&settings.meta, &task);
        let data = TaskArgs::file_of(&name);
        let plan = self.out.plan(
            "out/meta",
            Settings {
                task: name,
                ..settings
            },
            task,
            learn,
        );
        Ok(plan.costing(load).reading(data))
    }

    fn apply(&self, c: &mut MetaConfig) {
        set(&mut c.outer_loss, &self.outer_loss);
        set(&mut c.base, &self.base);
        set(&mut c.types, &self.types);
        set(&mut c.hidden, &self.hidden);
        set(&mut c.units, &self.units);
        set(&mut c.schedule, &self.schedule);
        set(&mut c.steps, &self.steps);
        set(&mut c.seed, &self.seed);
        set(&mut c.inner_steps, &self.inner_steps);
        set(&mut c.outer_last, &self.outer_last);
        set(&mut c.held_out, &self.held_out);
        set(&mut c.held_out_batch, &self.held_out_batch);
        set(&mut c.inner_trainings, &self.inner_trainings);
        set(&mut c.batch, &self.batch);
        set(&mut c.noise, &self.noise);
        set(&mut c.inner_optimizer, &self.inner_optimizer);
        set(&mut c.inner_lr, &self.inner_lr);
        set(&mut c.inner_momentum, &self.inner_momentum);
        set(&mut c.outer_lr, &self.outer_lr);
        set(&mut c.outer_momentum, &self.outer_momentum);
        set(&mut c.anneal, &self.anneal);
        set(&mut c.clip, &self.clip);
        set(&mut c.period, &self.period);
        set(&mut c.restart, &self.restart);
        set(&mut c.table_knots, &self.table_knots);
        set(&mut c.table_range, &self.table_range);
        set(&mut c.tape, &self.tape);
        set(&mut c.snapshot_every, &self.snapshot_every);
        c.resplit |= self.resplit;
        c.shuffle &= !self.no_shuffle;
        c.exact |= self.exact;
        c.per_layer |= self.per_layer;
    }
}

fn learn(settings: &Settings, task: &Task, folder: &RunFolder, output: Output) -> Result<String> {
    let progress = Progress::new(output, "meta-learning", settings.meta.steps);
    let learned = meta::run(&settings.meta, task, folder, &progress)?;
    let file = |name: &str| folder.file(name).display().to_string();
    Ok(format!(
        "learned: {}\nactivations: {}\npicture: {}",
        learned.provenance,
        file("activations.json"),
        file("evolution.png")
    ))
}
