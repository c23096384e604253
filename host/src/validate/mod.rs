//! Ensembles: many networks, each with given activations and its own seed, and what they have in common.

mod ensemble;
mod looked;
mod results;
mod run;
mod select;

pub use ensemble::{Ensemble, Entrant, Job, Learned, by_kind, entrants, pairs, train_all};
pub use looked::{Looked, look_at, of_each};
pub use results::{Group, Metric, group, group_table, interval, number, pair_table};
pub use run::{ValidateConfig, csv_of, draw, ensembles, metric_of, run, values_of};
pub use select::{Chosen, SelectConfig, Selected, best_epoch, select, select_cautiously};
