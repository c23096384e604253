//! What was probably meant.

use toml::{Table, Value};

/// Settings that had another name, and the one they have now.
const RENAMED: [(&str, &str); 13] = [
    ("optimiser", "optimizer"),
    ("inner_optimiser", "inner_optimizer"),
    ("rate", "lr"),
    ("rates", "lr"),
    ("inner_rate", "inner_lr"),
    ("outer_rate", "outer_lr"),
    ("lr_times_epochs", "lr_times_epochs"),
    ("activations", "compare"),
    ("classical", "compare"),
    ("formats", "format"),
    ("rows", "fingerprint"),
    ("kind", "classification' or 'regression"),
    ("lessons", "stages"),
];

/// The name that a setting has now, if it is among those that there are.
#[must_use]
pub fn renamed(old: &str, there: &[&str]) -> Option<&'static str> {
    let (_, new) = RENAMED.iter().find(|(name, _)| *name == old)?;
    let first = new.split('\'').next().unwrap_or(new);
    there.contains(&first).then_some(*new)
}

/// The most similar name, if one is similar.
#[must_use]
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let wanted = plain(wanted);
    let far = |name: &str| strsim::damerau_levenshtein(&wanted, &plain(name));
    let best = known.into_iter().min_by_key(|name| far(name))?;
    // A third of the letters may differ.
    (far(best) <= (wanted.chars().count() / 3).max(1)).then_some(best)
}

/// The paths at which a setting of this name stands, anywhere.
#[must_use]
pub fn elsewhere(name: &str, table: &Table) -> Vec<String> {
    let mut found = vec![];
    search(name, "", table, &mut found);
    found
}

/// The path of the setting, anywhere, whose name is the most similar, if one is similar.
#[must_use]
pub fn similar(name: &str, table: &Table) -> Option<String> {
    let mut names = vec![];
    all_names(table, &mut names);
    let near = nearest(name, names.iter().map(String::as_str))?;
    elsewhere(near, table).into_iter().next()
}

fn all_names(table: &Table, names: &mut Vec<String>) {
    // Those at the top first: of names that are equally similar the first is taken.
    names.extend(table.keys().cloned());

    for value in table.values() {
        if let Value::Table(inner) = value {
            all_names(inner, names);
        }
    }
}

fn search(name: &str, way: &str, table: &Table, found: &mut Vec<String>) {
    for (key, value) in table {
        let path = if way.is_empty() {
            key.clone()
        } else {
            format!("{way}.{key}")
        };

        if let Value::Table(inner) = value {
            search(name, &path, inner, found);
        }

        if key == name {
            found.push(path);
        }
    }
}
