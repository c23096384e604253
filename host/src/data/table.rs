//! Tables of numbers and text, whatever the file that they come from.

pub use super::rows::CsvReader;
use anyhow::{Context, Result, bail, ensure};
use std::io::Read;

/// A table, column by column.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The names of the columns; `column1`, `column2`, ... if the file has none.
    pub names: Vec<String>,
    /// What they hold.
    pub columns: Vec<Column>,
    /// Where each row stands in the file, from 1.
    pub lines: Vec<u64>,
    /// What `lines` counts.
    pub unit: Unit,
    /// Whether the names are the file's own.
    pub named: bool,
}

/// What the place of a row is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Lines of text.
    #[default]
    Line,
    /// Rows of an array.
    Row,
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unit::Line => "line",
            Unit::Row => "row",
        })
    }
}

/// No row of a text file is longer than this many bytes.
pub const ROW_LIMIT: u64 = 1 << 26;

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// All of it is finite numbers.
    Numbers(Vec<f64>),
    /// Text, as it stands there.
    Text(Vec<String>),
}

/// How a table is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading<'a> {
    /// What separates columns; found out if `None`.
    pub delimiter: Option<u8>,
    /// Whether the first line holds names; found out if `None`.
    pub header: Option<bool>,
    /// Columns that stay text.
    pub text: Vec<&'a str>,
    /// Columns that are left out.
    pub ignore: Vec<&'a str>,
}

impl Table {
    /// Reads CSV from anywhere.
    ///
    /// # Errors
    /// If it is malformed; the message names the place.
    pub fn parse(from: impl Read, how: &Reading) -> Result<Table> {
        let mut rows = CsvReader::open(from, how)?;
        rows.keep(&how.text, &how.ignore)?;
        rows.next_rows(usize::MAX)?
            .context("there is a line of names, but no row below it")
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The place of a column.
    ///
    /// # Errors
    /// If there is none of that name; the message lists them.
    pub fn place(&self, name: &str) -> Result<usize> {
        place_in(&self.names, name)
    }

    /// Leaves columns out, and turns columns into text.
    ///
    /// # Errors
    /// If a column is not there, or none is left.
    pub fn keep(&mut self, text: &[&str], ignore: &[&str]) -> Result<()> {
        for name in text {
            let i = self.place(name)?;
            let column = std::mem::replace(&mut self.columns[i], Column::Text(vec![]));
            self.columns[i] = Column::Text(column.into_text());
        }

        for name in ignore {
            self.take(name)?;
        }

        ensure!(!self.names.is_empty(), "every column is to be ignored");

        Ok(())
    }

    /// Takes a column out.
    ///
    /// # Errors
    /// If there is none of that name; the message lists them.
    pub fn take(&mut self, name: &str) -> Result<Column> {
        let i = self.place(name)?;
        self.names.remove(i);
        Ok(self.columns.remove(i))
    }
}

impl Column {
    /// As text; numbers in the shortest form that means the same.
    #[must_use]
    pub fn into_text(self) -> Vec<String> {
        match self {
            Column::Text(text) => text,
            Column::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The place of a name among names; the message of the error lists them, as far as they are of use.
pub(super) fn place_in(names: &[String], name: &str) -> Result<usize> {
    names
        .iter()
        .position(|n| n == name)
        .with_context(|| format!("there is no column '{name}'; there are {}", listed(names)))
}

/// Names for a message: the first and the last of them if there are many.
#[must_use]
pub fn listed(names: &[String]) -> String {
    match names {
        [first @ .., last] if names.len() > 20 => {
            format!("{}, ..., {last}", first[..10].join(", "))
        }
        _ => names.join(", "),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, how: &Reading) -> Result<Table> {
        Table::parse(text.as_bytes(), how)
    }

    #[test]
    fn the_form_of_a_file_is_found_out() {
        let expected = parse("a,b\n1,2\n3,4\n", &Reading::default()).unwrap();
        assert_eq!(expected.names, ["a", "b"]);

        assert_eq!(
            expected.columns,
            [
                Column::Numbers(vec![1.0, 3.0]),
                Column::Numbers(vec![2.0, 4.0])
            ]
        );

        assert_eq!(expected.lines, [2, 3]);

        for text in [
            "a;b\n1;2\n3;4",
            "\u{feff}a\tb\r\n1\t2\r\n3\t4\r\n",
            "\"a\"|\"b\"\n1|\"2\"\n3|4\n",
        ] {
            assert_eq!(
                parse(text, &Reading::default()).unwrap(),
                expected,
                "{text}"
            );
        }

        let bare = parse("1,2\n3,4\n", &Reading::default()).unwrap();
        assert_eq!(bare.names, ["column1", "column2"]);
        assert_eq!(bare.columns, expected.columns);

        let named = Reading {
            header: Some(true),
            ..Reading::default()
        };

        assert_eq!(parse("7,8\n1,2\n", &named).unwrap().names, ["7", "8"]);
    }

    #[test]
    fn text_columns_and_ignored_ones() {
        let how = Reading {
            text: vec!["kind"],
            ignore: vec!["note"],
            ..Reading::default()
        };

        let mut table = parse("x,kind,note\n1,\"a, b\",\n2,c,what\n", &how).unwrap();
        assert_eq!(
            table.take("kind").unwrap(),
            Column::Text(vec!["a, b".into(), "c".into()])
        );
        assert_eq!(table.names, ["x"]);
        assert!(format!("{:#}", table.take("y").unwrap_err()).contains("there are x"));
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_column() {
        for (text, expected) in [
            ("", "empty"),
            (" \n\n", "empty"),
            ("a,b\n", "no row"),
            ("a,b\n1,2\n3\n", "line 3 has 1 columns, the first one 2"),
            ("a,b\n1,2\n3,\n", "line 3, column 'b': the value is missing"),
            ("a,b\n1,NaN\n", "line 2, column 'b': the value is missing"),
            (
                "a,b\r\n1,2\n\n3,-inf",
                "line 4, column 'b': '-inf' is not finite",
            ),
            (
                "a,b\n1,2\n3,x7\n",
                "line 3, column 'b': 'x7' is not a number",
            ),
            (
                "a;b\n1;1,234\n",
                "it is 1234 if the comma separates thousands, and 1.234 if it is a decimal one",
            ),
            ("a;b\n1;-1,234\n", "it is -1234 if the comma"),
            ("a;b\n1;1,234.5\n", "write 1234.5, without"),
            ("a;b\n1;1.234,5\n", "write 1234.5, without"),
            ("a;b\n1;1,234,567\n", "write 1234567, without"),
            ("a;b\n1;12 345\n", "write 12345, without"),
            ("a;b\n1;0,123\n", "write 0.123, with a decimal point"),
            ("a;b\n1;12,34\n", "write 12.34, with a decimal point"),
            ("a,a\n1,2\n", "two columns are called 'a'"),
            ("a,\n1,2\n", "column 2 has no name"),
            ("a\0b\n", "no text"),
        ] {
            let error = format!("{:#}", parse(text, &Reading::default()).unwrap_err());
            assert!(error.contains(expected), "{text:?}: {error}");
        }

        let how = Reading {
            text: vec!["y"],
            ..Reading::default()
        };

        assert!(
            format!("{:#}", parse("a,b\n1,2\n", &how).unwrap_err())
                .contains("no column 'y'; there are a, b")
        );

        let latin = Table::parse(
            &b"a,b\n1,\xe9\n"[..],
            &Reading {
                text: vec!["b"],
                ..Reading::default()
            },
        );

        assert!(format!("{:#}", latin.unwrap_err()).contains("line 2 is not UTF-8"));
    }
}
