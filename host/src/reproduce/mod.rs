//! The paper's experiments, as one command that ends with its claims beside what was measured.

mod authors;
mod best;
mod claims;
mod config;
mod equal;
mod run;

pub use config::{Preset, ReproduceConfig, SelectConfig};
pub use run::run;
