//! Whether a stop was requested. Long work asks between two jobs or steps, and ends by itself; `interrupt`
//! is who requests it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);
static RESUMABLE: AtomicBool = AtomicBool::new(false);

/// The exit code of work that was stopped (EX_TEMPFAIL).
pub const STOPPED: u8 = 75;

/// Work that ended early because the user asked for it.
#[derive(Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if RESUMABLE.load(Ordering::SeqCst) {
            "stopped on request; what was finished is kept, and the same command goes on from there"
        } else {
            "stopped on request; the same command begins anew"
        })
    }
}

impl std::error::Error for Stopped {}

/// Requests a stop; whether one was requested before.
pub fn request() -> bool {
    REQUESTED.swap(true, Ordering::SeqCst)
}

/// From now on what is finished is kept in a run folder.
pub fn work_is_kept() {
    RESUMABLE.store(true, Ordering::SeqCst);
}

/// Whether a stop was requested.
#[must_use]
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// # Errors
/// [`Stopped`] if a stop was requested.
pub fn check() -> Result<(), Stopped> {
    if requested() { Err(Stopped) } else { Ok(()) }
}
