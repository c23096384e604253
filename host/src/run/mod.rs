//! A run: its folder, the journals that it goes on from, and its division among processes and
//! machines. See `docs/reliability.md` and `docs/scale.md`.

mod contents;
mod difference;
pub mod folder;
pub mod heartbeat;
pub mod jobs;
pub mod journal;
pub mod lock;
mod part;
mod shard;

pub use folder::RunFolder;
pub use heartbeat::Heartbeat;
pub use lock::Lock;
pub use part::{Incomplete, ListProgress, RunMode, all};
pub use shard::Shard;
