//! `ldnn data`

use super::Plan;
use anyhow::Result;
use clap::Subcommand;
use ldnn::data::{Mnist1dConfig, VanDerPolConfig, mnist1d_npz, vanderpol_npz, write_atomically};
use ldnn::progress::Output;
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    set: Set,
}

const EXAMPLES: &str = "\
Examples:
  ldnn data mnist1d --out mnist1d.npz
  ldnn data mnist1d --num_samples 20000 --seed 7 --out more.npz
  ldnn data vanderpol --mu 1.5 --dt 0.05 --out vanderpol.npz

In Python: numpy.load('mnist1d.npz')['x'].";

#[derive(Subcommand, Clone)]
enum Set {
    /// MNIST-1D (Greydanus); the default arguments give the canonical data set, element for element
    #[command(allow_negative_numbers = true, args_override_self = true)]
    Mnist1d {
        #[command(flatten)]
        config: Mnist1dConfig,
        /// The archive to write
        #[arg(long, value_name = "FILE.npz")]
        out: PathBuf,
    },
    /// One step of the van der Pol oscillator: state now, state after dt
    #[command(allow_negative_numbers = true, args_override_self = true)]
    Vanderpol {
        #[command(flatten)]
        config: VanDerPolConfig,
        /// The archive to write
        #[arg(long, value_name = "FILE.npz")]
        out: PathBuf,
    },
}

/// A finished archive and its place.
struct Resolved {
    bytes: Vec<u8>,
    out: PathBuf,
}

impl Args {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let (bytes, out) = match &self.set {
            Set::Mnist1d { config, out } => (mnist1d_npz(config)?, out),
            Set::Vanderpol { config, out } => (vanderpol_npz(config)?, out),
        };
        Ok(Resolved { bytes, out: out.clone() })
    }
}

impl Plan for Resolved {
    fn describe(&self) -> Result<String> {
        Ok(format!("{} bytes to {}", self.bytes.len(), self.out.display()))
    }

    fn execute(&self, _: Output) -> Result<String> {
        write_atomically(&self.out, &self.bytes)?;
        Ok(format!("wrote {} ({} bytes)", self.out.display(), self.bytes.len()))
    }
}
