//! Meta-learning: the outer loop around the core's schedules.

mod alternating;
mod config;
mod forms;
mod learner;
mod run;

pub use config::{MetaConfig, MetaSchedule, Objective, Tape};
pub use learner::{Checkpoint, Learner, StepRecord, Unlearnable};
pub use run::{MetaJob, run};
