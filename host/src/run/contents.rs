//! What is in a run folder: which files the run has written, which are of others, and why a folder
//! cannot be the folder of a run.

use super::difference::{changed_table, difference};
use crate::config::StoredConfig;
use crate::run::{RunMode, Shard, lock};
use crate::support::atomic::{is_temporary, target_of};
use crate::support::ledger;
use crate::support::regular::{self, Most};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Holds the resolved settings; a folder with this file is a run folder.
pub const CONFIG: &str = "config.toml";

/// Says why the work of a run is done and wrong; there is none if it is not.
pub const FAILED: &str = "failed.txt";

/// Holds the folders of shards.
pub const SHARDS: &str = "shards";

/// Holds a shard's journals, in its folder.
pub const JOURNALS: &str = "journals";

/// Holds what else a shard made, in its folder.
pub const KEPT: &str = "kept";

/// Why a folder cannot be the folder of a run; nothing in it was touched.
///
/// It is no error by itself: [`Obstacle::refused`] makes one, which says what to do.
#[derive(Debug)]
pub enum Obstacle {
    /// There is a file in its place.
    NoFolder(PathBuf),
    /// It holds files, but no run.
    Foreign(PathBuf),
    /// It holds a run, and a file that a run does not write, which would be deleted with it.
    Guest {
        /// The folder.
        folder: PathBuf,
        /// The name of the file.
        file: String,
    },
    /// It holds a run of a version that kept no list of what it wrote.
    Unlisted {
        /// The folder.
        folder: PathBuf,
        /// The name of a file.
        file: String,
    },
    /// It holds jobs that shards have done, and nothing says with which settings.
    NoSettings(PathBuf),
    /// It holds a run of a version that did not say which command it was of.
    Old {
        /// The folder.
        folder: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// It holds a run of other settings; with the lines that differ.
    OtherSettings {
        /// The folder.
        folder: PathBuf,
        /// A line for each setting that differs.
        difference: String,
    },
    /// It holds a run of the same settings on what was the table then.
    OtherTable {
        /// The folder.
        folder: PathBuf,
        /// The table.
        table: String,
    },
    /// Somebody else has changed it since it was looked at.
    Changed(PathBuf),
}

/// A folder that cannot be taken for a run: why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FolderRefused(pub(super) String);

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Obstacle::NoFolder(path) => write!(f, "'{}' is no folder", path.display()),
            Obstacle::Foreign(path) => {
                let path = path.display();
                write!(f, "'{path}' holds files that are no run of this program")
            }
            Obstacle::Guest { folder, file } => {
                let folder = folder.display();
                write!(
                    f,
                    "'{folder}' holds a run, and '{file}', which is not of it"
                )
            }
            Obstacle::Unlisted { folder, file } => write!(
                f,
                "'{}' holds a run without a list of its files, of an earlier version of this program; '{file}' may be of \
                 somebody else",
                folder.display()
            ),
            Obstacle::NoSettings(path) => write!(
                f,
                "'{}' holds results of shards, but no {CONFIG} with their settings",
                path.display()
            ),
            Obstacle::Old { folder, why } => write!(f, "'{}/{CONFIG}' {why}", folder.display()),
            Obstacle::OtherSettings { folder, .. } => {
                write!(f, "'{}' holds a run with other settings", folder.display())
            }
            Obstacle::OtherTable { folder, table } => write!(
                f,
                "the table '{table}' has changed since the run in '{}' was begun",
                folder.display()
            ),
            Obstacle::Changed(path) => write!(
                f,
                "another process has changed '{}' while this one began",
                path.display()
            ),
        }
    }
}

impl Obstacle {
    /// An error that says what to do; `may_replace`: whether the command can delete a run.
    #[must_use]
    pub fn refused(&self, may_replace: bool) -> FolderRefused {
        let or_replace = |to: &str| match may_replace {
            true => format!("give another `out`, or `replace` to {to}"),
            false => "give another `out`".to_string(),
        };

        let remedy = match self {
            Obstacle::NoFolder(_) | Obstacle::Foreign(_) => {
                "give an `out` that is not there yet, or an empty folder".into()
            }
            Obstacle::Unlisted { .. } => "delete the folder yourself, or give another `out`".into(),
            Obstacle::NoSettings(_) => {
                "put that file back, delete the folder, or give another `out`".into()
            }
            Obstacle::Guest { .. } => "move it away, or give another `out`".into(),
            Obstacle::Old { .. } => return FolderRefused(self.to_string()),
            Obstacle::OtherSettings { difference, .. } => {
                format!("{}\n{difference}", or_replace("delete that run"))
            }
            Obstacle::OtherTable { .. } => or_replace("begin anew with the table as it is now"),
            Obstacle::Changed(_) => "start the command again, or give another `out`".into(),
        };

        FolderRefused(format!("{self}; {remedy}"))
    }
}

/// Whether a file in the folder `path` is of no account: the lock, the list of files, or what a
/// killed process left of a temporary file. Somebody else's file may be called so.
fn is_debris(path: &Path, entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    // A link called so would be written through.
    let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());

    is_file
        && (name == lock::FILE && lock::is_own(path)
            || name == ledger::FILE && ledger::is_own(path)
            || is_temporary(&name.to_string_lossy()))
}

/// Whether something in a run folder is the folder of its shards, which may come before its
/// settings.
fn is_shards(entry: &fs::DirEntry) -> bool {
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());

    let is_shard = |entry: fs::DirEntry| {
        is_folder(&entry)
            && entry
                .file_name()
                .to_str()
                .and_then(Shard::of_folder)
                .is_some()
    };

    let mut inside = fs::read_dir(entry.path()).into_iter().flatten().flatten();
    entry.file_name() == SHARDS && is_folder(entry) && inside.all(is_shard)
}

/// Refuses a folder that holds something else than a run of the settings `wanted`, or files of
/// somebody else where this process writes; with `replace`, a run of other settings is fine. Writes
/// nothing.
///
/// # Errors
/// An [`Obstacle`].
pub fn check(path: &Path, wanted: &str, replace: bool, mode: RunMode) -> Result<(), Obstacle> {
    let folder = path.to_path_buf();
    let config = path.join(CONFIG);
    if regular::is_other(&config) {
        return Err(Obstacle::Foreign(folder));
    }

    let Ok(found) = regular::read_to_string(&config, Most::Settings) else {
        let obstacle = match check_empty(path) {
            Ok(()) if has_shards_results(path) => Some(Obstacle::NoSettings(folder)),
            Ok(()) => intruder(path, mode),
            Err(obstacle) => Some(obstacle),
        };

        // Another process may have written the settings, and results after them, between the two
        // looks.
        let is_there_now = || regular::read_to_string(&config, Most::Settings).is_ok();
        return match obstacle {
            Some(_) if is_there_now() => check(path, wanted, replace, mode),
            obstacle => obstacle.map_or(Ok(()), Err),
        };
    };
    if found == wanted {
        return intruder(path, mode).map_or(Ok(()), Err);
    }

    // Other programs have a config.toml too.
    if !(path.join(lock::FILE).is_file() || path.join(SHARDS).is_dir()) {
        return Err(Obstacle::Foreign(folder));
    }

    if replace || mode == RunMode::Whole && is_bare(path) {
        let not_ours = intruder(path, mode).or_else(|| stranger(path, path));
        return not_ours.map_or(Ok(()), Err);
    }

    if let Err(why) = StoredConfig::parse(&found) {
        return Err(Obstacle::Old {
            folder,
            why: why.to_string(),
        });
    }

    Err(match changed_table(&found, wanted) {
        Some(table) => Obstacle::OtherTable { folder, table },
        None => Obstacle::OtherSettings {
            folder,
            difference: difference(&found, wanted),
        },
    })
}

/// Whether a run was begun in the folder, and has written nothing but its settings: one that failed
/// at once, say. Nothing is lost with it.
fn is_bare(path: &Path) -> bool {
    let marks = [CONFIG, lock::FILE, ledger::FILE].map(|name| path.join(name));
    let FolderContents { own, folders, .. } = contents(path, path);

    folders.is_empty() && own.iter().all(|file| marks.contains(file))
}

/// Whether a shard has begun a journal in a run folder, or kept something. It writes the settings
/// before.
fn has_shards_results(run: &Path) -> bool {
    let shards = fs::read_dir(run.join(SHARDS))
        .into_iter()
        .flatten()
        .flatten();
    let mut folders = shards.flat_map(|shard| [JOURNALS, KEPT].map(|name| shard.path().join(name)));

    folders.any(|folder| folder.exists())
}

/// Refuses a folder without settings that holds anything of account.
pub(super) fn check_empty(path: &Path) -> Result<(), Obstacle> {
    let occupies = |entry: fs::DirEntry| !is_debris(path, &entry) && !is_shards(&entry);

    if path.exists() && !path.is_dir() {
        return Err(Obstacle::NoFolder(path.into()));
    }

    let mut entries = fs::read_dir(path).into_iter().flatten();
    if entries.any(|entry| entry.is_ok_and(occupies)) {
        Err(Obstacle::Foreign(path.into()))
    } else {
        Ok(())
    }
}

/// What is in a run folder, or in a folder of one.
#[derive(Default)]
pub(super) struct FolderContents {
    /// Files that the run has written.
    pub own: Vec<PathBuf>,
    /// The first file that it has not, as far as its list says.
    pub stranger: Option<PathBuf>,
    /// The first of those that it certainly has not: a list is there, and does not name it, or it
    /// is no regular file.
    intruder: Option<PathBuf>,
    /// Whether there are files that a list which is begun now would not name.
    pub has_unlisted: bool,
    /// Folders, the inner ones after the outer ones.
    pub folders: Vec<PathBuf>,
}

/// What the list in the folder `root` says of the files in it.
pub(super) struct FileList<'a> {
    root: &'a Path,
    /// None where there is no list.
    names: Option<BTreeSet<String>>,
}

impl FileList<'_> {
    pub fn of(root: &Path) -> FileList<'_> {
        FileList {
            root,
            names: ledger::read(root),
        }
    }

    /// Whether the run has written what is at `path`, or was about to.
    pub fn has(&self, path: &Path) -> bool {
        let Some(name) = ledger::name_in(self.root, path) else {
            return false;
        };
        let is_known = |name: &str| {
            self.names
                .as_ref()
                .is_some_and(|names| names.contains(name))
                || [CONFIG, lock::FILE, ledger::FILE].contains(&name)
        };

        is_known(&name) || target_of(&name).is_some_and(is_known)
    }
}

/// Something in a run folder.
struct FolderEntry {
    path: PathBuf,
    kind: Option<fs::FileType>,
    /// Of which of the folders with a list it is.
    of: usize,
}

/// Looks through a folder, which is of `roots[of]`; a shard's folder, which has a list of its own,
/// is added to `roots`.
fn survey(folder: &Path, of: usize, roots: &mut Vec<PathBuf>, all: &mut Vec<FolderEntry>) {
    let entries = fs::read_dir(folder).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        let (path, kind) = (entry.path(), entry.file_type().ok());

        all.push(FolderEntry {
            path: path.clone(),
            kind,
            of,
        });

        if !kind.is_some_and(|kind| kind.is_dir()) {
            continue;
        }

        let is_shard = folder == roots[of].join(SHARDS)
            && entry
                .file_name()
                .to_str()
                .and_then(Shard::of_folder)
                .is_some();

        if is_shard {
            roots.push(path.clone());
            survey(&path, roots.len() - 1, roots, all);
        } else {
            survey(&path, of, roots, all);
        }
    }
}

pub(super) fn contents(folder: &Path, root: &Path) -> FolderContents {
    let (mut roots, mut all) = (vec![root.to_path_buf()], vec![]);
    survey(folder, 0, &mut roots, &mut all);

    // After the files: what another shard has begun meanwhile is on its list by now.
    let lists: Vec<FileList<'_>> = roots.iter().map(|root| FileList::of(root)).collect();
    let mut contents = FolderContents::default();

    // Where shards have made the folder, nothing but the settings is of them outside of their own
    // folders, and who writes more begins a list before.
    let has_shards = roots.len() > 1;

    for FolderEntry { path, kind, of } in all {
        let list = &lists[of];
        let is_file = kind.is_some_and(|kind| kind.is_file());

        if kind.is_some_and(|kind| kind.is_dir()) {
            contents.folders.push(path);
        } else if is_file && list.has(&path) {
            contents.own.push(path);
        } else {
            // Also a link, which no run makes. A list that is missing accuses no file elsewhere.
            if !is_file || list.names.is_some() || has_shards && of == 0 {
                contents.intruder.get_or_insert_with(|| path.clone());
            }
            contents.has_unlisted |= of == 0;
            contents.stranger.get_or_insert(path);
        }
    }

    contents
}

/// What a run with the wanted settings cannot go on beside: somebody else's file, or a link to
/// elsewhere.
fn intruder(path: &Path, mode: RunMode) -> Option<Obstacle> {
    let guest = |file: &Path| Obstacle::Guest {
        folder: path.into(),
        file: ledger::name_in(path, file).unwrap_or_default(),
    };
    let marks = |folder: &Path| {
        let lock = (!lock::is_own(folder)).then(|| folder.join(lock::FILE));
        lock.or_else(|| (!ledger::is_own(folder)).then(|| folder.join(ledger::FILE)))
    };

    let found = match mode {
        RunMode::Status => None,
        RunMode::Whole | RunMode::Gather => marks(path).or_else(|| contents(path, path).intruder),
        // The folders of other shards are their own affair, and a thousand shards that look through
        // all are a load.
        RunMode::Shard(shard) => {
            let shards = path.join(SHARDS);
            let own = shards.join(shard.folder());
            let mut way = [path.join(CONFIG), shards, own.clone()].into_iter();
            way.find(|step| fs::symlink_metadata(step).is_ok_and(|about| about.is_symlink()))
                .or_else(|| marks(&own))
                .or_else(|| contents(&own, &own).intruder)
        }
    };

    found.as_deref().map(guest)
}

/// A file that the run has not written, at any depth of a folder; the run's list is in the folder
/// `root`.
pub(super) fn stranger(path: &Path, root: &Path) -> Option<Obstacle> {
    let stranger = contents(path, root).stranger?;
    let file = ledger::name_in(path, &stranger).unwrap_or_default();

    // The list that should name it.
    let mut above = stranger
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(root));
    let folder = path.to_path_buf();

    Some(
        match above.any(|folder| folder.join(ledger::FILE).is_file()) {
            true => Obstacle::Guest { folder, file },
            false => Obstacle::Unlisted { folder, file },
        },
    )
}
