//! The errors of the checked doors.

/// A buffer has the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeError {
    /// The argument's name.
    pub buffer: &'static str,
    /// The length that the shape asks for.
    pub expected: usize,
    /// The length it has.
    pub got: usize,
}

impl core::fmt::Display for SizeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "buffer `{}` has length {}, but {} is needed",
            self.buffer, self.got, self.expected
        )
    }
}

impl core::error::Error for SizeError {}

/// Why a call was refused before it touched anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A buffer has the wrong length.
    Size(SizeError),
    /// A class label is not below the number of outputs.
    Label {
        /// The data row.
        row: usize,
        /// Its label.
        label: u16,
        /// Number of outputs.
        classes: usize,
    },
    /// A batch picks a row that the data set does not have.
    Row {
        /// The row.
        row: u32,
        /// Number of rows.
        rows: usize,
    },
    /// There is no such hidden layer.
    Layer {
        /// The number asked for; 0 is the first.
        layer: usize,
        /// How many there are.
        layers: usize,
    },
    /// A batch, a data set, or a number of steps is 0.
    Empty(&'static str),
    /// An input, a target or a parameter is NaN or infinite: there is nothing to learn from it.
    NotFinite {
        /// The argument's name.
        buffer: &'static str,
        /// Where in it; the first such number.
        index: usize,
    },
    /// All that came in is finite, but this would not be: a loss, a gradient, or what a step would
    /// leave behind.
    Diverges(&'static str),
    /// Learning rates and clip of a step do not bound it; see [`Rates`](crate::online::Rates).
    Rates,
}

impl From<SizeError> for Error {
    fn from(e: SizeError) -> Self {
        Error::Size(e)
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Error::Size(e) => e.fmt(f),
            Error::Label { row, label, classes } => {
                write!(
                    f,
                    "row {row} has class label {label}, but the network has {classes} outputs (0 to {})",
                    classes.saturating_sub(1)
                )
            }
            Error::Row { row, rows } => write!(f, "the batch picks row {row}, but the data has {rows} rows"),
            Error::Layer { layer, layers } => write!(f, "hidden layer {layer} is not there; the network has {layers}"),
            Error::Empty(what) => write!(f, "{what} must be at least 1"),
            Error::NotFinite { buffer, index } => {
                write!(f, "`{buffer}`[{index}] is NaN or infinite; nothing was learned: leave the sample out")
            }
            Error::Diverges(what) => {
                write!(
                    f,
                    "{what} is NaN or infinite; nothing was learned: use a smaller learning rate or scaled inputs"
                )
            }
            Error::Rates => f.write_str(
                "learning rates must be finite, the clip positive and at most 1e15, and their product at most 1e30",
            ),
        }
    }
}

impl core::error::Error for Error {}

/// Why a shape is impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeError {
    /// Fewer than two widths.
    NoLayer,
    /// More than [`MAX_HIDDEN`](crate::shape::MAX_HIDDEN) hidden layers.
    TooManyLayers,
    /// A width of 0.
    ZeroWidth,
    /// A width above [`MAX_WIDTH`](crate::shape::MAX_WIDTH).
    HugeWidth,
    /// Hidden layers, but no activation type.
    NoType,
    /// More than [`MAX_TYPES`](crate::shape::MAX_TYPES) types.
    TooManyTypes,
    /// A layer with more types than neurons.
    MoreTypesThanNeurons,
    /// A layer is to use a type that is not there.
    UnknownType,
    /// A hidden layer that is not there.
    UnknownLayer,
    /// A sub-network without units or with too many.
    BadUnits,
    /// A table with fewer than 2 knots or too many, or with a range that is not positive and
    /// finite.
    BadTable,
    /// More parameters than a slice can have on this machine.
    TooManyParameters,
}

impl ShapeError {
    /// The sentence for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoLayer => "shape: give at least an input and an output width",
            Self::TooManyLayers => "shape: at most 8 hidden layers",
            Self::ZeroWidth => "shape: every width must be at least 1",
            Self::HugeWidth => "shape: a width may be at most 1048576",
            Self::NoType => "shape: hidden layers need at least one activation type",
            Self::TooManyTypes => "shape: at most 16 activation types",
            Self::MoreTypesThanNeurons => {
                "shape: a hidden layer has fewer neurons than activation types"
            }
            Self::UnknownType => "shape: a layer uses an activation type that is not in the list",
            Self::UnknownLayer => "shape: there is no such hidden layer",
            Self::BadUnits => "shape: a sub-network needs 1 to 1048576 units",
            Self::BadTable => {
                "shape: a table needs 2 to 1048576 knots and a positive, finite range"
            }
            Self::TooManyParameters => "shape: more parameters than this machine can address",
        }
    }
}

impl core::fmt::Display for ShapeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for ShapeError {}

/// An exact length.
#[inline]
pub(crate) const fn check(
    buffer: &'static str,
    expected: usize,
    got: usize,
) -> Result<(), SizeError> {
    if expected == got {
        Ok(())
    } else {
        Err(SizeError {
            buffer,
            expected,
            got,
        })
    }
}

/// A length that may be larger.
#[inline]
pub(crate) fn check_at_least(
    buffer: &'static str,
    expected: usize,
    got: usize,
) -> Result<(), SizeError> {
    if got >= expected {
        Ok(())
    } else {
        Err(SizeError {
            buffer,
            expected,
            got,
        })
    }
}
