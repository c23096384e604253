//! What an export can be written as.

use crate::formats::ExportFormat;
use serde::{Deserialize, Serialize};

/// What code is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A module of constants for `ldnn-core`
    Rust,
    /// C99: a header and a source without dependencies
    C,
    /// The bytes that a device checks and loads (NAME.ldnn)
    Postcard,
    /// model.json alone, which is always written with the ones above
    Json,
    /// Named tensors for PyTorch and others: the network with its activations, scales and names
    Safetensors,
    /// A graph of standard operators, from raw inputs to probabilities or values (whole networks)
    Onnx,
    /// A NumPy archive of the same arrays as in safetensors
    Npz,
    /// Samples of the activations on [-5, 5], as the paper's authors write them
    Txt,
}

impl Format {
    /// Those for devices.
    pub const DEVICE: [Format; 4] = [Format::Rust, Format::C, Format::Postcard, Format::Json];

    /// The form that other programs read; `None` if it is for devices.
    #[must_use]
    pub const fn interchange(self) -> Option<ExportFormat> {
        match self {
            Format::Rust | Format::C | Format::Postcard | Format::Json => None,
            Format::Safetensors => Some(ExportFormat::Safetensors),
            Format::Onnx => Some(ExportFormat::Onnx),
            Format::Npz => Some(ExportFormat::Npz),
            Format::Txt => Some(ExportFormat::Txt),
        }
    }

    /// The format of a form.
    #[must_use]
    pub const fn of(form: ExportFormat) -> Format {
        match form {
            ExportFormat::Safetensors => Format::Safetensors,
            ExportFormat::Onnx => Format::Onnx,
            ExportFormat::Npz => Format::Npz,
            ExportFormat::Txt => Format::Txt,
        }
    }
}
