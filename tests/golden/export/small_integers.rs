//! a test
//! nothing was measured * / here

use ldnn_core::deploy::{Outputs, RunError, Scaling, work_len};
use ldnn_core::quantised::{Parts, Quantised, QuantisedError, Scratch};
use ldnn_core::table::integer::Scale;
use ldnn_core::{Base, Activation, Shape};

/// The sizes; the activations in it are placeholders.
pub const SHAPE: Shape = Shape::new(&[2, 3, 2], &[Activation::Base(Base::Zero); 2]);

/// Mean and factor of every raw input, for `ldnn_core::deploy::standardise`.
pub static STANDARD: [[f32; 2]; 2] = [
    [0.5, 2.0], [-1.0, 0.25],
];

/// Readings of inputs whose offset is not 0 are too large for their spread: an `f32` does not tell them
/// apart. Subtract the offset in integers or in `f64`: `raw[i] = (reading - OFFSETS[i]) as f32`.
pub static OFFSETS: [f64; 2] = [
    1700000000.0, 0.0,
];

/// Standard deviation and mean of every value.
pub static UNITS: [[f32; 2]; 2] = [
    [2.0, 5.0], [0.5, -1.0],
];

/// Add these to the values in integers or in `f64`: `f64::from(out[i]) + OUTPUT_OFFSETS[i]`.
pub static OUTPUT_OFFSETS: [f64; 2] = [
    0.0, 1000000000.0,
];

pub static WEIGHTS: [i8; 12] = [
    -60, -49, -38, -27, -16, -5, 6, 17, 28, 39, 50, 61,
];

pub static BIASES: [i32; 5] = [
    100, -200, 3000, 4, -5,
];

pub static FACTORS: [i32; 5] = [
    268435456, 536870912, 1073741824, 77, 134217728,
];

/// One a type.
pub static TABLES: [[i8; 256]; 2] = [
    [
    -128, -127, -126, -125, -124, -123, -122, -121, -120, -119, -118, -117, -116, -115, -114, -113, -112,
    -111, -110, -109, -108, -107, -106, -105, -104, -103, -102, -101, -100, -99, -98, -97, -96, -95, -94, -93,
    -92, -91, -90, -89, -88, -87, -86, -85, -84, -83, -82, -81, -80, -79, -78, -77, -76, -75, -74, -73, -72,
    -71, -70, -69, -68, -67, -66, -65, -64, -63, -62, -61, -60, -59, -58, -57, -56, -55, -54, -53, -52, -51,
    -50, -49, -48, -47, -46, -45, -44, -43, -42, -41, -40, -39, -38, -37, -36, -35, -34, -33, -32, -31, -30,
    -29, -28, -27, -26, -25, -24, -23, -22, -21, -20, -19, -18, -17, -16, -15, -14, -13, -12, -11, -10, -9,
    -8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46,
    47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72,
    73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98,
    99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119,
    120, 121, 122, 123, 124, 125, 126, 127,
    ],
    [
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
    ],
];

/// The network.
///
/// # Errors
/// None: what is above fits together.
pub fn network() -> Result<Quantised<'static>, QuantisedError> {
    let parts = Parts {
        weights: &WEIGHTS,
        biases: &BIASES,
        factors: &FACTORS,
        shifts: [36, 30, 0, 0, 0, 0, 0, 0, 0],
        tables: &TABLES,
        input: Scale { step: 0.05, zero: 3 },
        output: Scale { step: 0.01, zero: 0 },
    };
    Quantised::new(SHAPE, parts)
}

/// What inputs and outputs mean.
pub static SCALING: Scaling<'static> =
    Scaling { inputs: &STANDARD, outputs: Outputs::Values(&UNITS) };

/// From raw inputs, as they stand in the table, to the answer.
///
/// 0, and the values in `out`, in the units of the table that was learned from.
///
/// # Errors
/// If an input is NaN, infinite, or so large that nothing finite comes out; then `out` has not changed.
pub fn run(raw: &[f32; 2], out: &mut [f32; 2]) -> Result<usize, RunError> {
    let (mut q, mut y) = ([0; SHAPE.inputs()], [0; SHAPE.outputs()]);
    let mut work = [0; work_len(&SHAPE)];
    let scratch = Scratch { q: &mut q, work: &mut work, y: &mut y };
    network()?.run(&SCALING, raw, out, scratch)
}
