//! A trained network with everything that is needed to use it on rows of a table.

use super::metrics::{LabelledPredictions, Metrics, metrics};
use super::sealed::{seal, unseal};
use crate::data::table::{Column, Table, listed};
use crate::data::tabular::{Purpose, Tabular};
use crate::data::task::{ExampleTargets, Examples};
use crate::data::{Standard, Targets};
use crate::model::activations::LearnedActivations;
use crate::model::{Model, Ranges};
use crate::support::atomic::write_atomically;
use anyhow::{Context, Result, ensure};
use ldnn_core::deploy::{Outputs, Scaling};
use ldnn_core::network::{Pass, Workspace};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The file of `ldnn train`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trained {
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
    pub network: Model,
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

/// Predictions for some rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// The class of each row, and the probability of every class, rows x classes.
    Classes(Vec<u16>, Vec<f64>),
    /// rows x columns, in the units of the table.
    Values(Vec<f64>),
}

impl Trained {
    /// The version of the files that we write.
    pub const VERSION: u32 = 3;
    /// The version before files had a checksum; it is read, too.
    const WITHOUT_CHECKSUM: u64 = 2;

    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it is not there or malformed; the message says what is wrong.
    pub fn read(path: &Path) -> Result<Trained> {
        let bytes = std::fs::read(path).with_context(|| {
            format!(
                "cannot read a model from '{}'; `ldnn train` writes such files",
                path.display()
            )
        })?;
        Trained::parse(&bytes).with_context(|| format!("in '{}'", path.display()))
    }

    /// Reads and checks the bytes of a file.
    ///
    /// # Errors
    /// If they are malformed; the message says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Trained> {
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

        let model = Trained {
            version: Self::VERSION,
            ..serde_json::from_value(value)?
        };

        model.checked()
    }

    /// The same, if its parts fit together.
    ///
    /// # Errors
    /// If they do not; the message says which.
    pub fn checked(self) -> Result<Trained> {
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
        write_atomically(path, seal(self)?.as_bytes())
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

    /// The rows of a table that holds the targets, as the network takes them. Where the classes
    /// have names, numbers of classes will do: arrays hold numbers.
    ///
    /// # Errors
    /// If a column is missing, or a class is not known.
    pub fn set_of(&self, mut table: Table) -> Result<Examples> {
        if let Purpose::Classification { column, classes } = &self.purpose
            && classes.iter().all(|name| name.parse::<f64>().is_err())
            && let Some(at) = table.names.iter().position(|name| name == column)
        {
            let named = |i: &String| {
                i.parse::<usize>()
                    .ok()
                    .and_then(|i| classes.get(i).cloned())
            };

            let all: Option<Vec<String>> = table.columns[at]
                .clone()
                .into_text()
                .iter()
                .map(named)
                .collect();

            if let Some(all) = all {
                table.columns[at] = Column::Text(all);
            }
        }

        let x = self.inputs_of(&table)?;
        let width = self.inputs.len();

        let x = x
            .iter()
            .enumerate()
            .map(|(i, &x)| self.inputs[i % width].input(x))
            .collect();

        let target = match self.target_of(table)? {
            Targets::Classes { labels, .. } => ExampleTargets::Classes(labels),
            Targets::Values { values, .. } => {
                ExampleTargets::Values(values.iter().map(|&y| y as f32).collect())
            }
        };

        Ok(Examples::new(x, target, width))
    }

    /// The targets of a table: classes by number, or standardised values.
    fn target_of(&self, table: Table) -> Result<Targets> {
        let classify = matches!(self.purpose, Purpose::Classification { .. });
        let data = Tabular::new(table, &self.targets(), Some(classify))?;
        let rows: Vec<u32> = (0..data.rows() as u32).collect();
        let scale = vec![Standard::PLAIN; data.features.len()];
        Ok(data.rows_of(&rows, &self.purpose, &scale)?.1)
    }

    /// The target columns.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        match &self.purpose {
            Purpose::Classification { column, .. } => vec![column.clone()],
            Purpose::Regression { columns, .. } => columns.clone(),
        }
    }

    /// Where the model's inputs are among the columns of a table; other columns do not matter. In a
    /// file without names (`named` says whether it has some) the inputs are in order.
    ///
    /// # Errors
    /// If a column is missing.
    pub fn places(&self, names: &[String], named: bool) -> Result<Vec<usize>> {
        let by_name: HashMap<&String, usize> = names
            .iter()
            .enumerate()
            .map(|(i, name)| (name, i))
            .collect();

        let missing = match self
            .features
            .iter()
            .find(|name| !by_name.contains_key(name))
        {
            None => {
                return Ok(self
                    .features
                    .iter()
                    .filter_map(|name| by_name.get(name).copied())
                    .collect());
            }
            Some(missing) => missing,
        };

        let targets = self.targets();
        let others: Vec<usize> = (0..names.len())
            .filter(|&i| !targets.contains(&names[i]))
            .collect();

        if !named && others.len() == self.features.len() {
            return Ok(others);
        }

        let there = if named {
            listed(names)
        } else {
            format!(
                "{} columns without names (if its first line has the names, add `header`)",
                names.len()
            )
        };

        anyhow::bail!(
            "the model needs a column '{missing}' (it has {} inputs); the table has {there}",
            self.features.len()
        )
    }

    /// The inputs of a table in the model's order, row-major.
    ///
    /// # Errors
    /// As [`Self::places`]; if one holds text.
    pub fn inputs_of(&self, table: &Table) -> Result<Vec<f64>> {
        let mut columns = vec![];

        for (i, name) in self
            .places(&table.names, table.named)?
            .into_iter()
            .zip(&self.features)
        {
            let Column::Numbers(values) = &table.columns[i] else {
                anyhow::bail!("column '{name}' holds text")
            };
            columns.push(values);
        }

        Ok((0..table.rows())
            .flat_map(|row| columns.iter().map(move |c| c[row]))
            .collect())
    }

    /// Predictions for rows of raw inputs, in the arithmetic of the exports: where the activations
    /// are the same, so is every bit.
    ///
    /// # Errors
    /// If an input is NaN, infinite, or so large that nothing finite comes out; the message names
    /// row and column.
    pub fn predict(&self, x: &[f64]) -> Result<Predictions> {
        let mut scaled = Vec::with_capacity(x.len());
        let is_one = x.len() == self.features.len();
        let place = |i: usize| match is_one {
            true => String::new(),
            false => format!("row {}, ", i + 1),
        };

        for (i, row) in x.chunks_exact(self.features.len()).enumerate() {
            for ((&x, s), name) in row.iter().zip(&self.inputs).zip(&self.features) {
                let input = s.input(x);
                ensure!(
                    input.is_finite(),
                    "{}column '{name}': {x:e} is beyond what the model can take; leave the row out, or clip the value",
                    place(i)
                );

                scaled.push(input);
            }
        }

        self.predict_scaled(&scaled)
    }

    /// Predictions for the rows of a table.
    ///
    /// # Errors
    /// As [`Self::inputs_of`] and [`Self::predict`]; the message names the place in the file.
    pub fn predict_table(&self, table: &Table) -> Result<Predictions> {
        let x = self.inputs_of(table)?;
        self.predict(&x).map_err(|error| {
            let mut rows = x.chunks_exact(self.features.len()).zip(&table.lines);
            let first = rows.find_map(|(x, line)| Some((line, self.predict(x).err()?)));
            // One row by itself, so that the error does not count rows of its own.
            match first {
                Some((line, error)) => error.context(format!("{} {line}", table.unit)),
                None => error,
            }
        })
    }

    /// Predictions for rows that are standardised already.
    fn predict_scaled(&self, scaled: &[f32]) -> Result<Predictions> {
        let network = self.network.network()?;
        let (width, outputs) = (self.features.len(), network.shape.outputs());
        let mut out = vec![0.0f32; scaled.len() / width * outputs];

        const ROWS: usize = 256;

        let mut memory = vec![0.0; network.shape.workspace_len(ROWS, Pass::Forward)];
        let mut workspace = Workspace::new(&network.shape, ROWS, Pass::Forward, &mut memory)?;
        let view = network.view()?;

        for (x, out) in scaled
            .chunks(ROWS * width)
            .zip(out.chunks_mut(ROWS * outputs))
        {
            view.predict(x, out, &mut workspace)?;
        }

        let (pairs, scale) = (self.output_pairs(), self.scale());
        let meaning = match &self.purpose {
            Purpose::Classification { .. } => Outputs::Classes,
            Purpose::Regression { .. } => Outputs::Values(&pairs),
        };
        let scaling = Scaling {
            inputs: &[],
            outputs: meaning,
        };

        let mut classes = vec![];
        let rows = out.len() / outputs;

        for (i, row) in out.chunks_exact_mut(outputs).enumerate() {
            let class = scaling.answer(row);
            classes.push(class.with_context(|| match rows {
                1 => "the inputs are too large for the model".into(),
                _ => format!("row {}: its inputs are too large for the model", i + 1),
            })? as u16);
        }

        Ok(match &self.purpose {
            Purpose::Classification { .. } => {
                Predictions::Classes(classes, out.into_iter().map(f64::from).collect())
            }
            Purpose::Regression { .. } => {
                let value = |(i, &y): (usize, &f32)| f64::from(y) + scale[i % outputs].offset;
                Predictions::Values(out.iter().enumerate().map(value).collect())
            }
        })
    }

    /// The scales of the targets; none for classes.
    #[must_use]
    pub fn scale(&self) -> &[Standard] {
        match &self.purpose {
            Purpose::Classification { .. } => &[],
            Purpose::Regression { scale, .. } => scale,
        }
    }

    /// Adds the rows of a table that holds the targets to those that are evaluated together.
    ///
    /// # Errors
    /// If a column is missing, or a class is not known.
    pub fn evaluate_table(&self, table: Table, so_far: &mut EvaluatedRows) -> Result<()> {
        let predicted = self.predict_table(&table)?;
        let target = self.target_of(table)?;
        match target {
            Targets::Classes { labels, .. } => so_far.add(predicted, &labels, &[], &self.purpose),
            Targets::Values { values, .. } => so_far.add(predicted, &[], &values, &self.purpose),
        }
    }

    /// How good it is on standardised rows.
    ///
    /// # Errors
    /// If the rows are of another kind than the model.
    pub fn evaluate_set(&self, set: &Examples) -> Result<Metrics> {
        let (predicted, mut evaluated) = (self.predict_scaled(&set.x)?, EvaluatedRows::default());
        match &set.target {
            ExampleTargets::Classes(labels) => {
                evaluated.add(predicted, labels, &[], &self.purpose)?
            }
            ExampleTargets::Values(values) => {
                let values: Vec<f64> = values.iter().map(|&y| f64::from(y)).collect();
                evaluated.add(predicted, &[], &values, &self.purpose)?;
            }
        }

        Ok(self.metrics(&evaluated))
    }

    /// How good it is on the rows that were evaluated.
    #[must_use]
    pub fn metrics(&self, evaluated: &EvaluatedRows) -> Metrics {
        match &self.purpose {
            Purpose::Classification { classes, .. } => metrics(&LabelledPredictions::Classes {
                classes,
                actual: &evaluated.classes.0,
                predicted: &evaluated.classes.1,
            }),
            Purpose::Regression { columns, .. } => metrics(&LabelledPredictions::Values {
                columns,
                actual: &evaluated.values.0,
                predicted: &evaluated.values.1,
            }),
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

/// Right answers and those that were given, row by row: a table may come in blocks.
#[derive(Clone, Debug, Default)]
pub struct EvaluatedRows {
    /// Number of rows.
    pub rows: usize,
    classes: (Vec<u16>, Vec<u16>),
    values: (Vec<f64>, Vec<f64>),
}

impl EvaluatedRows {
    /// Predictions beside the right classes, or the right values, standardised.
    fn add(
        &mut self,
        predicted: Predictions,
        labels: &[u16],
        scaled: &[f64],
        purpose: &Purpose,
    ) -> Result<()> {
        match (predicted, purpose) {
            (Predictions::Classes(predicted, _), Purpose::Classification { .. }) => {
                self.rows += predicted.len();
                self.classes.0.extend(labels);
                self.classes.1.extend(predicted);
            }
            (Predictions::Values(predicted), Purpose::Regression { scale, .. }) => {
                self.rows += predicted.len() / scale.len();

                self.values.0.extend(
                    scaled
                        .iter()
                        .enumerate()
                        .map(|(i, &y)| scale[i % scale.len()].undo(y)),
                );

                self.values.1.extend(predicted);
            }
            _ => anyhow::bail!("the table's target is not of the model's kind"),
        }

        Ok(())
    }
}
