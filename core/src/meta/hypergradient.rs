//! The unrolled schedule: an inner training forwards, and its adjoint backwards.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use super::unroll::{Buffers, Datasets, Draw, InnerLosses, OuterLoss, Unroll, sum};
use crate::error::{Error, check, check_at_least};
use crate::kernel::planes::{PlanesMut, part, part_mut, take};
use crate::kernel::vector::Vector;
use crate::math::Real;
use crate::network::{self, Batch, Data, Direction, Network, Noise, Pass, Workspace, Wrt};
use crate::optimizer::Step;
use crate::rng::{Draws, Stream};
use crate::shape::Shape;

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
) -> Result<InnerLosses<T>, Error> {
    let mut run = UnrolledTraining::open(vector, plan, data, draw, buffers)?;

    network::init_theta(
        &plan.shape,
        plan.init,
        draw.seed,
        u64::from(draw.outer_step),
        run.theta(),
    )?;

    plan.optimizer.init_state(run.state);

    for t in 0..plan.untaped {
        run.train_step(t)?;
    }

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

    Ok(InnerLosses {
        outer_loss,
        train_loss,
    })
}

/// The state of a training in the caller's memory.
struct UnrolledTraining<'a, T, V> {
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

impl<'a, T: Real, V: Vector> UnrolledTraining<'a, T, V> {
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

        Ok(UnrolledTraining {
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
        let start = sum(self.plan.untaped, segment * self.plan.segment);
        start..sum(start, self.plan.segment).min(self.plan.end())
    }

    /// Where step `t` is on the tape. Untaped steps are written over by the first that stays.
    fn place(&self, t: usize) -> usize {
        let taped = t.saturating_sub(self.plan.untaped);
        (taped % self.plan.segment.max(1)) * self.plan.step_len()
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
        let place = self.place(t);
        let step = part_mut(self.tape, place, self.plan.step_len());

        let (before, step) = step.split_at_mut_checked(theta).unwrap_or_default();
        let (grad, after) = step.split_at_mut_checked(theta).unwrap_or_default();
        copy(before, self.params);

        let network = Network::new(&self.plan.shape, self.params)?.with_vector(self.vector);
        let loss = network.gradient(&batch, Wrt::Weights, grad, &mut self.workspace)?;

        let (params, optimizer) = (part_mut(self.params, 0, theta), self.plan.optimizer_at(t));
        self.vector.run(
            #[inline(always)]
            || optimizer.advance(params, self.state, grad, t),
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

        let step = part(self.tape, self.place(t), plan.step_len());

        let (before, step) = step.split_at_checked(theta).unwrap_or_default();
        let (grad, state) = step.split_at_checked(theta).unwrap_or_default();
        let (direction, dstate, dtheta) =
            (&mut *self.direction, &mut *self.dstate, &mut *self.dtheta);

        let optimizer = plan.optimizer_at(t);
        self.vector.run(
            #[inline(always)]
            || optimizer.step_adjoint(Step { grad, state, t }, dtheta, dstate, direction),
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
