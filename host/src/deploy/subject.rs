//! The network that is exported, and the model whose answers the export must give.

use super::config::ExportConfig;
use super::given::Given;
use crate::data::Standard;
use crate::data::target::Purpose;
use crate::data::task::{ExampleTargets, Examples, Task};
use crate::model::calibrated::CalibratedNetwork;
use crate::model::choice::Choice;
use crate::model::{Function, Model, Network, NetworkFile};
use crate::support::refused::refused;
use crate::train::{TrainConfig, train_network};
use anyhow::{Result, anyhow, bail};

/// The network as its tables are made from it, and the model whose answers the export must give.
pub(super) struct Subject {
    pub calibrated: CalibratedNetwork,
    pub model: Model,
    /// Where it comes from.
    pub what: String,
    /// The rows with right answers that there are.
    pub labelled: Option<Examples>,
    /// What they are called.
    pub whose: String,
}

/// The network; the functions that its tables stand for, if it was trained with tables of others;
/// and where it comes from.
pub(super) fn network_of(
    config: &ExportConfig,
    given: &Given,
    task: &Task,
) -> Result<(Network, Option<Vec<Function>>, String)> {
    match given {
        Given::Model(model) => Ok((
            model.network.network()?,
            None,
            format!("the model {}", model.provenance),
        )),
        Given::Network(name, network) => {
            Ok(((**network).clone(), None, format!("the network {name}")))
        }
        Given::Activations(learned) => {
            let choice = |exact| Choice::named(&config.activation, Some(learned), exact);
            let (fast, exact) = (choice(false)?, choice(true)?);
            let (lr, network) = trained(config, &fast, task)?;

            let shape = exact.shape(&config.train.widths(task))?;
            let functions = (0..shape.types()).map(|t| Function::of(&shape, exact.phi(), t));
            let functions = functions.collect::<Result<_>>()?;

            let what = format!(
                "{} ({}), hidden widths {:?}, trained on {} for {} epochs at learning rate {}, seed {}",
                config.activation,
                learned.provenance,
                config.train.hidden,
                task.name,
                config.train.epochs,
                lr,
                config.seed
            );

            Ok((network, Some(functions), what))
        }
    }
}

/// How often the learning rate is halved where the training diverges.
const MOST_HALVINGS: i32 = 6;

/// A network with these activations, and the learning rate that it took: the one of the settings, or
/// the first of its halves with which the training does not diverge.
fn trained(config: &ExportConfig, choice: &Choice, task: &Task) -> Result<(f64, Network)> {
    for halvings in 0..=MOST_HALVINGS {
        let train = TrainConfig {
            lr: config.train.lr * 0.5f64.powi(halvings),
            ..config.train.clone()
        };
        let (training, network) =
            train_network(&train, choice, task, &task.train, &task.test, config.seed)?;

        if !training.diverged {
            return Ok((train.lr, network));
        }
    }

    bail!("the training diverged, however small the learning rate; use a smaller `lr`")
}

/// What was given as a model that predicts: others take inputs as the task has them.
pub(super) fn predictor(given: &Given, network: &Network, task: &Task) -> Result<Model> {
    if let Given::Model(model) = given {
        return Ok((**model).clone());
    }

    let or_plain = |scales: &[Standard], count: usize| match scales {
        [] => vec![Standard::PLAIN; count],
        some => some.to_vec(),
    };

    let purpose = match &task.train.target {
        ExampleTargets::Classes(_) => Purpose::Classification {
            column: "class".into(),
            classes: (0..task.outputs).map(|c| c.to_string()).collect(),
        },
        ExampleTargets::Values(_) => Purpose::Regression {
            columns: (0..task.outputs).map(|i| format!("value{i}")).collect(),
            scale: or_plain(&task.scales.targets, task.outputs),
        },
    };

    Model {
        version: Model::VERSION,
        provenance: String::new(),
        features: (0..task.inputs).map(|i| format!("input{i}")).collect(),
        inputs: or_plain(&task.scales.inputs, task.inputs),
        purpose,
        activation: String::new(),
        learned: None,
        network: NetworkFile::of(network, String::new()),
        ranges: None,
        rows: None,
    }
    .checked()
}

/// The task, if the network has its inputs and outputs.
pub(super) fn fitting<'a>(network: &Network, task: &'a Task) -> Result<&'a Task> {
    let shape = &network.shape;

    if shape.inputs() != task.inputs || shape.outputs() != task.outputs {
        return Err(refused(anyhow!(
            "the network has {} inputs and {} outputs, the task {} has {} and {}; give its own task with `task` or `data`",
            shape.inputs(),
            shape.outputs(),
            task.name,
            task.inputs,
            task.outputs
        )));
    }

    Ok(task)
}
