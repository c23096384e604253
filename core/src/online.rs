//! Learning where the network is deployed: a sample at a time, in place, without a gradient buffer or a training set.
//!
//! One [`step`] is stochastic gradient descent with a batch of 1. Weights move as soon as their gradient is known; the
//! activations are frozen, or the values of their tables move too, which costs hardly more (see
//! [`Tunable`]). Host and device give the same bits.
//!
//! ```
//! use ldnn_core::online::{Answer, Rates, Type, step, work_len};
//! use ldnn_core::table::compact::{Knots, Tunable};
//! use ldnn_core::{Base, Kind, Shape};
//!
//! const SHAPE: Shape = Shape::new(&[1, 2, 1], &[Kind::Base(Base::Zero)]);
//! let mut theta = [1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
//! // The activation is a table whose values learn too; it starts as |z|.
//! let mut entries = [1.0, 0.0, 1.0];
//! let knots = Knots { low: -1.0, high: 1.0, count: 3 };
//! let mut types = [Type::Tunable(Tunable::new(knots, &mut entries).unwrap())];
//! let (rates, mut work) = (Rates { theta: 0.05, knots: 0.05 }, [0.0; work_len(&SHAPE)]);
//! let mut losses = [0.0; 20];
//! for loss in &mut losses {
//!     *loss = step(&SHAPE, &mut theta, &mut types, (&[0.5], Answer::Values(&[0.25])), rates, &mut work)?;
//! }
//! assert!(losses[19] < 0.01 * losses[0]);
//! # Ok::<(), ldnn_core::Error>(())
//! ```
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow; sizes have passed the door")]

use crate::deploy::{Activation, layer};
use crate::error::{Error, check, check_at_least};
use crate::planes::{part, part_mut};
use crate::shape::Shape;
use crate::table::compact::Tunable;

/// What a type computes while the network learns.
#[derive(Debug, PartialEq)]
pub enum Type<'a> {
    /// It stays as it is.
    Frozen(Activation<'a>),
    /// The values at the knots learn.
    Tunable(Tunable<'a>),
}

/// What the outputs should have been.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer<'a> {
    /// A class: the loss is the softmax cross-entropy.
    Class(u16),
    /// Values, one an output: the loss is the mean squared error.
    Values(&'a [f32]),
}

/// The sizes of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Of weights and biases.
    pub theta: f32,
    /// Of the values at the knots.
    pub knots: f32,
}

/// Number of scratch values that [`step`] needs: pre-activations and activations of every hidden layer, the outputs, and the
/// adjoints of two neighbouring layers.
#[must_use]
pub const fn work_len(shape: &Shape) -> usize {
    let (mut all, mut l) = (0, 0);
    while l < shape.hidden_layers() {
        all += shape.width(l + 1);
        l += 1;
    }
    2 * all + out_len(shape) + widest(shape)
}

/// The width of the widest hidden layer.
const fn widest(shape: &Shape) -> usize {
    let (mut widest, mut l) = (0, 0);
    while l < shape.hidden_layers() {
        if shape.width(l + 1) > widest {
            widest = shape.width(l + 1);
        }
        l += 1;
    }
    widest
}

/// Room for the outputs, which every second hidden layer uses for its adjoints.
const fn out_len(shape: &Shape) -> usize {
    if shape.hidden_layers() > 1 && widest(shape) > shape.outputs() { widest(shape) } else { shape.outputs() }
}

/// One step of learning from one sample; returns its loss before the step.
///
/// `theta`: `shape.theta_len()`; `types`: one a type of the shape; `x`: inputs; `work`: [`work_len`].
///
/// # Errors
/// If a length differs or the class does not exist; then nothing has changed.
pub fn step(
    shape: &Shape,
    theta: &mut [f32],
    types: &mut [Type<'_>],
    (x, answer): (&[f32], Answer<'_>),
    rates: Rates,
    work: &mut [f32],
) -> Result<f32, Error> {
    check("theta", shape.theta_len(), theta.len())?;
    check("types", shape.types(), types.len())?;
    check("x", shape.inputs(), x.len())?;
    check_at_least("work", work_len(shape), work.len())?;
    match answer {
        Answer::Class(label) if usize::from(label) >= shape.outputs() => {
            return Err(Error::Label { row: 0, label, classes: shape.outputs() });
        }
        Answer::Class(_) => {}
        Answer::Values(values) => check("values", shape.outputs(), values.len())?,
    }
    let (kept, rest) = work.split_at_mut_checked(kept_at(shape, shape.hidden_layers())).unwrap_or_default();
    let (outputs, adjoints) = rest.split_at_mut_checked(out_len(shape)).unwrap_or_default();
    let out = part_mut(outputs, 0, shape.outputs());
    forward(shape, theta, types, x, kept, out);
    let loss = adjoint_of_loss(out, answer);
    backward(shape, theta, types, x, rates, kept, [outputs, adjoints]);
    Ok(loss)
}

/// Where what is kept of hidden layer `l` begins: pre-activations (of a frozen type their slopes), then activations.
fn kept_at(shape: &Shape, l: usize) -> usize {
    (0..l).map(|i| 2 * shape.width(i + 1)).sum()
}

fn forward(shape: &Shape, theta: &[f32], types: &[Type<'_>], x: &[f32], kept: &mut [f32], out: &mut [f32]) {
    for l in 0..shape.hidden_layers() {
        let (before, here) = kept.split_at_mut_checked(kept_at(shape, l)).unwrap_or_default();
        let (z, h) =
            part_mut(here, 0, 2 * shape.width(l + 1)).split_at_mut_checked(shape.width(l + 1)).unwrap_or_default();
        layer(shape, theta, l, z, input(shape, x, before, l));
        let (first, count) = shape.layer_types(l);
        for (i, of) in types.iter().skip(first).take(count).enumerate() {
            let (start, end) = shape.block(l, i);
            let (z, h) = (part_mut(z, start, end - start), part_mut(h, start, end - start));
            match of {
                Type::Frozen(activation) => activation.apply_with_slopes(z, h),
                Type::Tunable(tunable) => {
                    h.iter_mut().zip(&*z).for_each(|(h, &z)| *h = z);
                    tunable.table().apply(h);
                }
            }
        }
    }
    let last = shape.hidden_layers();
    layer(shape, theta, last, out, input(shape, x, kept, last));
}

/// What goes into affine layer `l`.
fn input<'a>(shape: &Shape, x: &'a [f32], kept: &'a [f32], l: usize) -> &'a [f32] {
    match l.checked_sub(1) {
        None => x,
        Some(before) => part(kept, kept_at(shape, before) + shape.width(l), shape.width(l)),
    }
}

/// In place, outputs become adjoints; returns the loss. Orders as in the batch walk.
fn adjoint_of_loss(out: &mut [f32], answer: Answer<'_>) -> f32 {
    match answer {
        Answer::Values(values) => {
            let (count, mut total) = (out.len() as f32, 0.0);
            for (y, &t) in out.iter_mut().zip(values) {
                let e = *y - t;
                total += e * e;
                *y = (e + e) / count;
            }
            total / count
        }
        Answer::Class(label) => {
            let top = out.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
            let own = out.get(usize::from(label)).copied().unwrap_or_default();
            let mut total = 0.0;
            for y in out.iter_mut() {
                *y = crate::Real::exp(*y - top);
                total += *y;
            }
            out.iter_mut().for_each(|y| *y /= total);
            out.iter_mut().skip(label.into()).take(1).for_each(|y| *y -= 1.0);
            crate::Real::ln(total) + (top - own)
        }
    }
}

/// From the adjoints of the outputs, the first of `adjoints`, down to the first layer.
fn backward(
    shape: &Shape,
    theta: &mut [f32],
    types: &mut [Type<'_>],
    x: &[f32],
    rates: Rates,
    kept: &mut [f32],
    [mut from, mut to]: [&mut [f32]; 2],
) {
    for l in (0..=shape.hidden_layers()).rev() {
        let (inputs, outputs) = (shape.width(l), shape.width(l + 1));
        let (weights, biases) = part_mut(theta, shape.weights_at(l), (inputs + 1) * outputs)
            .split_at_mut_checked(inputs * outputs)
            .unwrap_or_default();
        let dz = part_mut(from, 0, outputs);
        if l > 0 {
            adjoint_of_input(part_mut(to, 0, inputs), weights, dz);
        }
        for d in dz.iter_mut() {
            *d *= rates.theta;
        }
        subtract_product(weights, dz, input(shape, x, kept, l));
        biases.iter_mut().zip(&*dz).for_each(|(b, &d)| *b -= d);
        if l > 0 {
            let dh = part_mut(to, 0, inputs);
            let z = part(kept, kept_at(shape, l - 1), inputs);
            through_activations(shape, types, l - 1, z, dh, rates.knots);
            (from, to) = (to, from);
        }
    }
}

/// In place, `d` goes from the adjoints of the activations of hidden layer `l` to those of its pre-activations.
fn through_activations(shape: &Shape, types: &mut [Type<'_>], l: usize, z: &[f32], d: &mut [f32], rate: f32) {
    let (first, count) = shape.layer_types(l);
    for (i, of) in types.iter_mut().skip(first).take(count).enumerate() {
        let (start, end) = shape.block(l, i);
        let (z, d) = (part(z, start, end - start), part_mut(d, start, end - start));
        match of {
            Type::Frozen(_) => d.iter_mut().zip(z).for_each(|(d, &slope)| *d *= slope),
            Type::Tunable(tunable) => tunable.step(z, d, rate),
        }
    }
}

/// `dx = W^T dz`, outputs in ascending order; four of them in one pass.
fn adjoint_of_input(dx: &mut [f32], w: &[f32], dz: &[f32]) {
    dx.fill(0.0);
    // Never 0, as the compiler should know.
    let inputs = dx.len().max(1);
    let (fours, rest) = dz.as_chunks::<4>();
    let (of_fours, of_rest) = w.split_at_checked(4 * fours.len() * inputs).unwrap_or_default();
    for ([d0, d1, d2, d3], w) in fours.iter().zip(of_fours.chunks_exact(inputs.saturating_mul(4))) {
        let row = |r: usize| part(w, r * inputs, inputs);
        let rows = row(0).iter().zip(row(1)).zip(row(2).iter().zip(row(3)));
        for (dx, ((w0, w1), (w2, w3))) in dx.iter_mut().zip(rows) {
            *dx = (((*dx + w0 * d0) + w1 * d1) + w2 * d2) + w3 * d3;
        }
    }
    for (d, w) in rest.iter().zip(of_rest.chunks_exact(inputs)) {
        dx.iter_mut().zip(w).for_each(|(dx, w)| *dx += w * d);
    }
}

/// `W -= d x^T`; four rows side by side, for one load of an input.
fn subtract_product(w: &mut [f32], d: &[f32], x: &[f32]) {
    let inputs = x.len().max(1);
    let (fours, rest) = d.as_chunks::<4>();
    let (of_fours, of_rest) = w.split_at_mut_checked(4 * fours.len() * inputs).unwrap_or_default();
    for ([d0, d1, d2, d3], w) in fours.iter().zip(of_fours.chunks_exact_mut(inputs.saturating_mul(4))) {
        let (low, high) = w.split_at_mut_checked(2 * inputs).unwrap_or_default();
        let (w0, w1) = low.split_at_mut_checked(inputs).unwrap_or_default();
        let (w2, w3) = high.split_at_mut_checked(inputs).unwrap_or_default();
        for ((w0, w1), ((w2, w3), &x)) in w0.iter_mut().zip(w1).zip(w2.iter_mut().zip(w3).zip(x)) {
            *w0 -= d0 * x;
            *w1 -= d1 * x;
            *w2 -= d2 * x;
            *w3 -= d3 * x;
        }
    }
    for (d, w) in rest.iter().zip(of_rest.chunks_exact_mut(inputs)) {
        w.iter_mut().zip(x).for_each(|(w, &x)| *w -= d * x);
    }
}
