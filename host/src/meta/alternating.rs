//! The alternating schedule: one network that trains on, its activations learning every few steps.

use super::config::MetaConfig;
use super::forms::Forms;
use super::outer_step::{GradientOutcome, OuterStep};
use crate::data::task::{Examples, Task};
use crate::support::simd::Level;
use crate::train::{EVALUATION_ROWS, evaluate_network};
use anyhow::{Result, ensure};
use ldnn_core::network::{Batch, Init, Network, Noise, Pass, Workspace, Wrt, init_theta};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::train::Trainer;
use ldnn_core::{Error, Optimizer, Shape};

/// The network in training.
pub struct AlternatingTraining<'a> {
    config: &'a MetaConfig,
    shape: Shape,
    optimizer: Optimizer<f32>,
    params: Vec<f32>,
    state: Vec<f32>,
    grad: Vec<f32>,
    work: Vec<f32>,
    order: Vec<u32>,
}

impl<'a> AlternatingTraining<'a> {
    pub fn new(config: &'a MetaConfig, forms: &Forms, rows: usize) -> Result<Self> {
        let (shape, optimizer) = (forms.trained, config.inner_optimizer(1.0));
        let mut state = vec![0.0; optimizer.state_len(shape.theta_len())];
        optimizer.init_state(&mut state);

        let mut params = vec![0.0; shape.param_len()];

        init_theta(
            &shape,
            Init::FanIn,
            config.seed,
            0,
            &mut params[..shape.theta_len()],
        )?;

        Ok(AlternatingTraining {
            config,
            shape,
            optimizer,
            params,
            state,
            grad: vec![0.0; shape.param_len()],
            work: vec![
                0.0;
                shape.workspace_len(
                    config.batch.min(rows).max(EVALUATION_ROWS),
                    Pass::Backward
                )
            ],
            order: vec![0; rows],
        })
    }

    /// `period - 1` steps of the weights, then the joint gradient, with which the weights step once
    /// more.
    pub fn gradient(
        &mut self,
        forms: &mut Forms,
        step: OuterStep<'_>,
        dphi: &mut [f32],
    ) -> Result<GradientOutcome> {
        let OuterStep {
            task,
            train,
            phi,
            number,
            ..
        } = step;
        let (config, theta) = (self.config, self.shape.theta_len());

        if config.restart > 0 && number > 0 && number.is_multiple_of(config.restart) {
            init_theta(
                &self.shape,
                Init::FanIn,
                config.seed,
                number as u64,
                &mut self.params[..theta],
            )?;

            self.optimizer.init_state(&mut self.state);
        }

        forms.build(phi, &mut self.params[theta..])?;

        let first = number * config.period;
        for t in first..first + config.period - 1 {
            match self.train_step(train, t) {
                Err(Error::Diverges(_) | Error::NotFinite { .. }) => return self.diverged(task),
                step => step?,
            }
        }

        let t = first + config.period - 1;
        let (rows, noise) = (self.batch(t), self.noise(t));
        let batch = Batch::picked(train.data(), &self.order[rows]).with_noise(noise);
        let network = Network::new(&self.shape, &self.params)?.with_vector(Level::best());
        let rows = config.batch.min(self.order.len());
        let mut workspace = Workspace::new(&self.shape, rows, Pass::Backward, &mut self.work)?;
        let loss = network.gradient(&batch, Wrt::All, &mut self.grad, &mut workspace)?;

        forms.adjoint(phi, &self.grad[theta..], dphi)?;

        match self.optimizer.step(
            &mut self.params[..theta],
            &mut self.state,
            &self.grad[..theta],
            t,
        ) {
            Err(Error::Diverges(_)) => return self.diverged(task),
            step => step?,
        }

        let test = evaluate_network(&self.shape, &self.params, &task.test, &mut self.work)?;

        Ok(GradientOutcome {
            loss: f64::from(loss),
            train_loss: f64::from(loss),
            test,
        })
    }

    /// The outcome of a training that went no further: the learner says so and which learning rate
    /// to lower.
    fn diverged(&mut self, task: &Task) -> Result<GradientOutcome> {
        let test = evaluate_network(&self.shape, &self.params, &task.test, &mut self.work)?;
        Ok(GradientOutcome {
            loss: f64::NAN,
            train_loss: f64::NAN,
            test,
        })
    }

    fn train_step(&mut self, train: &Examples, t: usize) -> Result<(), Error> {
        let (rows, noise) = (self.batch(t), self.noise(t));
        let batch = Batch::picked(train.data(), &self.order[rows]).with_noise(noise);

        let mut trainer = Trainer {
            shape: &self.shape,
            vector: Level::best(),
            params: &mut self.params,
            state: &mut self.state,
            grad: &mut self.grad,
            workspace: Workspace::new(
                &self.shape,
                self.config.batch.min(self.order.len()),
                Pass::Backward,
                &mut self.work,
            )?,
        };

        trainer.step(&self.optimizer, &batch, t).map(|_loss| ())
    }

    /// Where the rows of step `t` are in the order of its epoch.
    fn batch(&mut self, t: usize) -> std::ops::Range<usize> {
        let (rows, batch) = (self.order.len(), self.config.batch);
        let per_epoch = rows.div_ceil(batch);
        let (epoch, i) = (t / per_epoch, t % per_epoch);

        if self.config.shuffle {
            Draws::new(self.config.seed, Stream::Shuffle, 0, epoch as u64)
                .permutation(&mut self.order);
        } else {
            self.order
                .iter_mut()
                .enumerate()
                .for_each(|(i, o)| *o = i as u32);
        }

        i * batch..((i + 1) * batch).min(rows)
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
        [&self.params[..self.shape.theta_len()], &self.state[..]].concat()
    }

    /// Goes on with other hyperparameters of the same optimizer.
    pub fn set_optimizer(&mut self, optimizer: Optimizer<f32>) {
        self.optimizer = optimizer;
    }

    pub fn restore(&mut self, memory: &[f32]) -> Result<()> {
        let theta = self.shape.theta_len();
        ensure!(
            memory.len() == theta + self.state.len(),
            "the checkpoint belongs to other settings"
        );

        self.params[..theta].copy_from_slice(&memory[..theta]);
        self.state.copy_from_slice(&memory[theta..]);
        Ok(())
    }
}
