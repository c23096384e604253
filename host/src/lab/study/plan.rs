//! The plan of a study: a pure function of its file. Nothing of it is held in memory but the axes;
//! meta-learning runs and trainings are computed from their numbers.

use super::axis::{Axis, combinations, digits};
use super::settings::{SEED, Setting, StudyConfig, TaskCache};
use crate::meta::MetaConfig;
use anyhow::{Context, Result};
use std::fmt;
use toml::Value;
use xxhash_rust::xxh3::xxh3_128;

/// A stable identity: 128 bits of a hash of everything that a result depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub u128);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Id {
    fn of(parts: &[&str]) -> Id {
        // The parts are words, numbers and JSON: none has this byte.
        Id(xxh3_128(parts.join("\u{1f}").as_bytes()))
    }
}

/// A meta-learning run of a study.
#[derive(Clone, Debug)]
pub struct MetaRun {
    /// Its number, from 0.
    pub number: usize,
    /// Its identity.
    pub id: Id,
    /// Its task.
    pub task: String,
    /// Its settings.
    pub meta: MetaConfig,
}

/// Trainings that differ by activation, outer seed and seed only.
#[derive(Clone, Debug)]
pub struct TrainingBlock {
    /// The number of its first training.
    pub first: usize,
    /// The number of its setting.
    pub setting_number: usize,
    /// The number of the combination of values of `meta` (without the seed); none for classical
    /// activations.
    pub meta_number: Option<usize>,
    /// Its setting.
    pub setting: Setting,
    /// The activations, by name.
    pub activations: Vec<String>,
    /// The meta-learning runs, one per outer seed; empty for classical activations.
    pub meta_runs: Vec<MetaRun>,
    /// Networks per activation, and of each outer seed.
    pub runs: usize,
    task: String,
    train: String,
}

/// One training of a block.
#[derive(Clone, Copy, Debug)]
pub struct StudyTraining<'a> {
    /// Its activation, by name.
    pub activation: &'a str,
    /// Where they were learned.
    pub meta_run: Option<&'a MetaRun>,
    /// The seed of the network.
    pub seed: u64,
    /// Its identity.
    pub id: Id,
}

impl TrainingBlock {
    /// How many trainings it has.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no block is empty")]
    pub fn len(&self) -> usize {
        self.runs * self.activations.len() * self.meta_runs.len().max(1)
    }

    /// Training number `i` of the block: seed by seed, so that a study that is stopped has
    /// something of every activation.
    #[must_use]
    pub fn item(&self, i: usize) -> StudyTraining<'_> {
        let outer = self.meta_runs.len().max(1);
        let (rest, outer) = (i / outer, i % outer);
        let (run, activation) = (
            rest / self.activations.len(),
            &self.activations[rest % self.activations.len()],
        );
        let meta_run = self.meta_runs.get(outer);
        let seed = self.setting.validate.seed + run as u64;

        let learned = meta_run.map_or(String::new(), |l| l.id.to_string());

        let id = Id::of(&[
            "training",
            &self.task,
            &self.train,
            activation,
            &seed.to_string(),
            &learned,
        ]);

        StudyTraining {
            activation,
            meta_run,
            seed,
            id,
        }
    }
}

/// The plan.
pub struct StudyPlan<'a> {
    study: &'a StudyConfig,
    tasks: &'a TaskCache,
    axes: Vec<Axis>,
}

impl<'a> StudyPlan<'a> {
    /// Of a study.
    ///
    /// # Errors
    /// If its sweep is none.
    pub fn new(study: &'a StudyConfig, tasks: &'a TaskCache) -> Result<StudyPlan<'a>> {
        let plan = StudyPlan {
            study,
            tasks,
            axes: Axis::all(&study.sweep)?,
        };

        combinations(&plan.axes.iter().collect::<Vec<_>>())?;
        Ok(plan)
    }

    fn of_settings(&self) -> Vec<&Axis> {
        self.axes
            .iter()
            .filter(|a| !a.name.starts_with("meta."))
            .collect()
    }

    /// The axes of meta-learning but its seed.
    fn of_meta(&self) -> Vec<&Axis> {
        self.axes
            .iter()
            .filter(|a| a.name.starts_with("meta.") && a.name != SEED)
            .collect()
    }

    fn task_axis(&self) -> Option<&Axis> {
        self.axes.iter().find(|a| a.name == "task")
    }

    /// How many outer seeds each cell has.
    #[must_use]
    pub fn outer_seeds(&self) -> usize {
        self.axes
            .iter()
            .find(|a| a.name == SEED)
            .map_or(1, Axis::len)
    }

    /// How many settings of trainings there are, and how many of meta-learning for each (without
    /// its seeds).
    ///
    /// # Errors
    /// Never, after [`StudyPlan::new`].
    pub fn cells(&self) -> Result<(usize, usize)> {
        Ok((
            combinations(&self.of_settings())?,
            combinations(&self.of_meta())?,
        ))
    }

    /// How many meta-learning runs there are.
    ///
    /// # Errors
    /// If a value of `validate.compare` is none.
    pub fn meta_runs(&self) -> Result<usize> {
        let swept = self.axes.iter().find(|a| a.name == "validate.compare");
        let settings = (0..swept.map_or(1, Axis::len)).map(|i| {
            let values: Vec<(&str, Value)> = swept
                .map(|a| (a.name.as_str(), a.get(i)))
                .into_iter()
                .collect();
            Ok(self.study.setting(&values)?.learns())
        });

        let learns = settings
            .collect::<Result<Vec<bool>>>()?
            .into_iter()
            .any(|l| l);
        let each = combinations(&self.of_meta())? * self.outer_seeds();

        Ok(if learns {
            each * self.task_axis().map_or(1, Axis::len)
        } else {
            0
        })
    }

    /// Meta-learning run number `number`: task by task, then combination by combination, then seed
    /// by seed.
    ///
    /// # Errors
    /// If its settings are none.
    pub fn meta_run(&self, number: usize) -> Result<MetaRun> {
        let (seeds, metas) = (self.outer_seeds(), combinations(&self.of_meta())?);
        let (combination, seed) = (number / seeds, number % seeds);
        let (task, meta) = (combination / metas, combination % metas);
        let axes = self.of_meta();
        let mut values = valued(&axes, &digits(&axes, meta));

        values.extend(
            self.axes
                .iter()
                .find(|a| a.name == SEED)
                .map(|a| (SEED, a.get(seed))),
        );

        let task = match self.task_axis() {
            None => self.study.task.clone(),
            Some(axis) => axis
                .get(task)
                .as_str()
                .context("sweep.task: a task is a name")?
                .to_string(),
        };

        let meta = self.study.meta(&values, &*self.tasks.get(&task)?)?;

        let id = Id::of(&[
            "lesson",
            &self.tasks.identity(&task)?,
            &serde_json::to_string(&meta)?,
        ]);

        Ok(MetaRun {
            number,
            id,
            task,
            meta,
        })
    }

    /// Every training, block by block: for each setting its classical activations, then those of
    /// each combination of `meta`.
    pub fn blocks(&self) -> impl Iterator<Item = Result<TrainingBlock>> {
        let count = combinations(&self.of_settings()).unwrap_or(0);
        let mut first = 0;

        (0..count).flat_map(move |number| {
            let blocks = self.of_setting(number, first);
            match blocks {
                Ok(blocks) => {
                    first += blocks.iter().map(TrainingBlock::len).sum::<usize>();
                    blocks.into_iter().map(Ok).collect::<Vec<_>>()
                }
                Err(error) => vec![Err(error.context(format!(
                    "in setting {number}: {}",
                    self.describe(number, None)
                )))],
            }
        })
    }

    fn of_setting(&self, setting_number: usize, mut first: usize) -> Result<Vec<TrainingBlock>> {
        let axes = self.of_settings();
        let values = valued(&axes, &digits(&axes, setting_number));
        let setting = self.study.setting(&values)?;
        let task = self.tasks.identity(&setting.task)?;
        let train = serde_json::to_string(&(&setting.validate.train, setting.validate.exact))?;
        let (classical, learned) = (setting.activations(false), setting.activations(true));

        let seeds = if learned.is_empty() {
            1
        } else {
            self.outer_seeds()
        };

        let block = |activations: Vec<String>, meta_number, meta_runs, runs| TrainingBlock {
            first: 0,
            setting_number,
            meta_number,
            setting: setting.clone(),
            activations,
            meta_runs,
            runs,
            task: task.clone(),
            train: train.clone(),
        };

        let mut blocks = Vec::new();

        if !classical.is_empty() {
            // As many as a learned one has over all outer seeds, so that their mean is known as
            // well.
            blocks.push(block(
                classical,
                None,
                vec![],
                setting.validate.runs * seeds,
            ));
        }

        if !learned.is_empty() {
            let metas = combinations(&self.of_meta())?;
            let place = self.task_axis().map_or(0, |_| {
                axes.iter().position(|a| a.name == "task").unwrap_or(0)
            });

            let at = if self.task_axis().is_some() {
                digits(&axes, setting_number)[place]
            } else {
                0
            };

            for meta in 0..metas {
                let meta_runs = (0..seeds).map(|s| self.meta_run((at * metas + meta) * seeds + s));
                let meta_runs = meta_runs.collect::<Result<Vec<_>>>()?;

                blocks.push(block(
                    learned.clone(),
                    Some(meta),
                    meta_runs,
                    setting.validate.runs,
                ));
            }
        }

        for block in &mut blocks {
            block.first = first;
            first += block.len();
        }

        Ok(blocks)
    }

    /// The values of a cell, in words.
    #[must_use]
    pub fn describe(&self, setting: usize, meta: Option<usize>) -> String {
        let (settings, metas) = (self.of_settings(), self.of_meta());
        let mut values = valued(&settings, &digits(&settings, setting));
        values.extend(
            meta.into_iter()
                .flat_map(|m| valued(&metas, &digits(&metas, m))),
        );

        let word = |(name, value): &(&str, Value)| {
            let name = name
                .trim_start_matches("validate.")
                .trim_start_matches("train.");

            format!(
                "{name} {}",
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), String::from)
            )
        };

        values.iter().map(word).collect::<Vec<_>>().join(", ")
    }

    /// The names of the axes of settings and of meta-learning (without its seed), and the values in
    /// a cell.
    #[must_use]
    pub fn values(&self, setting: usize, meta: Option<usize>) -> Vec<(String, String)> {
        let (settings, metas) = (self.of_settings(), self.of_meta());
        let mut all: Vec<(String, String)> = valued(&settings, &digits(&settings, setting))
            .into_iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();

        for (i, axis) in metas.iter().enumerate() {
            let value = meta.map_or(String::new(), |m| {
                axis.get(digits(&metas, m)[i]).to_string()
            });
            all.push((axis.name.clone(), value));
        }

        all
    }
}

fn valued<'b>(axes: &[&'b Axis], digits: &[usize]) -> Vec<(&'b str, Value)> {
    axes.iter()
        .zip(digits)
        .map(|(axis, &i)| (axis.name.as_str(), axis.get(i)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const STUDY: &str = "
        [meta]
        steps = 3
        [validate]
        compare = ['relu', 'tanh', 'type1', 'mix']
        runs = 3
        [sweep]
        meta.seed = { from = 5, count = 2 }
        meta.base = ['sine', 'zero', 'relu']
        task = ['digits', 'vanderpol']
        validate.train.hidden = [[3], [4, 5]]
    ";

    #[test]
    fn a_plan_has_every_training_once_with_an_identity_of_its_own() {
        let tasks = TaskCache::default();
        let study = StudyConfig::parse(STUDY, &tasks).unwrap();
        let plan = StudyPlan::new(&study, &tasks).unwrap();

        assert_eq!(
            (plan.cells().unwrap(), plan.meta_runs().unwrap()),
            ((4, 3), 12)
        );

        let blocks: Vec<TrainingBlock> = plan.blocks().collect::<Result<_>>().unwrap();
        // A setting: two classical ones as often as a learned one in all; two learned ones, three
        // bases, two seeds.
        let each = 2 * 3 * 2 + 3 * (2 * 2 * 3);
        let mut next = 0;
        let mut ids = HashSet::new();

        for block in &blocks {
            assert_eq!(block.first, next);
            next += block.len();
            assert!((0..block.len()).all(|i| ids.insert(block.item(i).id)));
        }

        assert_eq!((next, ids.len()), (4 * each, 4 * each));

        let meta_runs: HashSet<usize> = blocks
            .iter()
            .flat_map(|b| b.meta_runs.iter().map(|l| l.number))
            .collect();

        assert_eq!(meta_runs, (0..12).collect());

        for block in &blocks {
            assert!(block.meta_runs.iter().all(|l| l.task == block.setting.task));

            assert!(
                block
                    .meta_runs
                    .iter()
                    .map(|l| l.meta.seed)
                    .eq([5, 6].into_iter().take(block.meta_runs.len()))
            );
        }
    }

    #[test]
    fn identities_do_not_depend_on_the_other_cells() {
        let tasks = TaskCache::default();
        let small = STUDY
            .replace("['sine', 'zero', 'relu']", "['zero']")
            .replace("[[3], [4, 5]]", "[[4, 5]]");

        let ids = |text: &str| -> HashSet<Id> {
            let study = StudyConfig::parse(text, &tasks).unwrap();
            let plan = StudyPlan::new(&study, &tasks).unwrap();

            let of = |b: Result<TrainingBlock>| {
                let block = b.unwrap();
                (0..block.len())
                    .map(|i| block.item(i).id)
                    .collect::<Vec<_>>()
            };

            plan.blocks().flat_map(of).collect()
        };

        let (all, some) = (ids(STUDY), ids(&small));
        assert!(some.is_subset(&all) && some.len() < all.len());

        // And are another matter with another setting.
        assert!(
            ids(&STUDY.replace("steps = 3", "steps = 4"))
                .difference(&all)
                .count()
                > 0
        );
    }

    #[test]
    fn studies_with_impossible_settings_are_refused_by_name() {
        let tasks = TaskCache::default();

        for (text, words) in [
            ("[sweep]\nmeta.bse = ['sine']", &["meta", "bse"][..]),
            (
                "[sweep]\nmeta.base = ['sine', 'sign']",
                &["sweep.meta.base", "sign"],
            ),
            ("[sweep]\nsteps = [1]", &["sweep.steps", "meta.base"]),
            ("[validate]\nruns = 0", &["runs"]),
            ("[validate.train]\nlr = -1.0", &["lr", "-1"]),
            ("[validate]\ncompare = ['rele']", &["rele", "relu"]),
            ("task = 'mnist'", &["mnist1d"]),
            ("taks = 'digits'", &["taks"]),
        ] {
            let message = format!("{:#}", StudyConfig::parse(text, &tasks).unwrap_err());
            for word in words {
                assert!(message.contains(word), "{text}: {message}");
            }
        }
    }
}
