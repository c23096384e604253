//! How far an export is from `ldnn predict` on the same raw rows, and whether that is too far.

use super::deployed::{Deployed, OutputFile, WeightFile};
use super::golden::{Agreement, AgreementOnRows, Golden};
use super::tolerance::check_tolerance;
use crate::report::ReportTable;
use anyhow::{Result, ensure};
use ldnn_core::loss::arg_max;
use std::fmt::Write;

/// How far the answers are from those of `ldnn predict`, on the golden rows; nothing if there
/// is no network.
pub(super) fn agreement(model: &Deployed, golden: &Golden) -> Result<String> {
    let Some(shape) = &model.shape else {
        return Ok(String::new());
    };
    let outputs = shape.shape()?.outputs();

    let drawn = if golden.predicted.drawn {
        " that were drawn"
    } else {
        ""
    };

    let on_golden = AgreementOnRows {
        whose: format!("raw rows{drawn}"),
        agreement: Agreement::of(model, golden)?,
        tolerance: golden.predicted.tolerance,
        form: golden.predicted.form.clone(),
    };

    // Drawn rows combine inputs as no real row may: rows of a table tell more.
    match &golden.on_given_rows {
        Some(given) => given.check(model)?,
        None => on_golden.check(model)?,
    }

    let found = &on_golden.agreement;

    let mut text = format!(
        "\nagainst `ldnn predict` on {} {}: the largest difference is {:.3e}{} ({}: at most {:.3e})\n",
        found.rows,
        on_golden.whose,
        found.largest,
        unit(model),
        on_golden.form,
        on_golden.tolerance
    );

    if model.outputs == OutputFile::Classes {
        writeln!(
            text,
            "the same class on {} of {} rows",
            found.same, found.rows
        )?;
    }

    if let Some(beyond) = found.apart(model) {
        writeln!(text, "{beyond}")?;
    }

    if golden.predicted.drawn && golden.on_given_rows.is_none() {
        text += &beyond_tables(golden.predicted.outside);
        text +=
            "`ldnn export --data FILE` compares on the rows of a table with right answers, too\n";
    }

    if golden.labels.len() == golden.classes.len() {
        text += &confusion(model, golden, outputs);
    }

    Ok(text)
}

/// What drawn rows cannot show, if it may be much.
fn beyond_tables(outside: f64) -> String {
    if outside < MUCH_OUTSIDE {
        return String::new();
    }

    format!(
        "but {outside:.1} % of the pre-activations on the training rows are beyond the tables, and the drawn rows are \
         not: on such rows the export may be wrong (`ldnn export --percentile 100` has none)\n"
    )
}

/// How far the answers to rows of a table are from those of `ldnn predict`, as sentences.
pub(super) fn on_rows(model: &Deployed, on_rows: &AgreementOnRows) -> String {
    let (found, form) = (&on_rows.agreement, &on_rows.form);

    let mut text = format!(
        "against `ldnn predict` on {} {}: the largest difference is {:.3e}{} ({form}: at most {:.3e})",
        found.rows,
        on_rows.whose,
        found.largest,
        unit(model),
        on_rows.tolerance
    );

    if model.outputs == OutputFile::Classes {
        text += &format!(", the same class on {} of them", found.same);
    }

    if let Some(beyond) = found.apart(model) {
        text += &format!("; {beyond}");
    }

    text
}

/// A percentage of pre-activations beyond the tables that deserves a sentence. The percentile 99.9
/// leaves less.
const MUCH_OUTSIDE: f64 = 0.5;

/// What a difference is of.
fn unit(model: &Deployed) -> &'static str {
    match &model.outputs {
        OutputFile::Plain => "",
        OutputFile::Classes => " of a probability",
        OutputFile::Values { .. } => " standard deviations of a value",
    }
}

impl AgreementOnRows {
    /// Whether the difference is within the tolerance, on the rows within the input ranges.
    ///
    /// # Errors
    /// If not.
    fn check(&self, model: &Deployed) -> Result<()> {
        let found = &self.agreement;
        check_tolerance(model, self.tolerance)?;

        ensure!(
            found.largest <= self.tolerance,
            "the export differs from `ldnn predict` by up to {:.3e}{} on {} {} (row {} the most); {} may differ by {:.3e}. \
             Export again {}",
            found.largest,
            unit(model),
            found.rows,
            self.whose,
            found.row,
            self.form,
            self.tolerance,
            match &model.weights {
                WeightFile::Integers(_) =>
                    "in real numbers (`ldnn export --weights f32`), over another range (`ldnn export --range LOW,HIGH`), \
                     or compared on rows of your own, where drawn ones combine inputs as no real row does \
                     (`ldnn export --data FILE`); or train anew with the logarithms of inputs that have a long tail: \
                     256 integers over the whole range of an input leave few for most of its values",
                _ =>
                    "with finer tables (`ldnn export --max-error 1e-5`), or over a wider range (`ldnn export --percentile \
                     100`)",
            }
        );

        Ok(())
    }
}

impl Agreement {
    /// Of the answers of an export, and of the predictions for the same rows.
    pub(super) fn of(model: &Deployed, golden: &Golden) -> Result<Agreement> {
        let (got, predicted) = (&golden.answers, &golden.predicted);

        ensure!(
            got.len() == predicted.answers.len(),
            "golden.json holds {} predictions for {}",
            predicted.answers.len(),
            got.len()
        );

        check_tolerance(model, predicted.tolerance)?;

        let is_class = |(&class, chances): (&u16, &[f64])| usize::from(class) == arg_max(chances);
        let width = predicted.answers.len() / predicted.classes.len().max(1);
        let mut classes = predicted
            .classes
            .iter()
            .zip(predicted.answers.chunks(width.max(1)));
        ensure!(
            classes.all(is_class),
            "golden.json holds predicted classes that are not the most probable ones: it was edited; export again"
        );

        let (rows, pairs) = (golden.classes.len(), model.outputs.pairs());
        let outputs = (got.len() / rows.max(1)).max(1);
        let answers = got
            .chunks(outputs)
            .zip(predicted.answers.chunks(outputs))
            .enumerate();

        let mut found = Agreement::default();

        for (row, (got, right)) in answers {
            let largest = largest_difference(got, right, &pairs);

            if predicted.beyond.contains(&(row as u32)) {
                found.beyond += 1;
                found.largest_beyond = found.largest_beyond.max(largest);
                continue;
            }

            found.rows += 1;
            found.same += usize::from(golden.classes.get(row) == predicted.classes.get(row));

            if largest > found.largest {
                (found.largest, found.row) = (largest, row);
            }
        }

        Ok(found)
    }

    /// What is to be said about the rows beyond the ranges, if there are some.
    fn apart(&self, model: &Deployed) -> Option<String> {
        (self.beyond > 0).then(|| {
            format!(
                "on {} more {} with an input beyond its range in training it is {:.3e}{}, and nothing is promised",
                self.beyond,
                if self.beyond == 1 { "row" } else { "rows" },
                self.largest_beyond,
                unit(model)
            )
        })
    }
}

/// The largest difference of the outputs of a row; what is NaN is the worst of all.
fn largest_difference(got: &[u32], right: &[f64], pairs: &[[f32; 2]]) -> f64 {
    let sd = |i: usize| pairs.get(i).map_or(1.0, |[sd, _]| f64::from(*sd));
    let mut largest = 0.0f64;

    for (i, (&bits, right)) in got.iter().zip(right).enumerate() {
        let difference = (f64::from(f32::from_bits(bits)) - right).abs() / sd(i);
        // A file of JSON holds no infinity.
        largest = largest.max(if difference.is_finite() {
            difference
        } else {
            f64::MAX
        });
    }

    largest
}

/// Right classes and answers.
fn confusion(model: &Deployed, golden: &Golden, outputs: usize) -> String {
    let numbered = (0..outputs).map(|c| c.to_string()).collect();

    let classes: Vec<String> = if model.classes().is_empty() {
        numbered
    } else {
        model.classes().to_vec()
    };

    let head: Vec<&str> = std::iter::once("")
        .chain(classes.iter().map(String::as_str))
        .collect();
    let mut table = ReportTable::new("", &head);

    for (class, name) in classes.iter().enumerate() {
        let of = |answer: usize| {
            let pairs = golden.classes.iter().zip(&golden.labels);
            pairs
                .filter(|(a, l)| usize::from(**a) == answer && usize::from(**l) == class)
                .count()
        };
        table.row(std::iter::once(name.clone()).chain((0..outputs).map(|a| of(a).to_string())));
    }

    format!(
        "\nconfusion matrix (rows: the right class; columns: the answer):\n{}\n",
        table.to_text()
    )
}
