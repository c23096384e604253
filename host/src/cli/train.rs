//! `ldnn train`: from a table to a model.

use super::common::{ConfigArgs, save_page};
use super::dataset::{self, DataConfig};
use super::files::{Files, is_model};
use super::flags::in_report;
use super::idle::{NO_TABLES, TABLES, Typed};
use super::import::IMPORTED;
use super::plan::{Mode, Plan};
use super::settings::Flags;
use crate::config::{Layers, StoredConfig};
use crate::data::split::Split;
use crate::data::task::Task;
use crate::fit::{self, ActivationSource, FitConfig, Fitted};
use crate::formats::read_activations;
use crate::lab::estimate::Cost;
use crate::model::Model;
use crate::model::choice::Choice;
use crate::model::names::{is_learning, start_of};
use crate::pareto::{ErrorUnit, Limits, MaxError, Sweep, WIDTHS, check_widths, smallest};
use crate::run::folder::CONFIG;
use crate::run::{RunFolder, RunMode};
use crate::support::progress::Output;
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, ensure};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_128;

/// What activations the networks have.
#[derive(clap::Args)]
pub struct ActivationsArgs {
    /// Activations: learn (beside the weights), meta (before the weights, by hypergradients), a run
    /// folder or file of learned ones, or names of classical ones, such as relu,tanh, to have
    /// nothing else; none for those of --compare [default: learn]
    #[arg(long, value_name = "WHICH")]
    activations: Option<String>,
}

impl ActivationsArgs {
    /// Refuses what --activations itself says, too.
    pub fn check_idle(&self, layers: &Layers, typed: &Typed) -> Result<()> {
        let Some(which) = layers.pick::<String>("activations", self.activations.clone())? else {
            return Ok(());
        };

        let is_list = which.split(',').all(|name| is_classical(name.trim()));
        typed.refuse(
            is_list,
            &["compare"],
            "is of learned activations, and `activations` names all that is trained",
        )?;
        typed.refuse(
            is_learning(&which),
            &["start"],
            "is of `activations` learn, and here they name their start themselves",
        )
    }

    /// Puts in what --activations asks for, here or in a file; the file that they come from, if
    /// they do.
    pub fn activate(&self, layers: &Layers, fit: &mut FitConfig) -> Result<Option<PathBuf>> {
        if fit.compare == ["none"] {
            fit.compare.clear();
        }

        let Some(which) = layers.pick::<String>("activations", self.activations.clone())? else {
            return Ok(None);
        };
        let names: Vec<String> = which.split(',').map(|n| n.trim().to_string()).collect();
        check_names(&names)?;

        match which.as_str() {
            "learn" => fit.activate = ActivationSource::Learn,
            "meta" => fit.activate = ActivationSource::Meta,
            "none" => fit.activate = ActivationSource::Classical,
            start if is_learning(start) && Choice::named(start, None, false).is_ok() => {
                fit.activate = ActivationSource::Learn;
                fit.start = start_of(start).into();
            }
            _ if names.iter().all(|n| is_classical(n)) => {
                (fit.activate, fit.compare) = (ActivationSource::Classical, names);
            }
            file => {
                let known = || "--activations: neither learn, meta, none nor names of base functions (relu, tanh, ...)";
                fit.activate =
                    ActivationSource::Given(read_activations(Path::new(file)).with_context(known)?);
                return Ok(Some(PathBuf::from(file)));
            }
        }

        Ok(None)
    }
}

/// Refuses settings of activations that are not learned here, or are learned otherwise.
fn check_idle(fit: &FitConfig, typed: &Typed) -> Result<()> {
    let learns = fit.learned().iter().any(|name| is_learning(name));
    typed.refuse(!learns, &TABLES, NO_TABLES)?;

    let is_learn = fit.activate == ActivationSource::Learn;
    typed.refuse(!is_learn, &["start"], "is of `activations` learn")?;

    let is_meta = fit.activate == ActivationSource::Meta;
    typed.refuse(
        !is_meta,
        &["types", "schedule", "steps"],
        "is of `activations` meta",
    )
}

/// Refuses lists that cannot be meant: a word for learned activations among others, or a name twice.
fn check_names(names: &[String]) -> Result<()> {
    let alone = names
        .iter()
        .find(|name| ["learn", "meta", "none"].contains(&name.as_str()));
    let mut twice = names.iter().enumerate();
    let twice = twice.find(|(i, name)| names[..*i].contains(name));

    ensure!(
        names.len() == 1 || alone.is_none(),
        "--activations: {} stands alone; --compare says what the learned activations are compared with",
        alone.map_or("", |name| name)
    );
    ensure!(
        twice.is_none(),
        "--activations: '{}' is named twice",
        twice.map_or("", |(_, name)| name)
    );

    Ok(())
}

/// Whether a name stands for base functions.
fn is_classical(name: &str) -> bool {
    !is_learning(name) && Choice::named(name, None, false).is_ok()
}

#[derive(clap::Args)]
#[command(after_help = TRAIN_EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
pub struct TrainArgs {
    #[command(flatten)]
    settings: Flags<TrainSettings>,
    #[command(flatten)]
    activations: ActivationsArgs,
    /// The model; the run goes into a folder beside it, FILE.run
    #[arg(long, default_value = "model.ldnn", value_name = "FILE")]
    out: PathBuf,
    /// Delete a run with other settings that the folder holds, and overwrite a FILE that no
    /// run of `train` made
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
  ldnn train power.csv --target load --max-error 2%           the smallest network that is so good
  ldnn train gestures.csv --target label --activations relu,tanh
  ldnn train gestures.csv --target label --activations out/meta        learned before, with `ldnn meta`
  ldnn train train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz \\
      --test t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz
  ldnn train BasicMotions_TRAIN.ts --test BasicMotions_TEST.ts
  ldnn train --config best.toml                               what `ldnn tune` found
  ldnn eval gestures.ldnn more.csv; ldnn predict gestures.ldnn new.csv
  ldnn export gestures.ldnn --out firmware                    for a microcontroller

Learning rate, weight decay and number of epochs are chosen for each activation on held-out training rows: all of them in three turns if there are
fewer than 1000, else a fifth (of every class the same, groups whole). The model has the activations that were best there; a classification stays
with swish unless another makes a quarter fewer errors. All networks are then trained anew on all training rows. The folder FILE.run gets
config.toml, report.txt, report.html and every training; the same command goes on where it stopped.";

#[derive(Default, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
struct TrainSettings {
    /// Cross-validation: K parts, each tested with what was learned from the others; the model
    /// learns from all rows
    #[arg(long, value_name = "K", conflicts_with_all = ["test", "test_share"])]
    folds: Option<usize>,

    /// Take the smallest network (fewest bytes of flash) whose error on held-out training rows is at
    /// most E: the RMSE in the units of the target, or 2% of its standard deviation; for classes
    /// wrong rows in percent
    #[arg(long, value_name = "E", conflicts_with = "folds")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_error: Option<MaxError>,

    /// With --max-error: the numbers of neurons that are tried, in one hidden layer [default:
    /// 4,8,16,32,64]
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    widths: Vec<usize>,

    /// Where learned activations are to be read from; they themselves are what is stored.
    #[arg(skip)]
    #[serde(default, skip_serializing, rename = "activations")]
    _activations: IgnoredAny,

    #[command(flatten)]
    data: DataConfig,

    #[command(flatten)]
    fit: FitConfig,
}

/// How the rows are divided.
enum Division {
    /// Into training and test rows.
    Once(Box<Split>),
    /// Into folds; and all rows.
    Folds(Vec<Split>, Box<Split>),
}

/// A training to be done.
pub struct TrainPlan {
    settings: TrainSettings,
    division: Division,
    inputs: Vec<PathBuf>,
    out: PathBuf,
    replace: bool,
}

impl TrainPlan {
    /// The run folder.
    fn folder(&self) -> PathBuf {
        let mut beside = self.out.clone().into_os_string();
        beside.push(".run");
        beside.into()
    }
}

impl TrainArgs {
    pub fn resolve(&self) -> Result<TrainPlan> {
        let layers = self.config.layers("fit")?;
        let flags = dataset::given(&self.settings);
        let mut settings = layers.resolve(TrainSettings::default(), &flags)?;
        let activations = self.activations.activate(&layers, &mut settings.fit)?;

        let typed = Typed::new(&flags, &layers);
        self.activations.check_idle(&layers, &typed)?;
        check_idle(&settings.fit, &typed)?;

        let rows = settings.data.load()?;
        typed.refuse(
            rows.test.is_some(),
            &["test_share"],
            "is of a table without test rows, and this one has some of its own",
        )?;

        let seed = settings.fit.seed;
        let division = match settings.folds {
            None => Division::Once(Box::new(settings.data.divide(&rows, seed)?)),
            Some(folds) => Division::Folds(rows.folds(folds, seed)?, Box::new(rows.whole(seed)?)),
        };

        settings.data.keep_fingerprint(&rows)?;

        let (Division::Once(all) | Division::Folds(_, all)) = &division;
        let task = Task::new(&all.data);
        check_width(&settings, &typed)?;
        settings.settle_widths(&task, all)?;
        settings.fit = settings.fit.settled(&task);
        all.rest_and_validation(&task)?;

        if let Division::Folds(folds, _) = &division {
            let check = |parts: &Split| {
                let task = Task::new(&parts.data);
                settings.fit.check(&task)?;
                parts.rest_and_validation(&task).map(drop)
            };
            folds.iter().try_for_each(check).context("--folds")?;
        }

        let inputs = settings
            .data
            .files()
            .into_iter()
            .chain(activations)
            .collect();

        Ok(TrainPlan {
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
}

/// Whether the number of neurons is either given or looked for.
fn check_width(settings: &TrainSettings, typed: &Typed) -> Result<()> {
    if settings.max_error.is_none() {
        ensure!(
            settings.widths.is_empty(),
            "`widths` are those that `max_error` tries; add it, or give `hidden`"
        );
        return Ok(());
    }

    ensure!(
        !typed.has("hidden"),
        "`hidden`: with `max_error` the number of neurons is looked for; name those to try with `widths`, such as `widths` \
             4,8,16"
    );
    ensure!(
        settings.folds.is_none(),
        "`max_error` and `folds`: a network is chosen on held-out rows of one division; leave one of the two out"
    );
    Ok(())
}

impl TrainSettings {
    /// Checks the settings, and those of every width that is tried.
    fn settle_widths(&mut self, task: &Task, parts: &Split) -> Result<()> {
        let Some(most) = self.max_error else {
            return self.fit.check(task);
        };

        if self.widths.is_empty() {
            self.widths = WIDTHS.to_vec();
        }
        check_widths(&self.widths)?;
        ErrorUnit::of(&parts.purpose).limit(most)?;

        for (fit, width) in self.fits().zip(&self.widths) {
            fit.check(task)
                .with_context(|| format!("`widths` {width}"))?;
        }
        Ok(())
    }

    /// The settings, width by width.
    fn fits(&self) -> impl Iterator<Item = FitConfig> + '_ {
        let of = |&width: &usize| FitConfig {
            hidden: vec![width],
            ..self.fit.clone()
        };
        self.widths.iter().map(of)
    }
}

impl TrainPlan {
    /// The smallest network that is good enough.
    fn smallest(
        &self,
        max_error: MaxError,
        parts: &Split,
        folder: &RunFolder,
        output: Output,
    ) -> Result<Fitted> {
        let sweep = Sweep {
            fit: &self.settings.fit,
            parts,
            task: &Task::new(&parts.data),
            folder,
            output,
        };
        let limits = Limits {
            widths: &self.settings.widths,
            max_error,
        };
        smallest(&sweep, &limits)
    }

    /// What the largest of its stages needs; folds follow each other.
    fn cost(&self) -> Cost {
        let fit = &self.settings.fit;
        let (Division::Once(all) | Division::Folds(_, all)) = &self.division;
        let task = Task::new(&all.data);
        let of = |fit: &FitConfig| Cost::of_fit(fit, &task, all.validation.len());

        match self.settings.max_error {
            None => of(fit),
            Some(_) => self.settings.fits().map(|fit| of(&fit)).sum(),
        }
    }

    fn stored(&self) -> Result<StoredConfig> {
        StoredConfig::new("train", &self.settings)
    }
}

/// In the run folder, the checksums (XXH3, 128 bits) of the models that the run may overwrite: the
/// one that it wrote, and until then the one that was there.
const CHECKSUMS: &str = "model.xxh128";

fn checksum(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

fn checksum_of(model: &Path) -> Option<String> {
    let bytes = regular::read(model, Most::Memory).ok()?;
    Some(checksum(&bytes))
}

fn keep_checksums(folder: &RunFolder, all: &[String]) -> Result<()> {
    let mut all = all.to_vec();
    all.dedup();
    let lines: String = all.iter().map(|sum| format!("{sum}\n")).collect();
    folder.write(CHECKSUMS, lines)
}

/// Whether the run in a folder may overwrite a model. A run that kept no checksums has written no
/// model yet, or is a finished one of an earlier version: its model at least was not imported.
fn is_written_by(run: &Path, model: &Path) -> bool {
    if !run.join(CONFIG).is_file() {
        return false;
    }

    match regular::read_to_string(&run.join(CHECKSUMS), Most::Text) {
        Ok(sums) => checksum_of(model).is_some_and(|sum| sums.lines().any(|line| line == sum)),
        Err(_) => {
            let is_imported = |model: Model| model.provenance.contains(IMPORTED);
            run.join("report.txt").is_file() && Model::read(model).is_ok_and(|m| !is_imported(m))
        }
    }
}

impl Plan for TrainPlan {
    fn describe(&self) -> Result<String> {
        Ok(format!("# to {}\n{}", self.out.display(), self.config()?))
    }

    fn config(&self) -> Result<String> {
        Ok(self.stored()?.text().into())
    }

    fn files(&self) -> Result<Files> {
        self.cost().check()?;
        // A model that the run beside it did not write came from elsewhere: an import, or a copy.
        let is_of_the_run = |path: &Path| is_model(path) && is_written_by(&self.folder(), path);
        let files = Files::reading(self.inputs.iter().cloned()).writing(&self.out, is_of_the_run);
        Ok(files
            .running(&self.folder(), self.stored()?.text().into(), RunMode::Whole)
            .replacing(self.replace))
    }

    fn execute(&self, output: Output) -> Result<String> {
        let before = checksum_of(&self.out);
        let folder = RunFolder::open(&self.folder(), &self.stored()?, self.replace)?;
        // What is there may be overwritten, as was checked: also later, when this run is stopped and
        // goes on.
        let before: Vec<String> = before.into_iter().collect();
        if !before.is_empty() {
            keep_checksums(&folder, &before)?;
        }

        let fitted = match (&self.division, self.settings.max_error) {
            (Division::Once(parts), Some(most)) => self.smallest(most, parts, &folder, output)?,
            (Division::Once(parts), None) => fit::run(&self.settings.fit, parts, &folder, output)?,
            (Division::Folds(folds, whole), _) => {
                fit::cross(&self.settings.fit, folds, whole, &folder, output)?
            }
        };

        let text = save_page(
            in_report::<TrainArgs>(fitted.section),
            &self.settings,
            &folder,
        )?;
        let written = checksum(fitted.model.text()?.as_bytes());
        keep_checksums(&folder, &[before, vec![written.clone()]].concat())?;
        fitted.model.write(&self.out)?;
        keep_checksums(&folder, &[written])?;

        Ok(format!(
            "{text}\nmodel: {}\nreport: {}",
            self.out.display(),
            folder.file("report.html").display()
        ))
    }
}
