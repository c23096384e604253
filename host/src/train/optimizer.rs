//! Optimizers as settings name them.

use anyhow::{Result, ensure};
use ldnn_core::Optimizer;
use serde::{Deserialize, Serialize};

/// Which optimizer trains the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Gradient descent with momentum.
    Sgd,
    /// Root-mean-square scaling, with the decay of the mean square.
    Rmsprop,
    /// Adam, with the decay beta1 of the mean gradient.
    Adam,
    /// Adam with weights that decay on their own (decoupled weight decay).
    Adamw,
}

/// The numbers of an optimizer: what it remembers of earlier gradients, in [0, 1), and how its
/// weights decay. Each kind has its own of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OptimizerMemory {
    /// Of SGD; 0.8 by default.
    pub momentum: Option<f64>,
    /// Of RMSprop: the decay of its mean square; 0.8 by default, as in the code of the paper's
    /// authors.
    pub decay: Option<f64>,
    /// Of Adam and AdamW: the decay of its mean gradient; 0.9 by default.
    pub beta1: Option<f64>,
    /// Of AdamW: the strength of the decay of the weights, per unit of learning rate; 0.01 by
    /// default.
    pub weight_decay: Option<f64>,
}

impl OptimizerKind {
    fn name(self) -> &'static str {
        match self {
            OptimizerKind::Sgd => "sgd",
            OptimizerKind::Rmsprop => "rmsprop",
            OptimizerKind::Adam => "adam",
            OptimizerKind::Adamw => "adamw",
        }
    }

    /// The optimizer itself, in single precision; `start` is RMSprop's first mean square.
    #[must_use]
    pub fn optimizer(self, lr: f64, memory: OptimizerMemory, start: f32) -> Optimizer<f32> {
        let lr = lr as f32;
        let weight = memory.of(self) as f32;

        match self {
            OptimizerKind::Sgd => Optimizer::Sgd {
                lr,
                momentum: weight,
            },
            OptimizerKind::Rmsprop => Optimizer::RmsProp {
                lr,
                decay: weight,
                epsilon: 1e-8,
                start,
            },
            OptimizerKind::Adam => Optimizer::Adam {
                lr,
                beta1: weight,
                beta2: 0.999,
                epsilon: 1e-8,
            },
            OptimizerKind::Adamw => Optimizer::AdamW {
                lr,
                beta1: weight,
                beta2: 0.999,
                epsilon: 1e-8,
                weight_decay: memory.weight_decay.unwrap_or(WEIGHT_DECAY) as f32,
            },
        }
    }
}

/// The weight decay of AdamW where none is given (Loshchilov and Hutter 2019).
const WEIGHT_DECAY: f64 = 0.01;

impl OptimizerMemory {
    /// What this optimizer remembers.
    #[must_use]
    pub fn of(self, kind: OptimizerKind) -> f64 {
        match kind {
            OptimizerKind::Sgd => self.momentum.unwrap_or(0.8),
            OptimizerKind::Rmsprop => self.decay.unwrap_or(0.8),
            OptimizerKind::Adam | OptimizerKind::Adamw => self.beta1.unwrap_or(0.9),
        }
    }

    /// The numbers of this optimizer alone, their defaults where none were given.
    ///
    /// # Errors
    /// If one is out of its range, or another optimizer's number was set. `prefix` is put before the
    /// settings' names.
    pub fn settled(self, kind: OptimizerKind, prefix: &str) -> Result<OptimizerMemory> {
        let default = OptimizerMemory::default();

        let all = [
            (OptimizerKind::Sgd, "momentum", self.momentum),
            (OptimizerKind::Rmsprop, "decay", self.decay),
            (OptimizerKind::Adam, "beta1", self.beta1),
        ];

        for (owner, name, value) in all {
            let Some(value) = value else { continue };

            ensure!(
                (0.0..1.0).contains(&value),
                "`{prefix}{name}` {value}: must be in [0, 1), e.g. {}",
                default.of(owner)
            );

            // A file that was stored holds the default of its own optimizer; another one may be
            // chosen above it.
            let is_its_own =
                owner == kind || (owner, kind) == (OptimizerKind::Adam, OptimizerKind::Adamw);

            ensure!(
                is_its_own || value == default.of(owner),
                "`{prefix}{name}` {value}: is of {}, but `{prefix}optimizer` is {}",
                owner.name(),
                kind.name()
            );
        }

        if let Some(value) = self.weight_decay {
            ensure!(
                value.is_finite() && value >= 0.0,
                "`{prefix}weight_decay` {value}: must be 0 or more, e.g. {WEIGHT_DECAY}"
            );

            ensure!(
                kind == OptimizerKind::Adamw || value == WEIGHT_DECAY,
                "`{prefix}weight_decay` {value}: is of adamw, but `{prefix}optimizer` is {}",
                kind.name()
            );
        }

        let own = Some(self.of(kind));

        Ok(match kind {
            OptimizerKind::Sgd => OptimizerMemory {
                momentum: own,
                ..default
            },
            OptimizerKind::Rmsprop => OptimizerMemory {
                decay: own,
                ..default
            },
            OptimizerKind::Adam => OptimizerMemory {
                beta1: own,
                ..default
            },
            OptimizerKind::Adamw => OptimizerMemory {
                beta1: own,
                weight_decay: Some(self.weight_decay.unwrap_or(WEIGHT_DECAY)),
                ..default
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_optimizer_has_the_default_of_its_own_number() {
        let settled = |kind| OptimizerMemory::default().settled(kind, "").unwrap();

        assert_eq!(settled(OptimizerKind::Sgd).momentum, Some(0.8));
        assert_eq!(settled(OptimizerKind::Rmsprop).decay, Some(0.8));
        assert_eq!(settled(OptimizerKind::Adam).beta1, Some(0.9));
        assert_eq!(settled(OptimizerKind::Adam).momentum, None);
        assert_eq!(settled(OptimizerKind::Adam).weight_decay, None);

        let adamw = settled(OptimizerKind::Adamw);
        assert_eq!((adamw.beta1, adamw.weight_decay), (Some(0.9), Some(0.01)));
    }

    #[test]
    fn another_optimizers_number_is_an_error_unless_it_is_the_default() {
        let with = |momentum| OptimizerMemory {
            momentum: Some(momentum),
            ..OptimizerMemory::default()
        };

        let error = with(0.5)
            .settled(OptimizerKind::Adam, "inner_")
            .unwrap_err();

        assert_eq!(
            error.to_string(),
            "`inner_momentum` 0.5: is of sgd, but `inner_optimizer` is adam"
        );
        assert!(with(0.8).settled(OptimizerKind::Adam, "").is_ok());
        assert!(with(1.0).settled(OptimizerKind::Sgd, "").is_err());

        let decaying = |weight_decay| OptimizerMemory {
            weight_decay: Some(weight_decay),
            ..OptimizerMemory::default()
        };

        assert!(decaying(0.1).settled(OptimizerKind::Adamw, "").is_ok());
        assert!(decaying(-0.1).settled(OptimizerKind::Adamw, "").is_err());
        let error = decaying(0.1).settled(OptimizerKind::Sgd, "").unwrap_err();
        assert!(error.to_string().contains("is of adamw"), "{error}");
    }
}
