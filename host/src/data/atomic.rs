//! Files that are either there or not.

use anyhow::{Context, Result};
use std::path::Path;

/// Writes `bytes` to `path` by way of a temporary file beside it, so that no reader ever sees half a file.
///
/// # Errors
/// If the folder is not there or cannot be written to.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".part{}", std::process::id()));
    let part = Path::new(&part);
    let written = std::fs::write(part, bytes).and_then(|()| std::fs::rename(part, path));
    if written.is_err() {
        let _ = std::fs::remove_file(part);
    }
    written.with_context(|| {
        format!("cannot write '{}'; give a path in a folder that exists and may be written to", path.display())
    })
}
