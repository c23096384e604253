//! The one way from a file of any form to a table: `docs/data.md` tells users what each form must
//! look like.

use super::npy::{NpyArray, NpyValues};
use super::rows::CsvReader;
use super::source::{FileFormat, InputFile};
use super::table::{Column, Reading, Table, Unit};
use super::{idx, npz, ts};
use crate::support::memory::MemoryBudget;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::io::Read;
use std::path::Path;

/// What the target column of labels from a file of their own is called, unless that file has a name
/// for it.
pub const LABEL: &str = "label";
/// Stands for the last column.
pub const LAST: &str = "last";

/// What is wanted of a file.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// How a CSV file is written down; its `text` and `ignore` are the columns that stay text and
    /// that are left out.
    pub reading: Reading<'a>,
    /// The target columns; if there are none, those that the form itself knows: `y`, `class`, ...
    pub target: &'a [String],
    /// A file with the targets.
    pub labels: Option<&'a Path>,
    /// Columns that stay text if they are there.
    pub optional: Vec<&'a str>,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Its rows, with targets.
    pub table: Table,
    /// Its test part, if it has one of its own.
    pub test: Option<Table>,
    /// The names of the target columns.
    pub target: Vec<String>,
    /// A sentence about a first line that may hold names and was taken for a row.
    pub doubt: Option<String>,
    /// Whether it is CSV, with a delimiter between columns.
    pub is_text: bool,
}

/// Reads a file with inputs and targets.
///
/// # Errors
/// If it is not there, malformed, larger than the memory, or lacks a column; the message names the
/// place.
pub fn load(path: &Path, wanted: &Wanted) -> Result<Loaded> {
    let mut stream = TableReader::open(Some(path), &wanted.reading)?;

    if let Some(labels) = wanted.labels {
        return labelled(stream, labels, wanted)
            .with_context(|| format!("in '{}'", path.display()));
    }

    let target = stream.targets(wanted.target)?;
    let ignore = stream.rejoined(wanted.reading.ignore.iter().map(ToString::to_string));
    let ignore: Vec<&str> = ignore.iter().map(String::as_str).collect();
    let targets: Vec<&str> = target.iter().map(String::as_str).collect();

    let text = [
        &targets[..],
        &wanted.reading.text,
        &stream.there(&wanted.optional),
    ]
    .concat();

    stream.keep(&text, &ignore)?;
    stream.within()?;

    let (doubt, is_text) = (stream.doubt(), stream.is_text());
    let test = stream.test.take().map(WholeTable::sound).transpose();

    Ok(Loaded {
        table: stream.rest()?,
        test: test.with_context(|| format!("in {}", stream.place))?,
        target,
        doubt,
        is_text,
    })
}

fn labelled(mut stream: TableReader, labels: &Path, wanted: &Wanted) -> Result<Loaded> {
    ensure!(
        stream.known.is_empty(),
        "`labels`: the file has targets of its own: {}",
        stream.known.join(", ")
    );

    let text = [&wanted.reading.text[..], &stream.there(&wanted.optional)].concat();
    let ignore = stream.rejoined(wanted.reading.ignore.iter().map(ToString::to_string));
    stream.keep(
        &text,
        &ignore.iter().map(String::as_str).collect::<Vec<_>>(),
    )?;
    stream.within()?;

    let (doubt, is_text) = (stream.doubt(), stream.is_text());
    let mut table = stream.rest()?;
    let labels = read_labels(labels, &wanted.reading, table.rows())?;
    let target: Vec<String> = labels.iter().map(|(name, _)| name.clone()).collect();

    for (name, column) in labels {
        ensure!(
            !table.names.contains(&name),
            "`labels`: '{name}' is the name of an input too; rename one"
        );
        table.names.push(name);
        table.columns.push(column);
    }

    Ok(Loaded {
        table,
        test: None,
        target,
        doubt,
        is_text,
    })
}

/// The columns of a file of targets, of which there must be so many rows.
///
/// # Errors
/// If it is not there, malformed, or of another number of rows.
pub fn read_labels(path: &Path, how: &Reading, rows: usize) -> Result<Vec<(String, Column)>> {
    let how = Reading {
        delimiter: how.delimiter,
        header: how.header,
        ..Reading::default()
    };

    let mut stream = TableReader::open(Some(path), &how).context("`labels`")?;
    let (names, named) = stream.names();
    let names = names.to_vec();
    stream.keep(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[])?;

    let table = stream.rest().context("`labels`")?;

    ensure!(
        table.rows() == rows,
        "`labels`: '{}' has {} rows, and the inputs have {rows}",
        path.display(),
        table.rows()
    );

    let name = |i: usize, name: String| match (named, names.len()) {
        (true, _) => name,
        (false, 1) => LABEL.into(),
        (false, _) => format!("{LABEL}{}", i + 1),
    };

    Ok(table
        .names
        .into_iter()
        .zip(table.columns)
        .enumerate()
        .map(|(i, (n, column))| (name(i, n), column))
        .collect())
}

/// A file that is read in blocks if its form allows it, which CSV does.
pub struct TableReader {
    rows: TableRows,
    test: Option<WholeTable>,
    /// What is wrong with the row behind those that were given out.
    fault: Option<anyhow::Error>,
    /// The targets that the form itself knows.
    known: Vec<String>,
    place: String,
    len: Option<u64>,
    budget: MemoryBudget,
}

enum TableRows {
    Csv(Box<CsvReader<Box<dyn Read + Send>>>),
    Whole(Option<WholeTable>),
}

/// A table that was read as a whole.
struct WholeTable {
    table: Table,
    /// Where its columns come from, for messages: the array of so many first columns, and that of
    /// the others.
    arrays: Option<(usize, [&'static str; 2])>,
    /// What is wrong with the row behind those that are there.
    fault: Option<anyhow::Error>,
}

impl WholeTable {
    fn new(table: Table) -> WholeTable {
        WholeTable {
            table,
            arrays: None,
            fault: None,
        }
    }

    /// Turns columns into text and leaves columns out.
    fn keep(&mut self, text: &[&str], ignore: &[&str]) -> Result<()> {
        self.end_at_fault(ignore);
        self.table.keep(text, ignore)
    }

    /// Rows end before the first that has a number which is not finite, as they do in CSV; columns
    /// that are ignored do not matter.
    fn end_at_fault(&mut self, ignore: &[&str]) {
        let table = &mut self.table;
        let stays = |name: &&String| !ignore.contains(&name.as_str());
        let columns = table.names.iter().zip(&table.columns).enumerate();

        let not_finite =
            columns
                .filter(|(_, (name, _))| stays(name))
                .filter_map(|(place, (name, column))| match column {
                    Column::Numbers(x) => {
                        Some((x.iter().position(|x| !x.is_finite())?, place, name))
                    }
                    Column::Text(_) => None,
                });

        if let Some((row, place, name)) = not_finite.min_by_key(|(row, ..)| *row) {
            let value = match &table.columns[place] {
                Column::Numbers(x) => x[row],
                Column::Text(_) => f64::NAN,
            };
            let array = self.arrays.map_or(String::new(), |(first, [x, y])| {
                format!("array '{}': ", if place < first { x } else { y })
            });

            self.fault = Some(anyhow!(
                "{array}{} {}, column '{name}': {value} is not finite; remove the row or clip the value",
                table.unit,
                table.lines[row]
            ));
            table.truncate(row);
        }
    }

    /// The table, if nothing is wrong with any row.
    fn sound(mut self) -> Result<Table> {
        self.end_at_fault(&[]);
        self.fault.map_or(Ok(self.table), Err)
    }
}

/// What the arrays of one file give: its rows, its test part, the names of the targets.
type TableWithTest = (WholeTable, Option<WholeTable>, Vec<String>);

impl TableReader {
    /// Opens a file, or standard input if there is no path.
    ///
    /// # Errors
    /// If it is not there or malformed.
    pub fn open(path: Option<&Path>, how: &Reading) -> Result<TableReader> {
        let place = path.filter(|p| *p != Path::new("-"));
        let place = place.map_or("standard input".into(), |p| format!("'{}'", p.display()));
        let source = InputFile::open(path)?;
        TableReader::of(source, how, &place, MemoryBudget::find()?)
    }

    /// Of a source; `place` is what messages call it.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn of(
        mut source: InputFile,
        how: &Reading,
        place: &str,
        budget: MemoryBudget,
    ) -> Result<TableReader> {
        let whole = |parts: TableWithTest| (TableRows::Whole(Some(parts.0)), parts.1, parts.2);
        let (len, format) = (source.len, source.format);

        let read = || -> Result<_> {
            Ok(match format {
                FileFormat::Csv => (
                    TableRows::Csv(Box::new(CsvReader::open(source.bytes, how)?)),
                    None,
                    vec![],
                ),
                FileFormat::Ts => {
                    let (table, target, fault) = ts::read(&mut source.bytes, budget)?;
                    let table = WholeTable {
                        fault,
                        ..WholeTable::new(table)
                    };
                    whole((table, None, target.into_iter().collect()))
                }
                FileFormat::Idx => {
                    let array = idx::read(&mut source.bytes, budget)?;
                    let name = if array.shape.len() > 2 {
                        "pixel"
                    } else {
                        "column"
                    };
                    whole((WholeTable::new(table_of(&array, name)?), None, vec![]))
                }
                FileFormat::Npy => {
                    let array = npz::parse_npy_within(&source.all(budget.bytes())?, budget)
                        .context("the array")?;
                    whole((WholeTable::new(table_of(&array, "column")?), None, vec![]))
                }
                FileFormat::Npz => whole(archive(&npz::parse_within(
                    &source.all(budget.bytes())?,
                    budget,
                )?)?),
            })
        };

        let (rows, test, known) = read().with_context(|| format!("in {place}"))?;

        Ok(TableReader {
            rows,
            test,
            fault: None,
            known,
            place: place.into(),
            len,
            budget,
        })
    }

    /// The names of all columns, and whether the file has names.
    #[must_use]
    pub fn names(&self) -> (&[String], bool) {
        match &self.rows {
            TableRows::Csv(rows) => rows.names(),
            TableRows::Whole(table) => table
                .as_ref()
                .map_or((&[][..], false), |t| (&t.table.names, t.table.named)),
        }
    }

    /// A sentence about a first line that may hold names and was taken for a row.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        match &self.rows {
            TableRows::Csv(rows) => rows.doubt(),
            TableRows::Whole(_) => None,
        }
    }

    /// Whether the rows are lines of text, with a delimiter between columns.
    fn is_text(&self) -> bool {
        matches!(self.rows, TableRows::Csv(_))
    }

    /// Those of some columns that there are.
    fn there<'a>(&self, columns: &[&'a str]) -> Vec<&'a str> {
        let (names, _) = self.names();
        columns
            .iter()
            .copied()
            .filter(|column| names.iter().any(|name| name == column))
            .collect()
    }

    /// The targets that the form itself knows.
    #[must_use]
    pub fn known(&self) -> &[String] {
        &self.known
    }

    /// Names of columns, of which those with a comma in them may have been taken apart at it:
    /// parts that are no columns themselves and make one together.
    fn rejoined(&self, parts: impl Iterator<Item = String>) -> Vec<String> {
        let (names, _) = self.names();
        let parts: Vec<String> = parts.collect();
        let (mut whole, mut at) = (vec![], 0);

        while at < parts.len() {
            let is_column = |end: &usize| names.contains(&parts[at..*end].join(","));
            let end = (at + 1..=parts.len()).find(is_column).unwrap_or(at + 1);
            whole.push(parts[at..end].join(","));
            at = end;
        }

        whole
    }

    /// The names of the targets: those asked for, of which `last` may be one, or those that the
    /// form itself knows.
    ///
    /// # Errors
    /// If none is asked for and none is known.
    pub fn targets(&self, asked: &[String]) -> Result<Vec<String>> {
        let (names, _) = self.names();

        if asked.is_empty() {
            ensure!(
                !self.known.is_empty(),
                "which column is to be predicted? name it with `target` ({LAST} for the last one), or give a file \
                 with `labels`; there are {}",
                super::table::listed(names)
            );

            return Ok(self.known.clone());
        }

        let named = |name: &String| {
            let last = names
                .last()
                .filter(|_| name == LAST && !names.contains(name));
            last.unwrap_or(name).clone()
        };

        Ok(self.rejoined(asked.iter().map(named)))
    }

    /// Calls the targets that the form knows by these names.
    pub fn call_targets(&mut self, names: &[String]) {
        let TableRows::Whole(Some(WholeTable { table, .. })) = &mut self.rows else {
            return;
        };
        if names.len() != self.known.len() || names.iter().any(|n| table.names.contains(n)) {
            return;
        }

        for (old, new) in self.known.iter_mut().zip(names) {
            for name in table.names.iter_mut().filter(|name| *name == old) {
                name.clone_from(new);
            }
            old.clone_from(new);
        }
    }

    /// The test part in place of the other, if there is one; whether there is.
    pub fn test_part(&mut self) -> bool {
        let test = self.test.take();
        let there = test.is_some();
        if there {
            self.rows = TableRows::Whole(test);
        }
        there
    }

    /// Which columns are text, and which are left out.
    ///
    /// # Errors
    /// If one of them is not there, or none is left.
    pub fn keep(&mut self, text: &[&str], ignore: &[&str]) -> Result<()> {
        let kept = match &mut self.rows {
            TableRows::Csv(rows) => rows.keep(text, ignore),
            TableRows::Whole(table) => {
                let mut parts = table.iter_mut().chain(&mut self.test);
                parts.try_for_each(|table| table.keep(text, ignore))
            }
        };
        kept.with_context(|| format!("in {}", self.place))
    }

    /// Whether all of it fits into memory.
    ///
    /// # Errors
    /// If it does not; the message says what it needs.
    pub fn within(&mut self) -> Result<()> {
        let TableRows::Csv(rows) = &mut self.rows else {
            return Ok(());
        };
        rows.within(self.budget, self.len)
            .with_context(|| format!("in {}", self.place))
    }

    /// The next rows, about so many; none at the end.
    ///
    /// # Errors
    /// If a row is malformed.
    pub fn next_rows(&mut self, most: usize) -> Result<Option<Table>> {
        match &mut self.rows {
            TableRows::Csv(rows) => rows
                .next_rows(most)
                .with_context(|| format!("in {}", self.place)),
            TableRows::Whole(table) => {
                let table = table.take().map(WholeTable::sound).transpose();
                table.with_context(|| format!("in {}", self.place))
            }
        }
    }

    /// As [`TableReader::next_rows`], but the rows before a malformed one are given out before that is
    /// an error.
    ///
    /// # Errors
    /// If the next row is malformed.
    pub fn next_good_rows(&mut self, most: usize) -> Result<Option<Table>> {
        match &mut self.rows {
            TableRows::Csv(rows) => rows
                .next_good_rows(most)
                .with_context(|| format!("in {}", self.place)),
            TableRows::Whole(whole) => {
                let place = || format!("in {}", self.place);
                if let Some(fault) = self.fault.take() {
                    return Err(fault).with_context(place);
                }

                let Some(mut whole) = whole.take() else {
                    return Ok(None);
                };
                whole.end_at_fault(&[]);

                let WholeTable { table, fault, .. } = whole;
                if table.rows() == 0 {
                    return fault.map_or(Ok(None), Err).with_context(place);
                }

                self.fault = fault;
                Ok(Some(table))
            }
        }
    }

    /// All rows that are left.
    ///
    /// # Errors
    /// If one is malformed, or there are none.
    pub fn rest(&mut self) -> Result<Table> {
        let rows = self.next_rows(usize::MAX)?;
        rows.with_context(|| {
            format!(
                "in {}: there are names of columns, but no row below them",
                self.place
            )
        })
    }
}

/// The columns of an array: `name1`, `name2`, ...; of text too.
fn columns_of(array: &NpyArray, name: &str) -> Result<Vec<(String, Column)>> {
    let (rows, width) = (array.rows(), array.columns());

    ensure!(
        rows > 0 && width > 0,
        "the array is empty: its shape is {:?}",
        array.shape
    );

    let column = |j: usize| match &array.values {
        NpyValues::F64(v) => Column::Numbers(v.iter().skip(j).step_by(width).copied().collect()),
        NpyValues::I64(v) => {
            Column::Numbers(v.iter().skip(j).step_by(width).map(|&x| x as f64).collect())
        }
        NpyValues::Text(v) => Column::Text(v.iter().skip(j).step_by(width).cloned().collect()),
    };

    let columns: Vec<_> = (0..width)
        .map(|j| (format!("{name}{}", j + 1), column(j)))
        .collect();

    Ok(columns)
}

fn table_of(array: &NpyArray, name: &str) -> Result<Table> {
    let (names, columns): (Vec<_>, Vec<_>) = columns_of(array, name)?.into_iter().unzip();
    let lines = (1..=array.rows() as u64).collect();

    Ok(Table {
        names,
        columns,
        lines,
        unit: Unit::Row,
        named: false,
    })
}

/// The names under which archives hold inputs and targets, training part and test part.
const INPUTS: [&str; 3] = ["x", "x_train", "data"];
const TARGETS: [&str; 4] = ["y", "y_train", "target", "labels"];

fn archive(arrays: &[(String, NpyArray)]) -> Result<TableWithTest> {
    let named = |names: &[&str]| {
        names.iter().find_map(|name| {
            arrays
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, a)| a)
        })
    };

    let inputs = named(&INPUTS).with_context(|| {
        let there: Vec<&str> = arrays.iter().map(|(n, _)| n.as_str()).collect();
        format!(
            "there is no array x with the inputs; there are {}",
            there.join(", ")
        )
    })?;

    let (table, target) = part(inputs, named(&TARGETS), ("x", "y"))?;

    let test = match (named(&["x_test"]), named(&["y_test"])) {
        (None, None) => None,
        (Some(x), y) if y.is_some() != target.is_empty() => {
            Some(part(x, y, ("x_test", "y_test"))?.0)
        }
        _ => bail!("of the arrays x_test and y_test one is missing"),
    };

    let same = test
        .as_ref()
        .is_none_or(|test| test.table.names == table.table.names);
    ensure!(same, "training part and test part are of different widths");

    Ok((table, test, target))
}

/// A table of the inputs x1, x2, ... and the targets y, or y1, y2, ...; `names` are those of the
/// arrays, for messages.
fn part(
    x: &NpyArray,
    y: Option<&NpyArray>,
    names: (&'static str, &'static str),
) -> Result<(WholeTable, Vec<String>)> {
    let mut table = table_of(x, "x").with_context(|| format!("array '{}'", names.0))?;

    ensure!(
        !matches!(x.values, NpyValues::Text(_)),
        "array '{}': inputs must be numbers",
        names.0
    );

    let arrays = Some((x.columns(), [names.0, names.1]));
    let whole = |table| WholeTable {
        arrays,
        ..WholeTable::new(table)
    };

    let Some(y) = y else {
        return Ok((whole(table), vec![]));
    };

    ensure!(
        y.rows() == x.rows(),
        "'{}' has {} rows, and '{}' has {}",
        names.1,
        y.rows(),
        names.0,
        x.rows()
    );

    let targets = columns_of(y, "y").with_context(|| format!("array '{}'", names.1))?;
    let single = targets.len() == 1;
    let (mut known, mut columns): (Vec<String>, Vec<Column>) = targets.into_iter().unzip();

    if single {
        known = vec!["y".into()];
    }

    table.names.extend(known.iter().cloned());
    table.columns.append(&mut columns);
    Ok((whole(table), known))
}

#[cfg(test)]
mod tests;
