//! The whole export: ranges, tables, weights, files, and what all of it costs in accuracy.

use super::agreement::{agreement, on_rows};
use super::budget::{Budget, FormChoice, I8_ENTRIES};
use super::choose::{Chooser, TableCandidate};
use super::config::{ExportConfig, ExportScope, Weights};
use super::deployed::{Deployed, IntegerFile, Measured, OutputFile, ShapeFile, WeightFile};
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
use crate::report::{ReportTable, Section};
use crate::run::RunFolder;
use crate::support::refused::refused;
use anyhow::{Context, Result};

/// Exports into `folder`.
///
/// # Errors
/// If nothing fits the budget, the answers are too far from those of `ldnn predict` (nothing is
/// written then), or something cannot be written.
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
    let mut others = vec![];

    for form in config.format.iter().filter_map(|f| f.interchange()) {
        let bytes = interchanged(config, given, task, network.as_ref(), form)?;
        others.push((format!("{}.{}", config.name, form.extension()), bytes));
    }

    // All is made, and found right, before anything is written.
    let made = match network.filter(|_| config.is_for_devices()) {
        Some(network) => Some(for_devices(config, given, (task, network))?),
        None => None,
    };

    for (file, bytes) in &others {
        folder.write(file, bytes)?;
    }

    if !others.is_empty() {
        section.text.push(format!(
            "Written for other programs: {}.",
            with_sizes(others.iter().map(|(file, bytes)| (file, bytes.len())))
        ));
    }

    if let Some(made) = made {
        made.write(config, folder, &mut section)?;
    }

    section.save(folder)?;
    Ok(section)
}

/// A table of the report with the name of its file.
type NamedTable = (&'static str, ReportTable);

/// An export for devices that is not written yet.
struct ForDevices {
    deployed: Deployed,
    golden: Golden,
    /// What was measured, and what it is of.
    text: Vec<String>,
    tables: Vec<NamedTable>,
    /// What the golden rows are.
    rows: Option<String>,
}

/// Tables, weights, and what they cost.
///
/// # Errors
/// If nothing has the size that was asked for, or the answers are too far from those of `ldnn
/// predict`.
fn for_devices(
    config: &ExportConfig,
    given: &Given,
    (task, network): (&Task, (Network, Option<Vec<Function>>, String)),
) -> Result<ForDevices> {
    let subject = subject(given, task, network)?;
    let calibrated = &subject.calibrated;

    let ranges = ranges(config, calibrated)?;
    let yardstick = yardstick(config, &subject, &ranges)?;
    let chooser = Chooser::new(calibrated, ranges, config.beyond)?;
    let chosen = chosen(config, &chooser)?;
    let integers = integers::quantise(calibrated, &chooser.ranges)?;
    let (tables, measured) = measured(config, (&chooser, &chosen), &yardstick, &integers)?;

    let mut text = vec![format!("From {}.", subject.what)];
    text.extend(measured.iter().cloned());

    let activations = match config.weights {
        Weights::Int8 => vec![],
        Weights::F32 => chosen.tables.iter().map(TableFile::from).collect(),
    };
    let deployed = Deployed {
        measured: Measured(measured),
        activations,
        weights: weights(config, calibrated, integers),
        ..deployed(config, given, &subject)
    };

    let mut golden = golden(config, &deployed, &subject, (&chosen, &chooser.ranges))?;

    if let Some(rows) = subject
        .labelled
        .as_ref()
        .filter(|_| deployed.shape.is_some())
    {
        let agreement = agreement_on(&deployed, &subject, &chosen, rows)?;
        text.push(on_rows(&deployed, &agreement));
        golden.on_given_rows = Some(agreement);
    }

    agreement(&deployed, &golden).context("no export is written")?;
    let rows = deployed
        .shape
        .is_some()
        .then(|| about_rows(config, &subject));

    Ok(ForDevices {
        deployed,
        golden,
        text,
        tables,
        rows,
    })
}

/// The tables of the size that was asked for. Integers have tables of their own, and no error of
/// others is theirs.
fn chosen(config: &ExportConfig, chooser: &Chooser) -> Result<TableCandidate> {
    let chosen = match config.weights {
        Weights::Int8 => chooser.choose(FormChoice::I8, Budget::Knots(I8_ENTRIES)),
        Weights::F32 => chooser.choose(config.form, config.budget),
    };
    chosen.map_err(refused)
}

/// The tables of the report, and what the choice costs, a sentence each.
fn measured(
    config: &ExportConfig,
    (chooser, chosen): (&Chooser, &TableCandidate),
    yardstick: &Yardstick,
    integers: &IntegerFile,
) -> Result<(Vec<NamedTable>, Vec<String>)> {
    let calibrated = chooser.calibrated;
    let in_integers = integers::outputs(integers, calibrated, yardstick.rows())?.1;

    let integer_row = (
        256 * integers.tables.len(),
        integers::table_errors(integers, calibrated)?,
        yardstick.words(&in_integers),
    );
    let tables = tables(config, (chooser, chosen), yardstick, integer_row)?;

    let (mut sentences, outputs) = match config.weights {
        Weights::Int8 => (vec![], in_integers),
        Weights::F32 => (
            errors(calibrated, chosen)?,
            outputs_with_tables(calibrated, &chosen.tables, yardstick.rows())?,
        ),
    };
    let exact = calibrated.outputs(yardstick.rows())?;
    sentences.push(yardstick.sentence(&exact, &outputs));

    Ok((tables, sentences))
}

/// The weights, if they are written: real numbers, or all in integers.
fn weights(
    config: &ExportConfig,
    calibrated: &CalibratedNetwork,
    integers: IntegerFile,
) -> WeightFile {
    match (config.what, config.weights) {
        (ExportScope::Activations, _) => WeightFile::None,
        (ExportScope::Network, Weights::F32) => WeightFile::Floats {
            theta: calibrated.theta.clone(),
        },
        (ExportScope::Network, Weights::Int8) => WeightFile::Integers(Box::new(integers)),
    }
}

/// The network with its ranges, and what it is compared with.
fn subject(
    given: &Given,
    task: &Task,
    (network, functions, what): (Network, Option<Vec<Function>>, String),
) -> Result<Subject> {
    let model = predictor(given, &network, task)?;
    let (network, used) = network.without_unused()?;
    let of_used = |t: &usize| functions.as_ref().and_then(|all| all.get(*t)).cloned();
    let functions: Option<Vec<Function>> = used.iter().map(of_used).collect();

    let ranges = match given {
        Given::Model(model) => model.ranges.as_ref(),
        _ => None,
    };
    let calibrated = match ranges {
        Some(ranges) => CalibratedNetwork::from_ranges(&network, &ranges.of_types(&used))?,
        None => CalibratedNetwork::new(&network, &fitting(&network, task)?.train, functions)?,
    };

    Ok(Subject {
        calibrated,
        model,
        what,
        labelled: labelled(given, task),
        whose: whose(given, task),
    })
}

/// What the tables of the report say: the ranges, and what each size costs. Classical activations
/// are computed, not looked up: every size of tables is then the same nothing.
fn tables(
    config: &ExportConfig,
    (chooser, chosen): (&Chooser, &TableCandidate),
    yardstick: &Yardstick,
    integer_row: (usize, (f64, f64), String),
) -> Result<Vec<NamedTable>> {
    let (has_tables, whole_int8) = (chosen.bytes > 0, config.weights == Weights::Int8);
    let calibrated = chooser.calibrated;
    let mut all = vec![];

    if has_tables {
        all.push(("ranges", range_table(calibrated, chooser, chosen, config)));
    }

    if has_tables || whole_int8 {
        let sizes = match has_tables {
            true => chooser.ladder(config.form)?,
            false => vec![],
        };

        let chosen = (has_tables && !whole_int8).then_some(chosen);
        let pareto = pareto_table(calibrated, &sizes, chosen, yardstick, integer_row)?;
        all.push(("pareto", pareto));
    }

    Ok(all)
}

/// The errors of tables, a sentence each.
fn errors(calibrated: &CalibratedNetwork, chosen: &TableCandidate) -> Result<Vec<String>> {
    if chosen.bytes == 0 {
        return Ok(vec![]);
    }

    let mut all = vec![format!(
        "tables: {} bytes; against the model's own activations: largest error {:.3e}, RMS error {:.3e} within their ranges",
        chosen.bytes, chosen.max_error, chosen.rms_error
    )];

    if let Some((max, rms)) = errors_at_every_integer(calibrated, &chosen.tables)? {
        all.push(format!(
            "over every integer that the tables take: largest error {max:.3e}, RMS error {rms:.3e} (without rounding the input)"
        ));
    }

    Ok(all)
}

/// What the golden rows are.
fn about_rows(config: &ExportConfig, subject: &Subject) -> String {
    match config.with_rows {
        0 => "The golden rows are drawn from the ranges of the inputs: the export holds no row of a table.".into(),
        n => format!(
            "The golden rows are {n} {} with their targets, as asked for.",
            subject.whose
        ),
    }
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

impl ForDevices {
    /// Writes every file, and says what they are.
    fn write(self, config: &ExportConfig, folder: &RunFolder, section: &mut Section) -> Result<()> {
        let (model, mut files) = (&self.deployed, vec![]);

        for &format in &config.format {
            for (file, bytes) in written::files(format, model, &self.golden)? {
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
            ..self.golden
        };

        let text = seal(&golden)?;
        folder.write(written::GOLDEN, &text)?;
        files.push((written::GOLDEN.into(), text.len()));

        for (file, table) in self.tables {
            section.tabulate(folder, file, table)?;
        }

        let files = with_sizes(files.iter().map(|(file, bytes)| (file, *bytes)));
        section.text.extend(self.text);
        section.text.push(format!("Written: {files}."));
        section.text.extend(self.rows);

        Ok(())
    }
}

/// Files with their sizes, as words.
fn with_sizes<'a>(files: impl Iterator<Item = (&'a String, usize)>) -> String {
    let files: Vec<String> = files
        .map(|(name, bytes)| format!("{name} ({bytes} bytes)"))
        .collect();
    files.join(", ")
}
