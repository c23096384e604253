//! Learning where the network is deployed: a sample at a time, in place, without a gradient buffer
//! or a training set.
//!
//! One [`step`](OnlineTrainer::step) is stochastic gradient descent with a batch of 1. Weights move
//! as soon as their gradient is known; the activations are frozen, or the values of their tables
//! move too, which costs hardly more (see
//! [`Tunable`](crate::table::compact::Tunable)). Host and device give the same bits.
//!
//! A sample that is not finite, or whose loss would not be, is refused before anything moves. What
//! any other moves is bounded by [`Rates::clip`], and finite parameters stay finite. How much a wrong
//! but finite sample can spoil is decided by the clip: 1 is much for inputs near +-1.
//!
//! ```
//! use ldnn_core::online::{Answer, CLIP, OnlineTrainer, Rates, Type};
//! use ldnn_core::table::compact::{Knots, Tunable};
//! use ldnn_core::{Base, Error, Activation, Shape};
//!
//! const SHAPE: Shape = Shape::new(&[1, 2, 1], &[Activation::Base(Base::Zero)]);
//! let mut theta = [1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
//! // The activation is a table whose values learn too; it starts as |z|.
//! let mut entries = [1.0, 0.0, 1.0];
//! let knots = Knots { low: -1.0, high: 1.0, count: 3 };
//! let mut types = [Type::Tunable(Tunable::new(knots, &mut entries).unwrap())];
//! let mut trainer = OnlineTrainer {
//!     shape: &SHAPE,
//!     theta: &mut theta,
//!     types: &mut types,
//!     rates: Rates { theta: 0.05, knots: 0.05, clip: CLIP },
//!     work: &mut [0.0; SHAPE.online_len()],
//! };
//! let mut losses = [0.0; 20];
//! for loss in &mut losses {
//!     *loss = trainer.step(&[0.5], Answer::Values(&[0.25]))?;
//! }
//! assert!(losses[19] < 0.01 * losses[0]);
//!
//! // A reading that failed is refused, and the model is as it was.
//! let before = trainer.theta.to_vec();
//! let refused = trainer.step(&[f32::NAN], Answer::Values(&[0.25]));
//! assert_eq!(refused, Err(Error::NotFinite { buffer: "x", index: 0 }));
//! assert_eq!(trainer.theta, before);
//! # Ok::<(), Error>(())
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

mod backward;
mod forward;
mod loss;

use crate::error::{Error, check, check_at_least};
use crate::kernel::planes::part_mut;
use crate::shape::Shape;
use backward::backward;
use forward::{Forward, forward, kept_at, squares_of_inputs};
use loss::{adjoint_of_loss, check_answer};

pub use crate::device::rates::{CLIP, Rates};
pub use forward::Type;
pub use loss::Answer;

/// How much scratch memory learning in place needs.
impl Shape {
    /// Length of the `work` of an [`OnlineTrainer`]: pre-activations and activations of every
    /// hidden layer, the outputs, and the adjoints of two neighbouring layers.
    #[must_use]
    pub const fn online_len(&self) -> usize {
        let (mut all, mut l) = (0, 0);
        while l < self.hidden_layers() {
            all += self.width(l + 1);
            l += 1;
        }

        2 * all + out_len(self) + widest(self)
    }
}

/// [`Shape::online_len`].
#[must_use]
pub const fn work_len(shape: &Shape) -> usize {
    shape.online_len()
}

/// The width of the widest hidden layer.
const fn widest(shape: &Shape) -> usize {
    let (mut widest, mut l) = (0, 0);
    while l < shape.hidden_layers() {
        if shape.width(l + 1) > widest {
            widest = shape.width(l + 1);
        }
        l += 1;
    }

    widest
}

/// Room for the outputs, which every second hidden layer uses for its adjoints.
const fn out_len(shape: &Shape) -> usize {
    if shape.hidden_layers() > 1 && widest(shape) > shape.outputs() {
        widest(shape)
    } else {
        shape.outputs()
    }
}

/// A deployed network that learns, with all the memory that a step needs. A view: nothing is
/// copied, and making one is free.
#[derive(Debug)]
pub struct OnlineTrainer<'a, 't> {
    /// Its sizes.
    pub shape: &'a Shape,
    /// Weights and biases, `shape.theta_len()`.
    pub theta: &'a mut [f32],
    /// One per type of the shape.
    pub types: &'a mut [Type<'t>],
    /// How far a step goes.
    pub rates: Rates,
    /// Scratch, [`Shape::online_len`].
    pub work: &'a mut [f32],
}

impl OnlineTrainer<'_, '_> {
    /// One step of learning from one sample; returns its loss before the step.
    ///
    /// All that is checked is checked before anything moves. Behind that a step cannot fail: a
    /// derivative that overflows counts as the largest number (as 0 if it has no sign), and
    /// gradients are clipped (see [`Rates::clip`]). Parameters that are finite stay finite.
    ///
    /// # Errors
    /// If a length differs, the class does not exist, the rates do not bound the step
    /// ([`Error::Rates`]), an input or target is not finite ([`Error::NotFinite`]), or what the
    /// network makes of them is not ([`Error::Diverges`]). Then no bit of `theta` and of the tables
    /// has changed.
    pub fn step(&mut self, x: &[f32], answer: Answer<'_>) -> Result<f32, Error> {
        let OnlineTrainer {
            shape,
            theta,
            types,
            rates,
            work,
        } = self;
        step(shape, [theta, work], types, Sample { x, answer }, *rates)
    }
}

fn step(
    shape: &Shape,
    [theta, work]: [&mut [f32]; 2],
    types: &mut [Type<'_>],
    sample: Sample<'_>,
    rates: Rates,
) -> Result<f32, Error> {
    let Sample { x, answer } = sample;
    check("theta", shape.theta_len(), theta.len())?;
    check("types", shape.types(), types.len())?;
    check("x", shape.inputs(), x.len())?;
    check_at_least("work", shape.online_len(), work.len())?;
    check_answer(shape, answer)?;
    rates.check()?;

    let (kept, rest) = work
        .split_at_mut_checked(kept_at(shape, shape.hidden_layers()))
        .unwrap_or_default();
    let (outputs, adjoints) = rest
        .split_at_mut_checked(out_len(shape))
        .unwrap_or_default();
    let out = part_mut(outputs, 0, shape.outputs());

    forward(shape, theta, types, x, kept, out)?;

    let squares = squares_of_inputs(shape, x, kept)?;
    let loss = adjoint_of_loss(out, answer);
    if !loss.is_finite() {
        return Err(Error::Diverges("the loss"));
    }

    let way = Forward { x, kept, squares };
    backward(shape, theta, types, rates, way, [outputs, adjoints]);
    Ok(loss)
}

/// What is learned from.
struct Sample<'a> {
    x: &'a [f32],
    answer: Answer<'a>,
}
