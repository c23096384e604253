//! Meta-learning: the outer loop. It drives the core's hypergradient (the unrolled schedule), and has
//! an alternating schedule of its own, over whole data sets and tables; a device has the core's.

mod alternating;
mod caution;
mod config;
mod engine;
mod forms;
mod learner;
mod outer_step;
mod recipes;
mod record;
mod run;
mod unrolled;

pub use caution::Unlearnable;
pub use config::{MetaConfig, MetaSchedule, Objective, Tape};
pub use learner::Learner;
pub use recipes::MetaBasics;
pub use record::{Checkpoint, StepRecord};
pub use run::{MetaJob, run};
