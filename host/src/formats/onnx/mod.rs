//! ONNX: whole networks as graphs of standard operators, from raw inputs to probabilities or values
//! in the table's units.

mod activation;
mod graph;
mod model;
pub mod proto;

pub use model::{Interface, model};

use serde::{Deserialize, Serialize};

/// The operator set.
pub const OPSET: i64 = 13;
/// The version of the file format that came with it.
pub const IR_VERSION: i64 = 7;

/// How learned activations are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OnnxActivations {
    /// The cubic tables that the network computes with
    #[default]
    Tables,
    /// The sub-networks that tables were made from: tanh and matrix products alone, no lookup
    Subnets,
}
