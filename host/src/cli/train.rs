//! `ldnn train`: from a table to a model.

use super::common::{ConfigArgs, given_on};
use super::tables::TableArgs;
use super::{Mode, Plan};
use anyhow::{Context, Result, ensure};
use clap::ArgMatches;
use ldnn::activations::Activations;
use ldnn::data::Dataset;
use ldnn::data::table::{Column, Table};
use ldnn::data::tabular::{RawTarget, Tabular};
use ldnn::fit::{self, Activate, FitConfig, Parts};
use ldnn::folder::RunFolder;
use ldnn::progress::Output;
use ldnn::task::Task;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = TRAIN_EXAMPLES)]
pub struct TrainArgs {
    /// The table: CSV or the like, a row an example
    #[arg(value_name = "FILE.csv")]
    file: Option<PathBuf>,
    /// The column to be predicted; several for a regression of several numbers
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
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
    /// Activations: learn, none (classical ones only), or a run folder or file of learned ones [default: learn]
    #[arg(long, value_name = "WHICH")]
    activations: Option<String>,
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
    dry_run: bool,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

const TRAIN_EXAMPLES: &str = "\
Examples:
  ldnn train gestures.csv --target label --out gestures.ldnn
  ldnn train power.csv --target load --regression --ignore date --hidden 30,30
  ldnn train watch.csv --target gesture --group person        no person is in both parts
  ldnn train gestures.csv --target label --activations none   relu and tanh only
  ldnn eval gestures.ldnn more.csv; ldnn predict gestures.ldnn new.csv
  ldnn export gestures.ldnn --what network                    for a microcontroller";

/// Which kind of target.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Classification,
    Regression,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    file: PathBuf,
    test: Option<PathBuf>,
    target: Vec<String>,
    ignore: Vec<String>,
    group: Option<String>,
    kind: Option<Kind>,
    test_share: f64,
    /// The rows themselves: another table is another run.
    #[serde(default)]
    rows: u32,
    /// Where learned activations are to be read from; they themselves are what is stored.
    #[serde(default, skip_serializing, rename = "activations")]
    _activations: IgnoredAny,
    table: TableArgs,
    fit: FitConfig,
}

/// The flags, and the settings that they are.
const FLAGS: [(&str, &str); 18] = [
    ("file", "file"),
    ("test", "test"),
    ("target", "target"),
    ("ignore", "ignore"),
    ("group", "group"),
    ("classification", "kind"),
    ("regression", "kind"),
    ("test_share", "test_share"),
    ("delimiter", "table.delimiter"),
    ("header", "table.header"),
    ("no_header", "table.no_header"),
    ("compare", "fit.classical"),
    ("hidden", "fit.hidden"),
    ("steps", "fit.steps"),
    ("runs", "fit.runs"),
    ("epochs", "fit.epochs"),
    ("rates", "fit.rates"),
    ("seed", "fit.seed"),
];

/// A training to be done.
pub struct Train {
    settings: Settings,
    parts: Parts,
    out: PathBuf,
    replace: bool,
}

impl TrainArgs {
    pub fn resolve(&self, matches: &ArgMatches) -> Result<Train> {
        let layers = self.config.layers("fit")?;
        let mut settings = layers.resolve_given(self.settings(), &given_on(matches, &FLAGS))?;
        match layers.pick("activations", self.activations.clone())?.as_deref() {
            None => {}
            Some("learn") => settings.fit.activate = Activate::Learn,
            Some("none") => settings.fit.activate = Activate::Classical,
            Some(file) => {
                let given = Activations::read(Path::new(file)).context("--activations")?;
                settings.fit.activate = Activate::Given(given);
            }
        }
        let parts = settings.parts()?;
        settings.fit.check(&Task::new(&parts.data))?;
        let rows = print_of(&parts.data);
        ensure!(
            settings.rows == 0 || settings.rows == rows,
            "the --config was made for other rows of '{}' (rows = {}, now {rows}); without that line it is taken for these rows",
            settings.file.display(),
            settings.rows
        );
        settings.rows = rows;
        Ok(Train { settings, parts, out: self.out.clone(), replace: self.replace })
    }

    /// What is to be done with the plan.
    pub fn mode(&self) -> Mode {
        self.config.mode(self.dry_run)
    }

    /// Defaults and flags.
    fn settings(&self) -> Settings {
        let fit = FitConfig {
            activate: Activate::Learn,
            classical: self.compare.clone(),
            hidden: self.hidden.clone(),
            steps: self.steps,
            runs: self.runs,
            epochs: self.epochs,
            rates: self.rates.clone(),
            seed: self.seed,
        };
        let classification = self.classification.then_some(Kind::Classification);
        Settings {
            file: self.file.clone().unwrap_or_default(),
            test: self.test.clone(),
            target: self.target.clone(),
            ignore: self.ignore.clone(),
            group: self.group.clone(),
            kind: classification.or(self.regression.then_some(Kind::Regression)),
            test_share: self.test_share,
            rows: 0,
            _activations: IgnoredAny,
            table: self.table.clone(),
            fit,
        }
    }
}

impl Settings {
    /// Reads the tables and splits them.
    fn parts(&self) -> Result<Parts> {
        ensure!(!self.file.as_os_str().is_empty(), "which table? Give FILE.csv");
        let (mut table, path) = (self.read(&self.file)?, self.file.display());
        let groups = match &self.group {
            None => None,
            Some(name) => match table.take(name).context("--group")? {
                Column::Text(text) => Some(text),
                Column::Numbers(_) => None,
            },
        };
        let classify = self.kind.map(|kind| kind == Kind::Classification);
        let data = Tabular::new(table, &self.target, classify).with_context(|| format!("in '{path}'"))?;
        let name = self.file.file_stem().map_or_else(|| "table".into(), |s| s.to_string_lossy().into_owned());
        let ((data, purpose, inputs), features) = match &self.test {
            Some(path) => {
                let classes = matches!(data.target, RawTarget::Classes(..));
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
                let (train, test) = data.split(self.test_share, groups.as_deref(), self.fit.seed)?;
                (data.dataset(&name, &train, (&data, &test))?, data.features)
            }
        };
        Ok(Parts { data, purpose, features, inputs })
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
        Ok(format!("# to {}\n{}", self.out.display(), self.config()?))
    }

    fn config(&self) -> Result<String> {
        toml::to_string(&self.settings).context("the settings cannot be written as TOML")
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
