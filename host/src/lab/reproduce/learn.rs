//! The first stage: everything that has to be learned, side by side.

use super::config::{Lesson, Study, TaskName};
use crate::data::task::Task;
use crate::data::{Dataset, VanDerPolConfig};
use crate::meta::{MetaConfig, Piece};
use crate::run::{Incomplete, RunFolder};
use crate::support::progress::{Output, Progress};
use crate::train::Learned;
use anyhow::{Context, Result};
use rayon::prelude::*;

/// The tasks of a study.
pub struct Tasks {
    main: Task,
    vanderpol: Task,
    digits: Task,
}

impl Tasks {
    /// With the one that the user asked for.
    ///
    /// # Errors
    /// Never, in practice: the others are made with their default arguments.
    pub fn new(main: &Task) -> Result<Tasks> {
        let vanderpol = Task::new(&Dataset::vanderpol(&VanDerPolConfig::default())?);
        Ok(Tasks {
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

/// What was learned, by the lesson's name; or how many runs of it are missing.
pub struct Lessons(Vec<(String, Result<Vec<Learned>, Incomplete>)>);

impl Lessons {
    /// The activations of a lesson, one an outer seed.
    ///
    /// # Errors
    /// If the study has no such lesson; [`Incomplete`] if other shards have not learned it.
    pub fn get(&self, name: &str) -> Result<&[Learned]> {
        let found = self.0.iter().find(|(n, _)| n == name);
        let (_, learned) = found.with_context(|| format!("the study has no lesson '{name}'"))?;
        Ok(learned.as_ref().map_err(|incomplete| *incomplete)?)
    }
}

impl Lesson {
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

/// Learns every lesson at every outer seed.
///
/// # Errors
/// If a lesson is impossible, a file cannot be written, or the user stops it.
pub fn learn(study: &Study, tasks: &Tasks, folder: &RunFolder, output: Output) -> Result<Lessons> {
    let mut runs: Vec<(&Lesson, usize)> = study
        .lessons
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
                    l.meta.inner_steps
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
        .map(|(number, (lesson, i))| {
            let (config, name) = (lesson.run(*i), lesson.folder(*i));
            let piece = Piece {
                list: LIST,
                number,
                name: &name,
                config: &config,
                task: tasks.get(lesson.on),
            };

            Ok((config.seed, piece.learn(folder, &progress)?))
        });

    let learned: Vec<Result<Learned>> = learned.collect();
    Piece::count(LIST, &learned, folder);

    let mut lessons: Vec<(String, Result<Vec<Learned>, Incomplete>)> = study
        .lessons
        .iter()
        .map(|l| (l.name.clone(), Ok(vec![])))
        .collect();

    for ((lesson, _), learned) in runs.iter().zip(learned) {
        let Some((_, of)) = lessons.iter_mut().find(|(name, _)| *name == lesson.name) else {
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

    for (_, of) in &mut lessons {
        let Ok(all) = of else { continue };
        all.sort_by_key(|(seed, _)| *seed);
    }

    Ok(Lessons(lessons))
}

/// The list of meta-learning runs.
const LIST: &str = "learned";
