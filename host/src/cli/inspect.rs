//! `ldnn inspect`: what is in a file.

use super::common::ConfigArgs;
use super::files::{self, Files};
use super::plan::Plan;
use crate::lab::inspect::{Portrait, inspect};
use crate::support::atomic::write_atomically;
use crate::support::progress::Output;
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "\
Examples:
  ldnn inspect gestures.ldnn
  ldnn inspect gestures.ldnn --picture activations.svg
  ldnn inspect out/meta                     the activations of a run
  ldnn inspect out/export/ldnn_model.ldnn   an image for a device")]
pub struct InspectArgs {
    /// A model of `ldnn train`, an image of `ldnn export`, a network, a file of activations, or a
    /// run folder
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Draw the activations into a file, .svg or .png
    #[arg(long, value_name = "FILE.svg")]
    picture: Option<PathBuf>,
    /// Overwrite a file that holds something else than the picture
    #[arg(long, requires = "picture")]
    #[serde(skip)]
    pub replace: bool,
    /// List all inputs, however many
    #[arg(long)]
    inputs: bool,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

/// A file to be shown.
pub struct Inspect {
    file: PathBuf,
    portrait: Portrait,
    picture: Option<(PathBuf, Vec<u8>)>,
    replace: bool,
    inputs: bool,
}

#[derive(Clone, Copy)]
enum PictureFormat {
    Svg,
    Png,
}

impl InspectArgs {
    pub fn resolve(&self, replace: bool) -> Result<Inspect> {
        let form = |path: &PathBuf| {
            let ending = path
                .extension()
                .map(|e| e.to_ascii_lowercase().to_string_lossy().into_owned());
            Ok(match ending.as_deref() {
                Some("svg") => (path.clone(), PictureFormat::Svg),
                Some("png") => (path.clone(), PictureFormat::Png),
                _ => bail!(
                    "--picture '{}': use a name that ends in .svg or .png",
                    path.display()
                ),
            })
        };

        let picture = self.picture.as_ref().map(form).transpose()?;
        let title = self
            .file
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let portrait = inspect(&self.file)?;

        let draw = |(path, form): (PathBuf, PictureFormat)| -> Result<(PathBuf, Vec<u8>)> {
            let drawing = portrait.picture(&format!("Activations of {title}"));
            let bytes = match form {
                PictureFormat::Svg => drawing.to_svg().into_bytes(),
                PictureFormat::Png => drawing.to_png()?,
            };
            Ok((path, bytes))
        };

        let picture = picture.map(draw).transpose()?;

        Ok(Inspect {
            file: self.file.clone(),
            portrait,
            picture,
            replace,
            inputs: self.inputs,
        })
    }
}

impl Plan for Inspect {
    fn describe(&self) -> Result<String> {
        Ok(String::new())
    }

    fn files(&self) -> Result<Files> {
        let files = Files::reading([self.file.clone()]).replacing(self.replace);
        Ok(match &self.picture {
            Some((path, bytes)) => files.writing(path, |path| files::holds(path, bytes)),
            None => files,
        })
    }

    fn execute(&self, _: Output) -> Result<String> {
        let mut text = self.portrait.to_text(self.inputs);
        if let Some((path, bytes)) = &self.picture {
            write_atomically(path, bytes)?;
            text += &format!("\npicture: {}\n", path.display());
        }
        Ok(text)
    }
}
