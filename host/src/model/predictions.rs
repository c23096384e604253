//! Predictions as CSV, row by row.

use super::predict::Predictions;
use super::trained::Model;
use crate::data::Standard;
use crate::data::target::Purpose;
use crate::support::text::safe_cell;
use anyhow::{Result, bail};
use std::io::Write;

/// Writes a line of names, then one line per row.
pub struct PredictionWriter<'a, W: Write> {
    model: &'a Model,
    to: csv::Writer<W>,
}

impl<'a, W: Write> PredictionWriter<'a, W> {
    /// Writes the line of names.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn new(model: &'a Model, to: W) -> Result<Self, csv::Error> {
        let mut to = csv::Writer::from_writer(to);

        match &model.purpose {
            Purpose::Classification { column, classes } => {
                let chances = classes.iter().map(|c| format!("P({c})"));
                to.write_record(std::iter::once(safe_cell(column).into_owned()).chain(chances))?;
            }
            Purpose::Regression { columns, .. } => {
                to.write_record(columns.iter().map(|c| safe_cell(c).into_owned()))?;
            }
        }

        Ok(PredictionWriter { model, to })
    }

    /// Writes a line for each prediction.
    ///
    /// # Errors
    /// If they cannot be written, or are not of the model's kind.
    pub fn rows(&mut self, predictions: &Predictions) -> Result<()> {
        match (predictions, &self.model.purpose) {
            (Predictions::Classes(given, chances), Purpose::Classification { classes, .. }) => {
                for (&class, row) in given.iter().zip(chances.chunks_exact(classes.len())) {
                    let chances = row.iter().map(|p| format!("{p:.4}"));
                    let class = safe_cell(&classes[usize::from(class)]).into_owned();
                    self.to
                        .write_record(std::iter::once(class).chain(chances))?;
                }
            }
            (Predictions::Values(values), Purpose::Regression { columns, scale }) => {
                for row in values.chunks_exact(columns.len()) {
                    self.to
                        .write_record(row.iter().zip(scale).map(|(&y, s)| value(y, s)))?;
                }
            }
            _ => bail!("the predictions are not of the model's kind"),
        }

        Ok(())
    }

    /// Hands on what was written.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

/// The shortest digits that are read back as the same number, with an exponent outside 1e-5 to
/// 1e16. A value without an offset was computed in single precision, and has no more digits than
/// that.
fn value(y: f64, scale: &Standard) -> String {
    let text = if scale.offset == 0.0 {
        format!("{:?}", y as f32)
    } else {
        format!("{y:?}")
    };
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_shortest_digits_whatever_their_size() {
        let plain = Standard::PLAIN;
        let far = Standard {
            offset: 1.7e9,
            ..Standard::PLAIN
        };

        for (y, scale, text) in [
            (f64::from(1.25e-30f32), &plain, "1.25e-30"),
            (f64::from(0.1f32), &plain, "0.1"),
            (f64::from(3e37f32), &plain, "3e37"),
            (150.0, &plain, "150"),
            (f64::from(-1e15f32), &plain, "-1000000000000000"),
            (1_700_000_000.123_456_7, &far, "1700000000.1234567"),
        ] {
            assert_eq!(value(y, scale), text);

            let back: f64 = text.parse().unwrap();

            assert_eq!(
                if scale.offset == 0.0 {
                    f64::from(back as f32)
                } else {
                    back
                },
                y
            );
        }
    }
}
