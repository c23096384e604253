//! Other programs that this one runs: they end with it.

use super::stop;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The numbers of the programs at work. Each leads a process group, with all that it has started.
static AT_WORK: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn at_work() -> MutexGuard<'static, BTreeSet<u32>> {
    AT_WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a program to its end, and returns what it printed.
///
/// # Errors
/// [`stop::Stopped`] if a stop was requested, before or meanwhile: the program was ended then, and
/// nothing follows from its exit code. Otherwise if it cannot be started.
pub fn output(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());

    // A group of its own can be ended as a whole, and gets no Ctrl-C of the terminal by itself.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);

    let child = {
        // Whoever ends the programs at work sees this one, or it is not started.
        let mut at_work = at_work();
        stop::check()?;
        let child = command.spawn().context("it cannot be started")?;
        at_work.insert(child.id());
        child
    };

    let number = child.id();
    let output = child.wait_with_output();
    at_work().remove(&number);

    stop::check()?;
    output.context("it cannot be waited for")
}

/// Ends all programs at work, and what these have started. (Only Unix has process groups.)
pub fn end_all() {
    #[cfg(unix)]
    for &number in at_work().iter() {
        use nix::sys::signal::{Signal, killpg};
        use nix::unistd::Pid;
        if let Ok(number) = i32::try_from(number) {
            let _ = killpg(Pid::from_raw(number), Signal::SIGKILL);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_program_ends_with_all_that_it_has_started() {
        assert_eq!(
            output(Command::new("echo").arg("x")).unwrap().stdout,
            b"x\n"
        );
        assert!(output(&mut Command::new("no-such-program")).is_err());

        let begun = Instant::now();
        let ended = std::thread::spawn(|| {
            // The inner one holds the pipe open: that this ends shows that both are gone.
            output(Command::new("sh").args(["-c", "sleep 60 & sleep 60"]))
        });

        while !ended.is_finished() && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(50));
            end_all();
        }

        assert!(!ended.join().unwrap().unwrap().status.success());
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
