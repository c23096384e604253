//! The form of a CSV file: what separates its columns, and whether its first line holds names.

use crate::data::cell::is_missing;
use anyhow::{Result, ensure};
use std::collections::HashSet;
use std::io::Read;

/// What may separate columns, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The records of a text.
pub(super) fn records<R: Read>(from: R, delimiter: u8) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(from)
}

/// The delimiter that gives every line the same number of columns, more than one if possible.
pub(super) fn delimiter_of(start: &[u8]) -> u8 {
    let columns = |delimiter: u8| {
        let widths: Vec<usize> = records(start, delimiter)
            .records()
            .flatten()
            .map(|r| r.len())
            .collect();

        let first = widths.first().copied().unwrap_or(0);
        let alike = widths.iter().filter(|&&w| w == first).count();

        // One column is always alike, and never what is meant if another reading has more.
        if first < 2 {
            (0, 0)
        } else {
            (alike * 20 / widths.len().max(1), first)
        }
    };

    let best = DELIMITERS.into_iter().rev().max_by_key(|&d| columns(d));
    best.unwrap_or(b',')
}

/// Names if some cell of the first line is text, and the cell below it is a number, or every cell
/// is different text.
pub(super) fn has_header(start: &[u8], delimiter: u8) -> bool {
    let rows: Vec<csv::StringRecord> = records(start, delimiter)
        .records()
        .flatten()
        .take(2)
        .collect();

    let Some(first) = rows.first() else {
        return false;
    };
    let is_number = |cell: &str| cell.trim().parse::<f64>().is_ok();

    match rows.get(1) {
        Some(second) => {
            let over_number = first
                .iter()
                .zip(second)
                .any(|(a, b)| !is_number(a) && !is_missing(a.trim()) && is_number(b));
            over_number || !first.iter().any(is_number)
        }
        None => !first.iter().any(is_number),
    }
}

/// A sentence about a first line that was taken for a row, and whose numbers may be names: whole
/// numbers that differ, in order or above numbers that are not whole.
pub(super) fn doubt(first: &[String], start: &[u8], delimiter: u8) -> Option<String> {
    let whole = |cell: &String| cell.parse::<i64>().ok();
    let numbers: Option<Vec<i64>> = first.iter().map(whole).collect();
    let numbers = numbers.filter(|numbers| numbers.len() > 1)?;

    let different = numbers.iter().collect::<HashSet<_>>().len() == numbers.len();
    let in_order = numbers
        .windows(2)
        .all(|two| two[1] == two[0].wrapping_add(1));

    let second = records(start, delimiter).records().flatten().nth(1)?;
    let below_whole = second.iter().all(|cell| cell.trim().parse::<i64>().is_ok());

    (different && (in_order || !below_whole))
        .then(|| "the first line is taken for a row of numbers".into())
}

/// The names in the first record, or `column1`, `column2` and so on if it is a row.
///
/// # Errors
/// If a name is empty or stands there twice.
pub(super) fn names_of(record: &csv::StringRecord, header: bool) -> Result<Vec<String>> {
    if !header {
        return Ok((1..=record.len()).map(|i| format!("column{i}")).collect());
    }

    let names: Vec<String> = record.iter().map(|n| n.trim().to_string()).collect();
    let mut seen = HashSet::new();

    for (i, name) in names.iter().enumerate() {
        ensure!(
            !name.is_empty(),
            "column {} has no name; write one into the first line, or leave the column out of the file",
            i + 1
        );

        ensure!(
            seen.insert(name),
            "two columns are called '{name}'; give each a name of its own in the first line"
        );
    }

    Ok(names)
}
