//! How raw readings become inputs, and outputs answers, as an image holds it.

use super::error::ImageError;
use super::reader::{Reader, copy, finite, words};
use crate::device::scaling::{Outputs, Scaling};
use crate::error::{SizeError, check};
use crate::shape::Shape;

/// How raw readings become inputs, and outputs answers: what [`Scaling`] needs.
#[derive(Clone, Copy, Debug)]
pub struct Scales<'a> {
    inputs: &'a [u8],
    offsets: &'a [u8],
    meaning: Meaning,
    outputs: &'a [u8],
    output_offsets: &'a [u8],
}

/// What the outputs of a network mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing is known.
    Plain,
    /// One logit per class.
    Classes,
    /// Standardised values.
    Values,
}

impl<'a> Scales<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, shape: &Shape) -> Result<Self, ImageError> {
        let inputs = pairs(reader, shape.inputs(), 1)?;
        let offsets_in = offsets(reader, shape.inputs())?;

        let meaning = match reader.take::<u8>()? {
            0 => Meaning::Plain,
            1 => Meaning::Classes,
            2 => Meaning::Values,
            _ => return Err(ImageError::Malformed),
        };

        let outputs = pairs(reader, shape.outputs(), 0)?;
        let output_offsets = offsets(reader, shape.outputs())?;

        if outputs.is_empty() == (meaning == Meaning::Values)
            || (outputs.is_empty() && !output_offsets.is_empty())
        {
            return Err(ImageError::Malformed);
        }

        Ok(Scales {
            inputs,
            offsets: offsets_in,
            meaning,
            outputs,
            output_offsets,
        })
    }

    /// Number of pairs of [`Self::load`] for inputs: one per input, or none.
    #[must_use]
    pub const fn inputs_len(&self) -> usize {
        self.inputs.len() / 8
    }

    /// Number of pairs of [`Self::load`] for outputs: one per output, or none.
    #[must_use]
    pub const fn outputs_len(&self) -> usize {
        self.outputs.len() / 8
    }

    /// What the outputs mean.
    #[must_use]
    pub const fn meaning(&self) -> Meaning {
        self.meaning
    }

    /// What is subtracted from the reading of input `i`, in integers or in double precision, before
    /// it becomes an `f32`; mostly 0.
    #[must_use]
    pub fn offset(&self, i: usize) -> f64 {
        offset(self.offsets, i)
    }

    /// What is added to value `i` of the answer, in double precision; mostly 0.
    #[must_use]
    pub fn output_offset(&self, i: usize) -> f64 {
        offset(self.output_offsets, i)
    }

    /// Copies pairs for inputs ([`Self::inputs_len`]) and outputs ([`Self::outputs_len`]).
    ///
    /// # Errors
    /// If a length differs; then nothing has changed.
    pub fn load<'b>(
        &self,
        inputs: &'b mut [[f32; 2]],
        outputs: &'b mut [[f32; 2]],
    ) -> Result<Scaling<'b>, SizeError> {
        check("inputs", self.inputs_len(), inputs.len())?;
        check("outputs", self.outputs_len(), outputs.len())?;
        copy(self.inputs, inputs.as_flattened_mut(), f32::from_le_bytes);
        copy(self.outputs, outputs.as_flattened_mut(), f32::from_le_bytes);

        let outputs = match self.meaning {
            Meaning::Plain => Outputs::Plain,
            Meaning::Classes => Outputs::Classes,
            Meaning::Values => Outputs::Values(outputs),
        };

        Ok(Scaling { inputs, outputs })
    }
}

/// Pairs of `f32`, the second of which is positive; their number is one of two.
fn pairs<'a>(
    reader: &mut Reader<'a>,
    count: usize,
    positive: usize,
) -> Result<&'a [u8], ImageError> {
    let bytes: &[u8] = reader.take()?;
    finite(bytes)?;

    let pairs = words::<8>(bytes)?;
    if !(pairs.is_empty() || pairs.len() == count) {
        return Err(ImageError::Malformed);
    }

    let factor = |[a, b, c, d, e, f, g, h]: &[u8; 8]| {
        f32::from_le_bytes(if positive == 0 {
            [*a, *b, *c, *d]
        } else {
            [*e, *f, *g, *h]
        })
    };

    if pairs.iter().all(|pair| factor(pair) > 0.0) {
        Ok(bytes)
    } else {
        Err(ImageError::Scaling)
    }
}

/// No offset, or one per column, all finite.
fn offsets<'a>(reader: &mut Reader<'a>, count: usize) -> Result<&'a [u8], ImageError> {
    let bytes: &[u8] = reader.take()?;
    let numbers = words::<8>(bytes)?;
    if !(numbers.is_empty() || numbers.len() == count) {
        return Err(ImageError::Malformed);
    }

    let all = numbers.iter().all(|&w| f64::from_le_bytes(w).is_finite());
    if all {
        Ok(bytes)
    } else {
        Err(ImageError::NotFinite)
    }
}

fn offset(bytes: &[u8], i: usize) -> f64 {
    bytes
        .as_chunks::<8>()
        .0
        .get(i)
        .map_or(0.0, |&w| f64::from_le_bytes(w))
}
