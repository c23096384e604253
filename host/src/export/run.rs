//! The whole export: ranges, tables, weights, files, and what all of it costs in accuracy.

use super::choose::{Budget, Candidate, Chooser, FormChoice};
use super::deployed::{Deployed, Measured, ShapeFile, WeightFile, is_identifier};
use super::function::Function;
use super::golden::Golden;
use super::integers;
use super::source::Source;
use super::table::{Beyond, TableFile};
use super::{c, choose, image, rust};
use crate::activations::{Activations, Choice};
use crate::data::tabular::{Purpose, Standard};
use crate::fit::Trained;
use crate::folder::RunFolder;
use crate::interchange::onnx::Way;
use crate::interchange::{self, Choices, Content, Form};
use crate::model::Model;
use crate::report::{Section, Table};
use crate::task::Task;
use crate::train::{Judgement, Network, TrainConfig, train_network};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// What code is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A module of constants for `ldnn-core`
    Rust,
    /// C99: a header and a source without dependencies
    C,
    /// The bytes that a device checks and loads (NAME.ldnn)
    Postcard,
    /// model.json alone, which is always written with the ones above
    Json,
    /// Named tensors for PyTorch and others: the network with its activations, scales and names
    Safetensors,
    /// A graph of standard operators, from raw inputs to probabilities or values (whole networks)
    Onnx,
    /// A NumPy archive of the same arrays as in safetensors
    Npz,
    /// Samples of the activations on [-5, 5], as the paper's authors write them
    Txt,
}

impl Format {
    /// Those for devices.
    pub const DEVICE: [Format; 4] = [Format::Rust, Format::C, Format::Postcard, Format::Json];

    /// The form that other programs read; `None` if it is for devices.
    #[must_use]
    pub const fn interchange(self) -> Option<Form> {
        match self {
            Format::Rust | Format::C | Format::Postcard | Format::Json => None,
            Format::Safetensors => Some(Form::Safetensors),
            Format::Onnx => Some(Form::Onnx),
            Format::Npz => Some(Form::Npz),
            Format::Txt => Some(Form::Txt),
        }
    }

    /// The format of a form.
    #[must_use]
    pub const fn of(form: Form) -> Format {
        match form {
            Form::Safetensors => Format::Safetensors,
            Form::Onnx => Format::Onnx,
            Form::Npz => Format::Npz,
            Form::Txt => Format::Txt,
        }
    }
}

/// How much of a network is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum What {
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportConfig {
    /// The prefix of names in code, and the name of the files.
    pub name: String,
    /// What to write.
    pub formats: Vec<Format>,
    /// How much.
    pub what: What,
    /// Which numbers.
    pub weights: Weights,
    /// Which form of tables.
    pub form: FormChoice,
    /// Their size.
    pub budget: Budget,
    /// Tables span this share of the pre-activations that the training rows cause.
    pub percentile: f64,
    /// This instead.
    pub range: Option<(f32, f32)>,
    /// What they do beyond.
    pub beyond: Beyond,
    /// Test rows that become golden vectors.
    pub golden: usize,
    /// Seed of the network that is trained.
    pub seed: u64,
    /// How it is trained.
    pub train: TrainConfig,
    /// What is trained: `mix`, `type1`, or a base function.
    pub activation: String,
    /// How ONNX holds learned activations.
    pub onnx_activations: Way,
    /// Samples a line of `activations.txt`.
    pub samples: usize,
}

/// What the user gave.
#[derive(Clone, Debug, Serialize)]
pub enum Given {
    /// Learned activations: a network is trained with them.
    Activations(Activations),
    /// A model of `ldnn train`, with the rows that it keeps.
    Trained(Box<Trained>),
    /// A trained network, from this file.
    #[serde(serialize_with = "only_name")]
    Network(String, Box<Network>),
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
        let trains = self.what == What::Network && matches!(given, Given::Activations(_));
        ensure!(is_identifier(&self.name), "--name '{}': use letters, digits and _, a letter first", self.name);
        ensure!((4..=1 << 20).contains(&self.samples), "--samples {}: use 4 to 1048576", self.samples);
        if !self.is_for_devices() && !trains {
            return Ok(());
        }
        ensure!(
            task.train.rows() > 0 && task.test.rows() > 0,
            "the model keeps no rows, which tell what ranges tables need; give some with --data FILE.npz (x, y, x_test, y_test)"
        );
        ensure!(
            self.percentile > 0.0 && self.percentile <= 100.0,
            "--percentile {}: use more than 0 and at most 100",
            self.percentile
        );
        if let Some((low, high)) = self.range {
            let good = low.is_finite() && high.is_finite() && low < high;
            ensure!(good, "--range {low},{high}: give two numbers, the smaller first");
        }
        match self.budget {
            Budget::Knots(n) => ensure!((2..=1 << 15).contains(&n), "--knots {n}: use 2 to 32768"),
            Budget::MaxError(e) => ensure!(e > 0.0 && e.is_finite(), "--max-error {e}: use a positive number"),
            Budget::Bytes(n) => ensure!(n > 0, "--bytes 0: use a positive number"),
        }
        ensure!(
            self.weights == Weights::F32 || self.what == What::Network,
            "--weights int8 is for whole networks; add --what network"
        );
        ensure!(
            self.golden > 0 && self.golden <= task.test.rows(),
            "--golden {}: the task has 1 to {} test rows",
            self.golden,
            task.test.rows()
        );
        self.train.check()
    }

    /// Whether code or data for devices is among the formats.
    #[must_use]
    pub fn is_for_devices(&self) -> bool {
        self.formats.iter().any(|f| f.interchange().is_none())
    }

    /// The network, exact activations to stand in place of its own, and where it comes from.
    fn network(&self, given: &Given, task: &Task) -> Result<(Network, Option<Vec<Function>>, String)> {
        match given {
            Given::Trained(model) => Ok((model.network.network()?, None, format!("the model {}", model.provenance))),
            Given::Network(name, network) => Ok(((**network).clone(), None, format!("the network {name}"))),
            Given::Activations(learned) => {
                let choice = |exact| Choice::named(&self.activation, Some(learned), exact);
                let (fast, exact) = (choice(false)?, choice(true)?);
                let (training, network) = train_network(&self.train, &fast, task, &task.train, &task.test, self.seed)?;
                ensure!(!training.diverged, "the training diverged; use a smaller --rate");
                let shape = exact.shape(&self.train.widths(task))?;
                let functions = (0..shape.types()).map(|t| Function::of(&shape, exact.phi(), t));
                let functions = functions.collect::<Result<_>>()?;
                let what = format!(
                    "{} ({}), hidden widths {:?}, trained on {} for {} epochs at rate {}, seed {}",
                    self.activation,
                    learned.provenance,
                    self.train.hidden,
                    task.name,
                    self.train.epochs,
                    self.train.rate,
                    self.seed
                );
                Ok((network, Some(functions), what))
            }
        }
    }
}

/// A judgement as text.
fn quality(judgement: &Judgement) -> String {
    match judgement.accuracy {
        Some(accuracy) => format!("{accuracy:.2} %"),
        None => format!("loss {:.4e}", judgement.loss),
    }
}

/// Exports into `folder`.
///
/// # Errors
/// If nothing fits the budget, or something cannot be written.
pub fn run(config: &ExportConfig, given: &Given, task: &Task, folder: &RunFolder) -> Result<Section> {
    let needs_network = config.is_for_devices() || config.what == What::Network;
    let network = needs_network.then(|| config.network(given, task)).transpose()?;
    let mut section = Section::new(format!("Export of {}", config.name));
    let mut files = vec![];
    for form in config.formats.iter().filter_map(|f| f.interchange()) {
        let bytes = interchanged(config, given, network.as_ref(), form)?;
        let file = format!("{}.{}", config.name, form.extension());
        folder.write(&file, &bytes)?;
        files.push(format!("{file} ({} bytes)", bytes.len()));
    }
    if !files.is_empty() {
        section.text.push(format!("Written for other programs: {}.", files.join(", ")));
    }
    if let Some(network) = network.filter(|_| config.is_for_devices()) {
        for_devices(config, given, (task, network), folder, &mut section)?;
    }
    section.save(folder)?;
    Ok(section)
}

/// A file for other programs, without a folder. Activations with which a network would have to be trained first are an error.
///
/// # Errors
/// As [`run`].
pub fn single(config: &ExportConfig, given: &Given, task: &Task, form: Form) -> Result<Vec<u8>> {
    let network = (config.what == What::Network).then(|| config.network(given, task)).transpose()?;
    interchanged(config, given, network.as_ref(), form)
}

/// `network`: the one that was trained, or the given one.
fn interchanged(
    config: &ExportConfig,
    given: &Given,
    network: Option<&(Network, Option<Vec<Function>>, String)>,
    form: Form,
) -> Result<Vec<u8>> {
    let choices = Choices { way: config.onnx_activations, samples: config.samples };
    match (given, network.filter(|_| config.what == What::Network)) {
        (Given::Trained(model), _) => interchange::bytes(Content::Trained(model), form, choices),
        (Given::Network(name, network), _) => interchange::bytes(
            Content::Network(&Model::of(network, format!("the network {name}")), None),
            form,
            choices,
        ),
        (Given::Activations(learned), None) => interchange::bytes(Content::Activations(learned), form, choices),
        (Given::Activations(learned), Some((network, _, what))) => {
            let learned = learned.chosen(&config.activation)?;
            let network = Model::of(network, format!("ldnn {}: {what}", env!("CARGO_PKG_VERSION")));
            interchange::bytes(Content::Network(&network, learned.as_ref()), form, choices)
        }
    }
}

/// Tables, weights, and what they cost.
fn for_devices(
    config: &ExportConfig,
    given: &Given,
    (task, (network, functions, what)): (&Task, (Network, Option<Vec<Function>>, String)),
    folder: &RunFolder,
    section: &mut Section,
) -> Result<()> {
    let source = Source::new(&network, task, functions)?;
    let types = source.shape.types();
    let ranges: Vec<(f32, f32)> =
        (0..types).map(|t| config.range.unwrap_or_else(|| source.range(t, config.percentile))).collect();
    let chooser = Chooser::new(&source, ranges, config.beyond)?;
    let exact = source.judge(&task.test)?;
    let chosen = chooser.measured(&chooser.choose(config.form, config.budget)?)?;
    let with_tables = choose::judge(&source, &chosen.tables, &task.test)?;
    let integer_file = integers::quantise(&source, &chooser.ranges)?;
    let in_integers = integers::judge_integers(&integer_file, &source, &task.test)?;

    section.text.push(format!("From {what}."));
    section.tabulate(folder, "ranges", range_table(&source, &chooser, &chosen, config))?;
    let ladder = chooser.ladder(config.form)?;
    let errors = integers::table_errors(&integer_file, &source)?;
    let last = (256 * integer_file.tables.len(), errors, &in_integers);
    section.tabulate(folder, "pareto", pareto_table(&source, &ladder, &chosen, task, &exact, last)?)?;

    let mut measured = vec![];
    let whole_int8 = config.weights == Weights::Int8;
    if !whole_int8 {
        measured.push(format!(
            "tables: {} bytes; against the exact activations: largest error {:.3e}, RMS error {:.3e} within their ranges",
            chosen.bytes, chosen.max_error, chosen.rms_error
        ));
        if let Some((max, rms)) = choose::every_input(&source, &chosen.tables)? {
            measured.push(format!(
                "over every integer that the tables take: largest error {max:.3e}, RMS error {rms:.3e} (without rounding the input)"
            ));
        }
    }
    let got = if whole_int8 { &in_integers } else { &with_tables };
    measured.push(format!(
        "on {} test rows: {} with exact activations, {} as exported",
        task.test.rows(),
        quality(&exact),
        quality(got)
    ));
    section.text.extend(measured.iter().cloned());
    let model = Deployed {
        version: Deployed::VERSION,
        name: config.name.clone(),
        provenance: format!("ldnn {}: {what}", env!("CARGO_PKG_VERSION")),
        measured: Measured(measured),
        shape: (config.what == What::Network).then(|| ShapeFile::of(&source.shape)),
        standard: standard(given).iter().map(|s| (s.mean as f32, (1.0 / s.sd) as f32)).collect(),
        classes: match given {
            Given::Trained(model) => match &model.purpose {
                Purpose::Classification { classes, .. } => classes.clone(),
                Purpose::Regression { .. } => vec![],
            },
            _ => vec![],
        },
        activations: if whole_int8 { vec![] } else { chosen.tables.iter().map(TableFile::from).collect() },
        weights: match (config.what, config.weights) {
            (What::Activations, _) => WeightFile::None,
            (What::Network, Weights::F32) => WeightFile::Floats { theta: source.theta.clone() },
            (What::Network, Weights::Int8) => WeightFile::Integers(Box::new(integer_file)),
        },
    };
    let model =
        if config.what == What::Network { model } else { Deployed { standard: vec![], classes: vec![], ..model } };
    write(config, &model, &source, (given, task), folder, section)
}

fn write(
    config: &ExportConfig,
    model: &Deployed,
    source: &Source,
    (given, task): (&Given, &Task),
    folder: &RunFolder,
    section: &mut Section,
) -> Result<()> {
    let rows: Vec<u32> = (0..config.golden as u32).collect();
    let test = task.test.pick(&rows);
    let raw = raw(&test.x, standard(given));
    let mut golden = Golden::of(model, &raw)?;
    if model.shape.is_some() {
        golden.exact = source.outputs(&test)?;
        if let crate::task::SetTarget::Classes(labels) = &test.target {
            golden.labels.clone_from(labels);
        }
    }
    let name = &config.name;
    let mut files = vec![];
    let mut put = |file: String, bytes: Vec<u8>| -> Result<()> {
        folder.write(&file, &bytes)?;
        files.push(format!("{file} ({} bytes)", bytes.len()));
        Ok(())
    };
    for format in &config.formats {
        match format {
            Format::Rust => {
                put(format!("{name}.rs"), rust::module(model)?.into())?;
                if model.shape.is_some() {
                    put(format!("{name}_golden.rs"), rust::golden(model, &golden)?.into())?;
                }
            }
            Format::C => {
                put(format!("{name}.h"), c::header(model)?.into())?;
                put(format!("{name}.c"), c::source(model)?.into())?;
            }
            Format::Postcard => put(format!("{name}.ldnn"), image::bytes(model)?)?,
            _ => {}
        }
    }
    put("model.json".into(), serde_json::to_vec(model)?)?;
    put("golden.json".into(), serde_json::to_vec(&golden)?)?;
    section.text.push(format!("Written: {}.", files.join(", ")));
    Ok(())
}

/// How the inputs of a model are standardised.
fn standard(given: &Given) -> &[Standard] {
    match given {
        Given::Trained(model) => &model.inputs,
        _ => &[],
    }
}

/// Standardised rows as they were in the table.
fn raw(x: &[f32], standard: &[Standard]) -> Vec<f32> {
    match standard.len() {
        0 => x.to_vec(),
        n => x.iter().enumerate().map(|(i, &x)| standard[i % n].undo(x.into()) as f32).collect(),
    }
}

fn range_table(source: &Source, chooser: &Chooser, chosen: &Candidate, config: &ExportConfig) -> Table {
    let how = config.range.map_or_else(|| format!("{} % of", config.percentile), |_| "given, for".into());
    let mut table = Table::new(
        format!("tables, over {how} the pre-activations on the training rows"),
        &["type", "observed", "range", "beyond", "table", "bytes"],
    );
    for (t, (range, owned)) in chooser.ranges.iter().zip(&chosen.tables).enumerate() {
        let z = &source.seen[t];
        let observed = z.first().zip(z.last()).map_or(String::new(), |(a, b)| format!("{a:.2} to {b:.2}"));
        table.row([
            (t + 1).to_string(),
            observed,
            format!("{:.2} to {:.2}", range.0, range.1),
            format!("{:.2} %", source.outside(t, *range)),
            owned.describe(),
            owned.bytes().to_string(),
        ]);
    }
    table
}

/// Every size, the chosen one among them; a star marks what nothing smaller beats.
fn pareto_table(
    source: &Source,
    ladder: &[Candidate],
    chosen: &Candidate,
    task: &Task,
    exact: &Judgement,
    (bytes, (max, rms), integers): (usize, (f64, f64), &Judgement),
) -> Result<Table> {
    let mut all: Vec<(&Candidate, bool)> = ladder.iter().map(|c| (c, false)).chain([(chosen, true)]).collect();
    all.sort_by(|a, b| {
        (a.0.bytes, a.0.max_error).partial_cmp(&(b.0.bytes, b.0.max_error)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut table = Table::new(
        format!("sizes (* none of fewer bytes is better; exact activations have {})", quality(exact)),
        &["form", "knots", "bytes", "max error", "RMS error", "on the test rows", ""],
    );
    let mut best = f64::INFINITY;
    for (candidate, is_chosen) in all {
        let star = candidate.max_error < best;
        best = best.min(candidate.max_error);
        let mark = format!("{}{}", if star { "*" } else { "" }, if is_chosen { " chosen" } else { "" });
        table.row([
            format!("{:?}", candidate.form).to_lowercase(),
            candidate.knots.to_string(),
            candidate.bytes.to_string(),
            format!("{:.2e}", candidate.max_error),
            format!("{:.2e}", candidate.rms_error),
            quality(&choose::judge(source, &candidate.tables, &task.test)?),
            mark,
        ]);
    }
    let note = "with int8 weights".to_string();
    let errors = [max, rms].map(|e| format!("{e:.2e}"));
    let [max, rms] = errors;
    table.row(["i8".into(), "256".into(), bytes.to_string(), max, rms, quality(integers), note]);
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judgement_says_what_it_is() {
        assert_eq!(quality(&Judgement { loss: 1.0, accuracy: Some(66.125) }), "66.12 %");
        assert_eq!(quality(&Judgement { loss: 0.00125, accuracy: None }), "loss 1.2500e-3");
        let right = super::super::source::judge(
            &[0.0, 2.0, 1.0, -1.0],
            &crate::task::Set::new(vec![0.0; 2], crate::task::SetTarget::Classes(vec![1, 1]), 1),
        );
        assert_eq!(right.accuracy, Some(50.0));
    }
}
