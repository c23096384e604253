//! The first stage: everything that has to be learned, side by side.

use super::config::{Lesson, Study, TaskName};
use crate::data::{Dataset, VanDerPolConfig};
use crate::folder::RunFolder;
use crate::meta::{self, MetaConfig};
use crate::progress::{Output, Progress};
use crate::task::Task;
use crate::validate::Learned;
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
        Ok(Tasks { main: main.clone(), vanderpol, digits: Task::new(&Dataset::digits()?) })
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

/// What was learned, by the lesson's name.
pub struct Lessons(Vec<(String, Vec<Learned>)>);

impl Lessons {
    /// The activations of a lesson, one an outer seed.
    ///
    /// # Errors
    /// If the study has no such lesson.
    pub fn get(&self, name: &str) -> Result<&[Learned]> {
        let found = self.0.iter().find(|(n, _)| n == name);
        Ok(&found.with_context(|| format!("the study has no lesson '{name}'"))?.1)
    }
}

impl Lesson {
    /// The settings of outer seed number `i`.
    fn run(&self, i: usize) -> MetaConfig {
        MetaConfig { seed: self.meta.seed + i as u64, ..self.meta.clone() }
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
    let mut runs: Vec<(&Lesson, usize)> =
        study.lessons.iter().flat_map(|l| (0..l.seeds).map(move |i| (l, i))).collect();
    // The longest first, so that no thread is left alone with one at the end.
    runs.sort_by_key(|(l, _)| {
        std::cmp::Reverse(l.meta.steps * if l.meta.period > 0 && l.meta.restart > 0 { 1 } else { l.meta.inner_steps })
    });
    let progress = Progress::new(output, "meta-learning", runs.iter().map(|(l, _)| l.meta.steps).sum());
    let learned = runs.par_iter().with_max_len(1).map(|(lesson, i)| {
        let config = lesson.run(*i);
        let own = folder.inside(&lesson.folder(*i), &config)?;
        Ok((config.seed, meta::run(&config, tasks.get(lesson.on), &own, &progress)?))
    });
    let learned = learned.collect::<Result<Vec<Learned>>>()?;
    let of = |lesson: &Lesson| {
        let mut own: Vec<Learned> =
            runs.iter().zip(&learned).filter(|((l, _), _)| l.name == lesson.name).map(|(_, a)| a.clone()).collect();
        own.sort_by_key(|(seed, _)| *seed);
        (lesson.name.clone(), own)
    };
    Ok(Lessons(study.lessons.iter().map(of).collect()))
}
