//! Run folders: the resolved settings and everything that came out of them.

use crate::data::write_atomically;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Holds the resolved settings; a folder with this file is a run folder.
pub const CONFIG: &str = "config.toml";

/// A folder that belongs to one run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder, or goes on in it if it holds a run with the same settings.
    ///
    /// # Errors
    /// If it cannot be written to, holds something else, or a run with other settings (unless `replace`).
    pub fn open(path: &Path, config: &impl Serialize, replace: bool) -> Result<RunFolder> {
        let wanted = toml::to_string(config).context("the settings cannot be written as TOML")?;
        let file = path.join(CONFIG);
        let found = fs::read_to_string(&file).ok();
        let occupied = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        match found {
            Some(found) if found == wanted => return Ok(RunFolder { path: path.into() }),
            Some(_) if replace => fs::remove_dir_all(path).with_context(|| unwritable(path))?,
            Some(found) => bail!(
                "--out '{}' holds a run with other settings; give another folder, or --replace to delete that run\n{}",
                path.display(),
                difference(&found, &wanted)
            ),
            None if occupied => bail!(
                "--out '{}' holds files that are no run of this program; give a new or an empty folder",
                path.display()
            ),
            None => {}
        }
        fs::create_dir_all(path).with_context(|| unwritable(path))?;
        write_atomically(&file, wanted.as_bytes()).with_context(|| unwritable(path))?;
        Ok(RunFolder { path: path.into() })
    }

    /// A folder inside this one, with settings of its own.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn inside(&self, name: &str, config: &impl Serialize) -> Result<RunFolder> {
        RunFolder::open(&self.path.join(name), config, true)
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

    /// Writes a file, whole or not at all; `name` may lie in a folder inside.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        let path = self.file(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| unwritable(&self.path))?;
        }
        write_atomically(&path, bytes.as_ref())
    }
}

/// How many differences of settings are shown.
const SHOWN: usize = 12;

/// The settings that differ, by dotted name, as they are in the folder and as they are wanted.
#[must_use]
pub fn difference(found: &str, wanted: &str) -> String {
    let flat = |text: &str| -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        if let Ok(table) = text.parse::<toml::Table>() {
            flatten("", &toml::Value::Table(table), &mut all);
        }
        all
    };
    let (found, wanted) = (flat(found), flat(wanted));
    let names: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
    let value = |of: &BTreeMap<String, String>, name: &str| of.get(name).cloned().unwrap_or_else(|| "nothing".into());
    let mut lines: Vec<String> = names
        .into_iter()
        .filter(|name| found.get(*name) != wanted.get(*name))
        .map(|name| format!("  {name}: {} there, {} wanted", value(&found, name), value(&wanted, name)))
        .collect();
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

fn flatten(name: &str, value: &toml::Value, all: &mut BTreeMap<String, String>) {
    let inside = |key: &str| if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
    match value {
        toml::Value::Table(table) => table.iter().for_each(|(key, value)| flatten(&inside(key), value, all)),
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            items.iter().enumerate().for_each(|(i, value)| flatten(&inside(&i.to_string()), value, all));
        }
        other => {
            let text = other.to_string();
            let short: String = text.chars().take(60).collect();
            all.insert(name.into(), if short.len() < text.len() { short + "..." } else { short });
        }
    }
}

fn unwritable(path: &Path) -> String {
    format!("--out '{}' cannot be written to; give a folder that may be made or written to", path.display())
}

/// A file of JSON lines that grows as results come.
pub struct Journal {
    path: PathBuf,
    file: Mutex<fs::File>,
}

impl Journal {
    /// Opens or makes the file, after the lines that an earlier process finished. A last line that was cut off is
    /// dropped.
    ///
    /// # Errors
    /// If it cannot be read or written, or a line is no result; the message names the line.
    pub fn open<T: serde::de::DeserializeOwned>(path: &Path) -> Result<(Journal, Vec<T>)> {
        let text = if path.exists() {
            fs::read_to_string(path).with_context(|| format!("cannot read '{}'", path.display()))?
        } else {
            String::new()
        };
        let whole = &text[..text.rfind('\n').map_or(0, |i| i + 1)];
        if whole.len() < text.len() {
            write_atomically(path, whole.as_bytes())?;
        }
        let read = |(i, line): (usize, &str)| {
            serde_json::from_str(line).with_context(|| {
                format!("'{}', line {}: is damaged; delete the line, and it is computed again", path.display(), i + 1)
            })
        };
        let found = whole.lines().enumerate().map(read).collect::<Result<Vec<T>>>()?;
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot write '{}'", path.display()))?;
        Ok((Journal { path: path.into(), file: Mutex::new(file) }, found))
    }

    /// Appends a result as one line.
    ///
    /// # Errors
    /// If the disk is full or the file cannot be written.
    pub fn append(&self, result: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_string(result)?;
        line.push('\n');
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(line.as_bytes()).with_context(|| format!("cannot write '{}'", self.path.display()))
    }
}

/// Lines of JSON.
///
/// # Errors
/// If a value has no JSON form.
pub fn json_lines<T: Serialize>(values: &[T]) -> Result<String> {
    let mut text = String::new();
    for value in values {
        text += &serde_json::to_string(value)?;
        text.push('\n');
    }
    Ok(text)
}
