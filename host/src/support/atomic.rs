//! Files that are there whole, or not at all.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Temporary files are `NAME.part` and a number; what a killed process left of them may be deleted.
const PART: &str = ".part";

/// The number has the process, a count and nine digits of the time: at least so many digits. `film.part1` is somebody
/// else's.
const PART_DIGITS: usize = 11;

/// The temporary files of this process.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a file of this name is a temporary one of some process.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.rsplit_once(PART)
        .is_some_and(|(_, number)| number.len() >= PART_DIGITS && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Deletes the temporary files of this process. While the result lives, none is made, and none becomes a file.
pub fn discard_unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    let mut all = unfinished();
    for part in std::mem::take(&mut *all) {
        let _ = fs::remove_file(part);
    }
    all
}

/// Writes `bytes` to `path` by way of a temporary file beside it, so that no reader ever sees half a file.
///
/// # Errors
/// If the folder is not there or cannot be written to.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically_with(path, false, |file| Ok(file.write_all(bytes)?))
}

/// As [`write_atomically`], and on the disk when this returns: for what a run goes on from after a power failure. (It takes
/// some milliseconds: pictures, which can be drawn again, are not worth them.)
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

/// A file that appears at its path when it is finished, and not before; if it never is, nothing stays.
pub struct AtomicFile {
    path: PathBuf,
    part: PathBuf,
    to: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Begins a temporary file beside `path`.
    ///
    /// # Errors
    /// If the folder is not there or cannot be written to, or what is at `path` is no regular file: a symbolic link, a
    /// named pipe and a device would be replaced, not written to.
    pub fn create(path: &Path) -> Result<AtomicFile> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mut part = path.as_os_str().to_owned();
        // Threads, processes and machines that write the same file do not meet: the process's number is not enough for those.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
        part.push(format!("{PART}{}{}{now:09}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let part = PathBuf::from(part);

        let is_other = fs::symlink_metadata(path).is_ok_and(|about| !about.is_file());
        ensure!(!is_other, "'{}' is no regular file; give another path", path.display());

        let mut all = unfinished();
        let to = File::create_new(&part).with_context(|| remedy(path))?;
        all.insert(part.clone());
        Ok(AtomicFile { path: path.into(), part, to: Some(BufWriter::new(to)) })
    }

    /// Puts the file where it belongs.
    ///
    /// # Errors
    /// If the rest cannot be written; the file that was at the path stays then.
    pub fn finish(self) -> Result<()> {
        self.end(false)
    }

    fn end(mut self, durable: bool) -> Result<()> {
        self.rest(durable).and_then(|()| self.put()).with_context(|| remedy(&self.path))
    }

    /// Gives the file its name.
    fn put(&self) -> Result<()> {
        let mut all = unfinished();
        fs::rename(&self.part, &self.path)?;
        all.remove(&self.part);
        Ok(())
    }

    fn rest(&mut self, durable: bool) -> Result<()> {
        let Some(to) = self.to.take() else { return Ok(()) };
        let file = to.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        if durable {
            file.sync_all()?;
        }
        Ok(())
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

fn remedy(path: &Path) -> String {
    format!("cannot write '{}'; give a path in a folder that exists and may be written to", path.display())
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
        for name in ["film.part1", "film.part01.rar", "a.csv", ".part", "x.part1234567890"] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_symbolic_link_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let refused = write_atomically(&link, b"new").unwrap_err();
        assert!(format!("{refused:#}").contains("no regular file"), "{refused:#}");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
