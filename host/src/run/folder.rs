//! Run folders: the resolved settings and everything that came out of them.
//!
//! A shard of a run (`i/n`) writes in a folder of its own inside the run folder, and
//! nowhere else: `shards/i-of-n/journals/` has its journals, `shards/i-of-n/kept/` what else it
//! made, at the same paths that they have in the run folder of one process. Everybody reads what
//! everybody has written.

pub use super::contents::{CONFIG, FAILED, FolderRefused, JOURNALS, Obstacle, SHARDS, check};
pub use super::difference::difference;

use super::contents::{FileList, FolderContents, KEPT, check_empty, contents, stranger};
use super::lock::Opening;
use crate::config::StoredConfig;
use crate::run::{Heartbeat, ListProgress, Lock, RunMode, Shard, lock};
use crate::support::atomic::{expect_new, is_temporary, write_atomically, write_durably};
use crate::support::ledger::{self, Ledger};
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A folder that belongs to one run, and to this process.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Where it is inside the run folder that was opened; empty for that itself.
    inside: PathBuf,
    run: Arc<SharedRun>,
}

/// What the folders inside a run folder share.
#[derive(Debug)]
struct SharedRun {
    root: PathBuf,
    mode: RunMode,
    /// Run folders whose jobs count, the own one first.
    sources: Vec<PathBuf>,
    /// The shards of each source as they were when this was opened: where there are a thousand, to
    /// list them for every file would be a load.
    shards: Vec<BTreeSet<Shard>>,
    /// None for who only looks.
    #[allow(dead_code, reason = "it is held")]
    lock: Option<Lock>,
    /// None also for a folder of an earlier version.
    #[allow(dead_code, reason = "it is held")]
    ledger: Option<Ledger>,
    progress: Mutex<Vec<ListProgress>>,
    /// Of a shard.
    heartbeat: Option<Heartbeat>,
}

impl RunFolder {
    /// Makes the folder, or goes on in it if it holds a run with the same settings. No other
    /// process may be at work in it.
    ///
    /// # Errors
    /// If it cannot be written to, holds something else, a run with other settings (unless
    /// `replace`), or is at work.
    pub fn open(path: &Path, config: &StoredConfig, replace: bool) -> Result<RunFolder> {
        RunFolder::open_as(path, config, replace, RunMode::Whole, &[])
    }

    /// The same for a process that does a part of the run; jobs that are in the run folders
    /// `sources`, or in their shards', count as done.
    ///
    /// # Errors
    /// As [`RunFolder::open`], and if a source is of other settings.
    pub fn open_as(
        path: &Path,
        config: &StoredConfig,
        replace: bool,
        mode: RunMode,
        sources: &[PathBuf],
    ) -> Result<RunFolder> {
        let wanted = config.text();

        for source in sources {
            let found = read_config(source)
                .with_context(|| format!("'{}' is no run folder", source.display()))?;

            ensure!(
                found.text() == wanted,
                FolderRefused(format!(
                    "'{}' holds a run with other settings; only shards of one run make one result\n{}",
                    source.display(),
                    difference(found.text(), wanted)
                ))
            );
        }

        let shard = shard_folder(path, mode);
        ensure!(
            shard.is_none() || !replace,
            FolderRefused(
                "`replace` with `shard`: other shards may be at work; delete the folder first"
                    .into()
            )
        );

        check(path, wanted, replace, mode).map_err(refused)?;

        let (lock, ledger) = match mode {
            RunMode::Status => (None, None),
            _ => take(path, wanted, replace, mode).map(|(lock, ledger)| (Some(lock), ledger))?,
        };
        let mut all = vec![path.to_path_buf()];

        all.extend(sources.iter().filter(|s| *s != path).cloned());

        let heartbeat = shard.as_deref().map(Heartbeat::start);
        let mut shards: Vec<BTreeSet<Shard>> = all
            .iter()
            .map(|s| shards_of(s).into_iter().collect())
            .collect();

        if let RunMode::Shard(Shard { count, .. }) = mode {
            // Those of the same run, which may begin later.
            shards[0].extend((0..count).map(|index| Shard { count, index }));
        }

        let run = SharedRun {
            root: path.into(),
            mode,
            sources: all,
            shards,
            lock,
            ledger,
            progress: Mutex::default(),
            heartbeat,
        };

        Ok(RunFolder {
            path: path.into(),
            inside: PathBuf::new(),
            run: Arc::new(run),
        })
    }

    /// A folder inside this one, with settings of its own.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn inside(&self, name: &str, config: &impl Serialize) -> Result<RunFolder> {
        let path = self.path.join(name);

        if self.mode().has_results() {
            let wanted =
                toml::to_string(config).context("the settings cannot be written as TOML")?;
            prepare(&path, &wanted, None)?;
        }

        Ok(RunFolder {
            path,
            inside: self.inside.join(name),
            run: self.run.clone(),
        })
    }

    /// A folder inside this one for what is kept of a job: the same as
    /// [`RunFolder::inside`], but for a shard in its own folder, with everything that is written
    /// there.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn own(&self, name: &str, config: &impl Serialize) -> Result<RunFolder> {
        let Some(kept) = self.kept() else {
            return self.inside(name, config);
        };
        let wanted = toml::to_string(config).context("the settings cannot be written as TOML")?;
        let path = kept.join(name);

        prepare(&path, &wanted, None)?;

        let run = SharedRun {
            root: path.clone(),
            mode: RunMode::Whole,
            sources: vec![],
            shards: vec![],
            lock: None,
            ledger: None,
            progress: Mutex::default(),
            heartbeat: None,
        };

        Ok(RunFolder {
            path,
            inside: PathBuf::new(),
            run: Arc::new(run),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What this process does of the run.
    #[must_use]
    pub fn mode(&self) -> RunMode {
        self.run.mode
    }

    /// The name of a list of jobs with this folder's place.
    #[must_use]
    pub fn list(&self, name: &str) -> String {
        let parts = self.inside.iter().map(|p| p.to_string_lossy().into_owned());
        parts
            .chain([name.to_string()])
            .collect::<Vec<_>>()
            .join("/")
    }

    /// Writes a result, whole or not at all; `name` may lie in a folder inside. (A shard has none,
    /// and writes nothing.)
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        if !self.mode().has_results() {
            return Ok(());
        }
        write_in(&self.path, name, bytes.as_ref())
    }

    /// Writes what is kept of a job; a shard does it in its own folder.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn keep(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        write_in(
            &self.kept().unwrap_or_else(|| self.path.clone()),
            name,
            bytes.as_ref(),
        )
    }

    /// Takes over what a shard kept of a job, if this process is one that has results.
    ///
    /// # Errors
    /// If nobody has it, or it cannot be copied.
    pub fn adopt(&self, name: &str) -> Result<()> {
        let own = self.path.join(name);
        if !self.mode().has_results() || own.exists() {
            return Ok(());
        }

        let found = self.places(name, None).into_iter().find(|p| p.exists());
        let found = found.with_context(|| format!("'{name}' is in no shard's folder"))?;
        copy(&found, &own).with_context(|| format!("cannot copy '{}'", found.display()))
    }

    /// Takes over a folder that a shard kept, in place of what is here of it.
    ///
    /// # Errors
    /// If it cannot be copied.
    pub fn adopt_again(&self, name: &str, from: &Path) -> Result<()> {
        copy(from, &self.path.join(name))
            .with_context(|| format!("cannot copy '{}'", from.display()))
    }

    /// A shard's own place for this folder's kept files.
    fn kept(&self) -> Option<PathBuf> {
        let RunMode::Shard(shard) = self.mode() else {
            return None;
        };

        Some(
            self.run
                .root
                .join(SHARDS)
                .join(shard.folder())
                .join(KEPT)
                .join(&self.inside),
        )
    }

    /// All the places where a kept file or folder may be, the own one first. If it is of job `k`
    /// of a list, it is with the job's owner, whatever the number of shards was.
    #[must_use]
    pub fn places(&self, name: &str, job: Option<(&str, usize)>) -> Vec<PathBuf> {
        let list = job.map(|(list, k)| (self.list(list), k));
        self.everywhere(KEPT, name, |shard| {
            list.as_ref().is_none_or(|(list, k)| shard.owns(list, *k))
        })
    }

    /// The journal `name` to write to (none if this process writes none), and those of the others:
    /// of `all` of them, or of those that may hold jobs of this process. (A shard's are in no
    /// other of as many shards, and a thousand shards that read a thousand journals each are a
    /// load.)
    #[must_use]
    pub fn journals(&self, name: &str, all: bool) -> (Option<PathBuf>, Vec<PathBuf>) {
        let file = format!("{name}.jsonl");

        let own = match self.mode() {
            RunMode::Whole => Some(self.path.join(&file)),
            RunMode::Shard(shard) => {
                let folder = self.run.root.join(SHARDS).join(shard.folder());
                Some(folder.join(JOURNALS).join(&self.inside).join(&file))
            }
            RunMode::Gather | RunMode::Status => None,
        };

        let like_own =
            |shard: Shard| matches!(self.mode(), RunMode::Shard(own) if shard.count == own.count);
        let mut others = self.everywhere(JOURNALS, &file, |shard| all || !like_own(shard));
        others.retain(|p| Some(p) != own.as_ref());

        (own, others)
    }

    fn everywhere(&self, kind: &str, name: &str, wanted: impl Fn(Shard) -> bool) -> Vec<PathBuf> {
        let mut all = vec![];

        for (source, shards) in self.run.sources.iter().zip(&self.run.shards) {
            all.push(source.join(&self.inside).join(name));

            let of = |shard: Shard| {
                source
                    .join(SHARDS)
                    .join(shard.folder())
                    .join(kind)
                    .join(&self.inside)
                    .join(name)
            };

            all.extend(shards.iter().copied().filter(|s| wanted(*s)).map(of));
        }

        all
    }

    /// This process's work has ended; for `ldnn status`.
    pub fn ended(&self, how: &str) {
        if let Some(heartbeat) = &self.run.heartbeat {
            heartbeat.end(how);
        }
    }

    /// The run folders whose jobs count.
    #[must_use]
    pub fn sources(&self) -> &[PathBuf] {
        &self.run.sources
    }

    /// Counts the jobs of a list.
    pub fn count(&self, progress: ListProgress) {
        self.run
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(progress);
    }

    /// What was counted so far.
    #[must_use]
    pub fn progress(&self) -> Vec<ListProgress> {
        self.run
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A job was finished by this process.
    pub fn job_done(&self) {
        if let Some(heartbeat) = &self.run.heartbeat {
            heartbeat.beat();
        }
    }
}

/// The shards that have folders in a run folder, in order.
#[must_use]
pub fn shards_of(run: &Path) -> Vec<Shard> {
    let entries = fs::read_dir(run.join(SHARDS))
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let mut all: Vec<Shard> = entries
        .filter_map(|e| Shard::of_folder(e.file_name().to_str()?))
        .collect();

    all.sort_unstable();
    all
}

/// The settings of a run folder.
///
/// # Errors
/// If it holds none, or they do not say which command they are of.
pub fn read_config(run: &Path) -> Result<StoredConfig> {
    let file = run.join(CONFIG);

    let text = regular::read_to_string(&file, Most::Settings)
        .with_context(|| format!("cannot read '{}'", file.display()))?;
    StoredConfig::parse(&text).with_context(|| format!("'{}'", file.display()))
}

/// Copies a file or a folder with all that is in it; each file whole or not at all.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        return write_durably(to, &regular::read(from, Most::Memory)?);
    }

    fs::create_dir_all(to)?;

    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }

    Ok(())
}

fn write_in(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| unwritable(folder))?;
    }
    write_atomically(&path, bytes)
}

/// The folder that a shard has in a run folder; nothing for who is none.
fn shard_folder(run: &Path, mode: RunMode) -> Option<PathBuf> {
    match mode {
        RunMode::Shard(shard) => Some(run.join(SHARDS).join(shard.folder())),
        _ => None,
    }
}

/// Makes the folders and takes the lock: the run folder's, or the shard's own. When it returns, the
/// folder has the wanted settings.
fn take(path: &Path, wanted: &str, replace: bool, mode: RunMode) -> Result<(Lock, Option<Ledger>)> {
    let shard = shard_folder(path, mode);
    let own = shard.as_deref().unwrap_or(path);
    let config = path.join(CONFIG);
    fs::create_dir_all(path).with_context(|| unwritable(path))?;

    // A thousand shards that go on with settings which are there need not wait for each other.
    let opening = Opening::begin(path, || shard.is_some() && config.exists())?;

    // Another process may have begun a run meanwhile; a shard that is not of it leaves nothing.
    if shard.is_some() {
        check(path, wanted, replace, mode).map_err(refused)?;
    }

    fs::create_dir_all(own).with_context(|| unwritable(path))?;

    let lock = Lock::take(own)?;
    // Whoever had the lock until now may have changed everything.
    check(path, wanted, replace, mode).map_err(refused)?;

    let would_change = match regular::read_to_string(&config, Most::Settings) {
        Ok(found) => found != wanted,
        // Where folders cannot be locked, the shards that are at work may be about to write them.
        Err(_) => opening.is_held(),
    };
    if would_change {
        check_nobody_works(path, mode)?;
    }

    // A list that is begun beside files of an earlier version would not name those.
    let has_list = own.join(ledger::FILE).exists() || !contents(own, own).has_unlisted;
    let ledger = has_list
        .then(|| Ledger::open(own))
        .transpose()
        .with_context(|| unwritable(path))?;

    match shard.as_deref() {
        None => prepare(path, wanted, ledger.as_ref())?,
        Some(shard) => {
            write_first(&config, wanted).with_context(|| unwritable(path))?;
            sweep(shard);
        }
    }

    // Where folders cannot be locked, somebody else may have written others.
    let is_wanted =
        regular::read_to_string(&config, Most::Settings).is_ok_and(|found| found == wanted);
    if !is_wanted {
        return Err(refused(Obstacle::Changed(path.into())).into());
    }

    Ok((lock, ledger))
}

/// Refuses to change the settings of a run while another process works at it.
fn check_nobody_works(run: &Path, mode: RunMode) -> Result<()> {
    let is_other = |other: &RunMode| *other != mode;
    let modes = shards_of(run).into_iter().map(RunMode::Shard);

    for other in modes.chain([RunMode::Whole]).filter(is_other) {
        let folder = shard_folder(run, other).unwrap_or(run.into());
        // A process that gathers has the same lock as one that does the whole run.
        let is_own = !matches!(mode, RunMode::Shard(_)) && folder == run;

        if let Some(holder) = Lock::holder(&folder).filter(|_| !is_own) {
            bail!(
                "another run is at work in '{}': {holder}; wait for it or stop it, or give another `out`",
                folder.display()
            );
        }
    }

    Ok(())
}

/// Writes the settings of a run that has none. Those that another process writes first stay.
fn write_first(config: &Path, wanted: &str) -> Result<()> {
    if config.exists() {
        return Ok(());
    }

    expect_new(config);

    match write_durably(config, wanted.as_bytes()) {
        Err(error) if !config.exists() => Err(error),
        _ => Ok(()),
    }
}

/// An obstacle that shows only when the folder is taken: whoever asked for `replace` has said so.
fn refused(obstacle: Obstacle) -> FolderRefused {
    obstacle.refused(false)
}

/// Empties a folder that holds other settings, and writes those that are wanted; `ledger` is the
/// list in the folder.
fn prepare(path: &Path, wanted: &str, ledger: Option<&Ledger>) -> Result<()> {
    let config = path.join(CONFIG);

    if let Some(root) = ledger::root_of(path) {
        ledger::check_way(&root, &config).with_context(|| unwritable(path))?;
    }

    fs::create_dir_all(path).with_context(|| unwritable(path))?;

    let found = regular::read_to_string(&config, Most::Settings).ok();
    if found.is_none() {
        check_empty(path).map_err(refused)?;
    }

    if found.as_deref() == Some(wanted) {
        sweep(path);
        return Ok(());
    }

    if found.is_some() {
        empty(path)?;
    }

    if let Some(ledger) = ledger {
        ledger.clear().with_context(|| unwritable(path))?;
    }

    write_durably(&config, wanted.as_bytes()).with_context(|| unwritable(path))
}

/// Deletes what the run has written, but the lock and the list; the settings last, so that a
/// process that dies half-way leaves a run of the old ones. What others put there is refused, and
/// all stays.
fn empty(path: &Path) -> Result<()> {
    let root = ledger::root_of(path).unwrap_or_else(|| path.into());
    if let Some(obstacle) = stranger(path, &root) {
        return Err(refused(obstacle).into());
    }

    let FolderContents { own, folders, .. } = contents(path, &root);
    let config = path.join(CONFIG);

    let kept = [
        path.join(lock::FILE),
        path.join(ledger::FILE),
        config.clone(),
    ];

    for file in own
        .iter()
        .filter(|file| !kept.contains(file))
        .chain([&config])
    {
        fs::remove_file(file).with_context(|| unwritable(path))?;
    }

    for folder in folders.iter().rev() {
        let _ = fs::remove_dir(folder);
    }

    Ok(())
}

/// Deletes what killed processes left of temporary files; that nothing is left of them is nicer,
/// not needed.
fn sweep(path: &Path) {
    let root = ledger::root_of(path).unwrap_or_else(|| path.into());
    sweep_listed(path, &FileList::of(&root));
}

fn sweep_listed(path: &Path, list: &FileList<'_>) {
    for entry in fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let name = entry.file_name();
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
        if is_dir && name != SHARDS {
            sweep_listed(&entry.path(), list);
        } else if entry.file_type().is_ok_and(|kind| kind.is_file())
            && is_temporary(&name.to_string_lossy())
            && list.has(&entry.path())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn unwritable(path: &Path) -> String {
    format!(
        "the folder '{}' cannot be written to; give an `out` that may be made or written to",
        path.display()
    )
}
