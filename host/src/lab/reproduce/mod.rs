//! The paper's experiments, as one command that ends with its claims beside what was measured.

mod check;
mod config;
mod costs;
mod diversity;
mod experiments;
mod learn;
mod page;
mod progression;
mod reproduction;
mod run;
mod stage;

pub use config::{Experiment, Preset, ReproduceConfig};
pub use costs::Costs;
pub use progression::DepthConfig;
pub use run::run;
pub use stage::{LearningStage, TaskName};
