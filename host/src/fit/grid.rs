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
const MOST_SMALLER_RATES: usize = 6;
/// By how much they are smaller each time.
const SMALLER: f64 = 0.25;
/// How often an arm that is best with the largest weight decay goes on to larger ones: in noise,
/// the best network answers with little more than the mean.
const MOST_LARGER_DECAYS: usize = 2;
/// By how much they are larger each time.
const LARGER: f64 = 4.0;

/// What is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GridPoint {
    pub lr: f64,
    /// Of AdamW alone.
    pub weight_decay: Option<f64>,
    pub epochs: usize,
}

/// One training that tells how good a setting is.
struct HeldOutTraining<'a> {
    arm: &'a Arm,
    point: GridPoint,
    /// Which rows are held out.
    division: usize,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct HeldOutResult {
    activation: String,
    point: GridPoint,
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
pub(super) struct SettingsGrid<'a> {
    pub config: &'a FitConfig,
    pub task: &'a Task,
    /// Rows to learn from, and rows held out.
    pub divisions: &'a [(Examples, Examples)],
    pub arms: &'a [Arm],
    pub folder: &'a RunFolder,
    pub output: Output,
}

impl SettingsGrid<'_> {
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

    /// Every setting for a short training, and beyond the grid where its edge is best.
    fn first_round(&self) -> Result<Vec<HeldOutResult>> {
        let lrs = self.config.lrs(self.task.inputs);
        let decays = self.config.weight_decays();
        let mut trainings: Vec<HeldOutTraining> = self
            .arms
            .iter()
            .flat_map(|arm| self.trainings(arm, &self.points(&lrs, &decays)))
            .collect();
        let mut results = self.run("selection-short", &trainings)?;

        let mut least = lrs.iter().copied().fold(f64::INFINITY, f64::min);

        for _ in 0..MOST_SMALLER_RATES {
            least *= SMALLER;
            let points = self.points(&[least], &decays);
            let diverges = |arm: &&Arm| self.ranked(arm, &results).is_empty();

            let more = self.of_arms(diverges, &points);
            if more.is_empty() {
                break;
            }

            trainings.extend(more);
            results = self.run("selection-short", &trainings)?;
        }

        // What the user names is all that is tried.
        let is_open = self.config.weight_decay.is_empty();
        let largest = decays.iter().copied().flatten().reduce(f64::max);
        let Some(mut most) = largest.filter(|_| is_open) else {
            return Ok(results);
        };

        for _ in 0..MOST_LARGER_DECAYS {
            let points = self.points(&lrs, &[Some(LARGER * most)]);
            let wants_more = |arm: &&Arm| {
                let best = self.ranked(arm, &results).into_iter().next();
                best.is_some_and(|(point, _)| point.weight_decay == Some(most))
            };

            let more = self.of_arms(wants_more, &points);
            if more.is_empty() {
                break;
            }

            trainings.extend(more);
            results = self.run("selection-short", &trainings)?;
            most *= LARGER;
        }

        Ok(results)
    }

    /// Trainings at these points of the arms that want them.
    fn of_arms(
        &self,
        wants: impl Fn(&&Arm) -> bool,
        points: &[GridPoint],
    ) -> Vec<HeldOutTraining<'_>> {
        let arms = self.arms.iter().filter(wants);
        arms.flat_map(|arm| self.trainings(arm, points)).collect()
    }

    /// The best settings of each arm for longer trainings.
    fn second_round(&self, short: &[HeldOutResult]) -> Result<Vec<HeldOutResult>> {
        let longer = self.config.lengths(self.task).split_off(1);

        let finalists = |arm: &Arm| -> Vec<GridPoint> {
            let ranked = self.ranked(arm, short).into_iter().take(FINALISTS);
            let of = |(point, _): (GridPoint, Score)| {
                let lengths = longer.iter();
                lengths.map(move |&epochs| GridPoint { epochs, ..point })
            };
            ranked.flat_map(of).collect()
        };

        let trainings: Vec<HeldOutTraining> = self
            .arms
            .iter()
            .flat_map(|arm| self.trainings(arm, &finalists(arm)))
            .collect();

        if trainings.is_empty() {
            return Ok(vec![]);
        }

        self.run("selection-long", &trainings)
    }

    /// All combinations of these, for short trainings.
    fn points(&self, lrs: &[f64], decays: &[Option<f64>]) -> Vec<GridPoint> {
        let epochs = self.config.lengths(self.task).first().copied().unwrap_or(1);

        lrs.iter()
            .flat_map(|&lr| {
                decays.iter().map(move |&weight_decay| GridPoint {
                    lr,
                    weight_decay,
                    epochs,
                })
            })
            .collect()
    }

    /// A training at each point for each division.
    fn trainings<'a>(&self, arm: &'a Arm, points: &[GridPoint]) -> Vec<HeldOutTraining<'a>> {
        let of = |&point: &GridPoint| {
            (0..self.divisions.len()).map(move |division| HeldOutTraining {
                arm,
                point,
                division,
            })
        };
        points.iter().flat_map(of).collect()
    }

    fn run(&self, name: &str, trainings: &[HeldOutTraining]) -> Result<Vec<HeldOutResult>> {
        let key = |name: &str, point: GridPoint, division: usize| {
            format!("{name}, {point:?}, division {division}")
        };
        let metric = metric_of(self.task);

        JobLoop::<HeldOutTraining, HeldOutResult> {
            name,
            key: &|one| key(&one.arm.choice.name, one.point, one.division),
            key_of: &|done| key(&done.activation, done.point, done.division),
            needed: true,
            work: &|one| self.score(one),
            message: &|done| match done.score {
                None => format!("{} diverged", done.activation),
                Some(score) => format!("{} {}", done.activation, number(score.metric, metric)),
            },
        }
        .run(trainings, self.folder, self.output)
    }

    /// Trains and evaluates one network.
    fn score(&self, training: &HeldOutTraining) -> Result<HeldOutResult> {
        let (rest, held_out) = &self.divisions[training.division];
        let config = training.point.hyperparameters(training.arm, 0.0);
        let config = config.apply(&self.config.train(self.task.train.rows()));
        // Apart from the seeds of the networks that are compared later.
        let seed = self.config.seed + 1_000_000 + training.division as u64;

        let done = train(
            &config,
            &training.arm.choice,
            self.task,
            rest,
            held_out,
            seed,
        )?;
        let curve = &done.curve;
        let metric = metric_of(self.task).of(curve).last();
        let score = metric
            .zip(curve.evaluation_loss.last())
            .map(|(&metric, &loss)| Score { metric, loss })
            .filter(|score| !done.diverged && score.loss.is_finite());

        Ok(HeldOutResult {
            activation: training.arm.choice.name.clone(),
            point: training.point,
            division: training.division,
            score,
        })
    }

    /// The settings of an arm that never diverged, with their mean scores, the best first.
    fn ranked(&self, arm: &Arm, results: &[HeldOutResult]) -> Vec<(GridPoint, Score)> {
        let own: Vec<&HeldOutResult> = results
            .iter()
            .filter(|r| r.activation == arm.choice.name)
            .collect();

        let mut ranked: Vec<(GridPoint, Score)> = own
            .chunk_by(|a, b| a.point == b.point)
            .filter_map(|same| {
                let scores: Option<Vec<Score>> = same.iter().map(|r| r.score).collect();
                Some((same[0].point, Score::mean(&scores?)))
            })
            .collect();

        let metric = metric_of(self.task);
        ranked.sort_by(|(_, a), (_, b)| a.order(*b, metric));
        ranked
    }

    fn evaluate(&self, arm: &Arm, results: &[HeldOutResult]) -> Found {
        let own = || results.iter().filter(|r| r.activation == arm.choice.name);
        let best = self.ranked(arm, results).into_iter().next();

        Found {
            chosen: best.map(|(point, score)| point.hyperparameters(arm, score.metric)),
            diverged: own().filter(|r| r.score.is_none()).count(),
            trainings: own().count(),
        }
    }
}

impl GridPoint {
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
