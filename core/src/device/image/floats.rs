//! A network of real numbers in an image.

use super::activations::Activations;
use super::error::ImageError;
use super::reader::{Reader, copy, finite, shape};
use super::scales::Scales;
use crate::error::{SizeError, check};
use crate::shape::Shape;

/// A network of real numbers.
#[derive(Clone, Copy, Debug)]
pub struct Floats<'a> {
    shape: Shape,
    scaling: Scales<'a>,
    activations: Activations<'a>,
    theta: &'a [u8],
}

impl<'a> Floats<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, ImageError> {
        let shape = shape(reader)?;
        let scaling = Scales::read(reader, &shape)?;
        let activations = Activations::read(reader)?;
        let theta: &[u8] = reader.take()?;

        finite(theta)?;

        if activations.count() != shape.types() || theta.len() / 4 != shape.theta_len() {
            return Err(ImageError::Malformed);
        }

        Ok(Floats {
            shape,
            scaling,
            activations,
            theta,
        })
    }

    /// Its shape; the activations in place of the types.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How raw readings become inputs, and outputs answers.
    #[must_use]
    pub const fn scaling(&self) -> &Scales<'a> {
        &self.scaling
    }

    /// Its activations.
    #[must_use]
    pub const fn activations(&self) -> &Activations<'a> {
        &self.activations
    }

    /// Copies weights and biases into `to` (`shape().theta_len()`).
    ///
    /// # Errors
    /// If the length differs; then nothing has changed.
    pub fn theta(&self, to: &mut [f32]) -> Result<(), SizeError> {
        check("to", self.shape.theta_len(), to.len())?;
        copy(self.theta, to, f32::from_le_bytes);
        Ok(())
    }
}
