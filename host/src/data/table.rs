//! Tables of numbers and text from CSV files: the delimiter and whether there is a header are found out, and what is wrong is
//! named by line and column.

use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A table, column by column.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The names of the columns; `column1`, `column2`, ... if there is no header.
    pub names: Vec<String>,
    /// What they hold.
    pub columns: Vec<Column>,
    /// The line of the file on which each row begins, from 1.
    pub lines: Vec<u64>,
}

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

/// What may separate columns, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How much of a file is looked at to find out its form.
const PEEK: usize = 1 << 16;

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is not there or malformed; the message names the place.
    pub fn read(path: &Path, how: &Reading) -> Result<Table> {
        let file = File::open(path).with_context(|| format!("cannot open '{}'", path.display()))?;
        Table::parse(file, how).with_context(|| format!("in '{}'", path.display()))
    }

    /// Reads from anywhere, row by row.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn parse(from: impl Read, how: &Reading) -> Result<Table> {
        let mut from = BufReader::with_capacity(PEEK, UnixLines { from, after_return: false, ended: false });
        let start = from.fill_buf().context("the file cannot be read")?.to_vec();
        let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&start);
        ensure!(!start.trim_ascii().is_empty(), "the file is empty");
        ensure!(!start.contains(&0), "this is no text: it holds bytes of 0");
        let delimiter = how.delimiter.unwrap_or_else(|| sniff(start));
        let header = how.header.unwrap_or_else(|| has_header(start, delimiter));
        let mut reader = records(from, delimiter);
        let mut record = csv::StringRecord::new();
        let mut table = Table { names: vec![], columns: vec![], lines: vec![] };
        let mut kept: Vec<usize> = vec![];
        let mut width = None;
        while reader.read_record(&mut record).map_err(explain)? {
            // The reader is behind the end of the record's last line; its own position for a record is before empty lines.
            let inside = record.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
            let line = reader.position().line().saturating_sub(1 + inside);
            let expected = *width.get_or_insert(record.len());
            ensure!(
                record.len() == expected,
                "line {line} has {} columns, the first one {expected}; is the delimiter '{}' right?",
                record.len(),
                char::from(delimiter)
            );
            if table.names.is_empty() {
                let names = names_of(&record, header)?;
                for &name in how.text.iter().chain(&how.ignore) {
                    ensure!(
                        names.iter().any(|n| n == name),
                        "there is no column '{name}'; there are {}",
                        names.join(", ")
                    );
                }
                kept = (0..names.len()).filter(|&i| !how.ignore.contains(&names[i].as_str())).collect();
                ensure!(!kept.is_empty(), "every column is to be ignored");
                table.columns = kept.iter().map(|&i| empty(how.text.contains(&names[i].as_str()))).collect();
                table.names = kept.iter().map(|&i| names[i].clone()).collect();
                if header {
                    continue;
                }
            }
            for ((column, name), &i) in table.columns.iter_mut().zip(&table.names).zip(&kept) {
                push(column, &record[i]).with_context(|| format!("line {line}, column '{name}'"))?;
            }
            table.lines.push(line);
        }
        ensure!(!table.lines.is_empty(), "there is a line of names, but no row below it");
        Ok(table)
    }

    /// The names of the columns of a table, whatever they hold.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn names(start: &[u8], how: &Reading) -> Result<Vec<String>> {
        let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
        ensure!(!start.trim_ascii().is_empty(), "the file is empty");
        let start = &start[..start.len().min(PEEK)];
        let delimiter = how.delimiter.unwrap_or_else(|| sniff(start));
        let header = how.header.unwrap_or_else(|| has_header(start, delimiter));
        let first = records(start, delimiter).records().next().context("the file is empty")?.map_err(explain)?;
        names_of(&first, header)
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// Takes a column out.
    ///
    /// # Errors
    /// If there is none of that name; the message lists them.
    pub fn take(&mut self, name: &str) -> Result<Column> {
        let found = self.names.iter().position(|n| n == name);
        let i = found.with_context(|| format!("there is no column '{name}'; there are {}", self.names.join(", ")))?;
        self.names.remove(i);
        Ok(self.columns.remove(i))
    }
}

/// The same text with every line ended by a line feed, the last one too.
struct UnixLines<R> {
    from: R,
    after_return: bool,
    ended: bool,
}

impl<R: Read> Read for UnixLines<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let got = self.from.read(to)?;
            if got == 0 {
                let first = to.first_mut().filter(|_| !std::mem::replace(&mut self.ended, true));
                return Ok(first.map_or(0, |byte| {
                    *byte = b'\n';
                    1
                }));
            }
            let mut kept = 0;
            for i in 0..got {
                let byte = to[i];
                let second_half = std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
                if !second_half {
                    to[kept] = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
            }
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

fn empty(text: bool) -> Column {
    if text { Column::Text(vec![]) } else { Column::Numbers(vec![]) }
}

fn push(column: &mut Column, cell: &str) -> Result<()> {
    let missing = is_missing(cell);
    ensure!(!missing, "the value is missing ('{cell}'); fill it in, or remove the row or the column");
    match column {
        Column::Text(text) => text.push(cell.into()),
        Column::Numbers(numbers) => {
            let Ok(x) = cell.parse::<f64>() else {
                bail!("'{cell}' is no number; if the column is no input, name it with --target, --group or --ignore");
            };
            ensure!(x.is_finite(), "'{cell}' is not finite; remove the row or clip the value");
            numbers.push(x);
        }
    }
    Ok(())
}

/// Whether a cell says that there is no value.
fn is_missing(cell: &str) -> bool {
    ["", "?", "na", "n/a", "nan", "null", "none"].contains(&cell.to_ascii_lowercase().as_str())
}

fn records<R: Read>(from: R, delimiter: u8) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(from)
}

fn explain(error: csv::Error) -> anyhow::Error {
    let line = error.position().map(csv::Position::line);
    match (error.kind(), line) {
        (csv::ErrorKind::Utf8 { .. }, Some(line)) => {
            anyhow::anyhow!("line {line} is not UTF-8; convert the file, for example with `iconv -t utf-8`")
        }
        _ => anyhow::Error::from(error),
    }
}

fn names_of(record: &csv::StringRecord, header: bool) -> Result<Vec<String>> {
    if !header {
        return Ok((1..=record.len()).map(|i| format!("column{i}")).collect());
    }
    let names: Vec<String> = record.iter().map(|n| n.trim_start_matches('\u{feff}').to_string()).collect();
    for (i, name) in names.iter().enumerate() {
        ensure!(!name.is_empty(), "column {} has no name", i + 1);
        ensure!(!names[..i].contains(name), "two columns are called '{name}'");
    }
    Ok(names)
}

/// The first lines, without one that may be cut off.
fn first_lines(start: &[u8]) -> &[u8] {
    if start.len() < PEEK / 2 {
        return start;
    }
    let end = start.iter().rposition(|&b| b == b'\n').map_or(start.len(), |i| i + 1);
    &start[..end]
}

/// The delimiter that gives every line the same number of columns, more than one if possible.
fn sniff(start: &[u8]) -> u8 {
    let columns = |delimiter: u8| {
        let widths: Vec<usize> =
            records(first_lines(start), delimiter).records().flatten().take(20).map(|r| r.len()).collect();
        let first = widths.first().copied().unwrap_or(0);
        let alike = widths.iter().filter(|&&w| w == first).count();
        // One column is always alike, and never what is meant if another reading has more.
        if first < 2 { (0, 0) } else { (alike * 20 / widths.len().max(1), first) }
    };
    let best = DELIMITERS.into_iter().rev().max_by_key(|&d| columns(d));
    best.unwrap_or(b',')
}

/// Names if some cell of the first line is text, and the cell below it is a number, or every cell is different text.
fn has_header(start: &[u8], delimiter: u8) -> bool {
    let rows: Vec<csv::StringRecord> = records(first_lines(start), delimiter).records().flatten().take(2).collect();
    let Some(first) = rows.first() else { return false };
    let is_number = |cell: &str| cell.trim_start_matches('\u{feff}').parse::<f64>().is_ok();
    match rows.get(1) {
        Some(second) => {
            let over_number = first.iter().zip(second).any(|(a, b)| !is_number(a) && !is_missing(a) && is_number(b));
            over_number || !first.iter().any(is_number)
        }
        None => !first.iter().any(is_number),
    }
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
        assert_eq!(expected.columns, [Column::Numbers(vec![1.0, 3.0]), Column::Numbers(vec![2.0, 4.0])]);
        assert_eq!(expected.lines, [2, 3]);
        for text in ["a;b\n1;2\n3;4", "\u{feff}a\tb\r\n1\t2\r\n3\t4\r\n", "\"a\"|\"b\"\n1|\"2\"\n3|4\n"] {
            assert_eq!(parse(text, &Reading::default()).unwrap(), expected, "{text}");
        }
        let bare = parse("1,2\n3,4\n", &Reading::default()).unwrap();
        assert_eq!(bare.names, ["column1", "column2"]);
        assert_eq!(bare.columns, expected.columns);
        let named = Reading { header: Some(true), ..Reading::default() };
        assert_eq!(parse("7,8\n1,2\n", &named).unwrap().names, ["7", "8"]);
    }

    #[test]
    fn text_columns_and_ignored_ones() {
        let how = Reading { text: vec!["kind"], ignore: vec!["note"], ..Reading::default() };
        let mut table = parse("x,kind,note\n1,\"a, b\",\n2,c,what\n", &how).unwrap();
        assert_eq!(table.take("kind").unwrap(), Column::Text(vec!["a, b".into(), "c".into()]));
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
            ("a,b\r\n1,2\n\n3,-inf", "line 4, column 'b': '-inf' is not finite"),
            ("a,b\n1,2\n3,x7\n", "line 3, column 'b': 'x7' is no number"),
            ("a,a\n1,2\n", "two columns are called 'a'"),
            ("a,\n1,2\n", "column 2 has no name"),
            ("a\0b\n", "no text"),
        ] {
            let error = format!("{:#}", parse(text, &Reading::default()).unwrap_err());
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        let how = Reading { text: vec!["y"], ..Reading::default() };
        assert!(format!("{:#}", parse("a,b\n1,2\n", &how).unwrap_err()).contains("no column 'y'; there are a, b"));
        let latin = Table::parse(&b"a,b\n1,\xe9\n"[..], &Reading { text: vec!["b"], ..Reading::default() });
        assert!(format!("{:#}", latin.unwrap_err()).contains("line 2 is not UTF-8"));
    }
}
