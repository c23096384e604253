//! The sizes of a network as one value.
//!
//! A [`Shape`] is `Copy`, holds everything inline and is made in a `const` or at run time. In a
//! `const` a bad shape does not compile; at run time it is an `Err` with a sentence. It says how
//! long every buffer is.
//!
//! ```
//! use ldnn_core::{Base, Activation, Shape};
//! const LEARNED: Activation = Activation::Learned { base: Base::Sine, units: 50 };
//! const NET: Shape = Shape::new(&[40, 100, 10], &[LEARNED, LEARNED]);
//! const _: () = assert!(NET.theta_len() == 5110 && NET.param_len() == 5110 + 2 * 151);
//! assert!(Shape::try_new(&[40, 0, 10], &[LEARNED]).is_err());
//! ```

use crate::activation::{Activation, Base};

pub use crate::activation::MAX_WIDTH;
pub use crate::error::ShapeError;

/// The largest number of hidden layers.
pub const MAX_HIDDEN: usize = 8;
/// The largest number of activation types in one network.
pub const MAX_TYPES: usize = 16;

const MAX_WIDTHS: usize = MAX_HIDDEN + 2;

/// A pass through a network. It decides how long the workspace is; each is long enough for those
/// before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Values alone: outputs, losses, and activations of hidden layers.
    Forward,
    /// Forward and back: gradients, and with them training.
    Backward,
    /// The same with tangents: Hessian-vector products, and the derivatives of hidden activations.
    SecondOrder,
}

/// Widths of the layers, activation types, and which layer uses which types.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    widths: [usize; MAX_WIDTHS],
    layers: usize,
    activations: [Activation; MAX_TYPES],
    types: usize,
    /// First type and number of types of each hidden layer.
    blocks: [(usize, usize); MAX_HIDDEN],
}

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "`get` is not const; every index and difference is compared with its bound in the line before; the link-time \
              proof of the firmware has them all"
)]
impl Shape {
    /// The shape of a network with layers of `widths` (input, hidden..., output) whose every hidden
    /// layer mixes all the types `activations`, in contiguous blocks of neurons.
    ///
    /// In a `const`, an impossible shape is a compile error with the sentence of [`ShapeError`]; at
    /// run time use
    /// [`Shape::try_new`].
    #[must_use]
    pub const fn new(widths: &[usize], activations: &[Activation]) -> Self {
        match Self::try_new(widths, activations) {
            Ok(shape) => shape,
            Err(e) => refuse(e),
        }
    }

    /// As [`Shape::new`], with an error instead of a compile error.
    ///
    /// # Errors
    /// The first reason found why the shape is impossible.
    pub const fn try_new(widths: &[usize], activations: &[Activation]) -> Result<Self, ShapeError> {
        if widths.len() < 2 {
            return Err(ShapeError::NoLayer);
        }

        if widths.len() > MAX_WIDTHS {
            return Err(ShapeError::TooManyLayers);
        }

        if activations.len() > MAX_TYPES {
            return Err(ShapeError::TooManyTypes);
        }

        let mut shape = Shape {
            widths: [0; MAX_WIDTHS],
            layers: widths.len() - 1,
            activations: [Activation::Base(Base::Zero); MAX_TYPES],
            types: activations.len(),
            blocks: [(0, activations.len()); MAX_HIDDEN],
        };

        let mut i = 0;
        while i < widths.len() {
            shape.widths[i] = widths[i];
            i += 1;
        }

        let mut i = 0;
        while i < activations.len() {
            shape.activations[i] = activations[i];
            i += 1;
        }

        match shape.check() {
            Ok(()) => Ok(shape),
            Err(e) => Err(e),
        }
    }

    /// The same network, but hidden layer `layer` (0 is the first) uses only the `count` types from
    /// `first` on.
    ///
    /// # Errors
    /// If there is no such layer or type, or the layer has fewer neurons than types.
    pub const fn with_layer_types(
        mut self,
        layer: usize,
        first: usize,
        count: usize,
    ) -> Result<Self, ShapeError> {
        // The second condition follows from the first; with it the compiler sees that nothing below
        // can panic.
        if layer >= self.layers.saturating_sub(1) || layer >= self.blocks.len() {
            return Err(ShapeError::UnknownLayer);
        }

        if count == 0 || first >= self.types || count > self.types - first {
            return Err(ShapeError::UnknownType);
        }

        self.blocks[layer] = (first, count);

        match self.check() {
            Ok(()) => Ok(self),
            Err(e) => Err(e),
        }
    }

    /// The same network with other activation types in the places of the old ones.
    ///
    /// # Errors
    /// If the number of types differs, or one of them is impossible.
    pub const fn with_activations(
        mut self,
        activations: &[Activation],
    ) -> Result<Self, ShapeError> {
        if activations.len() != self.types {
            return Err(ShapeError::UnknownType);
        }

        let mut i = 0;
        while i < activations.len() && i < self.activations.len() {
            self.activations[i] = activations[i];
            i += 1;
        }

        match self.check() {
            Ok(()) => Ok(self),
            Err(e) => Err(e),
        }
    }

    const fn check(&self) -> Result<(), ShapeError> {
        let mut i = 0;
        while i <= self.layers && i < self.widths.len() {
            if self.widths[i] == 0 {
                return Err(ShapeError::ZeroWidth);
            }

            if self.widths[i] > MAX_WIDTH {
                return Err(ShapeError::HugeWidth);
            }
            i += 1;
        }

        let mut l = 0;
        while l + 1 < self.layers && l < self.blocks.len() && l + 1 < self.widths.len() {
            if self.blocks[l].1 == 0 {
                return Err(ShapeError::NoType);
            }

            if self.blocks[l].1 > self.widths[l + 1] {
                return Err(ShapeError::MoreTypesThanNeurons);
            }
            l += 1;
        }

        let mut t = 0;
        while t < self.types && t < self.activations.len() {
            match self.activations[t].check() {
                Ok(()) => {}
                Err(e) => return Err(e),
            }
            t += 1;
        }

        if self.parameters() > isize::MAX as u64 {
            Err(ShapeError::TooManyParameters)
        } else {
            Ok(())
        }
    }

    /// Number of parameters; at most 10 * 2^41 + 16 * 2^22, after the other checks.
    const fn parameters(&self) -> u64 {
        let (mut all, mut l, mut t) = (0, 0, 0);
        while l < self.layers {
            all += self.width(l + 1) as u64 * (self.width(l) as u64 + 1);
            l += 1;
        }

        while t < self.types {
            all += self.activation(t).param_len() as u64;
            t += 1;
        }

        all
    }
}

/// The lengths and places that follow from the sizes.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "as above; and `check` has bounded the number of all parameters, so that no sum of a part of them overflows"
)]
impl Shape {
    /// Number of affine layers: hidden layers + 1.
    #[must_use]
    pub const fn layers(&self) -> usize {
        self.layers
    }

    /// Number of hidden layers.
    #[must_use]
    pub const fn hidden_layers(&self) -> usize {
        self.layers - 1
    }

    /// Width `i`: 0 is the input, [`Shape::layers`] the output; 0 beyond.
    #[must_use]
    pub const fn width(&self, i: usize) -> usize {
        if i < MAX_WIDTHS { self.widths[i] } else { 0 }
    }

    /// Number of inputs.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.widths[0]
    }

    /// Number of outputs.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.width(self.layers)
    }

    /// Number of activation types.
    #[must_use]
    pub const fn types(&self) -> usize {
        self.types
    }

    /// Type `t`; the zero function beyond the last one.
    #[must_use]
    pub const fn activation(&self, t: usize) -> Activation {
        if t < MAX_TYPES {
            self.activations[t]
        } else {
            Activation::Base(Base::Zero)
        }
    }

    /// The first type and the number of types of hidden layer `layer` (0 is the first).
    #[must_use]
    pub const fn layer_types(&self, layer: usize) -> (usize, usize) {
        if layer < MAX_HIDDEN {
            self.blocks[layer]
        } else {
            (0, 0)
        }
    }

    /// The neurons `start..end` of hidden layer `layer` that have the layer's `i`-th type.
    ///
    /// Blocks are contiguous and equally long; the remainder goes to the last types, one neuron
    /// each.
    #[must_use]
    pub const fn block(&self, layer: usize, i: usize) -> (usize, usize) {
        let width = self.width(layer.saturating_add(1));
        let (_, count) = self.layer_types(layer);
        if i >= count {
            return (width, width);
        }

        let (share, rest) = (width / count, width % count);
        let start = share * i + i.saturating_sub(count - rest);
        let end = start + share + (i >= count - rest) as usize;

        (start, end)
    }

    /// Where the weights of affine layer `l` (output x input, row-major) begin in the parameters.
    #[must_use]
    pub const fn weights_at(&self, l: usize) -> usize {
        let mut at = 0;
        let mut i = 0;
        while i < l && i < self.layers {
            at += self.width(i + 1) * (self.width(i) + 1);
            i += 1;
        }
        at
    }

    /// Where the biases of affine layer `l` begin in the parameters.
    #[must_use]
    pub const fn biases_at(&self, l: usize) -> usize {
        // Beyond the last layer there are no weights.
        let weights = if l < self.layers {
            self.width(l) * self.width(l + 1)
        } else {
            0
        };
        self.weights_at(l) + weights
    }

    /// Number of weights and biases, the first part of the parameters.
    #[must_use]
    pub const fn theta_len(&self) -> usize {
        self.weights_at(self.layers)
    }

    /// Where the parameters of type `t` begin.
    #[must_use]
    pub const fn type_at(&self, t: usize) -> usize {
        let mut at = self.theta_len();
        let mut i = 0;
        while i < t && i < self.types {
            at += self.activation(i).param_len();
            i += 1;
        }
        at
    }

    /// Number of activation parameters, the second part of the parameters.
    #[must_use]
    pub const fn phi_len(&self) -> usize {
        self.type_at(self.types) - self.theta_len()
    }

    /// Number of all parameters `[theta | phi]`.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        self.type_at(self.types)
    }

    /// Length of the memory of a [`Workspace`](crate::network::Workspace) for at most `rows` rows.
    #[must_use]
    pub const fn workspace_len(&self, rows: usize, pass: Pass) -> usize {
        // The inputs by rows and by features. Backwards, a hidden layer by rows and the adjoints of
        // two layers.
        let (inputs, transposed, adjoints) =
            (2 * self.inputs(), self.widest_hidden(), 2 * self.widest());

        let columns = match pass {
            Pass::Forward => inputs + self.state_columns(),
            Pass::Backward => inputs + transposed + self.state_columns() + adjoints,
            Pass::SecondOrder => inputs + transposed + 2 * (self.state_columns() + adjoints),
        };

        columns.saturating_mul(rows)
    }

    /// Values kept per row by the forward pass: pre- and post-activations, and the outputs.
    pub(crate) const fn state_columns(&self) -> usize {
        let mut columns = self.outputs();
        let mut l = 1;
        while l < self.layers {
            columns += 2 * self.width(l);
            l += 1;
        }
        columns
    }

    /// The widest layer after the input.
    pub(crate) const fn widest(&self) -> usize {
        let hidden = self.widest_hidden();
        if hidden > self.outputs() {
            hidden
        } else {
            self.outputs()
        }
    }

    /// The widest hidden layer.
    pub(crate) const fn widest_hidden(&self) -> usize {
        let mut widest = 0;
        let mut l = 1;
        while l < self.layers {
            if self.width(l) > widest {
                widest = self.width(l);
            }
            l += 1;
        }

        widest
    }
}

/// Stops the compilation with the sentence of the error.
#[allow(
    clippy::panic,
    reason = "runs at compile time; run-time shapes come from try_new"
)]
const fn refuse(e: ShapeError) -> ! {
    panic!("{}", e.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELU: Activation = Activation::Base(Base::Relu);

    #[test]
    fn blocks_cover_every_neuron_and_the_last_types_take_the_remainder() {
        let shape = Shape::new(&[3, 11, 2], &[RELU; 3]);
        assert_eq!(
            [shape.block(0, 0), shape.block(0, 1), shape.block(0, 2)],
            [(0, 3), (3, 7), (7, 11)]
        );
    }

    #[test]
    fn impossible_shapes_are_refused_with_a_reason() {
        assert_eq!(Shape::try_new(&[3], &[RELU]), Err(ShapeError::NoLayer));
        assert_eq!(
            Shape::try_new(&[3, 0, 1], &[RELU]),
            Err(ShapeError::ZeroWidth)
        );
        assert_eq!(Shape::try_new(&[3, 4, 1], &[]), Err(ShapeError::NoType));
        assert_eq!(
            Shape::try_new(&[3, 2, 1], &[RELU; 3]),
            Err(ShapeError::MoreTypesThanNeurons)
        );
        assert_eq!(
            Shape::try_new(&[3; 11], &[RELU]),
            Err(ShapeError::TooManyLayers)
        );
        assert_eq!(
            Shape::try_new(&[3, 4, 1], &[RELU; 17]),
            Err(ShapeError::TooManyTypes)
        );

        let empty = Activation::Learned {
            base: Base::Zero,
            units: 0,
        };

        assert_eq!(
            Shape::try_new(&[3, 4, 1], &[empty]),
            Err(ShapeError::BadUnits)
        );

        let shape = Shape::new(&[3, 4, 1], &[RELU; 2]);
        assert_eq!(
            shape.with_layer_types(1, 0, 1),
            Err(ShapeError::UnknownLayer)
        );
        assert_eq!(
            shape.with_layer_types(0, 1, 2),
            Err(ShapeError::UnknownType)
        );
    }

    #[test]
    fn a_network_without_hidden_layers_is_a_linear_model() {
        let shape = Shape::new(&[3, 2], &[]);
        assert_eq!((shape.param_len(), shape.phi_len()), (8, 0));
    }
}
