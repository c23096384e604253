//! Data that has drifted since the network was trained: the sensor leans, has an offset, is turned
//! down, and is noisier.

use crate::model::floats_golden::{LABELS, X};
use ldnn_core::rng::{Draws, Stream};

/// Rows to learn from; the rest are to judge by.
pub const LEARN: usize = 240;
/// All rows.
pub const ROWS: usize = X.len();

/// Signals are multiplied by this.
const GAIN: f32 = 0.6;
/// This is added.
const OFFSET: f32 = 0.8;
/// By how much a signal leans: this at its end, the negative at its beginning.
const SHEAR: f32 = 0.6;
/// Noise is uniform in +- this, another one each time that a row comes by.
const NOISE: f32 = 0.1;

/// Row `i` after the drift as it comes by the `pass`-th time, and its class; beyond the last row
/// the first again.
pub fn row(i: usize, pass: usize, x: &mut [f32; 40]) -> u16 {
    let i = i % ROWS;
    let draws = Draws::new(7, Stream::User, i as u32, pass as u64);
    let original = X.get(i).unwrap_or(&[0.0; 40]);

    for (j, (x, &s)) in x.iter_mut().zip(original).enumerate() {
        let lean = SHEAR * (j as f32 / 19.5 - 1.0);
        *x = GAIN * s + OFFSET + lean + NOISE * draws.symmetric::<f32>(j as u32);
    }

    LABELS.get(i).copied().unwrap_or_default()
}
