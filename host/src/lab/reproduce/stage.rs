//! Stages of meta-learning, which come before every experiment.

use crate::meta::MetaConfig;
use serde::{Deserialize, Serialize};

/// The task of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskName {
    /// The one that the user asked for.
    Main,
    /// The van der Pol oscillator.
    Vanderpol,
    /// The 8 x 8 digits.
    Digits,
}

/// A stage of meta-learning: the same settings, once per outer seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningStage {
    /// What experiments ask for it by.
    pub name: String,
    /// The task.
    pub on: TaskName,
    /// Outer seeds, from that of `meta` on.
    pub seeds: usize,
    /// How they are learned.
    pub meta: MetaConfig,
}
