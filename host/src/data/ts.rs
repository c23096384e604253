//! The text form of the time-series archive (`.ts`): a header of `@` lines, then one series per line,
//! its dimensions separated by colons, the class or the target value last.

use super::cell::quoted;
use super::table::{Column, ROW_LIMIT, Table, Unit};
use crate::support::memory::MemoryBudget;
use anyhow::{Context, Error, Result, bail, ensure};
use std::io::{BufRead, BufReader, Read};

/// What the header says, and the names of the columns, which the first series decides.
#[derive(Default)]
struct TsHeader {
    classes: Option<Vec<String>>,
    target: bool,
    dimensions: Option<usize>,
    length: Option<usize>,
}

/// The target column of a file of classes.
pub const CLASS: &str = "class";
/// The target column of a file of numbers.
pub const VALUE: &str = "target";

/// Reads a file: a table with a column an instant, and the name of the target column if there is
/// one.
///
/// # Errors
/// If the header or the first series is malformed, or the memory is too small; the message names the
/// place. What is wrong with a later series comes beside the series before it: a value is missing,
/// say, or series differ in length.
pub fn read(
    from: &mut dyn Read,
    budget: MemoryBudget,
) -> Result<(Table, Option<String>, Option<Error>)> {
    let mut lines = TsLines {
        from: BufReader::new(from),
        number: 0,
    };
    let form = header(&mut lines)?;

    let mut body = Body {
        form,
        shape: None,
        columns: vec![],
        targets: vec![],
        lines: vec![],
    };

    let fault = loop {
        match body.next_series(&mut lines) {
            Ok(true) => budget.allow(body.lines.len() as u64 * body.columns.len() as u64)?,
            Ok(false) => break None,
            Err(fault) if body.lines.is_empty() => return Err(fault),
            Err(fault) => break Some(fault),
        }
    };

    let (table, target) = body.table()?;
    Ok((table, target, fault))
}

/// Lines that are neither empty nor comments.
struct TsLines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> TsLines<R> {
    fn next(&mut self) -> Result<Option<String>> {
        loop {
            self.number += 1;

            let mut line = vec![];
            let got = (&mut self.from)
                .take(ROW_LIMIT)
                .read_until(b'\n', &mut line)
                .context("the file cannot be read")?;

            if got == 0 {
                return Ok(None);
            }

            ensure!(
                (got as u64) < ROW_LIMIT,
                "line {} is longer than {ROW_LIMIT} bytes",
                self.number
            );

            let line = String::from_utf8(line)
                .ok()
                .with_context(|| format!("line {} is not UTF-8", self.number))?;
            let line = line.trim_start_matches('\u{feff}').trim();

            if !line.is_empty() && !line.starts_with('#') {
                return Ok(Some(line.into()));
            }
        }
    }
}

fn header<R: BufRead>(lines: &mut TsLines<R>) -> Result<TsHeader> {
    let mut form = TsHeader::default();

    while let Some(line) = lines.next()? {
        let number = lines.number;

        let Some(rest) = line.strip_prefix('@') else {
            bail!(
                "line {number}: a series before the line '@data', or a line of the header without its '@'"
            )
        };

        let mut words = rest.split_whitespace();
        let word = words.next().unwrap_or_default().to_ascii_lowercase();
        if word == "data" {
            return Ok(form);
        }

        form.take(&word, &words.collect::<Vec<_>>())
            .with_context(|| format!("line {number}"))?;
    }

    bail!("there is no line '@data'; the file was cut off, or is of another kind")
}

impl TsHeader {
    fn take(&mut self, word: &str, values: &[&str]) -> Result<()> {
        let first = values.first().copied().unwrap_or_default();
        let is = || match first.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => bail!("@{word} must be followed by true or false, not '{first}'"),
        };

        let number = || {
            first
                .parse::<usize>()
                .ok()
                .filter(|&n| n > 0)
                .with_context(|| format!("@{word} '{first}' is no count"))
        };

        match word {
            "problemname" | "missing" | "equallength" | "univariate" => {}
            "timestamps" => ensure!(
                !is()?,
                "series with time stamps are not read; write them at equal steps without"
            ),
            "dimension" | "dimensions" => self.dimensions = Some(number()?),
            "serieslength" => self.length = Some(number()?),
            "classlabel" => {
                let named = values
                    .iter()
                    .skip(1)
                    .map(ToString::to_string)
                    .collect::<Vec<_>>();
                self.classes = is()?.then_some(named);
            }
            "targetlabel" => self.target = is()?,
            other => bail!("'@{other}' is not known in a .ts file"),
        }

        Ok(())
    }

    fn target(&self) -> Option<&'static str> {
        if self.classes.is_some() {
            Some(CLASS)
        } else {
            self.target.then_some(VALUE)
        }
    }
}

/// What the series give.
struct Body {
    form: TsHeader,
    /// Number of dimensions, and their length; of the first series.
    shape: Option<(usize, usize)>,
    columns: Vec<Vec<f64>>,
    targets: Vec<String>,
    lines: Vec<u64>,
}

impl Body {
    /// Takes the next series, if there is one.
    fn next_series<R: BufRead>(&mut self, lines: &mut TsLines<R>) -> Result<bool> {
        let Some(line) = lines.next()? else {
            return Ok(false);
        };
        let place = || format!("line {}", lines.number);
        self.series(&line, lines.number).with_context(place)?;
        Ok(true)
    }

    fn series(&mut self, line: &str, number: u64) -> Result<()> {
        let mut parts: Vec<&str> = line.split(':').map(str::trim).collect();

        if self.form.target().is_some() {
            ensure!(
                parts.len() > 1,
                "there is no ':' with the class behind it; the line was cut off"
            );
            let target = parts.pop().unwrap_or_default();
            self.target(target)?;
        }

        let (dimensions, length) = self.shape_with(&parts)?;

        ensure!(
            parts.len() == dimensions,
            "the series has {} dimensions, and {dimensions} are expected",
            parts.len()
        );

        for (d, (part, columns)) in parts
            .iter()
            .zip(self.columns.chunks_mut(length))
            .enumerate()
        {
            let instants = part.split(',').count();

            ensure!(
                instants == length,
                "dimension {} has {instants} instants, and {length} are expected; cut or fill the series to one length",
                d + 1
            );

            for (t, (cell, column)) in part.split(',').zip(columns).enumerate() {
                column.push(
                    number_of(cell.trim())
                        .with_context(|| format!("dimension {}, instant {}", d + 1, t + 1))?,
                );
            }
        }

        self.lines.push(number);
        Ok(())
    }

    /// Number and length of the dimensions. The first series decides: the header alone must not
    /// take memory.
    fn shape_with(&mut self, parts: &[&str]) -> Result<(usize, usize)> {
        if let Some(shape) = self.shape {
            return Ok(shape);
        }

        let there = (parts.len(), parts[0].split(',').count());
        let said = (
            self.form.dimensions.unwrap_or(there.0),
            self.form.length.unwrap_or(there.1),
        );

        ensure!(
            there == said,
            "the series has {} dimensions of {} instants, and the header says {} of {}",
            there.0,
            there.1,
            said.0,
            said.1
        );

        self.shape = Some(there);
        self.columns = vec![vec![]; there.0 * there.1];
        Ok(there)
    }

    fn target(&mut self, target: &str) -> Result<()> {
        ensure!(
            !target.is_empty() && target != "?",
            "the class or target is missing"
        );

        if let Some(classes) = self.form.classes.as_ref().filter(|c| !c.is_empty()) {
            let known = classes.iter().any(|c| c == target);
            ensure!(
                known,
                "the class {} is not one that the header names: {}",
                quoted(target),
                super::table::listed(classes)
            );
        }

        self.targets.push(target.into());
        Ok(())
    }

    fn table(self) -> Result<(Table, Option<String>)> {
        let (dimensions, length) = self.shape.context("there is no series below '@data'")?;

        let name = |d: usize, t: usize| {
            if dimensions == 1 {
                format!("t{t}")
            } else {
                format!("dim{d}_t{t}")
            }
        };

        let names = (1..=dimensions).flat_map(|d| (1..=length).map(move |t| name(d, t)));

        let mut table = Table {
            names: names.collect(),
            columns: self.columns.into_iter().map(Column::Numbers).collect(),
            lines: self.lines,
            unit: Unit::Line,
            named: true,
        };

        let target = self.form.target().map(String::from);
        if let Some(target) = &target {
            table.names.push(target.clone());
            table.columns.push(Column::Text(self.targets));
        }

        // A part of a series that is malformed may be there.
        table.truncate(table.rows());

        Ok((table, target))
    }
}

fn number_of(cell: &str) -> Result<f64> {
    ensure!(
        !super::cell::is_missing(cell),
        "the value is missing ('{cell}'); fill it in, for example with the one before, or remove the series"
    );

    let x = cell
        .parse::<f64>()
        .ok()
        .with_context(|| format!("{} is not a number", quoted(cell)))?;

    ensure!(
        x.is_finite(),
        "{} is not finite; remove the series or clip the value",
        quoted(cell)
    );

    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(Table, Option<String>)> {
        let budget = MemoryBudget::parse("1M").unwrap();
        let (table, target, fault) = read(&mut text.as_bytes(), budget)?;
        fault.map_or(Ok((table, target)), Err)
    }

    #[test]
    fn the_series_before_a_malformed_one_are_given_out() {
        let text = TWO.replace("8,9", "8,x");
        let budget = MemoryBudget::parse("1M").unwrap();
        let (table, _, fault) = read(&mut text.as_bytes(), budget).unwrap();

        assert_eq!(table.lines, [10]);
        assert_eq!(table.columns[0], Column::Numbers(vec![1.0]));
        assert_eq!(table.columns[6], Column::Text(vec!["sit".into()]));
        assert!(format!("{:#}", fault.unwrap()).contains("line 11"));
    }

    const TWO: &str = "#note\n@problemName P\n@timeStamps false\n@univariate false\n@dimensions 2\n@equalLength true\n\
        @seriesLength 3\n@classLabel true sit walk\n@data\n1,2,3:4,5,6:sit\n7, 8,9 :-1,0,1e1:walk\n";

    #[test]
    fn dimensions_become_columns_and_the_class_the_target() {
        let (table, target) = parse(TWO).unwrap();
        assert_eq!(target.as_deref(), Some("class"));

        let names = [
            "dim1_t1", "dim1_t2", "dim1_t3", "dim2_t1", "dim2_t2", "dim2_t3", "class",
        ];

        assert_eq!(table.names, names);
        assert_eq!(table.lines, [10, 11]);
        assert_eq!(table.columns[1], Column::Numbers(vec![2.0, 8.0]));
        assert_eq!(table.columns[5], Column::Numbers(vec![6.0, 10.0]));
        assert_eq!(
            table.columns[6],
            Column::Text(vec!["sit".into(), "walk".into()])
        );

        let (one, target) =
            parse("@problemname P\r\n@targetlabel true\r\n@DATA\r\n1,2:0.5\r\n").unwrap();

        assert_eq!(
            (one.names, target),
            (
                vec!["t1".into(), "t2".into(), "target".into()],
                Some("target".into())
            )
        );

        assert_eq!(parse("@classlabel false\n@data\n1,2\n").unwrap().1, None);
    }

    #[test]
    fn what_is_wrong_is_named_by_line_dimension_and_instant() {
        let error = |text: &str| format!("{:#}", parse(text).unwrap_err());

        for (change, to, expected) in [
            (
                "8,",
                "?,",
                "line 11: dimension 1, instant 2: the value is missing ('?')",
            ),
            (
                "8,",
                "x,",
                "line 11: dimension 1, instant 2: 'x' is not a number",
            ),
            (
                "1e1",
                "1e999",
                "line 11: dimension 2, instant 3: '1e999' is not finite",
            ),
            (
                "7, 8,9 ",
                "7,8",
                "line 11: dimension 1 has 2 instants, and 3 are expected",
            ),
            (
                ":-1,0,1e1",
                "",
                "line 11: the series has 1 dimensions, and 2 are expected",
            ),
            (
                ":walk",
                ":run",
                "line 11: the class 'run' is not one that the header names: sit, walk",
            ),
            (":walk", ":", "line 11: the class or target is missing"),
            (
                "@dimensions 2",
                "@dimensions 3",
                "line 10: the series has 2 dimensions of 3 instants, and the header says 3 of 3",
            ),
            (
                "@seriesLength 3",
                "@seriesLength 99999999999999",
                "the header says 2 of 99999999999999",
            ),
            (
                "@timeStamps false",
                "@timeStamps true",
                "line 3: series with time stamps are not read",
            ),
            (
                "@timeStamps false",
                "@timeStamps",
                "must be followed by true or false",
            ),
            ("@data", "@date", "line 9: '@date' is not known"),
            ("@data\n", "", "line 9: a series before the line '@data'"),
            (
                "@dimensions 2",
                "@dimensions two",
                "line 5: @dimensions 'two' is no count",
            ),
        ] {
            assert!(TWO.contains(change));
            let error = error(&TWO.replacen(change, to, 1));
            assert!(error.contains(expected), "{expected}: {error}");
        }

        assert!(error("@problemName P\n").contains("no line '@data'"));
        assert!(error("@problemName P\n@data\n").contains("no series"));
        assert!(error("@classLabel true a b\n@data\n1,2,3\n").contains("no ':' with the class"));
    }
}
