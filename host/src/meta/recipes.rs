//! Recipes of learning activations: settings that belong together, and those that follow from a
//! task.

use super::config::{INNER_WEIGHT_DECAY, MetaConfig, MetaSchedule, Objective};
use crate::data::task::Task;
use crate::train::{LrDecay, OptimizerKind, lr_scale};

/// The settings that the defaults of others follow from, where they are given.
#[derive(Clone, Copy, Debug, Default)]
pub struct MetaBasics {
    /// The number of types.
    pub types: Option<usize>,
    /// What the activations are to make small.
    pub outer_loss: Option<Objective>,
    /// The schedule of learning.
    pub schedule: Option<MetaSchedule>,
    /// The optimizer of the weights.
    pub inner_optimizer: Option<OptimizerKind>,
    /// The optimizer of the activations.
    pub outer_optimizer: Option<OptimizerKind>,
}

impl MetaBasics {
    /// Those that are in a table of settings; one that is no such setting counts as not given, and
    /// is refused where the table is read as a whole.
    #[must_use]
    pub fn given_in(settings: &toml::Table) -> MetaBasics {
        fn given<T: serde::de::DeserializeOwned>(settings: &toml::Table, name: &str) -> Option<T> {
            settings.get(name)?.clone().try_into().ok()
        }

        MetaBasics {
            types: given(settings, "types"),
            outer_loss: given(settings, "outer_loss"),
            schedule: given(settings, "schedule"),
            inner_optimizer: given(settings, "inner_optimizer"),
            outer_optimizer: given(settings, "outer_optimizer"),
        }
    }
}

/// The learning rate of the weights that an optimizer usually takes.
fn usual_inner_lr(optimizer: OptimizerKind, inputs: usize) -> f64 {
    match optimizer {
        OptimizerKind::Sgd => 0.2 * lr_scale(inputs),
        OptimizerKind::Rmsprop => 0.01,
        OptimizerKind::Adam | OptimizerKind::Adamw => 0.02,
    }
}

/// The learning rate of the activations that an optimizer usually takes.
fn usual_outer_lr(optimizer: OptimizerKind) -> f64 {
    match optimizer {
        OptimizerKind::Sgd => 0.4,
        _ => 0.01,
    }
}

/// The base of a type that is alone.
const ALONE: &str = "sine";

/// The decay of the weights with AdamW. It guards against learning the training rows by heart; a
/// function of numbers is fitted more closely without.
fn usual_weight_decay(task: &Task) -> f64 {
    match task.is_classification() {
        true => INNER_WEIGHT_DECAY,
        false => 0.0,
    }
}

impl MetaConfig {
    /// The default settings for a task where these are given: a quarter of the training rows is held
    /// out, and gradient descent takes smaller steps where there are many inputs ([`lr_scale`]).
    #[must_use]
    pub fn for_task(basics: MetaBasics, task: &Task) -> Self {
        if basics.outer_loss == Some(Objective::Train) {
            let steps = MetaConfig::gradient_descent().steps;
            return MetaConfig::authors(steps).with_optimizers(basics, task);
        }

        let recipe = match basics.schedule {
            Some(MetaSchedule::Alternating) => MetaConfig::gradient_descent(),
            _ => MetaConfig::default(),
        };

        MetaConfig {
            base: match basics.types {
                Some(1) => ALONE.into(),
                _ => recipe.base.clone(),
            },
            held_out: (task.train.rows() / 4).max(1),
            inner_lr: usual_inner_lr(recipe.inner_optimizer, task.inputs),
            inner_weight_decay: recipe.inner_weight_decay.map(|_| usual_weight_decay(task)),
            ..recipe
        }
        .with_optimizers(basics, task)
    }

    /// The same with these optimizers, each at the learning rate that it usually takes.
    fn with_optimizers(self, basics: MetaBasics, task: &Task) -> Self {
        let (inner, outer) = (basics.inner_optimizer, basics.outer_optimizer);
        let inner = inner.filter(|&inner| inner != self.inner_optimizer);
        let outer = outer.filter(|&outer| outer != self.outer_optimizer);

        MetaConfig {
            inner_lr: inner.map_or(self.inner_lr, |inner| usual_inner_lr(inner, task.inputs)),
            inner_weight_decay: match inner {
                Some(OptimizerKind::Adamw) => Some(usual_weight_decay(task)),
                Some(_) => None,
                None => self.inner_weight_decay,
            },
            inner_optimizer: inner.unwrap_or(self.inner_optimizer),
            outer_lr: outer.map_or(self.outer_lr, usual_outer_lr),
            outer_optimizer: outer.unwrap_or(self.outer_optimizer),
            ..self
        }
    }

    /// Two types from sine, learned from short trainings by gradient descent with a large step: the
    /// held-out objective without what practitioners would add.
    #[must_use]
    pub fn gradient_descent() -> Self {
        MetaConfig {
            base: "sine".into(),
            steps: 500,
            inner_untaped: 0,
            noise: 0.1,
            inner_optimizer: OptimizerKind::Sgd,
            inner_lr: 0.2,
            inner_weight_decay: None,
            inner_lr_decay: LrDecay::Constant,
            log_loss: false,
            outer_last: 100,
            outer_optimizer: OptimizerKind::Sgd,
            outer_lr: 0.4,
            ..MetaConfig::default()
        }
    }

    /// The authors' settings: their objective over 5 epochs of 20 batches.
    #[must_use]
    pub fn authors(steps: usize) -> Self {
        MetaConfig {
            steps,
            outer_loss: Objective::Train,
            inner_steps: 100,
            outer_last: 100,
            inner_optimizer: OptimizerKind::Rmsprop,
            inner_lr: 0.01,
            anneal: false,
            ..MetaConfig::gradient_descent()
        }
    }

    /// The alternating schedule with as many gradients as these settings of the unrolled one cost:
    /// an outer step of that takes a gradient and a Hessian-vector product (two to three gradients)
    /// an inner step, a gradient each of the untaped steps and of the last steps held out. It has
    /// the optimizers of [`MetaConfig::gradient_descent`].
    #[must_use]
    pub fn alternating(&self, inputs: usize) -> Self {
        let gradients = self.inner_untaped + self.inner_steps * 7 / 2 + self.outer_last;
        let steps = self.steps.saturating_mul(gradients) / self.period;
        let plain = MetaConfig::gradient_descent();

        MetaConfig {
            schedule: MetaSchedule::Alternating,
            steps,
            restart: 50,
            noise: plain.noise,
            inner_untaped: plain.inner_untaped,
            inner_lr_decay: plain.inner_lr_decay,
            inner_optimizer: plain.inner_optimizer,
            inner_lr: usual_inner_lr(plain.inner_optimizer, inputs),
            inner_weight_decay: plain.inner_weight_decay,
            log_loss: plain.log_loss,
            outer_optimizer: plain.outer_optimizer,
            outer_lr: 0.05,
            snapshot_every: steps.div_ceil(30),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, VanDerPolConfig};

    fn regression() -> Task {
        Task::new(&Dataset::vanderpol(&VanDerPolConfig::default()).unwrap())
    }

    fn classification() -> Task {
        Task::new(&Dataset::digits().unwrap())
    }

    /// No default is refused because of another setting that it should have followed.
    #[test]
    fn every_recipe_and_optimizer_makes_a_run() {
        let optimizers = [
            None,
            Some(OptimizerKind::Sgd),
            Some(OptimizerKind::Rmsprop),
            Some(OptimizerKind::Adam),
            Some(OptimizerKind::Adamw),
        ];

        for task in [regression(), classification()] {
            for outer_loss in [None, Some(Objective::Train), Some(Objective::Heldout)] {
                for schedule in [None, Some(MetaSchedule::Alternating)] {
                    for (inner_optimizer, outer_optimizer) in optimizers
                        .into_iter()
                        .flat_map(|inner| optimizers.map(|outer| (inner, outer)))
                    {
                        let basics = MetaBasics {
                            types: None,
                            outer_loss,
                            schedule,
                            inner_optimizer,
                            outer_optimizer,
                        };
                        let config = MetaConfig {
                            schedule: schedule.unwrap_or(MetaSchedule::Unrolled),
                            ..MetaConfig::for_task(basics, &task)
                        };

                        let settled = config.settled().and_then(|config| config.check(&task));
                        assert!(settled.is_ok(), "{basics:?}: {:?}", settled.unwrap_err());
                    }
                }
            }
        }
    }

    #[test]
    fn one_type_has_one_base() {
        let basics = MetaBasics {
            types: Some(1),
            ..MetaBasics::default()
        };
        let config = MetaConfig {
            types: 1,
            ..MetaConfig::for_task(basics, &regression())
        };

        assert_eq!(config.base, "sine");
        config.check(&regression()).unwrap();
    }

    #[test]
    fn defaults_follow_from_the_task_and_the_optimizer() {
        let of = |inner_optimizer, task: &Task| {
            let basics = MetaBasics {
                inner_optimizer,
                ..MetaBasics::default()
            };
            let config = MetaConfig::for_task(basics, task);
            (config.inner_lr, config.inner_weight_decay)
        };

        assert_eq!(of(None, &classification()), (0.02, Some(0.6)));
        assert_eq!(of(None, &regression()), (0.02, Some(0.0)));
        let sgd = Some(OptimizerKind::Sgd);
        assert_eq!(of(sgd, &classification()), (0.2, None));
    }

    #[test]
    fn the_alternating_schedule_of_any_recipe_can_be_done() {
        for task in [regression(), classification()] {
            let unrolled = MetaConfig::for_task(MetaBasics::default(), &task);
            unrolled.alternating(task.inputs).check(&task).unwrap();
        }
    }
}
