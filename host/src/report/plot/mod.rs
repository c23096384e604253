//! Figures, as SVG and PNG from the same drawing.

mod axes;
mod boxes;
mod colour;
mod curves;
mod evolution;
mod joint;
mod svg;
mod terminal;
mod violin;

pub use boxes::boxes;
pub use curves::{Band, Labels, Spread, curves, marked_curves, scaled_curves};
pub use evolution::{Snapshot, evolution};
pub use joint::{Cloud, joint};
pub use svg::Drawing;
pub use terminal::sketch;
pub use violin::{NamedSample, grouped_violins, violins};

use crate::run::RunFolder;
use anyhow::Result;

/// Writes `name.svg` and `name.png`, where results are written at all.
///
/// # Errors
/// If the folder cannot be written to.
pub fn save(folder: &RunFolder, name: &str, drawing: &Drawing) -> Result<()> {
    if !folder.mode().has_results() {
        return Ok(());
    }
    folder.write(&format!("{name}.svg"), drawing.to_svg())?;
    folder.write(&format!("{name}.png"), drawing.to_png()?)
}
