//! What a report says of tables: the ranges that they span, and what each size costs.

use super::choose::{Chooser, TableCandidate};
use super::config::{ExportConfig, Weights};
use super::table_errors::outputs_with_tables;
use super::yardstick::Yardstick;
use crate::model::calibrated::CalibratedNetwork;
use crate::report::ReportTable;
use anyhow::Result;

pub(super) fn range_table(
    calibrated: &CalibratedNetwork,
    chooser: &Chooser,
    chosen: &TableCandidate,
    config: &ExportConfig,
) -> ReportTable {
    let how = config.range.map_or_else(
        || format!("{} % of", config.percentile),
        |_| "given, for".into(),
    );

    let mut table = ReportTable::new(
        format!("tables, over {how} the pre-activations on the training rows"),
        &[
            "type", "lowest", "highest", "from", "to", "beyond", "table", "bytes",
        ],
    );

    for (t, (range, owned)) in chooser.ranges.iter().zip(&chosen.tables).enumerate() {
        let z = &calibrated.pre_activations[t];
        // One number per cell: a spreadsheet takes `-1 to 2` for a formula.
        let observed = |z: Option<&f32>| z.map_or(String::new(), |z| format!("{z:.2}"));

        let (description, bytes) = match config.weights {
            Weights::F32 => (owned.describe(), owned.bytes()),
            Weights::Int8 => ("i8, 256 entries".into(), 256),
        };

        table.row([
            (t + 1).to_string(),
            observed(z.first()),
            observed(z.last()),
            format!("{:.2}", range.0),
            format!("{:.2}", range.1),
            format!("{:.2} %", calibrated.outside(t, *range)),
            description,
            bytes.to_string(),
        ]);
    }

    table
}

/// Every size, the chosen one among them if tables were chosen; a star marks what nothing smaller
/// beats.
pub(super) fn pareto_table(
    calibrated: &CalibratedNetwork,
    ladder: &[TableCandidate],
    chosen: Option<&TableCandidate>,
    yardstick: &Yardstick,
    (bytes, (max, rms), integers): (usize, (f64, f64), String),
) -> Result<ReportTable> {
    let mut all: Vec<(&TableCandidate, bool)> = ladder
        .iter()
        .map(|c| (c, false))
        .chain(chosen.map(|c| (c, true)))
        .collect();

    all.sort_by(|a, b| {
        (a.0.bytes, a.0.max_error)
            .partial_cmp(&(b.0.bytes, b.0.max_error))
            .unwrap_or(std::cmp::Ordering::Equal)
    });

    let exact = match yardstick {
        Yardstick::Labelled { rows, .. } => {
            format!(
                "; the model's own activations have {}",
                yardstick.words(&calibrated.outputs(rows)?)
            )
        }
        Yardstick::Drawn { .. } => String::new(),
    };

    let mut table = ReportTable::new(
        format!("sizes (* none of fewer bytes is better{exact})"),
        &[
            "form",
            "knots",
            "bytes",
            "max error",
            "RMS error",
            &yardstick.head(),
            "",
        ],
    );

    let mut best = f64::INFINITY;

    for (candidate, is_chosen) in all {
        let star = candidate.max_error < best;
        best = best.min(candidate.max_error);

        let mark = format!(
            "{}{}",
            if star { "*" } else { "" },
            if is_chosen { " chosen" } else { "" }
        );

        table.row([
            candidate.form.name().into(),
            candidate.knots.to_string(),
            candidate.bytes.to_string(),
            format!("{:.2e}", candidate.max_error),
            format!("{:.2e}", candidate.rms_error),
            yardstick.words(&outputs_with_tables(
                calibrated,
                &candidate.tables,
                yardstick.rows(),
            )?),
            mark,
        ]);
    }

    let note = "with int8 weights".to_string();
    let errors = [max, rms].map(|e| format!("{e:.2e}"));
    let [max, rms] = errors;

    table.row([
        "i8".into(),
        "256".into(),
        bytes.to_string(),
        max,
        rms,
        integers,
        note,
    ]);

    Ok(table)
}
