//! What a run will cost, roughly, before it is started.

use crate::data::task::Task;
use crate::fit::{ActivationSource, FitConfig};
use crate::meta::{MetaConfig, MetaSchedule, Tape};
use crate::support::memory::MemoryBudget;
use crate::train::TrainConfig;
use anyhow::Result;
use std::fmt;

/// Multiply-adds a second and thread that trainings reach on a server core of 2026 (see
/// `docs/performance.md`).
const SPEED: f64 = 20e9;

/// The work of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Networks trained.
    pub trainings: usize,
    /// Steps of activations.
    pub outer_steps: usize,
    /// Multiply-adds in all.
    pub multiply_adds: f64,
    /// The largest memory that is needed at a time, in bytes, by all the threads that work then.
    pub bytes: f64,
}

/// Weights of a network on `task`.
fn weights(hidden: &[usize], task: &Task) -> f64 {
    let widths: Vec<f64> = [&[task.inputs], hidden, &[task.outputs]]
        .concat()
        .iter()
        .map(|&w| w as f64)
        .collect();
    widths.windows(2).map(|w| (w[0] + 1.0) * w[1]).sum::<f64>() + 20.0 * neurons(hidden)
}

/// Neurons of the hidden layers.
fn neurons(hidden: &[usize]) -> f64 {
    hidden.iter().map(|&w| w as f64).sum()
}

/// How many of so many jobs run at once.
fn at_once(jobs: usize) -> usize {
    jobs.min(rayon::current_num_threads())
}

impl Cost {
    /// Of `count` trainings, side by side: forward, and backward to the weights.
    #[must_use]
    pub fn trainings(count: usize, config: &TrainConfig, task: &Task) -> Cost {
        let epochs = config.epochs as f64;
        let evaluated = task.test.rows() as f64 / config.every.max(1) as f64 / 3.0;
        let rows = epochs * (task.train.rows() as f64 + evaluated);
        let size = weights(&config.hidden, task);
        let multiply_adds = 2.0 * size * rows * count as f64;

        Cost {
            trainings: count,
            multiply_adds,
            bytes: 4.0 * 6.0 * size * at_once(count) as f64,
            ..Cost::default()
        }
    }

    /// Of what `ldnn train` does with the rows of one division, of which so many sets are held out in
    /// turn: its largest stage.
    #[must_use]
    pub fn of_fit(fit: &FitConfig, task: &Task, turns: usize) -> Cost {
        let trainings = fit.most_trainings(task, turns);
        let training = Cost::trainings(trainings, &fit.longest_training(task), task);

        match fit.activate {
            ActivationSource::Meta => training + Cost::learning(&fit.meta(task), task),
            _ => training,
        }
    }

    /// Of a meta-learning run. All its inner trainings are in memory, however many threads there
    /// are.
    #[must_use]
    pub fn learning(config: &MetaConfig, task: &Task) -> Cost {
        let size = weights(&config.hidden, task);
        let rows = task.train.rows();
        let gradient = 3.0 * size * config.batch.min(rows) as f64;

        let (step, tape, networks) = match config.schedule {
            // A gradient and a Hessian-vector product per inner step, a gradient for each of
            // the held-out losses.
            MetaSchedule::Unrolled => {
                let inner = config.inner_untaped as f64
                    + config.inner_steps as f64 * 2.4
                    + config.outer_last as f64;
                let taped = match config.tape {
                    Tape::Full => config.inner_steps as f64,
                    Tape::Short => 2.0 * (config.inner_steps as f64).sqrt(),
                };
                let networks = config.inner_trainings as f64;

                (inner * gradient * networks, taped * 2.0, networks)
            }
            MetaSchedule::Alternating => (
                config.period as f64 * gradient + size * task.test.rows() as f64,
                4.0,
                1.0,
            ),
        };

        let rows = config.batch.max(config.held_out_batch).min(rows) as f64;
        let each = 4.0 * size * (tape + 10.0) + 4.0 * 4.0 * rows * neurons(&config.hidden);

        Cost {
            outer_steps: config.steps,
            multiply_adds: step * config.steps as f64,
            bytes: each * networks,
            trainings: 0,
        }
    }

    /// Of `count` exact Hessians, side by side, over the training rows: every element once per row,
    /// and the eigenvalues.
    #[must_use]
    pub fn hessians(count: usize, hidden: &[usize], task: &Task) -> Cost {
        let n = weights(hidden, task) - 20.0 * neurons(hidden);
        // Reducing a matrix to a tridiagonal one waits for memory: some three times slower than
        // counted.
        let each = n * n / 2.0 * task.train.rows() as f64 + 3.0 * 4.0 / 3.0 * n * n * n;

        Cost {
            multiply_adds: each * count as f64,
            bytes: 3.0 * 8.0 * n * n * at_once(count) as f64,
            ..Cost::default()
        }
    }

    /// Of so many jobs that run side by side, this being the sum of them one after the
    /// other.
    #[must_use]
    pub fn side_by_side(self, jobs: usize) -> Cost {
        Cost {
            bytes: self.bytes * at_once(jobs) as f64,
            ..self
        }
    }
}

/// One after the other: the memory is that of the larger.
impl std::ops::Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost {
            trainings: self.trainings + other.trainings,
            outer_steps: self.outer_steps + other.outer_steps,
            multiply_adds: self.multiply_adds + other.multiply_adds,
            bytes: self.bytes.max(other.bytes),
        }
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), |a, b| a + b)
    }
}

impl Cost {
    /// Whether the threads at this work find the memory that they need.
    ///
    /// # Errors
    /// If it does not, with what to change.
    pub fn check(&self) -> Result<()> {
        MemoryBudget::find()?.allow_work(self.bytes)
    }

    /// How long it takes on so many threads.
    #[must_use]
    pub fn seconds(&self, threads: usize) -> f64 {
        self.multiply_adds / SPEED / threads as f64
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = rayon::current_num_threads();
        let seconds = self.seconds(threads);
        let time = match seconds {
            s if s < 90.0 => format!("{:.0} s", s.max(1.0)),
            s if s < 5400.0 => format!("{:.0} min", s / 60.0),
            s => format!("{:.1} h", s / 3600.0),
        };

        let memory = 30.0 + self.bytes / 1e6;

        write!(
            f,
            "{} outer steps, {} trainings; some {time} on {threads} threads, some {memory:.0} MB (estimates)",
            self.outer_steps, self.trainings
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, VanDerPolConfig};

    fn task() -> Task {
        let config = VanDerPolConfig {
            orbits: 4,
            test_orbits: 1,
            ..Default::default()
        };
        Task::new(&Dataset::vanderpol(&config).unwrap())
    }

    fn train() -> TrainConfig {
        TrainConfig {
            hidden: vec![10],
            lr: 0.1,
            batch: 20,
            epochs: 3,
            every: 1,
            ..TrainConfig::default()
        }
    }

    /// The memory of some work where there are so many threads.
    fn bytes(threads: usize, cost: impl Fn(&Task) -> Cost + Send + Sync) -> f64 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| cost(&task()).bytes)
    }

    #[test]
    fn trainings_need_memory_by_the_threads_that_have_one_each() {
        let of = |threads, count| bytes(threads, |task| Cost::trainings(count, &train(), task));
        let one = of(1, 1);

        assert!(one > 0.0);
        assert_eq!(of(1, 50), one, "one thread, one at a time");
        assert_eq!(of(8, 50), 8.0 * one);
        assert_eq!(of(8, 3), 3.0 * one, "no more threads than trainings");
        assert_eq!(of(8, 0), 0.0);

        let hessians = |threads, count| bytes(threads, |task| Cost::hessians(count, &[10], task));
        assert_eq!(hessians(4, 9), 4.0 * hessians(1, 9));
    }

    #[test]
    fn meta_learning_holds_all_its_inner_trainings_and_runs_of_it_count_by_threads() {
        let of = |threads, inner_trainings| {
            let config = MetaConfig {
                inner_trainings,
                ..MetaConfig::gradient_descent()
            };
            bytes(threads, |task| Cost::learning(&config, task))
        };

        let one = of(1, 1);

        assert_eq!(
            of(8, 1),
            one,
            "a run alone has one inner training at a time"
        );

        assert_eq!(of(1, 4), 4.0 * one);
        assert_eq!(of(8, 4), 4.0 * one);

        let runs = |threads, runs| {
            let one = |task: &Task| Cost::learning(&MetaConfig::gradient_descent(), task);
            bytes(threads, |task| {
                let all: Cost = (0..runs).map(|_| one(task)).sum();
                all.side_by_side(runs)
            })
        };

        assert_eq!(runs(3, 7), 3.0 * one);
        assert_eq!(runs(8, 7), 7.0 * one);

        let short = MetaConfig {
            tape: Tape::Short,
            ..MetaConfig::gradient_descent()
        };

        assert!(bytes(1, |task| Cost::learning(&short, task)) < 0.5 * one);
    }

    #[test]
    fn stages_that_follow_each_other_need_the_memory_of_the_larger() {
        let cost = |bytes| Cost {
            bytes,
            trainings: 1,
            ..Cost::default()
        };

        let sum = cost(3.0) + cost(5.0) + cost(4.0);
        assert_eq!((sum.bytes, sum.trainings), (5.0, 3));
    }
}
