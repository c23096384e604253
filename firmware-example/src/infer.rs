//! Inference with what was exported, against the answers of the host.

use crate::model::{floats, floats_golden, integers, integers_golden};
use ldnn_core::deploy::Pipeline;
use ldnn_core::loss::arg_max;
use ldnn_core::quantised::Quantised;

/// Scratch of the network of real numbers, in values.
pub const WORK: usize = floats::SHAPE.predict_len();

/// How the rows came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Rows.
    pub rows: usize,
    /// Rows with the right class.
    pub right: usize,
    /// Rows whose outputs are, bit for bit, those of the host.
    pub same: usize,
}

/// The network of real numbers, one row.
pub fn floats_row(x: &[f32], out: &mut [f32; 10], work: &mut [f32; WORK]) -> bool {
    Pipeline::unscaled(&floats::SHAPE, &floats::THETA, &floats::ACTIVATIONS)
        .predict(x, out, work)
        .is_ok()
}

/// The network of real numbers on all rows.
pub fn all_floats(work: &mut [f32; WORK]) -> Score {
    let (mut score, mut out) = (Score::default(), [0.0; 10]);
    let rows = floats_golden::X
        .iter()
        .zip(&floats_golden::LABELS)
        .zip(&floats_golden::ANSWERS);

    for ((x, &label), answer) in rows {
        score.rows += 1;
        if floats_row(x, &mut out, work) {
            score.right += usize::from(arg_max(&out) == usize::from(label));
            score.same += usize::from(out.map(f32::to_bits) == answer.map(f32::to_bits));
        }
    }

    score
}

/// Scratch of the network of integers.
pub struct IntegerWork {
    /// Inputs.
    pub q: [i8; 40],
    /// Layers.
    pub work: [i8; WORK],
}

/// The network of integers, one row, from its real inputs.
pub fn integers_row(
    network: &Quantised<'_>,
    x: &[f32],
    out: &mut [i16; 10],
    work: &mut IntegerWork,
) -> bool {
    network.quantise(x, &mut work.q).is_ok()
        && network.predict(&work.q, out, &mut work.work).is_ok()
}

/// The network of integers on all rows.
pub fn all_integers(network: &Quantised<'_>, work: &mut IntegerWork) -> Score {
    let (mut score, mut out) = (Score::default(), [0; 10]);
    let rows = floats_golden::X
        .iter()
        .zip(&floats_golden::LABELS)
        .zip(&integers_golden::ANSWERS);

    for ((x, &label), answer) in rows {
        score.rows += 1;
        if integers_row(network, x, &mut out, work) {
            score.right += usize::from(arg_max(&out) == usize::from(label));
            score.same += usize::from(out == *answer);
        }
    }

    score
}

/// Bytes of the network of real numbers in flash: weights, tables.
pub const FLOAT_BYTES: (usize, usize) = (
    4 * floats::THETA.len(),
    4 * (floats::TABLE1.len() + floats::TABLE2.len()),
);
/// Bytes of the network of integers in flash: weights with biases and factors, tables.
pub const INTEGER_BYTES: (usize, usize) = (
    integers::WEIGHTS.len() + 4 * (integers::BIASES.len() + integers::FACTORS.len()),
    256 * integers::TABLES.len(),
);
