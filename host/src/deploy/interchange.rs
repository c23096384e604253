//! Files for other programs: a model, a bare network, or activations alone.

use super::config::{ExportConfig, ExportScope};
use super::given::Given;
use super::subject::{network_of, predictor};
use crate::data::Standardisation;
use crate::data::task::Task;
use crate::formats::{self, Choices, Content, ExportFormat};
use crate::model::{Function, Network, NetworkFile};
use crate::support::refused::refused;
use anyhow::Result;

/// A file for other programs, without a folder. Activations with which a network would have to be
/// trained first are an error.
///
/// # Errors
/// As [`run`](super::run()).
pub fn single(
    config: &ExportConfig,
    given: &Given,
    task: &Task,
    form: ExportFormat,
) -> Result<Vec<u8>> {
    let network = (config.what == ExportScope::Network)
        .then(|| network_of(config, given, task))
        .transpose()?;
    interchanged(config, given, task, network.as_ref(), form)
}

/// `network`: the one that was trained, or the given one. What a form does not have was asked for by
/// the user.
pub(super) fn interchanged(
    config: &ExportConfig,
    given: &Given,
    task: &Task,
    network: Option<&(Network, Option<Vec<Function>>, String)>,
    form: ExportFormat,
) -> Result<Vec<u8>> {
    let choices = Choices {
        onnx_activations: config.onnx_activations,
        samples: config.samples,
    };

    if let Some((network, _, what)) = network.filter(|_| config.what == ExportScope::Network) {
        // In the units of the user's own data, as code for devices is.
        if !matches!(given, Given::Model(_)) && task.scales != Standardisation::default() {
            let mut model = predictor(given, network, task)?;
            model.provenance = format!("ldnn {}: {what}", env!("CARGO_PKG_VERSION"));

            if let Given::Activations(learned) = given {
                model.learned = learned.chosen(&config.activation)?;
                model.activation.clone_from(&config.activation);
            }
            return bytes(Content::Model(&model), form, choices);
        }
    }

    match (
        given,
        network.filter(|_| config.what == ExportScope::Network),
    ) {
        (Given::Model(model), _) => bytes(Content::Model(model), form, choices),
        (Given::Network(name, network), _) => bytes(
            Content::Network(
                &NetworkFile::of(network, format!("the network {name}")),
                None,
            ),
            form,
            choices,
        ),
        (Given::Activations(learned), None) => bytes(Content::Activations(learned), form, choices),
        (Given::Activations(learned), Some((network, _, what))) => {
            let learned = learned.chosen(&config.activation)?;
            let network = NetworkFile::of(
                network,
                format!("ldnn {}: {what}", env!("CARGO_PKG_VERSION")),
            );
            bytes(Content::Network(&network, learned.as_ref()), form, choices)
        }
    }
}

/// A file, if its form has what is asked for.
fn bytes(content: Content, form: ExportFormat, choices: Choices) -> Result<Vec<u8>> {
    formats::bytes(content, form, choices).map_err(refused)
}
