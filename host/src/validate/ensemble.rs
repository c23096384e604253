//! Training an ensemble in parallel, with a journal to go on from.

use crate::activations::Choice;
use crate::folder::{Journal, RunFolder, json_lines};
use crate::progress::{Output, Progress};
use crate::stop::{self, Stopped};
use crate::task::{Set, Task};
use crate::train::{TrainConfig, Training, train};
use anyhow::Result;
use rayon::prelude::*;

/// One network to train.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// Its activations.
    pub choice: &'a Choice,
    /// How it is trained.
    pub config: TrainConfig,
    /// The seed of its weights and of its shuffling.
    pub seed: u64,
}

/// Where an ensemble trains and is judged.
#[derive(Clone, Copy, Debug)]
pub struct Ensemble<'a> {
    /// Sizes of inputs and outputs.
    pub task: &'a Task,
    /// The rows it learns from.
    pub train: &'a Set,
    /// The rows its curves are measured on.
    pub judge: &'a Set,
}

impl Job<'_> {
    fn is(&self, done: &Training) -> bool {
        self.choice.name == done.activation && self.seed == done.seed && self.config.rate == done.rate
    }
}

/// Trains every job, on as many threads as rayon has; `name.jsonl` in `folder` gets a line for each as it finishes, and
/// those that it holds already are not trained again. The results, and in the end the lines, are in the order of the
/// jobs, whichever thread was first.
///
/// # Errors
/// If a job is impossible, the journal cannot be written, or the user stops it. A training that diverges is a result.
pub fn train_all(
    ensemble: Ensemble,
    jobs: &[Job],
    folder: &RunFolder,
    name: &str,
    output: Output,
) -> Result<Vec<Training>> {
    let file = format!("{name}.jsonl");
    let (journal, done) = Journal::open::<Training>(&folder.file(&file))?;
    let progress = Progress::new(output, name, jobs.len());
    let results = jobs.par_iter().map(|job| {
        if let Some(found) = done.iter().find(|d| job.is(d)) {
            progress.skip(1);
            return Ok(found.clone());
        }
        stop::check()?;
        let training = train(&job.config, job.choice, ensemble.task, ensemble.train, ensemble.judge, job.seed)?;
        journal.append(&training)?;
        progress.advance(|| message(&training));
        Ok(training)
    });
    let results: Vec<Result<Training>> = results.collect();
    if stop::requested() {
        return Err(Stopped.into());
    }
    let results = results.into_iter().collect::<Result<Vec<_>>>()?;
    folder.write(&file, json_lines(&results)?)?;
    Ok(results)
}

fn message(t: &Training) -> String {
    match (t.diverged, t.curve.accuracy.last(), t.curve.test_loss.last()) {
        (true, ..) => format!("{} diverged", t.activation),
        (_, Some(accuracy), _) => format!("{} {accuracy:.1} %", t.activation),
        (_, None, Some(loss)) => format!("{} loss {loss:.4}", t.activation),
        _ => t.activation.clone(),
    }
}
