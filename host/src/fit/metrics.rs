//! How good predictions are, in the units of the table.

use crate::report::Table;
use serde::{Deserialize, Serialize};

/// Of predictions on some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Metrics {
    /// Of classes.
    Classification {
        /// Right rows in percent.
        accuracy: f64,
        /// The mean over classes of the share that is found, in percent: a rare class counts as much as a frequent one.
        balanced: f64,
        /// The mean over classes of the harmonic mean of precision and recall, in percent.
        f1: f64,
        /// Rows by right class, then by answer.
        confusion: Vec<Vec<usize>>,
        /// The names of the classes.
        classes: Vec<String>,
    },
    /// Of numbers, one entry a target.
    Regression {
        /// The names of the targets.
        columns: Vec<String>,
        /// Root of the mean squared error.
        rmse: Vec<f64>,
        /// Mean absolute error.
        mae: Vec<f64>,
        /// Share of the variance that is explained; not a number for a constant target.
        r2: Vec<f64>,
    },
}

/// Right answers beside those given.
pub enum Answers<'a> {
    /// Classes.
    Classes {
        /// Their names.
        classes: &'a [String],
        /// The right ones.
        right: &'a [u16],
        /// Those given.
        given: &'a [u16],
    },
    /// rows x columns, row-major.
    Values {
        /// The names of the columns.
        columns: &'a [String],
        /// The right ones.
        right: &'a [f64],
        /// Those given.
        given: &'a [f64],
    },
}

/// Computes them.
#[must_use]
pub fn metrics(answers: &Answers) -> Metrics {
    match *answers {
        Answers::Classes { classes, right, given } => {
            let mut confusion = vec![vec![0; classes.len()]; classes.len()];
            right.iter().zip(given).for_each(|(&r, &g)| confusion[usize::from(r)][usize::from(g)] += 1);
            let hit = |c: usize| confusion[c][c] as f64;
            let there = |c: usize| confusion[c].iter().sum::<usize>() as f64;
            let said = |c: usize| confusion.iter().map(|row| row[c]).sum::<usize>() as f64;
            // Classes without a row have no recall.
            let present: Vec<usize> = (0..classes.len()).filter(|&c| there(c) > 0.0).collect();
            let mean = |f: &dyn Fn(usize) -> f64| {
                100.0 * present.iter().map(|&c| f(c)).sum::<f64>() / present.len().max(1) as f64
            };
            let (balanced, f1) = (mean(&|c| hit(c) / there(c)), mean(&|c| 2.0 * hit(c) / (there(c) + said(c))));
            let accuracy = 100.0 * (0..classes.len()).map(hit).sum::<f64>() / right.len().max(1) as f64;
            Metrics::Classification { accuracy, balanced, f1, confusion, classes: classes.to_vec() }
        }
        Answers::Values { columns, right, given } => {
            let width = columns.len();
            let pairs = |c: usize| right.iter().zip(given).skip(c).step_by(width);
            let n = (right.len() / width.max(1)).max(1) as f64;
            let per = |f: &dyn Fn(usize) -> f64| (0..width).map(f).collect::<Vec<f64>>();
            let squares = |c: usize| pairs(c).map(|(r, g)| (r - g).powi(2)).sum::<f64>();
            let spread = |c: usize| {
                let mean = pairs(c).map(|(r, _)| r).sum::<f64>() / n;
                pairs(c).map(|(r, _)| (r - mean).powi(2)).sum::<f64>()
            };
            Metrics::Regression {
                columns: columns.to_vec(),
                rmse: per(&|c| (squares(c) / n).sqrt()),
                mae: per(&|c| pairs(c).map(|(r, g)| (r - g).abs()).sum::<f64>() / n),
                r2: per(&|c| if spread(c) > 0.0 { 1.0 - squares(c) / spread(c) } else { f64::NAN }),
            }
        }
    }
}

impl Metrics {
    /// As tables for a report.
    #[must_use]
    pub fn tables(&self) -> Vec<Table> {
        match self {
            Metrics::Classification { accuracy, balanced, f1, confusion, classes } => {
                let mut scores = Table::new("scores in %", &["accuracy", "balanced accuracy", "F1 (macro)"]);
                scores.row([accuracy, balanced, f1].map(|v| format!("{v:.2}")));
                let head: Vec<&str> = std::iter::once("").chain(classes.iter().map(String::as_str)).collect();
                let mut matrix = Table::new("confusion (rows: the right class; columns: the answer)", &head);
                for (name, row) in classes.iter().zip(confusion) {
                    matrix.row(std::iter::once(name.clone()).chain(row.iter().map(ToString::to_string)));
                }
                vec![scores, matrix]
            }
            Metrics::Regression { columns, rmse, mae, r2 } => {
                let mut table = Table::new("errors, in the units of the target", &["target", "RMSE", "MAE", "R^2"]);
                for (i, name) in columns.iter().enumerate() {
                    table.row([
                        name.clone(),
                        format!("{:.4}", rmse[i]),
                        format!("{:.4}", mae[i]),
                        format!("{:.4}", r2[i]),
                    ]);
                }
                vec![table]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classification_scores_by_hand() {
        // By hand: recalls 4/5, 2/3, 1/2; precisions 4/5, 2/3, 1/2.
        let right = [0, 0, 0, 0, 1, 1, 1, 2, 2, 0];
        let given = [0, 0, 1, 0, 1, 1, 2, 2, 0, 0];
        let classes = ["a", "b", "c"].map(String::from);
        let Metrics::Classification { accuracy, balanced, f1, confusion, .. } =
            metrics(&Answers::Classes { classes: &classes, right: &right, given: &given })
        else {
            panic!("no classification")
        };
        assert!((accuracy - 70.0).abs() < 1e-12);
        assert!((balanced - 100.0 * (0.8 + 2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-12);
        assert!((f1 - 100.0 * (0.8 + 2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-12);
        assert_eq!(confusion, [vec![4, 1, 0], vec![0, 2, 1], vec![1, 0, 1]]);
    }

    #[test]
    fn regression_scores_by_hand() {
        let columns = ["u", "v"].map(String::from);
        let right = [1.0, 5.0, 2.0, 5.0, 3.0, 5.0];
        let given = [1.0, 6.0, 2.0, 4.0, 5.0, 5.0];
        let Metrics::Regression { rmse, mae, r2, .. } =
            metrics(&Answers::Values { columns: &columns, right: &right, given: &given })
        else {
            panic!("no regression")
        };
        assert!((rmse[0] - (4.0f64 / 3.0).sqrt()).abs() < 1e-15 && (mae[0] - 2.0 / 3.0).abs() < 1e-15);
        assert!((r2[0] - (1.0 - 4.0 / 2.0)).abs() < 1e-15 && r2[1].is_nan());
    }
}
