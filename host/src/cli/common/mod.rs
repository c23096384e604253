//! What several commands have in common: flags, the plan of a command that leaves a run folder, and
//! how a command ends.

mod config;
mod exit;
mod finish;
mod page;
mod run_plan;
mod stdout;
mod task;

pub use config::{ConfigArgs, flagged, innermost};
pub use exit::exit_code;
pub use finish::finish;
pub use page::save_page;
pub use run_plan::{OutArgs, RunPlan, ShardArgs};
pub use stdout::{is_gone, say};
pub use task::{NO_TASK, TaskArgs, task_named};
