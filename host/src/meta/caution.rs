//! What a run has learned about the steps that it may take, and how it takes one back.

use serde::{Deserialize, Serialize};

/// What a step that explodes is multiplied with.
const SMALLER: f64 = 0.5;
/// How often one outer step is halved before it is given up.
const MOST_HALVINGS: usize = 3;

/// What a run has learned about the steps that it may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caution {
    /// A factor of the learning rate of the inner training.
    pub inner_scale: f64,
    /// A factor of the learning rate of the activations.
    pub outer_scale: f64,
    /// How often the last outer step was halved.
    pub halvings: usize,
    /// The activation parameters before the last outer step; empty before the first.
    pub before: Vec<f32>,
}

impl Default for Caution {
    fn default() -> Self {
        Caution {
            inner_scale: 1.0,
            outer_scale: 1.0,
            halvings: 0,
            before: vec![],
        }
    }
}

impl Caution {
    pub fn is_none(&self) -> bool {
        *self == Caution::default()
    }

    /// Makes the next attempt more careful: first the outer step that led here is halved, then the
    /// learning rate of the inner training. `state`: of the activations' optimizer.
    pub fn step_back(&mut self, phi: &mut Vec<f32>, state: &mut [f32]) {
        let moved = self.before.len() == phi.len() && self.before != *phi;
        if !moved {
            self.inner_scale *= SMALLER;
            return;
        }

        self.halvings += 1;
        self.outer_scale *= SMALLER;

        if self.halvings > MOST_HALVINGS {
            self.halvings = 0;
            phi.clone_from(&self.before);
            state.fill(0.0);
        } else {
            let halfway = |(p, &b): (&mut f32, &f32)| *p = b + SMALLER as f32 * (*p - b);
            phi.iter_mut().zip(&self.before).for_each(halfway);
            state.iter_mut().for_each(|v| *v *= SMALLER as f32);
        }
    }

    /// After a step to numbers that are not finite, which was not taken: the next one is smaller,
    /// and begins without momentum.
    pub fn refuse_step(&mut self, state: &mut [f32]) {
        state.fill(0.0);
        self.outer_scale *= SMALLER;
    }
}

/// Activations cannot be learned: the inner training explodes however small its steps are.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "outer step {step}: the inner training explodes even at an inner learning rate of {inner_lr:.1e} (the \
     activations up to here are kept)"
)]
pub struct Unlearnable {
    /// The outer step, from 1.
    pub step: usize,
    /// The smallest learning rate of the weights that was tried.
    pub inner_lr: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_halved_three_times_then_taken_back_and_then_the_inner_learning_rate_falls() {
        let mut caution = Caution {
            before: vec![1.0],
            ..Caution::default()
        };
        let (mut phi, mut velocity) = (vec![9.0], [8.0]);

        for expected in [(5.0, 4.0), (3.0, 2.0), (2.0, 1.0), (1.0, 0.0)] {
            caution.step_back(&mut phi, &mut velocity);
            assert_eq!((phi[0], velocity[0]), expected);
        }

        assert_eq!((caution.inner_scale, caution.outer_scale), (1.0, 0.0625));

        caution.step_back(&mut phi, &mut velocity);
        assert_eq!((phi[0], caution.inner_scale), (1.0, 0.5));
    }
}
