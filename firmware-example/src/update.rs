//! A new model, as if over the air: checked completely before use, the old one kept if anything is
//! wrong.

use ldnn_core::Shape;
use ldnn_core::image::{Contents, Image, ImageError, Room};
use ldnn_core::quantised::{MAX_LAYERS, Parts, Quantised};
use ldnn_core::table::integer::Scale;

/// Room for a network of integers of these sizes, and the network in it.
pub struct Slot {
    weights: [i8; 5000],
    biases: [i32; 110],
    factors: [i32; 110],
    tables: [[i8; 256]; 2],
    /// What is not in the arrays; `None` while there is no network.
    rest: Option<Rest>,
}

#[derive(Clone, Copy)]
struct Rest {
    shape: Shape,
    shifts: [u8; MAX_LAYERS],
    input: Scale,
    output: Scale,
}

/// Why a new model was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// The image is not good.
    Image(ImageError),
    /// It is no network of integers, or one of other sizes.
    Sizes,
}

impl Slot {
    /// Empty.
    #[must_use]
    pub const fn new() -> Slot {
        Slot {
            weights: [0; 5000],
            biases: [0; 110],
            factors: [0; 110],
            tables: [[0; 256]; 2],
            rest: None,
        }
    }

    /// Puts the model of `image` into the slot and gives it out. Nothing was touched if it is
    /// refused.
    ///
    /// # Errors
    /// If anything is wrong with it.
    pub fn load(&mut self, image: &[u8]) -> Result<Quantised<'_>, Refusal> {
        let image = Image::read(image).map_err(Refusal::Image)?;
        let Contents::Integers(network) = image.contents() else {
            return Err(Refusal::Sizes);
        };
        let shape = *network.shape();
        let fits = network.weights_len() == self.weights.len()
            && network.outputs_len() == self.biases.len();

        if !fits
            || shape.types() != self.tables.len()
            || (shape.inputs(), shape.outputs()) != (40, 10)
        {
            return Err(Refusal::Sizes);
        }

        let Slot {
            weights,
            biases,
            factors,
            tables,
            rest,
        } = self;

        let network = network
            .load(Room {
                weights,
                biases,
                factors,
                tables,
            })
            .map_err(|_| Refusal::Sizes)?;

        let Parts {
            shifts,
            input,
            output,
            ..
        } = *network.parts();

        *rest = Some(Rest {
            shape,
            shifts,
            input,
            output,
        });

        Ok(network)
    }

    /// The model in the slot.
    #[must_use]
    pub fn network(&self) -> Option<Quantised<'_>> {
        let Rest {
            shape,
            shifts,
            input,
            output,
        } = self.rest?;

        let Slot {
            weights,
            biases,
            factors,
            tables,
            ..
        } = self;

        Quantised::new(
            shape,
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
        .ok()
    }
}

impl Default for Slot {
    fn default() -> Self {
        Slot::new()
    }
}
