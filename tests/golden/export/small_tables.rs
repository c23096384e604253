//! a test
//! nothing was measured * / here

use ldnn_core::deploy::Activation;
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry};
use ldnn_core::table::integer::{Scale, Scaled16, Table16};
use ldnn_core::Base;

/// hermite, 3 knots on [-1, 2], plus relu
pub static TABLE1: [f32; 6] = [
    -0.3, -0.17500001, -0.050000012, 0.07499999, 0.19999999, 0.325,
];

/// linear, 5 knots on [0, 2], odd: the right half
pub static TABLE2: [f32; 5] = [
    -0.3, -0.17500001, -0.050000012, 0.07499999, 0.19999999,
];

/// pairs, 3 knots on [0, 1.5], even: the right half
pub static TABLE3: [f32; 4] = [
    -0.3, -0.17500001, -0.050000012, 0.07499999,
];

/// i16, 5 entries on [-32.773003, 32.762]
pub static TABLE4: [i16; 5] = [
    -32768, 0, 5, 32767, 9,
];

/// The activations, one a type; made when this is compiled.
pub static ACTIVATIONS: [Activation<'static>; 5] = [
    Activation::Compact(match Compact::new(
        Form::Hermite,
        Knots { low: -1.0, high: 2.0, count: 3 },
        Symmetry::None,
        Base::Relu,
        &TABLE1,
    ) {
        Ok(table) => table,
        Err(_) => panic!("no such table"),
    }),
    Activation::Compact(match Compact::new(
        Form::Linear,
        Knots { low: 0.0, high: 2.0, count: 5 },
        Symmetry::Odd,
        Base::Zero,
        &TABLE2,
    ) {
        Ok(table) => table,
        Err(_) => panic!("no such table"),
    }),
    Activation::Compact(match Compact::new(
        Form::Pairs,
        Knots { low: 0.0, high: 1.5, count: 3 },
        Symmetry::Even,
        Base::Zero,
        &TABLE3,
    ) {
        Ok(table) => table,
        Err(_) => panic!("no such table"),
    }),
    Activation::Integer(match Table16::new(&TABLE4) {
        Ok(table) => match Scaled16::new(table, Scale { step: 0.001, zero: 5 }, Scale { step: 0.002, zero: -7 }) {
            Ok(table) => table,
            Err(_) => panic!("no such scales"),
        },
        Err(_) => panic!("no such table"),
    }),
    Activation::Base(Base::Relu),
];
