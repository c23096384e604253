//! What a sample teaches, and the loss with its adjoint.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::error::{Error, check};
use crate::finite::check_finite;
use crate::loss::softmax_parts;
use crate::math::Real;
use crate::shape::Shape;

/// What the outputs should have been.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer<'a> {
    /// A class: the loss is the softmax cross-entropy.
    Class(u16),
    /// Values, one per output: the loss is the mean squared error.
    Values(&'a [f32]),
}

pub(super) fn check_answer(shape: &Shape, answer: Answer<'_>) -> Result<(), Error> {
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

/// In place, outputs become adjoints; returns the loss. Orders as in the batch walk.
pub(super) fn adjoint_of_loss(out: &mut [f32], answer: Answer<'_>) -> f32 {
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

            Real::ln(total) + (top - own)
        }
    }
}
