//! Training an ensemble in parallel, with a journal to go on from.

use crate::data::task::{Examples, Task};
use crate::model::activations::LearnedActivations;
use crate::model::choice::Choice;
use crate::model::names::is_learned;
use crate::report::stats::Pair;
use crate::run::RunFolder;
use crate::run::jobs::JobLoop;
use crate::support::progress::Output;
use crate::train::{TrainConfig, Training, train};
use anyhow::Result;

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

/// What an ensemble trains on, and what it is evaluated on.
#[derive(Clone, Copy, Debug)]
pub struct Ensemble<'a> {
    /// Sizes of inputs and outputs.
    pub task: &'a Task,
    /// The rows it learns from.
    pub train: &'a Examples,
    /// The rows its curves are measured on.
    pub evaluation: &'a Examples,
}

/// Activations learned by one meta-learning run, with the run's seed.
pub type SeededActivations = (u64, LearnedActivations);

/// One arm of a comparison: a classical activation, or one that was learned with some outer seed.
#[derive(Clone, Debug)]
pub struct Arm {
    /// `relu`, `type1`, `mix`, ...
    pub activation: String,
    /// The meta-learning run that it comes from; none for classical ones.
    pub outer_seed: Option<u64>,
    /// The activations; named like the arm, with the outer seed where there are several.
    pub choice: Choice,
}

/// Every activation once, learned ones once per outer seed.
///
/// # Errors
/// If a name is none, or learned types are asked for that are not there.
pub fn arms(names: &[String], learned: &[SeededActivations], exact: bool) -> Result<Vec<Arm>> {
    let mut all = Vec::new();

    for activation in names {
        if !is_learned(activation) || learned.is_empty() {
            all.push(Arm {
                activation: activation.clone(),
                outer_seed: None,
                choice: Choice::named(activation, None, exact)?,
            });

            continue;
        }

        for (seed, activations) in learned {
            let choice = Choice::named(activation, Some(activations), exact)?;
            let choice = if learned.len() > 1 {
                choice.called(format!("{activation}@{seed}"))
            } else {
                choice
            };

            all.push(Arm {
                activation: activation.clone(),
                outer_seed: Some(*seed),
                choice,
            });
        }
    }

    Ok(all)
}

/// For each outer seed that `a` has: its values, and those of `b` from the same outer seed (or the
/// only ones, if `b` is not learned). `values[i]` belong to `arms[i]`.
#[must_use]
pub fn pairs(arms: &[Arm], values: &[Vec<f64>], a: &str, b: &str) -> Vec<Pair> {
    let of = |i: usize| {
        let matches = |e: &Arm| {
            e.activation == b && (e.outer_seed.is_none() || e.outer_seed == arms[i].outer_seed)
        };
        let other = arms.iter().position(matches)?;
        Some((values[i].clone(), values[other].clone()))
    };

    (0..arms.len())
        .filter(|&i| arms[i].activation == a)
        .filter_map(of)
        .collect()
}

/// All values of each activation, in order of first appearance.
#[must_use]
pub fn by_activation(arms: &[Arm], values: &[Vec<f64>]) -> Vec<(String, Vec<f64>)> {
    let mut groups: Vec<(String, Vec<f64>)> = Vec::new();
    for (e, own) in arms.iter().zip(values) {
        match groups.iter_mut().find(|(k, _)| *k == e.activation) {
            Some((_, all)) => all.extend(own),
            None => groups.push((e.activation.clone(), own.clone())),
        }
    }

    groups
}

impl Job<'_> {
    /// What tells it from every other one in a journal.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.choice.name, self.seed, self.config.lr)
    }
}

impl Training {
    /// The key of the job that it is of.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.activation, self.seed, self.lr)
    }
}

fn key(name: &str, seed: u64, lr: f64) -> String {
    format!("{name}, seed {seed}, learning rate {lr}")
}

/// Trains every job; `name.jsonl` in `folder` is the journal. See [`JobLoop::run`], also for `needed`.
///
/// # Errors
/// If a job is impossible, the journal cannot be written, or the user stops it. A training that
/// diverges is a result.
pub fn train_all(
    ensemble: Ensemble,
    jobs: &[Job],
    folder: &RunFolder,
    (name, needed): (&str, bool),
    output: Output,
) -> Result<Vec<Training>> {
    let Ensemble {
        task,
        train: rows,
        evaluation,
    } = ensemble;

    JobLoop::<Job, Training> {
        name,
        key: &|job| job.key(),
        key_of: &|done| done.key(),
        needed,
        work: &|job| train(&job.config, job.choice, task, rows, evaluation, job.seed),
        message: &message,
    }
    .run(jobs, folder, output)
}

fn message(t: &Training) -> String {
    match (
        t.diverged,
        t.curve.accuracy.last(),
        t.curve.evaluation_loss.last(),
    ) {
        (true, ..) => format!("{} diverged", t.activation),
        (_, Some(accuracy), _) => format!("{} {accuracy:.1} %", t.activation),
        (_, None, Some(loss)) => format!("{} loss {loss:.4}", t.activation),
        _ => t.activation.clone(),
    }
}
