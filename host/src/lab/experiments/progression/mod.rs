//! Fig. 1: homogeneous, diverse, learned, learned diverse layers.

mod arms;
mod compare;
mod select;

pub use arms::LearnedBefore;
pub use compare::run;
pub use select::{ProgressionConfig, select};
