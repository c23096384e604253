//! The way back of a step: each layer moves as soon as its gradient is known.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use super::forward::{Forward, Type, input, kept_at, sum_of_squares};
use crate::device::rates::{Rates, UNDERFLOW, clipped};
use crate::finite::all_finite;
use crate::kernel::planes::{part, part_mut};
use crate::shape::Shape;

/// From the adjoints of the outputs, the first of `adjoints`, down to the first layer.
pub(super) fn backward(
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
