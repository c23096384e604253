//! The first stage: everything that has to be learned, side by side.

use super::config::ReproduceConfig;
use super::stage::{LearningStage, TaskName};
use crate::data::task::Task;
use crate::data::{Dataset, VanDerPolConfig};
use crate::meta::{MetaConfig, MetaJob};
use crate::run::{Incomplete, RunFolder};
use crate::support::progress::{Output, Progress};
use crate::train::SeededActivations;
use anyhow::{Context, Result};
use rayon::prelude::*;

/// The tasks of a study.
pub struct ReproduceTasks {
    main: Task,
    vanderpol: Task,
    digits: Task,
}

impl ReproduceTasks {
    /// With the one that the user asked for.
    ///
    /// # Errors
    /// Never, in practice: the others are made with their default arguments.
    pub fn new(main: &Task) -> Result<ReproduceTasks> {
        let vanderpol = Task::new(&Dataset::vanderpol(&VanDerPolConfig::default())?);
        Ok(ReproduceTasks {
            main: main.clone(),
            vanderpol,
            digits: Task::new(&Dataset::digits()?),
        })
    }

    /// By name.
    #[must_use]
    pub fn get(&self, name: TaskName) -> &Task {
        match name {
            TaskName::Main => &self.main,
            TaskName::Vanderpol => &self.vanderpol,
            TaskName::Digits => &self.digits,
        }
    }
}

/// What was learned, by the name of the stage; or how many of its runs are missing.
pub struct LearnedStages(Vec<(String, Result<Vec<SeededActivations>, Incomplete>)>);

impl LearnedStages {
    /// The activations of a stage, one per outer seed.
    ///
    /// # Errors
    /// If there is no such stage; [`Incomplete`] if other shards have not learned it.
    pub fn get(&self, name: &str) -> Result<&[SeededActivations]> {
        let found = self.0.iter().find(|(n, _)| n == name);
        let (_, learned) = found.with_context(|| format!("the settings have no stage '{name}'"))?;
        Ok(learned.as_ref().map_err(|incomplete| *incomplete)?)
    }
}

impl LearningStage {
    /// The settings of outer seed number `i`.
    fn run(&self, i: usize) -> MetaConfig {
        MetaConfig {
            seed: self.meta.seed + i as u64,
            ..self.meta.clone()
        }
    }

    /// The folder of outer seed number `i` inside the run folder.
    #[must_use]
    pub fn folder(&self, i: usize) -> String {
        format!("learned/{}-{}", self.name, self.run(i).seed)
    }
}

/// Runs every stage at every outer seed.
///
/// # Errors
/// If a stage is impossible, a file cannot be written, or the user stops it.
pub fn learn(
    study: &ReproduceConfig,
    tasks: &ReproduceTasks,
    folder: &RunFolder,
    output: Output,
) -> Result<LearnedStages> {
    let mut runs: Vec<(&LearningStage, usize)> = study
        .stages
        .iter()
        .flat_map(|l| (0..l.seeds).map(move |i| (l, i)))
        .collect();

    // The longest first, so that no thread is left alone with one at the end.
    runs.sort_by_key(|(l, _)| {
        std::cmp::Reverse(
            l.meta.steps
                * if l.meta.period > 0 && l.meta.restart > 0 {
                    1
                } else {
                    l.meta.inner_steps + l.meta.inner_untaped
                },
        )
    });

    let progress = Progress::new(
        output,
        "meta-learning",
        runs.iter().map(|(l, _)| l.meta.steps).sum(),
    );

    let learned = runs
        .par_iter()
        .enumerate()
        .with_max_len(1)
        .map(|(number, (stage, i))| {
            let (config, name) = (stage.run(*i), stage.folder(*i));
            let job = MetaJob {
                list: LIST,
                number,
                name: &name,
                config: &config,
                task: tasks.get(stage.on),
            };

            Ok((config.seed, job.learn(folder, &progress)?))
        });

    let learned: Vec<Result<SeededActivations>> = learned.collect();
    MetaJob::count(LIST, &learned, folder);

    let mut stages: Vec<(String, Result<Vec<SeededActivations>, Incomplete>)> = study
        .stages
        .iter()
        .map(|l| (l.name.clone(), Ok(vec![])))
        .collect();

    for ((stage, _), learned) in runs.iter().zip(learned) {
        let Some((_, of)) = stages.iter_mut().find(|(name, _)| *name == stage.name) else {
            continue;
        };
        match (learned, &mut *of) {
            (Ok(learned), Ok(all)) => all.push(learned),
            (Ok(_), Err(_)) => {}
            (Err(error), _) => {
                let one = Incomplete::of(&error).ok_or(error)?;
                *of = Err(of.as_ref().map_or_else(|before| before.and(one), |_| one));
            }
        }
    }

    for (_, of) in &mut stages {
        let Ok(all) = of else { continue };
        all.sort_by_key(|(seed, _)| *seed);
    }

    Ok(LearnedStages(stages))
}

/// The list of meta-learning runs.
const LIST: &str = "learned";
