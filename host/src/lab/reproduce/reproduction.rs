//! A study at work: its tasks and learned activations, and the hyperparameters that experiments
//! with the same activations share.

use super::config::{Choosing, Experiment, ReproduceConfig};
use super::learn::{LearnedStages, ReproduceTasks};
use super::progression::DepthConfig;
use super::stage::TaskName;
use crate::data::task::Task;
use crate::lab::experiments::progression::{self, LearnedBefore};
use crate::run::{Incomplete, RunFolder, all};
use crate::support::progress::Output;
use crate::train::{Hyperparameters, SelectConfig, ValidateConfig, select};
use anyhow::Result;

/// A study at work.
pub struct Reproduction<'a> {
    pub study: &'a ReproduceConfig,
    pub tasks: ReproduceTasks,
    pub stages: LearnedStages,
    pub folder: &'a RunFolder,
    pub output: Output,
}

impl Reproduction<'_> {
    /// The task that the user asked for.
    pub fn main(&self) -> &Task {
        self.tasks.get(TaskName::Main)
    }

    /// Rate and epochs of each arm, chosen once for all experiments with the same activations.
    pub fn chosen(
        &self,
        config: &SelectConfig,
        on: TaskName,
        stage: &str,
        ensemble: &ValidateConfig,
    ) -> Result<Vec<Hyperparameters>> {
        let task = self.tasks.get(on);
        let arms = ensemble.arms(task, self.stages.get(stage)?)?;
        let folder = self.folder.inside(&format!("selected/{stage}"), config)?;
        select(config, task, &arms, &folder, self.output)
    }

    /// All choices of [`Self::chosen`] that experiments ask for; how many meta-learning runs they
    /// wait for.
    pub fn choose_all(&self) -> Result<usize> {
        let mut blocked = 0;

        for Choosing {
            stage,
            on,
            config,
            ensemble,
        } in self.study.choices()
        {
            if let Err(error) = self.stages.get(stage) {
                blocked += Incomplete::of(&error).ok_or(error)?.missing;
            } else if let Err(error) = self.chosen(config, on, stage, ensemble) {
                // Its own jobs are done; those of others need not be.
                Incomplete::of(&error).ok_or(error)?;
            }
        }

        if self.study.does(Experiment::Fig1) {
            for depth in &self.study.progression {
                let [one, two] = depth.stages.each_ref().map(|name| self.stages.get(name));
                let (one, two) = match all([one, two]) {
                    Ok(both) => (both[0], both[1]),
                    Err(error) => {
                        blocked += Incomplete::of(&error).ok_or(error)?.missing;
                        continue;
                    }
                };

                let folder = self.folder_of(depth)?;
                let learned = LearnedBefore { one, two };
                let config = &depth.progression;
                let done = progression::select(config, self.main(), &learned, &folder, self.output);
                if let Err(error) = done {
                    Incomplete::of(&error).ok_or(error)?;
                }
            }
        }

        Ok(blocked)
    }

    /// The folder of Fig. 1 in networks of one depth.
    pub fn folder_of(&self, depth: &DepthConfig) -> Result<RunFolder> {
        let figure = self.folder.inside("fig1", &self.study.progression_equal)?;
        figure.inside(&depth.name, depth)
    }
}
