//! What a cell of text holds: a number, no value, or something that is close to a number.

use super::table::Column;
use anyhow::{Result, bail, ensure};

/// Takes a cell of text into a column.
pub(super) fn push(column: &mut Column, cell: &str) -> Result<()> {
    if is_missing(cell) {
        return Err(Missing {
            cell: cell.into(),
            others: String::new(),
        }
        .into());
    }

    match column {
        Column::Text(text) => text.push(cell.into()),
        Column::Numbers(numbers) => {
            let Ok(x) = cell.parse::<f64>() else {
                bail!(no_number(cell))
            };

            ensure!(
                x.is_finite(),
                "{} is not finite; remove the row or clip the value",
                quoted(cell)
            );

            numbers.push(x);
        }
    }

    Ok(())
}

/// A cell that is text, in a column that has to be numbers.
#[derive(Debug, thiserror::Error)]
#[error("{cell} is not a number")]
pub struct NoNumber {
    cell: String,
    /// The names of all columns that hold text as far as the file was looked at; empty if nothing
    /// was found out.
    pub columns: Vec<String>,
}

/// A cell without a value.
#[derive(Debug, thiserror::Error)]
#[error("the value is missing ('{cell}'); fill it in, or remove the row or the column{others}")]
pub(super) struct Missing {
    cell: String,
    /// How many cells have none, if there are more.
    pub others: String,
}

fn no_number(cell: &str) -> anyhow::Error {
    let quoted = quoted(cell);

    if cell.contains('\n') {
        return anyhow::anyhow!("{quoted} is not a number; is a quotation mark not closed?");
    }

    let readings = match (without_thousands(cell), with_point(cell)) {
        (Some(whole), Some(fraction)) => format!(
            "it is {whole} if the comma separates thousands, and {fraction} if it is a decimal one; write whichever it is, \
             in the whole column"
        ),
        (Some(whole), None) => {
            format!("write {whole}, without separators of thousands, in the whole column")
        }
        (None, Some(fraction)) => {
            format!("write {fraction}, with a decimal point, in the whole column")
        }
        (None, None) => {
            return NoNumber {
                cell: quoted,
                columns: vec![],
            }
            .into();
        }
    };

    anyhow::anyhow!("{quoted} is not a number: {readings}")
}

/// The number without separators of thousands, if it has some: commas, points (with a decimal
/// comma), blanks, apostrophes.
fn without_thousands(cell: &str) -> Option<String> {
    [
        (',', "."),
        ('.', ","),
        (' ', "."),
        ('\u{a0}', "."),
        ('\u{202f}', "."),
        ('\'', "."),
        ('\u{2019}', "."),
    ]
    .into_iter()
    .find_map(|(separator, decimal)| {
        let (whole, fraction) = cell
            .split_once(decimal)
            .map_or((cell, None), |(w, f)| (w, Some(f)));
        let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
        let mut groups = unsigned.split(separator);
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());

        // No number of thousands begins with 0.
        let is_first =
            |first: &&str| is_number(first) && first.len() <= 3 && !first.starts_with('0');
        let first = groups.next().filter(is_first)?;
        let others: Vec<&str> = groups.collect();
        let are_groups = !others.is_empty()
            && others
                .iter()
                .all(|group| is_number(group) && group.len() == 3);

        if !are_groups || fraction.is_some_and(|f| !is_number(f)) {
            return None;
        }

        let sign = if whole.starts_with('-') { "-" } else { "" };
        let fraction = fraction.map_or(String::new(), |f| format!(".{f}"));
        Some(format!("{sign}{first}{}{fraction}", others.concat()))
    })
}

/// The number with a point for its only comma, if that makes one.
fn with_point(cell: &str) -> Option<String> {
    let text = cell.replacen(',', ".", 1);
    (cell.matches(',').count() == 1 && text.parse::<f64>().is_ok_and(f64::is_finite))
        .then_some(text)
}

/// A cell for a message: on one line, and not too long.
pub(super) fn quoted(cell: &str) -> String {
    let one_line = |c: char| if c.is_control() { ' ' } else { c };
    let start: String = cell.chars().take(MOST_QUOTED).map(one_line).collect();

    if cell.chars().nth(MOST_QUOTED).is_some() {
        format!("'{start}...'")
    } else {
        format!("'{start}'")
    }
}

/// Characters of a cell that a message quotes.
const MOST_QUOTED: usize = 40;

/// Whether a cell says that there is no value.
pub(super) fn is_missing(cell: &str) -> bool {
    ["", "?", "na", "n/a", "nan", "null", "none"].contains(&cell.to_ascii_lowercase().as_str())
}
