//! The arms of a task one by one: settings chosen on held-out rows, models trained with them. For
//! those who choose among arms by more than their errors.

use super::config::FitConfig;
use super::pipeline::{Arms, FitPipeline};
use crate::data::split::Split;
use crate::data::task::Task;
use crate::model::Model;
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::Hyperparameters;
use anyhow::Result;

/// The arms of some settings, each with what was chosen for it.
pub struct SelectedArms<'a> {
    pipeline: FitPipeline<'a>,
    arms: Arms,
}

impl<'a> SelectedArms<'a> {
    /// Chooses the settings of every arm on rows that are held out from training, as [`super::run`]
    /// does; `task` is that of `parts`. What is in the folder is not trained again.
    ///
    /// # Errors
    /// If a setting is impossible, every arm diverges, a file cannot be written, or the user stops
    /// it.
    pub fn select(
        config: &'a FitConfig,
        (parts, task): (&'a Split, &'a Task),
        folder: &'a RunFolder,
        output: Output,
    ) -> Result<SelectedArms<'a>> {
        config.check(task)?;
        let mut pipeline = FitPipeline::new(config, (parts, task), folder, output);
        let arms = pipeline.select()?;

        Ok(SelectedArms { pipeline, arms })
    }

    /// What was chosen, arm by arm, with the mean metric on the held-out rows.
    #[must_use]
    pub fn chosen(&self) -> &[Hyperparameters] {
        &self.arms.chosen
    }

    /// What did not go as wanted, a sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.pipeline.notes
    }

    /// The model of an arm that is trained on all training rows with the weights of a seed; none if
    /// it diverges. The seed of the settings gives the model of `ldnn train`.
    ///
    /// # Errors
    /// If the user stops it.
    pub fn model(&self, arm: usize, seed: u64) -> Result<Option<Model>> {
        let trained = self.pipeline.model_of(&self.arms, arm, seed)?;
        Ok(trained.map(|(_, model)| model))
    }
}
