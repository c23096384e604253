//! The unrolled schedule: every outer step trains fresh networks, and brings the gradient of the
//! outer loss back through their trainings.

use super::config::MetaConfig;
use super::forms::Forms;
use super::outer_step::{GradientOutcome, OuterStep};
use crate::support::simd::Level;
use crate::train::{EVALUATION_ROWS, evaluate_network};
use anyhow::Result;
use ldnn_core::Optimizer;
use ldnn_core::meta::{Buffers, Datasets, Draw, Unroll, hypergradient};
use ldnn_core::network::Pass;
use rayon::prelude::*;

/// The inner trainings of an outer step.
pub struct UnrolledTrainings {
    plan: Unroll<f32>,
    /// Whether the logarithm of the outer loss is to be small.
    log_loss: bool,
    seed: u64,
    trainings: Vec<InnerMemory>,
}

impl UnrolledTrainings {
    pub fn new(config: &MetaConfig, forms: &Forms, rows: usize) -> UnrolledTrainings {
        let plan = config.unroll(forms.trained, rows);
        let trainings = (0..config.inner_trainings)
            .map(|_| InnerMemory::new(&plan, rows))
            .collect();

        UnrolledTrainings {
            plan,
            log_loss: config.log_loss,
            seed: config.seed,
            trainings,
        }
    }

    /// The mean gradient of the trainings in the activations.
    pub fn gradient(
        &mut self,
        forms: &mut Forms,
        step: OuterStep<'_>,
        dphi: &mut [f32],
    ) -> Result<GradientOutcome> {
        let mut built = vec![0.0; forms.trained.phi_len()];
        forms.build(step.phi, &mut built)?;

        let (plan, seed, count) = (&self.plan, self.seed, self.trainings.len());
        let log_loss = self.log_loss;
        let first = step.number * count;

        let outcomes = self
            .trainings
            .par_iter_mut()
            .enumerate()
            .map(|(i, training)| {
                let draw = Draw {
                    seed,
                    outer_step: (first + i) as u32,
                };
                let outcome = training.run(plan, &built, &step, draw)?;
                if log_loss {
                    training.take_logarithm(outcome.loss);
                }
                Ok(outcome)
            })
            .collect::<Result<Vec<_>>>()?;

        // The sum runs in the order of the trainings, whichever thread ran them.
        let mut sum = vec![0.0; built.len()];

        for training in &self.trainings {
            sum.iter_mut()
                .zip(&training.gradient)
                .for_each(|(s, g)| *s += g / count as f32);
        }

        forms.adjoint(step.phi, &sum, dphi)?;
        Ok(GradientOutcome::mean(&outcomes))
    }

    /// Goes on with other hyperparameters of the same optimizer.
    pub fn set_optimizer(&mut self, optimizer: Optimizer<f32>) {
        self.plan.optimizer = optimizer;
    }
}

/// Below this a loss counts as this in its logarithm: the rounding of single precision.
const LEAST_LOSS: f64 = 1e-12;

/// The memory of one inner training.
struct InnerMemory {
    params: Vec<f32>,
    gradient: Vec<f32>,
    trained: Vec<f32>,
    tape: Vec<f32>,
    work: Vec<f32>,
    order: Vec<u32>,
}

impl InnerMemory {
    fn new(plan: &Unroll<f32>, rows: usize) -> InnerMemory {
        let shape = &plan.shape;

        InnerMemory {
            params: vec![0.0; shape.param_len()],
            gradient: vec![0.0; shape.phi_len()],
            trained: vec![0.0; shape.theta_len()],
            tape: vec![0.0; plan.tape_len()],
            work: vec![
                0.0;
                plan.work_len()
                    .max(shape.workspace_len(EVALUATION_ROWS, Pass::Forward))
            ],
            order: vec![0; plan.order_len(rows)],
        }
    }

    /// From the gradient of a loss to that of its logarithm.
    fn take_logarithm(&mut self, loss: f64) {
        let factor = (1.0 / loss.max(LEAST_LOSS)) as f32;
        self.gradient.iter_mut().for_each(|g| *g *= factor);
    }

    /// Trains a fresh network, and brings the gradient of the outer loss in the activations.
    fn run(
        &mut self,
        plan: &Unroll<f32>,
        activations: &[f32],
        step: &OuterStep<'_>,
        draw: Draw,
    ) -> Result<GradientOutcome> {
        let theta = plan.shape.theta_len();
        self.params[theta..].copy_from_slice(activations);

        let buffers = Buffers {
            params: &mut self.params,
            dphi: &mut self.gradient,
            trained: &mut self.trained,
            tape: &mut self.tape,
            work: &mut self.work,
            order: &mut self.order,
        };

        let data = Datasets {
            train: step.train.data(),
            held_out: step.held_out.data(),
        };

        let out = hypergradient(Level::best(), plan, data, draw, buffers)?;

        self.params[..theta].copy_from_slice(&self.trained);

        let test = evaluate_network(&plan.shape, &self.params, &step.task.test, &mut self.work)?;

        Ok(GradientOutcome {
            loss: f64::from(out.outer_loss),
            train_loss: f64::from(out.train_loss),
            test,
        })
    }
}
