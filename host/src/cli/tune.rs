//! `ldnn tune`: a search for settings of `ldnn train`.

use super::common::{OutArgs, save_page};
use super::dataset::{self, DataConfig};
use super::files::Files;
use super::flags::in_report;
use super::idle::{NO_TABLES, TABLES, Typed};
use super::plan::Plan;
use super::settings::Flags;
use super::train::ActivationsArgs;
use crate::config::StoredConfig;
use crate::data::split::Split;
use crate::data::task::Task;
use crate::fit::tune::{Space, Trial, TuneResult, report, rounds, search};
use crate::fit::{ActivationSource, BEST, FitConfig, LEARNED};
use crate::lab::estimate::Cost;
use crate::model::names::is_any_learned;
use crate::pareto::{self, ErrorUnit, SizedArm, Sweep, WIDTHS, check_widths};
use crate::report::Section;
use crate::run::{RunFolder, RunMode};
use crate::support::progress::Output;
use anyhow::{Context, Result, ensure};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
pub struct TuneArgs {
    #[command(flatten)]
    settings: Flags<TuneSettings>,
    #[command(flatten)]
    activations: ActivationsArgs,
    #[command(flatten)]
    pub out: OutArgs,
}

/// Trials, unless said otherwise.
const BUDGET: usize = 40;
/// The largest budget.
const MOST: usize = 100_000;

const EXAMPLES: &str = "\
Examples:
  ldnn tune gestures.csv --target label --out out/tune
  ldnn train --config out/tune/best.toml --out gestures.ldnn
  ldnn tune gestures.csv --target label --budget 100 --set space.depth=1 --set space.width.high=30
  ldnn tune gestures.csv --target label --set space.activations=learn,relu,tanh
  ldnn tune power.csv --target load --pareto --widths 4,8,16,32            how few neurons will do, and what they cost

A trial trains two networks, after it has learned their activations if these are meta; the mean metric on held-out training rows is its value. Of the trials of a
first round, with a ninth of --steps and --epochs, the best third comes to a second one with a third of them, and the best third of
these to a last one with all of them. Trial 0 has the first of the activations, the middle one of --lr and the first of --weight-decay; the others are drawn from the space:
  [space]                                  in --config, or one by one: --set space.types=2
  depth = [1, 2]                           hidden layers
  width = { low = 10, high = 100 }         on a logarithmic scale
  activations = []                         those of --activations and --compare; learn, meta, tanh+sine, ...
  types = [1, 2, 3]                        with meta
  schedule = [\"unrolled\", \"alternating\"]   with meta
  lr = { low = 0.001, high = 0.1 }         of the weights, on a logarithmic scale
  weight_decay = [0, 0.3, 1.5]             with adamw
The test rows are not looked at; `ldnn train` with the same seed has the same ones. The folder gets best.toml, trials.csv, report.txt and
report.html; the same command goes on where it stopped.

--pareto is no search: each of --widths is trained with each of --activations and --compare, as `ldnn train` does it. The report has
held-out and test error, bytes of flash, and estimated instructions on a Cortex-M4F. The folder gets best.toml for the smallest network
within 1.1 times the best held-out error, pareto.csv, report.html and report.md.";

#[derive(Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
struct TuneSettings {
    /// How many trials there may be, of all rounds together
    #[arg(long, value_name = "N")]
    budget: usize,

    /// Instead of a search: networks of every width with every kind of activations, their errors,
    /// bytes of flash, and instructions on a Cortex-M4F
    #[arg(long)]
    #[serde(default, skip_serializing_if = "is_false")]
    pareto: bool,

    /// With --pareto: the numbers of neurons, in one hidden layer [default: 4,8,16,32,64]
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    widths: Vec<usize>,

    /// As in the settings of `ldnn train`.
    #[arg(skip)]
    #[serde(default, skip_serializing, rename = "activations")]
    _activations: IgnoredAny,

    #[command(flatten)]
    data: DataConfig,

    #[command(flatten)]
    fit: FitConfig,

    #[arg(skip)]
    space: Space,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands references over"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// A search to be done.
pub struct Tune {
    settings: TuneSettings,
    parts: Split,
    inputs: Vec<PathBuf>,
    out: PathBuf,
    replace: bool,
}

impl TuneArgs {
    pub fn resolve(&self) -> Result<Tune> {
        let layers = self.out.layers("fit")?;
        let flags = dataset::given(&self.settings);
        let mut settings = layers.resolve(TuneSettings::default(), &flags)?;
        let activations = self.activations.activate(&layers, &mut settings.fit)?;
        ensure!(
            !matches!(settings.fit.activate, ActivationSource::Given(_)),
            "--activations: a search trains with learn, meta or names of base functions; give a file to `ldnn train`"
        );

        let typed = Typed::new(&flags, &layers);
        self.activations.check_idle(&layers, &typed)?;
        check_pareto(&settings, &typed)?;

        if settings.space.activations.is_empty() {
            settings.space.activations = settings.fit.activations_to_try();
        }
        settings.space.check()?;
        check_idle(&settings, &typed)?;

        ensure!(
            (1..=MOST).contains(&settings.budget),
            "--budget {}: use 1 to {MOST} trials",
            settings.budget
        );

        let rows = settings.data.load()?;
        let parts = settings.data.divide(&rows, settings.fit.seed)?;
        settings.data.keep_fingerprint(&rows)?;

        let task = Task::new(&parts.data);
        if settings.pareto {
            settings.settle_pareto(&task)?;
            parts.rest_and_validation(&task)?;
        } else {
            settings.fit.check(&task)?;
            settings.fit.lr = settings.fit.lrs(task.inputs);
            settings.fit.epochs = vec![settings.fit.longest(&task)];
        }

        let usual = match settings.pareto {
            true => "out/pareto",
            false => "out/tune",
        };
        let out = self.out.out.clone().unwrap_or_else(|| usual.into());

        let inputs = settings
            .data
            .files()
            .into_iter()
            .chain(activations)
            .collect();

        Ok(Tune {
            settings,
            parts,
            inputs,
            out,
            replace: self.out.replace,
        })
    }
}

/// Refuses settings of what is not searched.
fn check_idle(settings: &TuneSettings, typed: &Typed) -> Result<()> {
    let TuneSettings { fit, space, .. } = settings;
    let tries = |name: &str| space.activations.iter().any(|other| other == name);

    typed.refuse(!tries("learn"), &TABLES, NO_TABLES)?;
    typed.refuse(!tries("learn"), &["start"], "is of `activations` learn")?;
    typed.refuse(
        !tries("meta"),
        &["types", "schedule", "steps"],
        "is of `activations` meta",
    )?;
    typed.refuse(
        true,
        &["keep"],
        "is what a search finds; `ldnn train --keep` takes others",
    )?;

    ensure!(
        settings.pareto || fit.epochs.len() <= 1 || !typed.has("epochs"),
        "`epochs`: a search has one length, that of its last round; give one number"
    );
    Ok(())
}

/// Refuses settings of a search with `--pareto`, and its widths without.
fn check_pareto(settings: &TuneSettings, typed: &Typed) -> Result<()> {
    if !settings.pareto {
        ensure!(
            settings.widths.is_empty(),
            "`widths` are those of `pareto`; add it, or give `hidden`"
        );
        return Ok(());
    }

    ensure!(
        !typed.has("hidden"),
        "`hidden`: with `pareto` there is one hidden layer; name the numbers of neurons with `widths`, such as `widths` 4,8,16"
    );
    ensure!(
        !typed.has("budget") && settings.space == Space::default(),
        "`pareto` is no search: leave out `budget` and the settings of the space; `widths`, `compare` and `activations` say what \
             is trained"
    );
    Ok(())
}

impl TuneSettings {
    /// The widths, and the settings that follow from the task, as `ldnn train` has them.
    fn settle_pareto(&mut self, task: &Task) -> Result<()> {
        if self.widths.is_empty() {
            self.widths = WIDTHS.to_vec();
        }
        self.widths.sort_unstable();
        self.widths.dedup();
        check_widths(&self.widths)?;

        for (fit, width) in self.fits().zip(&self.widths) {
            fit.check(task)
                .with_context(|| format!("`widths` {width}"))?;
        }
        self.fit = self.fit.clone().settled(task);
        Ok(())
    }

    /// The settings of `ldnn train`, width by width.
    fn fits(&self) -> impl Iterator<Item = FitConfig> + '_ {
        let of = |&width: &usize| FitConfig {
            hidden: vec![width],
            ..self.fit.clone()
        };
        self.widths.iter().map(of)
    }
}

impl Default for TuneSettings {
    fn default() -> Self {
        TuneSettings {
            budget: BUDGET,
            pareto: false,
            widths: vec![],
            _activations: IgnoredAny,
            data: DataConfig::default(),
            fit: FitConfig::default(),
            space: Space::default(),
        }
    }
}

/// The settings of `ldnn train` for what was found.
#[derive(Serialize)]
struct Best<'a> {
    data: &'a DataConfig,
    fit: FitConfig,
}

impl Tune {
    fn best(&self, found: &Trial) -> Result<String> {
        let fit = found.candidate.apply(&self.settings.fit);
        self.settings_of(&found.candidate.activations, fit)
    }

    /// The settings of `ldnn train` for a network with these activations: `learn`, `meta`, or names
    /// of base functions.
    fn settings_of(&self, activations: &str, fit: FitConfig) -> Result<String> {
        // What was found is what the model is to have; the others are for comparison.
        let fit = match activations {
            "learn" => FitConfig {
                activate: ActivationSource::Learn,
                keep: LEARNED.into(),
                ..fit
            },
            "meta" => FitConfig {
                activate: ActivationSource::Meta,
                keep: LEARNED.into(),
                ..fit
            },
            name => FitConfig {
                activate: ActivationSource::Classical,
                compare: vec![name.into()],
                keep: BEST.into(),
                ..fit
            },
        };

        toml::to_string(&Best {
            data: &self.settings.data,
            fit,
        })
        .context("the settings cannot be written as TOML")
    }
}

impl Tune {
    fn stored(&self) -> Result<StoredConfig> {
        StoredConfig::new("tune", &self.settings)
    }
}

impl Tune {
    /// What the first round needs, which has most candidates: each of them learns and trains on a
    /// thread of its own.
    fn cost(&self) -> Cost {
        if self.settings.pareto {
            return self.cost_of_pareto();
        }

        let TuneSettings {
            fit, space, budget, ..
        } = &self.settings;
        let task = Task::new(&self.parts.data);
        let first = rounds(*budget).first().copied().unwrap_or(0);

        let of = |id: usize| {
            let candidate = space.candidate(fit, id);
            let fit = candidate.apply(fit);
            let training = Cost::trainings(1, &fit.longest_training(&task), &task);

            match candidate.activations.as_str() {
                "meta" => training + Cost::learning(&fit.meta(&task), &task),
                _ => training,
            }
        };

        let all: Cost = (0..first).map(of).sum();
        all.side_by_side(first)
    }

    /// What one width after another needs.
    fn cost_of_pareto(&self) -> Cost {
        let task = Task::new(&self.parts.data);
        let turns = self.parts.validation.len();
        self.settings
            .fits()
            .map(|fit| Cost::of_fit(&fit, &task, turns))
            .sum()
    }

    /// Every width with every kind of activations.
    fn sweep(&self, folder: &RunFolder, output: Output) -> Result<String> {
        let task = &Task::new(&self.parts.data);
        let fit = &self.settings.fit;
        let (mut all, mut notes) = (vec![], self.parts.notes());

        let sweep = Sweep {
            fit,
            parts: &self.parts,
            task,
            folder,
            output,
        };

        for &width in &self.settings.widths {
            all.extend(sweep.candidates(width, fit.runs, |_| true, &mut notes)?);
        }

        let unit = ErrorUnit::of(&self.parts.purpose);
        let (section, small) = pareto::report(&all, &unit, &task.name, notes, folder)?;
        folder.write("best.toml", self.settings_for(small)?)?;
        self.said(section, folder)
    }

    /// The settings of `ldnn train` for one of the candidates.
    fn settings_for(&self, candidate: &SizedArm) -> Result<String> {
        let fit = FitConfig {
            hidden: vec![candidate.width],
            ..self.settings.fit.clone()
        };

        let activations = match (candidate.name(), &fit.activate) {
            (name, ActivationSource::Meta) if is_any_learned(name) => "meta",
            (name, _) if is_any_learned(name) => "learn",
            (name, _) => name,
        };
        self.settings_of(activations, fit)
    }

    /// The page, and what the user is told at the end.
    fn said(&self, section: Section, folder: &RunFolder) -> Result<String> {
        let text = save_page(in_report::<TuneArgs>(section), &self.settings, folder)?;
        let best = folder.file("best.toml");
        let report = match self.settings.pareto {
            true => format!("report: {}\n", folder.file("report.html").display()),
            false => String::new(),
        };

        Ok(format!(
            "{text}\n{report}settings: {0}\nnext: ldnn train --config {0} --out model.ldnn",
            best.display()
        ))
    }
}

impl Plan for Tune {
    fn describe(&self) -> Result<String> {
        Ok(format!("# to {}\n{}", self.out.display(), self.config()?))
    }

    fn config(&self) -> Result<String> {
        Ok(self.stored()?.text().into())
    }

    fn files(&self) -> Result<Files> {
        self.cost().check()?;
        let files = Files::reading(self.inputs.iter().cloned());
        Ok(files
            .running(&self.out, self.stored()?.text().into(), RunMode::Whole)
            .replacing(self.replace))
    }

    fn execute(&self, output: Output) -> Result<String> {
        let folder = RunFolder::open(&self.out, &self.stored()?, self.replace)?;
        if self.settings.pareto {
            return self.sweep(&folder, output);
        }

        let task = Task::new(&self.parts.data);
        // Many candidates, so one division for each.
        let (rest, validation) = self.parts.rest_and_validation(&task)?.swap_remove(0);
        let TuneSettings {
            fit, space, budget, ..
        } = &self.settings;

        let found: TuneResult = search(
            fit,
            space,
            *budget,
            (&rest, &validation),
            &task,
            &folder,
            output,
        )?;

        folder.write("best.toml", self.best(found.best()?)?)?;

        let section = report(&found, &task.name, self.parts.notes(), &folder)?;
        self.said(section, &folder)
    }
}
