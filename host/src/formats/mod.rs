//! Models and activations in the forms of other programs: safetensors (PyTorch), ONNX, NumPy
//! archives, and the samples that the paper's authors write.
//!
//! A [`Bundle`] holds named tensors and what there is to know about them. [`pack`] makes one of a
//! model, [`unpack`] a model of one; safetensors and NumPy archives are two ways to write it down.
//! `docs/interchange.md` lists names and layouts.

pub mod about;
pub mod bundle;
pub mod files;
pub mod import;
pub mod npz;
pub mod onnx;
pub mod pack;
pub mod plain;
pub mod safetensors;
pub mod samples;
pub mod unpack;

pub use about::About;
pub use bundle::{Bundle, Numbers, Tensor};
pub use files::{Choices, Content, ExportFormat, bytes};
pub use import::{Import, import};
pub use pack::{of_activations, of_network, of_trained};

use crate::model::names::is_learning;
use crate::model::{LearnedActivations, Model};
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, anyhow};
use std::path::Path;

/// No larger file is read.
pub const MAX_BYTES: u64 = 1 << 28;

/// A file from anywhere, if it is not too large.
///
/// # Errors
/// If it cannot be read or has more than [`MAX_BYTES`].
pub fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    regular::read(path, Most::Bytes(MAX_BYTES))
        .with_context(|| format!("cannot read '{}'", path.display()))
}

/// Reads a bundle from a `.safetensors` or `.npz` file.
///
/// # Errors
/// If it is neither, or malformed; the message names the file and the place.
pub fn read(path: &Path) -> Result<Bundle> {
    let bytes = read_bounded(path)?;
    let numpy = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("npz"));

    let parsed = if numpy {
        npz::from_bytes(&bytes)
    } else {
        safetensors::from_bytes(&bytes)
    };

    parsed.with_context(|| format!("in '{}'", path.display()))
}

/// Reads `activations.json`, samples from a text file, or the activations in a `.safetensors` or
/// `.npz` file, or in a model of `ldnn train` that has learned ones.
///
/// # Errors
/// If the file is not there or malformed; the message names the place.
pub fn read_activations(path: &Path) -> Result<LearnedActivations> {
    let path = if path.is_dir() {
        path.join("activations.json")
    } else {
        path.to_path_buf()
    };

    if path
        .extension()
        .is_some_and(|e| e == "safetensors" || e == "npz")
    {
        let bundle = read(&path)?;
        return unpack::activations(bundle).with_context(|| format!("in '{}'", path.display()));
    }

    let text = regular::read_to_string(&path, Most::Memory).with_context(|| {
        format!(
            "cannot read activations from '{}'; give a run folder, activations.json, activations.txt, or an export \
             (.safetensors, .npz)",
            path.display()
        )
    })?;

    if is_model(&text) {
        let Model {
            learned,
            activation,
            ..
        } = Model::read(&path)?;

        return learned.with_context(|| {
            let what = match is_learning(&activation) {
                true => "activations that learned beside its weights, and belong to them",
                false => "classical activations",
            };
            format!(
                "'{}' is a model of `ldnn train` with {what}; give a run folder of `ldnn meta`, or a model of `ldnn train` \
                 with `activations` meta",
                path.display()
            )
        });
    }

    let json = path.extension().is_some_and(|e| e == "json");
    let parsed = if json {
        // Fields of the file, which are no settings.
        LearnedActivations::from_json(&text)
            .map_err(|error| anyhow!("{}", format!("{error:#}").replace('`', "'")))
    } else {
        LearnedActivations::from_text(&text)
    };

    parsed.with_context(|| format!("in '{}'", path.display()))
}

/// Whether a text is a model of `ldnn train`.
fn is_model(text: &str) -> bool {
    text.trim_start().starts_with('{') && text.contains("\"purpose\"")
}
