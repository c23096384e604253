//! Files that are there whole, or not at all.

use super::ledger;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Temporary files are `NAME.part` and a number; what a killed process left of them may be deleted.
const PART: &str = ".part";

/// The number has the process, a count and nine digits of the time: at least so many digits.
/// `film.part1` is somebody else's. Its process has the file locked: one that is not locked was
/// left by a process that was killed.
const PART_DIGITS: usize = 11;

/// The temporary files of this process.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Files that are not to take the place of anything: there was nothing when the command began.
static NEW: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn new_files() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    NEW.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on the first file that is written to `path` takes the place of none that somebody else
/// puts there meanwhile.
pub fn expect_new(path: &Path) {
    new_files().insert(path.into());
}

/// Whether a file of this name is a temporary one of some process.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    target_of(name).is_some()
}

/// The file that a temporary one was to become, by its name.
#[must_use]
pub fn target_of(name: &str) -> Option<&str> {
    let (target, number) = name.rsplit_once(PART)?;
    (number.len() >= PART_DIGITS && number.bytes().all(|b| b.is_ascii_digit())).then_some(target)
}

/// Deletes the temporary files that killed processes left of the file at `path`; those of living
/// processes are locked.
pub fn discard_stale(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| *folder != Path::new(""))
        .unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return;
    };

    for entry in fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let is_own = entry.file_name().to_str().and_then(target_of) == Some(name);
        if !is_own || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }

        // Held until the file is gone.
        let Ok(file) = File::options().write(true).open(entry.path()) else {
            continue;
        };

        if file.try_lock().is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Deletes the temporary files of this process. While the result lives, none is made, and none
/// becomes a file.
pub fn discard_unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    let mut all = unfinished();
    for part in std::mem::take(&mut *all) {
        let _ = fs::remove_file(part);
    }
    all
}

/// Writes `bytes` to `path` by way of a temporary file beside it, so that no reader ever sees half
/// a file.
///
/// # Errors
/// If the folder is not there or cannot be written to.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically_with(path, false, |file| Ok(file.write_all(bytes)?))
}

/// As [`write_atomically`], and on the disk when this returns: for what a run goes on from after a
/// power failure. (It takes some milliseconds: pictures, which can be drawn again, are not worth
/// them.)
///
/// # Errors
/// As [`write_atomically`].
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically_with(path, true, |file| Ok(file.write_all(bytes)?))
}

/// Writes what `write` writes, whole or not at all; on the disk when this returns, if `durable`.
///
/// # Errors
/// As [`write_atomically`], and if `write` fails.
pub fn write_atomically_with(
    path: &Path,
    durable: bool,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    write(&mut file).with_context(|| remedy(path))?;
    file.end(durable)
}

/// A file that appears at its path when it is finished, and not before; if it never is, nothing
/// stays.
pub struct AtomicFile {
    path: PathBuf,
    part: PathBuf,
    to: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Begins a temporary file beside `path`.
    ///
    /// # Errors
    /// If the folder is not there or cannot be written to, or what is at `path` is no regular file:
    /// a symbolic link, a named pipe and a device would be replaced, not written to.
    pub fn create(path: &Path) -> Result<AtomicFile> {
        let is_other = fs::symlink_metadata(path).is_ok_and(|about| !about.is_file());

        ensure!(
            !is_other,
            "'{}' is no regular file; give another path",
            path.display()
        );

        ledger::note(path).with_context(|| remedy(path))?;

        let mut all = unfinished();
        let (part, to) = temporary(path).with_context(|| remedy(path))?;
        all.insert(part.clone());

        Ok(AtomicFile {
            path: path.into(),
            part,
            to: Some(BufWriter::new(to)),
        })
    }

    /// Puts the file where it belongs.
    ///
    /// # Errors
    /// If the rest cannot be written; the file that was at the path stays then.
    pub fn finish(self) -> Result<()> {
        self.end(false)
    }

    fn end(mut self, durable: bool) -> Result<()> {
        // Locked until it has its name.
        let _file = self.rest(durable).with_context(|| remedy(&self.path))?;
        self.put()
    }

    /// Gives the file its name.
    fn put(&self) -> Result<()> {
        let mut all = unfinished();

        if new_files().contains(&self.path) {
            self.put_as_new()?;
        } else {
            fs::rename(&self.part, &self.path).with_context(|| remedy(&self.path))?;
        }

        all.remove(&self.part);
        Ok(())
    }

    /// Gives the file its name, if nothing has it: a link takes the place of nothing.
    fn put_as_new(&self) -> Result<()> {
        match fs::hard_link(&self.part, &self.path) {
            Ok(()) => fs::remove_file(&self.part).with_context(|| remedy(&self.path))?,
            // Some file systems have no links.
            Err(_) if fs::symlink_metadata(&self.path).is_err() => {
                fs::rename(&self.part, &self.path).with_context(|| remedy(&self.path))?;
            }
            Err(_) => bail!(
                "'{}' has come into being while this command was at work, and stays as it is; give another path, or \
                 `replace` to overwrite it",
                self.path.display()
            ),
        }

        new_files().remove(&self.path);
        Ok(())
    }

    fn rest(&mut self, durable: bool) -> Result<Option<File>> {
        let Some(to) = self.to.take() else {
            return Ok(None);
        };
        let file = to
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;

        if durable {
            file.sync_all()?;
        }

        Ok(Some(file))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.to.as_mut().map_or(Ok(0), |to| to.write(bytes))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if unfinished().remove(&self.part) {
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Makes and locks a temporary file for the file at `path`.
fn temporary(path: &Path) -> std::io::Result<(PathBuf, File)> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);

    loop {
        let mut part = path.as_os_str().to_owned();
        // Threads, processes and machines that write the same file do not meet: the process's
        // number is not enough for those.
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.subsec_nanos());

        part.push(format!(
            "{PART}{}{}{now:09}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        ));

        let part = PathBuf::from(part);
        let to = File::create_new(&part)?;

        // Somebody who looks for what killed processes left may have come before the lock.
        let is_ours = !matches!(to.try_lock(), Err(TryLockError::WouldBlock)) && part.exists();
        if is_ours {
            return Ok((part, to));
        }
    }
}

fn remedy(path: &Path) -> String {
    format!(
        "cannot write '{}'; give a path in a folder that exists and may be written to",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write_atomically(&path, b"old").unwrap();

        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);

        assert_eq!(std::fs::read(&path).unwrap(), b"old");

        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        file.finish().unwrap();

        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(AtomicFile::create(&folder.path().join("no/where")).is_err());
    }

    #[test]
    fn temporary_files_are_told_from_parts_of_an_archive() {
        let folder = tempfile::tempdir().unwrap();
        let file = AtomicFile::create(&folder.path().join("a.csv")).unwrap();
        let name = file.part.file_name().unwrap().to_str().unwrap();

        assert!(is_temporary(name), "{name}");

        for name in [
            "film.part1",
            "film.part01.rar",
            "a.csv",
            ".part",
            "x.part1234567890",
        ] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_a_living_one_writes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");

        let others = [
            "a.csv.part12345678901",
            "b.csv.part12345678901",
            "a.csv.part1",
            "a.csv",
        ];

        others
            .iter()
            .for_each(|name| fs::write(folder.path().join(name), "x").unwrap());

        let living = AtomicFile::create(&path).unwrap();
        discard_stale(&path);

        let left: Vec<bool> = others
            .iter()
            .map(|name| folder.path().join(name).exists())
            .collect();

        assert_eq!(left, [false, true, true, true]);

        living.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn a_file_that_was_to_be_new_takes_the_place_of_none_that_came_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        expect_new(&path);

        let file = AtomicFile::create(&path).unwrap();
        fs::write(&path, "mine").unwrap();

        let message = file.finish().unwrap_err().to_string();
        assert!(
            message.contains("while this command was at work"),
            "{message}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"mine");

        fs::remove_file(&path).unwrap();
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();

        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_symbolic_link_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();

        let refused = write_atomically(&link, b"new").unwrap_err();
        assert!(
            format!("{refused:#}").contains("no regular file"),
            "{refused:#}"
        );
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
