//! From learned activations and trained networks to what a microcontroller runs, with the errors
//! measured.

mod agreement;
mod budget;
mod c;
mod choose;
mod config;
mod cost;
mod deployed;
mod device;
mod format;
mod given;
mod golden;
mod golden_rows;
mod harness;
mod image;
mod image_memory;
mod integers;
mod interchange;
mod run;
mod rust;
mod subject;
mod table;
mod table_errors;
mod tables_report;
mod text;
mod tolerance;
pub mod verify;
mod written;
mod yardstick;

pub use budget::{Budget, FormChoice, I8_ENTRIES};
pub use c::{header as c_header, source as c_source};
pub use config::{ExportConfig, ExportScope, Weights};
pub use cost::Work;
pub use deployed::{Deployed, IntegerFile, Measured, OutputFile, ShapeFile, WeightFile};
pub use device::{Flash, OnDevice, on_device};
pub use format::Format;
pub use given::Given;
pub use golden::Golden;
pub use image::bytes as image_bytes;
pub use image_memory::{ActivationMemory, IntegerMemory, ScaleMemory};
pub use interchange::single;
pub use run::run;
pub use rust::module as rust_module;
pub use table::{Beyond, DeployedActivation, TableFile};
pub use written::MODEL;
