//! How the settings of two runs differ.

use std::collections::{BTreeMap, BTreeSet};

/// How many differences of settings are shown.
const SHOWN: usize = 12;

/// The setting that holds a fingerprint of the table, which follows from all others of its section.
const FINGERPRINT: &str = "data.fingerprint";

/// The settings that hold fingerprints of a whole table, each with the one that names the file.
const TABLES: [(&str, &str); 2] = [(FINGERPRINT, "data.file"), ("task_fingerprint", "task")];

/// Those of parts of the table that come from files of their own.
const PARTS: [(&str, &str); 3] = [
    ("data.labels_fingerprint", "data.labels"),
    ("data.test_fingerprint", "data.test"),
    ("data.test_labels_fingerprint", "data.test_labels"),
];

fn is_fingerprint(name: &str) -> bool {
    TABLES.iter().chain(&PARTS).any(|(known, _)| *known == name)
}

/// All settings by their dotted names, and their values, cut short.
fn flat(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        flatten("", &toml::Value::Table(table), &mut all);
    }
    all
}

/// The names of the settings that differ.
fn differing(found: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
    names
        .into_iter()
        .filter(|name| found.get(*name) != wanted.get(*name))
        .cloned()
        .collect()
}

/// The table, if it is all that differs.
pub(super) fn changed_table(found: &str, wanted: &str) -> Option<String> {
    let (found, wanted) = (flat(found), flat(wanted));
    let differing = differing(&found, &wanted);
    let differs = |(fingerprint, _): &&(&str, &str)| differing.iter().any(|d| d == fingerprint);

    if !differing.iter().all(|name| is_fingerprint(name)) {
        return None;
    }

    // The fingerprint of the whole covers its parts.
    let whole = TABLES.iter().find(differs)?;
    let (_, file) = PARTS.iter().find(differs).unwrap_or(whole);

    let text = wanted.get(*file)?;
    Some(text.trim_matches(['"', '\'']).to_string())
}

/// The settings that differ, by dotted name, as they are in the folder and as they are wanted.
#[must_use]
pub fn difference(found: &str, wanted: &str) -> String {
    let (found, wanted) = (flat(found), flat(wanted));
    let mut names = differing(&found, &wanted);
    if names.len() > 1 {
        // They say nothing that the others do not.
        let rest = names.iter().any(|name| !is_fingerprint(name));
        names.retain(|name| !rest || !is_fingerprint(name));
    }

    let value = |of: &BTreeMap<String, String>, name: &str| {
        of.get(name).cloned().unwrap_or_else(|| "nothing".into())
    };

    let line = |name: &String| {
        format!(
            "  {name}: {} there, {} wanted",
            value(&found, name),
            value(&wanted, name)
        )
    };

    let mut lines: Vec<String> = names.iter().map(line).collect();
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("  and {more} more"));
    }

    lines.join("\n")
}

fn flatten(name: &str, value: &toml::Value, all: &mut BTreeMap<String, String>) {
    let inside = |key: &str| {
        if name.is_empty() {
            key.to_string()
        } else {
            format!("{name}.{key}")
        }
    };

    match value {
        toml::Value::Table(table) => table
            .iter()
            .for_each(|(key, value)| flatten(&inside(key), value, all)),
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, value)| flatten(&inside(&i.to_string()), value, all));
        }
        other => {
            let text = other.to_string();
            let short: String = text.chars().take(60).collect();

            all.insert(
                name.into(),
                if short.len() < text.len() {
                    short + "..."
                } else {
                    short
                },
            );
        }
    }
}
