//! `ldnn train`: from a table to a model.

use super::Plan;
use super::tables::TableArgs;
use anyhow::{Context, Result, ensure};
use ldnn::activations::Activations;
use ldnn::data::Dataset;
use ldnn::data::table::{Column, Table};
use ldnn::data::tabular::Tabular;
use ldnn::fit::{self, Activate, FitConfig, Parts};
use ldnn::folder::RunFolder;
use ldnn::progress::Output;
use serde::Serialize;
use std::path::{Path, PathBuf};

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
