//! By how much an export may differ from the model that it is made of.

use super::deployed::{Deployed, WeightFile};
use anyhow::{Result, ensure};

/// By how much the answers of a network of real numbers may differ from those of `ldnn predict`,
/// where its activations are the same: a probability, or a value in standard deviations.
pub(super) const ROUNDING_TOLERANCE: f64 = 1e-3;
/// For an error of the tables there may be so many times that more.
pub(super) const TABLE_FACTOR: f64 = 20.0;
/// But no more than this altogether.
pub(super) const TABLES_TOLERANCE: f64 = 0.25;
/// By how much the answers of a network of 8-bit integers may differ.
pub(super) const INTEGERS_TOLERANCE: f64 = 0.5;

/// Refuses a tolerance that no export of this model can have. Of integers there is one; of tables
/// it depends on their error on the rows, which only the exporter knows.
pub(super) fn check_tolerance(model: &Deployed, tolerance: f64) -> Result<()> {
    let (least, most) = match model.weights {
        WeightFile::Integers(_) => (INTEGERS_TOLERANCE, INTEGERS_TOLERANCE),
        _ => (ROUNDING_TOLERANCE, TABLES_TOLERANCE),
    };

    ensure!(
        (least..=most).contains(&tolerance),
        "golden.json asks for a tolerance of {tolerance:e}; of this export it is {}: export again",
        match least == most {
            true => most.to_string(),
            false => format!("at least {least} and at most {most}"),
        }
    );

    Ok(())
}
