//! More than one machine: shards of a run, and what came out of them together. See `docs/scale.md`.

pub mod lock;
mod part;
pub mod pulse;
pub mod queue;
mod shard;
pub mod status;
pub mod study;

pub use lock::Lock;
pub use part::{Incomplete, Mode, Tally, all};
pub use pulse::Pulse;
pub use shard::Shard;
