//! What an export is asked for: its settings, and whether they are possible.

use super::budget::{self, Budget, FormChoice};
use super::deployed::is_identifier;
use super::format::Format;
use super::given::{Given, labelled, whose};
use super::table::Beyond;
use crate::data::task::Task;
use crate::formats::ExportFormat;
use crate::formats::onnx::OnnxActivations;
use crate::model::activations::SAMPLES;
use crate::model::{ActivationFile, Model};
use crate::train::TrainConfig;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

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

impl ExportConfig {
    /// What an export of the model of `ldnn train` takes where nothing is asked for.
    ///
    /// What `ldnn predict` says of the rows that a model has learned from, the export says, too: its
    /// tables span all pre-activations of theirs.
    #[must_use]
    pub fn of_model() -> ExportConfig {
        ExportConfig {
            what: ExportScope::Network,
            percentile: 100.0,
            ..ExportConfig::default()
        }
    }

    /// With the tables that learned beside the weights as they are, if there are some: what was
    /// trained is what is deployed.
    #[must_use]
    pub fn as_trained(self, given: &Given) -> ExportConfig {
        let form = match self.takes_tables() && given.has_learning_tables() {
            true => FormChoice::Trained,
            false => self.form,
        };

        ExportConfig { form, ..self }
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

impl ExportConfig {
    /// Whether an export with these settings is possible.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do instead.
    pub fn check(&self, task: &Task, given: &Given) -> Result<()> {
        self.check_form()?;

        let is_onnx = |format: &Format| format.interchange() == Some(ExportFormat::Onnx);
        if let Given::Model(model) = given
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

        let known = matches!(given, Given::Model(model) if model.ranges.is_some());

        ensure!(
            known || task.train.rows() > 0,
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

        if self.form == FormChoice::Trained {
            ensure!(
                given.has_learning_tables(),
                "`form` trained: the activations did not learn as tables that a device can take as they are; use another \
                 `form`"
            );
            ensure!(
                self.budget == Budget::default(),
                "`form` trained: such tables have the size that was trained; leave out `knots`, `bytes` and `max_error`, or \
                 use another `form`"
            );
        }

        ensure!(
            self.form != FormChoice::Trained || self.beyond == Beyond::Linear,
            "`beyond` clamp: tables that learned go on along their last slopes; use another `form`"
        );

        match self.budget {
            Budget::Knots(n) => {
                ensure!((2..=1 << 15).contains(&n), "`knots` {n}: use 2 to 32768");
                budget::check_knots(self.form, n)?;
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
                rows > 0 || task.train.rows() == 0,
                "`with_rows` {}: the rows of `data` have no right answers; add their column",
                self.with_rows
            );

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

    /// Whether tables of real numbers with straight ends can be among what is written.
    #[must_use]
    pub fn takes_tables(&self) -> bool {
        self.is_for_devices() && self.weights == Weights::F32 && self.beyond == Beyond::Linear
    }

    /// Whether code or data for devices is among the formats.
    #[must_use]
    pub fn is_for_devices(&self) -> bool {
        self.format.iter().any(|f| f.interchange().is_none())
    }
}

/// The most golden rows.
const MOST_GOLDEN: usize = 100_000;

/// Whether sub-networks answer as the model does on its training rows. The model goes on along a
/// line beyond the range of its tables, where a sub-network goes its own way.
fn check_subnets(model: &Model) -> Result<()> {
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
