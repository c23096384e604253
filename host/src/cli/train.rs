//! `ldnn train`: from a table to a model.

use super::common::{ConfigArgs, given_on, save_page};
use super::dataset::{DATA_FLAGS, DataArgs, DataSettings};
use super::files::{Files, is_model};
use super::plan::{Mode, Plan};
use crate::config::Stored;
use crate::data::split::Parts;
use crate::data::task::Task;
use crate::fit::{self, Activate, FitConfig};
use crate::formats::read_activations;
use crate::lab::estimate::Load;
use crate::meta::Schedule;
use crate::model::activations::base_named;
use crate::run::RunFolder;
use crate::support::progress::Output;
use anyhow::{Context, Result};
use clap::ArgMatches;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How networks are learned and trained.
#[derive(clap::Args)]
pub struct FitArgs {
    /// Activations: learn, a run folder or file of learned ones, or names of classical ones, such as relu,tanh, to have
    /// nothing else; none for those of --compare [default: learn]
    #[arg(long, value_name = "WHICH")]
    activations: Option<String>,
    /// Widths of the hidden layers
    #[arg(
        long,
        default_value = "50",
        value_name = "N,...",
        value_delimiter = ','
    )]
    hidden: Vec<usize>,
    /// Learned activation types
    #[arg(long, default_value_t = 2, value_name = "N")]
    types: usize,
    /// Schedule of learning the activations
    #[arg(long, default_value = "unrolled", value_name = "NAME")]
    schedule: Schedule,
    /// Steps of learning the activations
    #[arg(long, default_value_t = 100, value_name = "N")]
    steps: usize,
    /// The longest training, in passes over the rows; the best number is found on validation rows
    #[arg(long, default_value_t = 150, value_name = "N")]
    epochs: usize,
    /// A training that looks for the best number of epochs ends when neither loss nor accuracy on the validation rows has been
    /// better for N
    #[arg(long, default_value_t = 50, value_name = "N")]
    patience: usize,
    /// Learning rates that are tried [default: 0.001,0.003,0.01,0.03]
    #[arg(long, value_name = "X,...", value_delimiter = ',')]
    rates: Vec<f64>,
    /// Seed of every draw
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

/// The flags, and the settings that they are.
pub const FIT_FLAGS: [(&str, &str); 8] = [
    ("hidden", "fit.hidden"),
    ("types", "fit.types"),
    ("schedule", "fit.schedule"),
    ("steps", "fit.steps"),
    ("epochs", "fit.epochs"),
    ("patience", "fit.patience"),
    ("rates", "fit.rates"),
    ("seed", "fit.seed"),
];

impl FitArgs {
    /// Defaults and flags.
    pub fn settings(&self) -> FitConfig {
        FitConfig {
            hidden: self.hidden.clone(),
            types: self.types,
            schedule: self.schedule,
            steps: self.steps,
            epochs: self.epochs,
            patience: self.patience,
            rates: self.rates.clone(),
            seed: self.seed,
            ..FitConfig::default()
        }
    }

    /// What --activations asks for, here or in a file.
    /// The file that they come from, if they do.
    pub fn activate(
        &self,
        layers: &crate::config::Layers,
        fit: &mut FitConfig,
    ) -> Result<Option<PathBuf>> {
        let Some(which) = layers.pick::<String>("activations", self.activations.clone())? else {
            return Ok(None);
        };
        let names: Vec<String> = which.split(',').map(|n| n.trim().to_string()).collect();
        match which.as_str() {
            "learn" => fit.activate = Activate::Learn,
            "none" => fit.activate = Activate::Classical,
            _ if names.iter().all(|n| base_named(n).is_ok()) => {
                (fit.activate, fit.classical) = (Activate::Classical, names);
            }
            file => {
                let known = || "--activations: neither learn, none nor names of base functions (relu, tanh, ...)";
                fit.activate =
                    Activate::Given(read_activations(Path::new(file)).with_context(known)?);
                return Ok(Some(PathBuf::from(file)));
            }
        }
        Ok(None)
    }
}

#[derive(clap::Args)]
#[command(after_help = TRAIN_EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
pub struct TrainArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Cross-validation: K parts, each tested with what was learned from the others; the model learns from all rows
    #[arg(long, value_name = "K", conflicts_with_all = ["test", "test_share"])]
    folds: Option<usize>,
    #[command(flatten)]
    fit: FitArgs,
    /// Classical activations to compare with; none for no comparison
    #[arg(
        long,
        default_value = "relu,tanh",
        value_name = "NAME,...",
        value_delimiter = ','
    )]
    compare: Vec<String>,
    /// Which activations the model has: those that were best on the validation rows (best), learned, or a name of --compare
    #[arg(long, default_value = "best", value_name = "WHICH")]
    keep: String,
    /// Networks of each kind, for the comparison
    #[arg(long, default_value_t = 5, value_name = "N")]
    runs: usize,
    /// Put N test rows with their targets into the model, for exports with real rows; a model holds no rows otherwise
    #[arg(long, default_value_t = 0, value_name = "N")]
    with_rows: usize,
    /// The model; the run goes into a folder beside it, FILE.run
    #[arg(long, default_value = "model.ldnn", value_name = "FILE")]
    out: PathBuf,
    /// Delete a run with other settings that the folder holds, and overwrite a FILE that is no model
    #[arg(long)]
    replace: bool,
    /// Print the resolved settings and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

const TRAIN_EXAMPLES: &str = "\
Examples:
  ldnn train gestures.csv --target label --out gestures.ldnn
  ldnn train power.csv --target load --regression --ignore date --hidden 30,30
  ldnn train watch.csv --target gesture --group person        no person is in both parts
  ldnn train small.csv --target label --folds 5               cross-validated
  ldnn train gestures.csv --target label --activations relu,tanh
  ldnn train gestures.csv --target label --activations out/meta
  ldnn train train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz \\
      --test t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz
  ldnn train BasicMotions_TRAIN.ts --test BasicMotions_TEST.ts
  ldnn train --config best.toml                               what `ldnn tune` found
  ldnn eval gestures.ldnn more.csv; ldnn predict gestures.ldnn new.csv
  ldnn export gestures.ldnn --out firmware                    for a microcontroller

Rate and number of epochs are chosen on validation rows (a fifth of the training rows, of every class the same, groups whole) for each
kind of activations; trainings that choose stop early. All networks are then trained anew on all training rows. The folder FILE.run gets
config.toml, report.txt, report.html and every training; the same command goes on where it stopped.";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    folds: Option<usize>,
    /// Where learned activations are to be read from; they themselves are what is stored.
    #[serde(default, skip_serializing, rename = "activations")]
    _activations: IgnoredAny,
    data: DataSettings,
    fit: FitConfig,
}

/// The flags of `ldnn train` alone, and the settings that they are.
const FLAGS: [(&str, &str); 5] = [
    ("folds", "folds"),
    ("compare", "fit.classical"),
    ("keep", "fit.keep"),
    ("runs", "fit.runs"),
    ("with_rows", "fit.with_rows"),
];

/// How the rows are divided.
enum Division {
    /// Into training and test rows.
    Once(Box<Parts>),
    /// Into folds; and all rows.
    Folds(Vec<Parts>, Box<Parts>),
}

/// A training to be done.
pub struct Train {
    settings: Settings,
    division: Division,
    inputs: Vec<PathBuf>,
    out: PathBuf,
    replace: bool,
}

impl Train {
    /// The run folder.
    fn folder(&self) -> PathBuf {
        let mut beside = self.out.clone().into_os_string();
        beside.push(".run");
        beside.into()
    }
}

impl TrainArgs {
    pub fn resolve(&self, matches: &ArgMatches) -> Result<Train> {
        let layers = self.config.layers("fit")?;
        let given = [
            given_on(matches, &DATA_FLAGS),
            given_on(matches, &FIT_FLAGS),
            given_on(matches, &FLAGS),
        ]
        .concat();
        let mut settings = layers.resolve_given(self.settings(), &given)?;
        let activations = self.fit.activate(&layers, &mut settings.fit)?;
        settings.fit.classical.retain(|name| name != "none");
        let rows = settings.data.load()?;
        let seed = settings.fit.seed;
        let division = match settings.folds {
            None => Division::Once(Box::new(settings.data.divide(&rows, seed)?)),
            Some(folds) => Division::Folds(rows.folds(folds, seed)?, Box::new(rows.whole(seed)?)),
        };
        settings.data.note(&rows)?;
        let (Division::Once(all) | Division::Folds(_, all)) = &division;
        settings.fit.check(&Task::new(&all.data))?;
        if let Division::Folds(folds, _) = &division {
            let check = |parts: &Parts| settings.fit.check(&Task::new(&parts.data));
            folds.iter().try_for_each(check).context("--folds")?;
        }
        let inputs = settings
            .data
            .files()
            .into_iter()
            .chain(activations)
            .collect();
        Ok(Train {
            settings,
            division,
            inputs,
            out: self.out.clone(),
            replace: self.replace,
        })
    }

    /// What is to be done with the plan.
    pub fn mode(&self) -> Mode {
        self.config.mode(self.dry_run)
    }

    /// Defaults and flags.
    fn settings(&self) -> Settings {
        let fit = FitConfig {
            classical: self.compare.clone(),
            keep: self.keep.clone(),
            runs: self.runs,
            with_rows: self.with_rows,
            ..self.fit.settings()
        };
        Settings {
            folds: self.folds,
            _activations: IgnoredAny,
            data: self.data.settings(),
            fit,
        }
    }
}

impl Train {
    /// What the largest of its stages needs; folds follow each other.
    fn load(&self) -> Load {
        let fit = &self.settings.fit;
        let (Division::Once(all) | Division::Folds(_, all)) = &self.division;
        let task = Task::new(&all.data);
        let training = Load::trainings(
            fit.most_trainings(&task),
            &fit.train(task.train.rows()),
            &task,
        );
        match fit.activate {
            Activate::Learn => training + Load::learning(&fit.meta(&task), &task),
            _ => training,
        }
    }

    fn stored(&self) -> Result<Stored> {
        Stored::new("train", &self.settings)
    }
}

impl Plan for Train {
    fn describe(&self) -> Result<String> {
        Ok(format!("# to {}\n{}", self.out.display(), self.config()?))
    }

    fn config(&self) -> Result<String> {
        Ok(self.stored()?.text().into())
    }

    fn files(&self) -> Result<Files> {
        self.load().check()?;
        let files = Files::reading(self.inputs.iter().cloned()).writing(&self.out, is_model);
        Ok(files
            .running(&self.folder(), self.stored()?.text().into())
            .replacing(self.replace))
    }

    fn execute(&self, output: Output) -> Result<String> {
        let folder = RunFolder::open(&self.folder(), &self.stored()?, self.replace)?;
        let fitted = match &self.division {
            Division::Once(parts) => fit::run(&self.settings.fit, parts, &folder, output)?,
            Division::Folds(folds, whole) => {
                fit::cross(&self.settings.fit, folds, whole, &folder, output)?
            }
        };
        let text = save_page(fitted.section, &self.settings, &folder)?;
        fitted.model.write(&self.out)?;
        Ok(format!(
            "{text}\nmodel: {}\nreport: {}",
            self.out.display(),
            folder.file("report.html").display()
        ))
    }
}
