//! Inputs with the answers of the core, bit for bit: what an export is verified against.

use super::deployed::{Deployed, WeightFile};
use super::table::Owned;
use anyhow::Result;
use ldnn_core::deploy::{Activate, Activation, predict, work_len};
use serde::{Deserialize, Serialize};

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
    /// What the network with exact activations answers, row by row: real numbers.
    pub exact: Vec<f32>,
    /// The right classes, if there are classes.
    pub labels: Vec<u16>,
}

/// Pre-activations inside and outside of the range, at knots and between, and the special numbers.
fn pre_activations(owned: &[Owned]) -> Vec<f32> {
    let mut z = vec![0.0, -0.0, 1e-40, -1e-40, 1e-7, -1e-7, 1e6, -1e6, 3e9, -3e9, 1e20, -1e20];
    for table in owned {
        let (low, high) = match (table, table.inputs()) {
            (Owned::Compact { knots, .. }, _) => (f64::from(knots.low), f64::from(knots.high)),
            (_, Some((scale, first, last))) => (f64::from(scale.real(first)), f64::from(scale.real(last))),
            _ => (-2.0, 2.0),
        };
        let width = high - low;
        // 997 is prime: the points fall everywhere in the cells.
        z.extend((0..=997).map(|i| (low - 0.25 * width + 1.5 * width * f64::from(i) / 997.0) as f32));
        if let Owned::Compact { knots, .. } = table {
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
        let activations = owned.iter().map(Owned::activation).collect::<Result<Vec<Activation>>>()?;
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
        let x = &model.standardised(x)[..];
        match &model.weights {
            WeightFile::None => {}
            WeightFile::Floats { theta } => {
                let (mut out, mut work) = (vec![0.0; shape.outputs()], vec![0.0; work_len(&shape)]);
                for x in x.chunks_exact(shape.inputs()) {
                    predict(&shape, theta, &activations, x, &mut out, &mut work)?;
                    golden.outputs.extend(bits(&out));
                }
            }
            WeightFile::Integers(file) => {
                let parts = file.owned()?;
                let network = parts.network(shape)?;
                let (mut q, mut out) = (vec![0; shape.inputs()], vec![0; shape.outputs()]);
                let mut work = vec![0; network.work_len()];
                for x in x.chunks_exact(shape.inputs()) {
                    network.quantise(x, &mut q)?;
                    network.predict(&q, &mut out, &mut work)?;
                    golden.integers.extend(&out);
                }
            }
        }
        Ok(golden)
    }
}
