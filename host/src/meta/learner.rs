//! The outer step: from activation parameters to their gradient, and on.

use super::caution::{Caution, Unlearnable};
use super::config::{MetaConfig, Objective};
use super::engine::Engine;
use super::forms::Forms;
use super::outer_step::{GradientOutcome, OuterStep};
use super::record::{Checkpoint, StepRecord};
use crate::data::task::{Examples, Task};
use crate::model::activations::LearnedActivations;
use crate::train::EXPLOSION;
use anyhow::{Result, ensure};
use ldnn_core::network::init_phi;
use ldnn_core::optimizer::clamp;

/// How often a step is tried anew before the run ends.
const MOST_RETRIES: usize = 64;
/// An inner training has not exploded if its loss is at most so many times that before its first
/// step.
const GROWTH: f64 = 2.0;
/// A learning rate so many times smaller leaves the weights as they are.
const STANDSTILL: f64 = 1e-30;

/// A meta-learning run in memory.
pub struct Learner<'a> {
    config: &'a MetaConfig,
    task: &'a Task,
    train: Examples,
    held_out: Examples,
    forms: Forms,
    phi: Vec<f32>,
    dphi: Vec<f32>,
    /// Of the optimizer of the activations.
    state: Vec<f32>,
    step: usize,
    caution: Caution,
    /// Outer losses above this are those of an inner training that explodes.
    loss_limit: f64,
    engine: Engine<'a>,
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

        let engine = Engine::new(config, &forms, train.rows())?;
        let len = forms.direct.phi_len();
        let mut phi = vec![0.0; len];
        init_phi(&forms.direct, config.seed, &mut phi)?;

        let outer = config.outer_optimizer(0, 1.0);
        let (dphi, mut state) = (vec![0.0; len], vec![0.0; outer.state_len(len)]);
        outer.init_state(&mut state);
        let caution = Caution::default();
        let loss_limit = EXPLOSION * train.loss_of_zeros(task.outputs);

        Ok(Learner {
            config,
            task,
            train,
            held_out,
            forms,
            phi,
            dphi,
            state,
            step: 0,
            caution,
            loss_limit,
            engine,
        })
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
    pub fn activations(&self) -> Result<LearnedActivations> {
        let config = self.config;
        let mut provenance = format!(
            "{}, {} types from {}, seed {}, {} outer steps",
            self.task.name, config.types, config.base, config.seed, self.step
        );

        if self.caution.inner_scale < 1.0 {
            let lr = self.inner_lr();
            provenance += &format!(", the inner learning rate lowered to {lr:.1e}");
        }

        Ok(LearnedActivations::from_phi(
            &config.bases()?,
            &self.phi,
            config.layers(),
            provenance,
        ))
    }

    /// Takes one outer step. Where the inner training explodes, the last outer step is taken back
    /// and retried smaller, and if that does not help the inner training gets a smaller learning
    /// rate.
    ///
    /// # Errors
    /// [`Unlearnable`] if no step is small enough.
    pub fn step(&mut self) -> Result<StepRecord> {
        if self.config.resplit && self.config.outer_loss == Objective::Heldout {
            let (rows, config) = (&self.task.train, self.config);
            (self.train, self.held_out) =
                rows.split(config.held_out, config.seed, self.step as u64)?;
        }

        let (outcome, retries) = self.sound_gradient()?;

        let per_type = self.phi.len() / self.config.all_types();
        let gradient_norms = self.dphi.chunks(per_type).map(norm).collect();
        let clip = self.config.clip as f32;
        let clipped = self.dphi.iter().filter(|g| g.abs() > clip).count();

        clamp(&mut self.dphi, clip);

        // A step after which a number would not be finite is refused, and leaves everything as it
        // was.
        let optimizer = self
            .config
            .outer_optimizer(self.step, self.caution.outer_scale);
        let before = self.phi.clone();

        if optimizer
            .step(&mut self.phi, &mut self.state, &self.dphi, self.step)
            .is_err()
        {
            self.caution.refuse_step(&mut self.state);
        }

        self.caution.before = before;
        self.step += 1;

        Ok(StepRecord {
            step: self.step,
            loss: outcome.loss,
            train_loss: outcome.train_loss,
            // JSON holds no infinity, and no NaN.
            test_loss: outcome.test.loss.min(f32::MAX.into()),
            test_accuracy: outcome.test.accuracy,
            gradient_norms,
            clipped,
            retries,
        })
    }

    /// Fills `dphi` from an inner training that does not explode; also how many attempts it took
    /// beyond the first.
    fn sound_gradient(&mut self) -> Result<(GradientOutcome, usize)> {
        let network = self.engine.memory();

        for retries in 0..=MOST_RETRIES {
            let outcome = self.gradient()?;
            // Nothing of the test rows: they take no part in learning.
            let is_finite = outcome.loss.is_finite() && self.dphi.iter().all(|g| g.is_finite());

            if is_finite && (outcome.loss <= self.loss_limit || !self.has_grown(outcome.loss)?) {
                return Ok((outcome, retries));
            }

            self.engine.restore(&network)?;
            self.caution.step_back(&mut self.phi, &mut self.state);
            self.scale_inner_lr(self.caution.inner_scale);
        }

        Err(Unlearnable {
            step: self.step + 1,
            inner_lr: self.inner_lr(),
        }
        .into())
    }

    /// Whether the outer loss is larger than that of the untrained network on the same rows. The
    /// rows that are held out may have nearly all of the variance of targets with a long tail:
    /// there the loss is large however it is trained.
    fn has_grown(&mut self, loss: f64) -> Result<bool> {
        // The alternating schedule has no training that begins anew: growth in many small steps is
        // growth.
        if !self.engine.begins_anew() {
            return Ok(true);
        }

        let gradient = self.dphi.clone();
        self.scale_inner_lr(self.caution.inner_scale * STANDSTILL);

        let untrained = self.gradient();

        self.scale_inner_lr(self.caution.inner_scale);
        self.dphi = gradient;

        let limit = GROWTH * untrained?.loss;
        Ok(!(limit.is_finite() && loss <= limit))
    }

    /// The learning rate of the inner training as it is now.
    #[must_use]
    pub fn inner_lr(&self) -> f64 {
        self.config.inner_lr * self.caution.inner_scale
    }

    /// Inner trainings go on with their learning rate times `scale`.
    fn scale_inner_lr(&mut self, scale: f64) {
        self.engine
            .set_optimizer(self.config.inner_optimizer(scale));
    }

    /// Fills `dphi`.
    fn gradient(&mut self) -> Result<GradientOutcome> {
        let step = OuterStep {
            task: self.task,
            train: &self.train,
            held_out: &self.held_out,
            phi: &self.phi,
            number: self.step,
        };

        self.engine.gradient(&mut self.forms, step, &mut self.dphi)
    }

    /// What a later process needs to go on.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            step: self.step,
            phi: self.phi.clone(),
            velocity: self.state.clone(),
            caution: self.caution.clone(),
            network: self.engine.memory(),
        }
    }

    /// Goes on from a checkpoint of a run with the same settings.
    ///
    /// # Errors
    /// If its lengths are not those of this run.
    pub fn resume(&mut self, from: &Checkpoint) -> Result<()> {
        let (len, before) = (self.phi.len(), from.caution.before.len());
        let fits = from.phi.len() == len && from.velocity.len() == self.state.len();

        ensure!(
            fits && (before == 0 || before == len),
            "the checkpoint belongs to other settings"
        );

        self.engine.restore(&from.network)?;
        (self.step, self.phi, self.state) = (from.step, from.phi.clone(), from.velocity.clone());
        self.caution = from.caution.clone();
        self.scale_inner_lr(self.caution.inner_scale);

        Ok(())
    }
}

fn norm(values: &[f32]) -> f64 {
    values
        .iter()
        .map(|&v| f64::from(v).powi(2))
        .sum::<f64>()
        .sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::task::ExampleTargets;
    use crate::data::{Dataset, VanDerPolConfig};
    use crate::meta::MetaSchedule;

    fn task() -> Task {
        let small = VanDerPolConfig {
            orbits: 4,
            test_orbits: 1,
            ..Default::default()
        };
        Task::new(&Dataset::vanderpol(&small).unwrap())
    }

    /// Learning rates far beyond what the inner training takes.
    fn reckless(schedule: MetaSchedule) -> MetaConfig {
        MetaConfig {
            schedule,
            inner_lr: 500.0,
            outer_lr: 50.0,
            clip: 10.0,
            hidden: vec![8],
            units: 6,
            steps: 6,
            inner_steps: 20,
            outer_last: 10,
            period: 4,
            batch: 20,
            held_out: 50,
            held_out_batch: 50,
            ..MetaConfig::gradient_descent()
        }
    }

    #[test]
    fn an_inner_training_that_explodes_is_retried_with_smaller_steps() {
        let task = task();

        for schedule in [MetaSchedule::Unrolled, MetaSchedule::Alternating] {
            let config = reckless(schedule);
            let mut learner = Learner::new(&config, &task).unwrap();
            let first = learner.step().unwrap();

            assert!(
                first.retries > 0,
                "{schedule:?}: a learning rate of 500 was taken"
            );
            assert!(learner.inner_lr() < config.inner_lr);

            for _ in 1..config.steps {
                let record = learner.step().unwrap();
                let numbers = [record.loss, record.train_loss, record.test_loss];

                assert!(
                    numbers.iter().all(|x| x.is_finite()),
                    "{schedule:?}: {record:?}"
                );
                assert!(
                    record.loss <= learner.loss_limit,
                    "{schedule:?}: {record:?}"
                );
            }
        }
    }

    #[test]
    fn a_run_that_took_steps_back_goes_on_from_its_checkpoint_with_the_same_bits() {
        let task = task();

        for schedule in [MetaSchedule::Unrolled, MetaSchedule::Alternating] {
            let config = reckless(schedule);
            let mut whole = Learner::new(&config, &task).unwrap();

            for _ in 0..3 {
                whole.step().unwrap();
            }

            let text = serde_json::to_string(&whole.checkpoint()).unwrap();
            let mut resumed = Learner::new(&config, &task).unwrap();
            resumed
                .resume(&serde_json::from_str(&text).unwrap())
                .unwrap();

            for _ in 3..config.steps {
                assert_eq!(
                    whole.step().unwrap(),
                    resumed.step().unwrap(),
                    "{schedule:?}"
                );
            }

            assert_eq!(whole.checkpoint(), resumed.checkpoint());
        }
    }

    #[test]
    fn a_batch_of_more_rows_than_there_are_has_them_all_and_takes_no_more_memory() {
        let task = task();

        for schedule in [MetaSchedule::Unrolled, MetaSchedule::Alternating] {
            let step = |batch: usize| {
                let config = MetaConfig {
                    batch,
                    inner_lr: 0.1,
                    ..reckless(schedule)
                };

                let mut learner = Learner::new(&config, &task).unwrap();
                (learner.step().unwrap(), learner.checkpoint())
            };

            // 50 rows are held out.
            let rows = task.train.rows() - 50;

            assert_eq!(step(rows), step(1_000_000_000), "{schedule:?}");
        }
    }

    #[test]
    fn a_held_out_batch_of_more_rows_than_there_are_is_refused_before_it_is_allocated() {
        let task = task();
        let rows = task.train.rows();
        let with = |held_out_batch: usize| MetaConfig {
            held_out_batch,
            ..reckless(MetaSchedule::Unrolled)
        };

        assert!(with(rows.max(200)).check(&task).is_ok());

        let error = format!("{:#}", with(1_000_000_000).check(&task).unwrap_err());

        assert!(
            error.contains("`held_out_batch` 1000000000: at most")
                && error.contains(&format!("the 50 rows that are held out of {rows}")),
            "{error}"
        );
    }

    #[test]
    fn held_out_rows_with_a_long_tail_are_no_explosion() {
        let task = task();
        let config = MetaConfig {
            inner_lr: 0.05,
            ..reckless(MetaSchedule::Unrolled)
        };
        let mut learner = Learner::new(&config, &task).unwrap();
        let ExampleTargets::Values(values) = &mut learner.held_out.target else {
            panic!("no values")
        };

        values.iter_mut().for_each(|y| *y *= 100.0);

        let record = learner.step().unwrap();
        assert!(record.loss > learner.loss_limit, "{record:?}");
        assert_eq!(record.retries, 0);
    }

    #[test]
    fn what_cannot_be_learned_is_an_error_that_says_so() {
        let mut task = task();
        task.train.x.iter_mut().for_each(|x| *x = 1e30);
        let config = reckless(MetaSchedule::Unrolled);
        let mut learner = Learner::new(&config, &task).unwrap();
        let error = learner.step().unwrap_err();
        assert!(error.is::<Unlearnable>(), "{error:#}");
        assert_eq!(learner.steps_done(), 0);
    }
}
