//! Stopping on request: long work asks between two pieces whether the user pressed Ctrl-C, or a queue sent SIGTERM.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

static REQUESTED: AtomicBool = AtomicBool::new(false);
static WHEN: Mutex<Option<Instant>> = Mutex::new(None);

/// Pieces in flight may be finished for so long after the request; then they are dropped. Queues that send SIGTERM give 30 s
/// (Kubernetes) or as much as the script asks for before they kill.
const GRACE: Duration = Duration::from_secs(15);

/// Work that ended early because the user asked for it. What was finished is on disk.
#[derive(Debug, thiserror::Error)]
#[error("stopped on request; what was finished is kept, and the same command goes on from there")]
pub struct Stopped;

/// From now on the first Ctrl-C (or SIGTERM) requests a stop, a second one ends the process at once.
pub fn install() {
    let handler = || {
        if REQUESTED.load(Ordering::SeqCst) {
            std::process::exit(130);
        }
        *WHEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        REQUESTED.store(true, Ordering::SeqCst);
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

/// The same inside a piece of work that would be lost: there is some time to finish it.
///
/// # Errors
/// [`Stopped`] if a stop was requested some time ago.
pub fn check_patiently() -> Result<(), Stopped> {
    if !requested() {
        return Ok(());
    }
    let when = *WHEN.lock().unwrap_or_else(PoisonError::into_inner);
    if when.is_some_and(|w| w.elapsed() >= GRACE) { Err(Stopped) } else { Ok(()) }
}
