//! The page of a command with one section.

use crate::report::{Page, Part, Section, judge};
use crate::run::RunFolder;
use anyhow::{Context, Result};
use serde::Serialize;

/// Judges a section's claims, writes it as a page, and returns it for a terminal.
pub fn save_page(
    mut section: Section,
    settings: &impl Serialize,
    folder: &RunFolder,
) -> Result<String> {
    judge(&mut section.claims);
    section.save(folder)?;

    let text = section.to_text(folder);
    let settings = toml::to_string(settings).context("the settings cannot be written as TOML")?;
    let version = (
        "version".to_string(),
        format!("ldnn {}", env!("CARGO_PKG_VERSION")),
    );
    let title = section.title.clone();

    let part = Part {
        folder: String::new(),
        section,
        settings,
    };

    Page {
        title,
        summary: vec![],
        facts: vec![version],
        parts: vec![part],
    }
    .save(folder)?;

    Ok(text)
}
