//! Temporary folders for programs that are compiled: nobody else's, and gone when the work has
//! ended.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The folders of this process.
static OPEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn open() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new folder among the system's temporary files, which is deleted with all that is in it when
/// this is dropped.
#[derive(Debug)]
pub struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    /// Makes the folder; only the user may look into it.
    ///
    /// # Errors
    /// If there is no place for temporary files.
    pub fn new() -> Result<Workshop> {
        let mut open = open();
        let made = tempfile::Builder::new().prefix("ldnn-").tempdir();
        let folder = made.with_context(|| {
            let place = std::env::temp_dir();
            format!(
                "cannot make a folder in '{}'; TMPDIR names another place",
                place.display()
            )
        })?;

        open.insert(folder.path().into());
        Ok(Workshop { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A program whose temporary files are put here as well, where they go even if it is killed.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        for variable in ["TMPDIR", "TMP", "TEMP"] {
            command.env(variable, self.path());
        }
        command
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let mut open = open();
        remove(self.path());
        open.remove(self.path());
    }
}

/// Deletes the folders of this process. While the result lives, none is made.
pub fn discard_all() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    let mut all = open();
    for folder in std::mem::take(&mut *all) {
        remove(&folder);
    }
    all
}

/// Deletes a folder in which a program that was just killed may still make a last file.
fn remove(folder: &Path) {
    for _ in 0..20 {
        if fs::remove_dir_all(folder).is_ok() || !folder.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workshop_goes_with_all_that_is_in_it() {
        let shop = Workshop::new().unwrap();
        let path = shop.path().to_path_buf();
        fs::create_dir(path.join("sub")).unwrap();
        fs::write(path.join("sub/x"), "x").unwrap();
        drop(shop);
        assert!(!path.exists());
    }
}
