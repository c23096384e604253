//! The alternating schedule: one network that trains on, its activations learning every few steps.

use super::config::MetaConfig;
use super::forms::Forms;
use super::outer_step::{GradientOutcome, OuterStep};
use crate::data::task::Task;
use crate::train::Trainee;
use anyhow::{Result, ensure};
use ldnn_core::Optimizer;
use ldnn_core::network::Noise;
use std::ops::Range;

/// The network in training.
pub struct AlternatingTraining<'a> {
    config: &'a MetaConfig,
    trainee: Trainee,
}

impl<'a> AlternatingTraining<'a> {
    pub fn new(config: &'a MetaConfig, forms: &Forms, rows: usize) -> Result<Self> {
        let optimizer = config.inner_optimizer(1.0);
        let trainee = Trainee::new(forms.trained, optimizer, config.batch, rows, config.seed)?;

        Ok(AlternatingTraining { config, trainee })
    }

    /// `period - 1` steps of the weights, then the joint gradient, with which the weights step once
    /// more.
    pub fn gradient(
        &mut self,
        forms: &mut Forms,
        step: OuterStep<'_>,
        dphi: &mut [f32],
    ) -> Result<GradientOutcome> {
        let (config, number, theta) = (self.config, step.number, self.theta_len());
        if config.restart > 0 && number > 0 && number.is_multiple_of(config.restart) {
            self.trainee.restart(config.seed, number as u64)?;
        }

        forms.build(step.phi, &mut self.trainee.params[theta..])?;

        let first = number * config.period;
        let last = first + config.period - 1;

        for t in first..last {
            let (rows, noise) = (self.batch(t), self.noise(t));
            if self.trainee.step(step.train, rows, noise, t)?.is_none() {
                return self.diverged(step.task);
            }
        }

        let (rows, noise) = (self.batch(last), self.noise(last));
        let loss = self.trainee.joint_gradient(step.train, rows, noise)?;

        forms.adjoint(step.phi, &self.trainee.grad[theta..], dphi)?;

        if self.trainee.descend(last)?.is_none() {
            return self.diverged(step.task);
        }

        Ok(GradientOutcome {
            loss: f64::from(loss),
            train_loss: f64::from(loss),
            test: self.trainee.evaluate(&step.task.test)?,
        })
    }

    /// The outcome of a training that went no further: the learner says so and which learning rate
    /// to lower.
    fn diverged(&mut self, task: &Task) -> Result<GradientOutcome> {
        Ok(GradientOutcome {
            loss: f64::NAN,
            train_loss: f64::NAN,
            test: self.trainee.evaluate(&task.test)?,
        })
    }

    fn theta_len(&self) -> usize {
        self.trainee.shape.theta_len()
    }

    /// The rows of step `t`, in the order of its epoch.
    fn batch(&mut self, t: usize) -> Range<usize> {
        let per_epoch = self.trainee.batches();

        if self.config.shuffle {
            let epoch = (t / per_epoch) as u64;
            self.trainee.shuffle(self.config.seed, epoch);
        }

        self.trainee.batch(t % per_epoch)
    }

    fn noise(&self, t: usize) -> Option<Noise<f32>> {
        let amplitude = self.config.noise as f32;
        (amplitude > 0.0).then_some(Noise {
            amplitude,
            seed: self.config.seed,
            step: t as u64,
        })
    }

    /// Weights and optimizer state.
    pub fn memory(&self) -> Vec<f32> {
        [
            &self.trainee.params[..self.theta_len()],
            &self.trainee.state[..],
        ]
        .concat()
    }

    /// Goes on with other hyperparameters of the same optimizer.
    pub fn set_optimizer(&mut self, optimizer: Optimizer<f32>) {
        self.trainee.optimizer = optimizer;
    }

    pub fn restore(&mut self, memory: &[f32]) -> Result<()> {
        let theta = self.theta_len();
        ensure!(
            memory.len() == theta + self.trainee.state.len(),
            "the checkpoint belongs to other settings"
        );

        self.trainee.params[..theta].copy_from_slice(&memory[..theta]);
        self.trainee.state.copy_from_slice(&memory[theta..]);
        Ok(())
    }
}
