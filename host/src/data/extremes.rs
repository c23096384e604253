//! Values so far from the others of their column that they decide about its standardisation.

use super::Standard;
use std::cmp::Ordering;

/// A value is extreme beyond so many standard deviations from the mean. Of `n` rows none is further
/// away than `sqrt(n - 1)` of them, so that a column of 400 rows or fewer has none.
const FAR: f64 = 20.0;

/// So many columns are named in a sentence.
const NAMED: usize = 3;

/// The extreme values of one column, over the rows to learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Extremes {
    /// The column.
    pub column: String,
    /// Rows with an extreme value.
    pub rows: usize,
    /// The value that is furthest away, in the unit of the table.
    pub furthest: f64,
    /// How far it is, in standard deviations.
    pub distance: f64,
}

impl Extremes {
    /// The extreme values among these, if there are any.
    #[must_use]
    pub fn of(column: &str, values: impl Iterator<Item = f64>, scale: &Standard) -> Option<Self> {
        let mut found: Option<Extremes> = None;

        for value in values {
            let distance = scale.apply(value).abs();
            if distance <= FAR {
                continue;
            }

            let extremes = found.get_or_insert_with(|| Extremes {
                column: column.into(),
                rows: 0,
                furthest: value,
                distance,
            });

            extremes.rows += 1;

            if distance > extremes.distance {
                (extremes.furthest, extremes.distance) = (value, distance);
            }
        }

        found
    }
}

/// A sentence about columns with extreme values among `rows` rows, if there are any: the furthest
/// values first.
#[must_use]
pub fn extreme_values(columns: &[Extremes], rows: usize) -> Option<String> {
    let mut columns: Vec<&Extremes> = columns.iter().collect();

    let furthest_first = |a: &&Extremes, b: &&Extremes| {
        b.distance
            .partial_cmp(&a.distance)
            .unwrap_or(Ordering::Equal)
    };

    columns.sort_by(furthest_first);

    let named: Vec<String> = columns.iter().take(NAMED).map(|c| in_words(c)).collect();

    let more = match columns.len().saturating_sub(NAMED) {
        0 => String::new(),
        1 => "; and so has 1 other column".into(),
        n => format!("; and so have {n} other columns"),
    };

    (!named.is_empty()).then(|| {
        format!(
            "Some of the {rows} rows to learn from have values more than {FAR} standard deviations from the mean of \
             their column: {}{more}. A few such values stretch the scale of the whole column; if they are errors, \
             correct or remove these rows, or leave an input out with --ignore.",
            named.join("; ")
        )
    })
}

fn in_words(extremes: &Extremes) -> String {
    let rows = match extremes.rows {
        1 => "1 row".into(),
        n => format!("{n} rows"),
    };
    let value = extremes.furthest;

    // Of a number that is very large or small nobody wants all the zeros.
    let value = if value != 0.0 && !(1e-4..1e9).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    };

    format!(
        "'{}' in {rows} (the furthest is {value}, {:.0} standard deviations away)",
        extremes.column, extremes.distance
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Option<Extremes> {
        Extremes::of(
            "a",
            values.iter().copied(),
            &Standard::of(values.iter().copied()),
        )
    }

    #[test]
    fn values_beyond_twenty_standard_deviations_are_counted_and_the_furthest_is_said() {
        // With n - 1 zeros, the one other value is sqrt(n - 1) standard deviations away.
        let with_one = |n: usize| [vec![0.0; n - 1], vec![-7.0]].concat();

        assert_eq!(of(&with_one(401)), None, "exactly 20");

        let found = of(&with_one(402)).unwrap();
        assert_eq!((found.rows, found.furthest), (1, -7.0));
        assert!((found.distance - 401f64.sqrt()).abs() < 1e-9, "{found:?}");

        let found = of(&[vec![0.0; 3000], vec![1e12, 1.1e12]].concat()).unwrap();
        assert_eq!((found.rows, found.furthest), (2, 1.1e12));
        assert_eq!(of(&[5.0; 1000]), None, "a constant column");
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn the_sentence_names_the_worst_columns_and_counts_the_others() {
        let column = |name: &str, distance: f64| Extremes {
            column: name.into(),
            rows: 2,
            furthest: 1e12,
            distance,
        };

        assert_eq!(extreme_values(&[], 9), None);

        let columns = ["a", "b", "c", "d", "e"].map(|name| {
            let distance = 21.0 + f64::from(name.as_bytes()[0]);
            column(name, distance)
        });
        let text = extreme_values(&columns, 9).unwrap();

        assert!(text.starts_with("Some of the 9 rows"), "{text}");

        assert!(
            text.contains(
                "'e' in 2 rows (the furthest is 1e12, 122 standard deviations away); 'd'"
            ),
            "{text}"
        );

        assert!(
            text.contains("; 'c' in 2 rows") && !text.contains("'b'"),
            "{text}"
        );
        assert!(text.contains("; and so have 2 other columns. "), "{text}");
    }
}
