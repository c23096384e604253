//! The way forward of a step, and what it leaves for the way back.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::device::deploy::{AnyActivation, layer};
use crate::device::table::compact::Tunable;
use crate::error::{Error, SizeError};
use crate::finite::{all_finite, check_finite};
use crate::kernel::planes::{part, part_mut};
use crate::shape::{MAX_HIDDEN, Shape};

/// What a type computes while the network learns.
#[derive(Debug, PartialEq)]
pub enum Type<'a> {
    /// It stays as it is.
    Frozen(AnyActivation<'a>),
    /// The values at the knots learn.
    Tunable(Tunable<'a>),
}

/// What the way back needs of the way forward.
pub(super) struct Forward<'a> {
    pub x: &'a [f32],
    /// See [`kept_at`].
    pub kept: &'a [f32],
    /// See [`squares_of_inputs`].
    pub squares: [f32; MAX_HIDDEN + 1],
}

/// What goes into each layer, the 1 of the biases included, squared and added up: the gradient of a
/// layer is `dz x^T`, so its squared norm is this times that of `dz`. Infinite where it overflows.
///
/// On the way all that goes in is looked at. What is finite here came of finite positions in the
/// tables.
pub(super) fn squares_of_inputs(
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
pub(super) fn sum_of_squares(values: &[f32]) -> f32 {
    let (fours, rest) = values.as_chunks::<4>();
    let fours = fours.iter().fold(0.0, |sum, [a, b, c, d]| {
        sum + ((a * a + b * b) + (c * c + d * d))
    });
    rest.iter().fold(fours, |sum, a| sum + a * a)
}

/// Where what is kept of hidden layer `l` begins: pre-activations (of a frozen type their slopes),
/// then activations.
pub(super) fn kept_at(shape: &Shape, l: usize) -> usize {
    (0..l).map(|i| 2 * shape.width(i + 1)).sum()
}

pub(super) fn forward(
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
pub(super) fn input<'a>(shape: &Shape, x: &'a [f32], kept: &'a [f32], l: usize) -> &'a [f32] {
    match l.checked_sub(1) {
        None => x,
        Some(before) => part(
            kept,
            kept_at(shape, before) + shape.width(l),
            shape.width(l),
        ),
    }
}
