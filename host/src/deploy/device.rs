//! What the export of a model would be with default settings, without its files: bytes of flash,
//! instructions of an answer, and errors with the tables and integers that it would have.

use super::choose::Chooser;
use super::config::{ExportConfig, Weights};
use super::cost::Work;
use super::deployed::{Deployed, WeightFile};
use super::given::Given;
use super::integers;
use super::run::{deployed, ranges};
use super::subject::Subject;
use super::table::TableFile;
use super::table_errors::outputs_with_tables;
use crate::data::task::Examples;
use crate::model::calibrated::{CalibratedNetwork, loss_and_accuracy};
use crate::model::{LossAndAccuracy, Model};
use anyhow::{Context, Result};

/// A model as a device has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnDevice {
    /// What its numbers take.
    pub flash: Flash,
    /// Instructions of one answer from raw inputs, estimated; see [`Work`].
    pub instructions: f64,
    /// How good it is on the rows.
    pub score: LossAndAccuracy,
}

/// Bytes of the numbers of an export. The code comes on top, and does not depend on the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flash {
    /// Weights and biases; of integers, factors and shifts, too.
    pub weights: usize,
    /// Tables of activations.
    pub tables: usize,
    /// Means and factors of inputs and outputs.
    pub scales: usize,
}

impl Flash {
    /// Of an export.
    ///
    /// # Errors
    /// If a table is malformed.
    pub fn of(model: &Deployed) -> Result<Flash> {
        let floats: usize = model
            .owned()?
            .iter()
            .map(super::table::DeployedActivation::bytes)
            .sum();
        let pairs = model.standard.len() + model.outputs.pairs().len();

        let (weights, tables) = match &model.weights {
            WeightFile::None => (0, floats),
            WeightFile::Floats { theta } => (4 * theta.len(), floats),
            WeightFile::Integers(file) => (
                file.weights.len()
                    + 4 * (file.biases.len() + file.factors.len())
                    + file.shifts.len(),
                file.tables.iter().map(Vec::len).sum(),
            ),
        };

        Ok(Flash {
            weights,
            tables,
            scales: 8 * pairs,
        })
    }

    /// All of it.
    #[must_use]
    pub const fn total(self) -> usize {
        self.weights + self.tables + self.scales
    }
}

/// A model of `ldnn train` on a device, with weights of single precision and with weights of 8 bits;
/// how good it is on `rows`.
///
/// # Errors
/// If the model does not know its ranges, or no tables fit.
pub fn on_device(model: &Model, rows: &Examples) -> Result<[OnDevice; 2]> {
    let network = model.network.network()?;
    let observed = model.ranges.as_ref().context("the model knows no ranges")?;

    let subject = Subject {
        calibrated: CalibratedNetwork::from_ranges(&network, observed)?,
        model: model.clone(),
        what: String::new(),
        labelled: None,
        whose: String::new(),
    };

    let given = Given::Model(Box::new(model.clone()));
    let calibrated = &subject.calibrated;
    let config = ExportConfig::of_model().as_trained(&given);
    let chooser = Chooser::new(calibrated, ranges(&config, calibrated)?, config.beyond)?;
    let tables = chooser.choose(config.form, config.budget)?.tables;
    let file = integers::quantise(calibrated, &chooser.ranges)?;

    let outputs = [
        outputs_with_tables(calibrated, &tables, rows)?,
        integers::outputs(&file, calibrated, rows)?.1,
    ];

    let floats = Deployed {
        activations: tables.iter().map(TableFile::from).collect(),
        weights: WeightFile::Floats {
            theta: calibrated.theta.clone(),
        },
        ..deployed(&config, &given, &subject)
    };

    let int8 = ExportConfig {
        weights: Weights::Int8,
        ..config
    };

    let integers = Deployed {
        weights: WeightFile::Integers(Box::new(file)),
        ..deployed(&int8, &given, &subject)
    };

    let [with_floats, with_integers] = outputs;
    Ok([
        measured(&floats, &with_floats, rows)?,
        measured(&integers, &with_integers, rows)?,
    ])
}

fn measured(model: &Deployed, outputs: &[f32], rows: &Examples) -> Result<OnDevice> {
    Ok(OnDevice {
        flash: Flash::of(model)?,
        instructions: Work::of(model)?.instructions(),
        score: loss_and_accuracy(outputs, rows),
    })
}
