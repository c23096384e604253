//! Files that are there whole, or not at all.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Temporary files are `NAME.part` and a number; what a killed process left of them may be deleted.
pub const PART: &str = ".part";

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
    /// If the folder is not there or cannot be written to.
    pub fn create(path: &Path) -> Result<AtomicFile> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mut part = path.as_os_str().to_owned();
        // Threads, processes and machines that write the same file do not meet: the process's number is not enough for those.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
        part.push(format!("{PART}{}{}{now:09}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let part = PathBuf::from(part);
        let to = File::create(&part).with_context(|| remedy(path))?;
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
        self.rest(durable)
            .and_then(|()| Ok(std::fs::rename(&self.part, &self.path)?))
            .with_context(|| remedy(&self.path))
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
        // After it was renamed there is nothing of this name.
        let _ = std::fs::remove_file(&self.part);
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
}
