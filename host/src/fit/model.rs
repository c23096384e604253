//! A trained network with everything that is needed to use it on rows of a table.

use super::metrics::{Answers, Metrics, metrics};
use crate::activations::Activations;
use crate::data::table::{Column, Table, listed};
use crate::data::tabular::{Purpose, Standard, Tabular};
use crate::data::{Target, write_atomically};
use crate::model::Model;
use crate::simd::Level;
use crate::task::{Set, SetTarget, Task};
use anyhow::{Context, Result, ensure};
use ldnn_core::network;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
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
    pub learned: Option<Activations>,
    /// The network.
    pub network: Model,
    /// Some standardised training rows, row-major: they tell an export which pre-activations occur.
    pub seen: Vec<f32>,
    /// Some standardised test rows (of a cross-validated model, training rows), row-major, with their targets: golden vectors.
    pub kept: Vec<f32>,
    /// The classes of `kept`.
    pub kept_classes: Vec<u16>,
    /// The standardised values of `kept`, row-major.
    pub kept_values: Vec<f32>,
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
    pub const VERSION: u32 = 1;

    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it is not there or malformed; the message says what is wrong.
    pub fn read(path: &Path) -> Result<Trained> {
        let bytes = std::fs::read(path).with_context(|| {
            format!("cannot read a model from '{}'; `ldnn train` writes such files", path.display())
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
        let value: serde_json::Value = serde_json::from_slice(bytes).context("this is no model of `ldnn train`")?;
        let version = value.get("version").and_then(serde_json::Value::as_u64).context("it has no version")?;
        ensure!(
            version == u64::from(Self::VERSION),
            "version {version} is not known; this program reads {}",
            Self::VERSION
        );
        serde_json::from_value::<Trained>(value)?.checked()
    }

    /// The same, if its parts fit together.
    ///
    /// # Errors
    /// If they do not; the message says which.
    pub fn checked(self) -> Result<Trained> {
        let model = self;
        let network = model.network.network()?;
        ensure!(
            network.shape.inputs() == model.features.len() && model.inputs.len() == model.features.len(),
            "the network has {} inputs, and there are names of {}",
            network.shape.inputs(),
            model.features.len()
        );
        let outputs = match &model.purpose {
            Purpose::Classification { classes, .. } => classes.len(),
            Purpose::Regression { columns, scale } if columns.len() == scale.len() => columns.len(),
            Purpose::Regression { .. } => 0,
        };
        ensure!(network.shape.outputs() == outputs, "network and targets do not fit each other");
        let (width, rows) = (model.features.len(), model.kept.len() / model.features.len().max(1));
        let targets = if model.kept_classes.is_empty() {
            model.kept_values.len() / outputs.max(1)
        } else {
            model.kept_classes.len()
        };
        let whole = model.seen.len().is_multiple_of(width) && model.kept.len().is_multiple_of(width);
        ensure!(whole && rows == targets, "the rows that it keeps do not fit");
        ensure!(model.kept_classes.iter().all(|&c| usize::from(c) < outputs), "a row that it keeps has no class");
        let sound = |s: &Standard| s.mean.is_finite() && s.sd.is_finite() && s.sd > 0.0;
        ensure!(model.inputs.iter().all(sound), "a standard deviation is not positive and finite");
        let finite = model.seen.iter().chain(&model.kept).chain(&model.kept_values).all(|x| x.is_finite());
        ensure!(finite, "a row that it keeps holds a number that is not finite");
        Ok(model)
    }

    /// Writes a file, all of it or nothing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomically(path, (serde_json::to_string(self)? + "\n").as_bytes())
    }

    /// Whether it keeps rows; models that were imported may have none.
    #[must_use]
    pub fn keeps_rows(&self) -> bool {
        !self.seen.is_empty() && !self.kept.is_empty()
    }

    /// The rows that it keeps, as a task.
    #[must_use]
    pub fn task(&self) -> Task {
        let width = self.features.len();
        let outputs = self.network.widths.last().copied().unwrap_or(0);
        let target = |rows: usize| match self.purpose {
            Purpose::Classification { .. } => {
                SetTarget::Classes((0..rows).map(|i| self.kept_classes.get(i).copied().unwrap_or(0)).collect())
            }
            Purpose::Regression { .. } => SetTarget::Values(
                (0..rows * outputs).map(|i| self.kept_values.get(i).copied().unwrap_or(0.0)).collect(),
            ),
        };
        // Nothing looks at the targets of the training rows.
        let train = Set::new(self.seen.clone(), target(self.seen.len() / width), width);
        let test = Set::new(self.kept.clone(), target(self.kept.len() / width), width);
        Task { name: "the rows that the model keeps".into(), inputs: width, outputs, train, test }
    }

    /// A task in the units of the table, as the network takes it.
    ///
    /// # Errors
    /// If it has other inputs or outputs than the model, or another kind of target.
    pub fn standardised(&self, task: &Task) -> Result<Task> {
        let outputs = self.network.widths.last().copied().unwrap_or(0);
        ensure!(
            task.inputs == self.inputs.len() && task.outputs == outputs,
            "the model has {} inputs and {outputs} outputs, the data {} and {}",
            self.inputs.len(),
            task.inputs,
            task.outputs
        );
        let scaled = |x: &[f32], by: &[Standard]| -> Vec<f32> {
            x.chunks(by.len()).flat_map(|r| r.iter().zip(by).map(|(&x, s)| s.apply(x.into()) as f32)).collect()
        };
        let part = |set: &Set| {
            let target = match (&set.target, &self.purpose) {
                (SetTarget::Classes(classes), Purpose::Classification { .. }) => SetTarget::Classes(classes.clone()),
                (SetTarget::Values(values), Purpose::Regression { scale, .. }) => {
                    SetTarget::Values(scaled(values, scale))
                }
                _ => anyhow::bail!("the model and the data have different kinds of targets"),
            };
            Ok(Set::new(scaled(&set.x, &self.inputs), target, task.inputs))
        };
        Ok(Task { train: part(&task.train)?, test: part(&task.test)?, name: task.name.clone(), ..*task })
    }

    /// The target columns.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        match &self.purpose {
            Purpose::Classification { column, .. } => vec![column.clone()],
            Purpose::Regression { columns, .. } => columns.clone(),
        }
    }

    /// Where the model's inputs are among the columns of a table; other columns do not matter. In a file without names (`named`
    /// says whether it has some) the inputs are in order.
    ///
    /// # Errors
    /// If a column is missing.
    pub fn places(&self, names: &[String], named: bool) -> Result<Vec<usize>> {
        let by_name: HashMap<&String, usize> = names.iter().enumerate().map(|(i, name)| (name, i)).collect();
        let missing = match self.features.iter().find(|name| !by_name.contains_key(name)) {
            None => return Ok(self.features.iter().filter_map(|name| by_name.get(name).copied()).collect()),
            Some(missing) => missing,
        };
        let targets = self.targets();
        let others: Vec<usize> = (0..names.len()).filter(|&i| !targets.contains(&names[i])).collect();
        if !named && others.len() == self.features.len() {
            return Ok(others);
        }
        let there = if named { listed(names) } else { format!("{} columns without names", names.len()) };
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
        for (i, name) in self.places(&table.names, table.named)?.into_iter().zip(&self.features) {
            let Column::Numbers(values) = &table.columns[i] else { anyhow::bail!("column '{name}' holds text") };
            columns.push(values);
        }
        Ok((0..table.rows()).flat_map(|row| columns.iter().map(move |c| c[row])).collect())
    }

    /// Predictions for rows of raw inputs.
    ///
    /// # Errors
    /// If the network is malformed, which reading excludes.
    pub fn predict(&self, x: &[f64]) -> Result<Predictions> {
        let row = |row: &[f64]| row.iter().zip(&self.inputs).map(|(&x, s)| s.apply(x) as f32).collect::<Vec<_>>();
        self.predict_scaled(&x.chunks_exact(self.features.len()).flat_map(row).collect::<Vec<f32>>())
    }

    /// Predictions for rows that are standardised already.
    fn predict_scaled(&self, scaled: &[f32]) -> Result<Predictions> {
        let network = self.network.network()?;
        let (width, outputs) = (self.features.len(), network.shape.outputs());
        let mut out = vec![0.0f32; scaled.len() / width * outputs];
        const ROWS: usize = 256;
        let mut work = vec![0.0; network.shape.work_len(ROWS)];
        for (x, out) in scaled.chunks(ROWS * width).zip(out.chunks_mut(ROWS * outputs)) {
            network::predict(Level::best(), &network.shape, &network.params, x, out, &mut work)?;
        }
        Ok(match &self.purpose {
            Purpose::Classification { .. } => {
                let (mut classes, mut chances) = (vec![], vec![]);
                for row in out.chunks_exact(outputs) {
                    let top = row.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
                    let weights: Vec<f64> = row.iter().map(|&y| f64::from(y - top).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    classes.push(row.iter().position(|&y| y == top).unwrap_or(0) as u16);
                    chances.extend(weights.iter().map(|w| w / total));
                }
                Predictions::Classes(classes, chances)
            }
            Purpose::Regression { scale, .. } => {
                let row = |row: &[f32]| row.iter().zip(scale).map(|(&y, s)| s.undo(y.into())).collect::<Vec<_>>();
                Predictions::Values(out.chunks_exact(outputs).flat_map(row).collect())
            }
        })
    }

    /// Adds the rows of a table that holds the targets to those that are judged together.
    ///
    /// # Errors
    /// If a column is missing, or a class is not known.
    pub fn judge(&self, table: Table, so_far: &mut Judged) -> Result<()> {
        let x = self.inputs_of(&table)?;
        let classify = matches!(self.purpose, Purpose::Classification { .. });
        let data = Tabular::new(table, &self.targets(), Some(classify))?;
        let rows: Vec<u32> = (0..data.rows() as u32).collect();
        let scale = vec![Standard { mean: 0.0, sd: 1.0 }; data.features.len()];
        let (_, target) = data.rows_of(&rows, &self.purpose, &scale)?;
        let given = self.predict(&x)?;
        match target {
            Target::Classes { labels, .. } => so_far.add(given, &labels, &[], &self.purpose),
            Target::Values { values, .. } => so_far.add(given, &[], &values, &self.purpose),
        }
    }

    /// How good it is on standardised rows.
    ///
    /// # Errors
    /// If the rows are of another kind than the model.
    pub fn evaluate_set(&self, set: &Set) -> Result<Metrics> {
        let (given, mut judged) = (self.predict_scaled(&set.x)?, Judged::default());
        match &set.target {
            SetTarget::Classes(labels) => judged.add(given, labels, &[], &self.purpose)?,
            SetTarget::Values(values) => {
                let values: Vec<f64> = values.iter().map(|&y| f64::from(y)).collect();
                judged.add(given, &[], &values, &self.purpose)?;
            }
        }
        Ok(self.metrics(&judged))
    }

    /// How good it is on the rows that were judged.
    #[must_use]
    pub fn metrics(&self, judged: &Judged) -> Metrics {
        match &self.purpose {
            Purpose::Classification { classes, .. } => {
                metrics(&Answers::Classes { classes, right: &judged.classes.0, given: &judged.classes.1 })
            }
            Purpose::Regression { columns, .. } => {
                metrics(&Answers::Values { columns, right: &judged.values.0, given: &judged.values.1 })
            }
        }
    }
}

/// Right answers and those that were given, row by row: a table may come in pieces.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// Number of rows.
    pub rows: usize,
    classes: (Vec<u16>, Vec<u16>),
    values: (Vec<f64>, Vec<f64>),
}

impl Judged {
    /// Predictions beside the right classes, or the right values, standardised.
    fn add(&mut self, given: Predictions, labels: &[u16], scaled: &[f64], purpose: &Purpose) -> Result<()> {
        match (given, purpose) {
            (Predictions::Classes(given, _), Purpose::Classification { .. }) => {
                self.rows += given.len();
                self.classes.0.extend(labels);
                self.classes.1.extend(given);
            }
            (Predictions::Values(given), Purpose::Regression { scale, .. }) => {
                self.rows += given.len() / scale.len();
                self.values.0.extend(scaled.iter().enumerate().map(|(i, &y)| scale[i % scale.len()].undo(y)));
                self.values.1.extend(given);
            }
            _ => anyhow::bail!("the table's target is not of the model's kind"),
        }
        Ok(())
    }
}
