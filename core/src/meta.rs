//! The schedules of learning the activations.
//!
//! *Alternating* ([`alternating_step`]): train the weights; every few steps take one gradient step in the activation
//! parameters as well. First order, no tape: the schedule for devices.
//!
//! *Unrolled* ([`hypergradient`]): train a fresh network for `T` steps, and differentiate the outer loss through the
//! whole training (Maclaurin, Duvenaud, Adams 2015). With the weights `theta`, the optimizer's state `s`, and
//! `g_t = dL_t/dtheta`, the training is `(theta, s)_{t+1} = step((theta, s)_t, g_t)`. Running backwards, the adjoint of
//! `step` gives the adjoint `r` of `g_t`, and one product of the joint Hessian with `[r | 0]` gives both its part in
//! the adjoint of `theta_t` (upper half) and its part in the hypergradient (lower half). Random draws are replayed from
//! (seed, step), never stored.
//!
//! The caller's tape holds one *segment* of the training in full (`theta`, `g`, `s` of every step) and snapshots of
//! (`theta`, `s`) where the other segments begin. One segment of `T` steps is the full tape; segments of `sqrt(T)` steps
//! need far less memory and repeat each step once; the bits are the same.
//!
//! ```
//! use ldnn_core::meta::{Buffers, OuterLoss, Unroll, hypergradient};
//! use ldnn_core::network::{Data, Init, Target, init_phi};
//! use ldnn_core::optimizer::Optimizer;
//! use ldnn_core::{Base, Kind, Plain, Shape};
//!
//! // One inner training of four steps, and how its loss changes with the activation's parameters.
//! const KIND: Kind = Kind::Learned { base: Base::Sine, units: 3 };
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
//! let buffers = Buffers { tape: &mut tape, work: &mut work, order: &mut order };
//! let outcome = hypergradient(Plain, &PLAN, data, data, 1, 0, &mut params, &mut dphi, &mut trained, buffers)?;
//! assert!(outcome.outer_loss > 0.0 && dphi.iter().any(|d| *d != 0.0));
//! # Ok::<(), ldnn_core::Error>(())
//! ```
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow; sizes have passed the door")]

use crate::error::{Error, check, check_at_least};
use crate::finite::check_finite;
use crate::math::Real;
use crate::network::{self, Batch, Data, Init, Noise, Rows, Target};
use crate::optimizer::{Optimizer, Step, clamp};
use crate::planes::{part, part_mut, take};
use crate::rng::{Draws, Stream};
use crate::shape::Shape;
use crate::vector::Vector;

/// What the outer loss is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OuterLoss {
    /// The mean of the last `last` training losses (the authors').
    Train {
        /// How many.
        last: usize,
    },
    /// The mean loss, without noise, on batches of `batch` random held-out rows, one after each of the last `last` steps.
    HeldOut {
        /// How many.
        last: usize,
        /// Rows a batch.
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
    /// Rows a step; the last batch of an epoch is smaller if the rows do not divide.
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
    /// Steps a segment of the tape; `steps` for the full tape. See [`Unroll::short_segment`].
    pub segment: usize,
}

/// The caller's memory for [`hypergradient`]; lengths from [`Unroll`].
#[derive(Debug)]
pub struct Buffers<'a, T> {
    /// [`Unroll::tape_len`]
    pub tape: &'a mut [T],
    /// [`Unroll::work_len`]
    pub work: &'a mut [T],
    /// [`Unroll::order_len`]
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
            let len = sum(segment.saturating_mul(per_step), self.steps.div_ceil(segment).saturating_mul(per_snapshot));
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
        if self.segment == 0 { 0 } else { self.steps.div_ceil(self.segment) }
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
        let rows = match self.outer {
            OuterLoss::HeldOut { batch, .. } if batch > self.batch => batch,
            _ => self.batch,
        };
        let lens = sum(self.state_len(), sum(self.shape.param_len(), self.shape.theta_len()));
        sum(twice(lens), self.shape.tangent_work_len(rows))
    }

    /// Length of the row order for `rows` training rows; held-out batches need `batch` more.
    #[must_use]
    pub const fn order_len(&self, rows: usize) -> usize {
        match self.outer {
            OuterLoss::Train { .. } => rows,
            OuterLoss::HeldOut { batch, .. } => sum(rows, batch),
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

/// One inner training and its hypergradient.
///
/// `params` (`shape.param_len()`): on entry its second part holds the activation parameters `phi`; its first part is
/// overwritten, in the end with the initial weights again. `dphi` (`shape.phi_len()`), overwritten: the derivative of the outer loss with
/// respect to `phi`. `held_out` is used by [`OuterLoss::HeldOut`] alone. `seed` and `outer_step` address the random
/// draws. `trained` (`shape.theta_len()`) receives the weights after the training. A training that diverges is no error: its
/// losses and `dphi` are not finite, and `phi` is as it was.
///
/// # Errors
/// If a length does not fit, a count is 0, or the data does not fit the shape.
#[allow(clippy::too_many_arguments, reason = "every buffer is the caller's")]
pub fn hypergradient<T: Real, V: Vector>(
    vector: V,
    plan: &Unroll<T>,
    train: Data<'_, T>,
    held_out: Data<'_, T>,
    seed: u64,
    outer_step: u32,
    params: &mut [T],
    dphi: &mut [T],
    trained: &mut [T],
    buffers: Buffers<'_, T>,
) -> Result<Outcome<T>, Error> {
    let mut run = Run::open(vector, plan, train, held_out, seed, outer_step, params, buffers)?;
    check("dphi", plan.shape.phi_len(), dphi.len())?;
    check("trained", plan.shape.theta_len(), trained.len())?;
    network::init_theta(&plan.shape, plan.init, seed, u64::from(outer_step), run.theta())?;
    plan.optimizer.init_state(run.state);
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
    trained.iter_mut().zip(run.theta()).for_each(|(to, from)| *to = *from);
    dphi.fill(T::ZERO);
    run.start_reverse();
    for segment in (0..plan.segments()).rev() {
        if segment + 1 < plan.segments() {
            run.replay(segment)?;
        }
        for t in run.steps_of(segment).rev() {
            outer_loss += run.reverse_step(t, dphi)?;
        }
    }
    Ok(Outcome { outer_loss, train_loss })
}

/// The state of a training in the caller's memory.
struct Run<'a, T, V> {
    vector: V,
    plan: &'a Unroll<T>,
    train: Data<'a, T>,
    held_out: Data<'a, T>,
    rows: usize,
    held_rows: usize,
    seed: u64,
    outer_step: u32,
    /// 1 / number of losses in the outer loss.
    weight: T,
    params: &'a mut [T],
    state: &'a mut [T],
    snapshots: &'a mut [T],
    tape: &'a mut [T],
    /// The adjoint of the weights, and of the optimizer's state.
    dtheta: &'a mut [T],
    dstate: &'a mut [T],
    direction: &'a mut [T],
    grad: &'a mut [T],
    product: &'a mut [T],
    work: &'a mut [T],
    order: &'a mut [u32],
    picked: &'a mut [u32],
    /// The epoch whose order is in `order`.
    epoch: Option<usize>,
}

impl<'a, T: Real, V: Vector> Run<'a, T, V> {
    #[allow(clippy::too_many_arguments, reason = "every buffer is the caller's")]
    fn open(
        vector: V,
        plan: &'a Unroll<T>,
        train: Data<'a, T>,
        held_out: Data<'a, T>,
        seed: u64,
        outer_step: u32,
        params: &'a mut [T],
        buffers: Buffers<'a, T>,
    ) -> Result<Self, Error> {
        let (shape, inputs) = (&plan.shape, plan.shape.inputs());
        let rows_of = |x: &[T]| x.len().checked_div(inputs).unwrap_or_default();
        let (rows, held_rows) = (rows_of(train.x), rows_of(held_out.x));
        check_plan(plan, rows, held_rows)?;
        check("params", shape.param_len(), params.len())?;
        check_at_least("tape", plan.tape_len(), buffers.tape.len())?;
        check_at_least("work", plan.work_len(), buffers.work.len())?;
        check_at_least("order", plan.order_len(rows), buffers.order.len())?;
        let theta = shape.theta_len();
        let (mut tape, mut work, mut order) = (buffers.tape, buffers.work, buffers.order);
        Ok(Run {
            vector,
            plan,
            train,
            held_out,
            rows,
            held_rows,
            seed,
            outer_step,
            weight: T::ONE / T::from_usize(plan.last().min(plan.steps)),
            params,
            snapshots: take(&mut tape, plan.segments() * plan.snapshot_len()),
            tape: take(&mut tape, plan.segment * plan.step_len()),
            state: take(&mut work, plan.state_len()),
            dstate: take(&mut work, plan.state_len()),
            grad: take(&mut work, shape.param_len()),
            product: take(&mut work, shape.param_len()),
            dtheta: take(&mut work, theta),
            direction: take(&mut work, theta),
            work,
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
        (u64::from(self.outer_step) << 32) | t as u64
    }

    fn noise(&self, t: usize) -> Option<Noise<T>> {
        let amplitude = self.plan.noise;
        (amplitude > T::ZERO).then(|| Noise { amplitude, seed: self.seed, step: self.draw_step(t) })
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
            Draws::new(self.seed, Stream::Shuffle, 0, self.draw_step(epoch)).permutation(self.order);
        } else {
            self.order.iter_mut().enumerate().for_each(|(i, o)| *o = i as u32);
        }
    }

    fn snapshot(&mut self, segment: usize) {
        let at = segment * self.plan.snapshot_len();
        let theta = self.plan.shape.theta_len();
        copy(part_mut(self.snapshots, at, theta), self.params);
        copy(part_mut(self.snapshots, at + theta, self.plan.state_len()), self.state);
    }

    /// Runs a segment again from its snapshot, which fills the tape.
    fn replay(&mut self, segment: usize) -> Result<(), Error> {
        let at = segment * self.plan.snapshot_len();
        let (theta, state) = (self.plan.shape.theta_len(), self.plan.state_len());
        copy(part_mut(self.params, 0, theta), part(self.snapshots, at, theta));
        copy(self.state, part(self.snapshots, at + theta, state));
        for t in self.steps_of(segment) {
            self.train_step(t)?;
        }
        Ok(())
    }

    /// Trains on the batch of step `t` and tapes the step.
    fn train_step(&mut self, t: usize) -> Result<T, Error> {
        let shape = &self.plan.shape;
        let theta = shape.theta_len();
        let (range, noise) = (self.batch_of(t), self.noise(t));
        let batch = Batch { data: self.train, rows: Rows::Picked(part(self.order, range.start, range.len())) };
        let step = part_mut(self.tape, (t % self.plan.segment.max(1)) * self.plan.step_len(), self.plan.step_len());
        let (before, step) = step.split_at_mut_checked(theta).unwrap_or_default();
        let (grad, after) = step.split_at_mut_checked(theta).unwrap_or_default();
        copy(before, self.params);
        let loss = network::gradient(self.vector, shape, self.params, batch, noise, grad, self.work)?;
        let params = part_mut(self.params, 0, theta);
        self.vector.run(
            #[inline(always)]
            || self.plan.optimizer.advance(params, self.state, grad, t),
        )?;
        copy(after, self.state);
        Ok(loss)
    }

    fn start_reverse(&mut self) {
        self.dtheta.fill(T::ZERO);
        self.dstate.fill(T::ZERO);
    }

    /// From the adjoints after step `t` to those before it; returns the step's held-out part of the outer loss.
    fn reverse_step(&mut self, t: usize, dphi: &mut [T]) -> Result<T, Error> {
        let held_out = if self.plan.counts(t) { self.add_held_out(t, dphi)? } else { T::ZERO };
        let (plan, theta) = (self.plan, self.plan.shape.theta_len());
        let step = part(self.tape, (t % plan.segment.max(1)) * plan.step_len(), plan.step_len());
        let (before, step) = step.split_at_checked(theta).unwrap_or_default();
        let (grad, after) = step.split_at_checked(theta).unwrap_or_default();
        let (direction, dstate, dtheta) = (&mut *self.direction, &mut *self.dstate, &*self.dtheta);
        self.vector.run(
            #[inline(always)]
            || plan.optimizer.step_adjoint(Step { grad, state: after, t }, dtheta, dstate, direction),
        )?;
        copy(self.params, before);
        let (range, noise) = (self.batch_of(t), self.noise(t));
        let batch = Batch { data: self.train, rows: Rows::Picked(part(self.order, range.start, range.len())) };
        let share = if matches!(plan.outer, OuterLoss::Train { .. }) && plan.counts(t) { self.weight } else { T::ZERO };
        let (params, r, product) = (&*self.params, &*self.direction, &mut *self.product);
        network::product_and_gradient(self.vector, &plan.shape, params, r, share, batch, noise, product, self.work)?;
        add(self.dtheta, self.product, dphi, T::ONE);
        Ok(held_out)
    }

    /// The gradient of the held-out loss after step `t`, at the weights in `params`.
    fn add_held_out(&mut self, t: usize, dphi: &mut [T]) -> Result<T, Error> {
        let OuterLoss::HeldOut { .. } = self.plan.outer else { return Ok(T::ZERO) };
        let draws = Draws::new(self.seed, Stream::HeldOut, 0, self.draw_step(t));
        let rows = self.held_rows as u32;
        self.picked.iter_mut().enumerate().for_each(|(i, row)| *row = draws.below(i as u32, rows));
        let batch = Batch { data: self.held_out, rows: Rows::Picked(self.picked) };
        let loss = network::gradient(self.vector, &self.plan.shape, self.params, batch, None, self.grad, self.work)?;
        add(self.dtheta, self.grad, dphi, self.weight);
        Ok(loss * self.weight)
    }
}

fn check_plan<T: Real>(plan: &Unroll<T>, rows: usize, held_rows: usize) -> Result<(), Error> {
    if plan.steps == 0 || plan.last() == 0 {
        return Err(Error::Empty("the number of inner steps and of outer losses"));
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

/// Step `t` (from 0) of the alternating schedule; returns the loss of the batch before the step.
///
/// `params`, `grad`: `shape.param_len()`; `state`: the state of the weights' optimizer, then of the activations'
/// (of `theta_len` and of `phi_len` parameters; start both with [`Optimizer::init_state`]); `work`: at least
/// `shape.work_len(rows)`.
///
/// # Errors
/// As [`training_step`], or if the period is 0.
#[allow(clippy::too_many_arguments, reason = "every buffer is the caller's")]
pub fn alternating_step<T: Real, V: Vector>(
    vector: V,
    plan: &Alternating<T>,
    shape: &Shape,
    params: &mut [T],
    state: &mut [T],
    batch: Batch<'_, T>,
    noise: Option<Noise<T>>,
    t: usize,
    grad: &mut [T],
    work: &mut [T],
) -> Result<T, Error> {
    let (theta, phi) = (shape.theta_len(), shape.phi_len());
    let of_weights = plan.weights.state_len(theta);
    let of_activations = plan.activations.state_len(phi);
    check("state", sum(of_weights, of_activations), state.len())?;
    check("grad", shape.param_len(), grad.len())?;
    if plan.period == 0 {
        return Err(Error::Empty("the period"));
    }
    let learns = t % plan.period == plan.period - 1;
    let wanted = if learns { theta + phi } else { theta };
    let (grad, _) = grad.split_at_mut_checked(wanted).unwrap_or_default();
    let loss = network::gradient(vector, shape, params, batch, noise, grad, work)?;

    let (weights, activations) = params.split_at_mut_checked(theta).unwrap_or_default();
    let (state_w, state_a) = state.split_at_mut_checked(of_weights).unwrap_or_default();
    let (grad_w, grad_a) = grad.split_at_mut_checked(theta).unwrap_or_default();
    // All is checked before anything moves; a gradient before it is clamped.
    let mut check_step = || {
        check_loss(loss)?;
        check_finite("grad", grad_a)?;
        clamp(grad_a, plan.clip);
        plan.weights.check(weights, state_w, grad_w, t)?;
        if learns { plan.activations.check(activations, state_a, grad_a, t / plan.period) } else { Ok(()) }
    };
    check_step().map_err(|error| cause(error, shape, weights, activations, &batch))?;

    plan.weights.advance(weights, state_w, grad_w, t)?;
    if learns {
        plan.activations.advance(activations, state_a, grad_a, t / plan.period)?;
    }
    Ok(loss)
}

fn check_loss<T: Real>(loss: T) -> Result<(), Error> {
    if loss.is_finite() { Ok(()) } else { Err(Error::Diverges("the loss")) }
}

/// Why a step was refused: the first number that came in and is not finite, or `error` if all of them are.
#[cold]
fn cause<T: Real>(error: Error, shape: &Shape, weights: &[T], activations: &[T], batch: &Batch<'_, T>) -> Error {
    if let Some(index) = weights.iter().chain(activations).position(|p| !p.is_finite()) {
        return Error::NotFinite { buffer: "params", index };
    }
    let of_row = |buffer, values: &[T], row: usize, width: usize| {
        let at = row.saturating_mul(width);
        let index = part(values, at, width).iter().position(|x| !x.is_finite())?;
        Some(Error::NotFinite { buffer, index: sum(at, index) })
    };
    for row in (0..batch.rows.len()).map(|i| batch.rows.at(i)) {
        let of_target = match batch.data.target {
            Target::Values(values) => of_row("target", values, row, shape.outputs()),
            Target::Classes(_) => None,
        };
        if let Some(error) = of_row("x", batch.data.x, row, shape.inputs()).or(of_target) {
            return error;
        }
    }
    match error {
        Error::NotFinite { .. } => Error::Diverges("the gradient"),
        other => other,
    }
}

/// One step of ordinary training of the weights, the activations at rest; returns the loss before the step.
///
/// `params`: `shape.param_len()`; `state`: `optimizer.state_len(shape.theta_len())`; `grad`: `shape.theta_len()`.
///
/// # Errors
/// If a length does not fit or the batch does not fit the shape; if a row, a target or a parameter is not finite
/// ([`Error::NotFinite`]); if the loss, its gradient or what the optimizer would leave is not ([`Error::Diverges`]). Then
/// `params` and `state` have not changed.
#[allow(clippy::too_many_arguments, reason = "every buffer is the caller's")]
pub fn training_step<T: Real, V: Vector>(
    vector: V,
    optimizer: &Optimizer<T>,
    shape: &Shape,
    params: &mut [T],
    state: &mut [T],
    batch: Batch<'_, T>,
    noise: Option<Noise<T>>,
    t: usize,
    grad: &mut [T],
    work: &mut [T],
) -> Result<T, Error> {
    check("grad", shape.theta_len(), grad.len())?;
    check("state", optimizer.state_len(shape.theta_len()), state.len())?;
    let loss = network::gradient(vector, shape, params, batch, noise, grad, work)?;

    let (theta, phi) = params.split_at_mut_checked(shape.theta_len()).unwrap_or_default();
    let step = check_loss(loss).and_then(|()| {
        vector.run(
            #[inline(always)]
            || optimizer.step(theta, state, grad, t),
        )
    });
    step.map_err(|error| cause(error, shape, theta, phi, &batch))?;
    Ok(loss)
}
