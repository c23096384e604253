//! What a study costs, before it begins.

use super::config::{Choosing, Experiment, ReproduceConfig};
use super::learn::ReproduceTasks;
use super::stage::{LearningStage, TaskName};
use crate::data::task::Task;
use crate::lab::estimate::Cost;
use crate::train::{SelectConfig, TrainConfig, ValidateConfig};
use anyhow::Result;

/// What a study costs, roughly, stage by stage.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Number of meta-learning runs.
    pub runs: usize,
    /// The meta-learning runs.
    pub learning: Cost,
    /// The trainings that choose learning rates and epochs.
    pub selecting: Cost,
    /// The other trainings.
    pub training: Cost,
}

impl Costs {
    /// All stages.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.learning + self.selecting + self.training
    }
}

impl ReproduceConfig {
    /// What it costs.
    ///
    /// # Errors
    /// Never, in practice: the tasks are made with their default arguments.
    pub fn costs(&self, task: &Task) -> Result<Costs> {
        let tasks = ReproduceTasks::new(task)?;
        let of = |l: &LearningStage| {
            let one = Cost::learning(&l.meta, tasks.get(l.on));
            (0..l.seeds).map(|_| one).sum::<Cost>()
        };
        let runs = self.stages.iter().map(|l| l.seeds).sum();

        let learning = self.stages.iter().map(of).sum::<Cost>().side_by_side(runs);

        let seeds = |name: &str| {
            self.stages
                .iter()
                .find(|l| l.name == name)
                .map_or(0, |l| l.seeds)
        };

        let vanderpol = tasks.get(TaskName::Vanderpol);
        // Three classical kinds, two types and the mix, at equal training and each at its best.
        let twice = |config: &ValidateConfig, stage: &str| 2 * 6 * seeds(stage) * config.runs;

        let select = |config: &SelectConfig, stage: &str, task: &Task| {
            let at = |lr: &f64| {
                let train = TrainConfig {
                    epochs: config.epochs_at(*lr),
                    ..config.train.clone()
                };
                Cost::trainings((3 + 3 * seeds(stage)) * config.runs, &train, task)
            };
            config.lr.iter().map(at).sum::<Cost>()
        };

        let most = self.stages.iter().map(|l| l.seeds).max().unwrap_or(0);

        let variants = |n: usize| {
            let config = &self.variants;
            Cost::trainings(
                n * config.compare.len() * most * config.runs,
                &config.train,
                task,
            )
        };

        let cost = |e: &Experiment| match e {
            Experiment::Fig1 => {
                let equal = &self.progression_equal;
                let count = equal.compare.len() * seeds("authors") * equal.runs;
                let depths = self.progression.iter().map(|depth| {
                    let seeds = seeds(&depth.stages[1]);
                    depth.progression.training_cost(seeds, task)
                });

                depths.sum::<Cost>() + Cost::trainings(count, &equal.train, task)
            }
            Experiment::Fig3 => {
                Cost::trainings(twice(&self.equal, "sine"), &self.equal.train, task)
            }
            Experiment::Fig4 => {
                let count = twice(&self.sizes.ensemble, "zero");
                self.sizes.cost(count, task)
            }
            Experiment::Fig5 => {
                let of = &self.forecast.ensemble;
                Cost::trainings(twice(of, "vanderpol"), &of.train, vanderpol)
            }
            Experiment::Fig6 => Cost::trainings(
                twice(&self.participation, "sine"),
                &self.participation.train,
                task,
            ),
            Experiment::Hessian => {
                let of = &self.hessian.ensemble;
                let count = twice(of, "sine");
                Cost::trainings(count, &of.train, task)
                    + Cost::hessians(count, &of.train.hidden, task)
            }
            Experiment::Bases => variants(7),
            Experiment::Depth => variants(6),
            Experiment::Schedules => variants(2),
            Experiment::Transfer => variants(3),
            Experiment::Family => Cost::default(),
        };

        // Experiments with the same activations share one choice.
        let mut choices = self.choices();
        choices.sort_by_key(|c| c.stage);
        choices.dedup_by_key(|c| c.stage);

        let progressions = self.progression.iter().map(|depth| {
            let seeds = seeds(&depth.stages[1]);
            depth.progression.selection_cost(seeds, task)
        });
        let progressions = match self.does(Experiment::Fig1) {
            true => progressions.sum(),
            false => Cost::default(),
        };

        let choice = |c: Choosing| select(c.config, c.stage, tasks.get(c.on));

        Ok(Costs {
            runs,
            learning,
            selecting: choices.into_iter().map(choice).sum::<Cost>() + progressions,
            training: self.experiments.iter().map(cost).sum(),
        })
    }
}
