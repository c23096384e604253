//! What a command may write to. One rule for all of them, applied before any work is done: nothing
//! that the command reads, nothing that this program did not write unless the user says
//! `--replace`, and nothing but regular files and folders.
//!
//! What this program wrote is recognised by what it is: a model says so, and so do files for other
//! programs and run folders (their settings and their lock). Files without such a mark
//! (predictions, pictures, data sets) count as its own only if they hold the very bytes that are to
//! be written.

use crate::formats;
use crate::run::RunMode;
use crate::run::folder::{self, CONFIG, Obstacle};
use crate::support::atomic::{AtomicFile, discard_stale, expect_new};
use anyhow::{Result, bail, ensure};
use std::ffi::OsString;
use std::fs::{self, File, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a command reads and writes.
#[derive(Default)]
pub struct Files {
    /// Files and folders that it reads.
    inputs: Vec<PathBuf>,
    outputs: Vec<Destination>,
    /// Whether `--replace` was given; none where there is no such flag.
    replace: Option<bool>,
}

/// Something that a command writes.
enum Destination {
    /// A single file, and whether this program wrote the one that is there.
    File { path: PathBuf, is_ours: bool },
    /// A run folder, with the settings of the run.
    Folder {
        path: PathBuf,
        settings: String,
        part: RunMode,
    },
}

impl Files {
    /// Of a command that reads these, and writes nothing so far.
    pub fn reading(inputs: impl IntoIterator<Item = PathBuf>) -> Files {
        Files {
            inputs: inputs.into_iter().collect(),
            ..Files::default()
        }
    }

    /// And has the flag `--replace`.
    pub fn replacing(self, replace: bool) -> Files {
        Files {
            replace: Some(replace),
            ..self
        }
    }

    /// And writes a file; `is_ours` tells one that this program wrote, and is asked about regular
    /// files only.
    pub fn writing(mut self, path: &Path, is_ours: impl FnOnce(&Path) -> bool) -> Files {
        let is_ours =
            fs::symlink_metadata(path).is_ok_and(|about| about.is_file()) && is_ours(path);
        self.outputs.push(Destination::File {
            path: path.into(),
            is_ours,
        });

        self
    }

    /// And writes a run folder, or a part of it.
    pub fn running(mut self, path: &Path, settings: String, part: RunMode) -> Files {
        self.outputs.push(Destination::Folder {
            path: path.into(),
            settings,
            part,
        });

        self
    }

    /// Whether what is finished is kept in a run folder.
    pub fn keep_work(&self) -> bool {
        self.outputs
            .iter()
            .any(|target| matches!(target, Destination::Folder { .. }))
    }

    /// Refuses what must not be written to; `config` is the file of settings, if there is one.
    ///
    /// # Errors
    /// The message names the path, and what to give instead.
    pub fn check(mut self, config: Option<&Path>) -> Result<()> {
        self.inputs.extend(config.map(Path::to_path_buf));

        for input in &mut self.inputs {
            if input == Path::new("-") {
                *input = PathBuf::from("/dev/stdin");
            }
        }

        self.check_standard_output()?;

        self.outputs.iter().try_for_each(|target| match target {
            Destination::File { path, is_ours } => self.check_file(path, *is_ours),
            Destination::Folder {
                path,
                settings,
                part,
            } => self.check_folder(path, settings, *part),
        })?;

        for target in &self.outputs {
            match target {
                Destination::File { path, is_ours } => {
                    discard_stale(path);
                    // That the path cannot be written to is better said before the work.
                    AtomicFile::create(path)?;

                    if !is_ours && self.replace != Some(true) {
                        expect_new(path);
                    }
                }
                Destination::Folder { path, .. } => check_writable(path)?,
            }
        }

        Ok(())
    }

    /// What a shell appends to (`>> FILE`) is an output, too.
    fn check_standard_output(&self) -> Result<()> {
        let Some(output) = standard_output() else {
            return Ok(());
        };

        for input in &self.inputs {
            ensure!(
                !fs::metadata(input).is_ok_and(|input| is_same_file(&input, &output)),
                "standard output is '{}', an input of this command; write to another file",
                input.display()
            );
        }

        Ok(())
    }

    fn check_file(&self, path: &Path, is_ours: bool) -> Result<()> {
        // Not of what a link leads to: it is the link that would be replaced.
        let Ok(about) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        let name = path.display();

        if let Some(kind) = irregular(about.file_type()) {
            bail!("'{name}' is {kind}, which a file would take the place of; give another path");
        }

        for input in &self.inputs {
            ensure!(
                !is_same(path, input),
                "'{name}' is an input of this command; give another path"
            );

            let inside = input.is_dir() && is_inside(path, input);

            ensure!(
                !inside,
                "'{name}' is in the folder '{}', an input of this command; give another path",
                input.display()
            );
        }

        ensure!(
            is_ours || self.replace == Some(true),
            "'{name}' is there already; give another path, or --replace to overwrite it"
        );

        Ok(())
    }

    fn check_folder(&self, path: &Path, settings: &str, part: RunMode) -> Result<()> {
        let name = path.display();
        // A named pipe would be waited for; it is refused below.
        let goes_on = path.join(CONFIG).is_file()
            && fs::read_to_string(path.join(CONFIG)).is_ok_and(|found| found == settings);

        for input in &self.inputs {
            // The settings that a run stored may be given back to it: they stay as they are.
            let is_settings = goes_on && is_same(input, &path.join(CONFIG));

            ensure!(
                is_settings || !is_inside(input, path),
                "the folder '{name}' holds '{}', an input of this command; give another --out",
                input.display()
            );
        }

        let remedy = |obstacle: Obstacle| {
            let or_replace = |to: &str| match self.replace {
                Some(_) => format!("give another --out, or --replace to {to}"),
                None => "give another --out".to_string(),
            };

            match &obstacle {
                Obstacle::NoFolder(_) | Obstacle::Foreign(_) => {
                    anyhow::anyhow!(
                        "{obstacle}; give an --out that is not there yet, or an empty folder"
                    )
                }
                Obstacle::Unlisted { .. } => {
                    anyhow::anyhow!("{obstacle}; delete the folder yourself, or give another --out")
                }
                Obstacle::NoSettings(_) => anyhow::anyhow!(
                    "{obstacle}; put that file back, delete the folder, or give another --out"
                ),
                Obstacle::Guest { .. } => {
                    anyhow::anyhow!("{obstacle}; move it away, or give another --out")
                }
                Obstacle::Old { .. } => anyhow::anyhow!("{obstacle}"),
                Obstacle::OtherSettings { difference, .. } => {
                    anyhow::anyhow!(
                        "{obstacle}; {}\n{difference}",
                        or_replace("delete that run")
                    )
                }
                Obstacle::OtherTable { .. } => {
                    anyhow::anyhow!(
                        "{obstacle}; {}",
                        or_replace("begin anew with the table as it is now")
                    )
                }
            }
        };

        folder::check(path, settings, self.replace == Some(true), part).map_err(remedy)
    }
}

/// Refuses a folder that cannot be made or written to.
fn check_writable(folder: &Path) -> Result<()> {
    let whole = std::path::absolute(folder)?;
    let there = whole
        .ancestors()
        .find(|path| path.exists())
        .unwrap_or(Path::new("/"));
    let probe = AtomicFile::create(&there.join(CONFIG));

    probe.map(drop).map_err(|error| {
        let why = error.root_cause();
        anyhow::anyhow!(
            "the folder '{}' cannot be written to ({why}); give an --out that may be made or written to",
            folder.display()
        )
    })
}

/// What something is that is no regular file.
fn irregular(kind: FileType) -> Option<&'static str> {
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
    }

    Some("no regular file")
}

/// Whether two paths lead to one file, by whatever way.
fn is_same(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        fs::metadata(a).is_ok_and(|a| fs::metadata(b).is_ok_and(|b| is_same_file(&a, &b)))
    }

    #[cfg(not(unix))]
    {
        a.canonicalize()
            .is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
    }
}

#[cfg(unix)]
fn is_same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}

/// Refuses a standard output that is a file which an argument names, or one with content in a run
/// folder or an export that one names: whatever the command is, its text does not belong there.
pub fn check_named(args: impl Iterator<Item = OsString>) -> Result<()> {
    let Some(output) = standard_output() else {
        return Ok(());
    };

    let value = |arg: OsString| match arg.to_str().and_then(|arg| arg.split_once('=')) {
        Some((flag, value)) if flag.starts_with("--") => PathBuf::from(value),
        _ => PathBuf::from(arg),
    };

    for path in args.skip(1).map(value) {
        let Ok(about) = fs::metadata(&path) else {
            continue;
        };

        ensure!(
            !is_same_file(&about, &output),
            "standard output is '{}', an input of this command; write to another file",
            path.display()
        );

        let is_ours = || {
            [CONFIG, "model.json"]
                .iter()
                .any(|name| path.join(name).exists())
        };
        let is_in_it = || standard_output_path().is_some_and(|file| is_inside(&file, &path));

        ensure!(
            !(about.is_dir() && output.len() > 0 && is_ours() && is_in_it()),
            "standard output is a file in '{}', which this command reads; write to another file",
            path.display()
        );
    }

    Ok(())
}

/// Where standard output is, if the system tells.
fn standard_output_path() -> Option<PathBuf> {
    fs::read_link("/proc/self/fd/1").ok()
}

/// What standard output is, if it is a regular file.
fn standard_output() -> Option<fs::Metadata> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;

        let own = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
        File::from(own).metadata().ok().filter(|m| m.is_file())
    }

    #[cfg(not(unix))]
    None
}

/// Whether a path is a folder or leads to something in it.
fn is_inside(path: &Path, folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    path.canonicalize()
        .is_ok_and(|path| path.starts_with(folder))
}

/// Whether a file is a model of this program, of whatever version.
pub fn is_model(path: &Path) -> bool {
    let value = read_if(path, b"{")
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    value.is_some_and(|value| {
        ["version", "provenance", "purpose", "network"]
            .iter()
            .all(|key| value.get(key).is_some())
    })
}

/// Whether a file is one that `ldnn export` wrote for other programs: safetensors and NumPy
/// archives say so in an entry, ONNX in the name of the producer. Text has no mark.
pub fn is_interchange(path: &Path) -> bool {
    match path
        .extension()
        .and_then(|e| e.to_str())
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("onnx") => {
            read_if(path, b"\x08").is_some_and(|bytes| bytes.get(2..8) == Some(b"\x12\x04ldnn"))
        }
        Some("safetensors" | "npz") => {
            formats::read(path).is_ok_and(|bundle| bundle.about.is_some())
        }
        _ => false,
    }
}

/// Whether a file holds just these bytes.
pub fn holds(path: &Path, bytes: &[u8]) -> bool {
    let len = fs::metadata(path).map(|about| about.len());
    len.is_ok_and(|len| len == bytes.len() as u64)
        && fs::read(path).is_ok_and(|found| found == bytes)
}

/// The bytes of a file that begins so.
fn read_if(path: &Path, start: &[u8]) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let mut bytes = vec![0; start.len()];
    file.read_exact(&mut bytes).ok()?;

    if bytes != start {
        return None;
    }

    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The file of settings that a command was given.
pub fn config(matches: &clap::ArgMatches) -> Option<PathBuf> {
    let path = matches.try_get_one::<PathBuf>("config").ok().flatten();
    path.cloned()
}
