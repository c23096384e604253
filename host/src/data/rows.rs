//! CSV files row by row: the delimiter and whether there is a header are found out, and what is
//! wrong is named by line and column.

mod form;
mod lines;

use super::cell::{Missing, NoNumber, is_missing, push};
use super::table::{Column, Reading, Table, Unit, place_in};
use crate::support::memory::MemoryBudget;
use anyhow::{Context, Result, ensure};
use form::{delimiter_of, has_header, names_of, records};
use lines::{PEEK_LINES, UnifiedLines};
use std::collections::HashSet;
use std::io::Read;

/// Columns that a message counts one by one.
const MOST_COLUMNS: usize = 10;

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
}

/// A CSV file of which the first line has been looked at.
pub struct CsvReader<R> {
    reader: csv::Reader<UnifiedLines<R>>,
    record: csv::StringRecord,
    /// The record holds a row that was not given out.
    pending: bool,
    /// The line behind the record before.
    before: u64,
    delimiter: u8,
    names: Vec<String>,
    named: bool,
    columns: Vec<ReadColumn>,
    budget: Option<MemoryBudget>,
    numbers: u64,
    sample: (u64, u64),
    /// The cells of a first line that was taken for a row and may hold names.
    perhaps_names: Vec<String>,
    /// What is wrong with the row behind those that were given out.
    fault: Option<anyhow::Error>,
}

/// A column that is read.
struct ReadColumn {
    place: usize,
    text: bool,
}

impl<R: Read> CsvReader<R> {
    /// Looks at the first lines.
    ///
    /// # Errors
    /// If there are none, they are no text, or cannot be names.
    pub fn open(from: R, how: &Reading) -> Result<CsvReader<R>> {
        let mut lines = UnifiedLines::new(from);
        let told = how.delimiter.is_some() && how.header.is_some();
        lines
            .peek(if told { 1 } else { PEEK_LINES })
            .context("the file cannot be read")?;

        let start = lines.first();
        ensure!(!start.trim_ascii().is_empty(), "the file is empty");

        ensure!(
            !start.contains(&0),
            "this is no text: it holds bytes of 0; if it is UTF-16, `iconv -f utf-16le -t utf-8 FILE > NEW` makes text of \
             it; else give CSV in UTF-8, or an array of NumPy (.npy, .npz)"
        );

        let delimiter = how.delimiter.unwrap_or_else(|| delimiter_of(start));
        let named = how.header.unwrap_or_else(|| has_header(start, delimiter));
        let bytes = start.len() as u64;
        let cells = start
            .iter()
            .filter(|&&b| b == delimiter || b == b'\n')
            .count() as u64;
        let mut reader = records(lines, delimiter);

        let mut record = csv::StringRecord::new();
        ensure!(
            reader.read_record(&mut record).map_err(explain)?,
            "the file is empty"
        );

        let names = names_of(&record, named)?;
        let is_told = named || how.header.is_some();
        let perhaps_names = match is_told {
            true => vec![],
            false => record.iter().map(|cell| cell.trim().to_string()).collect(),
        };
        let columns = (0..names.len())
            .map(|place| ReadColumn { place, text: false })
            .collect();

        let (pending, sample) = (!named, (cells, bytes));

        Ok(CsvReader {
            reader,
            record,
            pending,
            before: 1,
            delimiter,
            names,
            named,
            columns,
            budget: None,
            numbers: 0,
            sample,
            perhaps_names,
            fault: None,
        })
    }

    /// A sentence about a first line that was taken for a row, and whose numbers may be names.
    pub fn doubt(&self) -> Option<String> {
        let start = self.reader.get_ref().first();
        form::doubt(&self.perhaps_names, start, self.delimiter)
    }

    /// The names of all columns, and whether they stand in the file.
    pub fn names(&self) -> (&[String], bool) {
        (&self.names, self.named)
    }

    /// Which columns are text, and which are left out; all others are numbers.
    ///
    /// # Errors
    /// If one of them is not there, or none is left.
    pub fn keep(&mut self, text: &[&str], ignore: &[&str]) -> Result<()> {
        for name in text.iter().chain(ignore) {
            let place = place_in(&self.names, name).map(drop);
            let is_in_first_line = self.perhaps_names.iter().any(|cell| cell == name);
            match is_in_first_line {
                true => place.map_err(|error| {
                    anyhow::anyhow!(
                        "{error}; '{name}' stands in the first line, which is taken for a row: add `header` if it holds names"
                    )
                })?,
                false => place?,
            }
        }

        let set = |names: &[&'_ str]| {
            names
                .iter()
                .map(ToString::to_string)
                .collect::<HashSet<String>>()
        };

        let (text, ignore) = (set(text), set(ignore));
        let names = self.names.iter().map(String::as_str).enumerate();
        let read = names.filter(|(_, name)| !ignore.contains(*name));

        self.columns = read
            .map(|(place, name)| ReadColumn {
                place,
                text: text.contains(name),
            })
            .collect();

        ensure!(!self.columns.is_empty(), "every column is to be ignored");

        Ok(())
    }

    /// Takes no more memory than this; `len` is the size of the file, if it is known.
    ///
    /// # Errors
    /// If a file of that size cannot fit: said before hours are spent on reading it.
    pub fn within(&mut self, budget: MemoryBudget, len: Option<u64>) -> Result<()> {
        self.budget = Some(budget);
        let share = self.columns.len() as f64 / self.names.len() as f64;
        let guess =
            len.unwrap_or(0) as f64 / self.sample.1.max(1) as f64 * self.sample.0 as f64 * share;

        // The first lines may be shorter than others: only what is far off is refused on a guess.
        budget
            .allow((guess / 2.0) as u64)
            .or_else(|_| budget.allow(guess as u64))
    }

    /// The next rows, at most so many; none at the end.
    ///
    /// # Errors
    /// If a row is malformed; the message names line and column.
    pub fn next_rows(&mut self, most: usize) -> Result<Option<Table>> {
        let mut table = self.no_rows();
        let taken = self.take_rows(&mut table, most);
        taken.map_err(|error| self.explained(error, most == usize::MAX))?;
        Ok((table.rows() > 0).then_some(table))
    }

    /// An error with what is known about the same fault elsewhere; all of the file is looked at
    /// only if it is wanted as a whole.
    fn explained(&mut self, mut error: anyhow::Error, whole: bool) -> anyhow::Error {
        if let Some(no_number) = error.downcast_mut::<NoNumber>() {
            no_number.columns = self.text_columns();
        }

        if let Some(missing) = error.downcast_mut::<Missing>().filter(|_| whole) {
            missing.others = self.missing_cells();
        }
        error
    }

    /// The columns that have to be numbers and hold text, in this row or in the first ones.
    fn text_columns(&self) -> Vec<String> {
        let start = self.reader.get_ref().first();
        let mut rows: Vec<csv::StringRecord> = records(start, self.delimiter)
            .records()
            .flatten()
            .skip(usize::from(self.named))
            .collect();

        rows.push(self.record.clone());

        let is_text = |cell: &str| {
            let cell = cell.trim();
            !is_missing(cell)
                && push(&mut Column::Numbers(vec![]), cell)
                    .is_err_and(|error| error.is::<NoNumber>())
        };

        let numeric = self.columns.iter().filter(|read| !read.text);
        numeric
            .filter(|read| {
                rows.iter()
                    .any(|row| row.get(read.place).is_some_and(is_text))
            })
            .map(|read| self.names[read.place].clone())
            .collect()
    }

    /// How many cells from this row on have no value, by column; nothing if it is this cell alone.
    fn missing_cells(&mut self) -> String {
        let mut counts = vec![0u64; self.columns.len()];

        loop {
            for (count, read) in counts.iter_mut().zip(&self.columns) {
                let cell = self.record.get(read.place).unwrap_or_default();
                *count += u64::from(is_missing(cell.trim()));
            }

            if !matches!(self.advance(), Ok(true)) {
                break;
            }
        }

        let total: u64 = counts.iter().sum();

        let columns: Vec<String> = self
            .columns
            .iter()
            .zip(&counts)
            .filter(|(_, count)| **count > 0)
            .map(|(read, count)| format!("{count} in '{}'", self.names[read.place]))
            .collect();

        match columns.len() {
            _ if total < 2 => String::new(),
            0..=MOST_COLUMNS => format!("; {total} cells have no value: {}", columns.join(", ")),
            all => format!(
                "; {total} cells in {all} columns have no value: {}, ...",
                columns[..MOST_COLUMNS].join(", ")
            ),
        }
    }

    /// As [`CsvReader::next_rows`], but the rows before a malformed one are given out before that is an
    /// error.
    ///
    /// # Errors
    /// If the next row is malformed.
    pub fn next_good_rows(&mut self, most: usize) -> Result<Option<Table>> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }

        let mut table = self.no_rows();
        if let Err(fault) = self.take_rows(&mut table, most) {
            let rows = table.rows();
            if rows == 0 {
                return Err(fault);
            }

            table.truncate(rows);
            self.fault = Some(fault);
        }

        Ok((table.rows() > 0).then_some(table))
    }

    fn no_rows(&self) -> Table {
        let column = |read: &ReadColumn| {
            if read.text {
                Column::Text(vec![])
            } else {
                Column::Numbers(vec![])
            }
        };

        Table {
            names: self
                .columns
                .iter()
                .map(|read| self.names[read.place].clone())
                .collect(),
            columns: self.columns.iter().map(column).collect(),
            lines: vec![],
            unit: Unit::Line,
            named: self.named,
        }
    }

    fn take_rows(&mut self, table: &mut Table, most: usize) -> Result<()> {
        while table.rows() < most && self.advance()? {
            self.take_row(table)?;
        }
        Ok(())
    }

    /// The next record that is no line of blanks.
    fn advance(&mut self) -> Result<bool> {
        if std::mem::replace(&mut self.pending, false) {
            return Ok(true);
        }

        loop {
            self.reader.get_mut().begin_record();
            self.before = self.reader.position().line();

            if !self.reader.read_record(&mut self.record).map_err(explain)? {
                return Ok(false);
            }

            let blank = self.record.len() == 1 && self.record[0].trim().is_empty();
            if !blank || self.names.len() == 1 {
                return Ok(true);
            }
        }
    }

    /// The line on which the record begins. The reader is behind the end of the record's last line;
    /// its own position for a record is before empty lines.
    fn line(&self) -> u64 {
        let inside = self
            .record
            .iter()
            .map(|cell| cell.matches('\n').count() as u64)
            .sum::<u64>();

        // A quotation mark that is not closed takes the end of the last line into its cell.
        self.reader
            .position()
            .line()
            .saturating_sub(1 + inside)
            .max(self.before)
    }

    fn take_row(&mut self, table: &mut Table) -> Result<()> {
        let (line, expected) = (self.line(), self.names.len());

        ensure!(
            self.record.len() == expected,
            "line {line} has {} columns, the first one {expected}; {}",
            self.record.len(),
            if self.record.iter().any(|cell| cell.contains('\n')) {
                "is a quotation mark not closed?".into()
            } else {
                format!(
                    "is the delimiter '{}' right?",
                    char::from(self.delimiter).escape_default()
                )
            }
        );

        for ((column, name), read) in table
            .columns
            .iter_mut()
            .zip(&table.names)
            .zip(&self.columns)
        {
            let cell = self.record[read.place].trim();
            push(column, cell).with_context(|| format!("line {line}, column '{name}'"))?;
        }

        table.lines.push(line);
        self.numbers += self.columns.len() as u64;
        self.budget
            .map_or(Ok(()), |budget| budget.allow(self.numbers))
    }
}

fn explain(error: csv::Error) -> anyhow::Error {
    let line = error.position().map(csv::Position::line);
    match (error.kind(), line) {
        (csv::ErrorKind::Utf8 { .. }, Some(line)) => {
            anyhow::anyhow!(
                "line {line} is not UTF-8; convert the file, for example with \
                 `iconv -f latin1 -t utf-8 FILE > NEW`"
            )
        }
        _ => anyhow::Error::from(error),
    }
}

#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod tests;
