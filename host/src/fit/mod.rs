//! From a table of numbers to a trained network: activations are learned, networks trained with them and with classical ones,
//! and the best written to a file that knows everything that is needed to use it.

mod metrics;
mod model;
mod run;

pub use metrics::{Metrics, metrics};
pub use model::{Predictions, Trained};
pub use run::{Activate, FitConfig, Fitted, Parts, run};
