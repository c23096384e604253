//! From a function to the entries of a table.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use super::error::TableError;
use super::layout::{Form, Knots};
use crate::error::check;

/// Samples `f`, which gives value and slope, into the entries of a table. Lines go through the
/// values alone.
///
/// # Errors
/// If the knots are impossible or `entries` has another length.
pub fn fill(
    form: Form,
    knots: Knots,
    f: impl Fn(f32) -> (f32, f32),
    entries: &mut [f32],
) -> Result<(), TableError> {
    if !knots.is_valid() {
        return Err(TableError::Knots);
    }

    check("entries", form.entries(knots.count), entries.len())?;

    let values = (0..knots.count).map(|i| (knots.at(i), f(knots.at(i))));

    match form {
        Form::Hermite => {
            let spacing = knots.spacing() as f32;
            let pairs = entries.as_chunks_mut::<2>().0;
            pairs
                .iter_mut()
                .zip(values)
                .for_each(|(to, (_, (y, slope)))| *to = [y, slope * spacing]);
        }
        Form::Linear => entries
            .iter_mut()
            .zip(values)
            .for_each(|(to, (_, (y, _)))| *to = y),
        Form::Pairs => {
            let pairs = entries.as_chunks_mut::<2>().0;
            for (to, ((z, (y, _)), (_, (next, _)))) in
                pairs.iter_mut().zip(values.clone().zip(values.skip(1)))
            {
                let slope = (next - y) * knots.per_spacing();
                *to = [y - slope * z, slope];
            }
        }
    }

    Ok(())
}
