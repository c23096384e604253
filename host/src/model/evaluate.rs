//! How good a model's predictions are on rows with their targets.

use super::metrics::{LabelledPredictions, Metrics, metrics};
use super::predict::Predictions;
use super::trained::Model;
use crate::data::Targets;
use crate::data::table::Table;
use crate::data::target::Purpose;
use crate::data::task::{ExampleTargets, Examples};
use anyhow::Result;

impl Model {
    /// Adds the rows of a table that holds the targets to those that are evaluated together.
    ///
    /// # Errors
    /// If a column is missing, or a class is not known.
    pub fn evaluate_table(&self, table: Table, so_far: &mut EvaluatedRows) -> Result<()> {
        let predicted = self.predict_table(&table)?;
        let target = self.target_of(table)?;
        match target {
            Targets::Classes { labels, .. } => so_far.add(predicted, &labels, &[], &self.purpose),
            Targets::Values { values, .. } => so_far.add(predicted, &[], &values, &self.purpose),
        }
    }

    /// How good it is on standardised rows.
    ///
    /// # Errors
    /// If the rows are of another kind than the model.
    pub fn evaluate_set(&self, set: &Examples) -> Result<Metrics> {
        let (predicted, mut evaluated) = (self.predict_scaled(&set.x)?, EvaluatedRows::default());
        match &set.target {
            ExampleTargets::Classes(labels) => {
                evaluated.add(predicted, labels, &[], &self.purpose)?
            }
            ExampleTargets::Values(values) => {
                let values: Vec<f64> = values.iter().map(|&y| f64::from(y)).collect();
                evaluated.add(predicted, &[], &values, &self.purpose)?;
            }
        }

        Ok(self.metrics(&evaluated))
    }

    /// How good it is on the rows that were evaluated.
    #[must_use]
    pub fn metrics(&self, evaluated: &EvaluatedRows) -> Metrics {
        match &self.purpose {
            Purpose::Classification { classes, .. } => metrics(&LabelledPredictions::Classes {
                classes,
                actual: &evaluated.classes.0,
                predicted: &evaluated.classes.1,
            }),
            Purpose::Regression { columns, .. } => metrics(&LabelledPredictions::Values {
                columns,
                actual: &evaluated.values.0,
                predicted: &evaluated.values.1,
            }),
        }
    }
}

/// Right answers and those that were given, row by row: a table may come in blocks.
#[derive(Clone, Debug, Default)]
pub struct EvaluatedRows {
    /// Number of rows.
    pub rows: usize,
    classes: (Vec<u16>, Vec<u16>),
    values: (Vec<f64>, Vec<f64>),
}

impl EvaluatedRows {
    /// Predictions beside the right classes, or the right values, standardised.
    fn add(
        &mut self,
        predicted: Predictions,
        labels: &[u16],
        scaled: &[f64],
        purpose: &Purpose,
    ) -> Result<()> {
        match (predicted, purpose) {
            (Predictions::Classes(predicted, _), Purpose::Classification { .. }) => {
                self.rows += predicted.len();
                self.classes.0.extend(labels);
                self.classes.1.extend(predicted);
            }
            (Predictions::Values(predicted), Purpose::Regression { scale, .. }) => {
                self.rows += predicted.len() / scale.len();

                self.values.0.extend(
                    scaled
                        .iter()
                        .enumerate()
                        .map(|(i, &y)| scale[i % scale.len()].undo(y)),
                );

                self.values.1.extend(predicted);
            }
            _ => anyhow::bail!("the table's target is not of the model's kind"),
        }

        Ok(())
    }
}
