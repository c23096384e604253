//! What stands beside the tensors: names, kinds, and which neuron has which type. One JSON text.

use crate::model::activations::{LearnedActivations, LearnedType};
use crate::model::{ActivationFile, NetworkFile};
use anyhow::{Context, Result, ensure};
use ldnn_core::Shape;
use serde::{Deserialize, Serialize};

/// All that tensors do not say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Version of this form.
    pub version: u32,
    /// The network, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkAbout>,
    /// What it is used for, if it comes from `ldnn train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelAbout>,
    /// The learned activations, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<LearnedAbout>,
}

/// About a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkAbout {
    /// Where it comes from, for people.
    pub provenance: String,
    /// Inputs, hidden widths, outputs.
    pub widths: Vec<usize>,
    /// Its types of activations.
    pub activations: Vec<ActivationFile>,
    /// Of each hidden layer: which neurons have which type.
    pub blocks: Vec<Vec<NeuronBlock>>,
}

/// A run of neurons of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronBlock {
    /// The type.
    pub activation: usize,
    /// The first neuron.
    pub start: usize,
    /// The neuron after the last one.
    pub end: usize,
}

/// About a model of `ldnn train`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelAbout {
    /// Where it comes from, for people.
    pub provenance: String,
    /// The name of its activations.
    pub activation: String,
    /// The names of the inputs.
    pub features: Vec<String>,
    /// What is predicted.
    pub purpose: PurposeAbout,
}

/// What is predicted; scales of numbers are tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", deny_unknown_fields)]
pub enum PurposeAbout {
    /// One of some classes.
    Classification {
        /// The target column.
        column: String,
        /// The names of the classes, in the order of the outputs.
        classes: Vec<String>,
    },
    /// Numbers.
    Regression {
        /// The target columns, in the order of the outputs.
        columns: Vec<String>,
    },
}

/// About learned activations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedAbout {
    /// Where they come from, for people.
    pub provenance: String,
    /// 1 if all hidden layers share them; else so many layers have equally many of their own.
    pub layers: usize,
    /// One per type.
    pub types: Vec<TypeAbout>,
}

/// About one learned type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "form", deny_unknown_fields)]
pub enum TypeAbout {
    /// `base(z) + 0.2 (v . tanh(u z + c) + d)`
    Subnet {
        /// The base's name.
        base: String,
    },
    /// Samples on equal steps over `[-range, range]`.
    Samples {
        /// Half the span.
        range: f32,
    },
}

impl About {
    /// The version that we write.
    pub const VERSION: u32 = 1;

    /// About nothing yet.
    #[must_use]
    pub const fn new() -> About {
        About {
            version: Self::VERSION,
            network: None,
            model: None,
            learned: None,
        }
    }

    /// Reads the JSON text.
    ///
    /// # Errors
    /// If it is malformed or of another version.
    pub fn parse(text: &str) -> Result<About> {
        let value: serde_json::Value =
            serde_json::from_str(text).context("the entry 'ldnn' is no JSON")?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        let version = version.context("the entry 'ldnn' has no version")?;

        ensure!(
            version == u64::from(Self::VERSION),
            "version {version} is not known; this program reads {}",
            Self::VERSION
        );

        serde_json::from_value(value).context("the entry 'ldnn'")
    }

    /// The JSON text.
    ///
    /// # Errors
    /// None: names and numbers have a JSON form.
    pub fn text(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

impl Default for About {
    fn default() -> Self {
        About::new()
    }
}

impl NetworkAbout {
    /// Of a network.
    #[must_use]
    pub fn of(model: &NetworkFile, shape: &Shape) -> NetworkAbout {
        NetworkAbout {
            provenance: model.provenance.clone(),
            widths: model.widths.clone(),
            activations: model.activations.clone(),
            blocks: blocks(shape),
        }
    }

    /// First type and number of types of each hidden layer.
    ///
    /// # Errors
    /// If a hidden layer has no block.
    pub fn layers(&self) -> Result<Vec<(usize, usize)>> {
        let layer = |(l, blocks): (usize, &Vec<NeuronBlock>)| {
            let first = blocks
                .first()
                .with_context(|| format!("hidden layer {l} has no block of neurons"))?;
            Ok((first.activation, blocks.len()))
        };
        self.blocks.iter().enumerate().map(layer).collect()
    }
}

/// Which neurons have which type, layer by layer.
#[must_use]
pub fn blocks(shape: &Shape) -> Vec<Vec<NeuronBlock>> {
    let layer = |l: usize| {
        let (first, count) = shape.layer_types(l);

        let block = |i: usize| {
            let (start, end) = shape.block(l, i);
            NeuronBlock {
                activation: first + i,
                start,
                end,
            }
        };

        (0..count).map(block).collect()
    };

    (0..shape.hidden_layers()).map(layer).collect()
}

impl LearnedAbout {
    /// Of learned activations.
    #[must_use]
    pub fn of(learned: &LearnedActivations) -> LearnedAbout {
        let type_about = |t: &LearnedType| match t {
            LearnedType::Subnet { base, .. } => TypeAbout::Subnet { base: base.clone() },
            LearnedType::Samples { range, .. } => TypeAbout::Samples { range: *range },
        };

        LearnedAbout {
            provenance: learned.provenance.clone(),
            layers: learned.layers,
            types: learned.types.iter().map(type_about).collect(),
        }
    }
}
