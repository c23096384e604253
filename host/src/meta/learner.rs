//! The outer step: from activation parameters to their gradient, and on.

use super::alternating::Alternating;
use super::config::{MetaConfig, Objective, Schedule};
use crate::activations::{Activations, base_named};
use crate::simd::Level;
use crate::task::{Set, Task};
use crate::train::{EVALUATION_ROWS, Judgement, judge_network};
use anyhow::{Result, bail, ensure};
use ldnn_core::meta::{Buffers, Unroll, hypergradient};
use ldnn_core::network::init_phi;
use ldnn_core::optimise::clamp;
use ldnn_core::{Shape, table};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// One line of `history.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Outer step, from 1.
    pub step: usize,
    /// The outer loss at the activations before the step.
    pub loss: f64,
    /// The last training loss.
    pub train_loss: f64,
    /// The test loss of the trained network, without noise.
    pub test_loss: f64,
    /// Its test accuracy in percent, on all test rows; nothing for regression.
    pub test_accuracy: Option<f64>,
    /// Euclidean norm of each type's part of the gradient, before clipping.
    pub gradient_norms: Vec<f64>,
    /// How many elements of the gradient were clipped.
    pub clipped: usize,
}

/// All that a run needs to go on from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Outer steps done.
    pub step: usize,
    /// The activation parameters.
    pub phi: Vec<f32>,
    /// The outer momentum.
    pub velocity: Vec<f32>,
    /// The alternating schedule's network: parameters, optimiser state; empty for the unrolled schedule.
    pub network: Vec<f32>,
}

/// What one evaluation of the gradient brings besides it.
pub(super) struct Outcome {
    pub loss: f64,
    pub train_loss: f64,
    pub test: Judgement,
}

/// Both forms of the network, and how to go from one to the other.
pub(super) struct Forms {
    /// With sub-networks.
    pub direct: Shape,
    /// As it is trained: with tables, or the same.
    pub trained: Shape,
    work: Vec<f32>,
}

impl Forms {
    fn new(config: &MetaConfig, task: &Task) -> Result<Forms> {
        let (direct, trained) = (config.direct_shape(task)?, config.trained_shape(task)?);
        let len = if config.exact { 0 } else { table::build_work_len(&direct, config.table_knots) };
        Ok(Forms { direct, trained, work: vec![0.0; len] })
    }

    fn is_exact(&self) -> bool {
        self.direct == self.trained
    }

    /// The activation parameters of the trained network.
    pub fn build(&mut self, phi: &[f32], to: &mut [f32]) -> Result<()> {
        if self.is_exact() {
            to.copy_from_slice(phi);
        } else {
            table::build(&self.direct, &self.trained, phi, to, &mut self.work)?;
        }
        Ok(())
    }

    /// `dphi`, overwritten, from the gradient in the trained network's parameters.
    pub fn adjoint(&mut self, phi: &[f32], from: &[f32], dphi: &mut [f32]) -> Result<()> {
        dphi.fill(0.0);
        if self.is_exact() {
            dphi.copy_from_slice(from);
        } else {
            table::build_adjoint(&self.direct, &self.trained, phi, from, dphi, &mut self.work)?;
        }
        Ok(())
    }
}

/// A meta-learning run in memory.
pub struct Learner<'a> {
    config: &'a MetaConfig,
    task: &'a Task,
    train: Set,
    held_out: Set,
    forms: Forms,
    phi: Vec<f32>,
    dphi: Vec<f32>,
    velocity: Vec<f32>,
    step: usize,
    engine: Engine<'a>,
}

enum Engine<'a> {
    Unrolled { plan: Box<Unroll<f32>>, trainings: Vec<Training> },
    Alternating(Box<Alternating<'a>>),
}

impl<'a> Learner<'a> {
    /// A run at its start.
    ///
    /// # Errors
    /// If the settings make no run on `task`.
    pub fn new(config: &'a MetaConfig, task: &'a Task) -> Result<Self> {
        config.check(task)?;
        let forms = Forms::new(config, task)?;
        let (train, held_out) = match config.outer_loss {
            Objective::Train => (task.train.clone(), task.train.pick(&[])),
            Objective::Heldout => task.train.split(config.held_out, config.seed, 0)?,
        };
        let engine = match config.schedule {
            Schedule::Alternating => Engine::Alternating(Box::new(Alternating::new(config, &forms, train.rows())?)),
            Schedule::Unrolled => {
                let plan = Box::new(config.unroll(forms.trained));
                let trainings = (0..config.inner_trainings).map(|_| Training::new(&plan, train.rows())).collect();
                Engine::Unrolled { plan, trainings }
            }
        };
        let len = forms.direct.phi_len();
        let mut phi = vec![0.0; len];
        init_phi(&forms.direct, config.seed, &mut phi)?;
        let (dphi, velocity) = (vec![0.0; len], vec![0.0; len]);
        Ok(Learner { config, task, train, held_out, forms, phi, dphi, velocity, step: 0, engine })
    }

    /// Outer steps done.
    #[must_use]
    pub fn steps_done(&self) -> usize {
        self.step
    }

    /// The activations as they are now.
    ///
    /// # Errors
    /// Never for a run that was built.
    pub fn activations(&self) -> Result<Activations> {
        let config = self.config;
        let provenance = format!(
            "{}, {} types from {}, seed {}, {} outer steps",
            self.task.name, config.types, config.base, config.seed, self.step
        );
        let (base, layers) = (base_named(&config.base)?, config.layers());
        Ok(Activations::from_phi(base, &self.phi, config.all_types(), layers, provenance))
    }

    /// Takes one outer step.
    ///
    /// # Errors
    /// If a number is no longer finite; the activations then are those before the step.
    pub fn step(&mut self) -> Result<Record> {
        if self.config.resplit && self.config.outer_loss == Objective::Heldout {
            let (rows, config) = (&self.task.train, self.config);
            (self.train, self.held_out) = rows.split(config.held_out, config.seed, self.step as u64)?;
        }
        let outcome = self.gradient()?;
        ensure!(
            outcome.loss.is_finite() && self.dphi.iter().all(|g| g.is_finite()),
            "outer step {}: the outer loss or its gradient is no longer a finite number; \
             use a smaller --inner-rate or --outer-rate (the activations up to here are kept)",
            self.step + 1
        );
        let per_type = self.phi.len() / self.config.all_types();
        let gradient_norms = self.dphi.chunks(per_type).map(norm).collect();
        let clip = self.config.clip as f32;
        let clipped = self.dphi.iter().filter(|g| g.abs() > clip).count();
        clamp(&mut self.dphi, clip);
        let rule = self.config.outer_rule(self.step);
        // A step after which a number would not be finite is refused, and leaves everything as it was.
        if rule.step(&mut self.phi, &mut self.velocity, &self.dphi, self.step).is_err() {
            bail!("outer step {}: an activation parameter overflows; use a smaller --outer-rate", self.step + 1);
        }
        self.step += 1;
        Ok(Record {
            step: self.step,
            loss: outcome.loss,
            train_loss: outcome.train_loss,
            test_loss: outcome.test.loss,
            test_accuracy: outcome.test.accuracy,
            gradient_norms,
            clipped,
        })
    }

    /// Fills `dphi`.
    fn gradient(&mut self) -> Result<Outcome> {
        let (forms, phi, dphi) = (&mut self.forms, &self.phi, &mut self.dphi);
        let (plan, trainings) = match &mut self.engine {
            Engine::Alternating(a) => return a.gradient(forms, self.task, &self.train, phi, dphi, self.step),
            Engine::Unrolled { plan, trainings } => (&*plan, trainings),
        };
        let mut built = vec![0.0; forms.trained.phi_len()];
        forms.build(phi, &mut built)?;
        let count = trainings.len();
        let (seed, first) = (self.config.seed, self.step * count);
        let (train, held_out, task) = (&self.train, &self.held_out, self.task);
        let outcomes = trainings
            .par_iter_mut()
            .enumerate()
            .map(|(i, t)| t.run(plan, &built, train, held_out, task, seed, (first + i) as u32))
            .collect::<Result<Vec<_>>>()?;
        // The sum runs in the order of the trainings, whichever thread ran them.
        let mut sum = vec![0.0; built.len()];
        for training in trainings.iter() {
            sum.iter_mut().zip(&training.gradient).for_each(|(s, g)| *s += g / count as f32);
        }
        forms.adjoint(phi, &sum, dphi)?;
        Ok(Outcome::mean(&outcomes))
    }

    /// What a later process needs to go on.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let network = match &self.engine {
            Engine::Unrolled { .. } => vec![],
            Engine::Alternating(a) => a.memory(),
        };
        Checkpoint { step: self.step, phi: self.phi.clone(), velocity: self.velocity.clone(), network }
    }

    /// Goes on from a checkpoint of a run with the same settings.
    ///
    /// # Errors
    /// If its lengths are not those of this run.
    pub fn resume(&mut self, from: &Checkpoint) -> Result<()> {
        let len = self.phi.len();
        ensure!(from.phi.len() == len && from.velocity.len() == len, "the checkpoint belongs to other settings");
        if let Engine::Alternating(a) = &mut self.engine {
            a.restore(&from.network)?;
        }
        (self.step, self.phi, self.velocity) = (from.step, from.phi.clone(), from.velocity.clone());
        Ok(())
    }
}

/// The memory of one inner training.
struct Training {
    params: Vec<f32>,
    gradient: Vec<f32>,
    trained: Vec<f32>,
    tape: Vec<f32>,
    work: Vec<f32>,
    order: Vec<u32>,
}

impl Training {
    fn new(plan: &Unroll<f32>, rows: usize) -> Training {
        let shape = &plan.shape;
        Training {
            params: vec![0.0; shape.param_len()],
            gradient: vec![0.0; shape.phi_len()],
            trained: vec![0.0; shape.theta_len()],
            tape: vec![0.0; plan.tape_len()],
            work: vec![0.0; plan.work_len().max(shape.work_len(EVALUATION_ROWS))],
            order: vec![0; plan.order_len(rows)],
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a run that all its trainings share")]
    fn run(
        &mut self,
        plan: &Unroll<f32>,
        activations: &[f32],
        train: &Set,
        held_out: &Set,
        task: &Task,
        seed: u64,
        draw: u32,
    ) -> Result<Outcome> {
        let theta = plan.shape.theta_len();
        self.params[theta..].copy_from_slice(activations);
        let buffers = Buffers { tape: &mut self.tape, work: &mut self.work, order: &mut self.order };
        let (train, held_out) = (train.data(), held_out.data());
        let (params, gradient, trained) = (&mut self.params, &mut self.gradient, &mut self.trained);
        let out = hypergradient(Level::best(), plan, train, held_out, seed, draw, params, gradient, trained, buffers)?;
        self.params[..theta].copy_from_slice(&self.trained);
        let test = judge_network(&plan.shape, &self.params, &task.test, &mut self.work)?;
        Ok(Outcome { loss: f64::from(out.outer_loss), train_loss: f64::from(out.train_loss), test })
    }
}

impl Outcome {
    fn mean(all: &[Outcome]) -> Outcome {
        let mean = |f: fn(&Outcome) -> f64| all.iter().map(f).sum::<f64>() / all.len() as f64;
        let classifies = all.iter().all(|o| o.test.accuracy.is_some());
        Outcome {
            loss: mean(|o| o.loss),
            train_loss: mean(|o| o.train_loss),
            test: Judgement {
                loss: mean(|o| o.test.loss),
                accuracy: classifies.then(|| mean(|o| o.test.accuracy.unwrap_or_default())),
            },
        }
    }
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}
