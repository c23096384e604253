//! Lists of the files that runs have written: what may be deleted with a run is what its list
//! names, and nothing else.
//!
//! A name is in the list before the file is on the disk, so that no kill leaves a file that is in
//! no list. What is on the disk and in no list was put there by somebody else, and is not written
//! to.

use super::regular;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, Result, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The list in the folder: a path in it a line, with slashes.
pub const FILE: &str = ".files";

/// What a run writes first: its settings.
const FIRST: &str = "config.toml";

/// The lists that this process adds to.
static OPEN: Mutex<Vec<Open>> = Mutex::new(Vec::new());

struct Open {
    root: PathBuf,
    names: BTreeSet<String>,
    file: File,
}

fn all() -> MutexGuard<'static, Vec<Open>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While it lives, what this process writes in the folder is put on the folder's list.
#[derive(Debug)]
pub struct Ledger {
    root: PathBuf,
}

impl Ledger {
    /// Goes on with the list of a folder, or begins one.
    ///
    /// # Errors
    /// If the list cannot be read or written, or is none: a link, or a file of somebody else.
    pub fn open(root: &Path) -> Result<Ledger> {
        let path = root.join(FILE);
        let mut file = regular::open(OpenOptions::new().create(true).append(true), &path)?;
        let text = regular::read_own(&path)?;

        if !is_list(root, &text) {
            let why = "its file '.files' was not written by this program; move it away";
            return Err(Error::other(why));
        }

        if !text.is_empty() && !text.ends_with('\n') {
            // The machine stopped in the middle of a name.
            file.write_all(b"\n")?;
        }

        all().push(Open {
            root: root.into(),
            names: names_in(&text),
            file,
        });

        Ok(Ledger { root: root.into() })
    }

    /// Forgets all names: the files are gone.
    ///
    /// # Errors
    /// If the list cannot be written.
    pub fn clear(&self) -> Result<()> {
        let mut all = all();
        let Some(own) = all.iter_mut().find(|open| open.root == self.root) else {
            return Ok(());
        };
        own.names.clear();
        own.file.set_len(0)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        all().retain(|open| open.root != self.root);
    }
}

/// Puts a file that is going to be written on the list of the folder that it is in, if that has
/// one.
///
/// # Errors
/// If the list cannot be written; and if there is something in the file's place that the run has
/// not written, or a link on the way to it.
pub fn note(path: &Path) -> Result<()> {
    for open in all().iter_mut() {
        let Some(name) = name_in(&open.root, path) else {
            continue;
        };
        check_way(&open.root, path)?;

        if !open.names.contains(&name) {
            if fs::symlink_metadata(path).is_ok() {
                let why = "there is a file that this run has not written; move it away";
                return Err(Error::other(why));
            }

            open.file.write_all(format!("{name}\n").as_bytes())?;
            open.names.insert(name);
        }
    }

    Ok(())
}

/// Refuses a path with a link between the folder `root`, which may be one itself, and the last
/// part.
///
/// # Errors
/// With the link in the message.
pub fn check_way(root: &Path, path: &Path) -> Result<()> {
    let way = path.ancestors().skip(1);
    for folder in way.take_while(|folder| *folder != root && folder.starts_with(root)) {
        if fs::symlink_metadata(folder).is_ok_and(|about| about.is_symlink()) {
            let why = format!(
                "'{}' is a link, and leads elsewhere; move it away",
                folder.display()
            );
            return Err(Error::other(why));
        }
    }

    Ok(())
}

/// Whether the file that is called like a list is one, or there is none.
#[must_use]
pub fn is_own(root: &Path) -> bool {
    let path = root.join(FILE);
    if fs::symlink_metadata(&path).is_err() {
        return true;
    }

    regular::open(OpenOptions::new().read(true), &path).is_ok()
        && regular::read_own(&path).is_ok_and(|text| is_list(root, &text))
}

/// Whether a text is the list of the folder: it begins with the settings, as far as it goes, or
/// names something that is there. Somebody else's text does neither.
fn is_list(root: &Path, text: &str) -> bool {
    let begins = text.starts_with(&format!("{FIRST}\n")) || FIRST.starts_with(text.trim_end());
    let is_inside = |name: &String| {
        let mut parts = Path::new(name).components();
        parts.all(|part| matches!(part, Component::Normal(_)))
    };
    let names = names_in(text);

    begins
        || names
            .iter()
            .any(|name| is_inside(name) && root.join(name).is_file())
}

/// The folder with a list of this process that a path is in.
#[must_use]
pub fn root_of(path: &Path) -> Option<PathBuf> {
    let all = all();
    all.iter()
        .find(|open| path.starts_with(&open.root))
        .map(|open| open.root.clone())
}

/// The names on a folder's list; nothing if it has none.
#[must_use]
pub fn read(root: &Path) -> Option<BTreeSet<String>> {
    regular::read_own(&root.join(FILE))
        .ok()
        .map(|text| names_in(&text))
}

fn names_in(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(String::from)
        .collect()
}

/// A path in a folder as the list has it.
#[must_use]
pub fn name_in(root: &Path, path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root).ok()?;
    Some(
        inside
            .iter()
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join("/"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_on_the_list_before_the_file_is_there_and_a_torn_name_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("r");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a.csv"), "1").unwrap();
        fs::write(root.join(FILE), "a.csv\nhalf").unwrap();

        let ledger = Ledger::open(&root).unwrap();
        note(&root.join("sub").join("b.csv")).unwrap();
        note(&root.join("sub").join("b.csv")).unwrap();
        note(&dir.path().join("elsewhere")).unwrap();

        assert_eq!(
            fs::read_to_string(root.join(FILE)).unwrap(),
            "a.csv\nhalf\nsub/b.csv\n"
        );
        assert_eq!(root_of(&root.join("x")), Some(root.clone()));

        ledger.clear().unwrap();
        note(&root.join("c")).unwrap();
        drop(ledger);
        note(&root.join("d")).unwrap();

        assert_eq!(read(&root), Some(["c".to_string()].into()));
    }
}
