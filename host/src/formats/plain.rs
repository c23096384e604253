//! Weights of a chain of linear layers as PyTorch names them: `layers.0.weight`, `layers.0.bias`,
//! `layers.1.weight`, ...; or `0.weight`, `2.weight` of a `Sequential`; or `fc1.weight`,
//! `fc2.weight`: one name that differs only in a number.

use super::bundle::{Bundle, Tensor};
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};

/// Weights and biases, and the widths that they tell.
#[derive(Debug)]
pub struct Chain {
    /// Inputs, hidden widths, outputs.
    pub widths: Vec<usize>,
    /// Weights (output x input, row-major), then biases, layer by layer.
    pub theta: Vec<f32>,
}

/// Takes the layers out of a bundle.
///
/// # Errors
/// If there are none, one is incomplete, or their shapes do not fit each other.
pub fn chain(bundle: &mut Bundle) -> Result<Chain> {
    let layers = stems(bundle)?;
    let (mut widths, mut theta, mut before) = (vec![], vec![], String::new());

    for stem in layers.values() {
        let weight = format!("{stem}.weight");
        let tensor = bundle
            .tensors
            .get(&weight)
            .with_context(|| format!("there is no tensor '{weight}'"))?;
        let (outputs, inputs) = matrix(&weight, tensor)?;

        match widths.last() {
            None => widths.push(inputs),
            Some(&width) => ensure!(
                inputs == width,
                "tensor '{weight}' takes {inputs} inputs, but '{before}' has {width} outputs; layers must follow each other"
            ),
        }

        widths.push(outputs);
        theta.extend(bundle.take_f32(&weight, &[outputs, inputs])?);

        let bias = format!("{stem}.bias");
        ensure!(
            bundle.has(&bias),
            "there is no tensor '{bias}'; a layer without biases needs zeros"
        );

        theta.extend(bundle.take_f32(&bias, &[outputs])?);
        before = weight;
    }

    Ok(Chain { widths, theta })
}

fn matrix(name: &str, tensor: &Tensor) -> Result<(usize, usize)> {
    match tensor.shape[..] {
        [outputs, inputs] if outputs > 0 && inputs > 0 => Ok((outputs, inputs)),
        _ => bail!(
            "tensor '{name}' has the shape {:?}; the weights of a linear layer are [outputs, inputs]",
            tensor.shape
        ),
    }
}

/// The layers' names without `.weight`, in the order of their numbers.
fn stems(bundle: &Bundle) -> Result<BTreeMap<u32, String>> {
    let mut layers = BTreeMap::new();
    let mut families = BTreeSet::new();

    for name in bundle.tensors.keys() {
        let Some(stem) = name
            .strip_suffix(".weight")
            .or_else(|| name.strip_suffix(".bias"))
        else {
            continue;
        };

        let family = stem.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = stem[family.len()..].parse::<u32>();
        let number = number.with_context(|| {
            format!(
                "tensor '{name}': the name of a layer must end in its number, as in 'layers.0.weight' or 'fc1.weight'"
            )
        })?;

        families.insert(family.to_string());
        layers.insert(number, stem.to_string());
    }

    ensure!(
        !layers.is_empty(),
        "there are no weights in it: no tensor is called 'layers.0.weight', '0.weight' or the like"
    );

    ensure!(
        families.len() == 1,
        "the layers have different names: {}; one chain of linear layers is read, whose names differ only in a number",
        families
            .iter()
            .map(|f| format!("'{f}N'"))
            .collect::<Vec<_>>()
            .join(", ")
    );

    Ok(layers)
}
