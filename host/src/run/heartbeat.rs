//! What a shard says of itself while it works, for `ldnn status`. No result depends on it.

use super::lock::host;
use crate::support::atomic::write_atomically;
use crate::support::regular::{self, Most};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The file in the shard's folder.
pub const FILE: &str = "state.json";

/// What the file says that it is.
const KIND: &str = "shard";

/// A file system that a thousand shards share is not to be asked more often.
const INTERVAL: Duration = Duration::from_secs(5);

/// The state of a shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardState {
    /// What the file is: `shard`.
    pub kind: String,
    /// The version of the program that is at work.
    pub version: String,
    /// The process's number.
    pub process: u32,
    /// The machine.
    pub host: String,
    /// Seconds since 1970 when the process began, by the machine's clock.
    pub started: u64,
    /// Seconds that it has been at work since, by a clock that only goes forward.
    pub seconds: f64,
    /// Jobs that it has finished.
    #[serde(rename = "pieces")]
    pub jobs: usize,
    /// How it ended: `done`, `stopped`, `waits` for other shards, or a message; nothing while it
    /// works, and if it was killed.
    pub ended: Option<String>,
}

/// Keeps the file up to date.
#[derive(Debug)]
pub struct Heartbeat {
    path: PathBuf,
    begun: Instant,
    state: Mutex<(ShardState, Instant)>,
}

impl Heartbeat {
    /// Begins in a shard's folder.
    #[must_use]
    pub fn start(folder: &Path) -> Heartbeat {
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());

        let state = ShardState {
            kind: KIND.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            process: std::process::id(),
            host: host(),
            started,
            seconds: 0.0,
            jobs: 0,
            ended: None,
        };

        let begun = Instant::now();

        let heartbeat = Heartbeat {
            path: folder.join(FILE),
            begun,
            state: Mutex::new((state, begun)),
        };

        heartbeat.write(|_| true);
        heartbeat
    }

    /// A job is finished.
    pub fn beat(&self) {
        self.write(|(state, written)| {
            state.jobs += 1;
            written.elapsed() >= INTERVAL
        });
    }

    /// The work has ended.
    pub fn end(&self, how: &str) {
        self.write(|(state, _)| {
            state.ended = Some(how.into());
            true
        });
    }

    /// Changes the state, and writes it if `change` says so. That it cannot be written is no reason
    /// to lose work.
    fn write(&self, change: impl FnOnce(&mut (ShardState, Instant)) -> bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if change(&mut state) {
            state.0.seconds = self.begun.elapsed().as_secs_f64();
            state.1 = Instant::now();
            if let Ok(text) = serde_json::to_string(&state.0) {
                let _ = write_atomically(&self.path, text.as_bytes());
            }
        }
    }
}

/// What the shard in `folder` said last.
#[must_use]
pub fn read(folder: &Path) -> Option<ShardState> {
    let state: ShardState =
        serde_json::from_slice(&regular::read(&folder.join(FILE), Most::Text).ok()?).ok()?;
    (state.kind == KIND).then_some(state)
}
