//! From a table of numbers to a trained network: activations are learned, networks trained with them and with classical ones,
//! and the best written to a file that knows everything that is needed to use it.

mod compare;
mod config;
mod course;
mod metrics;
mod model;
mod predictions;
mod run;

pub use config::{Activate, FitConfig};
pub use metrics::{Metrics, OfClass, metrics};
pub use model::{Judged, KeptRows, Predictions, Trained};
pub use predictions::PredictionWriter;
pub use run::{Fitted, cross, run};
