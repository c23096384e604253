//! The axes of a sweep: a setting and the values that it takes.

use anyhow::{Context, Result, bail, ensure};
use toml::{Table, Value};

/// A setting that a study varies.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The setting's dotted name, e.g. `meta.base`.
    pub name: String,
    /// The keys that lead to it in the study, as its file has them.
    pub path: Vec<String>,
    values: AxisValues,
}

/// What is wrong with a study, and the keys that lead to the place.
#[derive(Debug)]
pub struct Fault {
    /// The keys.
    pub path: Vec<String>,
    /// What is wrong.
    pub error: anyhow::Error,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl std::error::Error for Fault {}

/// An error with its place.
pub(super) fn at(path: &[String], error: anyhow::Error) -> anyhow::Error {
    anyhow::Error::new(Fault {
        path: path.to_vec(),
        error,
    })
}

#[derive(Clone, Debug, PartialEq)]
enum AxisValues {
    List(Vec<Value>),
    Range { from: i64, count: usize, step: i64 },
}

impl Axis {
    /// The axes of a `[sweep]`, by name. An axis is a list of values, or
    /// `{ from = 100, count = 50 }` (and `step`).
    ///
    /// # Errors
    /// If one is neither, or empty.
    pub fn all(sweep: &Table) -> Result<Vec<Axis>> {
        let mut axes = Vec::new();
        collect(&mut vec!["sweep".into()], sweep, &mut axes)?;
        axes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(axes)
    }

    /// How many values it has.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no axis is empty")]
    pub fn len(&self) -> usize {
        match &self.values {
            AxisValues::List(values) => values.len(),
            AxisValues::Range { count, .. } => *count,
        }
    }

    /// Value number `i`.
    #[must_use]
    pub fn get(&self, i: usize) -> Value {
        match &self.values {
            AxisValues::List(values) => values[i].clone(),
            AxisValues::Range { from, step, .. } => Value::Integer(from + step * i as i64),
        }
    }
}

fn collect(path: &mut Vec<String>, table: &Table, axes: &mut Vec<Axis>) -> Result<()> {
    for (key, value) in table {
        path.push(key.clone());

        match value {
            Value::Table(inner) if !inner.contains_key("from") && !inner.contains_key("count") => {
                collect(path, inner, axes)?;
            }
            _ => {
                let name = path[1..].join(".");
                let values = values(&name, value).map_err(|error| at(path, error))?;

                axes.push(Axis {
                    name,
                    path: path.clone(),
                    values,
                });
            }
        }

        path.pop();
    }

    Ok(())
}

fn values(name: &str, value: &Value) -> Result<AxisValues> {
    match value {
        Value::Table(inner) => range(name, inner),
        Value::Array(values) => {
            ensure!(
                !values.is_empty(),
                "sweep.{name} = []: give at least one value, or leave the axis out"
            );

            let twice = values
                .iter()
                .enumerate()
                .find(|(i, v)| values[..*i].contains(v));

            ensure!(
                twice.is_none(),
                "sweep.{name}: {} is there twice",
                twice.map_or(String::new(), |(_, v)| v.to_string())
            );

            Ok(AxisValues::List(values.clone()))
        }
        other => {
            bail!("sweep.{name} = {other}: give a list of values, or {{ from = 100, count = 50 }}")
        }
    }
}

fn range(name: &str, table: &Table) -> Result<AxisValues> {
    let how = || {
        format!(
            "sweep.{name}: a range is {{ from = 100, count = 50 }}, with step = 1 if it is not given"
        )
    };

    ensure!(
        table
            .keys()
            .all(|k| ["from", "count", "step"].contains(&k.as_str())),
        how()
    );

    let number = |key: &str| {
        table
            .get(key)
            .map(|v| v.as_integer().with_context(how))
            .transpose()
    };

    let (from, count) = (
        number("from")?.with_context(how)?,
        number("count")?.with_context(how)?,
    );
    let step = number("step")?.unwrap_or(1);
    let count = usize::try_from(count)
        .ok()
        .filter(|c| *c > 0)
        .with_context(how)?;
    let last = step
        .checked_mul(count as i64)
        .and_then(|s| from.checked_add(s));

    ensure!(last.is_some() && step != 0, how());

    Ok(AxisValues::Range { from, count, step })
}

/// How many combinations of values there are.
///
/// # Errors
/// If more than can be counted.
pub(super) fn combinations(axes: &[&Axis]) -> Result<usize> {
    let product = axes.iter().try_fold(1usize, |n, a| n.checked_mul(a.len()));
    product
        .filter(|n| *n < 1 << 48)
        .context("the sweep has more combinations than can be counted; leave some axes out")
}

/// The values of combination number `k`: the last axis changes first.
pub(super) fn digits(axes: &[&Axis], mut k: usize) -> Vec<usize> {
    let mut digits = vec![0; axes.len()];
    for (digit, axis) in digits.iter_mut().zip(axes).rev() {
        (*digit, k) = (k % axis.len(), k / axis.len());
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(text: &str) -> Result<Vec<Axis>> {
        Axis::all(&text.parse().unwrap())
    }

    #[test]
    fn axes_are_lists_and_ranges_under_plain_and_quoted_names() {
        let found =
            axes("\"meta.base\" = ['sine', 'zero']\nmeta.seed = { from = 7, count = 3, step = 2 }")
                .unwrap();

        assert_eq!(
            found
                .iter()
                .map(|a| (a.name.as_str(), a.len()))
                .collect::<Vec<_>>(),
            [("meta.base", 2), ("meta.seed", 3)]
        );

        assert_eq!(found[1].get(2), Value::Integer(11));

        let refs: Vec<&Axis> = found.iter().collect();
        let all: Vec<Vec<usize>> = (0..combinations(&refs).unwrap())
            .map(|k| digits(&refs, k))
            .collect();

        assert_eq!(all, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]);
    }

    #[test]
    fn what_is_no_axis_is_refused_with_a_remedy() {
        for (text, word) in [
            ("a = []", "at least one value"),
            ("a = 3", "list of values"),
            ("a = [1, 1]", "twice"),
            ("a = { from = 1 }", "count = 50"),
            ("a = { from = 1, count = 0 }", "count = 50"),
            ("a = { from = 1, count = 2, upto = 3 }", "count = 50"),
            (
                "a = { from = 9223372036854775807, count = 2 }",
                "count = 50",
            ),
        ] {
            let message = format!("{:#}", axes(text).unwrap_err());
            assert!(message.contains(word), "{text}: {message}");
        }
    }
}
