//! The settings of each arm, chosen on rows that are held out from its training.
//!
//! The first round tries every combination of learning rate and weight decay for a short training,
//! the second the best few of them for a long one. The learning rate falls over each training, so
//! its end counts, not the luck of one epoch. Few rows are held out in turn, and a setting is worth
//! the mean over these divisions.

use super::config::FitConfig;
use crate::data::task::{Examples, Task};
use crate::report::stats::mean;
use crate::run::RunFolder;
use crate::run::jobs::JobLoop;
use crate::support::progress::Output;
use crate::train::{Arm, Hyperparameters, Metric, metric_of, number, train};
use anyhow::Result;
use serde::{Deserialize, Serialize};

/// How many settings of an arm come to the second round.
const FINALISTS: usize = 2;
/// How often an arm that diverges at every learning rate goes on to smaller ones.
const MOST_EXTENSIONS: usize = 6;
/// By how much they are smaller each time.
const EXTENSION: f64 = 0.25;

/// What is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Setting {
    pub lr: f64,
    /// Of AdamW alone.
    pub weight_decay: Option<f64>,
    pub epochs: usize,
}

/// One training that tells how good a setting is.
struct Trial<'a> {
    arm: &'a Arm,
    setting: Setting,
    /// Which rows are held out.
    division: usize,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TrialResult {
    activation: String,
    setting: Setting,
    division: usize,
    /// On the held-out rows; none if it diverged.
    score: Option<Score>,
}

/// How good a network is on held-out rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Score {
    /// The task's metric.
    metric: f64,
    /// Decides between equal accuracies.
    loss: f64,
}

/// What was found for one arm.
pub(super) struct Found {
    /// The best setting; none if it diverged at every one.
    pub chosen: Option<Hyperparameters>,
    /// How many of its trainings diverged.
    pub diverged: usize,
    /// How many there were.
    pub trainings: usize,
}

/// The search for the settings of some arms.
pub(super) struct Grid<'a> {
    pub config: &'a FitConfig,
    pub task: &'a Task,
    /// Rows to learn from, and rows held out.
    pub divisions: &'a [(Examples, Examples)],
    pub arms: &'a [Arm],
    pub folder: &'a RunFolder,
    pub output: Output,
}

impl Grid<'_> {
    /// The best setting of each arm. No arm ends the work: one that diverges at every learning rate
    /// is trained at smaller ones, and one that diverges there too has nothing chosen.
    ///
    /// # Errors
    /// If a setting is impossible, a file cannot be written, or the user stops it.
    pub fn search(&self) -> Result<Vec<Found>> {
        let short = self.first_round()?;
        let long = self.second_round(&short)?;
        let results = [short, long].concat();

        let found: Vec<Found> = self
            .arms
            .iter()
            .map(|arm| self.evaluate(arm, &results))
            .collect();
        let chosen: Vec<&Hyperparameters> =
            found.iter().filter_map(|f| f.chosen.as_ref()).collect();

        self.folder
            .write("chosen.json", serde_json::to_string_pretty(&chosen)? + "\n")?;
        Ok(found)
    }

    /// Every setting for a short training.
    fn first_round(&self) -> Result<Vec<TrialResult>> {
        let lrs = self.config.lrs(self.task.inputs);
        let mut least = lrs.iter().copied().fold(f64::INFINITY, f64::min);
        let mut trials: Vec<Trial> = self
            .arms
            .iter()
            .flat_map(|arm| self.trials(arm, &self.settings(&lrs)))
            .collect();
        let mut results = self.run("selection-short", &trials)?;

        for _ in 0..MOST_EXTENSIONS {
            let open: Vec<&Arm> = self
                .arms
                .iter()
                .filter(|arm| self.ranked(arm, &results).is_empty())
                .collect();

            if open.is_empty() {
                break;
            }

            least *= EXTENSION;
            trials.extend(
                open.into_iter()
                    .flat_map(|arm| self.trials(arm, &self.settings(&[least]))),
            );
            results = self.run("selection-short", &trials)?;
        }

        Ok(results)
    }

    /// The best settings of each arm for a long training.
    fn second_round(&self, short: &[TrialResult]) -> Result<Vec<TrialResult>> {
        let epochs = self.config.longest(self.task);

        let finalists = |arm: &Arm| -> Vec<Setting> {
            let ranked = self.ranked(arm, short).into_iter().take(FINALISTS);
            ranked
                .map(|(setting, _)| Setting { epochs, ..setting })
                .collect()
        };

        let trials: Vec<Trial> = self
            .arms
            .iter()
            .flat_map(|arm| self.trials(arm, &finalists(arm)))
            .collect();
        self.run("selection-long", &trials)
    }

    /// All combinations with these learning rates.
    fn settings(&self, lrs: &[f64]) -> Vec<Setting> {
        let epochs = self.config.shortest(self.task);
        let decays = self.config.weight_decays(self.task);

        lrs.iter()
            .flat_map(|&lr| {
                decays.iter().map(move |&weight_decay| Setting {
                    lr,
                    weight_decay,
                    epochs,
                })
            })
            .collect()
    }

    /// A training of each setting for each division.
    fn trials<'a>(&self, arm: &'a Arm, settings: &[Setting]) -> Vec<Trial<'a>> {
        let of = |&setting: &Setting| {
            (0..self.divisions.len()).map(move |division| Trial {
                arm,
                setting,
                division,
            })
        };
        settings.iter().flat_map(of).collect()
    }

    fn run(&self, name: &str, trials: &[Trial]) -> Result<Vec<TrialResult>> {
        let key = |name: &str, setting: Setting, division: usize| {
            format!("{name}, {setting:?}, division {division}")
        };
        let metric = metric_of(self.task);

        JobLoop::<Trial, TrialResult> {
            name,
            key: &|trial| key(&trial.arm.choice.name, trial.setting, trial.division),
            key_of: &|done| key(&done.activation, done.setting, done.division),
            needed: true,
            work: &|trial| self.score(trial),
            message: &|done| match done.score {
                None => format!("{} diverged", done.activation),
                Some(score) => format!("{} {}", done.activation, number(score.metric, metric)),
            },
        }
        .run(trials, self.folder, self.output)
    }

    /// Trains and evaluates one network.
    fn score(&self, trial: &Trial) -> Result<TrialResult> {
        let (rest, held_out) = &self.divisions[trial.division];
        let config = trial.setting.hyperparameters(trial.arm, 0.0);
        let config = config.apply(&self.config.train(self.task.train.rows()));
        // Apart from the seeds of the networks that are compared later.
        let seed = self.config.seed + 1_000_000 + trial.division as u64;

        let training = train(&config, &trial.arm.choice, self.task, rest, held_out, seed)?;
        let curve = &training.curve;
        let metric = metric_of(self.task).of(curve).last();
        let score = metric
            .zip(curve.evaluation_loss.last())
            .map(|(&metric, &loss)| Score { metric, loss })
            .filter(|score| !training.diverged && score.loss.is_finite());

        Ok(TrialResult {
            activation: trial.arm.choice.name.clone(),
            setting: trial.setting,
            division: trial.division,
            score,
        })
    }

    /// The settings of an arm that never diverged, with their mean scores, the best first.
    fn ranked(&self, arm: &Arm, results: &[TrialResult]) -> Vec<(Setting, Score)> {
        let own: Vec<&TrialResult> = results
            .iter()
            .filter(|r| r.activation == arm.choice.name)
            .collect();

        let mut ranked: Vec<(Setting, Score)> = own
            .chunk_by(|a, b| a.setting == b.setting)
            .filter_map(|same| {
                let scores: Option<Vec<Score>> = same.iter().map(|r| r.score).collect();
                Some((same[0].setting, Score::mean(&scores?)))
            })
            .collect();

        let metric = metric_of(self.task);
        ranked.sort_by(|(_, a), (_, b)| a.order(*b, metric));
        ranked
    }

    fn evaluate(&self, arm: &Arm, results: &[TrialResult]) -> Found {
        let own = || results.iter().filter(|r| r.activation == arm.choice.name);
        let best = self.ranked(arm, results).into_iter().next();

        Found {
            chosen: best.map(|(setting, score)| setting.hyperparameters(arm, score.metric)),
            diverged: own().filter(|r| r.score.is_none()).count(),
            trainings: own().count(),
        }
    }
}

impl Setting {
    fn hyperparameters(self, arm: &Arm, validation: f64) -> Hyperparameters {
        Hyperparameters {
            activation: arm.choice.name.clone(),
            lr: self.lr,
            weight_decay: self.weight_decay,
            epochs: self.epochs,
            validation,
        }
    }
}

impl Score {
    fn mean(scores: &[Score]) -> Score {
        let of = |part: fn(&Score) -> f64| mean(&scores.iter().map(part).collect::<Vec<_>>());

        Score {
            metric: of(|s| s.metric),
            loss: of(|s| s.loss),
        }
    }

    /// The better first.
    fn order(self, other: Score, metric: Metric) -> std::cmp::Ordering {
        metric
            .order(Some(self.metric), Some(other.metric))
            .then(self.loss.total_cmp(&other.loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_decides_between_equal_accuracies() {
        let score = |metric, loss| Score { metric, loss };
        let mut scores = [score(90.0, 0.4), score(95.0, 0.9), score(95.0, 0.2)];
        scores.sort_by(|a, b| a.order(*b, Metric::Accuracy));
        assert_eq!(scores[0], score(95.0, 0.2));
        assert_eq!(scores[2], score(90.0, 0.4));

        let mean = Score::mean(&[score(1.0, 2.0), score(3.0, 6.0)]);
        assert_eq!(mean, score(2.0, 4.0));
    }
}
