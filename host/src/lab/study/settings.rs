//! What a study's file says, and what becomes of it for one combination of values.

use super::axis::{Axis, Fault, at};
use crate::config::{Layers, SettingsFile, assign, overlay};
use crate::data::Dataset;
use crate::data::task::Task;
use crate::meta::{MetaBasics, MetaConfig};
use crate::model::names::is_learned;
use crate::support::regular::{self, Most};
use crate::train::ValidateConfig;
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use toml::{Table, Value};

/// A study as its file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyConfig {
    /// `mnist1d`, `vanderpol`, `digits`, or a NumPy archive.
    #[serde(default = "mnist1d")]
    pub task: String,
    /// Settings of `ldnn meta`; what is left out is as there.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    pub meta: Table,
    /// Settings of `ldnn validate`; what is left out is as there.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    pub validate: Table,
    /// Settings with the values that they take; all combinations are worked.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    pub sweep: Table,
}

/// An error of value `k` of an axis.
fn at_value(axis: &Axis, k: usize, error: &anyhow::Error) -> anyhow::Error {
    let path = [&axis.path[..], &[k.to_string()]].concat();
    at(
        &path,
        anyhow!("{error:#}").context(format!("sweep.{} = {}", axis.name, axis.get(k))),
    )
}

impl Default for StudyConfig {
    fn default() -> StudyConfig {
        StudyConfig {
            task: mnist1d(),
            meta: Table::new(),
            validate: Table::new(),
            sweep: Table::new(),
        }
    }
}

/// A study with all settings.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    task: String,
    meta: MetaConfig,
    validate: ValidateConfig,
    sweep: Table,
}

/// What a run stores.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredStudy<T> {
    study: T,
}

/// The table of a study in a stored `config.toml`.
const SECTION: &str = "study";

fn resolved<T: Serialize + DeserializeOwned>(
    layers: &Layers,
    stored: bool,
    default: T,
) -> Result<T> {
    if stored {
        return Ok(layers
            .resolve(StoredStudy { study: default }, &Table::new())?
            .study);
    }
    layers.resolve(default, &Table::new())
}

fn mnist1d() -> String {
    "mnist1d".into()
}

/// The axis whose values are repetitions of one meta-learning run, not other settings.
pub(super) const SEED: &str = "meta.seed";

impl StudyConfig {
    /// Reads a study and checks every value by itself.
    ///
    /// # Errors
    /// If the text is no study, or a value is none that the setting can have; the message has the
    /// place.
    pub fn parse(text: &str, tasks: &TaskCache) -> Result<StudyConfig> {
        StudyConfig::read(
            &Layers::above(SECTION, Some(SettingsFile::parse("the study", text)?), &[])?,
            tasks,
        )
    }

    /// The same of a file, which may be the `config.toml` that a study's run has stored, and
    /// assignments above it.
    ///
    /// # Errors
    /// As [`StudyConfig::parse`].
    pub fn read(layers: &Layers, tasks: &TaskCache) -> Result<StudyConfig> {
        let stored = layers.in_file(SECTION);
        let study = resolved(layers, stored, StudyConfig::default())?;

        // The tables have what the file says and nothing else; whether such settings exist is asked
        // of all of them.
        let (meta, validate) = (MetaConfig::default(), default_validate());

        resolved(
            layers,
            stored,
            Whole {
                task: mnist1d(),
                meta,
                validate,
                sweep: Table::new(),
            },
        )?;

        study.check(tasks).map_err(|error| {
            let Some(Fault { path, .. }) = error.downcast_ref::<Fault>() else {
                return error;
            };
            let inside = stored
                .then(|| SECTION.to_string())
                .into_iter()
                .chain(path.iter().cloned());
            let place = layers.place(&inside.collect::<Vec<_>>());

            place.map_or_else(
                || anyhow!("{error:#}"),
                |place| anyhow!("{place}: {error:#}"),
            )
        })?;

        Ok(study)
    }

    fn check(&self, tasks: &TaskCache) -> Result<()> {
        let axes = Axis::all(&self.sweep)?;
        for axis in &axes {
            let first = axis.name.split('.').next().unwrap_or_default();
            let good =
                axis.name == "task" || axis.name != first && ["meta", "validate"].contains(&first);
            let how = "an axis is task, or a setting in meta or validate, e.g. meta.base or validate.train.hidden";

            if !good {
                return Err(at(&axis.path, anyhow!("sweep.{}: {how}", axis.name)));
            }
        }

        let first = |a: &Axis| (a.name.clone(), a.get(0));
        if let Err(error) = self.check_one(axes.iter().map(first).collect(), tasks) {
            let alone = |axis: &&Axis| self.check_one(vec![first(axis)], tasks).is_err();

            let wrong = if self.check_one(vec![], tasks).is_ok() {
                axes.iter().find(alone)
            } else {
                None
            };

            return Err(if let Some(axis) = wrong {
                at_value(axis, 0, &error)
            } else {
                error
            });
        }

        for (i, axis) in axes.iter().enumerate() {
            // A range differs from end to end by numbers only.
            for k in (1..axis.len().min(1000)).chain([axis.len() - 1]) {
                let mut values: Vec<(String, Value)> = axes.iter().map(first).collect();
                values[i].1 = axis.get(k);
                self.check_one(values, tasks)
                    .map_err(|error| at_value(axis, k, &error))?;
            }
        }

        Ok(())
    }

    fn check_one(&self, values: Vec<(String, Value)>, tasks: &TaskCache) -> Result<()> {
        let values = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect::<Vec<_>>();
        let setting = self.setting(&values)?;
        let task = tasks.get(&setting.task)?;

        if setting.learns() {
            let checked = self
                .meta(&values, &task)
                .and_then(|meta| meta.check(&task).context("meta"));
            checked.map_err(|error| at(&["meta".into()], error))?;
        }

        setting
            .check()
            .map_err(|error| at(&["validate".into()], error.context("validate")))
    }

    /// The settings of trainings with these values in place of the file's.
    ///
    /// # Errors
    /// If they are none.
    pub fn setting(&self, values: &[(&str, Value)]) -> Result<Setting> {
        let mut all = Table::from_iter([("task".to_string(), Value::String(self.task.clone()))]);
        all.insert(
            "validate".into(),
            Value::Table(with_defaults(&default_validate(), &self.validate)?),
        );

        for (name, value) in values.iter().filter(|(n, _)| !n.starts_with("meta.")) {
            assign(&mut all, name, value.clone())?;
        }

        let mut setting: Setting = all.try_into()?;
        setting.validate.train = setting.validate.train.settled()?;
        Ok(setting)
    }

    /// The settings of a meta-learning run with these values in place of the file's.
    ///
    /// # Errors
    /// If they are none.
    pub fn meta(&self, values: &[(&str, Value)], task: &Task) -> Result<MetaConfig> {
        let mut given = Table::from_iter([("meta".to_string(), Value::Table(self.meta.clone()))]);

        for (name, value) in values.iter().filter(|(n, _)| n.starts_with("meta.")) {
            assign(&mut given, name, value.clone())?;
        }

        let given = given
            .get("meta")
            .and_then(Value::as_table)
            .cloned()
            .unwrap_or_default();

        let default = MetaConfig::for_task(MetaBasics::given_in(&given), task);

        // The error's whole text has several lines.
        let message_of = |e: toml::de::Error| anyhow!("{}", e.message());
        let config: MetaConfig = with_defaults(&default, &given)?
            .try_into()
            .map_err(message_of)
            .context("meta")?;

        config.settled()
    }
}

fn with_defaults(default: &impl Serialize, given: &Table) -> Result<Table> {
    let mut table = Table::try_from(default)?;
    overlay(&mut table, given);
    Ok(table)
}

/// What `ldnn validate` does without flags, and the mix.
fn default_validate() -> ValidateConfig {
    ValidateConfig {
        compare: ["relu", "sine", "tanh", "mix"].map(String::from).to_vec(),
        ..ValidateConfig::default()
    }
}

/// How networks are trained in some cells of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The task.
    pub task: String,
    /// The ensembles.
    pub validate: ValidateConfig,
}

impl Setting {
    /// The activations that are learned, or those that are not.
    #[must_use]
    pub fn activations(&self, learned: bool) -> Vec<String> {
        self.validate
            .compare
            .iter()
            .filter(|a| is_learned(a) == learned)
            .cloned()
            .collect()
    }

    /// Whether activations have to be learned for it.
    #[must_use]
    pub fn learns(&self) -> bool {
        self.validate.compare.iter().any(|a| is_learned(a))
    }

    fn check(&self) -> Result<()> {
        let config = &self.validate;
        ensure!(
            config.runs > 0,
            "runs = 0: train at least 1 network per activation"
        );
        ensure!(
            !config.compare.is_empty(),
            "compare = []: name at least one, e.g. relu"
        );
        ensure!(
            !config.keep_networks,
            "keep_networks: a study keeps no networks; use `ldnn validate --keep-networks`"
        );

        for name in self.activations(false) {
            crate::model::activations::base_named(&name)?;
        }

        config.train.check()
    }
}

/// The tasks of a study, each made once.
#[derive(Default)]
pub struct TaskCache(Mutex<HashMap<String, (Arc<Task>, String)>>);

impl TaskCache {
    /// By name.
    ///
    /// # Errors
    /// If there is none, or the file is no task.
    pub fn get(&self, name: &str) -> Result<Arc<Task>> {
        Ok(self.find(name)?.0)
    }

    /// What tells a task from others: its name, or what its file holds.
    ///
    /// # Errors
    /// As [`TaskCache::get`].
    pub fn identity(&self, name: &str) -> Result<String> {
        Ok(self.find(name)?.1)
    }

    fn find(&self, name: &str) -> Result<(Arc<Task>, String)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = all.get(name) {
            return Ok(found.clone());
        }

        let (set, identity) = match Dataset::named(name)? {
            Some(set) => (set, name.to_string()),
            None if name.ends_with(".npz") => {
                let bytes = regular::read(Path::new(name), Most::Memory)
                    .with_context(|| format!("task = \"{name}\": cannot be read"))?;
                (
                    Dataset::from_npz(Path::new(name))?.standardised().0,
                    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes)),
                )
            }
            None => bail!(
                "task = \"{name}\": there are {}; your own data are a FILE.npz",
                Dataset::names()
            ),
        };

        let found = (Arc::new(Task::new(&set)), identity);
        all.insert(name.into(), found.clone());
        Ok(found)
    }
}
