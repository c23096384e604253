//! An export in its folder.

use super::super::golden::Golden;
use super::super::written::{GOLDEN, MODEL};
use super::answers::expected;
use crate::deploy::Deployed;
use crate::model::sealed::unseal;
use crate::support::regular::{self, Most};
use crate::support::workshop::Workshop;
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// An export in its folder.
pub struct Export<'a> {
    pub folder: &'a Path,
    pub model: Deployed,
    pub golden: Golden,
    /// Where programs are compiled: not in `folder`, which may hold files of the user's.
    pub work: Workshop,
}

impl<'a> Export<'a> {
    pub fn open(folder: &'a Path) -> Result<Export<'a>> {
        let read = |file: &str| {
            let path = folder.join(file);
            regular::read_to_string(&path, Most::Memory).with_context(|| {
                format!(
                    "cannot read '{}'; what is verified is a whole folder of `ldnn export`",
                    path.display()
                )
            })
        };

        let model = Deployed::from_json(&read(MODEL)?).context(MODEL)?;
        let golden = golden_of(&read(GOLDEN)?).context(GOLDEN)?;

        ensure!(!expected(&golden).is_empty(), "{GOLDEN} holds no vectors");

        Ok(Export {
            folder,
            model,
            golden,
            work: Workshop::new()?,
        })
    }

    pub fn has(&self, ending: &str) -> bool {
        self.folder
            .join(format!("{}.{ending}", self.model.name))
            .exists()
    }
}

/// The vectors in a text. Everything is compared with them, so a checksum guards what they say:
/// against damage and careless edits, not against somebody who computes it anew.
fn golden_of(text: &str) -> Result<Golden> {
    let mut content = serde_json::from_str(text)?;
    ensure!(
        unseal(&mut content)?,
        "it has no checksum: an earlier version of ldnn wrote it, or it was edited; export again"
    );

    Ok(serde_json::from_value(content)?)
}
