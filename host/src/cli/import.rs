//! `ldnn import`: from weights of other programs to a model.

use super::common::ConfigArgs;
use super::files::Files;
use super::plan::Plan;
use crate::data::Standard;
use crate::data::target::Purpose;
use crate::formats::{self, Import, read_activations};
use crate::model::Model;
use crate::model::activations::{LearnedActivations, base_named};
use crate::support::progress::Output;
use crate::support::regular::{self, Most};
use crate::support::text::counted;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = IMPORT_EXAMPLES)]
pub struct ImportArgs {
    /// Weights of a chain of linear layers; a whole model if `ldnn export` wrote it
    #[arg(value_name = "FILE.safetensors")]
    file: PathBuf,
    /// The model
    #[arg(long, default_value = "model.ldnn", value_name = "FILE")]
    out: PathBuf,
    /// Overwrite the file that is at --out
    #[arg(long)]
    #[serde(skip)]
    pub replace: bool,
    /// What the hidden layers do, if the file does not say it: relu, tanh, ..., or a run folder or
    /// file of learned activations
    #[arg(long, value_name = "WHICH")]
    activation: Option<String>,
    /// The names of the inputs [default: column1,column2,...]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    features: Vec<String>,
    /// The names of the classes, in the order of the outputs [default: 0,1,...]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    classes: Vec<String>,
    /// The name of the column that is predicted; several for a regression of several numbers
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    target: Vec<String>,
    /// The outputs are numbers, not classes
    #[arg(long)]
    regression: bool,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  ldnn import gestures.safetensors --out gestures.ldnn      a file of `ldnn export`: the same model, to the bit
  ldnn import weights.safetensors --activation relu --classes run,sit,walk
  ldnn import weights.safetensors --activation out/meta --regression --target load

Weights are called layers.0.weight [outputs, inputs], layers.0.bias, layers.1.weight, ...; or 0.weight, 2.weight, ... as a Sequential has
them; or fc1.weight, fc2.weight: one name that differs only in a number. In Python:
  safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')
The tensors inputs.mean and inputs.sd (outputs.mean and outputs.sd) hold the standardisation, if there is one. Pickles (.pt, .pth) are
not read, for they can run programs.";

/// Before the name of the file that a model was imported from.
pub const IMPORTED: &str = "imported from ";

/// A model that was read.
pub struct Imported {
    model: Model,
    inputs: Vec<PathBuf>,
    out: PathBuf,
    replace: bool,
}

impl ImportArgs {
    pub fn resolve(&self, replace: bool) -> Result<Imported> {
        let bundle = formats::read(&self.file)?;
        let name = self
            .file
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned());

        let given = Import {
            activation: self.activation.as_deref().map(activation).transpose()?,
            features: self.features.clone(),
            classes: self.classes.clone(),
            target: self.target.clone(),
            regression: self.regression,
            provenance: format!("ldnn {}: {IMPORTED}{name}", env!("CARGO_PKG_VERSION")),
        };

        let model = formats::import(bundle, &given)
            .with_context(|| format!("in '{}'", self.file.display()))?;

        // A name of a base function leads to no file.
        let inputs = [
            Some(self.file.clone()),
            self.activation.as_ref().map(PathBuf::from),
        ];
        let inputs = inputs.into_iter().flatten().collect();

        Ok(Imported {
            model,
            inputs,
            out: self.out.clone(),
            replace,
        })
    }
}

/// A base function, or all learned types of a file.
fn activation(name: &str) -> Result<(String, Option<LearnedActivations>)> {
    let path = Path::new(name);
    if !path.exists() {
        let base = base_named(name)
            .with_context(|| format!("--activation {name}: there is no such file, and"))?;
        return Ok((base.name().into(), None));
    }

    Ok((
        "mix".into(),
        Some(read_activations(path).context("--activation")?),
    ))
}

impl Plan for Imported {
    fn describe(&self) -> Result<String> {
        Ok(format!("import to {}", self.out.display()))
    }

    fn files(&self) -> Result<Files> {
        let files = Files::reading(self.inputs.iter().cloned());

        // Another model in its place may be one that took hours to train.
        let text = self.model.text()?;
        let is_this = |path: &Path| {
            regular::read_to_string(path, Most::Memory).is_ok_and(|found| found == text)
        };

        Ok(files.writing(&self.out, is_this).replacing(self.replace))
    }

    fn execute(&self, _: Output) -> Result<String> {
        self.model.write(&self.out)?;

        Ok(format!(
            "{}\nmodel: {}",
            summary(&self.model),
            self.out.display()
        ))
    }
}

/// What came in, in a few sentences.
fn summary(model: &Model) -> String {
    let widths: Vec<String> = model
        .network
        .widths
        .iter()
        .map(ToString::to_string)
        .collect();

    let what = match &model.purpose {
        Purpose::Classification { column, classes } => {
            format!("'{column}', one of {} classes", classes.len())
        }
        Purpose::Regression { columns, .. } => format!("{} (regression)", columns.join(", ")),
    };

    let plain = model.inputs.iter().all(|s| *s == Standard::PLAIN);
    let scale = if plain {
        "taken as they are"
    } else {
        "standardised"
    };

    let rows = match model.ranges {
        Some(_) => "",
        None => {
            " It does not know the ranges of its numbers: an export for a device needs rows, with --data FILE."
        }
    };

    format!(
        "A network {}, {} parameters, for {what}; {}, {scale}.{rows}",
        widths.join("-"),
        model.network.params.len(),
        counted(model.features.len(), "input")
    )
}
