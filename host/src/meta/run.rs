//! A meta-learning run in its folder: history, snapshots, checkpoints, pictures.

use super::config::MetaConfig;
use super::learner::Learner;
use super::record::{Checkpoint, StepRecord};
use crate::data::task::Task;
use crate::formats::samples;
use crate::model::activations::{LearnedActivations, SAMPLE_RANGE, SAMPLES, grid};
use crate::report::plot::{self, Band, Snapshot};
use crate::run::folder::CONFIG;
use crate::run::journal::{self, Journal};
use crate::run::{Incomplete, ListProgress, RunFolder};
use crate::support::atomic::write_durably;
use crate::support::notice::notice;
use crate::support::progress::Progress;
use crate::support::regular::{self, Most};
use crate::support::stop;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

const HISTORY: &str = "history.jsonl";
const SNAPSHOTS: &str = "snapshots.jsonl";
const CHECKPOINT: &str = "checkpoint.json";

/// Learns activations in `folder`, going on from its checkpoint if it has one; `progress` advances
/// by one per outer step.
///
/// # Errors
/// If the settings make no run, a number is no longer finite, a file cannot be written, or the user
/// stops it. In every case the folder holds the activations as they were learned so far.
pub fn run(
    config: &MetaConfig,
    task: &Task,
    folder: &RunFolder,
    progress: &Progress,
) -> Result<LearnedActivations> {
    let mut learner = Learner::new(config, task)?;
    let mut files = RunFiles::open(config, folder, &mut learner)?;
    progress.skip(learner.steps_done());

    let result = learn(config, &mut learner, &mut files, progress);
    files.save(&learner)?;
    files.draw(&format!(
        "{}: {} types from {}",
        task.name, config.types, config.base
    ))?;
    result?;

    learner.activations()
}

/// A meta-learning run as a job that another shard may do, or have done.
#[derive(Clone, Copy, Debug)]
pub struct MetaJob<'a> {
    /// The list of runs that it belongs to, for [`ListProgress`].
    pub list: &'a str,
    /// Its number in that.
    pub number: usize,
    /// The name of its folder inside the run folder.
    pub name: &'a str,
    /// Its settings.
    pub config: &'a MetaConfig,
    /// Its task.
    pub task: &'a Task,
}

impl MetaJob<'_> {
    /// What it learned: here, or by a shard earlier, or now if it is this process's to do.
    ///
    /// # Errors
    /// As [`run`]; [`Incomplete`] if it is not there and not this process's to do.
    pub fn learn(&self, folder: &RunFolder, progress: &Progress) -> Result<LearnedActivations> {
        let MetaJob {
            config, task, name, ..
        } = *self;
        let mode = folder.mode();

        for (i, place) in self.places(folder).into_iter().enumerate() {
            let Some(found) = finished(config, task, &place)? else {
                continue;
            };

            if mode.has_results() {
                if i > 0 {
                    folder.adopt_again(name, &place)?;
                }
                // Draws it, and writes again what may have been damaged.
                return run(config, task, &folder.inside(name, config)?, progress);
            }

            progress.skip(config.steps);
            return Ok(found);
        }

        if mode.does(&folder.list(self.list), self.number) {
            let learned = run(config, task, &folder.own(name, config)?, progress)?;
            folder.job_done();
            return Ok(learned);
        }

        Err(Incomplete {
            missing: 1,
            blocked: true,
        }
        .into())
    }

    /// The same if it is there already, and nothing if it is not; nothing is written.
    ///
    /// # Errors
    /// If a file cannot be read, or is of other settings.
    pub fn find(&self, folder: &RunFolder) -> Result<Option<LearnedActivations>> {
        for place in self.places(folder) {
            if let Some(found) = finished(self.config, self.task, &place)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn places(&self, folder: &RunFolder) -> Vec<PathBuf> {
        folder.places(self.name, Some((self.list, self.number)))
    }

    /// Counts the jobs of a list by their results.
    pub fn count<T>(list: &str, results: &[Result<T>], folder: &RunFolder) {
        let missing = (0..results.len()).filter(|&i| {
            results[i]
                .as_ref()
                .is_err_and(|e| Incomplete::of(e).is_some())
        });

        folder.count(ListProgress {
            list: folder.list(list),
            total: results.len(),
            missing: missing.collect(),
        });
    }
}

/// What the run with these settings in `folder` learned, if it is one and came to its end.
fn finished(config: &MetaConfig, task: &Task, folder: &Path) -> Result<Option<LearnedActivations>> {
    let wanted = toml::to_string(config).context("the settings cannot be written as TOML")?;
    let found = journal::read::<Checkpoint>(&folder.join(CHECKPOINT))?;
    let Some(checkpoint) = found
        .lines
        .into_iter()
        .map(|l| l.value)
        .find(|c| c.step == config.steps)
    else {
        return Ok(None);
    };

    if regular::read_to_string(&folder.join(CONFIG), Most::Settings).ok() != Some(wanted) {
        return Ok(None);
    }

    let mut learner = Learner::new(config, task)?;
    learner.resume(&checkpoint)?;
    learner.activations().map(Some)
}

fn learn(
    config: &MetaConfig,
    learner: &mut Learner,
    files: &mut RunFiles,
    progress: &Progress,
) -> Result<()> {
    while learner.steps_done() < config.steps {
        stop::check()?;

        let record = learner.step()?;
        progress.advance(|| match record.test_accuracy {
            Some(accuracy) => format!(
                "outer loss {:.4}, test accuracy {accuracy:.1} %",
                record.loss
            ),
            None => format!(
                "outer loss {:.4}, test loss {:.4}",
                record.loss, record.test_loss
            ),
        });

        files.add(record)?;

        if learner.steps_done().is_multiple_of(config.snapshot_every) {
            files.save(learner)?;
        }
    }

    Ok(())
}

/// What is on disk, and the same in memory.
struct RunFiles<'a> {
    config: &'a MetaConfig,
    folder: &'a RunFolder,
    history: Vec<StepRecord>,
    snapshots: Vec<Snapshot>,
    journal: Journal,
}

impl<'a> RunFiles<'a> {
    /// Reads what is there, up to the checkpoint; the steps after it are computed again. Where a
    /// line before it is missing or damaged, nothing but a start from the beginning gives that line
    /// again.
    fn open(config: &'a MetaConfig, folder: &'a RunFolder, learner: &mut Learner) -> Result<Self> {
        let history = Journal::open::<StepRecord>(&folder.file(HISTORY))?.1;
        let snapshots = Journal::open::<Snapshot>(&folder.file(SNAPSHOTS))?.1;
        let checkpoint: Option<Checkpoint> = journal::read_checked(&folder.file(CHECKPOINT))?;
        let done = checkpoint.as_ref().map_or(0, |c| c.step);

        let mut history: Vec<StepRecord> = history
            .into_iter()
            .map(|l| l.value)
            .filter(|r| r.step <= done)
            .collect();

        let mut snapshots: Vec<Snapshot> = snapshots
            .into_iter()
            .map(|l| l.value)
            .filter(|s| s.step <= done)
            .collect();

        let is_whole = history.iter().map(|r| r.step).eq(1..=done)
            && snapshots
                .iter()
                .map(|s| s.step)
                .eq((0..=done).filter(|&s| has_snapshot(config, s)));

        match checkpoint {
            Some(checkpoint) if is_whole => learner.resume(&checkpoint)?,
            Some(_) => {
                notice!(
                    "warning: '{}': the history of the run has gaps; it is computed again from the start",
                    folder.path().display()
                );
                (history, snapshots) = (vec![], vec![]);
            }
            None => (history, snapshots) = (vec![], vec![]),
        }

        if snapshots.is_empty() {
            snapshots.push(snapshot(learner)?);
        }

        write_durably(&folder.file(HISTORY), &journal::lines(&history)?)?;

        let journal = Journal::create(&folder.file(HISTORY))?;

        Ok(RunFiles {
            config,
            folder,
            history,
            snapshots,
            journal,
        })
    }

    fn add(&mut self, record: StepRecord) -> Result<()> {
        self.journal.append(&record)?;
        self.history.push(record);
        Ok(())
    }

    /// The checkpoint comes last: what it refers to is on disk by then.
    fn save(&mut self, learner: &Learner) -> Result<()> {
        let step = learner.steps_done();
        if has_snapshot(self.config, step) && self.snapshots.last().map(|s| s.step) != Some(step) {
            self.snapshots.push(snapshot(learner)?);
        }

        let activations = learner.activations()?;
        write_durably(
            &self.folder.file(SNAPSHOTS),
            &journal::lines(&self.snapshots)?,
        )?;
        self.folder.write(
            "activations.json",
            serde_json::to_string_pretty(&activations)? + "\n",
        )?;
        self.folder.write(
            "activations.txt",
            samples::of_activations(&activations, SAMPLES)?,
        )?;

        journal::write_checked(&self.folder.file(CHECKPOINT), &learner.checkpoint())
    }

    fn draw(&self, title: &str) -> Result<()> {
        plot::save(
            self.folder,
            "evolution",
            &plot::evolution(title, &grid(SAMPLES, SAMPLE_RANGE), &self.snapshots),
        )?;

        self.folder.write("evolution.csv", self.evolution_csv())?;

        plot::save(
            self.folder,
            "history",
            &plot::curves(title, "outer step", "loss", &self.loss_curves()),
        )
    }

    fn evolution_csv(&self) -> String {
        let z = grid(SAMPLES, SAMPLE_RANGE);
        let mut csv = String::from("step,type,input,activation\n");

        for snapshot in &self.snapshots {
            for (t, samples) in snapshot.samples.iter().enumerate() {
                let rows = z.iter().zip(samples);
                csv.extend(rows.map(|(z, y)| format!("{},{},{z},{y}\n", snapshot.step, t + 1)));
            }
        }

        csv
    }

    fn loss_curves(&self) -> Vec<Band> {
        let curve = |name: &str, of: fn(&StepRecord) -> f64| Band {
            name: name.into(),
            x: self.history.iter().map(|r| r.step as f64).collect(),
            mean: self.history.iter().map(of).collect(),
            half_width: vec![0.0; self.history.len()],
        };

        vec![
            curve("outer loss", |r| r.loss),
            curve("last training", |r| r.train_loss),
            curve("test", |r| r.test_loss),
        ]
    }
}

/// A run that is stopped and goes on has the snapshots of one that is not.
fn has_snapshot(config: &MetaConfig, step: usize) -> bool {
    step.is_multiple_of(config.snapshot_every) || step == config.steps
}

fn snapshot(learner: &Learner) -> Result<Snapshot> {
    let z = grid(SAMPLES, SAMPLE_RANGE);

    let samples = learner
        .activations()?
        .types
        .iter()
        .map(|t| t.evaluate(&z))
        .collect::<Result<_>>()?;

    Ok(Snapshot {
        step: learner.steps_done(),
        samples,
    })
}
