//! The settings of a meta-learning run.

use crate::data::task::Task;
use crate::model::activations::{base_named, layered};
use crate::support::memory::{MOST, MOST_TIMES, check_size};
use crate::train::Optimiser;
use anyhow::{Result, ensure};
use clap::ValueEnum;
use ldnn_core::meta::{OuterLoss, Unroll};
use ldnn_core::network::Init;
use ldnn_core::{Kind, Optimizer, Shape, table};
use serde::{Deserialize, Serialize};

/// The schedule of learning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
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
    /// Snapshots, with one segment in full: memory grows with the square root of the steps, the same bits.
    Short,
}

/// How activations are meta-learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetaConfig {
    /// Name of the base function that every type starts from.
    pub base: String,
    /// Number of types.
    pub types: usize,
    /// Whether every hidden layer has types of its own, instead of one set for all.
    #[serde(default)]
    pub per_layer: bool,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Hidden units of each type's sub-network.
    pub units: usize,
    /// The schedule.
    pub schedule: Schedule,
    /// Outer steps: how often the activations change.
    pub steps: usize,
    /// Seed of every draw.
    pub seed: u64,
    /// Inner training steps (unrolled schedule).
    pub inner_steps: usize,
    /// Inner trainings an outer step, their hypergradients averaged.
    pub inner_trainings: usize,
    /// Rows a training step.
    pub batch: usize,
    /// Whether every epoch has its own order.
    pub shuffle: bool,
    /// Amplitude of the training noise.
    pub noise: f64,
    /// Optimiser of the weights.
    pub inner_optimiser: Optimiser,
    /// Its step size.
    pub inner_rate: f64,
    /// Its momentum, or decay of the mean square.
    pub inner_momentum: f64,
    /// The outer loss.
    pub outer_loss: Objective,
    /// Along how many last inner steps it is taken.
    pub outer_last: usize,
    /// Training rows kept for the held-out loss.
    pub held_out: usize,
    /// Whether every outer step holds out other rows.
    pub resplit: bool,
    /// Rows of a held-out batch.
    pub held_out_batch: usize,
    /// Step size of the activations.
    pub outer_rate: f64,
    /// Their momentum.
    pub outer_momentum: f64,
    /// Whether their step size falls linearly to 0 over the second half of the run.
    pub anneal: bool,
    /// Bound on every element of their gradient.
    pub clip: f64,
    /// Training steps between two steps of the activations (alternating schedule).
    pub period: usize,
    /// Steps of the activations after which the weights start anew; 0 for never (alternating schedule).
    pub restart: usize,
    /// Evaluate sub-networks directly instead of by tables.
    pub exact: bool,
    /// Knots of the tables.
    pub table_knots: usize,
    /// The tables span `[-table_range, table_range]`.
    pub table_range: f64,
    /// The tape.
    pub tape: Tape,
    /// Outer steps between two snapshots of the activations.
    pub snapshot_every: usize,
}

impl Default for MetaConfig {
    /// Two types from sine on the paper's network, with the held-out objective. The inner training is a short version
    /// of the training that the activations are meant for: the same optimiser, with a large step.
    fn default() -> Self {
        MetaConfig {
            base: "sine".into(),
            types: 2,
            per_layer: false,
            hidden: vec![100],
            units: 50,
            schedule: Schedule::Unrolled,
            steps: 500,
            seed: 100,
            inner_steps: 200,
            inner_trainings: 1,
            batch: 200,
            shuffle: true,
            noise: 0.1,
            inner_optimiser: Optimiser::Sgd,
            inner_rate: 0.2,
            inner_momentum: 0.8,
            outer_loss: Objective::Heldout,
            outer_last: 100,
            held_out: 1000,
            resplit: false,
            held_out_batch: 200,
            outer_rate: 0.4,
            outer_momentum: 0.8,
            anneal: true,
            clip: 0.1,
            period: 20,
            restart: 0,
            exact: false,
            table_knots: crate::model::activations::KNOTS,
            table_range: f64::from(crate::model::activations::KNOT_RANGE),
            tape: Tape::Full,
            snapshot_every: 10,
        }
    }
}

impl MetaConfig {
    /// The authors' settings: their objective over 5 epochs of 20 batches.
    #[must_use]
    pub fn authors(steps: usize) -> Self {
        MetaConfig {
            steps,
            outer_loss: Objective::Train,
            inner_steps: 100,
            outer_last: 100,
            inner_optimiser: Optimiser::Rmsprop,
            inner_rate: 0.01,
            anneal: false,
            ..MetaConfig::default()
        }
    }

    /// The alternating schedule with as many gradients as these settings of the unrolled one cost: an outer step of that takes
    /// a gradient and a Hessian-vector product (two to three gradients) an inner step, a gradient each of the last steps held
    /// out.
    #[must_use]
    pub fn alternating(&self) -> Self {
        let gradients = self.inner_steps * 7 / 2 + self.outer_last;
        let steps = self.steps.saturating_mul(gradients) / self.period;
        MetaConfig {
            schedule: Schedule::Alternating,
            steps,
            restart: 50,
            outer_rate: 0.05,
            snapshot_every: steps.div_ceil(30),
            ..self.clone()
        }
    }

    /// # Errors
    /// With flag, value and remedy, for settings that make no run.
    pub fn check(&self, task: &Task) -> Result<()> {
        base_named(&self.base)?;
        let counts = [
            ("--types", self.types),
            ("--units", self.units),
            ("--steps", self.steps),
            ("--batch", self.batch),
            ("--inner-steps", self.inner_steps),
            ("--inner-trainings", self.inner_trainings),
            ("--outer-last", self.outer_last),
            ("--period", self.period),
            ("--snapshot-every", self.snapshot_every),
        ];
        for (flag, value) in counts {
            ensure!(value > 0, "{flag} 0: must be at least 1");
            check_size(
                flag,
                value,
                if flag == "--types" || flag == "--units" {
                    MOST
                } else {
                    MOST_TIMES
                },
            )?;
        }
        check_size("--held-out-batch", self.held_out_batch, MOST_TIMES)?;
        check_size("--table-knots", self.table_knots, MOST)?;
        check_size("--restart", self.restart, MOST_TIMES)?;
        for &width in &self.hidden {
            check_size("--hidden", width, MOST)?;
        }
        let reals = [
            ("--inner-rate", self.inner_rate),
            ("--outer-rate", self.outer_rate),
            ("--clip", self.clip),
            ("--table-range", self.table_range),
        ];
        for (flag, value) in reals {
            ensure!(
                value.is_finite() && value > 0.0,
                "{flag} {value}: must be a positive number"
            );
        }
        for (flag, value) in [
            ("--inner-momentum", self.inner_momentum),
            ("--outer-momentum", self.outer_momentum),
        ] {
            ensure!(
                (0.0..1.0).contains(&value),
                "{flag} {value}: must be in [0, 1), e.g. 0.8"
            );
        }
        ensure!(
            self.noise.is_finite() && self.noise >= 0.0,
            "--noise {}: must be 0 or positive, e.g. 0.1",
            self.noise
        );
        ensure!(
            self.table_knots >= 4,
            "--table-knots {}: a table needs at least 4 knots, e.g. 257",
            self.table_knots
        );
        if self.outer_loss == Objective::Heldout {
            let rows = task.train.rows();
            ensure!(
                self.held_out > 0 && self.held_out < rows && self.held_out_batch > 0,
                "--held-out {}: hold out 1 to {} of the {rows} training rows, and use a --held-out-batch of at least 1",
                self.held_out,
                rows - 1
            );
            // Drawn with replacement: the default may have more rows than are held out of a small table.
            let most = rows.max(MetaConfig::default().held_out_batch);
            ensure!(
                self.held_out_batch <= most,
                "--held-out-batch {}: at most {most}; it is drawn from the {} rows that are held out of {rows}",
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
            "--hidden: give at least one width, e.g. 100"
        );
        let widths = [&[task.inputs], &self.hidden[..], &[task.outputs]].concat();
        let kinds = vec![
            Kind::Learned {
                base: base_named(&self.base)?,
                units: self.units
            };
            self.all_types()
        ];
        let shape = layered(&widths, &kinds, self.layers());
        shape.map_err(|e| {
            anyhow::anyhow!(
                "--hidden {:?} --types {} --units {}: {e}",
                self.hidden,
                self.types,
                self.units
            )
        })
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
                "--table-knots {} --table-range {}: {e}",
                self.table_knots,
                self.table_range
            )
        })
    }

    /// The core's optimizer for the weights, with the learning rate times `scale`. RMSprop starts its mean
    /// square at 1, as the authors do.
    #[must_use]
    pub fn inner_optimizer(&self, scale: f64) -> Optimizer<f32> {
        self.inner_optimiser
            .optimizer(self.inner_rate * scale, self.inner_momentum, 1.0)
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
        let rate = self.outer_rate * share * scale;
        Optimizer::Sgd {
            lr: rate as f32,
            momentum: self.outer_momentum as f32,
        }
    }

    /// The core's plan of one inner training on `rows` rows. A batch of more rows has them all.
    #[must_use]
    pub fn unroll(&self, shape: Shape, rows: usize) -> Unroll<f32> {
        let last = self.outer_last.min(self.inner_steps);
        let mut plan = Unroll {
            shape,
            steps: self.inner_steps,
            batch: self.batch.min(rows),
            shuffle: self.shuffle,
            noise: self.noise as f32,
            init: Init::FanIn,
            optimizer: self.inner_optimizer(1.0),
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
