//! Compiles what was exported, runs it on the golden vectors, and compares with the core, bit for
//! bit; and with what `ldnn predict` says about the same raw rows, within a tolerance.

mod answers;
mod folder;
mod image;
mod runners;

use super::agreement::{agreement, on_rows};
use super::written;
use crate::support::stop;
use answers::{compare, expected};
use anyhow::{Context, Result, bail};
use folder::Export;
use runners::{Runner, RunnerOutcome};
use std::path::Path;

/// The compilers of the host, and the dialects that they are asked for.
const HOSTS: [(&str, &[&str]); 2] = [
    ("gcc", &["-std=c99"]),
    ("g++", &["-std=c++11", "-x", "c++"]),
];

/// Verifies the export in `folder`; `core` is where the source of `ldnn-core` lies. The text is for
/// the terminal.
///
/// # Errors
/// If something does not compile, or an answer differs: the first difference is in the message.
pub fn verify(folder: &Path, core: Option<&Path>) -> Result<String> {
    let export = Export::open(folder)?;
    let mut runners = export.runners(&HOSTS)?;

    if export.has("c") {
        runners.push(export.arm_runner()?);
    }

    if export.has("rs") {
        runners.push(export.rust_runner(core)?);
    }

    // A compiler that was ended says nothing of the export.
    stop::check()?;

    let (lines, mut agreement) = compared(&export, runners).all_good()?;

    if let Some(given) = &export.golden.on_given_rows {
        agreement += &format!("\n{}\n", on_rows(&export.model, given));
    }

    Ok(lines.join("\n") + "\n" + &agreement)
}

/// The part of [`verify`] that takes a second at most: the core, the image, and the C by one
/// compiler.
///
/// # Errors
/// As [`verify`].
pub fn at_once(folder: &Path) -> Result<String> {
    let export = Export::open(folder)?;
    let runners = export.runners(&HOSTS[..1])?;
    // A compiler that was ended says nothing of the export.
    stop::check()?;

    let compared = compared(&export, runners);

    let rest = format!(
        "the rest (C++, Cortex-M, Rust): ldnn verify {}",
        folder.display()
    );
    let (lines, agreement) = compared.all_good()?;
    let line = lines
        .into_iter()
        .chain(Some(agreement.trim_end().to_string()).filter(|text| !text.is_empty()))
        .chain([rest]);

    Ok(line.collect::<Vec<_>>().join("\n"))
}

/// What every runner gives, and how far all of them are from `ldnn predict`.
fn compared(export: &Export<'_>, runners: Vec<Runner>) -> Compared {
    let (expected, mut all) = (expected(&export.golden), Compared::default());

    if let Err(error) = written::all_named(export.folder, &export.model, &export.golden) {
        all.put(Err(error));
    }

    match written::check(export.folder, &export.model, &export.golden) {
        Ok(files) => {
            if !files.is_empty() {
                all.good.push(format!(
                    "{}: what model.json gives, byte for byte",
                    files.join(", ")
                ));
            }

            match written::unchanged(export.folder, &export.golden, &files) {
                Ok(lines) => all.good.extend(lines),
                Err(error) => all.put(Err(error)),
            }
        }
        Err(error) => all.put(Err(error)),
    }

    for runner in runners {
        let line = match runner.outcome {
            RunnerOutcome::Answers(answers) => {
                compare(&export.model, &export.golden, &expected, &answers).map(|()| {
                    format!(
                        "{}: {} answers, every bit the same",
                        runner.name,
                        answers.len()
                    )
                })
            }
            RunnerOutcome::Compiled => Ok(format!("{}: compiles without a warning", runner.name)),
            RunnerOutcome::Missing(what) => Ok(format!("{}: not tried, {what}", runner.name)),
            RunnerOutcome::Failed(error) => Err(error),
        };

        let line = line.map_err(|error| match runner.doubt {
            Some(doubt) => error.context(doubt),
            None => error,
        });

        all.put(line.with_context(|| runner.name));
    }

    match agreement(&export.model, &export.golden) {
        Ok(text) => all.agreement = text,
        Err(error) => all.put(Err(error)),
    }

    all
}

/// Comparisons, those that fail apart.
#[derive(Default)]
struct Compared {
    /// A line each.
    good: Vec<String>,
    /// A message each.
    bad: Vec<String>,
    /// What [`Export::agreement`] says.
    agreement: String,
}

impl Compared {
    fn put(&mut self, line: Result<String>) {
        match line {
            Ok(line) => self.good.push(line),
            Err(error) => self.bad.push(format!("{error:#}")),
        }
    }

    /// The comparisons.
    ///
    /// # Errors
    /// If one fails; the message holds the others, too.
    fn all_good(self) -> Result<(Vec<String>, String)> {
        if self.bad.is_empty() {
            return Ok((self.good, self.agreement));
        }

        let mut text = self.bad.join("\nand ");

        if !self.good.is_empty() || !self.agreement.is_empty() {
            text += "\n\nwhat is right:\n";

            text += &self
                .good
                .iter()
                .map(|line| format!("  {line}\n"))
                .collect::<String>();

            text += &self.agreement;
        }

        bail!("{}", text.trim_end())
    }
}
