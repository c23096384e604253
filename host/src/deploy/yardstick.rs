//! What tables and integers cost: on rows with their right answers, or on drawn rows against the
//! model's own activations.

use crate::data::task::Examples;
use crate::model::LossAndAccuracy;
use crate::model::calibrated::loss_and_accuracy;
use ldnn_core::loss::arg_max;

/// Rows to test an export with.
pub enum Yardstick {
    /// Rows with their right answers.
    Labelled {
        /// The rows.
        rows: Examples,
        /// Which rows: a plural, as in "test rows".
        whose: String,
    },
    /// Drawn rows, and the outputs of the network with the model's own activations on them.
    Drawn {
        /// The rows; their targets mean nothing.
        rows: Examples,
        /// The outputs, row by row.
        exact: Vec<f32>,
        /// Whether the outputs are classes.
        classes: bool,
    },
}

impl Yardstick {
    /// The rows.
    pub const fn rows(&self) -> &Examples {
        match self {
            Yardstick::Labelled { rows, .. } | Yardstick::Drawn { rows, .. } => rows,
        }
    }

    /// What [`Self::words`] are about.
    pub fn head(&self) -> String {
        match self {
            Yardstick::Labelled { whose, .. } => format!("on the {whose}"),
            Yardstick::Drawn { classes: true, .. } => "same class as exact".into(),
            Yardstick::Drawn { classes: false, .. } => "RMS difference from exact, sd".into(),
        }
    }

    /// How good these outputs are.
    pub fn words(&self, outputs: &[f32]) -> String {
        match self {
            Yardstick::Labelled { rows, .. } => quality(&loss_and_accuracy(outputs, rows)),
            Yardstick::Drawn {
                rows,
                exact,
                classes: true,
            } => {
                let width = exact.len() / rows.rows().max(1);
                let pairs = outputs.chunks_exact(width).zip(exact.chunks_exact(width));
                let same = pairs.filter(|(a, b)| arg_max(a) == arg_max(b)).count();
                format!("{:.2} %", 100.0 * same as f64 / rows.rows() as f64)
            }
            Yardstick::Drawn { exact, .. } => {
                let squares = outputs
                    .iter()
                    .zip(exact)
                    .map(|(a, b)| f64::from(a - b).powi(2))
                    .sum::<f64>();
                format!("{:.2e}", (squares / exact.len().max(1) as f64).sqrt())
            }
        }
    }

    /// A sentence about an export with these outputs, where the model's own activations have those.
    pub fn sentence(&self, exact: &[f32], exported: &[f32]) -> String {
        let rows = self.rows().rows();

        match self {
            Yardstick::Labelled { whose, .. } => format!(
                "on {rows} {whose}: {} with the model's own activations, {} as exported",
                self.words(exact),
                self.words(exported)
            ),
            Yardstick::Drawn { classes: true, .. } => {
                format!(
                    "on {rows} drawn rows: the class of the model's own activations on {}",
                    self.words(exported)
                )
            }
            Yardstick::Drawn { .. } => format!(
                "on {rows} drawn rows: RMS difference from the model's own activations {} standard deviations",
                self.words(exported)
            ),
        }
    }
}

/// The accuracy as text, or the loss where there are no classes.
fn quality(measured: &LossAndAccuracy) -> String {
    match measured.accuracy {
        Some(accuracy) => format!("{accuracy:.2} %"),
        None => format!("loss {:.4e}", measured.loss),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::task::ExampleTargets;

    #[test]
    fn the_text_says_whether_it_is_an_accuracy_or_a_loss() {
        assert_eq!(
            quality(&LossAndAccuracy {
                loss: 1.0,
                accuracy: Some(66.125)
            }),
            "66.12 %"
        );

        assert_eq!(
            quality(&LossAndAccuracy {
                loss: 0.00125,
                accuracy: None
            }),
            "loss 1.2500e-3"
        );

        let rows = Examples::new(vec![0.0; 2], ExampleTargets::Classes(vec![1, 1]), 1);
        let labelled = Yardstick::Labelled {
            rows: rows.clone(),
            whose: "rows of a.csv".into(),
        };

        assert_eq!(
            labelled.sentence(&[0.0, 2.0, 1.0, -1.0], &[0.0, 2.0, -1.0, 1.0]),
            "on 2 rows of a.csv: 50.00 % with the model's own activations, 100.00 % as exported"
        );

        let drawn = Yardstick::Drawn {
            rows: rows.clone(),
            exact: vec![0.0, 1.0, 0.0, 1.0],
            classes: true,
        };

        assert_eq!(drawn.words(&[0.0, 2.0, 1.0, -1.0]), "50.00 %");

        let drawn = Yardstick::Drawn {
            rows,
            exact: vec![0.0, 1.0],
            classes: false,
        };

        assert_eq!(drawn.words(&[3.0, 5.0]), "3.54e0");
    }
}
