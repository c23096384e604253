//! `ldnn merge`, `ldnn status`: what the shards of a run have done.

use super::common::ConfigArgs;
use super::plan::{Plan, Resume};
use super::{analyze, reproduce, run, validate};
use crate::run::RunMode;
use crate::run::folder::read_config;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = MERGE_EXAMPLES)]
pub struct MergeArgs {
    /// Run folders with shards' folders in them: one that all shards had, or one of each machine
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The run folder for the results [default: the first RUN]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

const MERGE_EXAMPLES: &str = "\
Examples:
  ldnn merge out/study                            all shards wrote to one folder
  ldnn merge lab1/study lab2/study --out study    collected from two machines

The results are the bytes that one process without --shard writes. If jobs are missing, merge says how many of which
shards, writes nothing of what depends on them, and ends with exit code 75.";

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusArgs {
    /// The run folder, and those of other machines
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

impl MergeArgs {
    pub fn resolve(&self) -> Result<Box<dyn Plan>> {
        let out = self.out.as_ref().unwrap_or(&self.runs[0]);
        resume(
            &self.runs,
            Resume {
                out: out.clone(),
                part: RunMode::Gather,
                sources: self.runs.clone(),
            },
        )
    }
}

impl StatusArgs {
    pub fn resolve(&self) -> Result<Box<dyn Plan>> {
        resume(
            &self.runs,
            Resume {
                out: self.runs[0].clone(),
                part: RunMode::Status,
                sources: self.runs.clone(),
            },
        )
    }
}

/// The plan of the command that made the first of `runs`, from the settings in it.
fn resume(runs: &[PathBuf], resume: Resume) -> Result<Box<dyn Plan>> {
    let config = read_config(&runs[0]).context("give run folders of commands with `--shard`")?;
    match config.command() {
        "run" => run::resume(&config, resume),
        "reproduce" => reproduce::resume(&config, resume),
        "sizes" => analyze::resume_sizes(&config, resume),
        "validate" => validate::resume(&config, resume),
        other => bail!(
            "'{}' holds a run of `ldnn {other}`, which has no shards; give run folders of run, reproduce, sizes or validate",
            runs[0].display()
        ),
    }
}
