//! Predictions as CSV, row by row.

use super::trained::{Predictions, Trained};
use crate::data::tabular::Purpose;
use crate::support::text::safe_cell;
use anyhow::{Result, bail};
use std::io::Write;

/// Writes a line of names, then a line a row.
pub struct PredictionWriter<'a, W: Write> {
    model: &'a Trained,
    to: csv::Writer<W>,
    /// Of each regression target.
    decimals: Vec<usize>,
}

/// Digits below the standard deviation of a target: single precision has no more.
const DIGITS: f64 = 7.0;

impl<'a, W: Write> PredictionWriter<'a, W> {
    /// Writes the line of names.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn new(model: &'a Trained, to: W) -> Result<Self, csv::Error> {
        let mut to = csv::Writer::from_writer(to);
        let mut decimals = vec![];
        match &model.purpose {
            Purpose::Classification { column, classes } => {
                let chances = classes.iter().map(|c| format!("P({c})"));
                to.write_record(std::iter::once(safe_cell(column).into_owned()).chain(chances))?;
            }
            Purpose::Regression { columns, scale } => {
                to.write_record(columns.iter().map(|c| safe_cell(c).into_owned()))?;
                decimals = scale.iter().map(|s| (DIGITS - s.sd.log10().floor()).clamp(0.0, 17.0) as usize).collect();
            }
        }
        Ok(PredictionWriter { model, to, decimals })
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
                    self.to.write_record(std::iter::once(class).chain(chances))?;
                }
            }
            (Predictions::Values(values), Purpose::Regression { columns, .. }) => {
                for row in values.chunks_exact(columns.len()) {
                    self.to.write_record(row.iter().zip(&self.decimals).map(|(y, &n)| format!("{y:.n$}")))?;
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
