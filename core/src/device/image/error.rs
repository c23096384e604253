//! Why an image was refused.

use super::header::VERSION;
use crate::device::quantised::QuantisedError;
use crate::device::table::compact::TableError;
use crate::error::ShapeError;

/// Why an image was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImageError {
    /// It does not begin with [`MAGIC`](super::header::MAGIC).
    Magic,
    /// It has another version.
    Version(u16),
    /// It is shorter or longer than its header says.
    Length {
        /// What the header says, header included.
        expected: usize,
        /// What there is.
        got: usize,
    },
    /// The checksum of the body differs.
    Checksum,
    /// The body is not what the format says.
    Malformed,
    /// The shape is impossible.
    Shape(ShapeError),
    /// A number is NaN or infinite.
    NotFinite,
    /// A table is impossible.
    Table(TableError),
    /// A network of integers is impossible.
    Quantised(QuantisedError),
    /// A standard deviation, or a factor of an input, is not positive.
    Scaling,
}

impl core::fmt::Display for ImageError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ImageError::Magic => {
                f.write_str("this is no image of a model: it does not begin with LDNN")
            }
            ImageError::Version(v) => {
                write!(
                    f,
                    "the image has version {v}; this program reads version {VERSION}: export the model again"
                )
            }
            ImageError::Length { expected, got } => {
                write!(f, "the image has {got} bytes and should have {expected}")
            }
            ImageError::Checksum => f.write_str("the image is damaged: its checksum is wrong"),
            ImageError::Malformed => f.write_str("the body of the image is malformed"),
            ImageError::Shape(e) => f.write_str(e.message()),
            ImageError::NotFinite => {
                f.write_str("the image holds a number that is NaN or infinite")
            }
            ImageError::Table(e) => e.fmt(f),
            ImageError::Quantised(e) => e.fmt(f),
            ImageError::Scaling => {
                f.write_str("a standard deviation, or the factor of an input, is not positive")
            }
        }
    }
}

impl core::error::Error for ImageError {}

impl From<TableError> for ImageError {
    fn from(e: TableError) -> Self {
        ImageError::Table(e)
    }
}
