//! Lists of the files that runs have written: what may be deleted with a run is what its list names, and nothing else.
//!
//! A name is in the list before the file is on the disk, so that no kill leaves a file that is in no list.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The list in the folder: a path in it a line, with slashes.
pub const FILE: &str = ".files";

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
    /// If the list cannot be read or written.
    pub fn open(root: &Path) -> Result<Ledger> {
        let path = root.join(FILE);
        let text = if path.exists() {
            fs::read_to_string(&path)?
        } else {
            String::new()
        };
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
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

/// Puts a file that is going to be written on the list of the folder that it is in, if that has one.
///
/// # Errors
/// If the list cannot be written.
pub fn note(path: &Path) -> Result<()> {
    for open in all().iter_mut() {
        let Some(name) = name_in(&open.root, path) else {
            continue;
        };
        if !open.names.contains(&name) {
            open.file.write_all(format!("{name}\n").as_bytes())?;
            open.names.insert(name);
        }
    }
    Ok(())
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
    fs::read_to_string(root.join(FILE))
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
