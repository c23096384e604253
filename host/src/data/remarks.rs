//! Sentences about the columns that a network learns from: constant ones, and those with an offset.

use super::Standard;
use super::table::listed;
use super::target::Purpose;
use crate::support::text::counted;

/// Up to here double precision has every whole number: 2 to the power of 53.
pub(super) const EXACT: f64 = 9_007_199_254_740_992.0;

/// A sentence about inputs that are the same in all of these rows, if there are any; `x` is
/// standardised by `inputs`.
#[must_use]
pub fn constant_inputs(features: &[String], inputs: &[Standard], x: &[f64]) -> Option<String> {
    let first = x.get(..features.len())?;

    let same = |j: usize| {
        x.iter()
            .skip(j)
            .step_by(features.len())
            .all(|&v| v == first[j])
    };

    let constant: Vec<String> = (0..features.len())
        .filter(|&j| same(j))
        .map(|j| features[j].clone())
        .collect();
    let coarse: Vec<String> = (0..features.len())
        .filter(|&j| same(j) && inputs[j].mean.abs() >= EXACT)
        .map(|j| features[j].clone())
        .collect();

    let coarse = match coarse.is_empty() {
        true => String::new(),
        false => format!(
            " Double precision does not tell whole numbers beyond {EXACT} apart: the values of {} may differ in the file; \
             subtract a constant from such a column.",
            listed(&coarse)
        ),
    };

    if constant.is_empty() {
        return None;
    }

    let [are, they, them] = match constant.len() {
        1 => ["is", "it tells nothing, and is", "it"],
        _ => ["are", "they tell nothing, and are", "them"],
    };

    Some(format!(
        "{} of the {} {are} constant over the rows to learn from ({}): {they} kept with a standard deviation of 1; leave \
         {them} out with `ignore` if {} may vary later.{coarse}",
        constant.len(),
        counted(features.len(), "input"),
        listed(&constant),
        if constant.len() == 1 { "it" } else { "they" }
    ))
}

/// A sentence about inputs and targets that have an offset, if there are any.
#[must_use]
pub fn columns_with_offsets(
    features: &[String],
    inputs: &[Standard],
    purpose: &Purpose,
) -> Option<String> {
    let targets = match purpose {
        Purpose::Regression { columns, scale } => columns.iter().zip(scale).collect(),
        Purpose::Classification { .. } => vec![],
    };

    let offset = |(name, s): (&String, &Standard)| {
        let whole = s.mean.abs() >= 2f64.powi(53);
        let coarse = if whole {
            ", beyond 2^53, where double precision does not hold every whole number"
        } else {
            ""
        };

        format!(
            "{name}: {} (standard deviation {:.3e}{coarse})",
            s.offset, s.sd
        )
    };

    let all: Vec<String> = features
        .iter()
        .zip(inputs)
        .chain(targets)
        .filter(|(_, s)| s.offset != 0.0)
        .map(offset)
        .collect();

    (!all.is_empty()).then(|| {
        format!(
            "These columns are so large for their spread that single precision would not tell their values apart; the \
             model takes each less an offset: {}. `ldnn predict` and `ldnn eval` subtract it from an input (and add it to \
             a prediction) themselves; on a device subtract it in integers or in double precision, as the exported header \
             says.",
            all.join("; ")
        )
    })
}
