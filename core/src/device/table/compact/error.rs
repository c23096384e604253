//! Why a table is impossible.

use super::layout::MAX_KNOTS;
use crate::error::SizeError;

/// Why a compact table is impossible.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TableError {
    /// See [`Knots::is_valid`](super::layout::Knots::is_valid).
    Knots,
    /// A half table must begin at 0 and have no base function.
    Symmetry,
    /// Only `zero` and `relu` are added outside a table.
    Base,
    /// The step of a scale is not positive and finite, or its zero too far away.
    Scale,
    /// The number of entries does not fit the form.
    Size(SizeError),
}

impl From<SizeError> for TableError {
    fn from(e: SizeError) -> Self {
        TableError::Size(e)
    }
}

impl core::fmt::Display for TableError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            TableError::Knots => write!(
                f,
                "a table needs 2 to {MAX_KNOTS} knots on a finite range, low < high"
            ),
            TableError::Symmetry => {
                f.write_str("the table of an odd or even function begins at 0 and has no base")
            }
            TableError::Base => {
                f.write_str("only zero and relu can be added to a table; sample the others into it")
            }
            TableError::Scale => f.write_str(
                "the step of a scale must be positive and finite, and its zero within 2^30",
            ),
            TableError::Size(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for TableError {}
