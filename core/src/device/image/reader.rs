//! The parts that all contents of an image have: numbers, scales, shapes.

use super::error::ImageError;
use crate::activation::{Activation, Base};
use crate::device::table::integer::Scale;
use crate::shape::{MAX_HIDDEN, MAX_TYPES, Shape};
use serde::Deserialize;

/// Takes postcard values off the front of the body.
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take<T: Deserialize<'a>>(&mut self) -> Result<T, ImageError> {
        let (value, rest) = postcard::take_from_bytes(self.0).map_err(|_| ImageError::Malformed)?;
        self.0 = rest;
        Ok(value)
    }

    /// A sequence: its length, then as many values.
    pub(super) fn sequence<T: Deserialize<'a>>(
        &mut self,
        into: &mut [T],
    ) -> Result<usize, ImageError> {
        let count = self.take::<u32>()? as usize;
        let places = into.get_mut(..count).ok_or(ImageError::Malformed)?;
        for place in places {
            *place = self.take()?;
        }
        Ok(count)
    }

    pub(super) fn scale(&mut self) -> Result<Scale, ImageError> {
        Ok(scale(self.take()?))
    }
}

pub(super) fn scale((step, zero): (f32, i32)) -> Scale {
    Scale { step, zero }
}

pub(super) fn base(code: u8) -> Result<Base, ImageError> {
    Base::ALL
        .get(usize::from(code))
        .copied()
        .ok_or(ImageError::Malformed)
}

/// `bytes` as little-endian numbers; their number, if it is a whole one.
pub(super) fn words<const N: usize>(bytes: &[u8]) -> Result<&[[u8; N]], ImageError> {
    match bytes.as_chunks::<N>() {
        (words, []) => Ok(words),
        _ => Err(ImageError::Malformed),
    }
}

pub(super) fn finite(bytes: &[u8]) -> Result<(), ImageError> {
    let all = words::<4>(bytes)?
        .iter()
        .all(|&w| f32::from_le_bytes(w).is_finite());
    if all {
        Ok(())
    } else {
        Err(ImageError::NotFinite)
    }
}

/// Copies numbers; of two lengths the shorter counts.
pub(super) fn copy<T, const N: usize>(
    bytes: &[u8],
    to: &mut [T],
    from_le_bytes: impl Fn([u8; N]) -> T,
) {
    to.iter_mut()
        .zip(bytes.as_chunks::<N>().0)
        .for_each(|(to, &word)| *to = from_le_bytes(word));
}

/// Widths, then first type and number of types of each hidden layer.
pub(super) fn shape(reader: &mut Reader<'_>) -> Result<Shape, ImageError> {
    let (mut widths, mut layers) = ([0u32; MAX_HIDDEN + 2], [(0u32, 0u32); MAX_HIDDEN]);
    let count = reader.sequence(&mut widths)?;
    let hidden = reader.sequence(&mut layers)?;

    if hidden.saturating_add(2) != count.max(2) {
        return Err(ImageError::Malformed);
    }

    let layers = layers.get(..hidden).unwrap_or_default();
    let types = layers
        .iter()
        .map(|&(first, count)| first.saturating_add(count))
        .max()
        .unwrap_or_default() as usize;

    let activations = [Activation::Base(Base::Zero); MAX_TYPES];
    let activations = activations.get(..types).ok_or(ImageError::Malformed)?;
    let widths = widths.map(|w| w as usize);
    let mut shape = Shape::try_new(widths.get(..count).unwrap_or_default(), activations)
        .map_err(ImageError::Shape)?;

    for (l, &(first, count)) in layers.iter().enumerate() {
        shape = shape
            .with_layer_types(l, first as usize, count as usize)
            .map_err(ImageError::Shape)?;
    }

    Ok(shape)
}
