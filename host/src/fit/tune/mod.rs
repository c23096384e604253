//! A search for a good network within a budget: candidates drawn at random, most of them dropped
//! after a short training (successive halving). Test rows are not used: the search does not have
//! them.

mod report;
mod search;
mod space;

pub use report::report;
pub use search::{Trial, TuneResult, rounds, search};
pub use space::{Candidate, Space, Span};
