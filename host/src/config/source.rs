//! A file of settings, with the place of each of them.

use super::stored::without_header;
use anyhow::{Result, anyhow};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Table;
use toml::de::{DeTable, DeValue};

/// A place in a text; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// Of a setting: where its name stands and where its value.
#[derive(Clone, Copy, Debug)]
struct Places {
    name: Position,
    value: Position,
}

/// A file of settings.
#[derive(Clone, Debug)]
pub struct SettingsFile {
    name: String,
    values: Table,
    places: BTreeMap<Vec<String>, Places>,
}

impl Position {
    /// Of the byte `at` of a text.
    #[must_use]
    pub fn of(text: &str, at: usize) -> Position {
        let before: &str = text.get(..at.min(text.len())).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
        }
    }
}

impl SettingsFile {
    /// Understands a text, of a user's or as a run stored it; `name` is for messages.
    ///
    /// # Errors
    /// If it is no TOML; the message has line and column.
    pub fn parse(name: &str, text: &str) -> Result<SettingsFile> {
        let fail = |e: toml::de::Error| {
            let place = Position::of(text, e.span().map_or(0, |s| s.start));
            anyhow!(
                "'{name}', line {}, column {}: {}",
                place.line,
                place.column,
                e.message()
            )
        };

        let mut values = text.parse::<Table>().map_err(fail)?;
        without_header(&mut values);

        let tree = DeTable::parse(text).map_err(fail)?;
        let mut places = BTreeMap::new();
        walk(text, &mut vec![], tree.get_ref(), &mut places);

        Ok(SettingsFile {
            name: name.into(),
            values,
            places,
        })
    }

    /// What it says.
    #[must_use]
    pub fn values(&self) -> &Table {
        &self.values
    }

    /// The place of a setting's name or value, or of the nearest setting around it, in words.
    #[must_use]
    pub fn place(&self, path: &[String], of_name: bool) -> String {
        let found = (1..=path.len())
            .rev()
            .find_map(|n| Some((n, self.places.get(&path[..n])?)));
        found.map_or_else(
            || format!("'{}'", self.name),
            |(n, places)| {
                let Position { line, column } = if of_name && n == path.len() {
                    places.name
                } else {
                    places.value
                };
                format!("'{}', line {line}, column {column}", self.name)
            },
        )
    }
}

fn walk(
    text: &str,
    path: &mut Vec<String>,
    table: &DeTable,
    places: &mut BTreeMap<Vec<String>, Places>,
) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());

        note(
            text,
            path,
            (key.span(), value.span()),
            value.get_ref(),
            places,
        );

        path.pop();
    }
}

fn note(
    text: &str,
    path: &mut Vec<String>,
    (name, value): (Range<usize>, Range<usize>),
    of: &DeValue,
    places: &mut BTreeMap<Vec<String>, Places>,
) {
    let own = Places {
        name: Position::of(text, name.start),
        value: Position::of(text, value.start),
    };

    places.insert(path.clone(), own);

    match of {
        DeValue::Table(table) => walk(text, path, table, places),
        DeValue::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                path.push(i.to_string());

                note(
                    text,
                    path,
                    (item.span(), item.span()),
                    item.get_ref(),
                    places,
                );

                path.pop();
            }
        }
        _ => {}
    }
}
