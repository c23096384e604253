//! An export in its folder.

use super::super::golden::Golden;
use super::answers::expected;
use crate::deploy::Deployed;
use crate::support::workshop::Workshop;
use anyhow::{Context, Result, ensure};
use std::fs;
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
            fs::read_to_string(&path).with_context(|| {
                format!(
                    "cannot read '{}'; `ldnn export` writes such folders",
                    path.display()
                )
            })
        };

        let model = Deployed::from_json(&read("model.json")?).context("model.json")?;
        let golden: Golden = serde_json::from_str(&read("golden.json")?).context("golden.json")?;

        ensure!(
            !expected(&golden).is_empty(),
            "golden.json holds no vectors"
        );

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
