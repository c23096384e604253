//! What stands between raw readings and a network, and between its outputs and an answer.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::device::quantised::QuantisedError;
use crate::error::{SizeError, check};
use crate::loss::{arg_max, softmax};
use crate::shape::Shape;

/// Raw inputs as the network was trained on them: `(x - mean) factor`.
///
/// `x`, `pairs` (mean and factor) and `to` have one entry per input.
///
/// # Errors
/// If two lengths differ; then nothing has changed.
pub fn standardise(x: &[f32], pairs: &[[f32; 2]], to: &mut [f32]) -> Result<(), SizeError> {
    check("pairs", x.len(), pairs.len())?;
    check("to", x.len(), to.len())?;

    for ((to, x), pair) in to.iter_mut().zip(x).zip(pairs) {
        *to = standardised(*x, *pair);
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn standardised(x: f32, [mean, factor]: [f32; 2]) -> f32 {
    (x - mean) * factor
}

/// Logits become probabilities, as by [`softmax`]; returns the class, as [`arg_max`] has it.
///
/// `None` if there is no logit or one is not
/// finite; then nothing has changed.
pub fn probabilities(y: &mut [f32]) -> Option<usize> {
    if y.is_empty() || !y.iter().all(|y| y.is_finite()) {
        return None;
    }

    let class = arg_max(y);
    softmax(y);
    Some(class)
}

/// How raw readings become the numbers of a network, and its outputs become answers.
///
/// For a column whose readings are too large for their spread to be told apart in single precision,
/// a model has an offset; then `raw` is the reading less the offset, subtracted in integers or in
/// double precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling<'a> {
    /// Mean and factor of each input, for [`standardise`]; empty if the network takes inputs as
    /// they are.
    pub inputs: &'a [[f32; 2]],
    /// What the outputs mean.
    pub outputs: Outputs<'a>,
}

/// What the outputs of a network mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outputs<'a> {
    /// Nothing is known: they are the answer.
    Plain,
    /// One logit per class.
    Classes,
    /// Standardised values, with standard deviation and mean of each: `y sd + mean` is in the units
    /// of the table.
    Values(&'a [[f32; 2]]),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// A buffer has the wrong length.
    Size(SizeError),
    /// A raw input is NaN or infinite, or so large that the network's numbers are no longer finite.
    NotFinite,
    /// The network of integers is impossible.
    Quantised(QuantisedError),
}

impl From<SizeError> for RunError {
    fn from(e: SizeError) -> Self {
        RunError::Size(e)
    }
}

impl From<QuantisedError> for RunError {
    fn from(e: QuantisedError) -> Self {
        RunError::Quantised(e)
    }
}

impl core::fmt::Display for RunError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            RunError::Size(e) => e.fmt(f),
            RunError::Quantised(e) => e.fmt(f),
            RunError::NotFinite => {
                f.write_str("an input is NaN, infinite, or far too large; there is no answer")
            }
        }
    }
}

impl core::error::Error for RunError {}

impl Scaling<'_> {
    /// A network that takes inputs as they are, and whose outputs are the answer.
    pub const PLAIN: Scaling<'static> = Scaling {
        inputs: &[],
        outputs: Outputs::Plain,
    };

    /// Whether it fits a network with so many inputs and outputs.
    ///
    /// # Errors
    /// If a length differs.
    pub fn check(&self, shape: &Shape) -> Result<(), SizeError> {
        if !self.inputs.is_empty() {
            check("inputs", shape.inputs(), self.inputs.len())?;
        }

        match self.outputs {
            Outputs::Values(pairs) => check("outputs", shape.outputs(), pairs.len()),
            Outputs::Plain | Outputs::Classes => Ok(()),
        }
    }

    /// The number that the network takes for input `i`; `None` if it is not finite.
    #[inline]
    pub(crate) fn read(&self, i: usize, raw: f32) -> Option<f32> {
        let x = match self.inputs.get(i) {
            Some(&pair) => standardised(raw, pair),
            None => raw,
        };
        Some(x).filter(|x| x.is_finite())
    }

    /// Output `i` in the units of the table, if it is a value.
    #[inline]
    pub(crate) fn value(&self, i: usize, y: f32) -> f32 {
        match self.outputs {
            Outputs::Values(pairs) => pairs.get(i).map_or(y, |[sd, mean]| y * sd + mean),
            Outputs::Plain | Outputs::Classes => y,
        }
    }

    /// Outputs of the network become the answer in place; returns the class, 0 if there are no
    /// classes.
    ///
    /// # Errors
    /// If a length differs, or a number is not finite.
    pub fn answer(&self, y: &mut [f32]) -> Result<usize, RunError> {
        match self.outputs {
            Outputs::Plain => {}
            Outputs::Classes => return probabilities(y).ok_or(RunError::NotFinite),
            Outputs::Values(pairs) => {
                check("outputs", y.len(), pairs.len())?;
                y.iter_mut()
                    .enumerate()
                    .for_each(|(i, y)| *y = self.value(i, *y));
            }
        }

        if y.iter().all(|y| y.is_finite()) {
            Ok(0)
        } else {
            Err(RunError::NotFinite)
        }
    }
}
