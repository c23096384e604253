//! Tables of numbers and text, whatever the file that they come from.

use anyhow::{Context, Result, ensure};

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

    /// Leaves so many rows.
    pub fn truncate(&mut self, rows: usize) {
        self.lines.truncate(rows);
        for column in &mut self.columns {
            match column {
                Column::Text(cells) => cells.truncate(rows),
                Column::Numbers(numbers) => numbers.truncate(rows),
            }
        }
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
