//! The settings of a meta-learning run.

use crate::data::task::Task;
use crate::model::activations::base_named;
use crate::model::choice::layered;
use crate::support::memory::{MOST, MOST_TIMES, check_size};
use crate::train::{LrDecay, OptimizerKind, OptimizerMemory};
use anyhow::{Result, ensure};
use clap::ValueEnum;
use ldnn_core::meta::{OuterLoss, Unroll};
use ldnn_core::network::Init;
use ldnn_core::schedule::Schedule;
use ldnn_core::{Activation, Base, Optimizer, Shape, table};
use serde::{Deserialize, Serialize};

/// The schedule of learning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MetaSchedule {
    /// Differentiate through whole trainings of fresh networks.
    Unrolled,
    /// Train one network; every few steps let the activations take a step as well.
    Alternating,
}

/// What the activations are to make small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// The mean of the last training losses (the paper's authors).
    Train,
    /// The loss on rows that the inner training does not see, along its last steps.
    Heldout,
}

/// How the inner training is kept for the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Tape {
    /// Every step: fastest.
    Full,
    /// Snapshots, with one segment in full: memory grows with the square root of the steps, the
    /// same bits.
    Short,
}

/// How activations are meta-learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct MetaConfig {
    /// Base function of every type: zero, identity, relu, tanh, sigmoid, sine, elu,
    /// swish, gelu, softplus or snake; or several in turn, as in swish+sine [default: swish+sine;
    /// for one type, with --outer-loss train, or alternating, sine]
    #[arg(long, value_name = "NAME", hide_default_value = true)]
    pub base: String,

    /// Number of activation types
    #[arg(long, value_name = "N")]
    pub types: usize,

    /// Give every hidden layer types of its own, instead of one set for all
    #[arg(long)]
    #[serde(default)]
    pub per_layer: bool,

    /// Widths of the hidden layers
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub hidden: Vec<usize>,

    /// Hidden units of each type's sub-network
    #[arg(long, value_name = "N")]
    pub units: usize,

    /// Schedule of learning
    #[arg(long, value_name = "NAME")]
    pub schedule: MetaSchedule,

    /// Outer steps: how often the activations change [default: 200; with --outer-loss train, or
    /// alternating, 500]
    #[arg(long, value_name = "N", hide_default_value = true)]
    pub steps: usize,

    /// Seed of every draw
    #[arg(long, value_name = "N")]
    pub seed: u64,

    /// Inner training steps, unrolled schedule [default: 200; with --outer-loss train 100]
    #[arg(long, value_name = "N", hide_default_value = true)]
    pub inner_steps: usize,

    /// Inner steps before those: they bring the weights to where most of a long training takes
    /// place, and the activations learn nothing from them [default: 400; with --outer-loss train, or
    /// alternating, 0]
    #[arg(long, value_name = "N", hide_default_value = true)]
    #[serde(default)]
    pub inner_untaped: usize,

    /// Inner trainings per outer step, run in parallel, their hypergradients averaged
    #[arg(long, value_name = "N")]
    pub inner_trainings: usize,

    /// Rows per training step
    #[arg(long, value_name = "ROWS")]
    pub batch: usize,

    /// Take the rows in file order in every epoch
    #[arg(long = "no-shuffle", action = clap::ArgAction::SetFalse)]
    pub shuffle: bool,

    /// Amplitude of the training noise on hidden units; never used in evaluation [default: 0; with
    /// --outer-loss train, or alternating, 0.1]
    #[arg(long, value_name = "X", hide_default_value = true)]
    pub noise: f64,

    /// Optimizer of the weights; RMSprop's mean square starts at 1 [default: adamw; with --outer-loss
    /// train rmsprop; alternating sgd]
    #[arg(long, value_name = "NAME", hide_default_value = true)]
    pub inner_optimizer: OptimizerKind,

    /// Learning rate of the weights [default: 0.02 for adam and adamw, 0.01 for rmsprop, 0.2 for sgd,
    /// less for more than 100 inputs]
    #[arg(long, value_name = "X", hide_default_value = true)]
    pub inner_lr: f64,

    /// Momentum of the weights, with sgd [default: 0.8]
    #[arg(long, value_name = "X")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_momentum: Option<f64>,

    /// Decay of the weights' mean square, with rmsprop [default: 0.8]
    #[arg(long, value_name = "X")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_decay: Option<f64>,

    /// Decay of the weights' mean gradient, with adam and adamw [default: 0.9]
    #[arg(long, value_name = "X")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_beta1: Option<f64>,

    /// Decay of the weights with adamw, per unit of learning rate [default: 0.6; for
    /// regression 0]
    #[arg(long, value_name = "X", hide_default_value = true)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_weight_decay: Option<f64>,

    /// How the weights' learning rate falls over the inner steps that the activations learn from
    /// [default: linear; with --outer-loss train, or alternating, constant]
    #[arg(long, value_name = "NAME", hide_default_value = true)]
    #[serde(default)]
    pub inner_lr_decay: LrDecay,

    /// What the activations are to make small; `train` takes all the settings of the paper's
    /// authors as defaults
    #[arg(long, value_name = "NAME")]
    pub outer_loss: Objective,

    /// Whether the logarithm of the outer loss is made small, so that its size does not matter
    /// [default: true; with --outer-loss train, or alternating, false]
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, hide_default_value = true)]
    #[serde(default)]
    pub log_loss: bool,

    /// Along how many last inner steps the outer loss is taken [default: 20; with --outer-loss train,
    /// or alternating, 100]
    #[arg(long, value_name = "N", hide_default_value = true)]
    pub outer_last: usize,

    /// Training rows kept for the held-out loss [default: a quarter of them]
    #[arg(long, value_name = "ROWS", hide_default_value = true)]
    pub held_out: usize,

    /// Hold out other rows at every outer step
    #[arg(long)]
    pub resplit: bool,

    /// Rows of a held-out batch
    #[arg(long, value_name = "ROWS")]
    pub held_out_batch: usize,

    /// Optimizer of the activations [default: adam; with --outer-loss train, or alternating, sgd]
    #[arg(long, value_name = "NAME", hide_default_value = true)]
    #[serde(default = "sgd")]
    pub outer_optimizer: OptimizerKind,

    /// Learning rate of the activations [default: 0.01; for sgd 0.4]
    #[arg(long, value_name = "X", hide_default_value = true)]
    pub outer_lr: f64,

    /// Momentum of the activations, with sgd
    #[arg(long, value_name = "X")]
    pub outer_momentum: f64,

    /// Whether the activations' learning rate falls linearly to 0 over the second half of the run
    /// [default: true; with --outer-loss train false]
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, hide_default_value = true)]
    pub anneal: bool,

    /// Bound on every element of the activations' gradient
    #[arg(long, value_name = "X")]
    pub clip: f64,

    /// Training steps between two steps of the activations, alternating schedule
    #[arg(long, value_name = "N")]
    pub period: usize,

    /// Steps of the activations after which the weights start anew, alternating schedule; 0 for
    /// never
    #[arg(long, value_name = "N")]
    pub restart: usize,

    /// Evaluate the sub-networks directly instead of by tables (some 50 times slower)
    #[arg(long)]
    pub exact: bool,

    /// Knots of the tables
    #[arg(long, value_name = "N")]
    pub table_knots: usize,

    /// The tables span -X to X, and go on linearly outside
    #[arg(long, value_name = "X")]
    pub table_range: f64,

    /// How the inner training is kept for the way back
    #[arg(long, value_name = "NAME")]
    pub tape: Tape,

    /// Outer steps between two snapshots of the activations
    #[arg(long, value_name = "N")]
    pub snapshot_every: usize,
}

fn sgd() -> OptimizerKind {
    OptimizerKind::Sgd
}

/// The decay of the weights in the default recipe, where classes are learned; see
/// `docs/reproduction.md`.
pub(super) const INNER_WEIGHT_DECAY: f64 = 0.6;

/// The momentum of the activations where none is given.
const OUTER_MOMENTUM: f64 = 0.8;

impl Default for MetaConfig {
    /// Two types from swish and sine on the paper's network, with the held-out objective. The inner
    /// training is a short version of the training that the activations are meant for: AdamW, weights
    /// that decay, a rate that falls to 0.
    fn default() -> Self {
        MetaConfig {
            base: "swish+sine".into(),
            types: 2,
            per_layer: false,
            hidden: vec![100],
            units: 50,
            schedule: MetaSchedule::Unrolled,
            steps: 200,
            seed: 100,
            inner_steps: 200,
            inner_untaped: 400,
            inner_trainings: 1,
            batch: 200,
            shuffle: true,
            noise: 0.0,
            inner_optimizer: OptimizerKind::Adamw,
            inner_lr: 0.02,
            inner_momentum: None,
            inner_decay: None,
            inner_beta1: None,
            inner_weight_decay: Some(INNER_WEIGHT_DECAY),
            inner_lr_decay: LrDecay::Linear,
            outer_loss: Objective::Heldout,
            log_loss: true,
            outer_last: 20,
            held_out: 1000,
            resplit: false,
            held_out_batch: 200,
            outer_optimizer: OptimizerKind::Adam,
            outer_lr: 0.01,
            outer_momentum: OUTER_MOMENTUM,
            anneal: true,
            clip: 0.1,
            period: 20,
            restart: 0,
            exact: false,
            table_knots: crate::model::activations::TABLE_KNOTS,
            table_range: f64::from(crate::model::activations::TABLE_RANGE),
            tape: Tape::Full,
            snapshot_every: 10,
        }
    }
}

impl MetaConfig {
    fn inner_memory(&self) -> OptimizerMemory {
        OptimizerMemory {
            momentum: self.inner_momentum,
            decay: self.inner_decay,
            beta1: self.inner_beta1,
            weight_decay: self.inner_weight_decay,
        }
    }

    /// The same with the number that the inner optimizer has, and no other's.
    ///
    /// # Errors
    /// If the number of another optimizer was set, or one is not in [0, 1).
    pub fn settled(self) -> Result<MetaConfig> {
        let inner = self
            .inner_memory()
            .settled(self.inner_optimizer, "inner_")?;

        Ok(MetaConfig {
            inner_momentum: inner.momentum,
            inner_decay: inner.decay,
            inner_beta1: inner.beta1,
            inner_weight_decay: inner.weight_decay,
            ..self
        })
    }

    /// # Errors
    /// With field, value and remedy, for settings that make no run.
    pub fn check(&self, task: &Task) -> Result<()> {
        let counts = [
            ("`types`", self.types),
            ("`units`", self.units),
            ("`steps`", self.steps),
            ("`batch`", self.batch),
            ("`inner_steps`", self.inner_steps),
            ("`inner_trainings`", self.inner_trainings),
            ("`outer_last`", self.outer_last),
            ("`period`", self.period),
            ("`snapshot_every`", self.snapshot_every),
        ];

        for (setting, value) in counts {
            ensure!(value > 0, "{setting} 0: must be at least 1");

            check_size(
                setting,
                value,
                if setting == "`types`" || setting == "`units`" {
                    MOST
                } else {
                    MOST_TIMES
                },
            )?;
        }

        self.bases()?;

        check_size("`inner_untaped`", self.inner_untaped, MOST_TIMES)?;
        check_size("`held_out_batch`", self.held_out_batch, MOST_TIMES)?;
        check_size("`table_knots`", self.table_knots, MOST)?;
        check_size("`restart`", self.restart, MOST_TIMES)?;

        for &width in &self.hidden {
            check_size("`hidden`", width, MOST)?;
        }

        let reals = [
            ("`inner_lr`", self.inner_lr),
            ("`outer_lr`", self.outer_lr),
            ("`clip`", self.clip),
            ("`table_range`", self.table_range),
        ];

        for (setting, value) in reals {
            ensure!(
                value.is_finite() && value > 0.0,
                "{setting} {value}: must be a positive number"
            );
        }

        self.inner_memory()
            .settled(self.inner_optimizer, "inner_")?;

        ensure!(
            (0.0..1.0).contains(&self.outer_momentum),
            "`outer_momentum` {}: must be in [0, 1), e.g. {OUTER_MOMENTUM}",
            self.outer_momentum
        );

        ensure!(
            self.outer_optimizer == OptimizerKind::Sgd || self.outer_momentum == OUTER_MOMENTUM,
            "`outer_momentum` {}: is of sgd, but `outer_optimizer` is another",
            self.outer_momentum
        );

        let is_unrolled = self.schedule == MetaSchedule::Unrolled;
        for (setting, is_set) in [
            ("`inner_untaped`", self.inner_untaped > 0),
            ("`inner_lr_decay`", self.inner_lr_decay != LrDecay::Constant),
            ("`log_loss`", self.log_loss),
        ] {
            ensure!(
                is_unrolled || !is_set,
                "{setting}: is of the unrolled schedule, but `schedule` is alternating"
            );
        }

        ensure!(
            self.noise.is_finite() && self.noise >= 0.0,
            "`noise` {}: must be 0 or positive, e.g. 0.1",
            self.noise
        );

        ensure!(
            self.table_knots >= 4,
            "`table_knots` {}: a table needs at least 4 knots, e.g. 257",
            self.table_knots
        );

        if self.outer_loss == Objective::Heldout {
            let rows = task.train.rows();
            ensure!(
                rows > 1,
                "there is {rows} training row; learning activations needs at least 2, one of them held out"
            );

            ensure!(
                self.held_out > 0 && self.held_out < rows && self.held_out_batch > 0,
                "`held_out` {}: hold out 1 to {} of the {rows} training rows, and use a `held_out_batch` of at least 1",
                self.held_out,
                rows - 1
            );

            // Drawn with replacement: the default may have more rows than are held out of a small
            // table.
            let most = rows.max(MetaConfig::default().held_out_batch);

            ensure!(
                self.held_out_batch <= most,
                "`held_out_batch` {}: at most {most}; it is drawn from the {} rows that are held out of {rows}",
                self.held_out_batch,
                self.held_out
            );
        }

        self.direct_shape(task).map(|_| ())
    }

    /// The network with sub-networks evaluated directly.
    ///
    /// # Errors
    /// If widths and types make no network.
    pub fn direct_shape(&self, task: &Task) -> Result<Shape> {
        ensure!(
            !self.hidden.is_empty(),
            "`hidden`: give at least one width, e.g. 100"
        );

        let widths = [&[task.inputs], &self.hidden[..], &[task.outputs]].concat();

        let learned = |base| Activation::Learned {
            base,
            units: self.units,
        };
        let activations: Vec<Activation> = self.bases()?.into_iter().map(learned).collect();

        let shape = layered(&widths, &activations, self.layers());
        shape.map_err(|e| {
            anyhow::anyhow!(
                "`hidden` {:?} `types` {} `units` {}: {e}; every hidden layer needs a neuron of each type: give wider \
                 layers or fewer types",
                self.hidden,
                self.types,
                self.units
            )
        })
    }

    /// The base function of each type of each layer, in order.
    ///
    /// # Errors
    /// If a name is none of a base function, or there are more of them than types.
    pub fn bases(&self) -> Result<Vec<Base>> {
        let names = self.base.split(['+', ',']).map(str::trim);
        let named = names.map(base_named).collect::<Result<Vec<Base>>>()?;

        ensure!(
            named.len() <= self.types,
            "`base` {}: {} functions for {} types; use `types` {}",
            self.base,
            named.len(),
            self.types,
            named.len()
        );

        let layer = named.into_iter().cycle().take(self.types);
        Ok(layer.collect::<Vec<_>>().repeat(self.layers()))
    }

    /// 1 if the hidden layers share their types, else how many have their own.
    #[must_use]
    pub fn layers(&self) -> usize {
        if self.per_layer {
            self.hidden.len().max(1)
        } else {
            1
        }
    }

    /// The types of all layers.
    #[must_use]
    pub fn all_types(&self) -> usize {
        self.types * self.layers()
    }

    /// The network that is trained: with tables, unless `exact`.
    ///
    /// # Errors
    /// As [`MetaConfig::direct_shape`].
    pub fn trained_shape(&self, task: &Task) -> Result<Shape> {
        let direct = self.direct_shape(task)?;

        if self.exact {
            return Ok(direct);
        }

        table::tabulated(&direct, self.table_knots, self.table_range as f32).map_err(|e| {
            anyhow::anyhow!(
                "`table_knots` {} `table_range` {}: {e}",
                self.table_knots,
                self.table_range
            )
        })
    }

    /// The core's optimizer for the weights, with the learning rate times `scale`. RMSprop starts
    /// its mean square at 1, as the authors do.
    #[must_use]
    pub fn inner_optimizer(&self, scale: f64) -> Optimizer<f32> {
        self.inner_optimizer
            .optimizer(self.inner_lr * scale, self.inner_memory(), 1.0)
    }

    /// The activations' optimizer at outer step `step`, with the learning rate times `scale`.
    #[must_use]
    pub fn outer_optimizer(&self, step: usize, scale: f64) -> Optimizer<f32> {
        let left = (self.steps.saturating_sub(step)) as f64 / self.steps as f64;

        let share = if self.anneal {
            (2.0 * left).min(1.0)
        } else {
            1.0
        };

        let memory = OptimizerMemory {
            momentum: Some(self.outer_momentum),
            ..OptimizerMemory::default()
        };

        self.outer_optimizer
            .optimizer(self.outer_lr * share * scale, memory, 0.0)
    }

    /// The core's plan of one inner training on `rows` rows. A batch of more rows has them all.
    #[must_use]
    pub fn unroll(&self, shape: Shape, rows: usize) -> Unroll<f32> {
        let last = self.outer_last.min(self.inner_steps);

        let mut plan = Unroll {
            shape,
            untaped: self.inner_untaped,
            steps: self.inner_steps,
            batch: self.batch.min(rows),
            shuffle: self.shuffle,
            noise: self.noise as f32,
            init: Init::FanIn,
            optimizer: self.inner_optimizer(1.0),
            schedule: Schedule {
                decay: self.inner_lr_decay.into(),
                warmup: 0,
                steps: self.inner_steps,
            },
            outer: match self.outer_loss {
                Objective::Train => OuterLoss::Train { last },
                Objective::Heldout => OuterLoss::HeldOut {
                    last,
                    batch: self.held_out_batch,
                },
            },
            segment: self.inner_steps,
        };

        if self.tape == Tape::Short {
            plan.segment = plan.short_segment();
        }

        plan
    }
}
