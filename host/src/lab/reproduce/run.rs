//! `ldnn reproduce`: learning first, then every experiment, then the report.

use super::config::{Choosing, Experiment, Preset, ReproduceConfig, TaskName};
use super::learn::{LearnedStages, ReproduceTasks, learn};
use crate::data::task::Task;
use crate::lab::estimate::Load;
use crate::lab::experiments::transfer::TransferTask;
use crate::lab::experiments::variants::Variant;
use crate::lab::experiments::{
    best, equal, family, forecast, hessian, participation, sizes, transfer, variants,
};
use crate::lab::study::Stage;
use crate::model::activations::{LearnedActivations, SAMPLE_RANGE, SAMPLES, grid};
use crate::report::stats::mean;
use crate::report::{
    Claim, Measure, Page, Part, Picture, REPORT, Section, Verdict, claim_table, judge,
};
use crate::run::{Incomplete, RunFolder, RunMode, all};
use crate::support::progress::Output;
use crate::train::{
    Hyperparameters, SeededActivations, SelectConfig, TrainConfig, ValidateConfig, select,
};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::path::Path;
use std::time::Instant;

/// What a study costs, roughly, stage by stage.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Number of meta-learning runs.
    pub runs: usize,
    /// The meta-learning runs.
    pub learning: Load,
    /// The trainings that choose learning rates and epochs.
    pub selecting: Load,
    /// The other trainings.
    pub training: Load,
}

impl Costs {
    /// All stages.
    #[must_use]
    pub fn load(&self) -> Load {
        self.learning + self.selecting + self.training
    }
}

impl ReproduceConfig {
    /// Whether every part can be done.
    ///
    /// # Errors
    /// With the setting and what to do, for the first one that is impossible.
    pub fn check(&self, task: &Task) -> Result<()> {
        let ensembles = [
            ("equal", &self.equal),
            ("best", &self.best),
            ("sizes.ensemble", &self.sizes.ensemble),
            ("forecast.ensemble", &self.forecast.ensemble),
            ("participation", &self.participation),
            ("hessian.ensemble", &self.hessian.ensemble),
            ("variants", &self.variants),
        ];

        let transfer = self.transfer.iter().map(|ensemble| ("transfer", ensemble));
        for (name, ensemble) in ensembles.into_iter().chain(transfer) {
            ensure!(
                ensemble.runs > 0,
                "reproduce.{name}.runs=0: must be at least 1"
            );

            ensemble
                .train
                .check()
                .with_context(|| format!("reproduce.{name}.train"))?;
        }

        for (name, select) in [
            ("select", &self.select),
            ("forecast_select", &self.forecast_select),
        ] {
            ensure!(
                select.runs > 0 && select.epochs > 0,
                "reproduce.{name}: runs and epochs must be at least 1"
            );

            let good =
                !select.lr.is_empty() && select.lr.iter().all(|lr| lr.is_finite() && *lr > 0.0);

            ensure!(
                good,
                "reproduce.{name}.lr: must be positive numbers, e.g. 0.01"
            );

            select
                .train
                .check()
                .with_context(|| format!("reproduce.{name}.train"))?;
        }

        let widths = &self.sizes.widths;
        ensure!(
            !widths.is_empty() && !widths.contains(&0),
            "reproduce.sizes.widths: must be numbers of at least 1"
        );

        self.hessian
            .spectrum
            .check()
            .context("reproduce.hessian.spectrum")?;

        let tasks = ReproduceTasks::new(task)?;
        self.forecast
            .check(tasks.get(TaskName::Vanderpol))
            .context("reproduce.forecast")?;

        for (i, stage) in self.stages.iter().enumerate() {
            ensure!(
                stage.seeds > 0,
                "reproduce.stages.{i}.seeds=0: must be at least 1"
            );

            stage
                .meta
                .check(tasks.get(stage.on))
                .with_context(|| format!("reproduce.stages.{i}.meta"))?;
        }

        Ok(())
    }

    /// What it costs.
    ///
    /// # Errors
    /// Never, in practice: the tasks are made with their default arguments.
    pub fn costs(&self, task: &Task) -> Result<Costs> {
        let tasks = ReproduceTasks::new(task)?;
        let of = |l: &super::LearningStage| {
            let one = Load::learning(&l.meta, tasks.get(l.on));
            (0..l.seeds).map(|_| one).sum::<Load>()
        };
        let runs = self.stages.iter().map(|l| l.seeds).sum();

        let learning = self.stages.iter().map(of).sum::<Load>().side_by_side(runs);

        let seeds = |name: &str| {
            self.stages
                .iter()
                .find(|l| l.name == name)
                .map_or(0, |l| l.seeds)
        };

        let vanderpol = tasks.get(TaskName::Vanderpol);
        // Three classical kinds, two types and the mix, at equal training and each at its best.
        let twice = |config: &ValidateConfig, stage: &str| 2 * 6 * seeds(stage) * config.runs;

        let select = |config: &SelectConfig, stage: &str, task: &Task| {
            let at = |lr: &f64| {
                let train = TrainConfig {
                    epochs: config.epochs_at(*lr),
                    ..config.train.clone()
                };
                Load::trainings((3 + 3 * seeds(stage)) * config.runs, &train, task)
            };
            config.lr.iter().map(at).sum::<Load>()
        };

        let most = self.stages.iter().map(|l| l.seeds).max().unwrap_or(0);

        let variants = |n: usize| {
            let config = &self.variants;
            Load::trainings(
                n * config.compare.len() * most * config.runs,
                &config.train,
                task,
            )
        };

        let cost = |e: &Experiment| match e {
            Experiment::Fig3 => {
                Load::trainings(twice(&self.equal, "sine"), &self.equal.train, task)
            }
            Experiment::Fig4 => {
                let count = twice(&self.sizes.ensemble, "zero");
                self.sizes.load(count, task)
            }
            Experiment::Fig5 => {
                let of = &self.forecast.ensemble;
                Load::trainings(twice(of, "vanderpol"), &of.train, vanderpol)
            }
            Experiment::Fig6 => Load::trainings(
                twice(&self.participation, "sine"),
                &self.participation.train,
                task,
            ),
            Experiment::Hessian => {
                let of = &self.hessian.ensemble;
                let count = twice(of, "sine");
                Load::trainings(count, &of.train, task)
                    + Load::hessians(count, &of.train.hidden, task)
            }
            Experiment::Bases => variants(7),
            Experiment::Depth => variants(6),
            Experiment::Schedules => variants(2),
            Experiment::Transfer => variants(3),
            Experiment::Family => Load::default(),
        };

        // Experiments with the same activations share one choice.
        let mut choices = self.choices();
        choices.sort_by_key(|c| c.stage);
        choices.dedup_by_key(|c| c.stage);

        let choice = |c: Choosing| select(c.config, c.stage, tasks.get(c.on));

        Ok(Costs {
            runs,
            learning,
            selecting: choices.into_iter().map(choice).sum(),
            training: self.experiments.iter().map(cost).sum(),
        })
    }
}

/// A study at work.
struct Reproduction<'a> {
    study: &'a ReproduceConfig,
    tasks: ReproduceTasks,
    stages: LearnedStages,
    folder: &'a RunFolder,
    output: Output,
}

/// Does all of it in `folder`, or one stage; at the end writes `report.html` and `report.md` and
/// returns the report for a terminal.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it; [`Incomplete`] to a
/// shard, and where jobs are missing.
pub fn run(
    study: &ReproduceConfig,
    task: &Task,
    folder: &RunFolder,
    stage: Stage,
    output: Output,
) -> Result<String> {
    ensure!(
        task.is_classification(),
        "reproduce needs a classification task; give class labels as whole numbers"
    );

    let begun = Instant::now();

    // Who only gathers has nothing to show.
    let output = if matches!(folder.mode(), RunMode::Gather | RunMode::Status) {
        Output::Quiet
    } else {
        output
    };

    let tasks = ReproduceTasks::new(task)?;
    let stages = learn(study, &tasks, folder, output)?;
    let learned_in = begun.elapsed().as_secs_f64();

    let work = Reproduction {
        study,
        tasks,
        stages,
        folder,
        output,
    };

    if stage == Stage::Learn || stage == Stage::Select {
        let blocked = if stage == Stage::Select {
            work.choose_all()?
        } else {
            0
        };

        return match folder.mode() {
            RunMode::Shard(_) => Err(Incomplete {
                missing: blocked,
                blocked: blocked > 0,
            }
            .into()),
            _ => Ok("this stage is done; the same command without `stage` goes on".into()),
        };
    }

    let part = |experiment| {
        let (name, section, settings) = work.experiment(experiment)?;
        Ok(Part {
            folder: name,
            section,
            settings,
        })
    };

    let mut parts = all(Experiment::ALL
        .into_iter()
        .filter(|e| study.does(*e))
        .map(part))?;

    judge_all(&mut parts, study.preset);

    let page = page(study, parts);
    folder.write(
        "claims.json",
        serde_json::to_string_pretty(&page.claims())? + "\n",
    )?;
    page.save(folder)?;
    folder.write("report.txt", text(&page, Path::new(REPORT)))?;

    // Of this process, not of the results: the files are the same however they came about.
    let process = format!(
        "time of this process: {:.0} s, of them {learned_in:.0} s meta-learning; {} threads, vector instructions: {}\n",
        begun.elapsed().as_secs_f64(),
        rayon::current_num_threads(),
        crate::support::simd::Level::best().name()
    );

    Ok(text(&page, &folder.file(REPORT)) + &process)
}

/// Corrects and judges the claims of all parts together.
fn judge_all(parts: &mut [Part], preset: Preset) {
    let counts: Vec<usize> = parts.iter().map(|p| p.section.claims.len()).collect();
    let mut claims: Vec<Claim> = parts
        .iter_mut()
        .flat_map(|p| std::mem::take(&mut p.section.claims))
        .collect();

    judge(&mut claims);

    if preset == Preset::Smoke {
        claims.iter_mut().for_each(|c| {
            c.verdict = Verdict::NotJudged("the smoke preset learns too little".into())
        });
    }

    let mut claims = claims.into_iter();

    for (part, count) in parts.iter_mut().zip(counts) {
        part.section.claims.extend(claims.by_ref().take(count));
    }
}

/// An experiment that is done for both questions.
struct Twice<'a, S> {
    name: &'a str,
    title: &'a str,
    settings: &'a S,
    ensemble: &'a ValidateConfig,
    /// The stage for equal training, and the one for each at its best.
    stages: (&'a str, &'a str),
}

fn toml_of(settings: &impl Serialize) -> Result<String> {
    toml::to_string(settings).context("the settings cannot be written as TOML")
}

impl Reproduction<'_> {
    /// An experiment's folder, section and settings.
    fn experiment(&self, experiment: Experiment) -> Result<(String, Section, String)> {
        let s = self.study;

        match experiment {
            Experiment::Fig3 => self.fig3(),
            Experiment::Fig4 => {
                let (title, stages) = ("Fig. 4: accuracy against network size", ("zero", "zero"));

                let twice = Twice {
                    name: "fig4",
                    title,
                    settings: &s.sizes,
                    ensemble: &s.sizes.ensemble,
                    stages,
                };

                self.twice(twice, |l, c, f| {
                    sizes::run(&s.sizes, self.main(), l, c, f, self.output)
                })
            }
            Experiment::Fig5 => self.fig5(),
            Experiment::Fig6 => {
                let (title, stages) = (
                    "Fig. 6: accuracy against participation ratio",
                    ("authors", "sine"),
                );
                let of = &s.participation;

                let twice = Twice {
                    name: "fig6",
                    title,
                    settings: of,
                    ensemble: of,
                    stages,
                };

                self.twice(twice, |l, c, f| {
                    participation::run(of, self.main(), l, c, f, self.output)
                })
            }
            Experiment::Hessian => {
                let (title, stages) = ("The Hessian at the end of training", ("authors", "sine"));

                let twice = Twice {
                    name: "hessian",
                    title,
                    settings: &s.hessian,
                    ensemble: &s.hessian.ensemble,
                    stages,
                };

                self.twice(twice, |l, c, f| {
                    hessian::run(&s.hessian, self.main(), l, c, f, self.output)
                })
            }
            Experiment::Bases => self.variants(
                "bases",
                "From other starting points",
                &[
                    ("from sine", "sine"),
                    ("from zero", "zero"),
                    ("from identity", "identity"),
                    ("from relu", "relu"),
                    ("from tanh", "tanh"),
                    ("from sigmoid", "sigmoid"),
                    ("from elu", "elu"),
                ],
            ),
            Experiment::Depth => self.variants(
                "depth",
                "More layers, more types",
                &[
                    ("100-100 shared", "two-layers"),
                    ("100-100 own", "two-layers-own"),
                    ("three types", "three-types"),
                ],
            ),
            Experiment::Schedules => self.variants(
                "schedules",
                "Schedules on the same budget",
                &[("unrolled", "sine"), ("alternating", "alternating")],
            ),
            Experiment::Transfer => self.transfer(),
            Experiment::Family => self.family(),
        }
    }

    fn main(&self) -> &Task {
        self.tasks.get(TaskName::Main)
    }

    /// Rate and epochs of each arm, chosen once for all experiments with the same activations.
    fn chosen(
        &self,
        config: &SelectConfig,
        on: TaskName,
        stage: &str,
        ensemble: &ValidateConfig,
    ) -> Result<Vec<Hyperparameters>> {
        let task = self.tasks.get(on);
        let arms = ensemble.arms(task, self.stages.get(stage)?)?;
        let folder = self.folder.inside(&format!("selected/{stage}"), config)?;
        select(config, task, &arms, &folder, self.output)
    }

    /// All choices of [`Self::chosen`] that experiments ask for; how many meta-learning runs they
    /// wait for.
    fn choose_all(&self) -> Result<usize> {
        let mut blocked = 0;

        for Choosing {
            stage,
            on,
            config,
            ensemble,
        } in self.study.choices()
        {
            if let Err(error) = self.stages.get(stage) {
                blocked += Incomplete::of(&error).ok_or(error)?.missing;
            } else if let Err(error) = self.chosen(config, on, stage, ensemble) {
                // Its own jobs are done; those of others need not be.
                Incomplete::of(&error).ok_or(error)?;
            }
        }

        Ok(blocked)
    }

    /// An experiment on the main task at equal training, and with each at its best.
    fn twice<S: Serialize>(
        &self,
        Twice {
            name,
            title,
            settings,
            ensemble,
            stages,
        }: Twice<S>,
        run: impl Fn(&[SeededActivations], Option<&[Hyperparameters]>, &RunFolder) -> Result<Section>,
    ) -> Result<(String, Section, String)> {
        let folder = self.folder.inside(name, settings)?;
        let mut section = Section::new(title);
        let first = folder.inside("equal", settings)?;
        let second = folder.inside("best", settings)?;
        let equal = || run(self.stages.get(stages.0)?, None, &first);
        let best = || {
            let chosen = self.chosen(&self.study.select, TaskName::Main, stages.1, ensemble)?;
            run(self.stages.get(stages.1)?, Some(&chosen), &second)
        };

        section.absorb_both(equal(), best(), ["equal", "best"])?;
        section.save(&folder)?;
        Ok((name.into(), section, toml_of(settings)?))
    }

    fn fig3(&self) -> Result<(String, Section, String)> {
        let (s, folder) = (self.study, self.folder.inside("fig3", &self.study.equal)?);
        let mut section = Section::new("Fig. 3: two types learned from a sine, and their mix");
        let equal_folder = folder.inside("equal", &s.equal)?;
        let best_folder = folder.inside("best", &s.best)?;

        let equal = || {
            equal::run(
                &s.equal,
                self.main(),
                self.stages.get("authors")?,
                &equal_folder,
                self.output,
            )
        };

        let best = || {
            let chosen = self.chosen(&s.select, TaskName::Main, "sine", &s.best)?;
            best::run(
                &s.best,
                self.main(),
                self.stages.get("sine")?,
                &chosen,
                &best_folder,
                self.output,
            )
        };

        let (equal, best) = (equal(), best());

        for (stage, of) in [
            ("authors", "the authors' objective"),
            ("sine", "the held-out objective"),
        ] {
            self.show_evolution(&mut section, stage, of)?;
            section.claims.push(diversity(of, self.stages.get(stage)?)?);
        }

        section.absorb_both(equal, best, ["equal", "best"])?;
        section.save(&folder)?;
        Ok(("fig3".into(), section, toml_of(&s.equal)?))
    }

    /// The pictures of how the activations of a stage evolved.
    fn show_evolution(&self, section: &mut Section, name: &str, of: &str) -> Result<()> {
        let stage = self
            .study
            .stages
            .iter()
            .find(|l| l.name == name)
            .context("a stage is missing")?;

        let caption = |i: usize| {
            format!(
                "Evolution of the types from {}, {of}, outer seed number {}",
                stage.meta.base,
                i + 1
            )
        };

        let picture = |i: usize| Picture {
            file: format!("../{}/evolution", stage.folder(i)),
            caption: caption(i),
        };

        section.pictures.extend((0..stage.seeds).map(picture));
        Ok(())
    }

    fn fig5(&self) -> Result<(String, Section, String)> {
        let (s, task) = (self.study, self.tasks.get(TaskName::Vanderpol));
        let folder = self.folder.inside("fig5", &s.forecast)?;
        let learned = self.stages.get("vanderpol")?;
        let mut section = Section::new("Fig. 5: van der Pol, regression and forecast");

        self.show_evolution(&mut section, "vanderpol", "on van der Pol")?;

        let equal = || forecast::run(&s.forecast, task, learned, None, &folder, self.output);

        let best = || {
            let chosen = self.chosen(
                &s.forecast_select,
                TaskName::Vanderpol,
                "vanderpol",
                &s.forecast.ensemble,
            )?;

            forecast::run(
                &s.forecast,
                task,
                learned,
                Some(&chosen),
                &folder,
                self.output,
            )
        };

        section.absorb_both(equal(), best(), [".", "."])?;
        section.save(&folder)?;
        Ok(("fig5".into(), section, toml_of(&s.forecast)?))
    }

    fn variants(
        &self,
        name: &str,
        title: &str,
        of: &[(&str, &str)],
    ) -> Result<(String, Section, String)> {
        let folder = self.folder.inside(name, &self.study.variants)?;

        let variant = |&(name, stage): &(&str, &str)| {
            let settings = self
                .study
                .stages
                .iter()
                .find(|l| l.name == stage)
                .context("a stage is missing")?;

            let (name, hidden) = (name.to_string(), settings.meta.hidden.clone());

            Ok(Variant {
                name,
                hidden,
                learned: self.stages.get(stage)?.to_vec(),
            })
        };

        let variants_of = of.iter().map(variant).collect::<Result<Vec<_>>>()?;

        let mut section = variants::run(
            title,
            &self.study.variants,
            self.main(),
            &variants_of,
            &folder,
            self.output,
        )?;

        if name == "bases" {
            for (_, stage) in of {
                self.show_evolution(&mut section, stage, "the held-out objective")?;
            }
        }

        Ok((name.into(), section, toml_of(&self.study.variants)?))
    }

    fn transfer(&self) -> Result<(String, Section, String)> {
        let named = [
            (TaskName::Main, "sine"),
            (TaskName::Vanderpol, "vanderpol"),
            (TaskName::Digits, "digits"),
        ];

        let place = |((on, stage), ensemble): (&(TaskName, &str), &ValidateConfig)| {
            let (task, learned) = (
                self.tasks.get(*on).clone(),
                self.stages.get(stage)?.to_vec(),
            );

            Ok(TransferTask {
                task,
                learned,
                ensemble: ensemble.clone(),
            })
        };

        let places = named
            .iter()
            .zip(&self.study.transfer)
            .map(place)
            .collect::<Result<Vec<_>>>()?;

        let settings = toml_of(&std::collections::BTreeMap::from([(
            "transfer",
            &self.study.transfer,
        )]))?;
        let folder = self.folder.inside(
            "transfer",
            &std::collections::BTreeMap::from([("transfer", &self.study.transfer)]),
        )?;

        Ok((
            "transfer".into(),
            transfer::run(&places, &folder, self.output)?,
            settings,
        ))
    }

    fn family(&self) -> Result<(String, Section, String)> {
        let names = ["sine", "zero", "identity", "relu", "tanh", "sigmoid", "elu"];
        let group = |name: &&str| Ok((name.to_string(), self.stages.get(name)?.to_vec()));
        let groups = names.iter().map(group).collect::<Result<Vec<_>>>()?;
        let settings = std::collections::BTreeMap::from([("stages", names)]);
        let folder = self.folder.inside("family", &settings)?;

        Ok((
            "family".into(),
            family::run(&groups, &folder)?,
            toml_of(&settings)?,
        ))
    }
}

/// Curves with a smaller correlation are called diverse. At the start it is about 0.99.
const DIVERSE: f64 = 0.9;

/// The largest correlation of two of the learned curves, an outer seed; curves that only differ by
/// offset and scale have 1.
fn diversity(of: &str, learned: &[SeededActivations]) -> Result<Claim> {
    let correlations = learned
        .iter()
        .map(|(_, a)| largest_correlation(a))
        .collect::<Result<Vec<_>>>()?;
    let pairs: Vec<_> = correlations
        .iter()
        .map(|c| (vec![DIVERSE], vec![*c]))
        .collect();

    let measure = Measure::of(
        "",
        "below the bound, in the correlation of the curves on [-5, 5]",
        &pairs,
    );

    Ok(Claim::new(
        format!("Types that start alike become diverse: a correlation below {DIVERSE} ({of})"),
        vec![measure],
    ))
}

fn largest_correlation(activations: &LearnedActivations) -> Result<f64> {
    let z = grid(SAMPLES, SAMPLE_RANGE);

    let curves = activations
        .types
        .iter()
        .map(|t| t.evaluate(&z))
        .collect::<Result<Vec<_>>>()?;

    let pairs = (0..curves.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    Ok(pairs
        .map(|(a, b)| correlation(&curves[a], &curves[b]))
        .fold(f64::NEG_INFINITY, f64::max))
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (ma, mb) = (mean(a), mean(b));
    let product =
        |f: fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
    product(|a, b| a * b) / (product(|a, _| a * a) * product(|_, b| b * b)).sqrt()
}

fn page(study: &ReproduceConfig, parts: Vec<Part>) -> Page {
    let preset = toml_name(study.preset);

    let count = |f: fn(&Verdict) -> bool| {
        parts
            .iter()
            .flat_map(|p| &p.section.claims)
            .filter(|c| f(&c.verdict))
            .count()
    };

    let total = count(|_| true);

    let summary = format!(
        "Of {total} claims about learned-diversity neural networks: {} reproduced, {} in part, {} not, {} undecided or not judged \
         at this preset.",
        count(|v| *v == Verdict::Reproduced),
        count(|v| matches!(v, Verdict::Partly(_))),
        count(|v| *v == Verdict::NotReproduced),
        count(|v| matches!(v, Verdict::Undecided | Verdict::NotJudged(_))),
    );

    let seeds: Vec<String> = study
        .stages
        .iter()
        .map(|l| format!("{}: {} from {}", l.name, l.seeds, l.meta.seed))
        .collect();

    let paper = "The paper: Choudhary, Radhakrishnan, Lindner, Sinha, Ditto, Neural networks embrace learned diversity, \
                 arXiv 2204.04348 (2022). Figure numbers are the paper's.";

    Page {
        title: "Neural networks embrace learned diversity: a reproduction".into(),
        summary: vec![summary, paper.into()],
        facts: vec![
            ("preset".into(), preset),
            (
                "version".into(),
                format!("ldnn {}", env!("CARGO_PKG_VERSION")),
            ),
            (
                "outer seeds (meta-learning runs) by stage".into(),
                seeds.join("; "),
            ),
        ],
        parts,
    }
}

fn toml_name(preset: Preset) -> String {
    format!("{preset:?}").to_lowercase()
}

/// The report as text; `html` is the way to the same in pictures.
fn text(page: &Page, html: &Path) -> String {
    let mut text = format!("{}\n\n{}\n", page.title, page.summary.join("\n\n"));

    for part in &page.parts {
        let without_claims = Section {
            claims: vec![],
            pictures: vec![],
            ..part.section.clone()
        };
        text += &format!("\n\n{}", without_claims.to_file_text());
    }

    text += &format!(
        "\n\nClaims (95 % intervals, p corrected for their number (Benjamini and Hochberg)):\n{}\n",
        claim_table(&page.claims()).to_text()
    );
    text += &format!("\n{}\n\nreport: {}\n", page.summary[0], html.display());

    text
}
