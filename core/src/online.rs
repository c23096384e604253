//! Learning where the network is deployed: a sample at a time, in place, without a gradient buffer
//! or a training set.
//!
//! One [`step`](OnlineTrainer::step) is stochastic gradient descent with a batch of 1. Weights move
//! as soon as their gradient is known; the activations are frozen, or the values of their tables
//! move too, which costs hardly more (see
//! [`Tunable`]). Host and device give the same bits.
//!
//! No sample destroys what has been learned. One that is not finite, or whose loss would not be, is
//! refused before anything moves; what any other moves is bounded by [`Rates::clip`]; and finite
//! parameters stay finite.
//!
//! ```
//! use ldnn_core::online::{Answer, CLIP, OnlineTrainer, Rates, Type, work_len};
//! use ldnn_core::table::compact::{Knots, Tunable};
//! use ldnn_core::{Base, Error, Activation, Shape};
//!
//! const SHAPE: Shape = Shape::new(&[1, 2, 1], &[Activation::Base(Base::Zero)]);
//! let mut theta = [1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
//! // The activation is a table whose values learn too; it starts as |z|.
//! let mut entries = [1.0, 0.0, 1.0];
//! let knots = Knots { low: -1.0, high: 1.0, count: 3 };
//! let mut types = [Type::Tunable(Tunable::new(knots, &mut entries).unwrap())];
//! let mut trainer = OnlineTrainer {
//!     shape: &SHAPE,
//!     theta: &mut theta,
//!     types: &mut types,
//!     rates: Rates { theta: 0.05, knots: 0.05, clip: CLIP },
//!     work: &mut [0.0; work_len(&SHAPE)],
//! };
//! let mut losses = [0.0; 20];
//! for loss in &mut losses {
//!     *loss = trainer.step(&[0.5], Answer::Values(&[0.25]))?;
//! }
//! assert!(losses[19] < 0.01 * losses[0]);
//!
//! // A reading that failed is refused, and the model is as it was.
//! let before = trainer.theta.to_vec();
//! let refused = trainer.step(&[f32::NAN], Answer::Values(&[0.25]));
//! assert_eq!(refused, Err(Error::NotFinite { buffer: "x", index: 0 }));
//! assert_eq!(trainer.theta, before);
//! # Ok::<(), Error>(())
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::deploy::{AnyActivation, layer};
use crate::error::{Error, SizeError, check, check_at_least};
use crate::finite::{all_finite, check_finite};
use crate::loss::softmax_parts;
use crate::planes::{part, part_mut};
use crate::shape::{MAX_HIDDEN, Shape};
use crate::table::compact::Tunable;

/// What a type computes while the network learns.
#[derive(Debug, PartialEq)]
pub enum Type<'a> {
    /// It stays as it is.
    Frozen(AnyActivation<'a>),
    /// The values at the knots learn.
    Tunable(Tunable<'a>),
}

/// What the outputs should have been.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer<'a> {
    /// A class: the loss is the softmax cross-entropy.
    Class(u16),
    /// Values, one per output: the loss is the mean squared error.
    Values(&'a [f32]),
}

/// The sizes of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Learning rate of weights and biases; finite.
    pub theta: f32,
    /// Learning rate of the values at the knots; finite.
    pub knots: f32,
    /// The largest norm that the gradient of a layer (its weights and biases) or of a table may
    /// have in a step; a longer one is scaled down to it. So a layer moves by `theta clip` in a
    /// step at most, whatever the sample. [`CLIP`] is usual.
    pub clip: f32,
}

/// A [`Rates::clip`] that ordinary learning stays below: the largest gradient that the example
/// firmware meets, in 40 inputs that have drifted, is between 40 and 100 long. Much larger inputs
/// or targets than +-1 need a larger one, or scaling.
pub const CLIP: f32 = 100.0;

/// The largest clip: its square is finite.
const MAX_CLIP: f32 = 1e15;

/// More than the squares of a layer can lose by underflow. A norm is clipped in single precision only
/// where it is certain to be within the clip; where it is not, double precision decides, with the
/// same bits for what needs no clipping.
pub(crate) const UNDERFLOW: f32 = 1e-34;

/// The largest product of a learning rate and the clip: less than half the distance of the two
/// largest numbers, so what is subtracted from a finite number leaves it finite.
const MAX_STEP: f32 = 1e30;

impl Rates {
    /// Whether they bound a step. Each comparison is false for NaN.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let clip = self.clip > 0.0 && self.clip <= MAX_CLIP;
        let bounded = |rate: f32| rate.abs() <= f32::MAX && rate.abs() * self.clip <= MAX_STEP;
        if clip && bounded(self.theta) && bounded(self.knots) {
            Ok(())
        } else {
            Err(Error::Rates)
        }
    }
}

/// Number of scratch values that a step needs: pre-activations and activations of every hidden
/// layer, the outputs, and the adjoints of two neighbouring layers.
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
    if shape.hidden_layers() > 1 && widest(shape) > shape.outputs() {
        widest(shape)
    } else {
        shape.outputs()
    }
}

/// A deployed network that learns, with all the memory that a step needs. A view: nothing is
/// copied, and making one is free.
#[derive(Debug)]
pub struct OnlineTrainer<'a, 't> {
    /// Its sizes.
    pub shape: &'a Shape,
    /// Weights and biases, `shape.theta_len()`.
    pub theta: &'a mut [f32],
    /// One per type of the shape.
    pub types: &'a mut [Type<'t>],
    /// How far a step goes.
    pub rates: Rates,
    /// Scratch, [`work_len`].
    pub work: &'a mut [f32],
}

impl OnlineTrainer<'_, '_> {
    /// One step of learning from one sample; returns its loss before the step.
    ///
    /// All that is checked is checked before anything moves. Behind that a step cannot fail: a
    /// derivative that overflows counts as the largest number (as 0 if it has no sign), and
    /// gradients are clipped (see [`Rates::clip`]). Parameters that are finite stay finite.
    ///
    /// # Errors
    /// If a length differs, the class does not exist, the rates do not bound the step
    /// ([`Error::Rates`]), an input or target is not finite ([`Error::NotFinite`]), or what the
    /// network makes of them is not ([`Error::Diverges`]). Then no bit of `theta` and of the tables
    /// has changed.
    pub fn step(&mut self, x: &[f32], answer: Answer<'_>) -> Result<f32, Error> {
        let OnlineTrainer {
            shape,
            theta,
            types,
            rates,
            work,
        } = self;
        step(shape, [theta, work], types, Sample { x, answer }, *rates)
    }
}

fn step(
    shape: &Shape,
    [theta, work]: [&mut [f32]; 2],
    types: &mut [Type<'_>],
    sample: Sample<'_>,
    rates: Rates,
) -> Result<f32, Error> {
    let Sample { x, answer } = sample;
    check("theta", shape.theta_len(), theta.len())?;
    check("types", shape.types(), types.len())?;
    check("x", shape.inputs(), x.len())?;
    check_at_least("work", work_len(shape), work.len())?;
    check_answer(shape, answer)?;
    rates.check()?;

    let (kept, rest) = work
        .split_at_mut_checked(kept_at(shape, shape.hidden_layers()))
        .unwrap_or_default();
    let (outputs, adjoints) = rest
        .split_at_mut_checked(out_len(shape))
        .unwrap_or_default();
    let out = part_mut(outputs, 0, shape.outputs());

    forward(shape, theta, types, x, kept, out)?;

    let squares = squares_of_inputs(shape, x, kept)?;
    let loss = adjoint_of_loss(out, answer);
    if !loss.is_finite() {
        return Err(Error::Diverges("the loss"));
    }

    let way = Forward { x, kept, squares };
    backward(shape, theta, types, rates, way, [outputs, adjoints]);
    Ok(loss)
}

fn check_answer(shape: &Shape, answer: Answer<'_>) -> Result<(), Error> {
    match answer {
        Answer::Class(label) if usize::from(label) >= shape.outputs() => Err(Error::Label {
            row: 0,
            label,
            classes: shape.outputs(),
        }),
        Answer::Class(_) => Ok(()),
        Answer::Values(values) => {
            check("values", shape.outputs(), values.len())?;
            check_finite("values", values)
        }
    }
}

/// What is learned from.
struct Sample<'a> {
    x: &'a [f32],
    answer: Answer<'a>,
}

/// What the way back needs of the way forward.
struct Forward<'a> {
    x: &'a [f32],
    /// See [`kept_at`].
    kept: &'a [f32],
    /// See [`squares_of_inputs`].
    squares: [f32; MAX_HIDDEN + 1],
}

/// What goes into each layer, the 1 of the biases included, squared and added up: the gradient of a
/// layer is `dz x^T`, so its squared norm is this times that of `dz`. Infinite where it overflows.
///
/// On the way all that goes in is looked at. What is finite here came of finite positions in the
/// tables.
fn squares_of_inputs(
    shape: &Shape,
    x: &[f32],
    kept: &[f32],
) -> Result<[f32; MAX_HIDDEN + 1], Error> {
    let mut squares = [0.0; MAX_HIDDEN + 1];
    for (l, square) in squares.iter_mut().enumerate().take(shape.layers()) {
        let inputs = input(shape, x, kept, l);
        *square = 1.0 + sum_of_squares(inputs);

        if !square.is_finite() && !all_finite(inputs) {
            check_finite("x", x)?;
            return Err(Error::Diverges("an activation"));
        }
    }

    Ok(squares)
}

/// In fours, which is one test of the loop for four.
fn sum_of_squares(values: &[f32]) -> f32 {
    let (fours, rest) = values.as_chunks::<4>();
    let fours = fours.iter().fold(0.0, |sum, [a, b, c, d]| {
        sum + ((a * a + b * b) + (c * c + d * d))
    });
    rest.iter().fold(fours, |sum, a| sum + a * a)
}

/// Where what is kept of hidden layer `l` begins: pre-activations (of a frozen type their slopes),
/// then activations.
fn kept_at(shape: &Shape, l: usize) -> usize {
    (0..l).map(|i| 2 * shape.width(i + 1)).sum()
}

fn forward(
    shape: &Shape,
    theta: &[f32],
    types: &[Type<'_>],
    x: &[f32],
    kept: &mut [f32],
    out: &mut [f32],
) -> Result<(), SizeError> {
    for l in 0..shape.hidden_layers() {
        let (before, here) = kept
            .split_at_mut_checked(kept_at(shape, l))
            .unwrap_or_default();
        let (z, h) = part_mut(here, 0, 2 * shape.width(l + 1))
            .split_at_mut_checked(shape.width(l + 1))
            .unwrap_or_default();

        layer(shape, theta, l, z, input(shape, x, before, l));

        let (first, count) = shape.layer_types(l);
        for (i, of) in types.iter().skip(first).take(count).enumerate() {
            let (start, end) = shape.block(l, i);
            let (z, h) = (
                part_mut(z, start, end - start),
                part_mut(h, start, end - start),
            );

            match of {
                Type::Frozen(activation) => activation.apply_with_slopes(z, h)?,
                Type::Tunable(tunable) => {
                    h.iter_mut().zip(&*z).for_each(|(h, &z)| *h = z);
                    tunable.table().apply(h);
                }
            }
        }
    }

    let last = shape.hidden_layers();
    layer(shape, theta, last, out, input(shape, x, kept, last));
    Ok(())
}

/// What goes into affine layer `l`.
fn input<'a>(shape: &Shape, x: &'a [f32], kept: &'a [f32], l: usize) -> &'a [f32] {
    match l.checked_sub(1) {
        None => x,
        Some(before) => part(
            kept,
            kept_at(shape, before) + shape.width(l),
            shape.width(l),
        ),
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
            let own = out.get(usize::from(label)).copied().unwrap_or_default();
            let (top, total) = softmax_parts(out);
            out.iter_mut()
                .skip(label.into())
                .take(1)
                .for_each(|y| *y -= 1.0);

            crate::Real::ln(total) + (top - own)
        }
    }
}

/// From the adjoints of the outputs, the first of `adjoints`, down to the first layer.
fn backward(
    shape: &Shape,
    theta: &mut [f32],
    types: &mut [Type<'_>],
    rates: Rates,
    way: Forward<'_>,
    [mut from, mut to]: [&mut [f32]; 2],
) {
    let Forward { x, kept, squares } = way;
    for (l, square) in squares.into_iter().enumerate().take(shape.layers()).rev() {
        let (inputs, outputs) = (shape.width(l), shape.width(l + 1));
        let (weights, biases) = part_mut(theta, shape.weights_at(l), (inputs + 1) * outputs)
            .split_at_mut_checked(inputs * outputs)
            .unwrap_or_default();
        let dz = part_mut(from, 0, outputs);
        let square_of_dz = sum_of_squares(dz);

        if !square_of_dz.is_finite() {
            dz.iter_mut().for_each(|d| *d = saturated(f64::from(*d)));
        }

        if l > 0 {
            let dh = part_mut(to, 0, inputs);
            adjoint_of_input(dh, weights, dz);
            if !all_finite(dh) {
                saturated_adjoint_of_input(dh, weights, dz);
            }
        }

        // Not `>`: a square that overflows may be NaN.
        let h = input(shape, x, kept, l);

        if (square_of_dz + UNDERFLOW) * square <= rates.clip * rates.clip {
            dz.iter_mut().for_each(|d| *d *= rates.theta);
        } else {
            clip(dz, h, rates);
        }

        subtract_product(weights, dz, h);
        biases.iter_mut().zip(&*dz).for_each(|(b, &d)| *b -= d);

        if l > 0 {
            let dh = part_mut(to, 0, inputs);
            let z = part(kept, kept_at(shape, l - 1), inputs);
            through_activations(shape, types, l - 1, z, dh, rates);
            (from, to) = (to, from);
        }
    }
}

/// `dz` times the learning rate, or less where the gradient `dz [x | 1]^T` is longer than the clip.
/// In double precision, where no norm of single numbers overflows.
#[cold]
#[inline(never)]
fn clip(dz: &mut [f32], x: &[f32], rates: Rates) {
    let square = |v: &[f32]| {
        v.iter()
            .fold(0.0, |sum, &a| sum + f64::from(a) * f64::from(a))
    };
    let factor = clipped(rates.theta, rates.clip, square(dz) * (1.0 + square(x)));
    dz.iter_mut()
        .for_each(|d| *d = (factor * f64::from(*d)) as f32);
}

/// What a gradient of this squared norm is multiplied by.
pub(crate) fn clipped(rate: f32, clip: f32, square: f64) -> f64 {
    let (norm, clip) = (crate::Real::sqrt(square), f64::from(clip));
    let shrink = if norm > clip { clip / norm } else { 1.0 };
    f64::from(rate) * shrink
}

/// The nearest finite number, and 0 for NaN, as for an adjoint of 0 times an infinite slope.
fn saturated(x: f64) -> f32 {
    const MAX: f64 = f32::MAX as f64;

    if x > MAX {
        f32::MAX
    } else if x < -MAX {
        -f32::MAX
    } else if x.is_nan() {
        0.0
    } else {
        x as f32
    }
}

/// [`adjoint_of_input`] where its sums overflow: in double precision, which holds them.
#[cold]
#[inline(never)]
fn saturated_adjoint_of_input(dx: &mut [f32], w: &[f32], dz: &[f32]) {
    let inputs = dx.len().max(1);
    for (i, dx) in dx.iter_mut().enumerate() {
        let column = w.iter().skip(i).step_by(inputs);
        *dx = saturated(
            column
                .zip(dz)
                .fold(0.0, |sum, (&w, &d)| sum + f64::from(w) * f64::from(d)),
        );
    }
}

/// In place, `d` goes from the adjoints of the activations of hidden layer `l` to those of its
/// pre-activations.
fn through_activations(
    shape: &Shape,
    types: &mut [Type<'_>],
    l: usize,
    z: &[f32],
    d: &mut [f32],
    rates: Rates,
) {
    let (first, count) = shape.layer_types(l);
    for (i, of) in types.iter_mut().skip(first).take(count).enumerate() {
        let (start, end) = shape.block(l, i);
        let (z, d) = (part(z, start, end - start), part_mut(d, start, end - start));

        match of {
            Type::Frozen(_) => d.iter_mut().zip(z).for_each(|(d, &slope)| *d *= slope),
            Type::Tunable(tunable) => tunable.bounded_step(z, d, rates),
        }
    }
}

/// `dx = W^T dz`, outputs in ascending order; four of them in one pass.
fn adjoint_of_input(dx: &mut [f32], w: &[f32], dz: &[f32]) {
    dx.fill(0.0);

    // Never 0, as the compiler should know.
    let inputs = dx.len().max(1);
    let (fours, rest) = dz.as_chunks::<4>();
    let (of_fours, of_rest) = w
        .split_at_checked(4 * fours.len() * inputs)
        .unwrap_or_default();

    for ([d0, d1, d2, d3], w) in fours
        .iter()
        .zip(of_fours.chunks_exact(inputs.saturating_mul(4)))
    {
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
    let (of_fours, of_rest) = w
        .split_at_mut_checked(4 * fours.len() * inputs)
        .unwrap_or_default();

    for ([d0, d1, d2, d3], w) in fours
        .iter()
        .zip(of_fours.chunks_exact_mut(inputs.saturating_mul(4)))
    {
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
