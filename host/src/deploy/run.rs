//! The whole export: ranges, tables, weights, files, and what all of it costs in accuracy.

use super::agreement::on_rows;
use super::choose::Chooser;
use super::config::{ExportConfig, ExportScope, Weights};
use super::deployed::{Deployed, Measured, OutputFile, ShapeFile, WeightFile};
use super::given::{Given, labelled, whose};
use super::golden::Golden;
use super::golden_rows::{agreement_on, golden};
use super::integers;
use super::interchange::interchanged;
use super::subject::{Subject, fitting, network_of, predictor};
use super::table::TableFile;
use super::table_errors::{errors_at_every_integer, outputs_with_tables};
use super::tables_report::{pareto_table, range_table};
use super::written;
use super::yardstick::Yardstick;
use crate::data::Standard;
use crate::data::target::Purpose;
use crate::data::task::{ExampleTargets, Examples, Task};
use crate::model::calibrated::CalibratedNetwork;
use crate::model::sealed::seal;
use crate::model::{Function, Network};
use crate::report::Section;
use crate::run::RunFolder;
use anyhow::Result;

/// Exports into `folder`.
///
/// # Errors
/// If nothing fits the budget, or something cannot be written.
pub fn run(
    config: &ExportConfig,
    given: &Given,
    task: &Task,
    folder: &RunFolder,
) -> Result<Section> {
    let needs_network = config.is_for_devices() || config.what == ExportScope::Network;
    let network = needs_network
        .then(|| network_of(config, given, task))
        .transpose()?;
    let mut section = Section::new(format!("Export of {}", config.name));
    let mut files = vec![];

    for form in config.format.iter().filter_map(|f| f.interchange()) {
        let bytes = interchanged(config, given, task, network.as_ref(), form)?;
        let file = format!("{}.{}", config.name, form.extension());
        folder.write(&file, &bytes)?;
        files.push(format!("{file} ({} bytes)", bytes.len()));
    }

    if !files.is_empty() {
        section
            .text
            .push(format!("Written for other programs: {}.", files.join(", ")));
    }

    if let Some(network) = network.filter(|_| config.is_for_devices()) {
        for_devices(config, given, (task, network), folder, &mut section)?;
    }

    section.save(folder)?;
    Ok(section)
}

/// Tables, weights, and what they cost.
fn for_devices(
    config: &ExportConfig,
    given: &Given,
    (task, (network, functions, what)): (&Task, (Network, Option<Vec<Function>>, String)),
    folder: &RunFolder,
    section: &mut Section,
) -> Result<()> {
    let calibrated = match given {
        Given::Model(model) => match &model.ranges {
            Some(ranges) => CalibratedNetwork::from_ranges(&network, ranges)?,
            None => CalibratedNetwork::new(&network, &fitting(&network, task)?.train, None)?,
        },
        _ => CalibratedNetwork::new(&network, &fitting(&network, task)?.train, functions)?,
    };

    let model = predictor(given, &network, task)?;

    let subject = Subject {
        calibrated,
        model,
        what,
        labelled: labelled(given, task),
        whose: whose(given, task),
    };

    let calibrated = &subject.calibrated;
    let ranges = ranges(config, calibrated)?;
    let yardstick = yardstick(config, &subject, &ranges)?;
    let chooser = Chooser::new(calibrated, ranges, config.beyond)?;
    let chosen = chooser.choose(config.form, config.budget)?;
    let exact = calibrated.outputs(yardstick.rows())?;
    let with_tables = outputs_with_tables(calibrated, &chosen.tables, yardstick.rows())?;
    let integer_file = integers::quantise(calibrated, &chooser.ranges)?;
    let in_integers = integers::outputs(&integer_file, calibrated, yardstick.rows())?.1;

    section.text.push(format!("From {}.", subject.what));

    // Classical activations are computed, not looked up: every size of tables is then the same
    // nothing.
    let (has_tables, whole_int8) = (chosen.bytes > 0, config.weights == Weights::Int8);
    if has_tables {
        let ranges = range_table(calibrated, &chooser, &chosen, config);
        section.tabulate(folder, "ranges", ranges)?;
    }

    let errors = integers::table_errors(&integer_file, calibrated)?;

    let integer_row = (
        256 * integer_file.tables.len(),
        errors,
        yardstick.words(&in_integers),
    );

    if has_tables || whole_int8 {
        let mut sizes = vec![];
        if has_tables {
            sizes.extend(chooser.ladder(config.form)?);
        }

        let chosen = (has_tables && !whole_int8).then_some(&chosen);
        let pareto = pareto_table(calibrated, &sizes, chosen, &yardstick, integer_row)?;
        section.tabulate(folder, "pareto", pareto)?;
    }

    let mut measured = vec![];

    if has_tables && !whole_int8 {
        measured.push(format!(
            "tables: {} bytes; against the model's own activations: largest error {:.3e}, RMS error {:.3e} within their ranges",
            chosen.bytes, chosen.max_error, chosen.rms_error
        ));

        if let Some((max, rms)) = errors_at_every_integer(calibrated, &chosen.tables)? {
            measured.push(format!(
                "over every integer that the tables take: largest error {max:.3e}, RMS error {rms:.3e} (without rounding the input)"
            ));
        }
    }

    measured.push(yardstick.sentence(
        &exact,
        if whole_int8 {
            &in_integers
        } else {
            &with_tables
        },
    ));

    section.text.extend(measured.iter().cloned());

    let weights = match (config.what, config.weights) {
        (ExportScope::Activations, _) => WeightFile::None,
        (ExportScope::Network, Weights::F32) => WeightFile::Floats {
            theta: calibrated.theta.clone(),
        },
        (ExportScope::Network, Weights::Int8) => WeightFile::Integers(Box::new(integer_file)),
    };

    let activations = if whole_int8 {
        vec![]
    } else {
        chosen.tables.iter().map(TableFile::from).collect()
    };

    let deployed = Deployed {
        measured: Measured(measured),
        activations,
        weights,
        ..deployed(config, given, &subject)
    };

    let mut golden = golden(config, &deployed, &subject, (&chosen, &chooser.ranges))?;

    if let Some(rows) = subject
        .labelled
        .as_ref()
        .filter(|_| deployed.shape.is_some())
    {
        let agreement = agreement_on(&deployed, &subject, &chosen, rows)?;
        section.text.push(on_rows(&deployed, &agreement));
        golden.on_given_rows = Some(agreement);
    }

    write(config, &deployed, &golden, folder, section)?;

    if deployed.shape.is_some() {
        section.text.push(match config.with_rows {
            0 => "The golden rows are drawn from the ranges of the inputs: the export holds no row of a table.".into(),
            n => format!(
                "The golden rows are {n} {} with their targets, as asked for.",
                subject.whose
            ),
        });
    }

    Ok(())
}

/// What tables span, type by type: what was asked for; else the middle of the pre-activations, and
/// those of the row of means, so that there are rows which lie within.
pub(super) fn ranges(
    config: &ExportConfig,
    calibrated: &CalibratedNetwork,
) -> Result<Vec<(f32, f32)>> {
    if let Some(range) = config.range {
        return Ok(vec![range; calibrated.shape.types()]);
    }

    let means = calibrated.at_the_means()?.into_iter().enumerate();
    let of_type = |(t, mean): (usize, (f32, f32))| {
        let (low, high) = calibrated.range(t, config.percentile);
        (low.min(mean.0), high.max(mean.1))
    };

    Ok(means.map(of_type).collect())
}

/// Labelled rows if there are some, else drawn ones.
fn yardstick(config: &ExportConfig, subject: &Subject, ranges: &[(f32, f32)]) -> Result<Yardstick> {
    if let Some(rows) = &subject.labelled {
        return Ok(Yardstick::Labelled {
            rows: rows.clone(),
            whose: subject.whose.clone(),
        });
    }

    let calibrated = &subject.calibrated;
    let x = calibrated.draw_within(DRAWN, config.seed, ranges)?;
    let rows = Examples::new(
        x,
        ExampleTargets::Classes(vec![0; DRAWN]),
        calibrated.shape.inputs(),
    );
    let exact = calibrated.outputs(&rows)?;
    let classes = matches!(subject.model.purpose, Purpose::Classification { .. });

    Ok(Yardstick::Drawn {
        rows,
        exact,
        classes,
    })
}

/// Rows that are drawn to measure what tables cost.
const DRAWN: usize = 500;

/// Everything about the export but its numbers.
pub(super) fn deployed(config: &ExportConfig, given: &Given, subject: &Subject) -> Deployed {
    let model = &subject.model;
    let named = matches!(given, Given::Model(_)) && config.what == ExportScope::Network;
    let plain = |scales: &[Standard]| scales.iter().all(|s| *s == Standard::PLAIN);
    let offsets = |scales: &[Standard]| match scales.iter().any(|s| s.offset != 0.0) {
        true => scales.iter().map(|s| s.offset).collect(),
        false => vec![],
    };
    let pair = |[a, b]: [f32; 2]| (a, b);

    let outputs = match &model.purpose {
        Purpose::Classification { .. } => OutputFile::Classes,
        Purpose::Regression { scale, .. } if plain(scale) => OutputFile::Plain,
        Purpose::Regression { scale, .. } => OutputFile::Values {
            pairs: scale.iter().map(|s| pair(s.output_pair())).collect(),
            offsets: offsets(scale),
        },
    };

    let names = match &model.purpose {
        Purpose::Classification { classes, .. } => classes.clone(),
        Purpose::Regression { columns, .. } => columns.clone(),
    };
    let scaled = config.what == ExportScope::Network && !plain(&model.inputs);

    Deployed {
        version: Deployed::VERSION,
        name: config.name.clone(),
        provenance: format!("ldnn {}: {}", env!("CARGO_PKG_VERSION"), subject.what),
        measured: Measured::default(),
        shape: (config.what == ExportScope::Network)
            .then(|| ShapeFile::of(&subject.calibrated.shape)),
        standard: if scaled {
            model.inputs.iter().map(|s| pair(s.input_pair())).collect()
        } else {
            vec![]
        },
        features: if named {
            model.features.clone()
        } else {
            vec![]
        },
        offsets: if scaled {
            offsets(&model.inputs)
        } else {
            vec![]
        },
        outputs: if config.what == ExportScope::Network {
            outputs
        } else {
            OutputFile::Plain
        },
        names: if named { names } else { vec![] },
        activations: vec![],
        weights: WeightFile::None,
    }
}

fn write(
    config: &ExportConfig,
    model: &Deployed,
    golden: &Golden,
    folder: &RunFolder,
    section: &mut Section,
) -> Result<()> {
    let mut files = vec![];

    for &format in &config.format {
        for (file, bytes) in written::files(format, model, golden)? {
            folder.write(&file, &bytes)?;
            files.push((file, bytes.len()));
        }
    }

    let others = config.format.iter().filter_map(|f| f.interchange());
    let others = others.map(|form| format!("{}.{}", config.name, form.extension()));
    let bytes = serde_json::to_vec(model)?;
    folder.write(written::MODEL, &bytes)?;
    files.push((written::MODEL.into(), bytes.len()));

    let names: Vec<String> = files
        .iter()
        .map(|(name, _)| name.clone())
        .chain(others)
        .collect();

    let golden = Golden {
        files: written::checksums(folder.path(), names)?,
        ..golden.clone()
    };

    let text = seal(&golden)?;
    folder.write(written::GOLDEN, &text)?;
    files.push((written::GOLDEN.into(), text.len()));

    let files: Vec<String> = files
        .iter()
        .map(|(name, bytes)| format!("{name} ({bytes} bytes)"))
        .collect();
    section.text.push(format!("Written: {}.", files.join(", ")));

    Ok(())
}
