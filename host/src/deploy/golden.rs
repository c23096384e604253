//! Inputs with the answers of the core, bit for bit: what an export is verified against.

use super::deployed::{Deployed, WeightFile};
use super::table::DeployedActivation;
use anyhow::Result;
use ldnn_core::deploy::{Activate, AnyActivation, Pipeline, Scaling, standardise};
use ldnn_core::quantised::Scratch;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Vectors for every entry point of an export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// The bits of pre-activations.
    pub z: Vec<u32>,
    /// For each type the bits of its activations there.
    pub activations: Vec<Vec<u32>>,
    /// The bits of inputs, row by row.
    pub x: Vec<u32>,
    /// For a network of real numbers the bits of its outputs, row by row.
    pub outputs: Vec<u32>,
    /// For a network of integers its outputs, row by row.
    pub integers: Vec<i16>,
    /// What `run` returns, row by row: the class, or 0.
    pub classes: Vec<u16>,
    /// The bits of what `run` writes, row by row: probabilities, or values less their offsets.
    pub answers: Vec<u32>,
    /// What `ldnn predict` says about the same raw rows.
    pub predicted: Predicted,
    /// The other files of the export, each with the checksum (XXH3, 128 bits) of its bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// The right classes, if the rows have some.
    pub labels: Vec<u16>,
    /// How far the export is from `ldnn predict` on the rows of a file that the user gave; `None`
    /// without one.
    #[serde(default, rename = "judged", skip_serializing_if = "Option::is_none")]
    pub on_given_rows: Option<AgreementOnRows>,
}

/// How far an export is from `ldnn predict` on some rows: those of a file that the user gave, or
/// the golden ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementOnRows {
    /// Which rows: a plural, as in "rows of FILE".
    pub whose: String,
    /// The difference on them.
    pub agreement: Agreement,
    /// By how much an answer may differ on a row within the input ranges; see
    /// [`Predicted::tolerance`].
    pub tolerance: f64,
    /// What the tolerance is for.
    pub form: String,
}

/// How far answers are from those of `ldnn predict`: of a probability, or of a value in standard
/// deviations of the target.
///
/// Rows with an input beyond its range in training are apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Rows within the ranges of the inputs.
    pub rows: usize,
    /// The largest difference on them.
    pub largest: f64,
    /// On which of all rows, from 0.
    pub row: usize,
    /// Rows within the ranges that have the same class.
    pub same: usize,
    /// Rows beyond.
    pub beyond: usize,
    /// The largest difference on them.
    pub largest_beyond: f64,
}

/// Answers of `ldnn predict`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicted {
    /// The class of each row; empty if there are no classes.
    pub classes: Vec<u16>,
    /// Probabilities, or values less their offsets, row by row.
    pub answers: Vec<f64>,
    /// By how much an answer of the export may differ: a probability, or a value in standard
    /// deviations of the target.
    pub tolerance: f64,
    /// What the tolerance is for.
    pub form: String,
    /// Whether the rows were drawn, and are none of a table.
    #[serde(default)]
    pub drawn: bool,
    /// The percentage of pre-activations on the training rows that are beyond the tables. Drawn
    /// rows are within them, and do not show what it costs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outside: f64,
    /// Rows with an input beyond its range in training: the tolerance does not hold for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<u32>,
}

fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

/// Pre-activations inside and outside of the range, at knots and between, and the special numbers.
fn pre_activations(owned: &[DeployedActivation]) -> Vec<f32> {
    let mut z = vec![
        0.0, -0.0, 1e-40, -1e-40, 1e-7, -1e-7, 1e6, -1e6, 3e9, -3e9, 1e20, -1e20,
    ];

    for table in owned {
        let (low, high) = match (table, table.inputs()) {
            (DeployedActivation::Compact { knots, .. }, _) => {
                (f64::from(knots.low), f64::from(knots.high))
            }
            (_, Some((scale, first, last))) => {
                (f64::from(scale.real(first)), f64::from(scale.real(last)))
            }
            _ => (-2.0, 2.0),
        };

        let width = high - low;
        // 997 is prime: the points fall everywhere in the cells.
        z.extend(
            (0..=997).map(|i| (low - 0.25 * width + 1.5 * width * f64::from(i) / 997.0) as f32),
        );

        if let DeployedActivation::Compact { knots, .. } = table {
            let at = (0..knots.count).map(|i| knots.at(i));
            z.extend(at.flat_map(|z| [z.next_down(), z, z.next_up(), -z]));
        }
    }

    z
}

impl Golden {
    /// Of a model; `x` are rows of inputs.
    ///
    /// # Errors
    /// If the model is malformed.
    pub fn of(model: &Deployed, x: &[f32]) -> Result<Golden> {
        let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let owned = model.owned()?;
        let activations = owned
            .iter()
            .map(DeployedActivation::activation)
            .collect::<Result<Vec<AnyActivation>>>()?;
        let mut golden = Golden::default();

        if !owned.is_empty() {
            let z = pre_activations(&owned);
            golden.z = bits(&z);

            for activation in &activations {
                let mut y = z.clone();
                activation.apply(&mut y);
                golden.activations.push(bits(&y));
            }
        }

        let Some(shape) = model.shape.as_ref().map(|s| s.shape()).transpose()? else {
            return Ok(golden);
        };
        golden.x = bits(x);

        let (inputs, outputs) = (model.input_pairs(), model.outputs.pairs());
        let scaling = Scaling {
            inputs: &inputs,
            outputs: model.outputs.meaning(&outputs),
        };
        let (mut scaled, mut answer) = (vec![0.0; shape.inputs()], vec![0.0; shape.outputs()]);

        let standardised = |raw: &[f32], to: &mut [f32]| {
            if inputs.is_empty() {
                to.copy_from_slice(raw);
                return Ok(());
            }
            standardise(raw, &inputs, to)
        };

        match &model.weights {
            WeightFile::None => {}
            WeightFile::Floats { theta } => {
                let (mut out, mut work) = (vec![0.0; shape.outputs()], vec![0.0; shape.run_len()]);

                let whole = Pipeline {
                    shape: &shape,
                    theta,
                    activations: &activations,
                    scaling,
                };

                for raw in x.chunks_exact(shape.inputs()) {
                    standardised(raw, &mut scaled)?;
                    Pipeline::unscaled(&shape, theta, &activations)
                        .predict(&scaled, &mut out, &mut work)?;
                    golden.outputs.extend(bits(&out));
                    golden
                        .classes
                        .push(whole.run(raw, &mut answer, &mut work)? as u16);
                    golden.answers.extend(bits(&answer));
                }
            }
            WeightFile::Integers(file) => {
                let parts = file.owned()?;
                let network = parts.network(shape)?;
                let (mut q, mut out) = (vec![0; shape.inputs()], vec![0; shape.outputs()]);
                let mut work = vec![0; network.work_len()];

                for raw in x.chunks_exact(shape.inputs()) {
                    standardised(raw, &mut scaled)?;
                    network.quantise(&scaled, &mut q)?;
                    network.predict(&q, &mut out, &mut work)?;
                    golden.integers.extend(&out);

                    let scratch = Scratch {
                        q: &mut q,
                        work: &mut work,
                        y: &mut out,
                    };

                    golden
                        .classes
                        .push(network.run(&scaling, raw, &mut answer, scratch)? as u16);
                    golden.answers.extend(bits(&answer));
                }
            }
        }

        Ok(golden)
    }
}
