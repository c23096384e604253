//! The rows that an export is verified on, with the answers of `ldnn predict`.

use super::DeployedActivation;
use super::choose::TableCandidate;
use super::config::ExportConfig;
use super::deployed::{Deployed, WeightFile};
use super::golden::{Agreement, AgreementOnRows, Golden, Predicted};
use super::subject::Subject;
use super::table_errors::largest_error_on_rows;
use super::tolerance::{INTEGERS_TOLERANCE, ROUNDING_TOLERANCE, TABLE_FACTOR, TABLES_TOLERANCE};
use crate::data::task::{ExampleTargets, Examples};
use crate::model::Predictions;
use crate::model::calibrated::CalibratedNetwork;
use anyhow::Result;

/// The golden vectors, with the answers of `ldnn predict` to them.
pub(super) fn golden(
    config: &ExportConfig,
    model: &Deployed,
    subject: &Subject,
    tables: (&TableCandidate, &[(f32, f32)]),
) -> Result<Golden> {
    let (chosen, ranges) = tables;

    let Some(rows) = subject.labelled.as_ref().filter(|_| config.with_rows > 0) else {
        let calibrated = &subject.calibrated;
        let mut drawn = calibrated.draw_within(config.golden, config.seed, ranges)?;

        // Integers saturate where real numbers go on along the last line, so these see the ends of
        // the inputs, too.
        if matches!(model.weights, WeightFile::Integers(_)) {
            let ends = calibrated.ends(config.golden / 2)?;
            let kept = drawn.len() - ends.len();
            drawn[kept..].copy_from_slice(&ends);
        }

        let mut golden = answered(model, subject, chosen, &drawn)?;
        golden.predicted.drawn = true;
        golden.predicted.outside = outside(calibrated, &chosen.tables, ranges);
        return Ok(golden);
    };

    let first: Vec<u32> = (0..config.with_rows as u32).collect();
    let rows = rows.pick(&first);
    let mut golden = answered(model, subject, chosen, &rows.x)?;

    if let ExampleTargets::Classes(labels) = rows.target {
        golden.labels = if model.shape.is_some() {
            labels
        } else {
            vec![]
        };
    }

    Ok(golden)
}

/// The distance of two neighbouring numbers of single precision at the largest answer, in standard
/// deviations: answers cannot be nearer than that. 0 for probabilities.
fn step_of_answers(model: &Deployed, answers: &[f64]) -> f64 {
    let pairs = model.outputs.pairs();
    let step = |(i, y): (usize, &f64)| {
        let sd = pairs
            .get(i % pairs.len().max(1))
            .map_or(f32::INFINITY, |[sd, _]| *sd);
        y.abs() * f64::from(f32::EPSILON) / f64::from(sd)
    };

    answers.iter().enumerate().map(step).fold(0.0, f64::max)
}

/// The percentage of pre-activations on the training rows that are beyond the tables, in the type
/// with most of them. Activations without a table have no range.
fn outside(
    calibrated: &CalibratedNetwork,
    tables: &[DeployedActivation],
    ranges: &[(f32, f32)],
) -> f64 {
    let types = ranges.iter().zip(tables).enumerate();

    types
        .filter(|(_, (_, table))| table.bytes() > 0)
        .map(|(t, (range, _))| calibrated.outside(t, *range))
        .fold(0.0, f64::max)
}

/// How far the export is from `ldnn predict` on these rows.
pub(super) fn agreement_on(
    model: &Deployed,
    subject: &Subject,
    chosen: &TableCandidate,
    rows: &Examples,
) -> Result<AgreementOnRows> {
    let golden = answered(model, subject, chosen, &rows.x)?;
    Ok(AgreementOnRows {
        whose: subject.whose.clone(),
        agreement: Agreement::of(model, &golden)?,
        tolerance: golden.predicted.tolerance,
        form: golden.predicted.form,
    })
}

/// Rows as the network takes them, with the answers of the export and those of `ldnn predict`.
fn answered(
    model: &Deployed,
    subject: &Subject,
    chosen: &TableCandidate,
    scaled: &[f32],
) -> Result<Golden> {
    let (calibrated, predictor) = (&subject.calibrated, &subject.model);

    // A raw reading as a table has it, in double precision; then as the device takes it.
    let width = predictor.inputs.len();
    let scale = |i: usize| &predictor.inputs[i % width];

    let readings: Vec<f64> = scaled
        .iter()
        .enumerate()
        .map(|(i, &x)| scale(i).undo(x.into()))
        .collect();

    let raw: Vec<f32> = readings
        .iter()
        .enumerate()
        .map(|(i, &x)| scale(i).reading(x))
        .collect();

    let readings: Vec<f64> = raw
        .iter()
        .enumerate()
        .map(|(i, &x)| scale(i).offset + f64::from(x))
        .collect();

    let mut golden = Golden::of(model, &raw)?;

    if model.shape.is_none() {
        return Ok(golden);
    }

    let (classes, answers) = match predictor.predict_less_offsets(&readings)? {
        Predictions::Classes(classes, chances) => (classes, chances),
        Predictions::Values(values) => (vec![], values),
    };

    let network_inputs: Vec<f32> = readings
        .iter()
        .enumerate()
        .map(|(i, &x)| scale(i).input(x))
        .collect();

    let beyond: Vec<u32> = scaled
        .chunks_exact(width)
        .zip(0..)
        .filter(|(row, _)| !calibrated.ranges.hold(row))
        .map(|(_, i)| i)
        .collect();

    let within: Vec<f32> = network_inputs
        .chunks_exact(width)
        .zip(0..)
        .filter(|(_, i)| beyond.binary_search(i).is_err())
        .flat_map(|(row, _)| row.iter().copied())
        .collect();

    let rows = Examples::new(within, ExampleTargets::Classes(vec![]), width);

    let (tolerance, form) = match model.weights {
        WeightFile::Integers(_) => (INTEGERS_TOLERANCE, "8-bit integers".to_string()),
        _ => {
            let error = largest_error_on_rows(calibrated, &chosen.tables, &rows)?;
            let rounding = ROUNDING_TOLERANCE + step_of_answers(model, &answers);
            let tolerance = (rounding + TABLE_FACTOR * error).min(TABLES_TOLERANCE);

            let what = if chosen.bytes > 0 {
                "tables"
            } else {
                "activations"
            };

            (
                tolerance,
                format!("{what} with an error of {error:.1e} on these rows"),
            )
        }
    };

    golden.predicted = Predicted {
        classes,
        answers,
        tolerance,
        form,
        drawn: false,
        outside: 0.0,
        beyond,
    };

    Ok(golden)
}
