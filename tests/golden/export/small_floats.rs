//! a test
//! nothing was measured * / here

use ldnn_core::deploy::{Outputs, Pipeline, RunError, Scaling, run_len};
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry};
use ldnn_core::{Base, Activation, Shape};

/// The sizes; the activations in it are placeholders.
pub const SHAPE: Shape = Shape::new(&[2, 3, 2], &[Activation::Base(Base::Zero); 2]);

/// The names of the inputs.
pub static FEATURES: [&str; 2] = [
    "time */ of day", "fast",
];

/// The names of the classes.
pub static CLASSES: [&str; 2] = [
    "walk", "déjà \"vu\"?",
];

/// pairs, 3 knots on [-1, 1]
pub static TABLE1: [f32; 4] = [
    -0.3, -0.17500001, -0.050000012, 0.07499999,
];

/// pairs, 4 knots on [-2, 1]
pub static TABLE2: [f32; 6] = [
    -0.3, -0.17500001, -0.050000012, 0.07499999, 0.19999999, 0.325,
];

/// The activations, one a type; made when this is compiled.
pub static ACTIVATIONS: [Compact<'static>; 2] = [
    match Compact::new(
        Form::Pairs,
        Knots { low: -1.0, high: 1.0, count: 3 },
        Symmetry::None,
        Base::Zero,
        &TABLE1,
    ) {
        Ok(table) => table,
        Err(_) => panic!("no such table"),
    },
    match Compact::new(
        Form::Pairs,
        Knots { low: -2.0, high: 1.0, count: 4 },
        Symmetry::None,
        Base::Zero,
        &TABLE2,
    ) {
        Ok(table) => table,
        Err(_) => panic!("no such table"),
    },
];

/// Of each layer outputs x inputs, then the biases.
pub static THETA: [f32; 17] = [
    -2.0, -1.75, -1.5, -1.25, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0,
];

/// What inputs and outputs mean.
pub static SCALING: Scaling<'static> =
    Scaling { inputs: &[], outputs: Outputs::Classes };

/// The network with everything between raw inputs and answers.
pub static PIPELINE: Pipeline<'static, Compact<'static>> =
    Pipeline { shape: &SHAPE, theta: &THETA, activations: &ACTIVATIONS, scaling: SCALING };

/// From raw inputs, as they stand in the table, to the answer.
///
/// The number of the class, and the probability of each class in `out`.
///
/// # Errors
/// If an input is NaN, infinite, or so large that nothing finite comes out; then `out` has not changed.
pub fn run(raw: &[f32; 2], out: &mut [f32; 2]) -> Result<usize, RunError> {
    PIPELINE.run(raw, out, &mut [0.0; run_len(&SHAPE)])
}
