//! The whole export: ranges, tables, weights, files, and what all of it costs in accuracy.

use super::Owned;
use super::choose::{Budget, Chooser, FormChoice, TableCandidate};
use super::deployed::{Deployed, Measured, OutputFile, ShapeFile, WeightFile, is_identifier};
use super::format::Format;
use super::golden::{Agreement, AgreementOnRows, Golden, Predicted};
use super::integers;
use super::table::{Beyond, TableFile};
use super::tolerance::{INTEGERS_TOLERANCE, ROUNDING_TOLERANCE, TABLE_FACTOR, TABLES_TOLERANCE};
use super::yardstick::Yardstick;
use super::{choose, verify, written};
use crate::data::tabular::Purpose;
use crate::data::task::{ExampleTargets, Examples, Task};
use crate::data::{Standard, Standardisation};
use crate::formats::onnx::OnnxActivations;
use crate::formats::{self, Choices, Content, ExportFormat};
use crate::model::activations::{Choice, LearnedActivations, SAMPLES};
use crate::model::calibrated::CalibratedNetwork;
use crate::model::{ActivationFile, Function, Model, Network, Predictions, Trained};
use crate::report::{ReportTable, Section};
use crate::run::RunFolder;
use crate::train::{TrainConfig, train_network};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How much of a network is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ExportScope {
    /// The tables alone
    #[default]
    Activations,
    /// Weights, too
    Network,
}

/// The numbers of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// Single precision
    #[default]
    F32,
    /// 8-bit integers with a step for every output channel, 32-bit sums, 256-entry tables
    Int8,
}

/// The settings of an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct ExportConfig {
    /// The prefix of names in code, and of files
    #[arg(long, value_name = "NAME")]
    pub name: String,

    /// What to write; with --out FILE.onnx and the like, that file
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub format: Vec<Format>,

    /// The tables alone, or the whole network [default: network, where RUN is one; else
    /// activations]
    #[arg(long, value_name = "NAME", hide_default_value = true)]
    pub what: ExportScope,

    /// The numbers of the network
    #[arg(long, value_name = "NAME")]
    pub weights: Weights,

    /// The form of the tables
    #[arg(long, value_name = "NAME")]
    pub form: FormChoice,

    /// The size of the tables.
    #[command(flatten)]
    pub budget: Budget,

    /// Tables span this share, in percent, of the pre-activations that the training rows cause
    /// [default: 100 for a model of `ldnn train`, else 99.9]
    #[arg(
        long,
        value_name = "PERCENT",
        conflicts_with = "range",
        hide_default_value = true
    )]
    pub percentile: f64,

    /// Tables span this range instead
    #[arg(long, value_name = "LOW,HIGH", value_parser = pair, allow_hyphen_values = true)]
    pub range: Option<(f32, f32)>,

    /// What tables do beyond their range: go on along the last line, or stay at the last value
    #[arg(long, value_name = "NAME")]
    pub beyond: Beyond,

    /// Golden rows for `ldnn verify`, drawn by the seed from the ranges of the inputs, where the
    /// tables hold
    #[arg(long, value_name = "N")]
    pub golden: usize,

    /// Make N test rows, or N rows of --data, with their targets the golden rows instead; an export
    /// holds no row of a table otherwise
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub with_rows: usize,

    /// The seed of the weights of a network that is trained, and of the golden rows
    #[arg(long, value_name = "N")]
    pub seed: u64,

    /// Of learned activations: mix, type1, type2, ...
    #[arg(long, value_name = "NAME")]
    pub activation: String,

    /// How ONNX holds learned activations
    #[arg(long, value_name = "NAME")]
    pub onnx_activations: OnnxActivations,

    /// Samples of a type in txt; the authors' program takes 50 as it was published
    #[arg(long, value_name = "N")]
    pub samples: usize,

    /// How a network is trained, where only activations are given.
    #[command(flatten)]
    pub train: TrainConfig,
}

impl Default for ExportConfig {
    /// Tables within 0.001, for devices.
    fn default() -> Self {
        ExportConfig {
            name: "ldnn_model".into(),
            format: Format::DEVICE.to_vec(),
            what: ExportScope::Activations,
            weights: Weights::F32,
            form: FormChoice::default(),
            budget: Budget::default(),
            percentile: 99.9,
            range: None,
            beyond: Beyond::default(),
            golden: 200,
            with_rows: 0,
            seed: 101,
            activation: "mix".into(),
            onnx_activations: OnnxActivations::default(),
            samples: SAMPLES,
            train: TrainConfig {
                lr: 0.05,
                epochs: 50,
                ..TrainConfig::default()
            },
        }
    }
}

/// Two numbers with a comma between.
fn pair(text: &str) -> Result<(f32, f32), String> {
    let (low, high) = text.split_once(',').ok_or("give two numbers, as in -4,4")?;
    Ok((number(low)?, number(high)?))
}

fn number(text: &str) -> Result<f32, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("'{text}' is not a number; give two, as in -4,4"))
}

/// What the user gave.
#[derive(Clone, Debug, Serialize)]
pub enum Given {
    /// Learned activations: a network is trained with them.
    Activations(LearnedActivations),
    /// A model of `ldnn train`.
    #[serde(serialize_with = "without_rows")]
    Trained(Box<Trained>),
    /// A trained network, from this file.
    #[serde(serialize_with = "only_name")]
    Network(String, Box<Network>),
}

/// The settings of a run are kept in its folder; rows that the model may hold do not belong there.
fn without_rows<S: serde::Serializer>(model: &Trained, s: S) -> Result<S::Ok, S::Error> {
    Trained {
        rows: None,
        ..model.clone()
    }
    .serialize(s)
}

fn only_name<S: serde::Serializer>(name: &str, _: &Network, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(name)
}

impl ExportConfig {
    /// Whether an export with these settings is possible.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do instead.
    pub fn check(&self, task: &Task, given: &Given) -> Result<()> {
        self.check_form()?;

        let is_onnx = |format: &Format| format.interchange() == Some(ExportFormat::Onnx);
        if let Given::Trained(model) = given
            && self.onnx_activations == OnnxActivations::Subnets
            && self.format.iter().any(is_onnx)
        {
            check_subnets(model)?;
        }

        let trains = self.what == ExportScope::Network && matches!(given, Given::Activations(_));

        ensure!(
            is_identifier(&self.name),
            "`name` '{}': use letters, digits and _, a letter first, and no header of C such as stdint",
            self.name
        );

        ensure!(
            (4..=1 << 20).contains(&self.samples),
            "`samples` {}: use 4 to 1048576",
            self.samples
        );

        if !self.is_for_devices() && !trains {
            return Ok(());
        }

        let known = matches!(given, Given::Trained(model) if model.ranges.is_some());

        ensure!(
            known || task.train.rows() > 0 && task.test.rows() > 0,
            "the model does not know which ranges its tables need, as a model of `ldnn train` does; give rows with `data` \
             FILE"
        );

        ensure!(
            self.percentile > 0.0 && self.percentile <= 100.0,
            "`percentile` {}: use more than 0 and at most 100",
            self.percentile
        );

        if let Some((low, high)) = self.range {
            let good = low.is_finite() && high.is_finite() && low < high;
            ensure!(
                good,
                "`range` {low},{high}: give two numbers, the smaller first"
            );
        }

        match self.budget {
            Budget::Knots(n) => {
                ensure!((2..=1 << 15).contains(&n), "`knots` {n}: use 2 to 32768");
                choose::check_knots(self.form, n)?;
            }
            Budget::MaxError(e) => ensure!(
                e > 0.0 && e.is_finite(),
                "`max_error` {e}: use a positive number"
            ),
            Budget::Bytes(n) => ensure!(n > 0, "`bytes` 0: use a positive number"),
        }

        ensure!(
            self.weights == Weights::F32 || self.what == ExportScope::Network,
            "`weights` int8 is for whole networks; add `what` network"
        );

        ensure!(
            (1..=MOST_GOLDEN).contains(&self.golden),
            "`golden` {}: use 1 to {MOST_GOLDEN}",
            self.golden
        );

        if self.with_rows > 0 {
            let rows = labelled(given, task).map_or(0, |rows| rows.rows());

            ensure!(
                rows > 0,
                "`with_rows` {}: the model holds no rows; give some with `data` FILE, or train it with `with_rows`",
                self.with_rows
            );

            ensure!(
                self.with_rows <= rows,
                "`with_rows` {}: there are {rows} {}",
                self.with_rows,
                whose(given, task)
            );
        }

        self.train.check()
    }

    /// Whether the formats have what is asked for.
    fn check_form(&self) -> Result<()> {
        let for_others =
            "files for other programs hold real numbers and activations of their own; leave it out";

        ensure!(
            self.weights == Weights::F32 || self.is_for_devices(),
            "`weights` int8: {for_others}"
        );

        ensure!(
            self.form == FormChoice::Auto || self.is_for_devices(),
            "`form`: {for_others}"
        );

        ensure!(
            matches!(self.form, FormChoice::Auto | FormChoice::I8) || self.weights == Weights::F32,
            "`form`: a network of 8-bit integers has tables of 8-bit integers; leave it out, or add `weights` f32"
        );

        Ok(())
    }

    /// Whether code or data for devices is among the formats.
    #[must_use]
    pub fn is_for_devices(&self) -> bool {
        self.format.iter().any(|f| f.interchange().is_none())
    }

    /// The network, the model's own activations to stand in place of its own, and where it comes from.
    fn network(
        &self,
        given: &Given,
        task: &Task,
    ) -> Result<(Network, Option<Vec<Function>>, String)> {
        match given {
            Given::Trained(model) => Ok((
                model.network.network()?,
                None,
                format!("the model {}", model.provenance),
            )),
            Given::Network(name, network) => {
                Ok(((**network).clone(), None, format!("the network {name}")))
            }
            Given::Activations(learned) => {
                let choice = |exact| Choice::named(&self.activation, Some(learned), exact);
                let (fast, exact) = (choice(false)?, choice(true)?);
                let (training, network) =
                    train_network(&self.train, &fast, task, &task.train, &task.test, self.seed)?;

                ensure!(
                    !training.diverged,
                    "the training diverged; use a smaller `lr`"
                );

                let shape = exact.shape(&self.train.widths(task))?;
                let functions = (0..shape.types()).map(|t| Function::of(&shape, exact.phi(), t));
                let functions = functions.collect::<Result<_>>()?;

                let what = format!(
                    "{} ({}), hidden widths {:?}, trained on {} for {} epochs at learning rate {}, seed {}",
                    self.activation,
                    learned.provenance,
                    self.train.hidden,
                    task.name,
                    self.train.epochs,
                    self.train.lr,
                    self.seed
                );

                Ok((network, Some(functions), what))
            }
        }
    }
}

/// The most golden rows.
const MOST_GOLDEN: usize = 100_000;

/// The test rows that there are: those of the task, or those that the model holds.
fn labelled(given: &Given, task: &Task) -> Option<Examples> {
    if task.test.rows() > 0 {
        return Some(task.test.clone());
    }

    match given {
        Given::Trained(model) => model.test_rows(),
        _ => None,
    }
}

/// What the rows of [`labelled`] are called. A table for a trained model may hold rows that it was
/// trained on.
fn whose(given: &Given, task: &Task) -> String {
    let file = Path::new(&task.name).file_name();
    match (given, file) {
        (Given::Trained(_), Some(file)) if task.test.rows() > 0 => {
            format!("rows of {}", file.to_string_lossy())
        }
        _ => "test rows".into(),
    }
}

/// What was given as a model that predicts: others take inputs as the task has them.
fn predictor(given: &Given, network: &Network, task: &Task) -> Result<Trained> {
    if let Given::Trained(model) = given {
        return Ok((**model).clone());
    }

    let or_plain = |scales: &[Standard], count: usize| match scales {
        [] => vec![Standard::PLAIN; count],
        some => some.to_vec(),
    };

    let purpose = match &task.train.target {
        ExampleTargets::Classes(_) => Purpose::Classification {
            column: "class".into(),
            classes: (0..task.outputs).map(|c| c.to_string()).collect(),
        },
        ExampleTargets::Values(_) => Purpose::Regression {
            columns: (0..task.outputs).map(|i| format!("value{i}")).collect(),
            scale: or_plain(&task.scales.targets, task.outputs),
        },
    };

    Trained {
        version: Trained::VERSION,
        provenance: String::new(),
        features: (0..task.inputs).map(|i| format!("input{i}")).collect(),
        inputs: or_plain(&task.scales.inputs, task.inputs),
        purpose,
        activation: String::new(),
        learned: None,
        network: Model::of(network, String::new()),
        ranges: None,
        rows: None,
    }
    .checked()
}

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
        .then(|| config.network(given, task))
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

/// A file for other programs, without a folder. Activations with which a network would have to be
/// trained first are an error.
///
/// # Errors
/// As [`run`].
pub fn single(
    config: &ExportConfig,
    given: &Given,
    task: &Task,
    form: ExportFormat,
) -> Result<Vec<u8>> {
    let network = (config.what == ExportScope::Network)
        .then(|| config.network(given, task))
        .transpose()?;
    interchanged(config, given, task, network.as_ref(), form)
}

/// Whether sub-networks answer as the model does on its training rows. The model goes on along a
/// line beyond the range of its tables, where a sub-network goes its own way.
fn check_subnets(model: &Trained) -> Result<()> {
    let Some(ranges) = &model.ranges else {
        return Ok(());
    };

    for (activation, z) in model.network.activations.iter().zip(&ranges.types) {
        let (Some(&low), Some(&high)) = (z.first(), z.last()) else {
            continue;
        };

        if let ActivationFile::Table { range, .. } = activation {
            ensure!(
                -range <= low && high <= *range,
                "`onnx_activations` subnets: on the training rows pre-activations reach from {low:.1} to {high:.1}, and \
                 sub-networks answer as `ldnn predict` does between -{range} and {range} only; take `onnx_activations` \
                 tables"
            );
        }
    }

    Ok(())
}

/// `network`: the one that was trained, or the given one.
fn interchanged(
    config: &ExportConfig,
    given: &Given,
    task: &Task,
    network: Option<&(Network, Option<Vec<Function>>, String)>,
    form: ExportFormat,
) -> Result<Vec<u8>> {
    let choices = Choices {
        onnx_activations: config.onnx_activations,
        samples: config.samples,
    };

    if let Some((network, _, what)) = network.filter(|_| config.what == ExportScope::Network) {
        // In the units of the user's own data, as code for devices is.
        if !matches!(given, Given::Trained(_)) && task.scales != Standardisation::default() {
            let mut model = predictor(given, network, task)?;
            model.provenance = format!("ldnn {}: {what}", env!("CARGO_PKG_VERSION"));

            if let Given::Activations(learned) = given {
                model.learned = learned.chosen(&config.activation)?;
                model.activation.clone_from(&config.activation);
            }
            return formats::bytes(Content::Trained(&model), form, choices);
        }
    }

    match (
        given,
        network.filter(|_| config.what == ExportScope::Network),
    ) {
        (Given::Trained(model), _) => formats::bytes(Content::Trained(model), form, choices),
        (Given::Network(name, network), _) => formats::bytes(
            Content::Network(&Model::of(network, format!("the network {name}")), None),
            form,
            choices,
        ),
        (Given::Activations(learned), None) => {
            formats::bytes(Content::Activations(learned), form, choices)
        }
        (Given::Activations(learned), Some((network, _, what))) => {
            let learned = learned.chosen(&config.activation)?;
            let network = Model::of(
                network,
                format!("ldnn {}: {what}", env!("CARGO_PKG_VERSION")),
            );
            formats::bytes(Content::Network(&network, learned.as_ref()), form, choices)
        }
    }
}

/// The network, the source of its tables, and the model whose answers the export must give.
struct Subject {
    source: CalibratedNetwork,
    model: Trained,
    /// Where it comes from.
    what: String,
    /// The rows with right answers that there are.
    labelled: Option<Examples>,
    /// What they are called.
    whose: String,
}

/// Tables, weights, and what they cost.
fn for_devices(
    config: &ExportConfig,
    given: &Given,
    (task, (network, functions, what)): (&Task, (Network, Option<Vec<Function>>, String)),
    folder: &RunFolder,
    section: &mut Section,
) -> Result<()> {
    let source = match given {
        Given::Trained(model) => match &model.ranges {
            Some(ranges) => CalibratedNetwork::from_ranges(&network, ranges)?,
            None => CalibratedNetwork::new(&network, &fitting(&network, task)?.train, None)?,
        },
        _ => CalibratedNetwork::new(&network, &fitting(&network, task)?.train, functions)?,
    };

    let model = predictor(given, &network, task)?;

    let subject = Subject {
        source,
        model,
        what,
        labelled: labelled(given, task),
        whose: whose(given, task),
    };

    let source = &subject.source;
    let ranges = ranges(config, source)?;
    let yardstick = yardstick(config, &subject, &ranges)?;
    let chooser = Chooser::new(source, ranges, config.beyond)?;
    let chosen = chooser.measured(&chooser.choose(config.form, config.budget)?)?;
    let exact = source.outputs(yardstick.rows())?;
    let with_tables = choose::outputs(source, &chosen.tables, yardstick.rows())?;
    let integer_file = integers::quantise(source, &chooser.ranges)?;
    let in_integers = integers::outputs(&integer_file, source, yardstick.rows())?.1;

    section.text.push(format!("From {}.", subject.what));

    // Classical activations are computed, not looked up: every size of tables is then the same
    // nothing.
    let (has_tables, whole_int8) = (chosen.bytes > 0, config.weights == Weights::Int8);
    if has_tables {
        let ranges = range_table(source, &chooser, &chosen, config);
        section.tabulate(folder, "ranges", ranges)?;
    }

    let errors = integers::table_errors(&integer_file, source)?;

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
        let pareto = pareto_table(source, &sizes, chosen, &yardstick, integer_row)?;
        section.tabulate(folder, "pareto", pareto)?;
    }

    let mut measured = vec![];

    if has_tables && !whole_int8 {
        measured.push(format!(
            "tables: {} bytes; against the model's own activations: largest error {:.3e}, RMS error {:.3e} within their ranges",
            chosen.bytes, chosen.max_error, chosen.rms_error
        ));

        if let Some((max, rms)) = choose::every_input(source, &chosen.tables)? {
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
            theta: source.theta.clone(),
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
        section.text.push(verify::on_rows(&deployed, &agreement));
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

/// The task, if the network has its inputs and outputs.
fn fitting<'a>(network: &Network, task: &'a Task) -> Result<&'a Task> {
    let shape = &network.shape;

    ensure!(
        shape.inputs() == task.inputs && shape.outputs() == task.outputs,
        "the network has {} inputs and {} outputs, the task {} has {} and {}; give its own task with `task` or `data`",
        shape.inputs(),
        shape.outputs(),
        task.name,
        task.inputs,
        task.outputs
    );

    Ok(task)
}

/// What tables span, type by type: what was asked for; else the middle of the pre-activations, and
/// those of the row of means, so that there are rows which lie within.
fn ranges(config: &ExportConfig, source: &CalibratedNetwork) -> Result<Vec<(f32, f32)>> {
    if let Some(range) = config.range {
        return Ok(vec![range; source.shape.types()]);
    }

    let means = source.at_the_means()?.into_iter().enumerate();
    let of_type = |(t, mean): (usize, (f32, f32))| {
        let (low, high) = source.range(t, config.percentile);
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

    let source = &subject.source;
    let x = source.draw_within(DRAWN, config.seed, ranges)?;
    let rows = Examples::new(
        x,
        ExampleTargets::Classes(vec![0; DRAWN]),
        source.shape.inputs(),
    );
    let exact = source.outputs(&rows)?;
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
fn deployed(config: &ExportConfig, given: &Given, subject: &Subject) -> Deployed {
    let model = &subject.model;
    let named = matches!(given, Given::Trained(_)) && config.what == ExportScope::Network;
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
        shape: (config.what == ExportScope::Network).then(|| ShapeFile::of(&subject.source.shape)),
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

    let mut put = |file: String, bytes: Vec<u8>| -> Result<()> {
        folder.write(&file, &bytes)?;
        files.push(format!("{file} ({} bytes)", bytes.len()));
        Ok(())
    };

    for &format in &config.format {
        for (file, bytes) in written::files(format, model, golden)? {
            put(file, bytes)?;
        }
    }

    put("model.json".into(), serde_json::to_vec(model)?)?;
    put("golden.json".into(), serde_json::to_vec(golden)?)?;
    section.text.push(format!("Written: {}.", files.join(", ")));

    Ok(())
}

/// The golden vectors, with the answers of `ldnn predict` to them.
fn golden(
    config: &ExportConfig,
    model: &Deployed,
    subject: &Subject,
    tables: (&TableCandidate, &[(f32, f32)]),
) -> Result<Golden> {
    let (chosen, ranges) = tables;

    let Some(rows) = subject.labelled.as_ref().filter(|_| config.with_rows > 0) else {
        let source = &subject.source;
        let mut drawn = source.draw_within(config.golden, config.seed, ranges)?;

        // Integers saturate where real numbers go on along the last line, so these see the ends of
        // the inputs, too.
        if matches!(model.weights, WeightFile::Integers(_)) {
            let ends = source.ends(config.golden / 2)?;
            let kept = drawn.len() - ends.len();
            drawn[kept..].copy_from_slice(&ends);
        }

        let mut golden = answered(model, subject, chosen, &drawn)?;
        golden.predicted.drawn = true;
        golden.predicted.outside = outside(source, &chosen.tables, ranges);
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

/// The percentage of pre-activations on the training rows that are beyond the tables, in the type
/// with most of them. Activations without a table have no range.
fn outside(source: &CalibratedNetwork, tables: &[Owned], ranges: &[(f32, f32)]) -> f64 {
    let types = ranges.iter().zip(tables).enumerate();

    types
        .filter(|(_, (_, table))| table.bytes() > 0)
        .map(|(t, (range, _))| source.outside(t, *range))
        .fold(0.0, f64::max)
}

/// How far the export is from `ldnn predict` on these rows.
fn agreement_on(
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
    let (source, predictor) = (&subject.source, &subject.model);

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

    let (classes, answers) = match predictor.predict(&readings)? {
        Predictions::Classes(classes, chances) => (classes, chances),
        Predictions::Values(values) => {
            let scale = predictor.scale();
            let less = |(i, y): (usize, &f64)| y - scale[i % scale.len()].offset;
            (vec![], values.iter().enumerate().map(less).collect())
        }
    };

    let network_inputs: Vec<f32> = readings
        .iter()
        .enumerate()
        .map(|(i, &x)| scale(i).input(x))
        .collect();

    let beyond: Vec<u32> = scaled
        .chunks_exact(width)
        .zip(0..)
        .filter(|(row, _)| !source.ranges.hold(row))
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
            let error = choose::largest_error_on(source, &chosen.tables, &rows)?;
            let tolerance = (ROUNDING_TOLERANCE + TABLE_FACTOR * error).min(TABLES_TOLERANCE);

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

fn range_table(
    source: &CalibratedNetwork,
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
        let z = &source.pre_activations[t];
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
            format!("{:.2} %", source.outside(t, *range)),
            description,
            bytes.to_string(),
        ]);
    }

    table
}

/// Every size, the chosen one among them if tables were chosen; a star marks what nothing smaller
/// beats.
fn pareto_table(
    source: &CalibratedNetwork,
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
                yardstick.words(&source.outputs(rows)?)
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
            format!("{:?}", candidate.form).to_lowercase(),
            candidate.knots.to_string(),
            candidate.bytes.to_string(),
            format!("{:.2e}", candidate.max_error),
            format!("{:.2e}", candidate.rms_error),
            yardstick.words(&choose::outputs(
                source,
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
