//! `ldnn eval`, `ldnn predict`, `ldnn inspect`: the use of a model.

use super::Plan;
use super::tables::TableArgs;
use anyhow::{Context, Result, bail};
use ldnn::data::table::Table;
use ldnn::data::tabular::Purpose;
use ldnn::fit::{Predictions, Trained};
use ldnn::progress::Output;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct EvalArgs {
    /// A model of `ldnn train`
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// A table with the inputs and the target
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    #[command(flatten)]
    table: TableArgs,
}

#[derive(clap::Args)]
pub struct PredictArgs {
    /// A model of `ldnn train`
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// A table with the inputs; other columns do not matter [default: standard input]
    #[arg(value_name = "FILE.csv")]
    file: Option<PathBuf>,
    /// Where the predictions go, as CSV [default: standard output]
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    #[command(flatten)]
    table: TableArgs,
}

#[derive(clap::Args)]
pub struct InspectArgs {
    /// A model of `ldnn train`
    #[arg(value_name = "MODEL")]
    model: PathBuf,
}

/// A model and what is to be done with it.
pub enum Use {
    /// To be evaluated on a table.
    Evaluate(Box<Trained>, Table),
    /// To predict rows.
    Predict(Box<Trained>, Table, Option<PathBuf>),
    /// To be shown.
    Inspect(Box<Trained>),
}

/// A table of which only some columns are read.
fn read_some(path: Option<&Path>, table: &TableArgs, model: &Trained, targets: bool) -> Result<Table> {
    let bytes = match path {
        Some(path) => std::fs::read(path).with_context(|| format!("cannot open '{}'", path.display()))?,
        None => {
            let mut bytes = vec![];
            std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).context("standard input")?;
            bytes
        }
    };
    let place = || path.map_or("standard input".into(), |p| format!("'{}'", p.display()));
    let names = Table::names(&bytes[..], &table.reading(vec![], vec![])?).with_context(|| format!("in {}", place()))?;
    let wanted = model.targets();
    let kept = |name: &String| model.features.contains(name) || targets && wanted.contains(name);
    let unnamed = names.iter().all(|n| n.starts_with("column")) && !names.iter().any(&kept);
    let ignore = names.iter().filter(|n| !unnamed && !kept(n)).map(String::as_str).collect();
    let text = if targets { wanted.iter().map(String::as_str).collect() } else { vec![] };
    Table::parse(&bytes[..], &table.reading(text, ignore)?).with_context(|| format!("in {}", place()))
}

impl EvalArgs {
    pub fn resolve(&self) -> Result<Use> {
        let model = Trained::read(&self.model)?;
        let table = read_some(Some(&self.file), &self.table, &model, true)?;
        Ok(Use::Evaluate(Box::new(model), table))
    }
}

impl PredictArgs {
    pub fn resolve(&self) -> Result<Use> {
        let model = Trained::read(&self.model)?;
        let table = read_some(self.file.as_deref(), &self.table, &model, false)?;
        model.inputs_of(&table)?;
        Ok(Use::Predict(Box::new(model), table, self.out.clone()))
    }
}

impl InspectArgs {
    pub fn resolve(&self) -> Result<Use> {
        Ok(Use::Inspect(Box::new(Trained::read(&self.model)?)))
    }
}

impl Plan for Use {
    fn describe(&self) -> Result<String> {
        Ok(String::new())
    }

    fn execute(&self, _: Output) -> Result<String> {
        match self {
            Use::Evaluate(model, table) => {
                let rows = table.rows();
                let metrics = model.evaluate(table.clone())?;
                let tables = metrics.tables().into_iter().map(|t| format!("{}:\n{}", t.caption, t.to_text()));
                Ok(format!("{rows} rows\n\n{}", tables.collect::<Vec<_>>().join("\n\n")))
            }
            Use::Predict(model, table, out) => {
                let text = predictions(model, table)?;
                match out {
                    Some(path) => {
                        ldnn::data::write_atomically(path, text.as_bytes())?;
                        Ok(format!("{} rows to {}", table.rows(), path.display()))
                    }
                    None => Ok(text),
                }
            }
            Use::Inspect(model) => Ok(inspected(model)),
        }
    }
}

fn predictions(model: &Trained, table: &Table) -> Result<String> {
    let mut writer = csv::Writer::from_writer(vec![]);
    match (model.predict(&model.inputs_of(table)?)?, &model.purpose) {
        (Predictions::Classes(given, chances), Purpose::Classification { column, classes }) => {
            let head = classes.iter().map(|c| format!("P({c})"));
            writer.write_record(std::iter::once(column.clone()).chain(head))?;
            for (&class, row) in given.iter().zip(chances.chunks_exact(classes.len())) {
                let chances = row.iter().map(|p| format!("{p:.4}"));
                writer.write_record(std::iter::once(classes[usize::from(class)].clone()).chain(chances))?;
            }
        }
        (Predictions::Values(values), Purpose::Regression { columns, .. }) => {
            writer.write_record(columns)?;
            for row in values.chunks_exact(columns.len()) {
                writer.write_record(row.iter().map(|y| format!("{y:.7}")))?;
            }
        }
        _ => bail!("the model is malformed"),
    }
    Ok(String::from_utf8(writer.into_inner().context("the predictions cannot be written")?)?)
}

fn inspected(model: &Trained) -> String {
    let what = match &model.purpose {
        Purpose::Classification { column, classes } => format!("'{column}', one of {}", classes.join(", ")),
        Purpose::Regression { columns, .. } => columns.join(", "),
    };
    let widths: Vec<String> = model.network.widths.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "{}\n\npredicts:    {what}\nnetwork:     {}, {} parameters\nactivations: {}\n",
        model.provenance,
        widths.join("-"),
        model.network.params.len(),
        model.learned.as_ref().map_or(model.activation.clone(), |l| format!("{} learned types", l.types.len()))
    );
    let mut table = ldnn::report::Table::new("inputs", &["input", "mean", "sd"]);
    for (name, s) in model.features.iter().zip(&model.inputs) {
        table.row([name.clone(), format!("{:.6}", s.mean), format!("{:.6}", s.sd)]);
    }
    text += &format!("\n{}", table.to_text());
    text
}
