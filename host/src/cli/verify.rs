//! `ldnn verify`

use super::common::ConfigArgs;
use super::files::Files;
use super::for_others;
use super::plan::Plan;
use crate::deploy;
use crate::support::progress::Output;
use crate::support::regular::{self, Most};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "\
Compiles NAME.c with gcc -std=c99, g++ and arm-none-eabi-gcc, warnings as errors, and NAME.rs with cargo, as far as these are installed,
loads NAME.ldnn as a device does, runs all of them on golden.json and compares every bit with the core; and the answers with those of
`ldnn predict` to the same raw rows. The first difference of bits is an error (exit code 1), and so are a file that is not, byte for
byte, what model.json and golden.json give, and answers that differ from `ldnn predict` by more than 0.001 and 20 times the largest error of the tables on these rows, at most 0.25 (a probability, or standard
deviations of a value), or by more than 0.5 with 8-bit integers. The checksums in golden.json guard against accident, not malice.
The programs are compiled among the system's temporary files (TMPDIR), and deleted; nothing in FOLDER changes.
An export for other programs alone is made again from its config.toml, and compared byte for byte; its files are not run.")]
pub struct VerifyArgs {
    /// A folder of `ldnn export`
    #[arg(value_name = "FOLDER", default_value = "out/export")]
    folder: PathBuf,
    /// The source of ldnn-core, for the generated Rust [default: what this program was built from]
    #[arg(long, value_name = "FOLDER")]
    core: Option<PathBuf>,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

/// Refuses a folder that is not the source of ldnn-core.
fn check_core(core: &Path) -> Result<()> {
    let name = core.display();
    ensure!(core.is_dir(), "--core: there is no folder '{name}'");

    let manifest = regular::read_to_string(&core.join("Cargo.toml"), Most::Settings).ok();
    let manifest = manifest.and_then(|text| text.parse::<toml::Table>().ok());
    let package = manifest
        .as_ref()
        .and_then(|all| all.get("package")?.get("name")?.as_str());

    ensure!(
        package == Some("ldnn-core"),
        "--core '{name}': that is not the source of ldnn-core; give the folder with its Cargo.toml, as `core` of the \
         sources of ldnn"
    );

    Ok(())
}

/// The plan to verify.
pub struct Verify {
    folder: PathBuf,
    /// Whether it is an export for other programs alone.
    for_others: bool,
    core: Option<PathBuf>,
}

impl VerifyArgs {
    pub fn resolve(&self) -> Result<Verify> {
        let name = self.folder.display();

        ensure!(
            !self.folder.is_file(),
            "'{name}' is a file; what is verified is a folder with code, as `ldnn export MODEL --out FOLDER` makes it"
        );

        ensure!(
            self.folder.is_dir(),
            "there is no folder '{name}'; `ldnn export MODEL --out {name}` makes it"
        );

        let for_others = for_others::is_export(&self.folder);
        ensure!(
            for_others || self.folder.join(deploy::MODEL).exists(),
            "'{name}' holds no {}, and no settings of an export; what is verified is a folder of `ldnn export`",
            deploy::MODEL
        );

        if let Some(core) = &self.core {
            check_core(core)?;
        }

        Ok(Verify {
            folder: self.folder.clone(),
            for_others,
            core: self.core.clone(),
        })
    }
}

impl Plan for Verify {
    fn describe(&self) -> Result<String> {
        Ok(format!("verify {}", self.folder.display()))
    }

    fn files(&self) -> Result<Files> {
        Ok(Files::reading([self.folder.clone()]))
    }

    fn execute(&self, _: Output) -> Result<String> {
        match self.for_others {
            true => for_others::verify(&self.folder),
            false => deploy::verify::verify(&self.folder, self.core.as_deref()),
        }
    }
}
