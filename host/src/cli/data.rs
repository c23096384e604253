//! `ldnn data`

use super::common::ConfigArgs;
use super::files::{self, Files};
use super::plan::{Mode, Plan};
use super::settings::Flags;
use crate::data::{Mnist1dConfig, VanDerPolConfig, digits_csv, mnist1d_npz, vanderpol_npz};
use crate::support::atomic::write_atomically;
use crate::support::progress::Output;
use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DataArgs {
    #[command(subcommand)]
    set: BuiltInDataset,
}

const EXAMPLES: &str = "\
Examples:
  ldnn data mnist1d --out mnist1d.npz
  ldnn data mnist1d --num_samples 20000 --seed 7 --out more.npz
  ldnn data vanderpol --mu 1.5 --dt 0.05 --out vanderpol.npz
  ldnn data digits --out digits.csv

In Python: numpy.load('mnist1d.npz')['x'].";

#[derive(Subcommand, Clone)]
enum BuiltInDataset {
    /// MNIST-1D (Greydanus); the default arguments give the canonical data set, element for element
    #[command(allow_negative_numbers = true, args_override_self = true)]
    Mnist1d {
        #[command(flatten)]
        config: Flags<Mnist1dConfig>,
        #[command(flatten)]
        to: To,
    },
    /// One step of the van der Pol oscillator: state now, state after dt
    #[command(allow_negative_numbers = true, args_override_self = true)]
    Vanderpol {
        #[command(flatten)]
        config: Flags<VanDerPolConfig>,
        #[command(flatten)]
        to: To,
    },
    /// 1797 hand-written digits of 8 x 8 pixels, as a table for `ldnn train`
    Digits {
        /// The table to write
        #[arg(long, value_name = "FILE.csv")]
        out: PathBuf,
        /// Overwrite a file that holds something else
        #[arg(long)]
        replace: bool,
    },
}

/// Where it goes, and what is said beside flags.
#[derive(clap::Args, Clone)]
struct To {
    /// The archive to write
    #[arg(long, value_name = "FILE.npz")]
    out: PathBuf,
    /// Overwrite a file that holds something else
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// A finished file and its place.
struct Resolved {
    settings: String,
    bytes: Vec<u8>,
    out: PathBuf,
    replace: bool,
}

impl DataArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let (settings, bytes) = match &self.set {
            BuiltInDataset::Mnist1d { config, to } => made(to, config, mnist1d_npz)?,
            BuiltInDataset::Vanderpol { config, to } => made(to, config, vanderpol_npz)?,
            BuiltInDataset::Digits { .. } => (String::new(), digits_csv()?.into_bytes()),
        };

        let (out, replace) = match &self.set {
            BuiltInDataset::Mnist1d { to, .. } | BuiltInDataset::Vanderpol { to, .. } => {
                (&to.out, to.replace)
            }
            BuiltInDataset::Digits { out, replace } => (out, *replace),
        };

        Ok(Resolved {
            settings,
            bytes,
            out: out.clone(),
            replace,
        })
    }

    /// What is to be done with the plan.
    pub fn mode(&self) -> Mode {
        match &self.set {
            BuiltInDataset::Mnist1d { to, .. } | BuiltInDataset::Vanderpol { to, .. } => {
                to.config.mode(false)
            }
            BuiltInDataset::Digits { .. } => Mode::Work,
        }
    }
}

/// The settings with what is said beside flags, as TOML, and the archive.
fn made<C: Serialize + DeserializeOwned + Default>(
    to: &To,
    flags: &Flags<C>,
    make: fn(&C) -> Result<Vec<u8>>,
) -> Result<(String, Vec<u8>)> {
    let layers = to.config.layers("")?;
    let config = layers.resolve(C::default(), &flags.given(""))?;
    Ok((toml::to_string(&config)?, make(&config)?))
}

impl Plan for Resolved {
    fn describe(&self) -> Result<String> {
        Ok(format!(
            "{} bytes to {}",
            self.bytes.len(),
            self.out.display()
        ))
    }

    fn config(&self) -> Result<String> {
        Ok(self.settings.clone())
    }

    fn files(&self) -> Result<Files> {
        let files = Files::default().writing(&self.out, |path| files::holds(path, &self.bytes));
        Ok(files.replacing(self.replace))
    }

    fn execute(&self, _: Output) -> Result<String> {
        write_atomically(&self.out, &self.bytes)?;

        Ok(format!(
            "wrote {} ({} bytes)",
            self.out.display(),
            self.bytes.len()
        ))
    }
}
