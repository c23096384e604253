//! Settings in layers: a command's defaults, then a file, then flags, then single assignments
//! (`a.b=c`).
//!
//! Files and stored `config.toml`s have the same form, so what a run stored can be given back. A
//! wrong name or value is an error that says where it stands and what was probably meant.

mod kinds;
mod read;
mod source;
mod stored;
mod suggest;

pub use source::{Position, SettingsFile};
pub use stored::StoredConfig;

use crate::support::regular::{self, Most};
use anyhow::{Context, Result, bail, ensure};
use kinds::shown;
use read::{ConfigError, read};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use toml::{Table, Value};

/// Puts every value of `over` into `base`. Tables are merged; anything else, lists too, takes the
/// place of what was there.
pub fn overlay(base: &mut Table, over: &Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            _ => drop(base.insert(key.clone(), value.clone())),
        }
    }
}

/// Sets the value at a path of keys with dots between them, such as `equal.train.epochs` or
/// `stages.0.meta.steps` (a number is a place in a list, from 0). Tables on the way are made where
/// there are none.
///
/// # Errors
/// If the path leads through something that is neither table nor list, or past the end of a list.
pub fn assign(table: &mut Table, path: &str, value: Value) -> Result<()> {
    let keys: Vec<&str> = path.split('.').map(str::trim).collect();
    ensure!(
        keys.iter().all(|k| !k.is_empty()),
        "'{path}' is no name of a setting; `print_config` shows them"
    );

    let (last, way) = keys.split_last().context("a setting has no name")?;
    let mut inner = Container::Table(table);

    for (i, key) in way.iter().enumerate() {
        let found = match inner {
            Container::Table(table) => table
                .entry(*key)
                .or_insert_with(|| Value::Table(Table::new())),
            Container::List(list) => element(list, key, path)?,
        };

        inner = match found {
            Value::Table(table) => Container::Table(table),
            Value::Array(list) => Container::List(list),
            other => bail!(
                "'{}' is {}, and holds no '{}'; expected a table or a list there",
                keys[..=i].join("."),
                shown(other),
                keys[i + 1]
            ),
        };
    }

    match inner {
        Container::Table(table) => drop(table.insert((*last).to_string(), value)),
        Container::List(list) => *element(list, last, path)? = value,
    }

    Ok(())
}

/// The value at a path as in [`assign`].
#[must_use]
pub fn lookup<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let mut keys = path.split('.').map(str::trim);
    let first = table.get(keys.next()?)?;
    keys.try_fold(first, |value, key| match value {
        Value::Table(table) => table.get(key),
        Value::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

/// What someone wrote behind `=`: a TOML value, or else the text itself. What it is for, `below`,
/// decides where both are possible: a list may be written without brackets, text without quotation
/// marks.
#[must_use]
pub fn value_of(text: &str, below: Option<&Value>) -> Value {
    let text = text.trim();
    let parse = |text: &str| format!("x = {text}").parse::<Table>().ok()?.remove("x");
    let bare = || Value::String(text.into());

    match below {
        Some(Value::String(_)) => parse(text).filter(Value::is_str).unwrap_or_else(bare),
        Some(Value::Array(_)) => parse(text).filter(Value::is_array).unwrap_or_else(|| {
            let quoted = || {
                text.split(',')
                    .map(|item| parse(item).unwrap_or_else(|| item.trim().into()))
                    .collect()
            };
            parse(&format!("[{text}]")).unwrap_or_else(|| Value::Array(quoted()))
        }),
        _ => parse(text).unwrap_or_else(bare),
    }
}

enum Container<'a> {
    Table(&'a mut Table),
    List(&'a mut Vec<Value>),
}

fn element<'a>(list: &'a mut [Value], key: &str, path: &str) -> Result<&'a mut Value> {
    let len = list.len();
    let found = key.parse::<usize>().ok().and_then(|i| list.get_mut(i));
    found.with_context(|| {
        format!(
            "'{path}': there is a list of {len}, whose places are 0 to {}",
            len.saturating_sub(1)
        )
    })
}

/// One assignment, `path=text`.
#[derive(Clone, Debug)]
struct Assignment {
    path: String,
    text: String,
}

/// What a user says above the defaults of a command.
#[derive(Clone, Debug)]
pub struct Layers {
    /// The table that holds most settings of the command; an assignment may leave its name out.
    section: &'static str,
    file: Option<SettingsFile>,
    sets: Vec<Assignment>,
}

impl Assignment {
    fn as_given(&self) -> String {
        format!("`set` {}={}", self.path, self.text)
    }
}

impl Layers {
    /// Reads the file and the assignments.
    ///
    /// # Errors
    /// If the file cannot be read or is no TOML (with line and column), or an assignment has no
    /// `=`.
    pub fn new(section: &'static str, file: Option<&Path>, sets: &[String]) -> Result<Layers> {
        let file = file.map(|path| {
            let text = regular::read_to_string(path, Most::Settings)
                .with_context(|| format!("`config`: cannot read '{}'", path.display()));
            SettingsFile::parse(&path.display().to_string(), &text?)
        });
        Layers::above(section, file.transpose()?, sets)
    }

    /// The assignments above a file that was read already.
    ///
    /// # Errors
    /// If an assignment has no `=`.
    pub fn above(
        section: &'static str,
        file: Option<SettingsFile>,
        sets: &[String],
    ) -> Result<Layers> {
        let assignment = |set: &String| {
            let (path, text) = set.split_once('=').with_context(|| {
                format!("`set` {set}: write a name and a value, {set}=VALUE; `print_config` shows names and values")
            })?;

            Ok(Assignment {
                path: path.trim().into(),
                text: text.into(),
            })
        };

        let sets = sets.iter().map(assignment).collect::<Result<_>>()?;

        Ok(Layers {
            section,
            file,
            sets,
        })
    }

    /// A single setting ahead of the others, because their defaults depend on it: the one assigned,
    /// else the flag, else the one in the file.
    ///
    /// # Errors
    /// If it is there and of the wrong type.
    pub fn pick<T: DeserializeOwned>(&self, path: &str, flag: Option<T>) -> Result<Option<T>> {
        let short = path
            .strip_prefix(self.section)
            .and_then(|rest| rest.strip_prefix('.'));
        let own = |s: &&Assignment| s.path == path || Some(s.path.as_str()) == short;

        if let Some(set) = self.sets.iter().rev().find(own) {
            let parsed = read(&value_of(&set.text, None));
            // No default says yet whether a list or text is wanted: try all three.
            let as_text = || read(&Value::String(set.text.trim().into())).ok();
            let as_list = || read(&value_of(&set.text, Some(&Value::Array(vec![])))).ok();

            return match parsed.or_else(|fault| as_text().or_else(as_list).ok_or(fault)) {
                Ok(value) => Ok(Some(value)),
                Err(fault) => Err(self.explain(fault.inside(path), true, &Table::new())),
            };
        }

        if flag.is_some() {
            return Ok(flag);
        }

        let found = self
            .file
            .as_ref()
            .and_then(|f| lookup(f.values(), path))
            .map(read)
            .transpose();

        found.map_err(|fault| self.explain(fault.inside(path), false, &Table::new()))
    }

    /// The names of the settings that were assigned, as they were typed.
    pub fn assigned_names(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().map(|set| set.path.as_str())
    }

    /// Whether the file says something about a setting.
    #[must_use]
    pub fn in_file(&self, path: &str) -> bool {
        self.file
            .as_ref()
            .is_some_and(|f| lookup(f.values(), path).is_some())
    }

    /// All settings: `default`, over it what the file says, what `flags` hold, and what was
    /// assigned.
    ///
    /// # Errors
    /// If a name is not known or a value is not of its kind; the message has the place and what was
    /// probably meant.
    pub fn resolve<S: Serialize + DeserializeOwned>(&self, default: S, flags: &Table) -> Result<S> {
        let mut table = table_of(&default)?;
        let known = table.clone();

        if let Some(file) = &self.file {
            overlay(&mut table, file.values());
            let checked = read::<S>(&Value::Table(table.clone()));
            checked.map_err(|fault| self.explain(fault, false, &known))?;
        }

        overlay(&mut table, flags);

        for set in &self.sets {
            let path = self.full(&set.path, &known);
            let value = value_of(&set.text, lookup(&table, &path));
            let is_number = matches!(lookup(&table, &path), Some(Value::Integer(_)));

            anyhow::ensure!(
                !(is_number && value.is_str() && set.text.trim().parse::<u128>().is_ok()),
                "{}: at most {}",
                set.as_given(),
                i64::MAX
            );

            assign(&mut table, &path, value).with_context(|| set.as_given())?;
        }

        read(&Value::Table(table)).map_err(|fault| self.explain(fault, true, &known))
    }

    /// Where a setting was said, or the nearest around it, in words: in an assignment, else in the
    /// file; nothing if there is neither.
    #[must_use]
    pub fn place(&self, path: &[String]) -> Option<String> {
        let assigned = self
            .assigned(&path.join("."), &Table::new())
            .map(Assignment::as_given);
        assigned.or_else(|| self.file.as_ref().map(|file| file.place(path, false)))
    }

    /// The last assignment to a setting, or to something within or around it.
    fn assigned(&self, path: &str, known: &Table) -> Option<&Assignment> {
        // With and without the name of the section it is the same setting.
        let short = |path: &str| {
            let rest = path
                .strip_prefix(self.section)
                .and_then(|rest| rest.strip_prefix('.'));
            rest.unwrap_or(path).to_string()
        };

        let path = short(path);
        let about = |s: &&Assignment| {
            let own = short(&self.full(&s.path, known));
            path.starts_with(&own) || own.starts_with(&path)
        };

        self.sets.iter().rev().find(about)
    }

    /// A path with the name of the section in front, if it was left out.
    fn full(&self, path: &str, known: &Table) -> String {
        let first = path.split('.').next().unwrap_or(path).trim();
        let section = known.get(self.section).and_then(Value::as_table);
        let inside = section.is_some_and(|s| {
            s.contains_key(first) || !known.contains_key(first) && path.contains('.')
        });

        if !known.contains_key(first) && inside {
            format!("{}.{path}", self.section)
        } else {
            path.into()
        }
    }

    /// What is wrong with an assignment that takes the place of a whole table, and lacks some of
    /// its settings.
    fn replaced(&self, fault: &ConfigError, known: &Table) -> Option<String> {
        let (name, path) = (fault.missing()?, fault.path.join("."));
        let Value::Table(before) = lookup(known, &path)? else {
            return None;
        };

        let example = before
            .get(name)
            .filter(|value| !value.is_table() && !value.is_array())
            .map_or_else(
                || format!("{path}.{name}=VALUE"),
                |value| format!("{path}.{name}={}", value.to_string().trim_matches('"')),
            );

        Some(format!(
            "it replaces the whole table '{path}', and what takes its place lacks '{name}'; set one setting at a \
             time, as in `set` {example}"
        ))
    }

    /// A fault with its place.
    fn explain(&self, fault: ConfigError, assigned: bool, known: &Table) -> anyhow::Error {
        if let (false, Some(file)) = (assigned, &self.file) {
            let place = file.place(&fault.path, fault.is_about_the_name());
            return anyhow::anyhow!("{place}: {}", fault.message(known));
        }

        let set = self
            .assigned(&fault.path.join("."), known)
            .or(self.sets.last());
        let place = set.map_or(String::new(), Assignment::as_given);

        if let Some(message) = self.replaced(&fault, known) {
            return anyhow::anyhow!("{place}: {message}");
        }

        // A value that is a table may have the fault inside.
        let is_within = |set: &&Assignment| {
            let keys = self.full(&set.path, known);
            let mut keys = keys.split('.').map(str::trim);
            fault.path.iter().all(|key| keys.next() == Some(key))
        };
        let typed = set.filter(is_within).map(|set| set.path.as_str());
        anyhow::anyhow!("{place}: {}", fault.message_about(known, typed))
    }
}

fn table_of(settings: &impl Serialize) -> Result<Table> {
    Table::try_from(settings).context("the settings cannot be written as TOML")
}

#[cfg(test)]
mod stored_tests;
#[cfg(test)]
mod tests;
