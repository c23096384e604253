//! Values so far from the others of their column that they decide about its standardisation.

use super::Standard;
use std::cmp::Ordering;

/// A value is extreme beyond so many standard deviations from the mean.
const FAR: f64 = 20.0;

/// Of `n` values none is further from the mean than `sqrt(n - 1)` standard deviations, because it
/// stretches them itself. In a short column a value is extreme if it is so many deviations of the
/// *others* away from their mean.
const FAR_FROM_OTHERS: f64 = 100.0;

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
    /// How far it is, in standard deviations of the training rows.
    pub distance: f64,
}

impl Extremes {
    /// The extreme values among these, of which `scale` is the standardisation, if there are any.
    #[must_use]
    pub fn of(
        column: &str,
        values: impl Iterator<Item = f64> + Clone,
        scale: &Standard,
    ) -> Option<Self> {
        let rows = values.clone().count() as f64;
        let is_extreme = |distance: f64| distance > FAR || stands_apart(distance, rows);

        Self::those(column, values, scale, is_extreme)
    }

    /// The values that are extreme beside the rows of which `scale` is the standardisation.
    #[must_use]
    pub fn beside(
        column: &str,
        values: impl Iterator<Item = f64>,
        scale: &Standard,
    ) -> Option<Self> {
        Self::those(column, values, scale, |distance| distance > FAR)
    }

    fn those(
        column: &str,
        values: impl Iterator<Item = f64>,
        scale: &Standard,
        is_extreme: impl Fn(f64) -> bool,
    ) -> Option<Self> {
        let mut found: Option<Extremes> = None;

        for value in values {
            let distance = scale.apply(value).abs();
            if !is_extreme(distance) {
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

/// Whether one of `rows` values, `distance` standard deviations from the mean, is far from all
/// others on their own scale. Where the others are equal they have none: a rare flag is not extreme.
fn stands_apart(distance: f64, rows: f64) -> bool {
    // With the value taken out, the mean moves away by d / (n - 1), and the sum of squares loses
    // d^2 n / (n - 1).
    let of_others = 1.0 - distance * distance / (rows - 1.0);
    let are_equal = of_others <= 1e-12 * rows;

    !are_equal && distance * (rows / (rows - 1.0)).sqrt() > FAR_FROM_OTHERS * of_others.sqrt()
}

/// A sentence about columns with extreme values among `rows` rows to learn from, if there are any:
/// the furthest values first.
#[must_use]
pub fn extreme_values(columns: &[Extremes], rows: usize) -> Option<String> {
    let named = furthest(columns)?;

    Some(format!(
        "Some of the {rows} rows to learn from have values far from the others of their column: {named}. \
         A few such values stretch the scale of the whole column; if they are errors, correct or remove these rows, \
         or leave an input out with `ignore`."
    ))
}

/// A sentence about inputs with extreme values among `rows` rows for testing, if there are any.
#[must_use]
pub fn extreme_test_values(columns: &[Extremes], rows: usize) -> Option<String> {
    let named = furthest(columns)?;

    Some(format!(
        "Some of the {rows} test rows are more than {FAR} standard deviations from the rows to learn from: {named}. \
         Nothing was learned about such values, and a few of them can decide a score."
    ))
}

/// The columns with the furthest values, in words.
fn furthest(columns: &[Extremes]) -> Option<String> {
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

    (!named.is_empty()).then(|| format!("{}{more}", named.join("; ")))
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
    }

    #[test]
    fn a_value_far_from_all_others_of_a_short_column_is_extreme() {
        let plain: Vec<f64> = (0..200).map(|i| f64::from(i % 17)).collect();
        assert_eq!(of(&plain), None);

        let with = |value: f64| of(&[&plain[..], &[value]].concat());
        assert_eq!(with(100.0), None);

        let found = with(1e6).unwrap();
        assert_eq!((found.rows, found.furthest), (1, 1e6));

        // The others' mean and deviation are 7.92 and 4.89.
        assert_eq!(with(7.92 + 99.0 * 4.89), None);
        assert!(with(7.92 + 101.0 * 4.89).is_some());
    }

    #[test]
    fn test_rows_are_extreme_beside_the_training_rows() {
        let train: Vec<f64> = (0..200).map(|i| f64::from(i % 17)).collect();
        let scale = Standard::of(train.iter().copied());
        let beside = |value: f64| Extremes::beside("a", [1.0, value].into_iter(), &scale);

        assert_eq!(beside(60.0), None);
        assert_eq!(beside(1e6).unwrap().rows, 1);

        let text = extreme_test_values(&[beside(1e6).unwrap()], 2).unwrap();
        assert!(
            text.starts_with("Some of the 2 test rows are more than 20"),
            "{text}"
        );
    }

    #[test]
    fn no_rows_have_no_extreme_values() {
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
