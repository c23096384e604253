//! The schedules of learning the activations.
//!
//! *Alternating* ([`Alternating`]): train the weights; every few steps take one gradient step in the activation
//! parameters as well. First order, no tape: the schedule for devices.
//!
//! *Unrolled* ([`hypergradient`]): train a fresh network for `T` steps, and differentiate the outer loss through the
//! whole training (Maclaurin, Duvenaud, Adams 2015). With the weights `theta`, the optimizer's
//! state `s`, and `g_t = dL_t/dtheta`, the training is
//! `(theta, s)_{t+1} = step((theta, s)_t, g_t)`. Running backwards, the adjoint of `step` gives the
//! adjoint `r` of `g_t`, and one product of the joint Hessian with `[r | 0]` gives both its part in
//! the adjoint of `theta_t` (upper half) and its part in the hypergradient (lower half). Random
//! draws are replayed from (seed, step), never stored.
//!
//! The caller's tape holds one *segment* of the training in full (`theta`, `g`, `s` of every step)
//! and snapshots of (`theta`, `s`) where the other segments begin. One segment of `T` steps is the
//! full tape; segments of `sqrt(T)` steps need far less memory and repeat each step once; the bits
//! are the same.
//!
//! ```
//! use ldnn_core::meta::{Buffers, Datasets, Draw, OuterLoss, Unroll, hypergradient};
//! use ldnn_core::network::{Data, Init, Target, init_phi};
//! use ldnn_core::{Base, Activation, Optimizer, Plain, Shape};
//!
//! // One inner training of four steps, and how its loss changes with the activation's parameters.
//! const KIND: Activation = Activation::Learned { base: Base::Sine, units: 3 };
//! const PLAN: Unroll<f32> = Unroll {
//!     shape: Shape::new(&[1, 4, 1], &[KIND]),
//!     steps: 4,
//!     batch: 4,
//!     shuffle: false,
//!     noise: 0.0,
//!     init: Init::FanIn,
//!     optimizer: Optimizer::Sgd { lr: 0.1, momentum: 0.8 },
//!     outer: OuterLoss::Train { last: 2 },
//!     segment: 4,
//! };
//! let data = Data { x: &[-1.0, -0.5, 0.5, 1.0], target: Target::Values(&[1.0, 0.25, 0.25, 1.0]) };
//! let mut params = [0.0; PLAN.shape.param_len()];
//! init_phi(&PLAN.shape, 1, &mut params[PLAN.shape.theta_len()..])?;
//! let (mut dphi, mut trained) = ([0.0; PLAN.shape.phi_len()], [0.0; PLAN.shape.theta_len()]);
//! let (mut tape, mut work, mut order) = ([0.0; PLAN.tape_len()], [0.0; PLAN.work_len()], [0; PLAN.order_len(4)]);
//! let buffers = Buffers {
//!     params: &mut params,
//!     dphi: &mut dphi,
//!     trained: &mut trained,
//!     tape: &mut tape,
//!     work: &mut work,
//!     order: &mut order,
//! };
//! let data = Datasets { train: data, held_out: data };
//! let outcome = hypergradient(Plain, &PLAN, data, Draw { seed: 1, outer_step: 0 }, buffers)?;
//! assert!(outcome.outer_loss > 0.0 && dphi.iter().any(|d| *d != 0.0));
//! # Ok::<(), ldnn_core::Error>(())
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::error::{Error, check, check_at_least};
use crate::finite::check_finite;
use crate::math::Real;
use crate::network::{self, Batch, Data, Direction, Init, Network, Noise, Pass, Workspace, Wrt};
use crate::optimizer::{Optimizer, Step, clamp};
use crate::planes::{PlanesMut, part, part_mut, take};
use crate::rng::{Draws, Stream};
use crate::shape::Shape;
use crate::train::{Trainer, cause, check_loss};
use crate::vector::Vector;

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
    /// Number of inner steps `T`.
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

/// What [`hypergradient`] reads, writes and needs as scratch; lengths from [`Unroll`] and its
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

/// What came out of one inner training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome<T> {
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

    const fn state_len(&self) -> usize {
        self.optimizer.state_len(self.shape.theta_len())
    }

    /// `theta` before, gradient, state after.
    const fn step_len(&self) -> usize {
        sum(twice(self.shape.theta_len()), self.state_len())
    }

    const fn snapshot_len(&self) -> usize {
        sum(self.shape.theta_len(), self.state_len())
    }

    const fn segments(&self) -> usize {
        if self.segment == 0 {
            0
        } else {
            self.steps.div_ceil(self.segment)
        }
    }

    /// Length of the tape.
    #[must_use]
    pub const fn tape_len(&self) -> usize {
        let segment = self.segment.saturating_mul(self.step_len());
        sum(segment, self.segments().saturating_mul(self.snapshot_len()))
    }

    /// Length of the work buffer.
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

    /// Length of the row order for `rows` training rows; held-out batches need `batch` more.
    #[must_use]
    pub const fn order_len(&self, rows: usize) -> usize {
        match self.outer {
            OuterLoss::Train { .. } => rows,
            OuterLoss::HeldOut { batch, .. } => sum(rows, batch),
        }
    }

    const fn largest_batch(&self) -> usize {
        match self.outer {
            OuterLoss::HeldOut { batch, .. } if batch > self.batch => batch,
            _ => self.batch,
        }
    }

    const fn last(&self) -> usize {
        match self.outer {
            OuterLoss::Train { last } | OuterLoss::HeldOut { last, .. } => last,
        }
    }

    /// Whether the losses of step `t` belong to the outer loss.
    const fn counts(&self, t: usize) -> bool {
        sum(t, self.last()) >= self.steps
    }
}

/// A sum of lengths; one that cannot be is the largest number, which no buffer has.
const fn sum(a: usize, b: usize) -> usize {
    a.saturating_add(b)
}

const fn twice(a: usize) -> usize {
    a.saturating_mul(2)
}

/// One inner training and its hypergradient: the derivative of the outer loss with respect to
/// `phi`.
///
/// A training that diverges is no error: its losses and `dphi` are not finite, and `phi` is as it
/// was.
///
/// # Errors
/// If a length does not fit, a count is 0, or the data does not fit the shape.
pub fn hypergradient<T: Real, V: Vector>(
    vector: V,
    plan: &Unroll<T>,
    data: Datasets<'_, T>,
    draw: Draw,
    buffers: Buffers<'_, T>,
) -> Result<Outcome<T>, Error> {
    let mut run = Run::open(vector, plan, data, draw, buffers)?;

    network::init_theta(
        &plan.shape,
        plan.init,
        draw.seed,
        u64::from(draw.outer_step),
        run.theta(),
    )?;

    plan.optimizer.init_state(run.state);

    // Forwards: train, and tape the steps.
    let mut train_loss = T::ZERO;
    let mut outer_loss = T::ZERO;

    for segment in 0..plan.segments() {
        run.snapshot(segment);

        for t in run.steps_of(segment) {
            train_loss = run.train_step(t)?;
            if matches!(plan.outer, OuterLoss::Train { .. }) && plan.counts(t) {
                outer_loss += train_loss * run.weight;
            }
        }
    }

    run.keep_trained();

    // Backwards: the tape holds the last segment; those before it run again from their snapshots.
    run.start_reverse();

    for segment in (0..plan.segments()).rev() {
        if segment + 1 < plan.segments() {
            run.replay(segment)?;
        }

        for t in run.steps_of(segment).rev() {
            outer_loss += run.reverse_step(t)?;
        }
    }

    Ok(Outcome {
        outer_loss,
        train_loss,
    })
}

/// The state of a training in the caller's memory.
struct Run<'a, T, V> {
    vector: V,
    plan: &'a Unroll<T>,
    data: Datasets<'a, T>,
    draw: Draw,
    rows: usize,
    held_rows: usize,
    /// 1 / number of losses in the outer loss.
    weight: T,
    params: &'a mut [T],
    dphi: &'a mut [T],
    trained: &'a mut [T],
    state: &'a mut [T],
    snapshots: &'a mut [T],
    tape: &'a mut [T],
    /// The adjoint of the weights, and of the optimizer's state.
    dtheta: &'a mut [T],
    dstate: &'a mut [T],
    direction: &'a mut [T],
    grad: &'a mut [T],
    product: &'a mut [T],
    workspace: Workspace<'a, T>,
    order: &'a mut [u32],
    picked: &'a mut [u32],
    /// The epoch whose order is in `order`.
    epoch: Option<usize>,
}

impl<'a, T: Real, V: Vector> Run<'a, T, V> {
    fn open(
        vector: V,
        plan: &'a Unroll<T>,
        data: Datasets<'a, T>,
        draw: Draw,
        buffers: Buffers<'a, T>,
    ) -> Result<Self, Error> {
        let shape = &plan.shape;
        let (rows, held_rows) = (rows_of(shape, &data.train), rows_of(shape, &data.held_out));
        check_plan(plan, rows, held_rows)?;

        let Buffers {
            params,
            dphi,
            trained,
            mut tape,
            mut work,
            mut order,
        } = buffers;

        check("params", shape.param_len(), params.len())?;
        check("dphi", shape.phi_len(), dphi.len())?;
        check("trained", shape.theta_len(), trained.len())?;
        check_at_least("tape", plan.tape_len(), tape.len())?;
        check_at_least("work", plan.work_len(), work.len())?;
        check_at_least("order", plan.order_len(rows), order.len())?;

        Ok(Run {
            vector,
            plan,
            data,
            draw,
            rows,
            held_rows,
            weight: T::ONE / T::from_usize(plan.last().min(plan.steps)),
            params,
            dphi,
            trained,
            snapshots: take(&mut tape, plan.segments() * plan.snapshot_len()),
            tape: take(&mut tape, plan.segment * plan.step_len()),
            state: take(&mut work, plan.state_len()),
            dstate: take(&mut work, plan.state_len()),
            grad: take(&mut work, shape.param_len()),
            product: take(&mut work, shape.param_len()),
            dtheta: take(&mut work, shape.theta_len()),
            direction: take(&mut work, shape.theta_len()),
            workspace: Workspace::new(shape, plan.largest_batch(), Pass::SecondOrder, work)?,
            order: take(&mut order, rows),
            picked: order,
            epoch: None,
        })
    }

    fn theta(&mut self) -> &mut [T] {
        part_mut(self.params, 0, self.plan.shape.theta_len())
    }

    fn steps_of(&self, segment: usize) -> core::ops::Range<usize> {
        let start = segment * self.plan.segment;
        start..sum(start, self.plan.segment).min(self.plan.steps)
    }

    /// Unique to every inner step of every outer step.
    fn draw_step(&self, t: usize) -> u64 {
        (u64::from(self.draw.outer_step) << 32) | t as u64
    }

    fn noise(&self, t: usize) -> Option<Noise<T>> {
        let amplitude = self.plan.noise;
        (amplitude > T::ZERO).then(|| Noise {
            amplitude,
            seed: self.draw.seed,
            step: self.draw_step(t),
        })
    }

    /// The rows of step `t`: its place in the order of its epoch.
    fn batch_of(&mut self, t: usize) -> core::ops::Range<usize> {
        let per_epoch = self.rows.div_ceil(self.plan.batch.max(1)).max(1);
        let (epoch, i) = (t / per_epoch, t % per_epoch);
        if self.epoch != Some(epoch) {
            self.epoch = Some(epoch);
            self.arrange(epoch);
        }

        let start = i * self.plan.batch;
        start..sum(start, self.plan.batch).min(self.rows)
    }

    fn arrange(&mut self, epoch: usize) {
        if self.plan.shuffle {
            Draws::new(self.draw.seed, Stream::Shuffle, 0, self.draw_step(epoch))
                .permutation(self.order);
        } else {
            self.order
                .iter_mut()
                .enumerate()
                .for_each(|(i, o)| *o = i as u32);
        }
    }

    fn snapshot(&mut self, segment: usize) {
        let at = segment * self.plan.snapshot_len();
        let theta = self.plan.shape.theta_len();
        copy(part_mut(self.snapshots, at, theta), self.params);
        copy(
            part_mut(self.snapshots, at + theta, self.plan.state_len()),
            self.state,
        );
    }

    /// Runs a segment again from its snapshot, which fills the tape.
    fn replay(&mut self, segment: usize) -> Result<(), Error> {
        let at = segment * self.plan.snapshot_len();
        let (theta, state) = (self.plan.shape.theta_len(), self.plan.state_len());
        copy(
            part_mut(self.params, 0, theta),
            part(self.snapshots, at, theta),
        );
        copy(self.state, part(self.snapshots, at + theta, state));

        for t in self.steps_of(segment) {
            self.train_step(t)?;
        }

        Ok(())
    }

    /// Trains on the batch of step `t` and tapes the step.
    fn train_step(&mut self, t: usize) -> Result<T, Error> {
        let theta = self.plan.shape.theta_len();
        let (range, noise) = (self.batch_of(t), self.noise(t));
        let batch = Batch::picked(self.data.train, part(self.order, range.start, range.len()))
            .with_noise(noise);

        // On the tape: the weights before, the gradient, the state after.
        let step = part_mut(
            self.tape,
            (t % self.plan.segment.max(1)) * self.plan.step_len(),
            self.plan.step_len(),
        );

        let (before, step) = step.split_at_mut_checked(theta).unwrap_or_default();
        let (grad, after) = step.split_at_mut_checked(theta).unwrap_or_default();
        copy(before, self.params);

        let network = Network::new(&self.plan.shape, self.params)?.with_vector(self.vector);
        let loss = network.gradient(&batch, Wrt::Weights, grad, &mut self.workspace)?;

        let params = part_mut(self.params, 0, theta);
        self.vector.run(
            #[inline(always)]
            || self.plan.optimizer.advance(params, self.state, grad, t),
        )?;
        copy(after, self.state);

        Ok(loss)
    }

    fn keep_trained(&mut self) {
        copy(self.trained, self.params);
    }

    fn start_reverse(&mut self) {
        self.dphi.fill(T::ZERO);
        self.dtheta.fill(T::ZERO);
        self.dstate.fill(T::ZERO);
    }

    /// From the adjoints after step `t` to those before it; returns the step's held-out part of the
    /// outer loss.
    fn reverse_step(&mut self, t: usize) -> Result<T, Error> {
        let held_out = if self.plan.counts(t) {
            self.add_held_out(t)?
        } else {
            T::ZERO
        };

        // The adjoint of the optimizer's step: `direction` becomes the adjoint of the gradient.
        let (plan, theta) = (self.plan, self.plan.shape.theta_len());

        let step = part(
            self.tape,
            (t % plan.segment.max(1)) * plan.step_len(),
            plan.step_len(),
        );

        let (before, step) = step.split_at_checked(theta).unwrap_or_default();
        let (grad, state) = step.split_at_checked(theta).unwrap_or_default();
        let (direction, dstate, dtheta) =
            (&mut *self.direction, &mut *self.dstate, &mut *self.dtheta);

        self.vector.run(
            #[inline(always)]
            || {
                plan.optimizer
                    .step_adjoint(Step { grad, state, t }, dtheta, dstate, direction)
            },
        )?;

        // One joint Hessian product at the weights before the step takes it to the weights and to
        // phi.
        copy(self.params, before);

        let (range, noise) = (self.batch_of(t), self.noise(t));
        let batch = Batch::picked(self.data.train, part(self.order, range.start, range.len()))
            .with_noise(noise);

        let share = if matches!(plan.outer, OuterLoss::Train { .. }) && plan.counts(t) {
            self.weight
        } else {
            T::ZERO
        };

        let network = Network::new(&plan.shape, self.params)?.with_vector(self.vector);
        let out = PlanesMut([&mut [], &mut *self.product]);

        network.products(
            &batch,
            Direction::Weights(self.direction),
            out,
            share,
            &mut self.workspace,
        )?;

        add(self.dtheta, self.product, self.dphi, T::ONE);
        Ok(held_out)
    }

    /// The gradient of the held-out loss after step `t`, at the weights in `params`.
    fn add_held_out(&mut self, t: usize) -> Result<T, Error> {
        let OuterLoss::HeldOut { .. } = self.plan.outer else {
            return Ok(T::ZERO);
        };

        let draws = Draws::new(self.draw.seed, Stream::HeldOut, 0, self.draw_step(t));
        let rows = self.held_rows as u32;
        self.picked
            .iter_mut()
            .enumerate()
            .for_each(|(i, row)| *row = draws.below(i as u32, rows));

        let batch = Batch::picked(self.data.held_out, self.picked);
        let network = Network::new(&self.plan.shape, self.params)?.with_vector(self.vector);
        let loss = network.gradient(&batch, Wrt::All, self.grad, &mut self.workspace)?;
        add(self.dtheta, self.grad, self.dphi, self.weight);

        Ok(loss * self.weight)
    }
}

fn rows_of<T>(shape: &Shape, data: &Data<'_, T>) -> usize {
    data.x.len().checked_div(shape.inputs()).unwrap_or_default()
}

fn check_plan<T: Real>(plan: &Unroll<T>, rows: usize, held_rows: usize) -> Result<(), Error> {
    if plan.steps == 0 || plan.last() == 0 {
        return Err(Error::Empty(
            "the number of inner steps and of outer losses",
        ));
    }

    if plan.batch == 0 || plan.segment == 0 {
        return Err(Error::Empty("the batch and the segment"));
    }

    if rows == 0 {
        return Err(Error::Empty("the number of training rows"));
    }

    match plan.outer {
        OuterLoss::HeldOut { batch, .. } if batch == 0 || held_rows == 0 => {
            Err(Error::Empty("the number of held-out rows"))
        }
        _ => Ok(()),
    }
}

fn copy<T: Copy>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t = *f);
}

/// `[dtheta | dphi] += weight joint`
fn add<T: Real>(dtheta: &mut [T], joint: &[T], dphi: &mut [T], weight: T) {
    for (d, &x) in dtheta.iter_mut().chain(dphi).zip(joint) {
        *d += weight * x;
    }
}

/// The settings of the alternating schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternating<T> {
    /// How the weights learn, at every step.
    pub weights: Optimizer<T>,
    /// How the activations learn.
    pub activations: Optimizer<T>,
    /// Every how many steps the activations learn.
    pub period: usize,
    /// Every element of the activations' gradient is clamped to this.
    pub clip: T,
}

impl<T: Real> Alternating<T> {
    /// Length of the state for a network of `shape`: that of the weights' optimizer, then of the
    /// activations'.
    #[must_use]
    pub const fn state_len(&self, shape: &Shape) -> usize {
        sum(
            self.weights.state_len(shape.theta_len()),
            self.activations.state_len(shape.phi_len()),
        )
    }

    /// Sets the state to what it is before the first step. `state`: [`Alternating::state_len`].
    ///
    /// # Errors
    /// If the length differs.
    pub fn init_state(&self, shape: &Shape, state: &mut [T]) -> Result<(), Error> {
        check("state", self.state_len(shape), state.len())?;
        let of_weights = self.weights.state_len(shape.theta_len());
        let (weights, activations) = state.split_at_mut_checked(of_weights).unwrap_or_default();
        self.weights.init_state(weights);
        self.activations.init_state(activations);
        Ok(())
    }

    /// Step `t` (from 0) of the alternating schedule; returns the loss of the batch before the
    /// step.
    ///
    /// The trainer's `state` is [`Alternating::state_len`] long, its `grad` at least
    /// `shape.param_len()`.
    ///
    /// # Errors
    /// As [`Trainer::step`], or if the period is 0.
    pub fn step<V: Vector>(
        &self,
        trainer: &mut Trainer<'_, T, V>,
        batch: &Batch<'_, T>,
        t: usize,
    ) -> Result<T, Error> {
        let (shape, theta) = (trainer.shape, trainer.shape.theta_len());
        check("state", self.state_len(shape), trainer.state.len())?;
        check_at_least("grad", shape.param_len(), trainer.grad.len())?;

        if self.period == 0 {
            return Err(Error::Empty("the period"));
        }

        let learns = t % self.period == self.period - 1;
        let wrt = if learns { Wrt::All } else { Wrt::Weights };
        let loss = trainer.gradient(batch, wrt)?;

        let (weights, activations) = trainer
            .params
            .split_at_mut_checked(theta)
            .unwrap_or_default();
        let of_weights = self.weights.state_len(theta);
        let (state_w, state_a) = trainer
            .state
            .split_at_mut_checked(of_weights)
            .unwrap_or_default();

        let grad = part_mut(trainer.grad, 0, wrt.len(shape));
        let (grad_w, grad_a) = grad.split_at_mut_checked(theta).unwrap_or_default();

        // All is checked before anything moves; a gradient before it is clamped.
        let mut check_step = || {
            check_loss(loss)?;
            check_finite("grad", grad_a)?;
            clamp(grad_a, self.clip);
            self.weights.check(weights, state_w, grad_w, t)?;

            if learns {
                self.activations
                    .check(activations, state_a, grad_a, t / self.period)
            } else {
                Ok(())
            }
        };

        check_step().map_err(|error| cause(error, shape, weights, activations, batch))?;

        self.weights.advance(weights, state_w, grad_w, t)?;

        if learns {
            self.activations
                .advance(activations, state_a, grad_a, t / self.period)?;
        }

        Ok(loss)
    }
}
