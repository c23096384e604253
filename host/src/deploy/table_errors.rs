//! How far tables are from the functions that they stand for.

use super::table::DeployedActivation;
use crate::data::task::Examples;
use crate::model::Function;
use crate::model::calibrated::CalibratedNetwork;
use anyhow::Result;
use ldnn_core::deploy::{Activate, AnyActivation, Pipeline};

/// Exact values of a function at evenly spaced points of a range.
pub(super) struct ExactPoints {
    z: Vec<f32>,
    y: Vec<f64>,
}

impl ExactPoints {
    /// At so many points from `low` to `high`.
    ///
    /// # Errors
    /// None that checked functions have.
    pub fn new(function: &Function, (low, high): (f32, f32), points: usize) -> Result<ExactPoints> {
        let step = (f64::from(high) - f64::from(low)) / (points - 1) as f64;
        let z: Vec<f32> = (0..points)
            .map(|i| (f64::from(low) + step * i as f64) as f32)
            .collect();

        let wide: Vec<f64> = z.iter().map(|&z| z.into()).collect();
        let mut y = Vec::with_capacity(points);

        for chunk in wide.chunks(1024) {
            y.extend(function.values(chunk)?);
        }

        Ok(ExactPoints { z, y })
    }
}

/// The largest error so far, and what the root of the mean squared error needs.
#[derive(Default)]
struct ErrorSums {
    largest: f64,
    squares: f64,
    count: usize,
}

impl ErrorSums {
    fn add(&mut self, value: f32, exact: f64) {
        let error = (f64::from(value) - exact).abs();
        self.largest = self.largest.max(error);
        self.squares += error * error;
        self.count += 1;
    }

    fn largest_and_rms(&self) -> (f64, f64) {
        let rms = (self.squares / self.count.max(1) as f64).sqrt();
        (self.largest, rms)
    }
}

/// Largest error, and root of the mean squared one, of each table at the points of its type.
///
/// # Errors
/// If a table is malformed.
pub(super) fn errors_at(
    tables: &[DeployedActivation],
    points: &[ExactPoints],
) -> Result<(f64, f64)> {
    let mut sums = ErrorSums::default();

    for (table, exact) in tables.iter().zip(points) {
        let mut y = exact.z.clone();
        table.activation()?.apply(&mut y);

        for (&y, &exact) in y.iter().zip(&exact.y) {
            sums.add(y, exact);
        }
    }

    Ok(sums.largest_and_rms())
}

/// Largest error, and root of the mean squared one, of the tables of integers over every input that
/// they have: what rounding the inputs costs is left out. `None` if there are no such tables.
///
/// # Errors
/// If a table is malformed.
pub(super) fn errors_at_every_integer(
    calibrated: &CalibratedNetwork,
    tables: &[DeployedActivation],
) -> Result<Option<(f64, f64)>> {
    let mut sums = ErrorSums::default();

    for (function, table) in calibrated.functions.iter().zip(tables) {
        let Some((scale, first, last)) = table.inputs() else {
            continue;
        };

        let mut y: Vec<f32> = (first..=last).map(|q| scale.real(q)).collect();
        let exact = function.values(&y.iter().map(|&z| z.into()).collect::<Vec<_>>())?;
        table.activation()?.apply(&mut y);

        for (&y, exact) in y.iter().zip(exact) {
            sums.add(y, exact);
        }
    }

    Ok((sums.count > 0).then(|| sums.largest_and_rms()))
}

/// The largest error of the tables at the pre-activations that these rows cause, within their
/// ranges or not.
///
/// # Errors
/// If a table is malformed.
pub(super) fn largest_error_on_rows(
    calibrated: &CalibratedNetwork,
    tables: &[DeployedActivation],
    rows: &Examples,
) -> Result<f64> {
    let activations = activations_of(tables)?;
    let mut observed: Vec<Vec<f64>> = vec![vec![]; tables.len()];
    calibrated.walk(rows, |t, z| observed[t].extend(z))?;

    let mut sums = ErrorSums::default();

    for ((function, z), activation) in calibrated.functions.iter().zip(&observed).zip(activations) {
        for z in z.chunks(1024) {
            let mut y: Vec<f32> = z.iter().map(|&z| z as f32).collect();
            activation.apply(&mut y);

            for (&y, exact) in y.iter().zip(function.values(z)?) {
                sums.add(y, exact);
            }
        }
    }

    Ok(sums.largest)
}

/// The outputs of the network with tables in place of its functions, row by row.
///
/// # Errors
/// If a table is malformed.
pub(super) fn outputs_with_tables(
    calibrated: &CalibratedNetwork,
    tables: &[DeployedActivation],
    rows: &Examples,
) -> Result<Vec<f32>> {
    let activations = activations_of(tables)?;
    let shape = &calibrated.shape;
    let network = Pipeline::unscaled(shape, &calibrated.theta, &activations);

    let mut all = vec![0.0; rows.rows() * shape.outputs()];
    let mut work = vec![0.0; shape.predict_len()];

    for (x, out) in rows
        .x
        .chunks_exact(shape.inputs())
        .zip(all.chunks_exact_mut(shape.outputs()))
    {
        network.predict(x, out, &mut work)?;
    }

    Ok(all)
}

fn activations_of(tables: &[DeployedActivation]) -> Result<Vec<AnyActivation<'_>>> {
    tables.iter().map(DeployedActivation::activation).collect()
}
