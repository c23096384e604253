//! How far a step of learning in place may go.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::error::Error;
use crate::math::Real;

/// The sizes of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Learning rate of weights and biases; finite.
    pub theta: f32,
    /// Learning rate of the values at the knots; finite.
    pub knots: f32,
    /// The largest norm that the gradient of a layer (its weights and biases), or of a table in one
    /// hidden layer, may have in a step; a longer one is scaled down to it. So a layer moves by
    /// `theta clip` in a step at most, whatever the sample. [`CLIP`] is usual.
    pub clip: f32,
}

/// A [`Rates::clip`] that ordinary learning stays below: the largest gradient that the example
/// firmware meets, in 40 inputs that have drifted, is between 40 and 100 long. Much larger inputs
/// or targets than +-1 need a larger one, or scaling. A small network whose inputs are near +-1 learns
/// with a clip of 1, with which one wrong sample spoils little (`tests/tests/online.rs`).
pub const CLIP: f32 = 100.0;

/// The largest clip: its square is finite.
const MAX_CLIP: f32 = 1e15;

/// More than the squares of a layer can lose by underflow. A norm is clipped in single precision only
/// where it is certain to be within the clip; where it is not, double precision decides, with the
/// same bits for what needs no clipping.
pub(crate) const UNDERFLOW: f32 = 1e-34;

/// The largest product of a learning rate and the clip: less than half the distance of the two
/// largest numbers, so what is subtracted from a finite number leaves it finite.
const MAX_STEP: f32 = 1e30;

impl Rates {
    /// Whether they bound a step. Each comparison is false for NaN.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let clip = self.clip > 0.0 && self.clip <= MAX_CLIP;
        let bounded = |rate: f32| rate.abs() <= f32::MAX && rate.abs() * self.clip <= MAX_STEP;
        if clip && bounded(self.theta) && bounded(self.knots) {
            Ok(())
        } else {
            Err(Error::Rates)
        }
    }
}

/// What a gradient of this squared norm is multiplied by.
pub(crate) fn clipped(rate: f32, clip: f32, square: f64) -> f64 {
    let (norm, clip) = (Real::sqrt(square), f64::from(clip));
    let shrink = if norm > clip { clip / norm } else { 1.0 };
    f64::from(rate) * shrink
}
