//! a test
//! nothing was measured * / here

use ldnn_core::deploy::AnyActivation;
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry};
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
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

/// i8, 256 entries on [-3.72, 3.9299998]
pub static TABLE6: [i8; 256] = [
    127, 126, 125, 124, 123, 122, 121, 120, 119, 118, 117, 116, 115, 114, 113, 112, 111, 110, 109, 108, 107,
    106, 105, 104, 103, 102, 101, 100, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 89, 88, 87, 86, 85, 84, 83, 82,
    81, 80, 79, 78, 77, 76, 75, 74, 73, 72, 71, 70, 69, 68, 67, 66, 65, 64, 63, 62, 61, 60, 59, 58, 57, 56,
    55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30,
    29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
    0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16, -17, -18, -19, -20, -21, -22,
    -23, -24, -25, -26, -27, -28, -29, -30, -31, -32, -33, -34, -35, -36, -37, -38, -39, -40, -41, -42, -43,
    -44, -45, -46, -47, -48, -49, -50, -51, -52, -53, -54, -55, -56, -57, -58, -59, -60, -61, -62, -63, -64,
    -65, -66, -67, -68, -69, -70, -71, -72, -73, -74, -75, -76, -77, -78, -79, -80, -81, -82, -83, -84, -85,
    -86, -87, -88, -89, -90, -91, -92, -93, -94, -95, -96, -97, -98, -99, -100, -101, -102, -103, -104, -105,
    -106, -107, -108, -109, -110, -111, -112, -113, -114, -115, -116, -117, -118, -119, -120, -121, -122,
    -123, -124, -125, -126, -127, -128,
];

/// The activations, one a type; made when this is compiled.
pub static ACTIVATIONS: [AnyActivation<'static>; 6] = [
    AnyActivation::Compact(match Compact::new(
        Form::Hermite,
        Knots { low: -1.0, high: 2.0, count: 3 },
        Symmetry::None,
        Base::Relu,
        &TABLE1,
    ) {
        Ok(table) => table,
        Err(_) => panic!("no such table"),
    }),
    AnyActivation::Compact(match Compact::new(
        Form::Linear,
        Knots { low: 0.0, high: 2.0, count: 5 },
        Symmetry::Odd,
        Base::Zero,
        &TABLE2,
    ) {
        Ok(table) => table,
        Err(_) => panic!("no such table"),
    }),
    AnyActivation::Compact(match Compact::new(
        Form::Pairs,
        Knots { low: 0.0, high: 1.5, count: 3 },
        Symmetry::Even,
        Base::Zero,
        &TABLE3,
    ) {
        Ok(table) => table,
        Err(_) => panic!("no such table"),
    }),
    AnyActivation::Integer(match Table16::new(&TABLE4) {
        Ok(table) => match Scaled16::new(table, Scale { step: 0.001, zero: 5 }, Scale { step: 0.002, zero: -7 }) {
            Ok(table) => table,
            Err(_) => panic!("no such scales"),
        },
        Err(_) => panic!("no such table"),
    }),
    AnyActivation::Base(Base::Relu),
    AnyActivation::Direct(match Scaled8::new(Table8(&TABLE6), Scale { step: 0.03, zero: -4 }, Scale { step: 0.01, zero: 7 }) {
        Ok(table) => table,
        Err(_) => panic!("no such scales"),
    }),
];
