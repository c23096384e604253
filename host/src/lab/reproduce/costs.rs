//! What a study costs, before it begins.

use super::config::{Choosing, Experiment, LearningStage, ReproduceConfig, TaskName};
use super::learn::ReproduceTasks;
use crate::data::task::Task;
use crate::lab::estimate::Load;
use crate::train::{SelectConfig, TrainConfig, ValidateConfig};
use anyhow::Result;

/// What a study costs, roughly, stage by stage.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Number of meta-learning runs.
    pub runs: usize,
    /// The meta-learning runs.
    pub learning: Load,
    /// The trainings that choose learning rates and epochs.
    pub selecting: Load,
    /// The other trainings.
    pub training: Load,
}

impl Costs {
    /// All stages.
    #[must_use]
    pub fn load(&self) -> Load {
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
            let one = Load::learning(&l.meta, tasks.get(l.on));
            (0..l.seeds).map(|_| one).sum::<Load>()
        };
        let runs = self.stages.iter().map(|l| l.seeds).sum();

        let learning = self.stages.iter().map(of).sum::<Load>().side_by_side(runs);

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
                Load::trainings((3 + 3 * seeds(stage)) * config.runs, &train, task)
            };
            config.lr.iter().map(at).sum::<Load>()
        };

        let most = self.stages.iter().map(|l| l.seeds).max().unwrap_or(0);

        let variants = |n: usize| {
            let config = &self.variants;
            Load::trainings(
                n * config.compare.len() * most * config.runs,
                &config.train,
                task,
            )
        };

        let cost = |e: &Experiment| match e {
            Experiment::Fig3 => {
                Load::trainings(twice(&self.equal, "sine"), &self.equal.train, task)
            }
            Experiment::Fig4 => {
                let count = twice(&self.sizes.ensemble, "zero");
                self.sizes.load(count, task)
            }
            Experiment::Fig5 => {
                let of = &self.forecast.ensemble;
                Load::trainings(twice(of, "vanderpol"), &of.train, vanderpol)
            }
            Experiment::Fig6 => Load::trainings(
                twice(&self.participation, "sine"),
                &self.participation.train,
                task,
            ),
            Experiment::Hessian => {
                let of = &self.hessian.ensemble;
                let count = twice(of, "sine");
                Load::trainings(count, &of.train, task)
                    + Load::hessians(count, &of.train.hidden, task)
            }
            Experiment::Bases => variants(7),
            Experiment::Depth => variants(6),
            Experiment::Schedules => variants(2),
            Experiment::Transfer => variants(3),
            Experiment::Family => Load::default(),
        };

        // Experiments with the same activations share one choice.
        let mut choices = self.choices();
        choices.sort_by_key(|c| c.stage);
        choices.dedup_by_key(|c| c.stage);

        let choice = |c: Choosing| select(c.config, c.stage, tasks.get(c.on));

        Ok(Costs {
            runs,
            learning,
            selecting: choices.into_iter().map(choice).sum(),
            training: self.experiments.iter().map(cost).sum(),
        })
    }
}
