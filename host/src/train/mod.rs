//! Training: one network, and ensembles of many networks, each with given activations and its own
//! seed; how their hyperparameters are chosen, and what the networks of an ensemble have in common.

mod config;
mod ensemble;
mod evaluate;
mod optimizer;
mod probe;
mod results;
mod select;
mod trainee;
mod training;
pub mod validate;

pub use config::ValidateConfig;
pub use ensemble::{Arm, Ensemble, Job, SeededActivations, arms, by_activation, pairs, train_all};
pub use evaluate::{EVALUATION_ROWS, evaluate_network};
pub use optimizer::{OptimizerKind, OptimizerMemory};
pub use probe::{Probed, of_each, train_and_probe};
pub use results::{Group, Metric, group, group_table, interval, metric_of, number, pair_table};
pub use select::{Hyperparameters, SelectConfig, select};
pub(crate) use trainee::Trainee;
pub use training::{
    Curve, EXPLOSION, LearningTables, LrDecay, TrainConfig, Training, lr_scale, train,
    train_network,
};
pub use validate::{csv_of, draw, ensembles, values_of};
