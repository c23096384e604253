//! Ensembles: many networks, each with given activations and its own seed, and what they have in common.

mod ensemble;
mod results;
mod run;

pub use ensemble::{Ensemble, Job, train_all};
pub use results::{Group, Metric, group, group_table, pair_table, table};
pub use run::{ValidateConfig, csv_of, draw, ensembles, run};
