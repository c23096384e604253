//! What the gradient of an outer step is made from, and what making it brings besides it.

use crate::data::task::{Examples, Task};
use crate::model::LossAndAccuracy;

/// What the gradient of an outer step is made from.
#[derive(Clone, Copy)]
pub struct OuterStep<'a> {
    pub task: &'a Task,
    pub train: &'a Examples,
    pub held_out: &'a Examples,
    /// The activation parameters.
    pub phi: &'a [f32],
    /// Outer steps before this one.
    pub number: usize,
}

/// What one evaluation of the gradient brings besides it.
pub struct GradientOutcome {
    pub loss: f64,
    pub train_loss: f64,
    pub test: LossAndAccuracy,
}

impl GradientOutcome {
    /// Of several trainings, which count alike.
    pub fn mean(all: &[GradientOutcome]) -> GradientOutcome {
        let mean =
            |f: fn(&GradientOutcome) -> f64| all.iter().map(f).sum::<f64>() / all.len() as f64;
        let classifies = all.iter().all(|o| o.test.accuracy.is_some());

        GradientOutcome {
            loss: mean(|o| o.loss),
            train_loss: mean(|o| o.train_loss),
            test: LossAndAccuracy {
                loss: mean(|o| o.test.loss),
                accuracy: classifies.then(|| mean(|o| o.test.accuracy.unwrap_or_default())),
            },
        }
    }
}
