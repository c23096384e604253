//! Networks and their learned activations: what they are, how they are stored as JSON, what they
//! predict, and how good it is.
//!
//! | name | what |
//! |---|---|
//! | [`Network`] | a trained network in memory: shape and parameters |
//! | [`NetworkFile`] | the same as JSON stores it |
//! | [`Model`] | a network with the names, scales and classes of a table: what `ldnn train` writes |
//! | [`calibrated::CalibratedNetwork`] | a network with the ranges of its inputs and pre-activations: what exports are made from |
//!
//! An activation on its way from learning to a device:
//!
//! 1. [`activations::LearnedType`]: what `ldnn meta` learned, a sub-network or samples; several are
//!    [`LearnedActivations`], the file `activations.json`.
//! 2. [`Choice`]: which of them a network is trained with, as an `ldnn_core::Activation`: the
//!    sub-networks, tables of them, or tables that learn beside the weights.
//! 3. [`ActivationFile`]: the same in a trained network's file, in a [`NetworkFile`] or a [`Model`].
//! 4. [`Function`]: one of these as a function of a number, which an export imitates.
//! 5. `deploy::DeployedActivation`: a table that learned, as it is; the table that imitates the
//!    function within the budget; or a base function.
//! 6. `deploy::TableFile` in `model.json`, and from there C, Rust, an image, or
//!    `ldnn_core::deploy::AnyActivation`.

pub mod activations;
pub mod calibrated;
pub mod choice;
mod columns;
mod evaluate;
mod function;
pub mod metrics;
pub mod names;
mod network;
mod predict;
mod predictions;
mod ranges;
pub mod sealed;
mod trained;

pub use activations::LearnedActivations;
pub use choice::Choice;
pub use evaluate::EvaluatedRows;
pub use function::Function;
pub use metrics::{ClassMetrics, LossAndAccuracy, Metrics};
pub use network::{ActivationFile, Network, NetworkFile};
pub use predict::Predictions;
pub use predictions::PredictionWriter;
pub use ranges::{InputRange, Ranges, SHARES};
pub use trained::{Model, TestRows, check_names};
