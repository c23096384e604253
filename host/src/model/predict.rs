//! What a model predicts, from raw readings to classes and values in the units of the table.

use super::trained::Model;
use crate::data::table::Table;
use crate::data::target::Purpose;
use anyhow::{Context, Result, ensure};
use ldnn_core::deploy::{Outputs, Scaling};
use ldnn_core::network::{Pass, Workspace};

/// Predictions for some rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// The class of each row, and the probability of every class, rows x classes.
    Classes(Vec<u16>, Vec<f64>),
    /// rows x columns, in the units of the table.
    Values(Vec<f64>),
}

impl Model {
    /// Predictions for rows of raw inputs, in the arithmetic of the exports: where the activations
    /// are the same, so is every bit.
    ///
    /// # Errors
    /// If an input is NaN, infinite, or so large that nothing finite comes out; the message names
    /// row and column.
    pub fn predict(&self, x: &[f64]) -> Result<Predictions> {
        self.predict_scaled(&self.scaled(x)?)
    }

    /// As [`Self::predict`], but values less their offsets, as a device gives them: a double of the
    /// whole value may have larger steps.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn predict_less_offsets(&self, x: &[f64]) -> Result<Predictions> {
        let (classes, out) = self.answers(&self.scaled(x)?)?;
        let out = out.into_iter().map(f64::from).collect();

        Ok(match &self.purpose {
            Purpose::Classification { .. } => Predictions::Classes(classes, out),
            Purpose::Regression { .. } => Predictions::Values(out),
        })
    }

    /// Raw inputs as the network takes them.
    ///
    /// # Errors
    /// If one is NaN, infinite or too large; the message names row and column.
    pub fn scaled(&self, x: &[f64]) -> Result<Vec<f32>> {
        let mut scaled = Vec::with_capacity(x.len());
        let is_one = x.len() == self.features.len();
        let place = |i: usize| match is_one {
            true => String::new(),
            false => format!("row {}, ", i + 1),
        };

        for (i, row) in x.chunks_exact(self.features.len()).enumerate() {
            for ((&x, s), name) in row.iter().zip(&self.inputs).zip(&self.features) {
                let input = s.input(x);
                ensure!(
                    input.is_finite(),
                    "{}column '{name}': {x:e} is beyond what the model can take; leave the row out, or clip the value",
                    place(i)
                );

                scaled.push(input);
            }
        }

        Ok(scaled)
    }

    /// Predictions for the rows of a table.
    ///
    /// # Errors
    /// As [`Self::inputs_of`] and [`Self::predict`]; the message names the place in the file.
    pub fn predict_table(&self, table: &Table) -> Result<Predictions> {
        match self.predict_good_rows(table)? {
            (predictions, None) => Ok(predictions),
            (_, Some(error)) => Err(error),
        }
    }

    /// Predictions for the rows of a table before the first that has none, and why that has none.
    ///
    /// # Errors
    /// As [`Self::inputs_of`].
    pub fn predict_good_rows(&self, table: &Table) -> Result<(Predictions, Option<anyhow::Error>)> {
        let x = self.inputs_of(table)?;
        let error = match self.predict(&x) {
            Ok(predictions) => return Ok((predictions, None)),
            Err(error) => error,
        };

        let width = self.features.len();
        // One row by itself, so that the error does not count rows of its own.
        let alone = |row: &[f64]| self.predict(row).err();
        let mut rows = x.chunks_exact(width).map(alone).enumerate();
        let Some((bad, error)) = rows.find_map(|(i, error)| Some((i, error?))) else {
            return Err(error);
        };

        let error = match table.lines.get(bad) {
            Some(line) => error.context(format!("{} {line}", table.unit)),
            None => error,
        };

        Ok((self.predict(&x[..bad * width])?, Some(error)))
    }

    /// Predictions for rows that are standardised already.
    pub(super) fn predict_scaled(&self, scaled: &[f32]) -> Result<Predictions> {
        let (classes, out) = self.answers(scaled)?;
        let (scale, outputs) = (self.scale(), self.scale().len());

        Ok(match &self.purpose {
            Purpose::Classification { .. } => {
                Predictions::Classes(classes, out.into_iter().map(f64::from).collect())
            }
            Purpose::Regression { .. } => {
                let value = |(i, &y): (usize, &f32)| f64::from(y) + scale[i % outputs].offset;
                Predictions::Values(out.iter().enumerate().map(value).collect())
            }
        })
    }

    /// The class of each row (0 if there are none), and probabilities or values less their offsets.
    fn answers(&self, scaled: &[f32]) -> Result<(Vec<u16>, Vec<f32>)> {
        let network = self.network.network()?;
        let (width, outputs) = (self.features.len(), network.shape.outputs());
        let mut out = vec![0.0f32; scaled.len() / width * outputs];

        const ROWS: usize = 256;

        let mut memory = vec![0.0; network.shape.workspace_len(ROWS, Pass::Forward)];
        let mut workspace = Workspace::new(&network.shape, ROWS, Pass::Forward, &mut memory)?;
        let view = network.view()?;

        for (x, out) in scaled
            .chunks(ROWS * width)
            .zip(out.chunks_mut(ROWS * outputs))
        {
            view.predict(x, out, &mut workspace)?;
        }

        let pairs = self.output_pairs();
        let meaning = match &self.purpose {
            Purpose::Classification { .. } => Outputs::Classes,
            Purpose::Regression { .. } => Outputs::Values(&pairs),
        };
        let scaling = Scaling {
            inputs: &[],
            outputs: meaning,
        };

        let mut classes = vec![];
        let rows = out.len() / outputs;

        for (i, row) in out.chunks_exact_mut(outputs).enumerate() {
            let class = scaling.answer(row).with_context(|| {
                let far = self.farthest(&scaled[i * width..][..width]);
                match rows {
                    1 => format!("the inputs are too large for the model, column '{far}' the most"),
                    _ => format!(
                        "row {}: its inputs are too large for the model, column '{far}' the most",
                        i + 1
                    ),
                }
            });

            classes.push(class? as u16);
        }

        Ok((classes, out))
    }

    /// The name of the input that is farthest from its mean.
    fn farthest(&self, scaled: &[f32]) -> &str {
        let inputs = scaled.iter().zip(&self.features);
        let far = inputs.max_by(|(a, _), (b, _)| a.abs().total_cmp(&b.abs()));

        far.map_or("", |(_, name)| name)
    }
}
