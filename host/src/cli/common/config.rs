//! Settings beside flags: a file and assignments, brought together with a command's flags.

use crate::cli::plan::{Mode, Plan, TextPlan};
use crate::config::{self, Layers};
use anyhow::{Context, Result};
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Where settings come from beside flags.
#[derive(clap::Args, Clone, Default)]
pub struct ConfigArgs {
    /// Settings from a file, such as the config.toml of a run; flags and --set are above it
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,

    /// One setting, by its name in config.toml (see --print-config); may be given several times,
    /// and is above all else
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Print the resolved settings as --config takes them, and do nothing
    #[arg(long)]
    print_config: bool,
}

impl ConfigArgs {
    /// The file.
    pub fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The assignments.
    pub fn sets(&self) -> &[String] {
        &self.set
    }

    /// What the user says; most settings of the command are in the table `section`.
    pub fn layers(&self, section: &'static str) -> Result<Layers> {
        Layers::new(section, self.config.as_deref(), &self.set)
    }

    /// What is to be done with the plan.
    pub fn mode(&self, dry_run: bool) -> Mode {
        match (self.print_config, dry_run) {
            (true, _) => Mode::PrintConfig,
            (false, true) => Mode::DryRun,
            (false, false) => Mode::Work,
        }
    }
}

/// A command whose settings are its flags, under their names, those of tables in `[table]`: with
/// what a file and assignments say, and its plan, or the text that --print-config wants.
pub fn flagged<A, P>(
    args: &A,
    config: &ConfigArgs,
    matches: &ArgMatches,
    resolve: impl FnOnce(&A) -> Result<P>,
) -> Result<(Box<dyn Plan>, Mode)>
where
    A: Clone + Serialize + DeserializeOwned,
    P: Plan + 'static,
{
    let all = toml::Table::try_from(args).context("the flags cannot be written as TOML")?;
    let own = innermost(matches);
    let mut given = toml::Table::new();

    for id in own.ids() {
        if own.value_source(id.as_str()) != Some(ValueSource::CommandLine) {
            continue;
        }

        for path in [id.to_string(), format!("table.{id}"), format!("queue.{id}")] {
            if let Some(value) = config::lookup(&all, &path) {
                config::assign(&mut given, &path, value.clone())?;
            }
        }
    }

    let args = config.layers("")?.resolve(args.clone(), &given)?;

    match config.mode(false) {
        Mode::PrintConfig => {
            let text = toml::to_string(&args).context("the settings cannot be written as TOML")?;
            Ok((Box::new(TextPlan::new(text)), Mode::Work))
        }
        mode => Ok((Box::new(resolve(&args)?), mode)),
    }
}

/// The matches of the command that is done.
pub fn innermost(matches: &ArgMatches) -> &ArgMatches {
    let mut own = matches;
    while let Some((_, inside)) = own.subcommand() {
        own = inside;
    }
    own
}
