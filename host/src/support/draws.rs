//! The program's random numbers: one part of the core's stream for users for each purpose.
//!
//! Data sets that follow another generator have their own (`data/numpy_random.rs`).

use ldnn_core::rng::{Draws, Stream};

/// What random numbers are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawnFor {
    /// Rows that are held out from learning.
    HeldOutRows,
    /// Groups of rows for testing.
    TestGroups,
    /// Rows for testing.
    TestRows,
    /// Rows that a model keeps.
    KeptRows,
    /// Vectors of signs.
    Signs,
    /// Samples of a bootstrap.
    Bootstrap,
    /// The order of rows for folds and validation.
    Folds,
    /// The division of the built-in digits.
    Digits,
    /// Rows within the ranges of a model's inputs.
    RowsInRange,
    /// Candidates of a search.
    Candidates,
}

impl DrawnFor {
    /// Two pairs share a part: the seed of the digits is a constant, and a model's rows are not
    /// drawn where candidates are. Other numbers would be other results.
    const fn part(self) -> u32 {
        match self {
            DrawnFor::HeldOutRows => 1,
            DrawnFor::TestGroups => 2,
            DrawnFor::TestRows => 3,
            DrawnFor::KeptRows => 4,
            DrawnFor::Signs => 5,
            DrawnFor::Bootstrap => 6,
            DrawnFor::Folds | DrawnFor::Digits => 8,
            DrawnFor::RowsInRange | DrawnFor::Candidates => 9,
        }
    }
}

/// Random numbers for a purpose, as a pure function of the seed and the step.
#[must_use]
pub const fn draws(purpose: DrawnFor, seed: u64, step: u64) -> Draws {
    Draws::new(seed, Stream::User, purpose.part(), step)
}
