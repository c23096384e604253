//! Files that are either there or not.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
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
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let mut part = path.as_os_str().to_owned();
    // Threads, processes and machines that write the same file do not meet: the process's number is not enough for those.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    part.push(format!("{PART}{}{}{now:09}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let part = Path::new(&part);
    let written = create(part, durable, write).and_then(|()| Ok(std::fs::rename(part, path)?));
    if written.is_err() {
        let _ = std::fs::remove_file(part);
    }
    written.with_context(|| {
        format!("cannot write '{}'; give a path in a folder that exists and may be written to", path.display())
    })
}

fn create(part: &Path, durable: bool, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut file = BufWriter::new(File::create(part)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    if durable {
        file.sync_all()?;
    }
    Ok(())
}
