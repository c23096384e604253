//! A model: a trained network with all that it takes to use it on the rows of a table, and its file.

use super::sealed::{seal, unseal};
use crate::data::Standard;
use crate::data::target::Purpose;
use crate::data::task::{ExampleTargets, Examples};
use crate::model::activations::LearnedActivations;
use crate::model::{NetworkFile, Ranges};
use crate::support::atomic::write_atomically;
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;

/// A trained network with the names, scales and classes that it takes to use it on the rows of a
/// table; the file that `ldnn train` writes and `predict`, `eval` and `export` read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Version of this form of file.
    pub version: u32,
    /// Where it comes from, for people.
    pub provenance: String,
    /// The names of the inputs, in order.
    pub features: Vec<String>,
    /// How each is standardised.
    pub inputs: Vec<Standard>,
    /// What is predicted.
    pub purpose: Purpose,
    /// The name of its activations.
    pub activation: String,
    /// The learned types, if it has any.
    pub learned: Option<LearnedActivations>,
    /// The network.
    pub network: NetworkFile,
    /// What occurs in it on the training rows, for exports; models that were imported have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranges: Option<Ranges>,
    /// Test rows, if they were asked for: a model holds no rows otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<TestRows>,
}

/// Rows with their targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRows {
    /// Standardised inputs, row-major.
    pub x: Vec<f32>,
    /// The class of each row, if the model predicts classes.
    pub classes: Vec<u16>,
    /// Standardised values, row-major, if it predicts values.
    pub values: Vec<f32>,
}

impl Model {
    /// The version of the files that we write.
    pub const VERSION: u32 = 3;
    /// The version before files had a checksum; it is read, too.
    const WITHOUT_CHECKSUM: u64 = 2;

    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it is not there or malformed; the message says what is wrong.
    pub fn read(path: &Path) -> Result<Model> {
        let bytes = regular::read(path, Most::Memory).with_context(|| {
            format!(
                "cannot read a model from '{}'; `ldnn train` writes such files",
                path.display()
            )
        })?;
        Model::parse(&bytes).with_context(|| format!("in '{}'", path.display()))
    }

    /// Reads and checks the bytes of a file.
    ///
    /// # Errors
    /// If they are malformed; the message says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Model> {
        ensure!(
            !bytes.starts_with(&ldnn_core::image::MAGIC),
            "this is the image of a model for a device; give the model that `ldnn train` wrote"
        );

        let mut value: serde_json::Value =
            serde_json::from_slice(bytes).context("this is no model of `ldnn train`")?;
        let version = value
            .get("version")
            .and_then(serde_json::Value::as_u64)
            .context("it has no version")?;

        ensure!(
            [Self::WITHOUT_CHECKSUM, u64::from(Self::VERSION)].contains(&version),
            "version {version} is not known; this program reads {}: train the model again",
            Self::VERSION
        );

        let is_sealed = unseal(&mut value)?;

        ensure!(
            is_sealed == (version != Self::WITHOUT_CHECKSUM),
            "the file is damaged, or was edited by hand: files of version {} have a checksum, others have none",
            Self::VERSION
        );

        let model = Model {
            version: Self::VERSION,
            ..serde_json::from_value(value)?
        };

        model.checked()
    }

    /// The same, if its parts fit together.
    ///
    /// # Errors
    /// If they do not; the message says which.
    pub fn checked(self) -> Result<Model> {
        let model = self;
        let network = model.network.network()?;

        ensure!(
            network.shape.inputs() == model.features.len()
                && model.inputs.len() == model.features.len(),
            "the network has {} inputs, and there are names of {}",
            network.shape.inputs(),
            model.features.len()
        );

        let outputs = match &model.purpose {
            Purpose::Classification { classes, .. } => classes.len(),
            Purpose::Regression { columns, scale } if columns.len() == scale.len() => columns.len(),
            Purpose::Regression { .. } => 0,
        };

        ensure!(
            network.shape.outputs() == outputs,
            "network and targets do not fit each other"
        );

        check_names(&model.features).context("the inputs")?;
        match &model.purpose {
            Purpose::Classification { classes, .. } => check_names(classes).context("the classes"),
            Purpose::Regression { columns, .. } => check_names(columns).context("the targets"),
        }?;

        ensure!(
            model.inputs.iter().all(Standard::is_sound),
            "a mean or standard deviation has no form in single precision, or is not positive"
        );

        if let Purpose::Regression { scale, .. } = &model.purpose {
            ensure!(
                scale.iter().all(Standard::is_sound),
                "a target's mean or standard deviation has no form in single precision, or is not positive"
            );
        }

        if let Some(ranges) = &model.ranges {
            ranges.check(&network.shape).context("'ranges'")?;
        }

        if let Some(rows) = &model.rows {
            rows.check(model.features.len(), &model.purpose)
                .context("'rows'")?;
        }

        Ok(model)
    }

    /// Writes a file, all of it or nothing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomically(path, self.text()?.as_bytes())
    }

    /// What [`Self::write`] writes.
    ///
    /// # Errors
    /// If a number has no form in JSON.
    pub fn text(&self) -> Result<String> {
        seal(self)
    }

    /// The test rows that it holds; none unless they were asked for.
    #[must_use]
    pub fn test_rows(&self) -> Option<Examples> {
        let rows = self.rows.as_ref()?;
        let target = match self.purpose {
            Purpose::Classification { .. } => ExampleTargets::Classes(rows.classes.clone()),
            Purpose::Regression { .. } => ExampleTargets::Values(rows.values.clone()),
        };
        Some(Examples::new(rows.x.clone(), target, self.features.len()))
    }

    /// A sentence about the rows that it holds, if it does.
    #[must_use]
    pub fn rows_note(&self) -> Option<String> {
        let count = self.rows.as_ref()?.x.len() / self.features.len().max(1);
        Some(format!(
            "The model holds {count} test rows with their targets, as asked for: whoever has the model, or an export with \
             rows, can read them."
        ))
    }

    /// How raw readings become inputs of the network.
    #[must_use]
    pub fn input_pairs(&self) -> Vec<[f32; 2]> {
        self.inputs.iter().map(Standard::input_pair).collect()
    }

    /// How outputs of the network become values; empty for classes.
    #[must_use]
    pub fn output_pairs(&self) -> Vec<[f32; 2]> {
        match &self.purpose {
            Purpose::Classification { .. } => vec![],
            Purpose::Regression { scale, .. } => scale.iter().map(Standard::output_pair).collect(),
        }
    }

    /// The target columns.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        match &self.purpose {
            Purpose::Classification { column, .. } => vec![column.clone()],
            Purpose::Regression { columns, .. } => columns.clone(),
        }
    }

    /// The scales of the targets; none for classes.
    #[must_use]
    pub fn scale(&self) -> &[Standard] {
        match &self.purpose {
            Purpose::Classification { .. } => &[],
            Purpose::Regression { scale, .. } => scale,
        }
    }
}

/// Whether each name is there once.
///
/// # Errors
/// If two are the same, or one is empty; the message says which.
pub fn check_names(names: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    for (i, name) in names.iter().enumerate() {
        ensure!(!name.is_empty(), "name {} is empty; give it one", i + 1);
        ensure!(
            seen.insert(name),
            "'{name}' is there twice; give each a name of its own"
        );
    }

    Ok(())
}

impl TestRows {
    fn check(&self, width: usize, purpose: &Purpose) -> Result<()> {
        let rows = self.x.len() / width.max(1);

        let fits = match purpose {
            Purpose::Classification { classes, .. } => {
                ensure!(
                    self.classes.iter().all(|&c| usize::from(c) < classes.len()),
                    "a row has no class"
                );
                self.classes.len() == rows && self.values.is_empty()
            }
            Purpose::Regression { columns, .. } => {
                self.values.len() == rows * columns.len() && self.classes.is_empty()
            }
        };

        ensure!(
            fits && rows > 0 && self.x.len() == rows * width,
            "inputs and targets do not fit"
        );

        let finite = self.x.iter().chain(&self.values).all(|x| x.is_finite());
        ensure!(finite, "a number is not finite");

        Ok(())
    }
}
