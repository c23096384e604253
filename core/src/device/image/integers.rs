//! A network of integers in an image.

use super::error::ImageError;
use super::reader::{Reader, copy, shape, words};
use super::scales::Scales;
use crate::device::quantised::{MAX_LAYERS, Parts, Quantised, QuantisedError, check_parts};
use crate::device::table::integer::Scale;
use crate::error::check;
use crate::shape::Shape;

/// A network of integers.
#[derive(Clone, Copy, Debug)]
pub struct Integers<'a> {
    shape: Shape,
    scaling: Scales<'a>,
    input: Scale,
    output: Scale,
    weights: &'a [u8],
    biases: &'a [u8],
    factors: &'a [u8],
    tables: &'a [u8],
    shifts: [u8; MAX_LAYERS],
}

/// The room that a network of integers needs.
#[derive(Debug)]
pub struct Room<'b> {
    /// [`Integers::weights_len`].
    pub weights: &'b mut [i8],
    /// [`Integers::outputs_len`].
    pub biases: &'b mut [i32],
    /// [`Integers::outputs_len`].
    pub factors: &'b mut [i32],
    /// One per type.
    pub tables: &'b mut [[i8; 256]],
}

impl<'a> Integers<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, ImageError> {
        let shape = shape(reader)?;
        let scaling = Scales::read(reader, &shape)?;
        let (input, output) = (reader.scale()?, reader.scale()?);

        let [weights, biases, factors, tables] = [
            reader.take()?,
            reader.take()?,
            reader.take()?,
            reader.take()?,
        ];

        let mut shifts = [0; MAX_LAYERS];
        reader.sequence(&mut shifts)?;

        let integers = Integers {
            shape,
            scaling,
            input,
            output,
            weights,
            biases,
            factors,
            tables,
            shifts,
        };

        let (biases, factors) = (words(biases)?, words(factors)?);
        let numbers = |words: &'a [[u8; 4]]| words.iter().map(|&w| i32::from_le_bytes(w));

        let lens = [
            weights.len(),
            biases.len(),
            factors.len(),
            words::<256>(tables)?.len(),
        ];

        check_parts(
            &shape,
            lens,
            numbers(biases),
            numbers(factors),
            shifts,
            [input, output],
        )
        .map_err(ImageError::Quantised)?;

        Ok(integers)
    }

    /// Its shape.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How raw readings become inputs, and outputs answers.
    #[must_use]
    pub const fn scaling(&self) -> &Scales<'a> {
        &self.scaling
    }

    /// Number of weights.
    #[must_use]
    pub const fn weights_len(&self) -> usize {
        self.weights.len()
    }

    /// Number of outputs of all layers.
    #[must_use]
    pub const fn outputs_len(&self) -> usize {
        self.biases.len() / 4
    }

    /// Copies everything into `room` and makes a network of it.
    ///
    /// # Errors
    /// If a length differs; then nothing has changed.
    pub fn load<'b>(&self, room: Room<'b>) -> Result<Quantised<'b>, QuantisedError> {
        check("weights", self.weights_len(), room.weights.len())?;
        check("biases", self.outputs_len(), room.biases.len())?;
        check("factors", self.outputs_len(), room.factors.len())?;
        check("tables", self.shape.types(), room.tables.len())?;
        copy(self.weights, room.weights, i8::from_le_bytes);
        copy(self.biases, room.biases, i32::from_le_bytes);
        copy(self.factors, room.factors, i32::from_le_bytes);

        copy(
            self.tables,
            room.tables.as_flattened_mut(),
            i8::from_le_bytes,
        );

        let Room {
            weights,
            biases,
            factors,
            tables,
        } = room;

        let (shifts, input, output) = (self.shifts, self.input, self.output);

        Quantised::new(
            self.shape,
            Parts {
                weights,
                biases,
                factors,
                shifts,
                tables,
                input,
                output,
            },
        )
    }
}
