//! Standard output and standard error that lead into a file (`>> FILE`, `2>> FILE`). The shell opens
//! the file before the program begins, so the program looks where its text would go: nothing is
//! appended to what the command reads or writes, or to what this program has written.

use crate::model::sealed;
use crate::run::folder::{CONFIG, SHARDS};
use crate::run::lock;
use crate::support::ledger;
use crate::support::notice::notice;
use crate::support::regular::{self, Most};
use anyhow::Result;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// A stream that leads to a regular file.
struct StandardStream {
    name: &'static str,
    about: Metadata,
    /// Where the file is, if the system tells.
    path: Option<PathBuf>,
}

const OUTPUT: &str = "standard output";
const ERROR: &str = "standard error";

/// Files of an export that no list names.
const OF_EXPORTS: [&str; 3] = ["model.json", "golden.json", CONFIG];

/// Entries of folders that are looked at to find a file by another name.
const MOST_ENTRIES: usize = 100_000;

/// Text that would go where it must not.
#[derive(Debug, thiserror::Error)]
#[error("{}", messages.join("\n"))]
pub struct StreamRefused {
    messages: Vec<String>,
    /// The streams that must not be written to.
    streams: Vec<&'static str>,
}

impl StreamRefused {
    /// Says what is wrong where it can be said.
    pub fn say(&self, message: &str) {
        if !self.streams.contains(&ERROR) {
            notice!("{message}");
        } else if !self.streams.contains(&OUTPUT) {
            let _ = writeln!(std::io::stdout(), "{message}");
        }
    }
}

/// Refuses a stream into a file of this program, whatever the command is; and one into what an
/// argument names, or into a file with content in a run or an export that one names.
///
/// # Errors
/// A [`StreamRefused`].
pub fn check_arguments(args: impl Iterator<Item = OsString>) -> Result<()> {
    let value = |arg: OsString| match arg.to_str().and_then(|arg| arg.split_once('=')) {
        Some((flag, value)) if flag.starts_with("--") => PathBuf::from(value),
        _ => PathBuf::from(arg),
    };
    let named: Vec<PathBuf> = args.skip(1).map(value).collect();

    refuse(|stream| {
        let own = stream.path.as_deref().and_then(whose);
        let own = own.or_else(|| stream.is_model().then(|| "a file of this program".into()));

        let is_named = || {
            named.iter().find_map(|path| {
                let inside = stream.about.len() > 0 && is_ours(path) && stream.is_inside(path);
                let inside = || {
                    let path = path.display();
                    inside.then(|| format!("a file in '{path}', which this command reads"))
                };
                stream
                    .is_of(path, "an input of this command")
                    .or_else(inside)
            })
        };

        own.or_else(is_named)
    })
}

/// Refuses a stream into what a command reads or writes.
///
/// # Errors
/// A [`StreamRefused`].
pub fn check_files(inputs: &[PathBuf], outputs: &[PathBuf]) -> Result<()> {
    let inputs = inputs.iter().map(|path| (path, "an input of this command"));
    let outputs = outputs
        .iter()
        .map(|path| (path, "an output of this command"));
    let all: Vec<(&PathBuf, &str)> = inputs.chain(outputs).collect();

    refuse(|stream| all.iter().find_map(|(path, role)| stream.is_of(path, role)))
}

/// Refuses the streams of which `what` says why.
fn refuse(what: impl Fn(&StandardStream) -> Option<String>) -> Result<()> {
    let mut refused = StreamRefused {
        messages: vec![],
        streams: vec![],
    };

    for stream in open_streams() {
        if let Some(what) = what(&stream) {
            let name = stream.name;
            let place = stream
                .path
                .as_deref()
                .map_or(String::new(), |path| format!("'{}', ", path.display()));
            refused
                .messages
                .push(format!("{name} is {place}{what}; write to another file"));
            refused.streams.push(name);
        }
    }

    match refused.messages.is_empty() {
        true => Ok(()),
        false => Err(refused.into()),
    }
}

impl StandardStream {
    /// What it is, if it leads to what is at `path`: to the file, or to a file of a run or an export
    /// in the folder, by whatever name.
    fn is_of(&self, path: &Path, role: &str) -> Option<String> {
        let about = fs::metadata(path).ok()?;

        if about.is_file() {
            return is_same(&about, &self.about).then(|| role.to_string());
        }

        // With one name, which is known, all is said by `whose`.
        let is_elsewhere = self.path.is_some() && names(&self.about) == 1;
        if !about.is_dir() || is_elsewhere {
            return None;
        }

        let (mut folders, mut left) = (vec![path.to_path_buf()], MOST_ENTRIES);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                left = left.checked_sub(1)?;

                let (path, kind) = (entry.path(), entry.file_type().ok());
                let is_this = || entry.metadata().is_ok_and(|m| is_same(&m, &self.about));

                match kind {
                    Some(kind) if kind.is_dir() => folders.push(path),
                    Some(kind) if kind.is_file() && is_this() => {
                        if let Some(whose) = whose(&path) {
                            return Some(whose);
                        }
                    }
                    _ => {}
                }
            }
        }

        None
    }

    fn is_inside(&self, folder: &Path) -> bool {
        self.path
            .as_ref()
            .is_some_and(|path| folder.canonicalize().is_ok_and(|f| path.starts_with(f)))
    }

    /// Whether it is a file that begins as a model does.
    fn is_model(&self) -> bool {
        let start = self.path.as_ref().and_then(|path| {
            let mut start = vec![];
            let file = regular::open_to_read(path).ok()?;
            file.take(sealed::START.len() as u64)
                .read_to_end(&mut start)
                .ok()?;
            Some(start)
        });
        start.is_some_and(|start| start == sealed::START.as_bytes())
    }
}

/// Whether a folder holds a run or an export. Other programs have a config.toml too.
fn is_ours(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    let is_run = has(CONFIG) && [lock::FILE, ledger::FILE, SHARDS].into_iter().any(has);

    is_run || has("model.json") && has("golden.json")
}

/// Of which run or export a file is, as its list or its golden.json says.
fn whose(path: &Path) -> Option<String> {
    path.ancestors().skip(1).find_map(|folder| {
        let name = ledger::name_in(folder, path)?;
        let of = |what: &str| Some(format!("a file of the {what} in '{}'", folder.display()));
        let has_lock = folder.join(lock::FILE).is_file() && lock::is_own(folder);
        let marks = [CONFIG, lock::FILE, ledger::FILE];

        match ledger::read(folder).filter(|_| ledger::is_own(folder)) {
            Some(names) if names.contains(&name) || marks.contains(&name.as_str()) => {
                return of("run");
            }
            None if has_lock && folder.join(CONFIG).is_file() => return of("run"),
            _ => {}
        }

        let golden = regular::read(&folder.join("golden.json"), Most::Text).ok()?;
        let golden: serde_json::Value = serde_json::from_slice(&golden).ok()?;
        let is_listed = golden["files"].get(&name).is_some() || OF_EXPORTS.contains(&name.as_str());
        let is_export = is_listed && folder.join("model.json").is_file();

        is_export.then(|| of("export")).flatten()
    })
}

#[cfg(unix)]
fn open_streams() -> Vec<StandardStream> {
    use std::os::fd::{AsFd, BorrowedFd};

    let of = |name, number: u8, stream: BorrowedFd<'_>| {
        let own = File::from(stream.try_clone_to_owned().ok()?);
        let about = own.metadata().ok().filter(Metadata::is_file)?;
        let path = fs::read_link(format!("/proc/self/fd/{number}")).ok();
        Some(StandardStream { name, about, path })
    };

    let output = of(OUTPUT, 1, std::io::stdout().as_fd());
    let error = of(ERROR, 2, std::io::stderr().as_fd());
    output.into_iter().chain(error).collect()
}

#[cfg(not(unix))]
fn open_streams() -> Vec<StandardStream> {
    vec![]
}

#[cfg(unix)]
pub fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
pub fn is_same(_: &Metadata, _: &Metadata) -> bool {
    false
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
