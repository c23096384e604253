//! A study at work: its meta-learning runs and its trainings, those that are this process's.

use super::plan::{Id, MetaRun, StudyPlan, TrainingBlock};
use super::settings::TaskCache;
use crate::meta::MetaJob;
use crate::model::activations::LearnedActivations;
use crate::model::choice::Choice;
use crate::run::journal::{self, Journal};
use crate::run::{Incomplete, ListProgress, RunFolder, RunMode};
use crate::support::progress::{Output, Progress};
use crate::support::stop::{self, Stopped};
use crate::train::{Training, train};
use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The list of meta-learning runs.
pub(super) const LEARNED: &str = "learned";
/// The list of trainings, and its journal.
pub(super) const TRAININGS: &str = "trainings";

/// Trainings that are handed out to threads at a time: many, so that no thread waits long for the
/// last; not so many that they need memory.
const CHUNK: usize = 4096;

/// A line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TrainingRecord {
    /// Its identity; it must be the first field, by which lines are found.
    pub id: String,
    /// The number of its setting.
    pub setting: usize,
    /// The identity of the meta-learning run that its activations are from.
    #[serde(rename = "lesson")]
    pub meta_run: Option<String>,
    /// That run's seed.
    pub outer_seed: Option<u64>,
    /// What came out.
    pub training: Training,
}

/// The folder of a meta-learning run.
fn place(meta_run: &MetaRun) -> String {
    format!("{LEARNED}/{}", meta_run.id)
}

pub(super) struct Worker<'a> {
    plan: &'a StudyPlan<'a>,
    tasks: &'a TaskCache,
    folder: &'a RunFolder,
    /// What was learned, as far as it was asked for; none where it is not there yet.
    known: Mutex<HashMap<Id, Option<Arc<LearnedActivations>>>>,
    output: Output,
}

impl<'a> Worker<'a> {
    /// Nothing is known yet of what was learned.
    pub fn new(
        plan: &'a StudyPlan,
        tasks: &'a TaskCache,
        folder: &'a RunFolder,
        output: Output,
    ) -> Worker<'a> {
        Worker {
            plan,
            tasks,
            folder,
            known: Mutex::default(),
            output,
        }
    }
}

/// A training to be done.
struct StudyJob {
    block: Arc<TrainingBlock>,
    item: usize,
}

impl Worker<'_> {
    /// The meta-learning runs; for a shard its own ones only.
    pub fn learn(&self) -> Result<()> {
        let (folder, mode, total) = (self.folder, self.folder.mode(), self.plan.meta_runs()?);
        let numbers: Vec<usize> = match mode {
            RunMode::Shard(_) => (0..total).filter(|&k| mode.does(LEARNED, k)).collect(),
            _ => (0..total).collect(),
        };
        let steps: usize = match numbers.first() {
            Some(&first) => self.plan.meta_run(first)?.meta.steps * numbers.len(),
            None => return Ok(()),
        };
        let progress = Progress::new(self.output, "meta-learning", steps);

        let learned: Vec<Result<()>> = numbers
            .par_iter()
            .with_max_len(1)
            .map(|&number| {
                let meta_run = self.plan.meta_run(number)?;
                let learned = self.with_meta_job(&meta_run, |with_meta_job| {
                    with_meta_job.learn(folder, &progress)
                })?;
                self.remember(meta_run.id, Some(Arc::new(learned)));
                Ok(())
            })
            .collect();

        drop(progress);

        let mut missing = Vec::new();

        for (&number, result) in numbers.iter().zip(learned) {
            match result {
                Err(error) if Incomplete::of(&error).is_some() => missing.push(number),
                other => other?,
            }
        }

        folder.count(ListProgress {
            list: folder.list(LEARNED),
            total,
            missing,
        });

        Ok(())
    }

    fn with_meta_job<T>(
        &self,
        meta_run: &MetaRun,
        f: impl FnOnce(MetaJob) -> Result<T>,
    ) -> Result<T> {
        let (task, name) = (self.tasks.get(&meta_run.task)?, place(meta_run));
        f(MetaJob {
            list: LEARNED,
            number: meta_run.number,
            name: &name,
            config: &meta_run.meta,
            task: &task,
        })
        .with_context(|| format!("meta-learning run {}", meta_run.id))
    }

    fn remember(&self, id: Id, learned: Option<Arc<LearnedActivations>>) {
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, learned);
    }

    /// What a meta-learning run learned, if it is finished.
    pub fn learned(&self, meta_run: &MetaRun) -> Result<Option<Arc<LearnedActivations>>> {
        if let Some(found) = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&meta_run.id)
        {
            return Ok(found.clone());
        }

        let found = self
            .with_meta_job(meta_run, |with_meta_job| with_meta_job.find(self.folder))?
            .map(Arc::new);
        self.remember(meta_run.id, found.clone());

        Ok(found)
    }

    /// The trainings that are this process's and that nobody has done; how many wait for
    /// activations of other shards.
    pub fn train(&self) -> Result<usize> {
        let (own, others) = self
            .folder
            .journals(TRAININGS, self.folder.mode() == RunMode::Whole);
        let mut done: HashSet<Id> = HashSet::new();

        for path in others {
            for_each_id(&path, |_, id, _, _| {
                done.insert(id);
                Ok(())
            })?;
        }

        let own = own.context("a process that works has a journal")?;
        let (journal, lines) = Journal::open::<JustId>(&own)?;
        done.extend(lines.iter().filter_map(|l| parse(l.value.id.as_bytes())));

        let (mode, list) = (self.folder.mode(), self.folder.list(TRAININGS));
        let mut total = 0;

        for block in self.plan.blocks() {
            let block = block?;
            total += (block.first..block.first + block.len())
                .filter(|&k| mode.does(&list, k))
                .count();
        }

        let progress = Progress::new(self.output, TRAININGS, total);
        let waiting = AtomicUsize::new(0);
        let mut chunk = Vec::new();

        for block in self.plan.blocks() {
            let block = Arc::new(block?);
            for item in (0..block.len()).filter(|i| mode.does(&list, block.first + i)) {
                if done.contains(&block.item(item).id) {
                    progress.skip(1);
                    continue;
                }

                chunk.push(StudyJob {
                    block: block.clone(),
                    item,
                });

                if chunk.len() == CHUNK {
                    self.do_chunk(&std::mem::take(&mut chunk), &journal, &progress, &waiting)?;
                }
            }
        }

        self.do_chunk(&chunk, &journal, &progress, &waiting)?;
        Ok(waiting.into_inner())
    }

    fn do_chunk(
        &self,
        jobs: &[StudyJob],
        journal: &Journal,
        progress: &Progress,
        waiting: &AtomicUsize,
    ) -> Result<()> {
        let broken = AtomicBool::new(false);

        let results: Vec<Result<()>> = jobs
            .par_iter()
            .with_max_len(1)
            .map(|job| {
                if stop::requested() || broken.load(Ordering::Relaxed) {
                    return Ok(());
                }

                let Some(trained) = self.train_one(job)? else {
                    waiting.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                };

                journal
                    .append(&trained)
                    .inspect_err(|_| broken.store(true, Ordering::Relaxed))?;
                self.folder.job_done();
                progress.advance(|| trained.training.activation.clone());

                Ok(())
            })
            .collect();

        if stop::requested() {
            return Err(Stopped.into());
        }

        results.into_iter().collect()
    }

    /// None if its activations are not there yet.
    fn train_one(&self, job: &StudyJob) -> Result<Option<TrainingRecord>> {
        let (block, item) = (&job.block, job.block.item(job.item));
        let learned = match item.meta_run.map(|l| self.learned(l)).transpose()? {
            Some(None) => return Ok(None),
            found => found.flatten(),
        };
        let config = &block.setting.validate;
        let choice = Choice::named(item.activation, learned.as_deref(), config.exact);
        let task = self.tasks.get(&block.setting.task)?;
        let trained = choice
            .and_then(|c| train(&config.train, &c, &task, &task.train, &task.test, item.seed));

        let describe = || {
            format!(
                "training {} ({})",
                item.id,
                self.plan.describe(block.setting_number, block.meta_number)
            )
        };

        Ok(Some(TrainingRecord {
            id: item.id.to_string(),
            setting: block.setting_number,
            meta_run: item.meta_run.map(|l| l.id.to_string()),
            outer_seed: item.meta_run.map(|l| l.meta.seed),
            training: trained.with_context(describe)?,
        }))
    }
}

/// What is needed of a line to know which training it is.
#[derive(Deserialize)]
struct JustId {
    id: String,
}

const BEFORE_ID: &[u8] = b"{\"id\":\"";

fn parse(id: &[u8]) -> Option<Id> {
    u128::from_str_radix(std::str::from_utf8(id.get(..32)?).ok()?, 16)
        .ok()
        .map(Id)
}

/// Calls `f` with every whole line of a journal of trainings: number, identity, checksum, and place
/// with length. Damaged lines are told, and passed over.
pub(super) fn for_each_id(
    path: &Path,
    mut f: impl FnMut(usize, Id, u32, (u64, usize)) -> Result<()>,
) -> Result<Vec<usize>> {
    let mut damaged = Vec::new();

    journal::for_each_line(path, |number, place, bytes| {
        let id = bytes.strip_prefix(BEFORE_ID).and_then(parse);
        match (journal::checked(bytes), id) {
            (Some(sum), Some(id)) => f(number, id, sum, (place, bytes.len()))?,
            _ => damaged.push(number),
        }
        Ok(())
    })?;

    if !damaged.is_empty() {
        journal::tell(path, &damaged, "they count as not done");
    }

    Ok(damaged)
}

/// Where every training is that somebody has done; the same one twice must be the same bytes.
pub(super) fn index(paths: &[PathBuf]) -> Result<HashMap<Id, LineLocation>> {
    let mut all: HashMap<Id, LineLocation> = HashMap::new();

    for (file, path) in paths.iter().enumerate() {
        for_each_id(path, |number, id, sum, (offset, len)| {
            let place = LineLocation {
                file: u32::try_from(file)?,
                len: u32::try_from(len)?,
                offset,
                sum,
            };

            if let Some(before) = all.insert(id, place) {
                ensure!(
                    before.sum == sum,
                    "'{}', line {number}, and '{}' hold different results of training {id}; were they made by different \
                     versions of this program? Delete one of the two files, and what is missing then is computed again",
                    path.display(),
                    paths[before.file as usize].display()
                );
            }

            Ok(())
        })?;
    }

    if all.len() > u32::MAX as usize {
        bail!("there are more trainings than can be counted");
    }

    Ok(all)
}

/// A line of a journal.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineLocation {
    pub file: u32,
    pub len: u32,
    pub offset: u64,
    sum: u32,
}
