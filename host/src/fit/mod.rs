//! From a table of numbers to a trained network: activations are learned, networks trained with
//! them and with classical ones, and the best written to a file that knows everything that is
//! needed to use it.

mod arms;
mod compare;
mod config;
mod grid;
mod pipeline;
mod run;
pub mod tune;

pub use arms::SelectedArms;
pub use config::{ActivationSource, BEST, FitConfig, LEARNED};
pub use run::{Fitted, cross, run, run_kept};
