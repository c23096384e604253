//! What every command becomes before anything is done.

use super::files::Files;
use crate::run::RunMode;
use crate::support::progress::Output;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// What is to be done with a plan.
#[derive(Clone, Copy)]
pub enum Mode {
    /// Carry it out.
    Work,
    /// Describe it.
    DryRun,
    /// Print its settings.
    PrintConfig,
}

/// A request that was understood and can be carried out.
pub trait Plan {
    /// In words or as TOML, for `--dry-run`.
    fn describe(&self) -> Result<String>;

    /// The settings as TOML, for `--print-config`.
    fn config(&self) -> Result<String> {
        bail!("this command has no settings to print")
    }

    /// Takes note of the command that the user gave, which a run folder stores with the settings.
    fn called(&mut self, _command: &str) {}
    /// What it reads and writes.
    fn files(&self) -> Result<Files>;
    /// Does it; the result is for standard output.
    fn execute(&self, output: Output) -> Result<String>;
}

/// A run to go on with: its folder, and which part of the work to do.
pub struct Resume {
    pub out: PathBuf,
    pub part: RunMode,
    pub sources: Vec<PathBuf>,
}

/// A text to print, with nothing left to do.
pub struct TextPlan {
    text: String,
    /// Where it comes from.
    inputs: Vec<PathBuf>,
}

impl TextPlan {
    /// The text.
    pub fn new(text: String) -> TextPlan {
        TextPlan {
            text,
            inputs: vec![],
        }
    }

    /// The text, and the files and folders that it comes from.
    pub fn of(text: String, inputs: &[&Path]) -> TextPlan {
        TextPlan {
            text,
            inputs: inputs.iter().map(|path| path.to_path_buf()).collect(),
        }
    }
}

impl Plan for TextPlan {
    fn files(&self) -> Result<Files> {
        Ok(Files::reading(self.inputs.iter().cloned()))
    }

    fn describe(&self) -> Result<String> {
        Ok(self.text.clone())
    }

    fn execute(&self, _: Output) -> Result<String> {
        Ok(self.text.clone())
    }
}
