//! From learned activations and trained networks to what a microcontroller runs, with the errors
//! measured.

mod c;
mod choose;
mod deployed;
mod format;
mod golden;
mod harness;
mod image;
mod integers;
mod run;
mod rust;
mod table;
mod text;
mod tolerance;
pub mod verify;
mod written;
mod yardstick;

pub use c::{header as c_header, source as c_source};
pub use choose::{Budget, DIRECT, FormChoice};
pub use deployed::{Deployed, IntegerFile, Measured, OutputFile, ShapeFile, WeightFile};
pub use format::Format;
pub use golden::Golden;
pub use image::bytes as image_bytes;
pub use run::{ExportConfig, ExportScope, Given, Weights, run, single};
pub use rust::module as rust_module;
pub use table::{Beyond, Owned, TableFile};
