//! What is written, and in which form.

use super::onnx::{self, Interface, OnnxActivations};
use super::{npz, of_activations, of_network, of_trained, safetensors, samples};
use crate::model::activations::LearnedActivations;
use crate::model::{Model, NetworkFile};
use anyhow::{Result, bail, ensure};

/// A form that other programs read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Named tensors.
    Safetensors,
    /// A graph of operators.
    Onnx,
    /// A NumPy archive of the same tensors.
    Npz,
    /// Samples of the activations alone.
    Txt,
}

impl ExportFormat {
    /// All of them.
    pub const ALL: [ExportFormat; 4] = [
        ExportFormat::Safetensors,
        ExportFormat::Onnx,
        ExportFormat::Npz,
        ExportFormat::Txt,
    ];

    /// How the names of its files end.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            ExportFormat::Safetensors => "safetensors",
            ExportFormat::Onnx => "onnx",
            ExportFormat::Npz => "npz",
            ExportFormat::Txt => "txt",
        }
    }
}

/// What is written.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// Learned activations alone.
    Activations(&'a LearnedActivations),
    /// A network, and the learned activations that its tables were made from.
    Network(&'a NetworkFile, Option<&'a LearnedActivations>),
    /// A model with all that it knows.
    Model(&'a Model),
}

/// How some forms are written.
#[derive(Clone, Copy, Debug)]
pub struct Choices {
    /// Activations in ONNX.
    pub onnx_activations: OnnxActivations,
    /// Samples per line in text.
    pub samples: usize,
}

/// The bytes of a file.
///
/// # Errors
/// If the content has no such form; the message says what has.
pub fn bytes(content: Content, form: ExportFormat, choices: Choices) -> Result<Vec<u8>> {
    if let (Content::Activations(learned), true) = (content, form != ExportFormat::Onnx) {
        ensure!(
            !learned.types.is_empty(),
            "a base function has no parameters to be written; add `what` network, or give learned activations"
        );
    }

    match form {
        ExportFormat::Safetensors => safetensors::to_bytes(&bundle(content)?),
        ExportFormat::Npz => npz::to_bytes(&bundle(content)?),
        ExportFormat::Txt => Ok(text(content, choices.samples)?.into_bytes()),
        ExportFormat::Onnx => graph(content, choices.onnx_activations),
    }
}

fn bundle(content: Content) -> Result<super::Bundle> {
    match content {
        Content::Activations(learned) => Ok(of_activations(learned)),
        Content::Network(network, learned) => of_network(network, learned),
        Content::Model(model) => of_trained(model),
    }
}

fn text(content: Content, samples: usize) -> Result<String> {
    let (network, learned) = match content {
        Content::Activations(learned) => return samples::of_activations(learned, samples),
        Content::Network(network, learned) => (network, learned),
        Content::Model(model) => (&model.network, model.learned.as_ref()),
    };

    match learned {
        Some(learned) => samples::of_activations(learned, samples),
        None => samples::of_network(network, samples),
    }
}

fn graph(content: Content, activations: OnnxActivations) -> Result<Vec<u8>> {
    match content {
        Content::Activations(_) => {
            bail!("ONNX holds whole networks; add `what` network, or give a model")
        }
        Content::Network(network, learned) => {
            onnx::model(network, learned, activations, Interface::default())
        }
        Content::Model(model) => {
            let meaning = Interface {
                features: &model.features,
                inputs: &model.inputs,
                purpose: Some(&model.purpose),
            };
            onnx::model(&model.network, model.learned.as_ref(), activations, meaning)
        }
    }
}
