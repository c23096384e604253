//! The numbers of a network of integers, and whether they fit each other.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::device::table::integer::Scale;
use crate::error::{SizeError, check};
use crate::shape::{MAX_HIDDEN, Shape};

/// The most affine layers.
pub const MAX_LAYERS: usize = MAX_HIDDEN + 1;

/// The most inputs of a layer: their products, up to 2^30, and a smaller bias fit into 32 bits.
pub const MAX_INPUTS: usize = 1 << 16;

/// The numbers of a network of integers, all layers one after another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts<'a> {
    /// outputs x inputs of each layer, row-major.
    pub weights: &'a [i8],
    /// One per output of each layer, below 2^30 in magnitude, on the scale of the sum.
    pub biases: &'a [i32],
    /// One per output of each layer: what a sum is multiplied by; not negative.
    pub factors: &'a [i32],
    /// By how many bits the products of a layer are shifted down: 1 to 62; 0 beyond the last layer.
    pub shifts: [u8; MAX_LAYERS],
    /// One per type.
    pub tables: &'a [[i8; 256]],
    /// What inputs stand for.
    pub input: Scale,
    /// What outputs stand for; its zero is 0.
    pub output: Scale,
}

/// Why a network of integers is impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuantisedError {
    /// A part has the wrong length.
    Size(SizeError),
    /// A layer has more than [`MAX_INPUTS`].
    Inputs,
    /// A bias is not below 2^30 in magnitude.
    Bias,
    /// A factor is negative, or a shift not 1 to 62.
    Factor,
    /// The step of a scale is not positive and finite, or the input's zero not an i8.
    Scale,
}

impl From<SizeError> for QuantisedError {
    fn from(e: SizeError) -> Self {
        QuantisedError::Size(e)
    }
}

impl core::fmt::Display for QuantisedError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            QuantisedError::Size(e) => e.fmt(f),
            QuantisedError::Inputs => {
                write!(f, "a layer of integers has at most {MAX_INPUTS} inputs")
            }
            QuantisedError::Bias => {
                f.write_str("a bias is not below 2^30; its layer's weights are too small for it")
            }
            QuantisedError::Factor => {
                f.write_str("factors must not be negative and shifts 1 to 62")
            }
            QuantisedError::Scale => {
                f.write_str("a scale needs a positive, finite step, the input's zero an i8")
            }
        }
    }
}

impl core::error::Error for QuantisedError {}

/// Whether numbers make a network of this shape; `lens` are the numbers of weights, biases, factors
/// and tables.
pub(crate) fn check_parts(
    shape: &Shape,
    lens: [usize; 4],
    mut biases: impl Iterator<Item = i32>,
    mut factors: impl Iterator<Item = i32>,
    shifts: [u8; MAX_LAYERS],
    [input, output]: [Scale; 2],
) -> Result<(), QuantisedError> {
    let [weights, bias_count, factor_count, tables] = lens;
    let (mut products, mut outputs) = (0usize, 0usize);

    for l in 0..shape.layers() {
        if shape.width(l) > MAX_INPUTS {
            return Err(QuantisedError::Inputs);
        }
        products = products.saturating_add(shape.width(l).saturating_mul(shape.width(l + 1)));
        outputs = outputs.saturating_add(shape.width(l + 1));
    }

    check("weights", products, weights)?;
    check("biases", outputs, bias_count)?;
    check("factors", outputs, factor_count)?;
    check("tables", shape.types(), tables)?;

    if biases.any(|b| b.unsigned_abs() >= 1 << 30) {
        return Err(QuantisedError::Bias);
    }

    let (used, unused) = shifts.split_at_checked(shape.layers()).unwrap_or_default();
    let good = used.iter().all(|s| (1..=62).contains(s)) && unused.iter().all(|&s| s == 0);
    if factors.any(|f| f < 0) || !good {
        return Err(QuantisedError::Factor);
    }

    let zero = (-128..=127).contains(&input.zero) && output.zero == 0;
    if !input.is_valid() || !output.is_valid() || !(1.0 / input.step).is_finite() || !zero {
        return Err(QuantisedError::Scale);
    }

    Ok(())
}
