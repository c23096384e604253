//! Locks on run folders: one process at a time writes in one.

use crate::support::notice::notice;
use crate::support::regular;
use crate::support::stop::{self, Stopped};
use anyhow::{Context, Result, bail, ensure};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file that is locked.
pub const FILE: &str = ".lock";

/// A folder that belongs to this process until the lock is dropped. The system releases it when the
/// process dies, however it dies: there are no stale locks. The file stays, and names the process
/// while that lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the folder, which must be there.
    ///
    /// # Errors
    /// If another process has it (the message names that), the folder cannot be written to, or the
    /// file is none of this program: a link, or somebody else's.
    pub fn take(folder: &Path) -> Result<Lock> {
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);

        let mut file = regular::open(&mut options, &path).with_context(|| {
            format!(
                "'{}' cannot be written to; give a folder that may be made or written to",
                path.display()
            )
        })?;

        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("{}", taken(folder, &mut file)),
            Err(TryLockError::Error(error)) => {
                // Some network file systems have no locks. There, nothing but the user keeps two
                // processes apart.
                notice!(
                    "warning: '{}' cannot be locked ({error}); see to it that no other process works in that folder",
                    path.display()
                );
            }
        }

        let mut text = String::new();
        let is_text = file.read_to_string(&mut text).is_ok();

        ensure!(
            is_text && is_lock(&text),
            "'{}' was not written by this program; move it away, or give another folder",
            path.display()
        );

        // At once: whoever asks meanwhile is to see a name or none.
        let name = format!("process {} on {}", std::process::id(), host());
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(name.as_bytes()));

        Ok(Lock { file })
    }

    /// Who has the folder, if somebody on this machine (or on a file system with locks) has.
    #[must_use]
    pub fn holder(folder: &Path) -> Option<String> {
        let mut file = regular::opened(OpenOptions::new().read(true), &folder.join(FILE)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(name(&mut file)),
            _ => None,
        }
    }
}

/// So long a process waits for others that are opening the folder. It takes them milliseconds.
const OPENING_PATIENCE: Duration = Duration::from_secs(60);

/// The right to open a run folder: to take its lock, look at what is in it, and write its settings.
///
/// Shards have locks of their own, so their locks keep nobody from the settings that they share.
/// The folder itself is locked, not a file in it, so nothing of this is left in the folder.
#[derive(Debug)]
pub struct Opening {
    /// None where a folder cannot be locked: on some network file systems and operating systems.
    folder: Option<File>,
}

impl Opening {
    /// Waits until nobody else opens the folder. Those for whom `is_shared` is true open it side by
    /// side.
    ///
    /// # Errors
    /// If somebody has the folder locked for a minute, or the user stops the process.
    pub fn begin(path: &Path, is_shared: impl Fn() -> bool) -> Result<Opening> {
        let Ok(folder) = File::open(path) else {
            return Ok(Opening { folder: None });
        };
        let begun = Instant::now();

        loop {
            // Asked each time: the first shard writes the settings, and the others need not queue.
            let locked = match is_shared() {
                true => folder.try_lock_shared(),
                false => folder.try_lock(),
            };

            match locked {
                Ok(()) => {
                    return Ok(Opening {
                        folder: Some(folder),
                    });
                }
                Err(TryLockError::Error(_)) => return Ok(Opening { folder: None }),
                Err(TryLockError::WouldBlock) => {}
            }

            if stop::requested() {
                return Err(Stopped.into());
            }

            ensure!(
                begun.elapsed() < OPENING_PATIENCE,
                "another program has the folder '{}' locked; stop it, or give another `out`",
                path.display()
            );

            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether others are kept out.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.folder.is_some()
    }
}

/// Whether the file that is called like a lock is one, or there is none.
#[must_use]
pub fn is_own(folder: &Path) -> bool {
    let path = folder.join(FILE);
    if std::fs::symlink_metadata(&path).is_err() {
        return true;
    }

    if regular::open(OpenOptions::new().read(true), &path).is_err() {
        return false;
    }

    match regular::read_own(&path) {
        Ok(text) => is_lock(&text),
        // Where nobody else may read a locked file, whoever has it locked is one of us.
        Err(error) => error.kind() != ErrorKind::InvalidData,
    }
}

/// Whether a text is what a process writes into its lock, or a beginning of it.
fn is_lock(text: &str) -> bool {
    const BEGINNING: &str = "process ";

    BEGINNING.starts_with(text)
        || text.strip_prefix(BEGINNING).is_some_and(|rest| {
            let (number, host) = rest.split_once(" on ").unwrap_or((rest, ""));
            !host.contains('\n') && number.bytes().all(|b| b.is_ascii_digit())
        })
}

/// Whoever only asks who has the folder has it for some microseconds.
fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..4 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(25)),
            other => return other,
        }
    }
    file.try_lock()
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
    }
}

fn taken(folder: &Path, file: &mut File) -> String {
    format!(
        "another run is at work in '{}': {}; wait for it or stop it, or give another `out`",
        folder.display(),
        name(file)
    )
}

fn name(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));

    if text.is_empty() {
        "a process that has not said its name yet".into()
    } else {
        text
    }
}

/// The machine's name, as far as the system tells without asking a network.
#[must_use]
pub fn host() -> String {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"].map(PathBuf::from);

    let read = |p: PathBuf| {
        std::fs::read_to_string(p)
            .ok()
            .map(|t| t.trim().to_string())
            .filter(|t| !t.is_empty())
    };

    let set = |name: &str| std::env::var(name).ok().filter(|t| !t.is_empty());

    files
        .into_iter()
        .find_map(read)
        .or_else(|| set("HOSTNAME").or_else(|| set("COMPUTERNAME")))
        .unwrap_or("here".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_free_again_when_the_lock_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Lock::holder(dir.path()), None);

        let lock = Lock::take(dir.path()).unwrap();
        let message = format!("{:#}", Lock::take(dir.path()).unwrap_err());

        assert!(
            message.contains(&format!("process {}", std::process::id())),
            "{message}"
        );
        assert!(
            message.contains("`out`") && message.contains(&host()),
            "{message}"
        );
        assert!(Lock::holder(dir.path()).is_some());

        drop(lock);
        assert_eq!(Lock::holder(dir.path()), None);

        Lock::take(dir.path()).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn a_folder_is_opened_by_one_at_a_time_but_for_those_that_share() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();

        let first = Opening::begin(path, || true).unwrap();
        let second = Opening::begin(path, || true).unwrap();
        assert!(first.is_held() && second.is_held());

        let waiting = std::thread::scope(|scope| {
            let alone = scope.spawn(|| Opening::begin(path, || false).unwrap());
            std::thread::sleep(Duration::from_millis(50));

            let is_waiting = !alone.is_finished();
            drop((first, second));
            assert!(alone.join().unwrap().is_held());

            is_waiting
        });

        assert!(waiting);
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
    }
}
