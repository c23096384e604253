//! `ldnn eval` and `ldnn predict`: the use of a model on the rows of a table.

use super::common::{ConfigArgs, is_gone};
use super::dataset::note_header;
use super::files::Files;
use super::plan::Plan;
use super::tables::TableArgs;
use crate::data::load::{TableReader, read_labels};
use crate::data::table::{Reading, Table};
use crate::data::task::{ExampleTargets, Examples};
use crate::model::{EvaluatedRows, Model, PredictionWriter};
use crate::support::atomic::AtomicFile;
use crate::support::progress::Output;
use crate::support::refused::refused;
use crate::support::stop::{self, Stopped};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "\
Examples:
  ldnn eval gestures.ldnn more.csv
  ldnn eval digits.ldnn t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz
  ldnn eval arrays.ldnn arrays.npz          its test part, x_test and y_test, if it has one

CSV is read in blocks: its size does not matter. Exit codes: 0 done, 1 the work failed, 2 the table or model is wrong.")]
pub struct EvalArgs {
    /// A model of `ldnn train`
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// A table with the inputs and the target, in any form that `ldnn train` reads; `-` is standard
    /// input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A file with the right answers, one row per example, if they are not in FILE
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "\
Examples:
  ldnn predict gestures.ldnn new.csv > classes.csv
  ldnn predict gestures.ldnn new.csv.gz --out classes.csv
  sensor | ldnn predict gestures.ldnn --block 1 | act

The output has a line of names, then a line for each row, in the order of the rows: the class and the probability of every class, or
the numbers. It is CSV; a name that a spreadsheet would take for a formula gets an apostrophe before it. FILE may have other columns,
also of text; without names its columns are the inputs in order. CSV of any size is read in constant memory.")]
pub struct PredictArgs {
    /// A model of `ldnn train`
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// A table with the inputs, in any form that `ldnn train` reads; other columns do not matter
    /// [default: standard input]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Where the predictions go, all of them or nothing [default: standard output, as they are
    /// made]
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Overwrite the file that is at --out
    #[arg(long)]
    #[serde(skip)]
    pub replace: bool,
    /// Rows that are read, predicted and written at a time; 1 answers every row at once
    #[arg(long, value_name = "N", default_value_t = 1024)]
    block: usize,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

/// Rows that are evaluated at a time.
const BLOCK: usize = 4096;

/// A model and the rows that it is to be used on.
pub struct ApplyPlan {
    model: Model,
    rows: RefCell<RowSource>,
    what: ApplyCommand,
    inputs: Vec<PathBuf>,
}

enum ApplyCommand {
    Evaluate,
    Predict {
        out: Option<PathBuf>,
        replace: bool,
        block: usize,
    },
}

enum RowSource {
    Stream(Box<TableReader>),
    Table(Option<Table>),
}

impl RowSource {
    fn next(&mut self, most: usize) -> Result<Option<Table>> {
        match self {
            RowSource::Stream(stream) => stream.next_rows(most),
            RowSource::Table(table) => Ok(table.take()),
        }
    }

    /// The same, but the rows before a malformed one come before the error.
    fn next_good(&mut self, most: usize) -> Result<Option<Table>> {
        match self {
            RowSource::Stream(stream) => stream.next_good_rows(most),
            RowSource::Table(table) => Ok(table.take()),
        }
    }
}

/// Leaves the model's columns, the targets too if they are wanted, and makes sure that they are
/// there.
fn select(stream: &mut TableReader, model: &Model, targets: bool) -> Result<()> {
    let (names, named) = stream.names();
    let names = names.to_vec();
    let wanted = model.targets();
    let known = stream.known().to_vec();
    let there: Vec<usize> = (0..names.len())
        .filter(|&i| targets || !known.contains(&names[i]))
        .collect();
    let inputs: Vec<String> = there.iter().map(|&i| names[i].clone()).collect();

    let mut kept = vec![false; names.len()];
    model
        .places(&inputs, named)?
        .into_iter()
        .for_each(|i| kept[there[i]] = true);

    for name in wanted.iter().filter(|_| targets) {
        let place = names.iter().position(|n| n == name);
        kept[place.with_context(|| {
            format!("there is no column '{name}' with the right answers; give --labels FILE")
        })?] = true;
    }

    let ignore: Vec<&str> = names
        .iter()
        .zip(&kept)
        .filter(|(_, kept)| !**kept)
        .map(|(n, _)| n.as_str())
        .collect();

    let text: Vec<&str> = if targets {
        wanted.iter().map(String::as_str).collect()
    } else {
        vec![]
    };

    stream.keep(&text, &ignore)
}

/// Says if the first line may hold names that were taken for numbers.
fn note_doubt(stream: &TableReader, file: &Path) {
    if let Some(doubt) = stream.doubt() {
        note_header(file, &doubt);
    }
}

/// The rows of a table as the network takes them, with their targets if it has some. A model that
/// knows its ranges has no use for rows without.
pub(super) fn rows_for_export(
    model: &Model,
    file: &Path,
    reading: &Reading<'_>,
) -> Result<(Examples, bool)> {
    let mut stream = TableReader::open(Some(file), reading)?;
    stream.test_part();
    stream.call_targets(&model.targets());

    let (names, _) = stream.names();
    let lacking = model
        .targets()
        .into_iter()
        .find(|name| !names.contains(name));

    if let Some(name) = lacking {
        ensure!(
            model.ranges.is_none(),
            "there is no column '{name}' with the right answers, which an export is tested with; add it to the table"
        );

        select(&mut stream, model, false)?;
        let none = ExampleTargets::Classes(vec![]);
        let x = model.scaled(&model.inputs_of(&stream.rest()?)?)?;

        return Ok((Examples::new(x, none, model.features.len()), false));
    }

    select(&mut stream, model, true)?;
    Ok((model.set_of(stream.rest()?)?, true))
}

impl EvalArgs {
    pub fn resolve(&self) -> Result<ApplyPlan> {
        let model = Model::read(&self.model)?;

        let rows = match &self.labels {
            Some(labels) => RowSource::Table(Some(self.labelled(&model, labels)?)),
            None => {
                let mut stream =
                    TableReader::open(Some(&self.file), &self.table.reading(vec![], vec![])?)?;
                stream.test_part();
                stream.call_targets(&model.targets());
                select(&mut stream, &model, true)
                    .with_context(|| format!("in '{}'", self.file.display()))?;
                note_doubt(&stream, &self.file);

                RowSource::Stream(Box::new(stream))
            }
        };

        let inputs = [Some(&self.model), Some(&self.file), self.labels.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
            .collect();

        Ok(ApplyPlan {
            model,
            rows: RefCell::new(rows),
            what: ApplyCommand::Evaluate,
            inputs,
        })
    }

    /// The inputs with the right answers beside them, under the names that the model has for them.
    fn labelled(&self, model: &Model, labels: &Path) -> Result<Table> {
        let reading = self.table.reading(vec![], vec![])?;
        let mut stream = TableReader::open(Some(&self.file), &reading)?;
        select(&mut stream, model, false)
            .with_context(|| format!("in '{}'", self.file.display()))?;

        let mut table = stream.rest()?;
        let columns = read_labels(labels, &reading, table.rows())?;
        let targets = model.targets();

        ensure!(
            columns.len() == targets.len(),
            "--labels: there are {} columns, and the model predicts {}",
            columns.len(),
            targets.len()
        );

        table.names.extend(targets);
        table
            .columns
            .extend(columns.into_iter().map(|(_, column)| column));

        Ok(table)
    }
}

impl PredictArgs {
    pub fn resolve(&self, replace: bool) -> Result<ApplyPlan> {
        ensure!(self.block > 0, "--block 0: use 1 or more rows");

        let model = Model::read(&self.model)?;
        let mut stream =
            TableReader::open(self.file.as_deref(), &self.table.reading(vec![], vec![])?)?;
        stream.test_part();

        let place = self
            .file
            .as_ref()
            .map_or("standard input".into(), |p| format!("'{}'", p.display()));

        select(&mut stream, &model, false).with_context(|| format!("in {place}"))?;

        if let Some(file) = &self.file {
            note_doubt(&stream, file);
        }

        let what = ApplyCommand::Predict {
            out: self.out.clone(),
            replace,
            block: self.block,
        };

        let inputs = vec![
            self.model.clone(),
            self.file.clone().unwrap_or_else(|| PathBuf::from("-")),
        ];

        Ok(ApplyPlan {
            model,
            rows: RefCell::new(RowSource::Stream(Box::new(stream))),
            what,
            inputs,
        })
    }
}

impl Plan for ApplyPlan {
    fn describe(&self) -> Result<String> {
        Ok(String::new())
    }

    fn files(&self) -> Result<Files> {
        let files = Files::reading(self.inputs.iter().cloned());

        Ok(match &self.what {
            // Predictions have no mark that says who wrote them.
            ApplyCommand::Predict {
                out: Some(path),
                replace,
                ..
            } => files.writing(path, |_| false).replacing(*replace),
            _ => files,
        })
    }

    fn execute(&self, _: Output) -> Result<String> {
        match &self.what {
            ApplyCommand::Evaluate => self.evaluate(),
            ApplyCommand::Predict {
                out: Some(path),
                block,
                ..
            } => {
                let mut file = AtomicFile::create(path).map_err(refused)?;
                let rows = self.predict(&mut file, *block)?;
                file.finish()?;
                Ok(format!("{rows} rows to {}", path.display()))
            }
            ApplyCommand::Predict {
                out: None, block, ..
            } => match self.predict(std::io::stdout().lock(), *block) {
                Err(error) if !is_gone(&error) => Err(error),
                _ => Ok(String::new()),
            },
        }
    }
}

impl ApplyPlan {
    fn evaluate(&self) -> Result<String> {
        let mut evaluated = EvaluatedRows::default();
        let mut rows = self.rows.borrow_mut();
        let refused_here = |error: anyhow::Error| refused(error.context(self.place()));

        while let Some(table) = rows.next(BLOCK).map_err(refused)? {
            self.model
                .evaluate_table(table, &mut evaluated)
                .map_err(refused_here)?;
            stop::check()?;
        }

        if evaluated.rows == 0 {
            return Err(refused_here(anyhow::anyhow!(
                "there are names of columns, but no row below them"
            )));
        }

        let tables = self.model.metrics(&evaluated).tables();
        let tables = tables
            .into_iter()
            .map(|t| format!("{}:\n{}", t.caption, t.to_text()));

        Ok(format!(
            "{} rows\n\n{}",
            evaluated.rows,
            tables.collect::<Vec<_>>().join("\n\n")
        ))
    }

    /// Where the rows come from, for messages.
    fn place(&self) -> String {
        match self.inputs.get(1) {
            Some(file) if file != Path::new("-") => format!("in '{}'", file.display()),
            _ => "in standard input".into(),
        }
    }

    /// Predicts block by block; the number of rows.
    fn predict(&self, to: impl Write, block: usize) -> Result<usize> {
        let cannot = "the predictions cannot be written";
        let mut writer = PredictionWriter::new(&self.model, to).context(cannot)?;
        let (mut rows, mut count) = (self.rows.borrow_mut(), 0);

        while let Some(table) = rows.next_good(block).map_err(refused)? {
            let (predictions, bad) = self.model.predict_good_rows(&table).map_err(refused)?;

            writer.rows(&predictions).context(cannot)?;
            writer.flush().context(cannot)?;

            if let Some(error) = bad {
                return Err(refused(error.context(self.place())));
            }

            count += table.rows();

            if stop::requested() {
                return Err(
                    anyhow::Error::new(Stopped).context(format!("{count} rows were predicted"))
                );
            }
        }

        writer.flush().context(cannot)?;
        Ok(count)
    }
}
