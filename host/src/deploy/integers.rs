//! A network of real numbers as one of integers: weights of 8 bits with a step for every output
//! channel.

use super::deployed::IntegerFile;
use crate::data::task::Examples;
use crate::model::calibrated::CalibratedNetwork;
use anyhow::{Context, Result};
use ldnn_core::quantised::MAX_LAYERS;
use ldnn_core::table::integer::Scale;

/// Biases are below 2^30, so that a sum fits into 32 bits.
const MOST_BIAS: i64 = (1 << 30) - 1;

/// How far outputs may go beyond those of the training rows before they saturate.
const OUTPUT_ROOM: f32 = 1.5;

/// The network of `calibrated` in integers; `ranges` are those of the pre-activations, type by type.
///
/// # Errors
/// If a range is empty.
pub fn quantise(calibrated: &CalibratedNetwork, ranges: &[(f32, f32)]) -> Result<IntegerFile> {
    let shape = &calibrated.shape;
    let (least, most) = calibrated.inputs;
    let input = Scale::spanning(least, most, 8).context("all inputs of the training rows are 0")?;

    // Pre-activations are symmetric: no zero point.
    let steps: Vec<f32> = ranges
        .iter()
        .map(|r| r.0.abs().max(r.1.abs()) / 127.0)
        .collect();
    let output = Scale {
        step: (calibrated.ranges.largest_output * OUTPUT_ROOM).max(f32::MIN_POSITIVE) / 32767.0,
        zero: 0,
    };

    let mut file = IntegerFile {
        input: (input.step, input.zero),
        output: (output.step, output.zero),
        table_inputs: steps.clone(),
        ..IntegerFile::default()
    };

    let tables = calibrated.functions.iter().zip(&steps).map(|(f, &step)| {
        f.values(
            &(-128..128)
                .map(|q| f64::from(q as f32 * step))
                .collect::<Vec<_>>(),
        )
    });

    let tables = tables.collect::<Result<Vec<_>>>()?;
    file.tables = vec![vec![]; tables.len()];

    let (mut from, mut shifts) = (input, [0u8; MAX_LAYERS]);
    for (l, shift) in shifts.iter_mut().enumerate().take(shape.layers()) {
        let (inputs, outputs) = (shape.width(l), shape.width(l + 1));
        let mut to = vec![output.step; outputs];
        let mut after = output;

        if l < shape.hidden_layers() {
            let (first, count) = shape.layer_types(l);
            let values = || tables[first..first + count].iter().flatten();
            let (least, most) = values().fold((0.0f64, 0.0f64), |(a, b), &y| (a.min(y), b.max(y)));
            after = Scale::spanning(least as f32, most as f32, 8)
                .unwrap_or(Scale { step: 1.0, zero: 0 });

            for i in 0..count {
                let (start, end) = shape.block(l, i);
                to[start..end].fill(steps[first + i]);
                let integers = tables[first + i]
                    .iter()
                    .map(|&y| after.integer(y as f32, -128, 127) as i8);
                file.tables[first + i] = integers.collect();
            }

            file.table_outputs.push((after.step, after.zero));
        }

        let weights = &calibrated.theta[shape.weights_at(l)..][..inputs * outputs];
        let biases = &calibrated.theta[shape.biases_at(l)..][..outputs];
        *shift = affine(&mut file, weights, biases, from, &to);
        from = after;
    }

    file.shifts = shifts[..shape.layers()].to_vec();
    Ok(file)
}

/// Appends an affine layer; returns its shift.
fn affine(file: &mut IntegerFile, weights: &[f32], biases: &[f32], from: Scale, to: &[f32]) -> u8 {
    let inputs = weights.len() / biases.len();
    let mut factors = Vec::new();

    for ((row, &b), &to) in weights.chunks_exact(inputs).zip(biases).zip(to) {
        let (from_step, b) = (f64::from(from.step), f64::from(b));
        let largest = row.iter().fold(0.0f64, |a, &w| a.max(f64::from(w).abs()));

        // A bias must fit, too; with all weights 0 it alone decides.
        let room = f64::from(1u32 << 29);
        let step = (largest / 127.0).max(b.abs() / from_step / room).max(1e-30);
        let integers: Vec<i8> = row
            .iter()
            .map(|&w| (f64::from(w) / step).round() as i8)
            .collect();
        let sum: i64 = integers.iter().map(|&w| i64::from(w)).sum();
        let bias = (b / (from_step * step)).round() as i64 - i64::from(from.zero) * sum;

        file.biases.push(bias.clamp(-MOST_BIAS, MOST_BIAS) as i32);
        file.weights.extend(integers);
        factors.push(from_step * step / f64::from(to));
    }

    let largest = factors.iter().fold(f64::MIN_POSITIVE, |a, &f| a.max(f));
    let shift = (30 - largest.log2().floor() as i32).clamp(1, 62);
    let scaled = |f: f64| (f * 2f64.powi(shift)).round().min(f64::from(i32::MAX)) as i32;
    file.factors.extend(factors.into_iter().map(scaled));

    shift as u8
}

/// The largest error and the root of the mean squared error of the tables, over every input that
/// they have.
///
/// # Errors
/// None that checked functions have.
pub fn table_errors(file: &IntegerFile, calibrated: &CalibratedNetwork) -> Result<(f64, f64)> {
    let (mut largest, mut squares, mut count) = (0.0f64, 0.0, 0);

    for (l, &(step, zero)) in file.table_outputs.iter().enumerate() {
        let (first, types) = calibrated.shape.layer_types(l);
        for t in first..first + types {
            let z: Vec<f64> = (-128..128)
                .map(|q| f64::from(q as f32 * file.table_inputs[t]))
                .collect();
            for (exact, &q) in calibrated.functions[t]
                .values(&z)?
                .iter()
                .zip(&file.tables[t])
            {
                let error = (f64::from(Scale { step, zero }.real(q.into())) - exact).abs();
                largest = largest.max(error);
                squares += error * error;
                count += 1;
            }
        }
    }

    Ok((largest, (squares / f64::from(count.max(1))).sqrt()))
}

/// The outputs of the network of integers on all rows: integers, and what they stand for.
///
/// # Errors
/// If its parts do not fit each other.
pub fn outputs(
    file: &IntegerFile,
    calibrated: &CalibratedNetwork,
    set: &Examples,
) -> Result<(Vec<i16>, Vec<f32>)> {
    let parts = file.owned()?;
    let network = parts.network(calibrated.shape)?;
    let (inputs, outputs) = (calibrated.shape.inputs(), calibrated.shape.outputs());
    let mut all = vec![0i16; set.rows() * outputs];
    let (mut q, mut work) = (vec![0; inputs], vec![0; network.work_len()]);

    for (x, out) in set
        .x
        .chunks_exact(inputs)
        .zip(all.chunks_exact_mut(outputs))
    {
        network.quantise(x, &mut q)?;
        network.predict(&q, out, &mut work)?;
    }

    let real = all
        .iter()
        .map(|&y| network.parts().output.real(y.into()))
        .collect();

    Ok((all, real))
}
