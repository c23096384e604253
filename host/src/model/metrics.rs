//! How good predictions are, in the units of the table.

use crate::report::{ReportTable, short};
use serde::{Deserialize, Serialize};

/// Loss, and accuracy in percent (none for regression), over a whole set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossAndAccuracy {
    /// The mean loss.
    pub loss: f64,
    /// Right rows in percent.
    pub accuracy: Option<f64>,
}

/// Of predictions on some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Metrics {
    /// Of classes.
    Classification {
        /// Right rows in percent.
        accuracy: f64,
        /// The mean over classes of the share that is found, in percent: a rare class counts as
        /// much as a frequent one.
        balanced: f64,
        /// The mean over classes of the harmonic mean of precision and recall, in percent.
        f1: f64,
        /// Each class by itself.
        each: Vec<ClassMetrics>,
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

/// The scores of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Rows of it.
    pub rows: usize,
    /// Of the answers that name it, the right ones in percent; not a number if none does.
    pub precision: f64,
    /// Of its rows, those that were found in percent; not a number if there are none.
    pub recall: f64,
    /// The harmonic mean of both, in percent; not a number if there are no rows.
    pub f1: f64,
}

/// Predictions beside the actual labels or values.
pub enum LabelledPredictions<'a> {
    /// Classes.
    Classes {
        /// Their names.
        classes: &'a [String],
        /// The actual ones.
        actual: &'a [u16],
        /// The predicted ones.
        predicted: &'a [u16],
    },
    /// rows x columns, row-major.
    Values {
        /// The names of the columns.
        columns: &'a [String],
        /// The actual ones.
        actual: &'a [f64],
        /// The predicted ones.
        predicted: &'a [f64],
    },
}

/// Of the rows by right class, then by answer.
#[must_use]
pub fn of_confusion(confusion: Vec<Vec<usize>>, classes: &[String]) -> Metrics {
    let share = |part: usize, whole: usize| {
        if whole > 0 {
            100.0 * part as f64 / whole as f64
        } else {
            f64::NAN
        }
    };

    let each = |c: usize| {
        let (hit, rows) = (confusion[c][c], confusion[c].iter().sum::<usize>());
        let answers: usize = confusion.iter().map(|row| row[c]).sum();

        let f1 = if rows > 0 {
            share(2 * hit, rows + answers)
        } else {
            f64::NAN
        };

        ClassMetrics {
            rows,
            precision: share(hit, answers),
            recall: share(hit, rows),
            f1,
        }
    };

    let each: Vec<ClassMetrics> = (0..classes.len()).map(each).collect();
    // Classes without a row have no recall; they count in no mean.
    let present: Vec<&ClassMetrics> = each.iter().filter(|c| c.rows > 0).collect();
    let mean = |f: fn(&ClassMetrics) -> f64| {
        present.iter().map(|c| f(c)).sum::<f64>() / present.len().max(1) as f64
    };
    let (balanced, f1) = (mean(|c| c.recall), mean(|c| c.f1));
    let hits: usize = (0..classes.len()).map(|c| confusion[c][c]).sum();
    let accuracy = share(hits, confusion.iter().flatten().sum::<usize>().max(1));

    Metrics::Classification {
        accuracy,
        balanced,
        f1,
        each,
        confusion,
        classes: classes.to_vec(),
    }
}

/// Computes them.
#[must_use]
pub fn metrics(answers: &LabelledPredictions) -> Metrics {
    match *answers {
        LabelledPredictions::Classes {
            classes,
            actual,
            predicted,
        } => {
            let mut confusion = vec![vec![0; classes.len()]; classes.len()];
            actual
                .iter()
                .zip(predicted)
                .for_each(|(&r, &g)| confusion[usize::from(r)][usize::from(g)] += 1);
            of_confusion(confusion, classes)
        }
        LabelledPredictions::Values {
            columns,
            actual,
            predicted,
        } => {
            let width = columns.len();
            let pairs = |c: usize| actual.iter().zip(predicted).skip(c).step_by(width);
            let n = (actual.len() / width.max(1)).max(1) as f64;
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
                r2: per(&|c| {
                    if spread(c) > 0.0 {
                        1.0 - squares(c) / spread(c)
                    } else {
                        f64::NAN
                    }
                }),
            }
        }
    }
}

fn percent(x: f64) -> String {
    if x.is_nan() {
        "-".into()
    } else {
        format!("{x:.2}")
    }
}

/// The least R^2 that counts as something found.
const SOMETHING: f64 = 0.01;

impl Metrics {
    /// The scores that one looks at first, with their names.
    #[must_use]
    pub fn scores(&self) -> Vec<(String, f64)> {
        match self {
            Metrics::Classification {
                accuracy,
                balanced,
                f1,
                ..
            } => {
                let all = [
                    ("accuracy / %", accuracy),
                    ("balanced accuracy / %", balanced),
                    ("F1 (macro) / %", f1),
                ];
                all.map(|(name, x)| (name.into(), *x)).into()
            }
            Metrics::Regression {
                columns,
                rmse,
                mae,
                r2,
            } => {
                let of = |(i, name): (usize, &String)| {
                    let own = if columns.len() > 1 {
                        format!(" of {name}")
                    } else {
                        String::new()
                    };
                    [("RMSE", rmse[i]), ("MAE", mae[i]), ("R^2", r2[i])]
                        .map(|(what, x)| (format!("{what}{own}"), x))
                };

                columns.iter().enumerate().flat_map(of).collect()
            }
        }
    }

    /// A sentence for each target that the inputs were found to tell nothing about: the model is no
    /// better than one that ignores them and answers the mean, or the most frequent class.
    #[must_use]
    pub fn nothing_found(&self) -> Vec<String> {
        match self {
            Metrics::Classification {
                accuracy,
                balanced,
                each,
                classes,
                ..
            } => {
                let rows: usize = each.iter().map(|c| c.rows).sum();
                let most = each.iter().zip(classes).max_by_key(|(c, _)| c.rows);
                let Some((class, name)) = most.filter(|_| rows > 0) else {
                    return vec![];
                };
                let share = 100.0 * class.rows as f64 / rows as f64;
                let present = each.iter().filter(|c| c.rows > 0).count();
                // A model that tells rare classes apart has found something, whatever it costs in
                // accuracy.
                let tells_apart = *balanced > 100.0 / present as f64 + 5.0;

                let sentence = || {
                    format!(
                        "Nothing was found: on the test rows the model is right in {accuracy:.1} %, \
                         and always answering '{name}' in {share:.1} %."
                    )
                };

                (*accuracy <= share && !tells_apart)
                    .then(sentence)
                    .into_iter()
                    .collect()
            }
            Metrics::Regression { columns, r2, .. } => {
                let useless = columns.iter().zip(r2).filter(|(_, r2)| **r2 < SOMETHING);

                let sentence = |(name, _): (&String, &f64)| {
                    format!(
                        "Nothing was found about '{name}': on the test rows the model's squared errors are \
                         not even 1 % smaller than those of always answering the mean."
                    )
                };
                useless.map(sentence).collect()
            }
        }
    }

    /// As tables for a report.
    #[must_use]
    pub fn tables(&self) -> Vec<ReportTable> {
        match self {
            Metrics::Classification {
                accuracy,
                balanced,
                f1,
                each,
                confusion,
                classes,
            } => {
                let mut scores = ReportTable::new(
                    "scores in %",
                    &["accuracy", "balanced accuracy", "F1 (macro)"],
                );

                scores.row([accuracy, balanced, f1].map(|v| format!("{v:.2}")));

                let head: Vec<&str> = std::iter::once("")
                    .chain(classes.iter().map(String::as_str))
                    .collect();
                let mut matrix = ReportTable::new(
                    "confusion (rows: the right class; columns: the answer)",
                    &head,
                );

                for (name, row) in classes.iter().zip(confusion) {
                    matrix.row(
                        std::iter::once(name.clone()).chain(row.iter().map(ToString::to_string)),
                    );
                }

                let mut single = ReportTable::new(
                    "each class, in %",
                    &["class", "rows", "precision", "recall", "F1"],
                );

                for (name, c) in classes.iter().zip(each) {
                    let shares = [c.precision, c.recall, c.f1].map(percent);
                    single.row([name.clone(), c.rows.to_string()].into_iter().chain(shares));
                }

                vec![scores, single, matrix]
            }
            Metrics::Regression {
                columns,
                rmse,
                mae,
                r2,
            } => {
                let mut table = ReportTable::new(
                    "errors, in the units of the target",
                    &["target", "RMSE", "MAE", "R^2"],
                );

                for (i, name) in columns.iter().enumerate() {
                    table.row([
                        name.clone(),
                        short(rmse[i]),
                        short(mae[i]),
                        if r2[i].is_nan() {
                            "-".into()
                        } else {
                            format!("{:.4}", r2[i])
                        },
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
    use approx::assert_abs_diff_eq;

    #[test]
    fn classification_scores_by_hand() {
        // By hand: recalls 4/5, 2/3, 1/2; precisions 4/5, 2/3, 1/2.
        let actual = [0, 0, 0, 0, 1, 1, 1, 2, 2, 0];
        let predicted = [0, 0, 1, 0, 1, 1, 2, 2, 0, 0];
        let classes = ["a", "b", "c"].map(String::from);

        let Metrics::Classification {
            accuracy,
            balanced,
            f1,
            confusion,
            ..
        } = metrics(&LabelledPredictions::Classes {
            classes: &classes,
            actual: &actual,
            predicted: &predicted,
        })
        else {
            panic!("no classification")
        };

        assert_abs_diff_eq!(accuracy, 70.0, epsilon = 1e-12);

        assert_abs_diff_eq!(
            balanced,
            100.0 * (0.8 + 2.0 / 3.0 + 0.5) / 3.0,
            epsilon = 1e-12
        );

        assert_abs_diff_eq!(f1, 100.0 * (0.8 + 2.0 / 3.0 + 0.5) / 3.0, epsilon = 1e-12);
        assert_eq!(confusion, [vec![4, 1, 0], vec![0, 2, 1], vec![1, 0, 1]]);
    }

    #[test]
    fn each_class_has_its_own_scores_and_one_without_rows_counts_in_no_mean() {
        // a: 3 rows, 2 found, 4 answers; b: 2 rows, none found, 1 answer; c: no rows, no answers.
        let (actual, predicted) = ([0, 0, 0, 1, 1], [0, 0, 1, 0, 0]);
        let classes = ["a", "b", "c"].map(String::from);

        let Metrics::Classification {
            each,
            accuracy,
            balanced,
            f1,
            ..
        } = metrics(&LabelledPredictions::Classes {
            classes: &classes,
            actual: &actual,
            predicted: &predicted,
        })
        else {
            panic!("no classification")
        };

        let [a, b, c] = &each[..] else {
            panic!("three classes")
        };
        assert_abs_diff_eq!(a.precision, 50.0, epsilon = 1e-12);
        assert_abs_diff_eq!(a.recall, 200.0 / 3.0, epsilon = 1e-12);
        assert_abs_diff_eq!(a.f1, 400.0 / 7.0, epsilon = 1e-12);

        assert!(
            b.precision == 0.0 && b.recall == 0.0 && b.f1 == 0.0 && b.rows == 2,
            "{b:?}"
        );
        assert!(
            c.rows == 0 && c.precision.is_nan() && c.recall.is_nan() && c.f1.is_nan(),
            "{c:?}"
        );

        assert_abs_diff_eq!(accuracy, 40.0, epsilon = 1e-12);
        assert_abs_diff_eq!(balanced, 100.0 / 3.0, epsilon = 1e-12);
        assert_abs_diff_eq!(f1, 200.0 / 7.0, epsilon = 1e-12);
    }

    #[test]
    fn regression_scores_by_hand() {
        let columns = ["u", "v"].map(String::from);
        let actual = [1.0, 5.0, 2.0, 5.0, 3.0, 5.0];
        let predicted = [1.0, 6.0, 2.0, 4.0, 5.0, 5.0];

        let Metrics::Regression { rmse, mae, r2, .. } = metrics(&LabelledPredictions::Values {
            columns: &columns,
            actual: &actual,
            predicted: &predicted,
        }) else {
            panic!("no regression")
        };

        assert_abs_diff_eq!(rmse[0], (4.0f64 / 3.0).sqrt(), epsilon = 1e-15);
        assert_abs_diff_eq!(mae[0], 2.0 / 3.0, epsilon = 1e-15);
        assert_abs_diff_eq!(r2[0], 1.0 - 4.0 / 2.0, epsilon = 1e-15);

        assert!(r2[1].is_nan());
    }
}
