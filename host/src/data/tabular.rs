//! From a table to what a network learns from: inputs and target, which rows are for testing, and the
//! standardisation that goes with the model.

use super::extremes::Extremes;
use super::remarks::EXACT;
use super::table::{Column, Table, Unit, listed};
use super::target::{Purpose, RawTarget, numbers, value_of};
use super::{Dataset, Standard, Targets};
use crate::support::draws::{DrawnFor, draws};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;

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
    /// A sentence about a target that may be of the other kind, if nobody has said which it is.
    pub doubt: Option<String>,
}

impl Tabular {
    /// With `targets` as what is to be predicted; `classify` if the user says which kind it is.
    ///
    /// # Errors
    /// If a target is not there, or targets and kind do not fit.
    pub fn new(mut table: Table, targets: &[String], classify: Option<bool>) -> Result<Tabular> {
        ensure!(
            !targets.is_empty(),
            "which column is to be predicted? give it with `target` NAME"
        );

        let twice = targets
            .iter()
            .enumerate()
            .find(|(i, name)| targets[..*i].contains(name));

        ensure!(
            twice.is_none(),
            "the target '{}' is named twice",
            twice.map_or("", |(_, name)| name)
        );

        let columns = targets
            .iter()
            .map(|name| Ok((name.clone(), table.take(name).context("`target`")?)));
        let columns = columns.collect::<Result<Vec<_>>>()?;

        let target = RawTarget::of(&columns, classify)?;

        ensure!(!table.names.is_empty(), "no column is left for the inputs");

        let mut x = Vec::with_capacity(table.rows() * table.columns.len());

        for row in 0..table.rows() {
            for (column, name) in table.columns.iter().zip(&table.names) {
                let Column::Numbers(values) = column else {
                    bail!("column '{name}' holds text; leave it out with `ignore` {name}")
                };
                x.push(values[row]);
            }
        }

        Ok(Tabular {
            features: table.names,
            x,
            doubt: target.doubt().filter(|_| classify.is_none()),
            target,
            lines: table.lines,
            unit: table.unit,
        })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The names of the classes in order, if there are classes; each with its number of rows.
    #[must_use]
    pub fn classes(&self) -> Option<Vec<(String, usize)>> {
        let RawTarget::Classes(classes) = &self.target else {
            return None;
        };

        Some(
            classes
                .names
                .iter()
                .cloned()
                .zip(classes.counts())
                .collect(),
        )
    }

    /// Rows for training and for testing: of every class the same share, drawn by `seed`; with
    /// `groups` (one per row) no group is in both.
    ///
    /// # Errors
    /// If a part would be empty, or a class too small.
    pub fn split(
        &self,
        share: f64,
        groups: Option<&[String]>,
        seed: u64,
    ) -> Result<(Vec<u32>, Vec<u32>)> {
        ensure!(
            share > 0.0 && share < 1.0,
            "`test_share` {share}: use more than 0 and less than 1"
        );

        ensure!(
            self.rows() >= 2,
            "the table has {} row; a part to learn from and one to test on need more",
            self.rows()
        );

        let mut strata: BTreeMap<&str, Vec<u32>> = BTreeMap::new();

        match (groups, &self.target) {
            (Some(groups), _) => {
                let mut names: Vec<&String> = groups.iter().collect();
                names.sort();
                names.dedup();

                ensure!(
                    names.len() >= 2,
                    "`group`: there is one group only; a test part needs another"
                );

                let mut order = vec![0; names.len()];
                draws(DrawnFor::TestGroups, seed, 0).permutation(&mut order);

                let count =
                    ((names.len() as f64 * share).round() as usize).clamp(1, names.len() - 1);
                let held: Vec<&String> =
                    order[..count].iter().map(|&i| names[i as usize]).collect();
                let (test, train) =
                    (0..groups.len() as u32).partition(|&i| held.contains(&&groups[i as usize]));

                return Ok((train, test));
            }
            (None, RawTarget::Classes(classes)) => {
                for i in 0..self.rows() {
                    strata.entry(classes.of_row(i)).or_default().push(i as u32);
                }
            }
            (None, RawTarget::Values(_)) => {
                strata.insert("", (0..self.rows() as u32).collect());
            }
        }

        let (mut train, mut test) = (vec![], vec![]);

        for (stratum, (name, rows)) in strata.iter().enumerate() {
            ensure!(
                rows.len() >= 2,
                "class '{name}' has one row only ({} {}); it cannot be both learned and tested: add rows or remove it{}{}",
                self.unit,
                self.lines[rows[0] as usize],
                self.or_regression(),
                self.or_header(rows[0])
            );

            let mut order = vec![0; rows.len()];
            draws(DrawnFor::TestRows, seed, stratum as u64).permutation(&mut order);

            let count = ((rows.len() as f64 * share).round() as usize).clamp(1, rows.len() - 1);
            test.extend(order[..count].iter().map(|&i| rows[i as usize]));
            train.extend(order[count..].iter().map(|&i| rows[i as usize]));
        }

        train.sort_unstable();
        test.sort_unstable();
        Ok((train, test))
    }

    /// What else can be done where classes are too many or too rare, if they are numbers.
    fn or_regression(&self) -> String {
        match &self.target {
            RawTarget::Classes(classes) if numbers(&classes.names).is_some() => {
                format!(
                    "; if '{}' is a number, not classes, say `regression`",
                    classes.column
                )
            }
            _ => String::new(),
        }
    }

    /// What else can be done about a class that only the first line has.
    fn or_header(&self, row: u32) -> &'static str {
        match (self.unit, self.lines[row as usize]) {
            (Unit::Line, 1) => "; if the first line holds the names of the columns, add `header`",
            _ => "",
        }
    }

    /// The purpose, and the standardisation of every input over the rows `train`.
    #[must_use]
    pub fn learn(&self, train: &[u32]) -> (Purpose, Vec<Standard>) {
        let width = self.features.len();
        let column = |j: usize| train.iter().map(move |&i| self.x[i as usize * width + j]);
        let inputs = (0..width).map(|j| Standard::of(column(j))).collect();

        let purpose = match &self.target {
            RawTarget::Classes(classes) => Purpose::Classification {
                column: classes.column.clone(),
                classes: classes.names.clone(),
            },
            RawTarget::Values(columns) => Purpose::Regression {
                columns: columns.iter().map(|(name, _)| name.clone()).collect(),
                scale: columns
                    .iter()
                    .map(|(_, y)| Standard::of_target(train.iter().map(|&i| y[i as usize])))
                    .collect(),
            },
        };

        (purpose, inputs)
    }

    /// Standardised inputs and targets of some rows.
    ///
    /// # Errors
    /// If a class is not among those of the purpose; the message names the line.
    pub fn rows_of(
        &self,
        rows: &[u32],
        purpose: &Purpose,
        inputs: &[Standard],
    ) -> Result<(Vec<f64>, Targets)> {
        let width = self.features.len();

        let row = |&i: &u32| {
            self.x[i as usize * width..][..width]
                .iter()
                .zip(inputs)
                .map(|(&x, s)| f64::from(s.input(x)))
        };

        let x = rows.iter().flat_map(row).collect();

        let target = match (&self.target, purpose) {
            (RawTarget::Classes(own), Purpose::Classification { classes, .. }) => {
                // The class of the purpose that each class of this table is.
                let place = |name: &String| {
                    let is_it = |class: &String| value_of(class) == value_of(name);
                    let exact = classes.iter().position(|class| class == name);
                    exact.or_else(|| classes.iter().position(is_it))
                };
                let places: Vec<Option<usize>> = own.names.iter().map(place).collect();

                let label = |&i: &u32| {
                    let (line, class) = (self.lines[i as usize], own.labels[i as usize]);

                    places[class as usize].map(|c| c as u16).with_context(|| {
                        format!(
                            "{} {line}: the class '{}' is not one of {}; remove such rows, or train with them",
                            self.unit,
                            own.of_row(i as usize),
                            listed(classes)
                        )
                    })
                };

                Targets::Classes {
                    labels: rows.iter().map(label).collect::<Result<_>>()?,
                    classes: classes.len(),
                }
            }
            (RawTarget::Values(columns), Purpose::Regression { scale, .. }) => {
                let row = |&i: &u32| {
                    columns
                        .iter()
                        .zip(scale)
                        .map(move |((_, y), s)| s.apply(y[i as usize]))
                };

                Targets::Values {
                    values: rows.iter().flat_map(row).collect(),
                    width: columns.len(),
                }
            }
            (RawTarget::Classes(..), _) => {
                bail!("the target is classes, but the model predicts numbers")
            }
            (RawTarget::Values(_), _) => {
                bail!("the target is numbers, but the model predicts classes")
            }
        };

        Ok((x, target))
    }

    /// Whether single precision holds the inputs and targets of these rows.
    fn check_sizes(&self, rows: &[u32], purpose: &Purpose, inputs: &[Standard]) -> Result<()> {
        let width = self.features.len();

        for (j, (name, scale)) in self.features.iter().zip(inputs).enumerate() {
            let largest = rows
                .iter()
                .fold(0.0f64, |a, &i| a.max(self.x[i as usize * width + j].abs()));

            scale.check(
                name,
                largest,
                &format!(", or leave it out with `ignore` {name}"),
            )?;
        }

        if let (RawTarget::Values(columns), Purpose::Regression { scale, .. }) =
            (&self.target, purpose)
        {
            for ((name, y), scale) in columns.iter().zip(scale) {
                let largest = rows.iter().fold(0.0f64, |a, &i| a.max(y[i as usize].abs()));
                scale.check(name, largest, "")?;
            }
        }

        Ok(())
    }

    /// The columns with extreme values among these rows, inputs and then targets.
    #[must_use]
    pub fn extremes(&self, rows: &[u32], purpose: &Purpose, inputs: &[Standard]) -> Vec<Extremes> {
        let width = self.features.len();
        let of_input = |j: usize| {
            let values = rows.iter().map(|&i| self.x[i as usize * width + j]);
            Extremes::of(&self.features[j], values, &inputs[j])
        };
        let mut found: Vec<Extremes> = (0..width).filter_map(of_input).collect();

        if let (RawTarget::Values(columns), Purpose::Regression { scale, .. }) =
            (&self.target, purpose)
        {
            for ((name, y), scale) in columns.iter().zip(scale) {
                found.extend(Extremes::of(
                    name,
                    rows.iter().map(|&i| y[i as usize]),
                    scale,
                ));
            }
        }

        found
    }

    /// The inputs with values among these rows, for testing, that are extreme on the scale of the
    /// training rows.
    #[must_use]
    pub fn test_extremes(&self, rows: &[u32], inputs: &[Standard]) -> Vec<Extremes> {
        let width = self.features.len();
        let of_input = |(j, scale): (usize, &Standard)| {
            let values = rows.iter().map(|&i| self.x[i as usize * width + j]);
            Extremes::beside(&self.features[j], values, scale)
        };

        inputs.iter().enumerate().filter_map(of_input).collect()
    }

    /// Whether some input varies over these rows.
    fn check_vary(&self, rows: &[u32]) -> Result<()> {
        let width = self.features.len();
        let row = |i: u32| &self.x[i as usize * width..][..width];
        let Some(first) = rows.first().map(|&i| row(i)) else {
            return Ok(());
        };

        let coarse = match first.iter().any(|x| x.abs() >= EXACT) {
            true => format!(
                ", as far as double precision tells: it does not tell whole numbers beyond {EXACT} apart; subtract a \
                 constant from such a column"
            ),
            false => "; there is nothing to learn from".into(),
        };

        ensure!(
            rows.iter().any(|&i| row(i) != first),
            "every input is the same in all rows to learn from ({}){coarse}",
            listed(&self.features)
        );

        Ok(())
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
            ensure!(
                classes.len() >= 2,
                "every row has the same '{column}'; there is nothing to learn"
            );

            ensure!(
                classes.len() <= 1000,
                "'{column}' has {} classes, and there can be 1000{}",
                classes.len(),
                self.or_regression()
            );
        }

        if let (RawTarget::Values(columns), Some(&first)) = (&self.target, train.first()) {
            for (name, y) in columns {
                let first = y[first as usize];
                let varies = train.iter().any(|&i| y[i as usize] != first);

                ensure!(
                    varies || first.abs() < EXACT,
                    "'{name}' is {first} in every row to learn from, as far as double precision tells: it does not tell whole \
                     numbers beyond {EXACT} apart; subtract a constant from the column"
                );

                ensure!(
                    varies,
                    "'{name}' is {first} in every row to learn from; there is nothing to learn"
                );
            }
        }

        self.check_vary(train)?;
        self.check_sizes(train, &purpose, &inputs)?;
        test.0
            .check_sizes(test.1, &purpose, &inputs)
            .context("the test rows")?;

        let (x, target) = self.rows_of(train, &purpose, &inputs)?;
        let (x_test, target_test) = test
            .0
            .rows_of(test.1, &purpose, &inputs)
            .context("the test rows")?;
        let features = self.features.len();

        Ok((
            Dataset {
                name: name.into(),
                x,
                x_test,
                features,
                target,
                target_test,
            },
            purpose,
            inputs,
        ))
    }
}

#[cfg(test)]
mod tests;
