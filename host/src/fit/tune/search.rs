//! Successive halving: all candidates with a ninth of the work, the best third of them with a
//! third, the best third of those with all of it.

use super::space::{Candidate, Space};
use crate::data::task::{Examples, Task};
use crate::fit::FitConfig;
use crate::meta::{Learner, Unlearnable};
use crate::model::choice::Choice;
use crate::model::names::learning_from;
use crate::report::stats::mean;
use crate::run::RunFolder;
use crate::run::jobs::JobLoop;
use crate::support::progress::Output;
use crate::support::stop::{self, Stopped};
use crate::train::{Metric, TrainConfig, metric_of, train};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Of a round, one in so many candidates comes to the next.
const KEPT: usize = 3;
/// Rounds, at most.
const ROUNDS: usize = 3;

/// A candidate after a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The candidate.
    pub candidate: Candidate,
    /// The mean metric on the validation rows; none if learning or training diverged.
    pub validation: Option<f64>,
    /// Epochs of its trainings.
    pub epochs: usize,
}

/// What the search found.
#[derive(Clone, Debug)]
pub struct TuneResult {
    /// The rounds, each with its share of the whole work, and its trials, the best first.
    pub rounds: Vec<(f64, Vec<Trial>)>,
    /// What is compared.
    pub metric: Metric,
}

impl TuneResult {
    /// The best of the last round.
    ///
    /// # Errors
    /// If every one diverged.
    pub fn best(&self) -> Result<&Trial> {
        let last = self.rounds.last().and_then(|(_, trials)| trials.first());
        let best = last.filter(|t| t.validation.is_some());
        best.context(
            "every candidate diverged; search smaller learning rates, e.g. `space.lr.high=0.01`",
        )
    }
}

/// The numbers of candidates of each round: as many in the first as `budget` trials in all allow.
#[must_use]
pub fn rounds(budget: usize) -> Vec<usize> {
    let of = |first: usize| -> Vec<usize> {
        std::iter::successors(Some(first), |n| (n / KEPT > 0).then_some(n / KEPT))
            .take(ROUNDS)
            .collect()
    };

    let fits = |first: &usize| of(*first).iter().sum::<usize>() <= budget;
    (1..=budget).rev().find(fits).map_or(vec![], of)
}

/// Searches with the training rows of a task: `learn` are learned from, `evaluation` decide.
///
/// # Errors
/// If settings are impossible, a file cannot be written, or the user stops it.
pub fn search(
    fit: &FitConfig,
    space: &Space,
    budget: usize,
    (learn, evaluation): (&Examples, &Examples),
    task: &Task,
    folder: &RunFolder,
    output: Output,
) -> Result<TuneResult> {
    space.check()?;
    ensure!(budget > 0, "a search needs at least one trial");

    // Nothing below has the test rows.
    let task = Task {
        train: learn.clone(),
        test: evaluation.clone(),
        ..task.clone()
    };

    let metric = metric_of(&task);
    let sizes = rounds(budget);
    let mut candidates: Vec<Candidate> = (0..sizes[0]).map(|id| space.candidate(fit, id)).collect();
    let mut found = TuneResult {
        rounds: vec![],
        metric,
    };

    for (i, &size) in sizes.iter().enumerate() {
        let share = (KEPT as f64).powi(i as i32 + 1 - sizes.len() as i32);
        candidates.truncate(size);
        candidates.sort_by_key(|c| c.id);

        let work = JobLoop::<Candidate, Trial> {
            name: &format!("round-{}", i + 1),
            key: &|candidate| format!("{candidate:?}"),
            key_of: &|done| format!("{:?}", done.candidate),
            needed: true,
            work: &|candidate| trial(fit, candidate, share, &task),
            message: &|t| {
                t.validation.map_or("diverged".into(), |v| {
                    format!("{} {v:.4}", metric.on("validation"))
                })
            },
        };

        let mut trials = work.run(&candidates, folder, output)?;
        trials.sort_by(|a, b| {
            metric
                .order(a.validation, b.validation)
                .then(a.candidate.id.cmp(&b.candidate.id))
        });

        candidates = trials.iter().map(|t| t.candidate.clone()).collect();
        found.rounds.push((share, trials));
    }

    Ok(found)
}

/// Learns and trains with a share of the work.
fn trial(fit: &FitConfig, candidate: &Candidate, share: f64, task: &Task) -> Result<Trial> {
    let part = |n: usize| ((n as f64 * share).round() as usize).max(1);
    let fit = candidate.apply(&FitConfig {
        steps: part(fit.steps),
        ..fit.clone()
    });

    let lost = Trial {
        candidate: candidate.clone(),
        validation: None,
        epochs: 0,
    };

    let Some(choice) = choice(&fit, candidate, task)? else {
        return Ok(lost);
    };

    // A layer that is too narrow for so many types.
    if choice.shape(&fit.train(1).widths(task)).is_err() {
        return Ok(lost);
    }

    let epochs = part(fit.longest(task)).max(SHORTEST);
    let config = TrainConfig {
        lr: candidate.lr,
        weight_decay: candidate.weight_decay,
        epochs,
        every: epochs,
        ..fit.train(task.train.rows())
    };

    let metric = metric_of(task);
    let mut values = vec![];

    for run in 0..NETWORKS {
        stop::check()?;

        // Apart from the seeds of the networks of `train`.
        let seed = fit.seed + 1_000_000 + run;
        let training = train(&config, &choice, task, &task.train, &task.test, seed)?;

        match metric.of(&training.curve).last() {
            Some(&value) if !training.diverged => values.push(value),
            _ => return Ok(lost),
        }
    }

    Ok(Trial {
        candidate: candidate.clone(),
        validation: Some(mean(&values)),
        epochs,
    })
}

/// Networks of a trial.
const NETWORKS: u64 = 2;
/// The fewest epochs of a trial.
const SHORTEST: usize = 5;

/// The candidate's activations; none if they cannot be learned.
fn choice(fit: &FitConfig, candidate: &Candidate, task: &Task) -> Result<Option<Choice>> {
    let meta = match candidate.activations.as_str() {
        "learn" => {
            let name = learning_from(&fit.start);
            return Ok(Some(Choice::named(&name, None, false)?));
        }
        "meta" => fit.meta(task),
        name => return Ok(Some(Choice::named(name, None, false)?)),
    };

    let mut learner = Learner::new(&meta, task)?;
    while learner.steps_done() < meta.steps {
        if stop::requested() {
            return Err(Stopped.into());
        }

        match learner.step() {
            Ok(_) => {}
            Err(error) if error.is::<Unlearnable>() => return Ok(None),
            Err(error) => return Err(error),
        }
    }

    Ok(Some(Choice::named(
        "mix",
        Some(&learner.activations()?),
        false,
    )?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rounds_keep_to_the_budget_and_use_it() {
        assert_eq!(rounds(1), [1]);
        assert_eq!(rounds(3), [2]);
        assert_eq!(rounds(4), [3, 1]);
        assert_eq!(rounds(13), [9, 3, 1]);
        assert_eq!(rounds(40), [28, 9, 3]);

        for budget in 1..200 {
            let all: usize = rounds(budget).iter().sum();
            assert!(all <= budget && all + 3 > budget, "{budget}: {all}");
        }
    }
}
