//! A network in training, with all its memory: what a step takes, whoever decides about its rows,
//! its noise and its number.

use super::evaluate::{EVALUATION_ROWS, evaluate_network};
use crate::data::task::Examples;
use crate::model::LossAndAccuracy;
use crate::support::simd::Level;
use anyhow::Result;
use ldnn_core::network::{Batch, Init, Network, Noise, Pass, Workspace, Wrt, init_theta};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::schedule::Schedule;
use ldnn_core::train::{Joint, Trainer};
use ldnn_core::{Error, Optimizer, Shape};
use std::ops::Range;

/// A network in training.
pub(crate) struct Trainee {
    pub shape: Shape,
    pub optimizer: Optimizer<f32>,
    /// How its learning rate goes; constant at first.
    pub schedule: Schedule,
    /// How its activations learn beside the weights, if they do.
    joint: Option<Joint<f32>>,
    /// `[theta | phi]`
    pub params: Vec<f32>,
    /// The optimizer's.
    pub state: Vec<f32>,
    /// `[theta | phi]`; steps of the weights fill the first part of it.
    pub grad: Vec<f32>,
    work: Vec<f32>,
    /// The training rows as this epoch takes them; at first as they are.
    order: Vec<u32>,
    /// Rows per step, at most.
    batch: usize,
}

impl Trainee {
    /// With weights that `seed` decides; the activation parameters are 0. `rows`: how many there
    /// are to train on.
    pub fn new(
        shape: Shape,
        optimizer: Optimizer<f32>,
        batch: usize,
        rows: usize,
        seed: u64,
    ) -> Result<Trainee> {
        let work_rows = batch.min(rows).max(EVALUATION_ROWS);

        let mut trainee = Trainee {
            shape,
            optimizer,
            schedule: Schedule::default(),
            joint: None,
            params: vec![0.0; shape.param_len()],
            state: vec![0.0; optimizer.state_len(shape.theta_len())],
            grad: vec![0.0; shape.param_len()],
            work: vec![0.0; shape.workspace_len(work_rows, Pass::Backward)],
            order: (0..rows as u32).collect(),
            batch,
        };

        trainee.restart(seed, 0)?;
        Ok(trainee)
    }

    /// New weights, the `number`th of those that `seed` decides, and a new optimizer.
    pub fn restart(&mut self, seed: u64, number: u64) -> Result<()> {
        let theta = &mut self.params[..self.shape.theta_len()];
        init_theta(&self.shape, Init::FanIn, seed, number, theta)?;
        self.optimizer.init_state(&mut self.state);

        Ok(())
    }

    /// Lets the activations learn beside the weights, at every [`Trainee::step`] from now on.
    pub fn learn_activations(&mut self, joint: Joint<f32>) -> Result<()> {
        self.state = vec![0.0; joint.state_len(&self.shape)];
        joint.init_state(&self.shape, &mut self.state)?;
        self.joint = Some(joint);

        Ok(())
    }

    /// Another order of the rows, which `seed` and `epoch` decide.
    pub fn shuffle(&mut self, seed: u64, epoch: u64) {
        Draws::new(seed, Stream::Shuffle, 0, epoch).permutation(&mut self.order);
    }

    /// Steps per epoch.
    pub fn batches(&self) -> usize {
        self.order.len().div_ceil(self.batch)
    }

    /// The rows of batch `i` of an epoch, as places in its order.
    pub fn batch(&self, i: usize) -> Range<usize> {
        i * self.batch..((i + 1) * self.batch).min(self.order.len())
    }

    /// Step `t`: the weights learn from these rows, and so do activations that were told to. Returns
    /// the loss before the step, or nothing if the training diverges, which is no failure of the
    /// run.
    pub fn step(
        &mut self,
        train: &Examples,
        rows: Range<usize>,
        noise: Option<Noise<f32>>,
        t: usize,
    ) -> Result<Option<f32>> {
        let batch = Batch::picked(train.data(), &self.order[rows]).with_noise(noise);

        let mut trainer = Trainer {
            shape: &self.shape,
            vector: Level::best(),
            params: &mut self.params,
            state: &mut self.state,
            grad: &mut self.grad,
            workspace: Workspace::new(
                &self.shape,
                self.batch.min(self.order.len()),
                Pass::Backward,
                &mut self.work,
            )?,
        };

        let factor = self.schedule.factor(t);

        unless_it_diverges(match &self.joint {
            None => trainer.step(&self.optimizer.scaled(factor), &batch, t),
            Some(joint) => Joint {
                weights: joint.weights.scaled(factor),
                activations: joint.activations.scaled(factor),
                ..*joint
            }
            .step(&mut trainer, &batch, t),
        })
    }

    /// Fills `grad` with the gradient in weights and activations; the loss.
    pub fn joint_gradient(
        &mut self,
        train: &Examples,
        rows: Range<usize>,
        noise: Option<Noise<f32>>,
    ) -> Result<f32> {
        let batch = Batch::picked(train.data(), &self.order[rows]).with_noise(noise);
        let network = Network::new(&self.shape, &self.params)?.with_vector(Level::best());
        let rows = self.batch.min(self.order.len());
        let mut workspace = Workspace::new(&self.shape, rows, Pass::Backward, &mut self.work)?;

        Ok(network.gradient(&batch, Wrt::All, &mut self.grad, &mut workspace)?)
    }

    /// Step `t` of the weights, with the gradient that is there; nothing if the training diverges.
    pub fn descend(&mut self, t: usize) -> Result<Option<()>> {
        let theta = self.shape.theta_len();
        let (weights, grad) = (&mut self.params[..theta], &self.grad[..theta]);

        unless_it_diverges(self.optimizer.step(weights, &mut self.state, grad, t))
    }

    /// How good it is, without noise.
    pub fn evaluate(&mut self, set: &Examples) -> Result<LossAndAccuracy> {
        evaluate_network(&self.shape, &self.params, set, &mut self.work)
    }
}

/// What a step brings; nothing if a number that came in, the loss or what the step would leave is
/// not finite.
fn unless_it_diverges<T>(step: Result<T, Error>) -> Result<Option<T>> {
    match step {
        Err(Error::Diverges(_) | Error::NotFinite { .. }) => Ok(None),
        step => Ok(Some(step?)),
    }
}
