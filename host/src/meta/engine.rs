//! Either schedule at work.

use super::alternating::AlternatingTraining;
use super::config::{MetaConfig, MetaSchedule};
use super::forms::Forms;
use super::outer_step::{GradientOutcome, OuterStep};
use super::unrolled::UnrolledTrainings;
use anyhow::Result;
use ldnn_core::Optimizer;

/// What trains networks to learn their activations.
pub enum Engine<'a> {
    Unrolled(Box<UnrolledTrainings>),
    Alternating(Box<AlternatingTraining<'a>>),
}

impl<'a> Engine<'a> {
    /// `rows`: of the training rows.
    pub fn new(config: &'a MetaConfig, forms: &Forms, rows: usize) -> Result<Engine<'a>> {
        Ok(match config.schedule {
            MetaSchedule::Unrolled => {
                Engine::Unrolled(Box::new(UnrolledTrainings::new(config, forms, rows)))
            }
            MetaSchedule::Alternating => {
                Engine::Alternating(Box::new(AlternatingTraining::new(config, forms, rows)?))
            }
        })
    }

    /// Fills `dphi`.
    pub fn gradient(
        &mut self,
        forms: &mut Forms,
        step: OuterStep<'_>,
        dphi: &mut [f32],
    ) -> Result<GradientOutcome> {
        match self {
            Engine::Unrolled(trainings) => trainings.gradient(forms, step, dphi),
            Engine::Alternating(training) => training.gradient(forms, step, dphi),
        }
    }

    /// Whether every outer step begins with untrained networks.
    pub fn begins_anew(&self) -> bool {
        matches!(self, Engine::Unrolled(_))
    }

    /// What an attempt changes and [`Engine::restore`] takes back.
    pub fn memory(&self) -> Vec<f32> {
        match self {
            Engine::Unrolled(_) => vec![],
            Engine::Alternating(training) => training.memory(),
        }
    }

    pub fn restore(&mut self, memory: &[f32]) -> Result<()> {
        match self {
            Engine::Unrolled(_) => Ok(()),
            Engine::Alternating(training) => training.restore(memory),
        }
    }

    pub fn set_optimizer(&mut self, optimizer: Optimizer<f32>) {
        match self {
            Engine::Unrolled(trainings) => trainings.set_optimizer(optimizer),
            Engine::Alternating(training) => training.set_optimizer(optimizer),
        }
    }
}
