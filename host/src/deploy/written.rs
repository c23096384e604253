//! The files of an export but for its JSON: what is written, and what `ldnn verify` expects to find
//! again.

use super::deployed::Deployed;
use super::format::Format;
use super::golden::Golden;
use super::{c, image, rust};
use crate::formats::ExportFormat;
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_128;

/// The file that all code is made from.
pub const MODEL: &str = "model.json";

/// The file with the vectors that an export is verified with, and the checksums of its other files.
pub const GOLDEN: &str = "golden.json";

/// Formats that are made from model.json and golden.json.
const MADE: [Format; 3] = [Format::Rust, Format::C, Format::Postcard];

/// The files of a format with their names; none for the others.
///
/// # Errors
/// If the model is malformed.
pub fn files(format: Format, model: &Deployed, golden: &Golden) -> Result<Vec<(String, Vec<u8>)>> {
    let name = &model.name;

    Ok(match format {
        Format::Rust => {
            let mut files = vec![(format!("{name}.rs"), rust::module(model)?.into())];
            if model.shape.is_some() {
                files.push((
                    format!("{name}_golden.rs"),
                    rust::golden(model, golden)?.into(),
                ));
            }

            files
        }
        Format::C => {
            vec![
                (format!("{name}.h"), c::header(model)?.into()),
                (format!("{name}.c"), c::source(model)?.into()),
            ]
        }
        Format::Postcard => vec![(format!("{name}.ldnn"), image::bytes(model)?)],
        _ => vec![],
    })
}

/// The checksum of each of these files of a folder.
///
/// # Errors
/// If one cannot be read.
pub fn checksums(
    folder: &Path,
    names: impl IntoIterator<Item = String>,
) -> Result<BTreeMap<String, String>> {
    let of = |name: String| {
        let bytes = regular::read(&folder.join(&name), Most::Memory)
            .with_context(|| format!("cannot read '{name}'"))?;
        Ok((name, format!("{:032x}", xxh3_128(&bytes))))
    };
    names.into_iter().map(of).collect()
}

/// The files of the export that nothing else compares, such as those for other programs: what can
/// be said of them.
///
/// # Errors
/// If one has other bytes than the export wrote, or none of all files is left.
pub fn unchanged(folder: &Path, golden: &Golden, compared: &[String]) -> Result<Vec<String>> {
    let (there, gone): (Vec<&String>, Vec<&String>) = golden
        .files
        .keys()
        .partition(|name| folder.join(name).exists());

    ensure!(
        golden.files.is_empty() || !there.is_empty(),
        "none of the files that were exported is there any more ({})",
        joined(&gone)
    );

    let rest: Vec<&String> = there
        .into_iter()
        .filter(|name| !compared.contains(name))
        .collect();
    let sums = checksums(folder, rest.iter().map(ToString::to_string))?;

    for (name, sum) in &sums {
        ensure!(
            golden.files.get(name) == Some(sum),
            "{name} has other bytes than the export wrote; export again"
        );
    }

    let mut lines = vec![];

    let others: Vec<&String> = rest.into_iter().filter(|name| *name != MODEL).collect();

    if !others.is_empty() {
        lines.push(format!(
            "{}: as the export wrote it, not run",
            joined(&others)
        ));
    }

    if !gone.is_empty() {
        lines.push(format!("{}: not there any more", joined(&gone)));
    }

    Ok(lines)
}

fn joined(names: &[&String]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    names.join(", ")
}

/// Whether golden.json names every file of the export that is in the folder. The exporter names all
/// that it writes; what is not named would not be compared.
///
/// # Errors
/// If one is not named.
pub fn all_named(folder: &Path, model: &Deployed, golden: &Golden) -> Result<()> {
    let mut names = vec![MODEL.to_string()];

    for format in MADE {
        names.extend(
            files(format, model, golden)?
                .into_iter()
                .map(|(name, _)| name),
        );
    }

    let others = ExportFormat::ALL.map(|form| format!("{}.{}", model.name, form.extension()));
    let missing: Vec<String> = names
        .into_iter()
        .chain(others)
        .filter(|name| folder.join(name).exists() && !golden.files.contains_key(name))
        .collect();

    ensure!(
        missing.is_empty(),
        "{GOLDEN} does not name {}: it was edited, or the file is not of this export; export again",
        joined(&missing.iter().collect::<Vec<_>>())
    );

    Ok(())
}

/// Whether the files in `folder` are what model.json and golden.json give, byte for byte; their
/// names.
///
/// # Errors
/// If one is not, or is missing beside another of its format: the message has the first line that
/// differs.
pub fn check(folder: &Path, model: &Deployed, golden: &Golden) -> Result<Vec<String>> {
    let mut names = vec![];

    for format in MADE {
        let files = files(format, model, golden)?;
        if !files.iter().any(|(name, _)| folder.join(name).exists()) {
            continue;
        }

        for (name, made) in files {
            let found = regular::read(&folder.join(&name), Most::Memory)
                .with_context(|| format!("cannot read '{name}'"))?;
            same(&found, &made).with_context(|| {
                format!(
                    "{name} is not what model.json gives: it was edited, or written by another version of ldnn; export again"
                )
            })?;

            names.push(name);
        }
    }

    Ok(names)
}

fn same(found: &[u8], made: &[u8]) -> Result<()> {
    if found == made {
        return Ok(());
    }

    let (Ok(found), Ok(made)) = (std::str::from_utf8(found), std::str::from_utf8(made)) else {
        let place = found.iter().zip(made).take_while(|(a, b)| a == b).count();
        bail!("the first difference is at byte {place}");
    };
    let (mut found, mut made) = (found.split('\n'), made.split('\n'));

    for line in 1.. {
        let (a, b) = (found.next(), made.next());

        ensure!(
            a == b,
            "line {line} is {} instead of {}",
            shown(a, b),
            shown(b, a)
        );

        if a.is_none() {
            break;
        }
    }

    Ok(())
}

/// Characters of a line that are shown.
const SHOWN: usize = 60;

/// What a line holds where it begins to differ from another.
fn shown(line: Option<&str>, other: Option<&str>) -> String {
    let Some(line) = line else {
        return "missing".into();
    };
    let same = line
        .chars()
        .zip(other.unwrap_or_default().chars())
        .take_while(|(a, b)| a == b)
        .count();

    let from = if line.chars().count() <= SHOWN {
        0
    } else {
        same.saturating_sub(SHOWN / 2)
    };

    let part: String = line.chars().skip(from).take(SHOWN).collect();
    let before = if from > 0 { "..." } else { "" };

    let after = if line.chars().count() > from + SHOWN {
        "..."
    } else {
        ""
    };

    format!("{:?}", format!("{before}{part}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_shown() {
        assert!(same(b"a\nb\n", b"a\nb\n").is_ok());
        let error = same(b"a\nb\n", b"a\nc\n").unwrap_err().to_string();
        assert_eq!(error, "line 2 is \"b\" instead of \"c\"");
        let error = same(b"a\n", b"a").unwrap_err().to_string();
        assert_eq!(error, "line 2 is \"\" instead of missing");
        let error = same(b"\xff\x00", b"\xff\x01").unwrap_err().to_string();
        assert_eq!(error, "the first difference is at byte 1");
    }
}
