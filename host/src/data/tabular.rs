//! From a table to what a network learns from: which column is the target, what kind of target, which rows are for testing,
//! and the standardisation that goes with the model.

use super::table::{Column, Table, Unit, listed};
use super::{Dataset, Target};
use anyhow::{Context, Result, bail, ensure};
use ldnn_core::rng::{Draws, Stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is to be predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", deny_unknown_fields)]
pub enum Purpose {
    /// One of some classes.
    Classification {
        /// The target column.
        column: String,
        /// The names of the classes, in order: numbers by size, text by alphabet.
        classes: Vec<String>,
    },
    /// Numbers, standardised like the inputs.
    Regression {
        /// The target columns.
        columns: Vec<String>,
        /// Of each column.
        scale: Vec<Standard>,
    },
}

/// How a column is standardised: `(x - mean) / sd`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standard {
    /// Mean over the training rows.
    pub mean: f64,
    /// Standard deviation over the training rows; 1 for a constant column.
    pub sd: f64,
}

impl Standard {
    /// Of some values.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Standard {
        let n = values.clone().count().max(1) as f64;
        let mean = values.clone().sum::<f64>() / n;
        let sd = (values.map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        Standard { mean, sd: if sd > 1e-12 * mean.abs().max(1e-300) { sd } else { 1.0 } }
    }

    /// Standardised.
    #[must_use]
    pub fn apply(&self, x: f64) -> f64 {
        (x - self.mean) / self.sd
    }

    /// And back.
    #[must_use]
    pub fn undo(&self, y: f64) -> f64 {
        y * self.sd + self.mean
    }
}

/// Inputs and targets of a table, before they are split and standardised.
#[derive(Clone, Debug, PartialEq)]
pub struct Tabular {
    /// The names of the inputs.
    pub features: Vec<String>,
    /// rows x features, row-major
    pub x: Vec<f64>,
    /// The targets.
    pub target: RawTarget,
    /// Where every row stands in the file.
    pub lines: Vec<u64>,
    /// What that is counted in.
    pub unit: Unit,
}

/// Targets as they stand in the table.
#[derive(Clone, Debug, PartialEq)]
pub enum RawTarget {
    /// Class names, one a row.
    Classes(String, Vec<String>),
    /// Columns of numbers.
    Values(Vec<(String, Vec<f64>)>),
}

/// Whether a column of numbers is classes: whole numbers, few of them, each more than once on average.
fn are_classes(values: &[f64]) -> bool {
    let mut distinct: Vec<i64> = vec![];
    for &x in values {
        if x.fract() != 0.0 || x.abs() > 1e9 {
            return false;
        }
        if let Err(at) = distinct.binary_search(&(x as i64)) {
            distinct.insert(at, x as i64);
        }
        if distinct.len() > 100 {
            return false;
        }
    }
    distinct.len() >= 2 && values.len() >= 2 * distinct.len()
}

impl Tabular {
    /// With `targets` as what is to be predicted; `classify` if the user says which kind it is.
    ///
    /// # Errors
    /// If a target is not there, or targets and kind do not fit.
    pub fn new(mut table: Table, targets: &[String], classify: Option<bool>) -> Result<Tabular> {
        ensure!(!targets.is_empty(), "which column is to be predicted? give it with --target NAME");
        let columns = targets.iter().map(|name| Ok((name.clone(), table.take(name).context("--target")?)));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let target = match (&columns[..], classify) {
            ([(name, Column::Text(text))], None | Some(true)) => match numbers(text) {
                Some(values) if classify.is_none() && !are_classes(&values) => {
                    RawTarget::Values(vec![(name.clone(), values)])
                }
                _ => RawTarget::Classes(name.clone(), text.clone()),
            },
            ([(name, Column::Numbers(values))], None | Some(true)) if classify.is_some() || are_classes(values) => {
                RawTarget::Classes(name.clone(), Column::Numbers(values.clone()).into_text())
            }
            ([_, _, ..], Some(true)) => bail!("several targets are numbers; for classes give one --target"),
            (columns, _) => {
                let values = columns.iter().map(|(name, column)| {
                    let values = match column {
                        Column::Numbers(values) => Some(values.clone()),
                        Column::Text(text) => numbers(text),
                    };
                    let values =
                        values.with_context(|| format!("--target {name}: it holds text, which has no regression"));
                    Ok((name.clone(), values?))
                });
                RawTarget::Values(values.collect::<Result<_>>()?)
            }
        };
        ensure!(!table.names.is_empty(), "no column is left for the inputs");
        let mut x = Vec::with_capacity(table.rows() * table.columns.len());
        for row in 0..table.rows() {
            for (column, name) in table.columns.iter().zip(&table.names) {
                let Column::Numbers(values) = column else {
                    bail!("column '{name}' holds text; leave it out with --ignore {name}")
                };
                x.push(values[row]);
            }
        }
        Ok(Tabular { features: table.names, x, target, lines: table.lines, unit: table.unit })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The names of the classes in order, if there are classes; each with its number of rows.
    #[must_use]
    pub fn classes(&self) -> Option<Vec<(String, usize)>> {
        let RawTarget::Classes(_, names) = &self.target else { return None };
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        names.iter().for_each(|name| *count.entry(name).or_default() += 1);
        let mut all: Vec<(String, usize)> = count.into_iter().map(|(name, n)| (name.to_string(), n)).collect();
        let number = |name: &str| name.parse::<f64>().ok();
        if all.iter().all(|(name, _)| number(name).is_some()) {
            all.sort_by(|a, b| number(&a.0).partial_cmp(&number(&b.0)).unwrap_or(std::cmp::Ordering::Equal));
        }
        Some(all)
    }

    /// Rows for training and for testing: of every class the same share, drawn by `seed`; with `groups` (one a row) no group
    /// is in both.
    ///
    /// # Errors
    /// If a part would be empty, or a class too small.
    pub fn split(&self, share: f64, groups: Option<&[String]>, seed: u64) -> Result<(Vec<u32>, Vec<u32>)> {
        ensure!(share > 0.0 && share < 1.0, "--test-share {share}: use more than 0 and less than 1");
        let mut piles: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        match (groups, &self.target) {
            (Some(groups), _) => {
                let mut names: Vec<&String> = groups.iter().collect();
                names.sort();
                names.dedup();
                ensure!(names.len() >= 2, "--group: there is one group only; a test part needs another");
                let mut order = vec![0; names.len()];
                Draws::new(seed, Stream::User, 2, 0).permutation(&mut order);
                let count = ((names.len() as f64 * share).round() as usize).clamp(1, names.len() - 1);
                let held: Vec<&String> = order[..count].iter().map(|&i| names[i as usize]).collect();
                let (test, train) = (0..groups.len() as u32).partition(|&i| held.contains(&&groups[i as usize]));
                return Ok((train, test));
            }
            (None, RawTarget::Classes(_, names)) => {
                for (i, name) in names.iter().enumerate() {
                    piles.entry(name.clone()).or_default().push(i as u32);
                }
            }
            (None, RawTarget::Values(_)) => {
                piles.insert(String::new(), (0..self.rows() as u32).collect());
            }
        }
        let (mut train, mut test) = (vec![], vec![]);
        for (pile, (name, rows)) in piles.iter().enumerate() {
            ensure!(
                rows.len() >= 2,
                "class '{name}' has one row only ({} {}); it cannot be both learned and tested: add rows or remove it",
                self.unit,
                self.lines[rows[0] as usize]
            );
            let mut order = vec![0; rows.len()];
            Draws::new(seed, Stream::User, 3, pile as u64).permutation(&mut order);
            let count = ((rows.len() as f64 * share).round() as usize).clamp(1, rows.len() - 1);
            test.extend(order[..count].iter().map(|&i| rows[i as usize]));
            train.extend(order[count..].iter().map(|&i| rows[i as usize]));
        }
        train.sort_unstable();
        test.sort_unstable();
        Ok((train, test))
    }

    /// The purpose, and the standardisation of every input over the rows `train`.
    #[must_use]
    pub fn learn(&self, train: &[u32]) -> (Purpose, Vec<Standard>) {
        let width = self.features.len();
        let column = |j: usize| train.iter().map(move |&i| self.x[i as usize * width + j]);
        let inputs = (0..width).map(|j| Standard::of(column(j))).collect();
        let purpose = match &self.target {
            RawTarget::Classes(name, _) => Purpose::Classification {
                column: name.clone(),
                classes: self.classes().unwrap_or_default().into_iter().map(|(name, _)| name).collect(),
            },
            RawTarget::Values(columns) => Purpose::Regression {
                columns: columns.iter().map(|(name, _)| name.clone()).collect(),
                scale: columns.iter().map(|(_, y)| Standard::of(train.iter().map(|&i| y[i as usize]))).collect(),
            },
        };
        (purpose, inputs)
    }

    /// Standardised inputs and targets of some rows.
    ///
    /// # Errors
    /// If a class is not among those of the purpose; the message names the line.
    pub fn rows_of(&self, rows: &[u32], purpose: &Purpose, inputs: &[Standard]) -> Result<(Vec<f64>, Target)> {
        let width = self.features.len();
        let row = |&i: &u32| self.x[i as usize * width..][..width].iter().zip(inputs).map(|(&x, s)| s.apply(x));
        let x = rows.iter().flat_map(row).collect();
        let target = match (&self.target, purpose) {
            (RawTarget::Classes(_, names), Purpose::Classification { classes, .. }) => {
                let label = |&i: &u32| {
                    let name = &names[i as usize];
                    let found = classes.iter().position(|c| c == name);
                    let line = self.lines[i as usize];
                    found.map(|c| c as u16).with_context(|| {
                        format!(
                            "{} {line}: the class '{name}' is not one of {}; remove such rows, or train with them",
                            self.unit,
                            listed(classes)
                        )
                    })
                };
                Target::Classes { labels: rows.iter().map(label).collect::<Result<_>>()?, classes: classes.len() }
            }
            (RawTarget::Values(columns), Purpose::Regression { scale, .. }) => {
                let row = |&i: &u32| columns.iter().zip(scale).map(move |((_, y), s)| s.apply(y[i as usize]));
                Target::Values { values: rows.iter().flat_map(row).collect(), width: columns.len() }
            }
            (RawTarget::Classes(..), _) => bail!("the target is classes, but the model predicts numbers"),
            (RawTarget::Values(_), _) => bail!("the target is numbers, but the model predicts classes"),
        };
        Ok((x, target))
    }

    /// A data set of training and test rows, standardised.
    ///
    /// # Errors
    /// As [`Self::rows_of`]; if there are too few classes or too many.
    pub fn dataset(
        &self,
        name: &str,
        train: &[u32],
        test: (&Tabular, &[u32]),
    ) -> Result<(Dataset, Purpose, Vec<Standard>)> {
        let (purpose, inputs) = self.learn(train);
        if let Purpose::Classification { classes, column } = &purpose {
            ensure!(classes.len() >= 2, "every row has the same '{column}'; there is nothing to learn");
            ensure!(
                classes.len() <= 1000,
                "'{column}' has {} classes; if it is a number, add --regression",
                classes.len()
            );
        }
        if let (RawTarget::Values(columns), Some(&first)) = (&self.target, train.first()) {
            for (name, y) in columns {
                let first = y[first as usize];
                let varies = train.iter().any(|&i| y[i as usize] != first);
                ensure!(varies, "'{name}' is {first} in every row to learn from; there is nothing to learn");
            }
        }
        let (x, target) = self.rows_of(train, &purpose, &inputs)?;
        let (x_test, target_test) = test.0.rows_of(test.1, &purpose, &inputs).context("the test rows")?;
        let features = self.features.len();
        Ok((Dataset { name: name.into(), x, x_test, features, target, target_test }, purpose, inputs))
    }
}

/// A sentence about inputs that are the same in all of these rows, if there are any.
#[must_use]
pub fn constant_inputs(features: &[String], x: &[f64]) -> Option<String> {
    let first = x.get(..features.len())?;
    let same = |j: usize| x.iter().skip(j).step_by(features.len()).all(|&v| v == first[j]);
    let constant: Vec<String> = (0..features.len()).filter(|&j| same(j)).map(|j| features[j].clone()).collect();
    (!constant.is_empty()).then(|| {
        format!(
            "{} of the {} inputs are constant over the rows to learn from ({}): they tell nothing, and are kept with a \
             standard deviation of 1; leave them out with --ignore if they may vary later.",
            constant.len(),
            features.len(),
            listed(&constant)
        )
    })
}

fn numbers(text: &[String]) -> Option<Vec<f64>> {
    text.iter().map(|t| t.parse().ok().filter(|x: &f64| x.is_finite())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::table::Reading;
    use super::*;
    use approx::assert_abs_diff_eq;

    fn tabular(text: &str, target: &str) -> Result<Tabular> {
        let how = Reading { text: vec![target], ..Reading::default() };
        Tabular::new(Table::parse(text.as_bytes(), &how)?, &[target.into()], None)
    }

    fn many(rows: usize, target: impl Fn(usize) -> String) -> String {
        let row = |i: usize| format!("{},{},{}\n", i as f64 * 0.5, i % 7, target(i));
        "a,b,y\n".to_string() + &(0..rows).map(row).collect::<String>()
    }

    #[test]
    fn the_kind_of_target_is_found_out() {
        let classes = |target: &dyn Fn(usize) -> String| tabular(&many(60, target), "y").unwrap().classes();
        let three = classes(&|i| ["walk", "sit", "run"][i % 3].into()).unwrap();
        assert_eq!(three, [("run".into(), 20), ("sit".into(), 20), ("walk".into(), 20)]);
        let numbers: Vec<String> =
            classes(&|i| [10, 9, 2][i % 3].to_string()).unwrap().into_iter().map(|c| c.0).collect();
        assert_eq!(numbers, ["2", "9", "10"]);
        assert!(classes(&|i| format!("{}", i as f64 * 0.1)).is_none(), "fractions are no classes");
        assert!(classes(&|i| i.to_string()).is_none(), "sixty numbers in sixty rows are no classes");
    }

    #[test]
    fn parts_have_the_classes_in_the_same_shares_and_no_group_is_in_both() {
        let data = tabular(&many(100, |i| if i % 10 == 0 { "rare".into() } else { "often".into() }), "y").unwrap();
        let (train, test) = data.split(0.2, None, 3).unwrap();
        let mut all = [train.clone(), test.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<u32>>());
        assert_eq!(test.iter().filter(|&&i| i % 10 == 0).count(), 2);
        assert_eq!(test.len(), 20);
        assert_eq!(data.split(0.2, None, 3).unwrap(), (train, test.clone()));
        assert_ne!(data.split(0.2, None, 4).unwrap().1, test);
        let groups: Vec<String> = (0..100).map(|i| format!("person {}", i % 5)).collect();
        let (train, test) = data.split(0.4, Some(&groups), 3).unwrap();
        assert_eq!(test.len(), 40);
        assert!(test.iter().all(|&t| !train.iter().any(|&r| groups[r as usize] == groups[t as usize])));
    }

    #[test]
    fn standardisation_comes_from_the_training_rows_alone() {
        let data = tabular("a,b,y\n1,5,0.1\n3,5,0.7\n100,9,0.3\n", "y").unwrap();
        let (set, purpose, inputs) = data.dataset("t", &[0, 1], (&data, &[2])).unwrap();
        assert_eq!(inputs, [Standard { mean: 2.0, sd: 1.0 }, Standard { mean: 5.0, sd: 1.0 }]);
        assert_eq!((set.x, set.x_test), (vec![-1.0, 0.0, 1.0, 0.0], vec![98.0, 4.0]));
        let Purpose::Regression { scale, .. } = purpose else { panic!("no regression") };
        let Target::Values { values, .. } = set.target_test else { panic!("no values") };
        assert_abs_diff_eq!(scale[0].undo(values[0]), 0.3, epsilon = 1e-15);
    }

    #[test]
    fn impossible_data_is_refused_with_the_place() {
        let error = |r: Result<(Vec<u32>, Vec<u32>)>| format!("{:#}", r.unwrap_err());
        let once = tabular(&many(20, |i| if i == 7 { "odd".into() } else { "even".into() }), "y").unwrap();
        assert!(error(once.split(0.2, None, 1)).contains("class 'odd' has one row only (line 9)"));
        assert!(error(once.split(1.0, None, 1)).contains("less than 1"));
        let groups = vec!["one".to_string(); 20];
        assert!(error(once.split(0.2, Some(&groups), 1)).contains("one group only"));
        let same = tabular(&many(20, |_| "a".into()), "y").unwrap();
        let rows: Vec<u32> = (0..20).collect();
        assert!(format!("{:#}", same.dataset("t", &rows, (&same, &rows)).unwrap_err()).contains("nothing to learn"));
        let other = tabular(&many(20, |i| ["a", "b", "c"][i % 3].into()), "y").unwrap();
        let train: Vec<u32> = (0..20).filter(|i| i % 3 != 2).collect();
        let two = tabular(&many(20, |i| ["a", "b"][i % 2].into()), "y").unwrap();
        let refused = format!("{:#}", two.dataset("t", &train, (&other, &rows)).unwrap_err());
        assert!(refused.contains("line 4: the class 'c' is not one of a, b"), "{refused}");
    }
}
