//! What is exported, and the rows with right answers that come with it.

use crate::data::task::{Examples, Task};
use crate::model::activations::{LearnedActivations, TABLE_KNOTS};
use crate::model::names::is_learning;
use crate::model::{Model, Network};
use ldnn_core::table::TableForm;
use ldnn_core::{Activation, Base};
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
    /// Whether its network has activations that learned as tables, each of which a device can take
    /// as it is: it adds ReLU to a table, and nothing else. A model says so by the name of its
    /// activations. A network alone does not: its tables learned if they are coarser than those
    /// that stand for sub-networks.
    #[must_use]
    pub fn has_learning_tables(&self) -> bool {
        let (network, learned) = match self {
            Given::Activations(_) => return false,
            Given::Model(model) => (model.network.network(), is_learning(&model.activation)),
            Given::Network(_, network) => (Ok((**network).clone()), false),
        };

        let Ok(Network { shape, .. }) = network else {
            return false;
        };

        let mut tables = (0..shape.types())
            .filter_map(|t| match shape.activation(t) {
                Activation::Table(form) => Some(form),
                _ => None,
            })
            .peekable();

        let fits = |form: TableForm| {
            [Base::Zero, Base::Relu].contains(&form.base) && (learned || form.knots < TABLE_KNOTS)
        };
        tables.peek().is_some() && tables.all(fits)
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
