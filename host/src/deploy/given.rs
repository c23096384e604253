//! What is exported, and the rows with right answers that come with it.

use crate::data::task::{Examples, Task};
use crate::model::activations::{LearnedActivations, TABLE_KNOTS};
use crate::model::{ActivationFile, Model, Network};
use ldnn_core::Activation;
use serde::Serialize;
use std::path::Path;

/// What the user gave.
#[derive(Clone, Debug, Serialize)]
pub enum Given {
    /// Learned activations: a network is trained with them.
    Activations(LearnedActivations),
    /// A model of `ldnn train`.
    #[serde(rename = "Trained", serialize_with = "without_rows")]
    Model(Box<Model>),
    /// A trained network, from this file.
    #[serde(serialize_with = "only_name")]
    Network(String, Box<Network>),
}

impl Given {
    /// Whether its network has activations that learned as tables. Tables that stand for
    /// sub-networks are finer, and finer than a device needs.
    #[must_use]
    pub fn has_learning_tables(&self) -> bool {
        let knots: Vec<usize> = match self {
            Given::Activations(_) => vec![],
            Given::Model(model) => {
                let all = model.network.activations.iter();
                all.filter_map(ActivationFile::knots).collect()
            }
            Given::Network(_, network) => {
                let shape = &network.shape;
                let all = (0..shape.types()).map(|t| shape.activation(t));
                all.filter_map(|activation| match activation {
                    Activation::Table(form) => Some(form.knots),
                    _ => None,
                })
                .collect()
            }
        };

        !knots.is_empty() && knots.iter().all(|&knots| knots < TABLE_KNOTS)
    }
}

/// The settings of a run are kept in its folder; rows that the model may hold do not belong there.
fn without_rows<S: serde::Serializer>(model: &Model, s: S) -> Result<S::Ok, S::Error> {
    Model {
        rows: None,
        ..model.clone()
    }
    .serialize(s)
}

fn only_name<S: serde::Serializer>(name: &str, _: &Network, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(name)
}

/// The test rows that there are: those of the task, or those that the model holds.
pub(super) fn labelled(given: &Given, task: &Task) -> Option<Examples> {
    if task.test.rows() > 0 {
        return Some(task.test.clone());
    }

    match given {
        Given::Model(model) => model.test_rows(),
        _ => None,
    }
}

/// What the rows of [`labelled`] are called. A table for a trained model may hold rows that it was
/// trained on.
pub(super) fn whose(given: &Given, task: &Task) -> String {
    let file = Path::new(&task.name).file_name();
    match (given, file) {
        (Given::Model(_), Some(file)) if task.test.rows() > 0 => {
            format!("rows of {}", file.to_string_lossy())
        }
        _ => "test rows".into(),
    }
}
