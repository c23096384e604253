//! `ldnn train`, `ldnn eval`, `ldnn predict`, `ldnn inspect`: from a table to a model, and its use.

use super::Plan;
use anyhow::{Context, Result, bail, ensure};
use ldnn::activations::Activations;
use ldnn::data::Dataset;
use ldnn::data::table::{Column, Reading, Table};
use ldnn::data::tabular::{Purpose, Tabular};
use ldnn::fit::{self, Activate, FitConfig, Parts, Predictions, Trained};
use ldnn::folder::RunFolder;
use ldnn::progress::Output;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// How a table is written down.
#[derive(clap::Args, Clone)]
pub struct TableArgs {
    /// What separates columns: a character, or `tab` [default: found out]
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<String>,
    /// The first line holds names
    #[arg(long, conflicts_with = "no_header")]
    header: bool,
    /// The first line is a row; columns are called column1, column2, ...
    #[arg(long)]
    no_header: bool,
}

impl TableArgs {
    fn reading<'a>(&self, text: Vec<&'a str>, ignore: Vec<&'a str>) -> Result<Reading<'a>> {
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("tab" | "\\t") => Some(b'\t'),
            Some(one) if one.len() == 1 => Some(one.as_bytes()[0]),
            Some(other) => bail!("--delimiter '{other}': give one character, or tab"),
        };
        let header = if self.header { Some(true) } else { self.no_header.then_some(false) };
        Ok(Reading { delimiter, header, text, ignore })
    }
}

#[derive(clap::Args)]
#[command(after_help = TRAIN_EXAMPLES)]
pub struct TrainArgs {
    /// The table: CSV or the like, a row an example
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The column to be predicted; several for a regression of several numbers
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', required = true)]
    target: Vec<String>,
    /// Columns that are left out
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    ignore: Vec<String>,
    /// The target is classes, whatever it looks like
    #[arg(long, conflicts_with = "regression")]
    classification: bool,
    /// The target is numbers, whatever it looks like
    #[arg(long)]
    regression: bool,
    /// A table of test rows; else a share of the rows is kept for testing
    #[arg(long, value_name = "FILE.csv")]
    test: Option<PathBuf>,
    /// The share of the rows that is kept for testing, of every class the same
    #[arg(long, default_value_t = 0.2, value_name = "X", conflicts_with = "test")]
    test_share: f64,
    /// A column whose rows of one value stay together, in training or in testing: the person, the device, the day
    #[arg(long, value_name = "NAME", conflicts_with = "test")]
    group: Option<String>,
    /// Activations: learn, none (classical ones only), or a run folder or file of learned ones
    #[arg(long, default_value = "learn", value_name = "WHICH")]
    activations: String,
    /// Classical activations to compare with
    #[arg(long, default_value = "relu,tanh", value_name = "NAME,...", value_delimiter = ',')]
    compare: Vec<String>,
    /// Widths of the hidden layers
    #[arg(long, default_value = "50", value_name = "N,...", value_delimiter = ',')]
    hidden: Vec<usize>,
    /// Steps of learning the activations
    #[arg(long, default_value_t = 100, value_name = "N")]
    steps: usize,
    /// Networks of each kind, for the comparison
    #[arg(long, default_value_t = 5, value_name = "N")]
    runs: usize,
    /// The longest training, in passes over the rows; the best number is found on validation rows
    #[arg(long, default_value_t = 150, value_name = "N")]
    epochs: usize,
    /// Learning rates that are tried
    #[arg(long, default_value = "0.02,0.05,0.1", value_name = "X,...", value_delimiter = ',')]
    rates: Vec<f64>,
    /// Seed of every draw
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// The model; the run goes into a folder beside it, FILE.run
    #[arg(long, default_value = "model.ldnn", value_name = "FILE")]
    out: PathBuf,
    /// Delete a run with other settings that the folder holds
    #[arg(long)]
    replace: bool,
    /// Print the resolved settings and do nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    table: TableArgs,
}

const TRAIN_EXAMPLES: &str = "\
Examples:
  ldnn train gestures.csv --target label --out gestures.ldnn
  ldnn train power.csv --target load --regression --ignore date --hidden 30,30
  ldnn train watch.csv --target gesture --group person        no person is in both parts
  ldnn train gestures.csv --target label --activations none   relu and tanh only
  ldnn eval gestures.ldnn more.csv; ldnn predict gestures.ldnn new.csv
  ldnn export gestures.ldnn --what network                    for a microcontroller";

#[derive(Serialize)]
struct Settings {
    file: String,
    /// The rows themselves: another table is another run.
    rows: u32,
    target: Vec<String>,
    fit: FitConfig,
}

/// A training to be done.
pub struct Train {
    settings: Settings,
    parts: Parts,
    out: PathBuf,
    replace: bool,
}

impl TrainArgs {
    pub fn resolve(&self) -> Result<Train> {
        let classify = if self.classification { Some(true) } else { self.regression.then_some(false) };
        let (mut table, how) = (self.read(&self.file)?, &self.file);
        let groups = match &self.group {
            None => None,
            Some(name) => match table.take(name).context("--group")? {
                Column::Text(text) => Some(text),
                Column::Numbers(_) => None,
            },
        };
        let data = Tabular::new(table, &self.target, classify).with_context(|| format!("in '{}'", how.display()))?;
        let name = self.file.file_stem().map_or_else(|| "table".into(), |s| s.to_string_lossy().into_owned());
        let ((set, purpose, inputs), features) = match &self.test {
            Some(path) => {
                let classes = matches!(data.target, ldnn::data::tabular::RawTarget::Classes(..));
                let test = Tabular::new(self.read(path)?, &self.target, Some(classes)).context("--test")?;
                ensure!(
                    test.features == data.features,
                    "--test: its inputs are {}, those of the training table {}",
                    test.features.join(", "),
                    data.features.join(", ")
                );
                let all = |d: &Tabular| (0..d.rows() as u32).collect::<Vec<_>>();
                (data.dataset(&name, &all(&data), (&test, &all(&test)))?, data.features)
            }
            None => {
                let (train, test) = data.split(self.test_share, groups.as_deref(), self.seed)?;
                (data.dataset(&name, &train, (&data, &test))?, data.features)
            }
        };
        let fit = FitConfig {
            activate: match self.activations.as_str() {
                "learn" => Activate::Learn,
                "none" => Activate::Classical,
                file => Activate::Given(Activations::read(Path::new(file)).context("--activations")?),
            },
            classical: self.compare.clone(),
            hidden: self.hidden.clone(),
            steps: self.steps,
            runs: self.runs,
            epochs: self.epochs,
            rates: self.rates.clone(),
            seed: self.seed,
        };
        fit.check(&ldnn::task::Task::new(&set))?;
        let settings =
            Settings { file: self.file.display().to_string(), rows: print_of(&set), target: self.target.clone(), fit };
        let parts = Parts { data: set, purpose, features, inputs };
        Ok(Train { settings, parts, out: self.out.clone(), replace: self.replace })
    }

    fn read(&self, path: &Path) -> Result<Table> {
        let names = self.target.iter().chain(&self.group).map(String::as_str).collect();
        Table::read(path, &self.table.reading(names, self.ignore.iter().map(String::as_str).collect())?)
    }
}

/// A fingerprint of the rows.
fn print_of(set: &Dataset) -> u32 {
    let numbers = set.x.iter().chain(&set.x_test).flat_map(|x| x.to_le_bytes());
    let targets = format!("{:?}{:?}", set.target, set.target_test);
    ldnn_core::image::checksum(&numbers.chain(targets.into_bytes()).collect::<Vec<u8>>())
}

impl Plan for Train {
    fn describe(&self) -> Result<String> {
        let settings = toml::to_string(&self.settings).context("the settings cannot be written as TOML")?;
        Ok(format!("# to {}\n{settings}", self.out.display()))
    }

    fn execute(&self, output: Output) -> Result<String> {
        let mut beside = self.out.clone().into_os_string();
        beside.push(".run");
        let folder = RunFolder::open(Path::new(&beside), &self.settings, self.replace)?;
        let fitted = fit::run(&self.settings.fit, &self.parts, &folder, output)?;
        fitted.model.write(&self.out)?;
        let text = fitted.section.to_text(&folder);
        Ok(format!("{text}\nmodel: {}", self.out.display()))
    }
}

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
