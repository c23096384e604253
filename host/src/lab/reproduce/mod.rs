//! The paper's experiments, as one command that ends with its claims beside what was measured.

mod config;
mod learn;
mod run;

pub use config::{Experiment, LearningStage, Preset, ReproduceConfig, TaskName};
pub use run::{Costs, run};
