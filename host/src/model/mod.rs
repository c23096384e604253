//! Networks and their learned activations: what they are, how they are stored as JSON, what they
//! predict, and how good it is.

pub mod activations;
pub mod calibrated;
mod columns;
mod evaluate;
mod function;
pub mod metrics;
mod network;
mod predict;
mod predictions;
mod ranges;
pub mod sealed;
mod trained;

pub use activations::{Choice, LearnedActivations};
pub use evaluate::EvaluatedRows;
pub use function::Function;
pub use metrics::{ClassMetrics, LossAndAccuracy, Metrics};
pub use network::{ActivationFile, Model, Network};
pub use predict::Predictions;
pub use predictions::PredictionWriter;
pub use ranges::{InputRange, Ranges, SHARES};
pub use trained::{TestRows, Trained, check_names};
