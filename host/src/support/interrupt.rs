//! Ctrl-C and SIGTERM end every command within a second.
//!
//! Work asks between two jobs or steps whether a stop was requested. What cannot ask (an eigendecomposition,
//! a compiler, a pipe without data) is not waited for: a watchdog ends the process. No result is
//! harmed by that: a file appears whole or not at all, and a journal drops a line that was cut off.

use super::atomic::discard_unfinished;
use super::notice::notice;
use super::stop::{self, STOPPED, Stopped};
use super::{child, workshop};
use std::thread;
use std::time::Duration;

/// The exit code after a second Ctrl-C.
const AT_ONCE: i32 = 130;

/// Work may end by itself for so long after the request.
const GRACE: Duration = Duration::from_millis(600);

/// From now on the first Ctrl-C (or SIGTERM) requests a stop, a second one ends the process at
/// once; and a file that grows beyond the limit of the system is an error like that of a full disk.
pub fn install() {
    keep_writing_an_error();

    // A handler that cannot be installed leaves the system's: Ctrl-C then ends the process at once.
    let _ = ctrlc::set_handler(asked);
}

/// The user, or the system, asks to stop.
fn asked() {
    if stop::request() {
        child::end_all();
        let _held = workshop::discard_all();
        std::process::exit(AT_ONCE);
    }

    // First of all, for standard error may be a pipe that nobody reads.
    let watchdog = thread::Builder::new().spawn(watch);
    child::end_all();
    notice!("\nstopping");

    if watchdog.is_err() {
        watch();
    }
}

/// Ends the process if it has not ended by itself.
fn watch() {
    thread::sleep(GRACE);

    child::end_all();
    // Held to the end of the process: no file can appear after this one has said that it stopped.
    let _held = (discard_unfinished(), workshop::discard_all());
    notice!("error: {Stopped}");
    std::process::exit(i32::from(STOPPED));
}

/// Blocks SIGXFSZ in this thread and in those that it starts: the signal would end the process in
/// the midst of a file, without a word; without it, the write fails.
fn keep_writing_an_error() {
    #[cfg(unix)]
    {
        use nix::sys::signal::{SigSet, Signal};
        let _ = SigSet::from(Signal::SIGXFSZ).thread_block();
    }
}
