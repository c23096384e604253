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
}

/// What an optimizer remembers of earlier gradients: each kind has one of the three numbers, in [0,
/// 1).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OptimizerMemory {
    /// Of SGD; 0.8 by default.
    pub momentum: Option<f64>,
    /// Of RMSprop: the decay of its mean square; 0.8 by default, as in the code of the paper's
    /// authors.
    pub decay: Option<f64>,
    /// Of Adam: the decay of its mean gradient; 0.9 by default.
    pub beta1: Option<f64>,
}

impl OptimizerKind {
    fn name(self) -> &'static str {
        match self {
            OptimizerKind::Sgd => "sgd",
            OptimizerKind::Rmsprop => "rmsprop",
            OptimizerKind::Adam => "adam",
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
        }
    }
}

impl OptimizerMemory {
    /// The number that this optimizer has.
    #[must_use]
    pub fn of(self, kind: OptimizerKind) -> f64 {
        match kind {
            OptimizerKind::Sgd => self.momentum.unwrap_or(0.8),
            OptimizerKind::Rmsprop => self.decay.unwrap_or(0.8),
            OptimizerKind::Adam => self.beta1.unwrap_or(0.9),
        }
    }

    /// The number of this optimizer alone, its default where none was given.
    ///
    /// # Errors
    /// If it is not in [0, 1), or another optimizer's number was set. `prefix` is put before the
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
            ensure!(
                owner == kind || value == default.of(owner),
                "`{prefix}{name}` {value}: is of {}, but `{prefix}optimizer` is {}",
                owner.name(),
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
    }
}
