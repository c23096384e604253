//! Opening files that this program adds to, without writing to anything else by way of a link.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{Error, Read, Result};
use std::path::Path;

/// Opens a file to write to it in place.
///
/// Nothing is waited for: a named pipe without a reader is refused as well.
///
/// # Errors
/// If it cannot be opened, or what is at `path` is no regular file, or has a second name (a hard
/// link): writing would change the file under both names.
pub fn open(options: &mut OpenOptions, path: &Path) -> Result<File> {
    let file = opened(options, path)?;
    if names(&file.metadata()?) > 1 {
        let why = "it has a second name (a hard link), under which it would change too; move it away, or copy it";
        return Err(Error::other(why));
    }
    Ok(file)
}

/// Reads the text of a file that no link leads to.
///
/// # Errors
/// If it cannot be read, or what is at `path` is no regular file.
pub fn read_to_string(path: &Path) -> Result<String> {
    let mut text = String::new();
    opened(OpenOptions::new().read(true), path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// Whether there is something at `path` that is no regular file; a link is none, wherever it leads.
#[must_use]
pub fn is_other(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| !about.is_file())
}

/// Opens a file without following a link in the last part of the path.
pub(crate) fn opened(options: &mut OpenOptions, path: &Path) -> Result<File> {
    if is_other(path) {
        return Err(Error::other("it is no regular file; move it away"));
    }

    // What is put there from now on is not followed, and not waited for, either.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
    }

    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Error::other("it is no regular file; move it away"));
    }

    Ok(file)
}

/// How many names a file has.
fn names(about: &Metadata) -> u64 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        about.nlink()
    }

    #[cfg(not(unix))]
    {
        let _ = about;
        1
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_a_regular_file_with_one_name_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let append = |name: &str| open(OpenOptions::new().create(true).append(true), &at(name));

        assert!(append("new").is_ok() && append("new").is_ok());

        fs::write(at("file"), "mine").unwrap();
        symlink("file", at("link")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        fs::hard_link(at("file"), at("second")).unwrap();

        for name in ["link", "dangling", "second"] {
            let error = append(name).unwrap_err().to_string();
            assert!(error.contains("move it away"), "{name}: {error}");
        }

        assert!(!at("nowhere").exists());
        assert_eq!(read_to_string(&at("second")).unwrap(), "mine");
        assert!(read_to_string(&at("link")).is_err());
    }
}
