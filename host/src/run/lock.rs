//! Locks on run folders: one process at a time writes in one.

use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that is locked.
pub const FILE: &str = ".lock";

/// A folder that belongs to this process until the lock is dropped. The system releases it when the process dies, however
/// it dies: there are no stale locks. The file stays, and names the process while that lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the folder, which must be there.
    ///
    /// # Errors
    /// If another process has it (the message names that), or the folder cannot be written to.
    pub fn take(folder: &Path) -> Result<Lock> {
        let path = folder.join(FILE);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path);
        let mut file = file.with_context(|| {
            format!(
                "'{}' cannot be written to; give a folder that may be made or written to",
                folder.display()
            )
        })?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("{}", taken(folder, &mut file)),
            Err(TryLockError::Error(error)) => {
                // Some network file systems have no locks. There, nothing but the user keeps two processes apart.
                eprintln!(
                    "warning: '{}' cannot be locked ({error}); see to it that no other process works in that folder",
                    path.display()
                );
            }
        }
        let _ = file
            .set_len(0)
            .and_then(|()| write!(file, "process {} on {}", std::process::id(), host()));
        Ok(Lock { file })
    }

    /// Who has the folder, if somebody on this machine (or on a file system with locks) has.
    #[must_use]
    pub fn holder(folder: &Path) -> Option<String> {
        let mut file = File::open(folder.join(FILE)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(name(&mut file)),
            _ => None,
        }
    }
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
        "another run is at work in '{}': {}; wait for it or stop it, or give another --out",
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
            message.contains("--out") && message.contains(&host()),
            "{message}"
        );
        assert!(Lock::holder(dir.path()).is_some());
        drop(lock);
        assert_eq!(Lock::holder(dir.path()), None);
        Lock::take(dir.path()).unwrap();
    }
}
