//! What a command may write to. One rule for all of them, applied before any work is done: nothing
//! that the command reads, nothing that this program did not write unless the user says
//! `--replace`, and nothing but regular files and folders.
//!
//! What this program wrote for the same purpose is recognised by what it is: a model by the checksum
//! that its run keeps, a run folder by its settings and its lock. All other files (for other
//! programs, pictures, data sets) are left alone unless they hold the very bytes that are to be
//! written: one of another model is as much of a loss as one of another program.

use super::streams;
use crate::run::RunMode;
use crate::run::folder::{self, CONFIG};
use crate::support::atomic::{AtomicFile, discard_stale, expect_new};
use crate::support::regular::{self, Most};
use anyhow::{Result, bail, ensure};
use std::fs;
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

impl Destination {
    fn path(&self) -> PathBuf {
        match self {
            Destination::File { path, .. } | Destination::Folder { path, .. } => path.clone(),
        }
    }
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

        let outputs: Vec<PathBuf> = self.outputs.iter().map(Destination::path).collect();
        streams::check_files(&self.inputs, &outputs)?;

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
                    // As for a run folder. Where it cannot be made, the next step says so.
                    let _ = path.parent().map(fs::create_dir_all);

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

    fn check_file(&self, path: &Path, is_ours: bool) -> Result<()> {
        // Not of what a link leads to: it is the link that would be replaced.
        let Ok(about) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        let name = path.display();

        if let Some(kind) = regular::other_kind(about.file_type()) {
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
        let goes_on = regular::read_to_string(&path.join(CONFIG), Most::Settings)
            .is_ok_and(|found| found == settings);

        for input in &self.inputs {
            // The settings that a run stored may be given back to it: they stay as they are.
            let is_settings = goes_on && is_same(input, &path.join(CONFIG));

            ensure!(
                is_settings || !is_inside(input, path),
                "the folder '{name}' holds '{}', an input of this command; give another --out",
                input.display()
            );
        }

        let checked = folder::check(path, settings, self.replace == Some(true), part);
        Ok(checked.map_err(|obstacle| obstacle.refused(self.replace.is_some()))?)
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

/// Whether two paths lead to one file, by whatever way.
fn is_same(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        fs::metadata(a).is_ok_and(|a| fs::metadata(b).is_ok_and(|b| streams::is_same(&a, &b)))
    }

    #[cfg(not(unix))]
    {
        a.canonicalize()
            .is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
    }
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

/// Whether a file holds just these bytes.
pub fn holds(path: &Path, bytes: &[u8]) -> bool {
    let len = fs::metadata(path).map(|about| about.len());
    len.is_ok_and(|len| len == bytes.len() as u64)
        && regular::read(path, Most::Memory).is_ok_and(|found| found == bytes)
}

/// The bytes of a file that begins so.
fn read_if(path: &Path, start: &[u8]) -> Option<Vec<u8>> {
    let mut begin = vec![0; start.len()];
    let mut file = regular::open_to_read(path).ok()?;
    file.read_exact(&mut begin).ok()?;

    if begin != start {
        return None;
    }

    regular::read(path, Most::Memory).ok()
}

/// The file of settings that a command was given.
pub fn config(matches: &clap::ArgMatches) -> Option<PathBuf> {
    let path = matches.try_get_one::<PathBuf>("config").ok().flatten();
    path.cloned()
}
