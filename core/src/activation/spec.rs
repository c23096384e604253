//! What an activation is: its form and the number of its parameters, without a way to evaluate it.
//! [`Shape`] needs no more, so nothing here knows of kernels or networks.
//!
//! [`Shape`]: crate::Shape
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::error::ShapeError;
use crate::math::Real;

/// The largest width of a layer, number of units of a sub-network, or number of knots of a table.
pub const MAX_WIDTH: usize = 1 << 20;

/// The factor `s` before a sub-network.
pub const SUBNET_SCALE: f64 = 0.2;

/// The base functions, each with the name that users write: one list, so that none can be missing
/// from [`Base::ALL`].
macro_rules! bases {
    ($($(#[$doc:meta])* $base:ident = $name:literal,)+) => {
        /// A fixed activation function, also the starting point of a learned one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Base {
            $($(#[$doc])* $base,)+
        }

        impl Base {
            /// All of them, each at the place `base as usize`.
            pub const ALL: [Base; [$($name),+].len()] = [$(Base::$base),+];

            /// The name users write.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Base::$base => $name,)+
                }
            }
        }
    };
}

bases! {
    /// 0
    Zero = "zero",
    /// z
    Identity = "identity",
    /// max(z, 0), with slope 0 at 0
    Relu = "relu",
    /// tanh z
    Tanh = "tanh",
    /// 1 / (1 + exp(-z))
    Sigmoid = "sigmoid",
    /// sin z
    Sine = "sine",
    /// z for z > 0, exp(z) - 1 otherwise
    Elu = "elu",
    /// z / (1 + exp(-z)), also called SiLU (Ramachandran et al. 2017, arXiv 1710.05941)
    Swish = "swish",
    /// z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2, the usual form without the error function
    /// (Hendrycks and Gimpel 2016, arXiv 1606.08415)
    Gelu = "gelu",
    /// ln(1 + exp(z))
    Softplus = "softplus",
    /// z + sin(z)^2 (Ziyin et al. 2020, arXiv 2006.08195, with frequency 1)
    Snake = "snake",
}

impl Base {
    /// Whether the function has two continuous derivatives, so that a cubic table can hold it.
    #[must_use]
    pub const fn is_smooth(self) -> bool {
        match self {
            Base::Relu | Base::Elu => false,
            Base::Zero
            | Base::Identity
            | Base::Tanh
            | Base::Sigmoid
            | Base::Sine
            | Base::Swish
            | Base::Gelu
            | Base::Softplus
            | Base::Snake => true,
        }
    }

    /// What a table of the function leaves to be added exactly: the function itself if it is not
    /// smooth, else nothing.
    #[must_use]
    pub const fn outside_table(self) -> Base {
        if self.is_smooth() { Base::Zero } else { self }
    }

    /// What of the function is in a table: the rest.
    #[must_use]
    pub const fn inside_table(self) -> Base {
        if self.is_smooth() { self } else { Base::Zero }
    }
}

/// One activation type of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// A base function alone; no parameters.
    Base(Base),
    /// A base function plus a sub-network; `3 units + 1` parameters `[u | c | v | d]`.
    Learned {
        /// The function at the start.
        base: Base,
        /// Hidden units of the sub-network.
        units: usize,
    },
    /// A function tabulated at knots; the knots are its parameters. See [`table`](crate::table).
    Table(TableForm),
}

impl Activation {
    /// The rectifier `max(z, 0)`.
    pub const RELU: Activation = Activation::Base(Base::Relu);
    /// The hyperbolic tangent.
    pub const TANH: Activation = Activation::Base(Base::Tanh);
    /// The logistic function.
    pub const SIGMOID: Activation = Activation::Base(Base::Sigmoid);
    /// The sine.
    pub const SINE: Activation = Activation::Base(Base::Sine);
    /// The exponential linear unit.
    pub const ELU: Activation = Activation::Base(Base::Elu);
    /// The sigmoid-weighted linear unit.
    pub const SWISH: Activation = Activation::Base(Base::Swish);

    /// Number of parameters of the type.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        match self {
            Activation::Base(_) => 0,
            Activation::Learned { units, .. } => units.saturating_mul(3).saturating_add(1),
            Activation::Table(form) => form.param_len(),
        }
    }

    pub(crate) const fn check(&self) -> Result<(), ShapeError> {
        match self {
            Activation::Base(_) => Ok(()),
            Activation::Learned { units, .. } if *units == 0 || *units > MAX_WIDTH => {
                Err(ShapeError::BadUnits)
            }
            Activation::Learned { .. } => Ok(()),
            Activation::Table(form) => form.check(),
        }
    }

    /// Where the output weights `v` of the sub-network lie among the type's parameters: start and
    /// length. Noise on its hidden units reaches the output through them alone.
    pub(crate) const fn readout(&self) -> (usize, usize) {
        match self {
            Activation::Base(_) => (0, 0),
            Activation::Learned { units, .. } => (2 * *units, *units),
            Activation::Table(form) => (2 * form.knots, form.readout),
        }
    }
}

/// The form of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableForm {
    /// Added to the table exactly; `Base::Zero` for nothing.
    pub base: Base,
    /// Number of knots `M`, at least 2.
    pub knots: usize,
    /// The knots span `[-range, range]`.
    pub range: f32,
    /// Number of output weights kept for training noise; 0 for a table that is only used.
    pub readout: usize,
}

impl TableForm {
    /// The table of a learned type, ready for training with noise.
    #[must_use]
    pub const fn of_learned(base: Base, units: usize, knots: usize, range: f32) -> Self {
        TableForm {
            base: base.outside_table(),
            knots,
            range,
            readout: units,
        }
    }

    /// A table alone, without a base function beside it or a place for noise: one that learns
    /// together with the weights, or stays as it is.
    #[must_use]
    pub const fn fixed(knots: usize, range: f32) -> Self {
        TableForm {
            base: Base::Zero,
            knots,
            range,
            readout: 0,
        }
    }

    /// Number of parameters.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        self.knots.saturating_mul(2).saturating_add(self.readout)
    }

    /// Knot `i`: `-R + i h`.
    #[must_use]
    pub fn knot<T: Real>(&self, i: usize) -> T {
        T::from_f64(f64::from(self.range) * (2.0 * i as f64 / self.cells() - 1.0))
    }

    /// Distance of two knots.
    #[must_use]
    pub fn spacing(&self) -> f64 {
        2.0 * f64::from(self.range) / self.cells()
    }

    fn cells(&self) -> f64 {
        self.knots.saturating_sub(1) as f64
    }

    pub(crate) const fn check(&self) -> Result<(), ShapeError> {
        let good = self.knots >= 2 && self.knots <= MAX_WIDTH && self.readout <= MAX_WIDTH;
        if good && self.range > 0.0 && self.range < f32::INFINITY {
            Ok(())
        } else {
            Err(ShapeError::BadTable)
        }
    }
}
