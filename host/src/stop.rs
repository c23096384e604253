//! Stopping on request: long work asks between two pieces whether the user pressed Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Work that ended early because the user asked for it. What was finished is on disk.
#[derive(Debug, thiserror::Error)]
#[error("stopped on request; what was finished is kept, and the same command goes on from there")]
pub struct Stopped;

/// From now on the first Ctrl-C (or SIGTERM) requests a stop, a second one ends the process at once.
pub fn install() {
    let handler = || {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after the pieces of work in flight; press Ctrl-C again to stop at once");
    };
    // A handler that cannot be installed leaves the system's: Ctrl-C then ends the process at once.
    let _ = ctrlc::set_handler(handler);
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
