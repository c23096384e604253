//! The door to files: what is read is a regular file of a size that somebody means, and what is
//! added to is not something else that a link leads to.

use super::memory::{MemoryBudget, in_words};
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
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

/// How much of a file is read at most.
#[derive(Clone, Copy, Debug)]
pub enum Most {
    /// Settings, which people write.
    Settings,
    /// Lists, reports and other text that this program has written.
    Text,
    /// Models and numbers: what memory may hold. But no less than text: a tight budget for data
    /// does not keep a model out.
    Memory,
    /// So many bytes.
    Bytes(u64),
}

impl Most {
    const SETTINGS: u64 = 1 << 24;
    const TEXT: u64 = 1 << 28;

    /// In bytes, for a file that has `len`.
    fn bytes(self, len: u64) -> Result<u64> {
        Ok(match self {
            Most::Settings => Most::SETTINGS,
            Most::Text => Most::TEXT,
            // To ask the system takes longer than to read a small file.
            Most::Memory if len < Most::TEXT => Most::TEXT,
            Most::Memory => {
                let budget =
                    MemoryBudget::find().map_err(|why| Error::other(format!("{why:#}")))?;
                budget.bytes().max(Most::TEXT)
            }
            Most::Bytes(bytes) => bytes,
        })
    }
}

/// Opens a file to read it, by whatever way the path leads to it. This is the only door: devices
/// have no end, and a named pipe would be waited for.
///
/// # Errors
/// If it cannot be opened, or is no regular file: the message says what it is.
pub fn open_to_read(path: &Path) -> Result<File> {
    // Before it is opened, too: to open a device may do something.
    check_kind(path, &fs::metadata(path)?)?;

    let mut options = OpenOptions::new();
    options.read(true);

    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(nix::libc::O_NONBLOCK);
    }

    let file = options.open(path)?;
    check_kind(path, &file.metadata()?)?;

    Ok(file)
}

/// Reads a whole file.
///
/// # Errors
/// As [`open_to_read`], and if it has more bytes than `most`.
pub fn read(path: &Path, most: Most) -> Result<Vec<u8>> {
    read_open(open_to_read(path)?, path, most)
}

/// Reads the text of a file.
///
/// # Errors
/// As [`read`], and if it is no UTF-8.
pub fn read_to_string(path: &Path, most: Most) -> Result<String> {
    text_of(read(path, most)?)
}

/// Reads the text of a file of a run, which no link leads to.
///
/// # Errors
/// If it cannot be read, or what is at `path` is no regular file.
pub fn read_own(path: &Path) -> Result<String> {
    let file = opened(OpenOptions::new().read(true), path)?;
    text_of(read_open(file, path, Most::Text)?)
}

fn read_open(file: File, path: &Path, most: Most) -> Result<Vec<u8>> {
    let len = file.metadata()?.len();
    let most = most.bytes(len)?;

    let too_large = |len: u64| {
        let (len, most) = (in_words(len), in_words(most));
        let name = path.display();
        let why = format!("'{name}' has {len} or more; of such a file at most {most} are read");
        Err(Error::new(ErrorKind::FileTooLarge, why))
    };

    if len > most {
        return too_large(len);
    }

    // It may grow meanwhile, and files that the kernel makes have no length.
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;

    match bytes.len() as u64 {
        len if len > most => too_large(len),
        _ => Ok(bytes),
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String> {
    let no_text = |_| Error::new(ErrorKind::InvalidData, "it is no text in UTF-8");
    String::from_utf8(bytes).map_err(no_text)
}

fn check_kind(path: &Path, about: &Metadata) -> Result<()> {
    match other_kind(about.file_type()) {
        None => Ok(()),
        Some(kind) => {
            let why = format!("'{}' is {kind}, not a file", path.display());
            Err(Error::other(why))
        }
    }
}

/// What something is that is no regular file.
#[must_use]
pub fn other_kind(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        return None;
    }

    if kind.is_dir() {
        return Some("a folder");
    }

    if kind.is_symlink() {
        return Some("a symbolic link");
    }

    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;

        if kind.is_fifo() {
            return Some("a named pipe");
        }

        if kind.is_block_device() || kind.is_char_device() {
            return Some("a device");
        }

        if kind.is_socket() {
            return Some("a socket");
        }
    }

    Some("no regular file")
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
        assert_eq!(read_own(&at("second")).unwrap(), "mine");
        assert!(read_own(&at("link")).is_err());
    }

    #[test]
    fn what_has_no_end_or_no_writer_is_named_and_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let pipe = at("pipe");

        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        symlink("/dev/zero", at("zeros")).unwrap();
        fs::write(at("file"), "mine").unwrap();
        symlink("file", at("link")).unwrap();
        File::create(at("sparse"))
            .unwrap()
            .set_len(1 << 42)
            .unwrap();

        for (path, kind) in [
            (pipe, "a named pipe"),
            (at("zeros"), "a device"),
            (dir.path().to_path_buf(), "a folder"),
        ] {
            let error = read(&path, Most::Text).unwrap_err().to_string();
            let wanted = format!("'{}' is {kind}, not a file", path.display());
            assert_eq!(error, wanted);
        }

        let error = read(&at("sparse"), Most::Memory).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("sparse' has"), "{error}");

        let few = |most| read(&at("link"), Most::Bytes(most));
        assert!(few(3).is_err() && few(4).unwrap() == b"mine");

        assert_eq!(
            read(&at("none"), Most::Text).unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
