//! Meta-learning: the outer loop around the core's schedules.

mod alternating;
mod caution;
mod config;
mod engine;
mod forms;
mod learner;
mod outer_step;
mod record;
mod run;
mod unrolled;

pub use caution::Unlearnable;
pub use config::{MetaConfig, MetaSchedule, Objective, Tape};
pub use learner::Learner;
pub use record::{Checkpoint, StepRecord};
pub use run::{MetaJob, run};
