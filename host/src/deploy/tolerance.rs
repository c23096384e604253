//! By how much an export may differ from the model that it is made of.

use super::deployed::{Deployed, WeightFile};

/// By how much the answers of a network of real numbers may differ from those of `ldnn predict`,
/// where its activations are the same: a probability, or a value in standard deviations.
pub(super) const ROUNDING_TOLERANCE: f64 = 1e-3;
/// For an error of the tables there may be so many times that more.
pub(super) const TABLE_FACTOR: f64 = 20.0;
/// But no more than this altogether.
pub(super) const TABLES_TOLERANCE: f64 = 0.25;
/// By how much the answers of a network of 8-bit integers may differ.
pub(super) const INTEGERS_TOLERANCE: f64 = 0.5;

/// The largest tolerance that an export of this model can have.
pub(super) fn most_tolerance(model: &Deployed) -> f64 {
    match model.weights {
        WeightFile::Integers(_) => INTEGERS_TOLERANCE,
        _ => TABLES_TOLERANCE,
    }
}
