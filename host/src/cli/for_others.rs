//! Verifies an export for other programs alone. It has no golden rows, but its config.toml holds
//! what it was made from: its files are made again, and compared.

use super::common::{NO_TASK, task_named};
use crate::config::StoredConfig;
use crate::data::Standardisation;
use crate::data::task::{ExampleTargets, Examples, Task};
use crate::deploy::{self, ExportConfig, ExportScope, Given, MODEL};
use crate::model::activations::LearnedActivations;
use crate::model::{Model, NetworkFile};
use crate::run::folder::read_config;
use crate::support::refused::refused;
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::path::Path;

/// What the settings of an export say of its files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    #[serde(rename = "from")]
    _from: IgnoredAny,
    task: String,
    export: ExportConfig,
    #[serde(default, rename = "table")]
    _table: IgnoredAny,
    given: StoredGiven,
}

/// What was exported: a network is stored by its name alone.
#[derive(Deserialize)]
enum StoredGiven {
    Activations(LearnedActivations),
    Trained(Box<Model>),
    Network(String),
}

/// Whether a folder holds an export for other programs alone.
pub fn is_export(folder: &Path) -> bool {
    let is_of_export = |stored: StoredConfig| stored.command() == "export";
    !folder.join(MODEL).exists()
        && read_config(folder).is_ok_and(is_of_export)
        && stored(folder).is_ok_and(|stored| !stored.export.is_for_devices())
}

/// Makes every file anew, and compares.
///
/// # Errors
/// If a file is missing, or has other bytes, or what it was made from is not there any more.
pub fn verify(folder: &Path) -> Result<String> {
    let Stored {
        task,
        export,
        given,
        ..
    } = stored(folder).map_err(refused)?;
    let given = given.read().map_err(refused)?;
    let task = task_of(&task, &export, &given).map_err(refused)?;
    let mut lines = vec![];

    for form in export
        .format
        .iter()
        .filter_map(|format| format.interchange())
    {
        let name = format!("{}.{}", export.name, form.extension());
        let found = regular::read(&folder.join(&name), Most::Memory)
            .with_context(|| format!("{name}: cannot be read; export again"))?;

        if found != deploy::single(&export, &given, &task, form)? {
            bail!(
                "{name} is not what config.toml gives: it was edited, or written by another version of ldnn; export again"
            );
        }

        lines.push(format!(
            "{name}: what config.toml gives, byte for byte; not run\n"
        ));
    }

    Ok(lines.concat())
}

fn stored(folder: &Path) -> Result<Stored> {
    read_config(folder)?
        .settings()
        .context("config.toml holds no settings of an export")
}

impl StoredGiven {
    fn read(self) -> Result<Given> {
        Ok(match self {
            StoredGiven::Activations(learned) => Given::Activations(learned),
            StoredGiven::Trained(model) => {
                Given::Model(Box::new(model.checked().context("config.toml")?))
            }
            StoredGiven::Network(name) => {
                let network = NetworkFile::read(Path::new(&name)).context(
                    "config.toml names the network that was exported, and does not hold it",
                )?;
                Given::Network(name, Box::new(network))
            }
        })
    }
}

/// The rows that files depend on: those that a network was trained on for the export, and whose
/// units it has.
fn task_of(name: &str, export: &ExportConfig, given: &Given) -> Result<Task> {
    let is_model = matches!(given, Given::Model(_));
    if !is_model && export.what == ExportScope::Network && name != NO_TASK {
        return task_named(name, true);
    }

    let none = Examples::new(vec![], ExampleTargets::Classes(vec![]), 1);
    Ok(Task {
        name: "no rows".into(),
        inputs: 0,
        outputs: 0,
        train: none.clone(),
        test: none,
        scales: Standardisation::default(),
    })
}
