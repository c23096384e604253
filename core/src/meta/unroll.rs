//! An inner training that is differentiated as a whole: its settings, and the memory it needs.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::math::Real;
use crate::network::{Data, Init, Pass};
use crate::optimizer::Optimizer;
use crate::schedule::Schedule;
use crate::shape::Shape;

/// What the outer loss is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OuterLoss {
    /// The mean of the last `last` training losses (the authors').
    Train {
        /// How many.
        last: usize,
    },
    /// The mean loss, without noise, on batches of `batch` random held-out rows, one after each of
    /// the last `last` steps.
    HeldOut {
        /// How many.
        last: usize,
        /// Rows per batch.
        batch: usize,
    },
}

/// An inner training that is differentiated as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unroll<T> {
    /// The network.
    pub shape: Shape,
    /// Steps before the first that counts: they bring the weights to where most of a long training
    /// takes place, and nothing is differentiated through them. 0 for none.
    pub untaped: usize,
    /// Number of inner steps `T` that are differentiated.
    pub steps: usize,
    /// Rows per step; the last batch of an epoch is smaller if the rows do not divide.
    pub batch: usize,
    /// Whether every epoch draws a new order of the rows.
    pub shuffle: bool,
    /// Amplitude of the training noise; 0 for none.
    pub noise: T,
    /// How the weights start.
    pub init: Init,
    /// The inner optimizer.
    pub optimizer: Optimizer<T>,
    /// Its learning rate over the `steps`; in the untaped ones it stays.
    pub schedule: Schedule,
    /// The outer loss.
    pub outer: OuterLoss,
    /// Steps per segment of the tape; `steps` for the full tape. See [`Unroll::short_segment`].
    pub segment: usize,
}

/// The rows that an inner training learns from, and those that [`OuterLoss::HeldOut`] is about; the
/// latter are not used by [`OuterLoss::Train`].
#[derive(Clone, Copy, Debug)]
pub struct Datasets<'a, T> {
    /// Training rows.
    pub train: Data<'a, T>,
    /// Held-out rows.
    pub held_out: Data<'a, T>,
}

/// The address of all random draws of an inner training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The seed of the run.
    pub seed: u64,
    /// Which inner training of the run.
    pub outer_step: u32,
}

/// What [`hypergradient`](super::hypergradient()) reads, writes and needs as scratch; lengths from [`Unroll`] and its
/// shape.
#[derive(Debug)]
pub struct Buffers<'a, T> {
    /// `[theta | phi]`. The activation parameters `phi` are read; `theta` is overwritten, in the
    /// end with the initial weights again. [`Shape::param_len`]
    pub params: &'a mut [T],
    /// The derivative of the outer loss with respect to `phi`, overwritten. [`Shape::phi_len`]
    pub dphi: &'a mut [T],
    /// The weights after the training, overwritten. [`Shape::theta_len`]
    pub trained: &'a mut [T],
    /// Scratch. [`Unroll::tape_len`]
    pub tape: &'a mut [T],
    /// Scratch. [`Unroll::work_len`]
    pub work: &'a mut [T],
    /// Scratch. [`Unroll::order_len`]
    pub order: &'a mut [u32],
}

/// The losses of one inner training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InnerLosses<T> {
    /// The outer loss.
    pub outer_loss: T,
    /// The last training loss, noise included.
    pub train_loss: T,
}

impl<T: Real> Unroll<T> {
    /// The segment length with the smallest tape: about the square root of the steps.
    #[must_use]
    pub fn short_segment(&self) -> usize {
        let (per_step, per_snapshot) = (self.step_len(), self.snapshot_len());
        let mut best = (usize::MAX, 1);

        for segment in 1..=self.steps {
            let len = sum(
                segment.saturating_mul(per_step),
                self.steps.div_ceil(segment).saturating_mul(per_snapshot),
            );
            if len < best.0 {
                best = (len, segment);
            }
        }

        best.1
    }

    pub(super) const fn state_len(&self) -> usize {
        self.optimizer.state_len(self.shape.theta_len())
    }

    /// `theta` before, gradient, state after.
    pub(super) const fn step_len(&self) -> usize {
        sum(twice(self.shape.theta_len()), self.state_len())
    }

    pub(super) const fn snapshot_len(&self) -> usize {
        sum(self.shape.theta_len(), self.state_len())
    }

    pub(super) const fn segments(&self) -> usize {
        if self.segment == 0 {
            0
        } else {
            self.steps.div_ceil(self.segment)
        }
    }

    /// Length of the `tape` of [`Buffers`].
    #[must_use]
    pub const fn tape_len(&self) -> usize {
        let segment = self.segment.saturating_mul(self.step_len());
        sum(segment, self.segments().saturating_mul(self.snapshot_len()))
    }

    /// Length of the `work` of [`Buffers`].
    #[must_use]
    pub const fn work_len(&self) -> usize {
        let rows = self.largest_batch();
        let lens = sum(
            self.state_len(),
            sum(self.shape.param_len(), self.shape.theta_len()),
        );

        sum(
            twice(lens),
            self.shape.workspace_len(rows, Pass::SecondOrder),
        )
    }

    /// Length of the `order` of [`Buffers`] for `rows` training rows; held-out batches need `batch` more.
    #[must_use]
    pub const fn order_len(&self, rows: usize) -> usize {
        match self.outer {
            OuterLoss::Train { .. } => rows,
            OuterLoss::HeldOut { batch, .. } => sum(rows, batch),
        }
    }

    pub(super) const fn largest_batch(&self) -> usize {
        match self.outer {
            OuterLoss::HeldOut { batch, .. } if batch > self.batch => batch,
            _ => self.batch,
        }
    }

    pub(super) const fn last(&self) -> usize {
        match self.outer {
            OuterLoss::Train { last } | OuterLoss::HeldOut { last, .. } => last,
        }
    }

    /// The number of steps of the whole training.
    pub(super) const fn end(&self) -> usize {
        sum(self.untaped, self.steps)
    }

    /// Whether the losses of step `t` belong to the outer loss.
    pub(super) const fn counts(&self, t: usize) -> bool {
        sum(t, self.last()) >= self.end()
    }

    /// The optimizer of step `t`, counted from the first untaped one.
    pub(super) fn optimizer_at(&self, t: usize) -> Optimizer<T> {
        match t.checked_sub(self.untaped) {
            Some(taped) => self.optimizer.scaled(self.schedule.factor(taped)),
            None => self.optimizer,
        }
    }
}

/// A sum of lengths; one that cannot be is the largest number, which no buffer has.
pub(super) const fn sum(a: usize, b: usize) -> usize {
    a.saturating_add(b)
}

pub(super) const fn twice(a: usize) -> usize {
    a.saturating_mul(2)
}
