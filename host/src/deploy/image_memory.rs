//! The memory that what an image holds is loaded into. A device has statics of the right size; these
//! are made for the image at hand.

use anyhow::Result;
use ldnn_core::Base;
use ldnn_core::deploy::{AnyActivation, Scaling};
use ldnn_core::image::{Activations, Integers, Room, Scales};

/// Memory for the tables of activations.
#[derive(Debug, Default)]
pub struct ActivationMemory {
    floats: Vec<f32>,
    integers: Vec<i16>,
    direct: Vec<[i8; 256]>,
}

impl ActivationMemory {
    /// The activations of `records`, one per type; what was in the memory before is gone.
    ///
    /// # Errors
    /// None: the memory has the right size.
    pub fn load(&mut self, records: &Activations<'_>) -> Result<Vec<AnyActivation<'_>>> {
        *self = ActivationMemory {
            floats: vec![0.0; records.floats_len()],
            integers: vec![0; records.integers_len()],
            direct: vec![[0; 256]; records.direct_len()],
        };

        let mut loaded = vec![AnyActivation::Base(Base::Zero); records.count()];
        records.load(
            &mut self.floats,
            &mut self.integers,
            &mut self.direct,
            &mut loaded,
        )?;

        Ok(loaded)
    }
}

/// Memory for the scales of inputs and outputs.
#[derive(Debug, Default)]
pub struct ScaleMemory {
    inputs: Vec<[f32; 2]>,
    outputs: Vec<[f32; 2]>,
}

impl ScaleMemory {
    /// How raw readings become inputs, and outputs answers; what was in the memory before is gone.
    ///
    /// # Errors
    /// None: the memory has the right size.
    pub fn load(&mut self, scales: &Scales<'_>) -> Result<Scaling<'_>> {
        *self = ScaleMemory {
            inputs: vec![[0.0; 2]; scales.inputs_len()],
            outputs: vec![[0.0; 2]; scales.outputs_len()],
        };

        Ok(scales.load(&mut self.inputs, &mut self.outputs)?)
    }
}

/// Memory for a network of integers.
#[derive(Debug)]
pub struct IntegerMemory {
    weights: Vec<i8>,
    biases: Vec<i32>,
    factors: Vec<i32>,
    /// The activations, one table per type.
    pub tables: Vec<[i8; 256]>,
}

impl IntegerMemory {
    /// As much as `network` needs.
    #[must_use]
    pub fn of(network: &Integers<'_>) -> IntegerMemory {
        IntegerMemory {
            weights: vec![0; network.weights_len()],
            biases: vec![0; network.outputs_len()],
            factors: vec![0; network.outputs_len()],
            tables: vec![[0; 256]; network.shape().types()],
        }
    }

    /// The memory, as [`Integers::load`] takes it.
    pub fn room(&mut self) -> Room<'_> {
        Room {
            weights: &mut self.weights,
            biases: &mut self.biases,
            factors: &mut self.factors,
            tables: &mut self.tables,
        }
    }
}
