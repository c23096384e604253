//! Networks and their learned activations: what they are, how they are stored as JSON, what they
//! predict, and how good it is.

pub mod activations;
pub mod calibrated;
mod function;
pub mod metrics;
mod network;
mod predictions;
mod ranges;
pub mod sealed;
mod trained;

pub use activations::{Choice, LearnedActivations};
pub use function::Function;
pub use metrics::{ClassMetrics, LossAndAccuracy, Metrics};
pub use network::{ActivationFile, Model, Network};
pub use predictions::PredictionWriter;
pub use ranges::{InputRange, Ranges, SHARES};
pub use trained::{EvaluatedRows, Predictions, TestRows, Trained, check_names};
