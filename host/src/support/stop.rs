//! Stopping on request, within a second.
//!
//! Long work asks between two pieces whether the user pressed Ctrl-C, or a queue sent SIGTERM, and ends by itself. What
//! cannot ask (an eigendecomposition, a compiler, a pipe without data) is not waited for: a watchdog ends the process. No
//! result is harmed by that: a file appears whole or not at all, and a journal drops a line that was cut off.

use crate::support::atomic::discard_unfinished;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

static REQUESTED: AtomicBool = AtomicBool::new(false);
static RESUMABLE: AtomicBool = AtomicBool::new(false);

/// The exit code of work that was stopped (EX_TEMPFAIL).
pub const STOPPED: u8 = 75;

/// The exit code after a second Ctrl-C.
const AT_ONCE: i32 = 130;

/// Work may end by itself for so long after the request.
const GRACE: Duration = Duration::from_millis(600);

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

/// From now on the first Ctrl-C (or SIGTERM) requests a stop, a second one ends the process at once.
pub fn install() {
    let handler = || {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            end_children(std::process::id());
            std::process::exit(AT_ONCE);
        }

        // First of all, for standard error may be a pipe that nobody reads.
        let watchdog = thread::Builder::new().spawn(watch);
        eprintln!("\nstopping");
        if watchdog.is_err() {
            watch();
        }
    };

    // A handler that cannot be installed leaves the system's: Ctrl-C then ends the process at once.
    let _ = ctrlc::set_handler(handler);
}

/// Ends the process if it has not ended by itself.
fn watch() {
    thread::sleep(GRACE);

    end_children(std::process::id());
    // Held to the end of the process: no file can appear after this one has said that it stopped.
    let _held = discard_unfinished();
    eprintln!("error: {Stopped}");
    std::process::exit(i32::from(STOPPED));
}

/// Ends the compilers that a process has started, and what those have started: nobody waits for them any more. Only
/// Linux tells whose children they are.
fn end_children(process: u32) {
    let all = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let number = |name: std::ffi::OsString| name.to_str()?.parse::<u32>().ok();
    let parent = |child: &u32| {
        let about = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        // The name, in brackets, may hold anything; the state and the parent follow.
        about
            .rsplit_once(')')?
            .1
            .split_whitespace()
            .nth(1)?
            .parse::<u32>()
            .ok()
    };
    let children = all
        .filter_map(|entry| number(entry.file_name()))
        .filter(|child| parent(child) == Some(process));
    for child in children.collect::<Vec<u32>>() {
        // The parent first, which would start others; its children are still its own until it has ended.
        let _ = std::process::Command::new("kill")
            .args(["-STOP", &child.to_string()])
            .status();
        end_children(child);
        let _ = std::process::Command::new("kill")
            .args(["-KILL", &child.to_string()])
            .status();
    }
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
