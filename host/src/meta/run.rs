//! A meta-learning run in its folder: history, snapshots, checkpoints, pictures.

use super::config::MetaConfig;
use super::learner::{Checkpoint, Learner, Record};
use crate::activations::{Activations, SAMPLE_RANGE, SAMPLES, grid};
use crate::folder::{Journal, RunFolder, json_lines};
use crate::plot::{self, Band, Snapshot};
use crate::progress::Progress;
use crate::stop;
use crate::task::Task;
use anyhow::{Context, Result};

const HISTORY: &str = "history.jsonl";
const SNAPSHOTS: &str = "snapshots.jsonl";
const CHECKPOINT: &str = "checkpoint.json";

/// Learns activations in `folder`, going on from its checkpoint if it has one; `progress` advances by one an outer step.
///
/// # Errors
/// If the settings make no run, a number is no longer finite, a file cannot be written, or the user stops it. In every
/// case the folder holds the activations as they were learned so far.
pub fn run(config: &MetaConfig, task: &Task, folder: &RunFolder, progress: &Progress) -> Result<Activations> {
    let mut learner = Learner::new(config, task)?;
    let mut kept = Kept::open(folder, &mut learner)?;
    progress.skip(learner.steps_done());
    let result = learn(config, &mut learner, &mut kept, progress);
    kept.save(&learner)?;
    kept.draw(&format!("{}: {} types from {}", task.name, config.types, config.base))?;
    result?;
    learner.activations()
}

fn learn(config: &MetaConfig, learner: &mut Learner, kept: &mut Kept, progress: &Progress) -> Result<()> {
    while learner.steps_done() < config.steps {
        stop::check()?;
        let record = learner.step()?;
        progress.advance(|| match record.test_accuracy {
            Some(accuracy) => format!("outer loss {:.4}, test accuracy {accuracy:.1} %", record.loss),
            None => format!("outer loss {:.4}, test loss {:.4}", record.loss, record.test_loss),
        });
        kept.add(record)?;
        if learner.steps_done().is_multiple_of(config.snapshot_every) {
            kept.save(learner)?;
        }
    }
    Ok(())
}

/// What is on disk, and the same in memory.
struct Kept<'a> {
    folder: &'a RunFolder,
    history: Vec<Record>,
    snapshots: Vec<Snapshot>,
    journal: Journal,
}

impl<'a> Kept<'a> {
    /// Reads what is there, up to the checkpoint; the steps after it are computed again.
    fn open(folder: &'a RunFolder, learner: &mut Learner) -> Result<Self> {
        let (_, mut history) = Journal::open::<Record>(&folder.file(HISTORY))?;
        let (_, mut snapshots) = Journal::open::<Snapshot>(&folder.file(SNAPSHOTS))?;
        let path = folder.file(CHECKPOINT);
        if path.exists() {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read '{}'", path.display()))?;
            let checkpoint: Checkpoint = serde_json::from_str(&text)
                .with_context(|| format!("'{}' is damaged; delete the run folder and start again", path.display()))?;
            learner.resume(&checkpoint)?;
        }
        let done = learner.steps_done();
        history.retain(|r| r.step <= done);
        snapshots.retain(|s| s.step <= done);
        folder.write(HISTORY, json_lines(&history)?)?;
        if snapshots.is_empty() {
            snapshots.push(snapshot(learner)?);
        }
        let (journal, _) = Journal::open::<Record>(&folder.file(HISTORY))?;
        Ok(Kept { folder, history, snapshots, journal })
    }

    fn add(&mut self, record: Record) -> Result<()> {
        self.journal.append(&record)?;
        self.history.push(record);
        Ok(())
    }

    /// The checkpoint comes last: what it refers to is on disk by then.
    fn save(&mut self, learner: &Learner) -> Result<()> {
        let now = snapshot(learner)?;
        if self.snapshots.last().map(|s| s.step) != Some(now.step) {
            self.snapshots.push(now);
        }
        let activations = learner.activations()?;
        self.folder.write(SNAPSHOTS, json_lines(&self.snapshots)?)?;
        self.folder.write("activations.json", serde_json::to_string_pretty(&activations)? + "\n")?;
        self.folder.write("activations.txt", activations.to_text()?)?;
        self.folder.write(CHECKPOINT, serde_json::to_string(&learner.checkpoint())?)
    }

    fn draw(&self, title: &str) -> Result<()> {
        plot::save(self.folder, "evolution", &plot::evolution(title, &self.snapshots))?;
        self.folder.write("evolution.csv", self.evolution_csv())?;
        plot::save(self.folder, "history", &plot::curves(title, "outer step", "loss", &self.loss_curves()))
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
        let curve = |name: &str, of: fn(&Record) -> f64| Band {
            name: name.into(),
            x: self.history.iter().map(|r| r.step as f64).collect(),
            mean: self.history.iter().map(of).collect(),
            half_width: vec![0.0; self.history.len()],
        };
        vec![curve("outer loss", |r| r.loss), curve("last training", |r| r.train_loss), curve("test", |r| r.test_loss)]
    }
}

fn snapshot(learner: &Learner) -> Result<Snapshot> {
    let z = grid(SAMPLES, SAMPLE_RANGE);
    let samples = learner.activations()?.types.iter().map(|t| t.evaluate(&z)).collect::<Result<_>>()?;
    Ok(Snapshot { step: learner.steps_done(), samples })
}
