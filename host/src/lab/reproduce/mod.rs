//! The paper's experiments, as one command that ends with its claims beside what was measured.

mod check;
mod config;
mod costs;
mod diversity;
mod experiments;
mod learn;
mod page;
mod reproduction;
mod run;

pub use config::{Experiment, LearningStage, Preset, ReproduceConfig, TaskName};
pub use costs::Costs;
pub use run::run;
