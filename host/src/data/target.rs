//! What is to be predicted, classes or numbers, and how a column of a table tells which.

use super::Standard;
use super::table::{Column, listed};
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

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

/// Targets as they stand in the table.
#[derive(Clone, Debug, PartialEq)]
pub enum RawTarget {
    /// A column of classes.
    Classes(ClassColumn),
    /// Columns of numbers.
    Values(Vec<(String, Vec<f64>)>),
}

/// A column of classes: their names once, and of each row the place of its class among them.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassColumn {
    /// The name of the column.
    pub column: String,
    /// The names of the classes in order: numbers by size, text by alphabet.
    pub names: Vec<String>,
    /// The class of each row, by its place in `names`.
    pub labels: Vec<u32>,
}

impl ClassColumn {
    /// Of the class names that stand in the rows.
    fn new(column: &str, rows: &[String]) -> ClassColumn {
        let number = |name: &str| name.parse::<f64>().ok();
        let distinct: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
        let mut names: Vec<&str> = distinct.into_iter().collect();

        if names.iter().all(|name| number(name).is_some()) {
            names.sort_by(|a, b| {
                number(a)
                    .partial_cmp(&number(b))
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
        }

        let places: HashMap<&str, u32> = names.iter().copied().zip(0..).collect();

        ClassColumn {
            column: column.into(),
            labels: rows.iter().map(|name| places[name.as_str()]).collect(),
            names: names.into_iter().map(String::from).collect(),
        }
    }

    /// The name of a row's class.
    #[must_use]
    pub fn of_row(&self, row: usize) -> &str {
        &self.names[self.labels[row] as usize]
    }

    /// The number of rows of each class.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        self.labels
            .iter()
            .for_each(|&label| counts[label as usize] += 1);
        counts
    }

    /// The classes as numbers, row by row, if all of them are numbers.
    fn numbers(&self) -> Option<Vec<f64>> {
        let by_class = numbers(&self.names)?;
        let number = |&label: &u32| by_class[label as usize];
        Some(self.labels.iter().map(number).collect())
    }
}

/// More different whole numbers than this are classes only if each of them is frequent.
const FEW: usize = 20;

/// More different whole numbers than this are no classes.
const MOST: usize = 100;

/// Of more than [`FEW`] whole numbers, the rarest class has at least this share of the rows that a
/// class has on average.
const RAREST: f64 = 0.05;

/// How often each value occurs, if all are whole numbers, of which there are few enough to be
/// classes, each more than once on average.
fn whole_numbers(values: &[f64]) -> Option<BTreeMap<i64, usize>> {
    let mut counts = BTreeMap::new();

    for &x in values {
        if x.fract() != 0.0 || x.abs() > 1e9 {
            return None;
        }

        *counts.entry(x as i64).or_insert(0) += 1;

        if counts.len() > MOST {
            return None;
        }
    }

    (counts.len() >= 2 && values.len() >= 2 * counts.len()).then_some(counts)
}

/// Whether whole numbers are classes. Ten digits and 26 letters are, all of them frequent; ages and
/// counts have tails of rare values. A value that occurs once is no class, for it cannot be both
/// learned and tested; of two values alone both are.
pub(super) fn are_classes(values: &[f64]) -> bool {
    let Some(counts) = whole_numbers(values) else {
        return false;
    };
    let rarest = counts.values().min().copied().unwrap_or(0);
    let average = values.len() as f64 / counts.len() as f64;
    let is_frequent = rarest as f64 >= RAREST * average;

    counts.len() == 2 || rarest >= 2 && (counts.len() <= FEW || is_frequent)
}

/// A label that is a whole number without its point: pandas writes `1.0` where a column had a
/// missing value once.
fn plain_number(label: &str) -> &str {
    let whole = label.split_once('.').filter(|(whole, rest)| {
        whole.parse::<i64>().is_ok() && rest.chars().all(|digit| digit == '0')
    });

    whole.map_or(label, |(whole, _)| whole)
}

/// The value of a label that is a number, as text: the same for `0`, `-0` and `0.0`, and for `.1`,
/// `0.1` and `1e-1`. Other labels stay as they are. Whole numbers keep all their digits, of which
/// the labels of large catalogues have more than a float.
pub fn value_of(label: &str) -> String {
    let plain = plain_number(label);
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.strip_prefix('+').unwrap_or(plain)),
    };

    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return match digits.trim_start_matches('0') {
            "" => "0".into(),
            digits => format!("{sign}{digits}"),
        };
    }

    match plain.parse::<f64>() {
        Ok(x) if x.is_finite() => (x + 0.0).to_string(),
        _ => plain.into(),
    }
}

/// Labels that are numbers as names of classes: those of the same value have the same name. It is
/// the spelling in the table, if there is one only.
fn names_by_value(labels: &[String]) -> Vec<String> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();

    for label in labels {
        let (value, plain) = (value_of(label), plain_number(label));
        let name = names.entry(value.clone()).or_insert_with(|| plain.into());
        if name != plain {
            *name = value;
        }
    }

    let name = |label: &String| names[&value_of(label)].clone();
    labels.iter().map(name).collect()
}

impl RawTarget {
    /// The columns that are to be predicted; `classify` if the user says which kind they are.
    ///
    /// # Errors
    /// If they do not fit the kind, or hold text beside numbers.
    pub fn of(columns: &[(String, Column)], classify: Option<bool>) -> Result<RawTarget> {
        Ok(match (columns, classify) {
            ([(name, Column::Text(text))], None | Some(true)) => match numbers(text) {
                Some(values) if classify.is_none() && !are_classes(&values) => {
                    RawTarget::Values(vec![(name.clone(), values)])
                }
                Some(_) => RawTarget::Classes(ClassColumn::new(name, &names_by_value(text))),
                None => RawTarget::Classes(ClassColumn::new(name, text)),
            },
            ([(name, Column::Numbers(values))], None | Some(true))
                if classify.is_some() || are_classes(values) =>
            {
                let text = Column::Numbers(values.clone()).into_text();
                RawTarget::Classes(ClassColumn::new(name, &names_by_value(&text)))
            }
            ([_, _, ..], Some(true)) => {
                bail!("several targets are numbers; for classes give one `target`")
            }
            (columns, _) => RawTarget::Values(all_numbers(columns)?),
        })
    }

    /// A sentence about a target of many different whole numbers, which might be either kind.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let (name, values, taken) = match self {
            RawTarget::Classes(of) => (&of.column, of.numbers()?, "classes, not a number"),
            RawTarget::Values(columns) => {
                let [(name, values)] = &columns[..] else {
                    return None;
                };
                (name, values.clone(), "a number, not classes")
            }
        };

        let counts = whole_numbers(&values)?;
        let different = counts.len();
        let once: Vec<String> = counts
            .iter()
            .filter(|(_, count)| **count == 1)
            .map(|(value, _)| value.to_string())
            .collect();

        match (self, &once[..]) {
            (RawTarget::Values(_), [_, ..]) if different <= FEW => Some(format!(
                "'{name}' has {different} different whole numbers, and {} once: it is taken for {taken}",
                match &once[..] {
                    [one] => format!("{one} occurs"),
                    some => format!("{} occur", listed(some)),
                }
            )),
            _ => (different > FEW).then(|| {
                format!("'{name}' has {different} different whole numbers: it is taken for {taken}")
            }),
        }
    }
}

/// Targets of a regression.
fn all_numbers(columns: &[(String, Column)]) -> Result<Vec<(String, Vec<f64>)>> {
    let values = columns.iter().map(|(name, column)| match column {
        Column::Numbers(values) => Some((name.clone(), values.clone())),
        Column::Text(text) => Some((name.clone(), numbers(text)?)),
    });
    let values: Vec<Option<(String, Vec<f64>)>> = values.collect();

    let text: Vec<String> = columns
        .iter()
        .zip(&values)
        .filter(|(_, v)| v.is_none())
        .map(|((name, _), _)| name.clone())
        .collect();

    if let [first, ..] = &text[..] {
        if columns.len() == 1 {
            bail!("the target '{first}' holds text, which are classes; they have no regression");
        }

        let (are, one) = (
            if text.len() == 1 { "holds" } else { "hold" },
            if text.len() == 1 { "it" } else { "one" },
        );

        bail!(
            "several targets are a regression of numbers, and {} {are} text; give {one} as the only target, or leave text out \
             of the targets",
            text.iter()
                .map(|name| format!("'{name}'"))
                .collect::<Vec<_>>()
                .join(" and ")
        );
    }

    Ok(values.into_iter().flatten().collect())
}

/// The numbers that all of these texts are, if they are.
pub(super) fn numbers(text: &[String]) -> Option<Vec<f64>> {
    text.iter()
        .map(|t| t.parse().ok().filter(|x: &f64| x.is_finite()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_are_numbers_are_classes_by_their_value() {
        let of = |column: Column| {
            let columns = [("y".to_string(), column)];
            let RawTarget::Classes(own) = RawTarget::of(&columns, Some(true)).unwrap() else {
                panic!()
            };
            (0..own.labels.len())
                .map(|row| own.of_row(row).to_string())
                .collect::<Vec<_>>()
        };
        let classes = |labels: &[&str]| {
            of(Column::Text(
                labels.iter().map(ToString::to_string).collect(),
            ))
        };

        assert_eq!(classes(&["0", "-0", "0.0", "1"]), ["0", "0", "0", "1"]);
        assert_eq!(
            classes(&[".1", "0.1", "1e-1", "2"]),
            ["0.1", "0.1", "0.1", "2"]
        );
        assert_eq!(classes(&["+1", "01", "1.0", "-1"]), ["1", "1", "1", "-1"]);

        // One spelling stays, and so do digits that no float holds.
        assert_eq!(classes(&["007", "007", ".5"]), ["007", "007", ".5"]);
        let large = ["12345678901234567890", "12345678901234567891"];
        assert_eq!(classes(&large), large);

        // Text is text.
        assert_eq!(classes(&["-0", "0", "a"]), ["-0", "0", "a"]);

        assert_eq!(of(Column::Numbers(vec![0.0, -0.0, 1.0])), ["0", "0", "1"]);
    }
}
