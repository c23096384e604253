//! Studies: a file of settings with sweeps over any of them, as a plan that everybody computes
//! alike, in any number of processes on any machines.

mod axis;
mod plan;
mod results;
mod run;
mod settings;
mod worker;

pub use axis::Axis;
pub use plan::{Id, MetaRun, StudyPlan, TrainingBlock};
pub use run::{Stage, run};
pub use settings::{Setting, StudyConfig, TaskCache};
