//! The `config.toml` of a run folder: which command and which version it is of, then the settings.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// The name of the command, two words of some: `validate`, `analyze hessian`.
const COMMAND: &str = "command";
/// The version of the program. Results of two versions need not be the same bits, so it is a part
/// of what a run is of.
const VERSION: &str = "version";

/// A fingerprint of the user's own rows, if the task is a file: other rows are another run.
const ROWS: &str = "task_fingerprint";

/// What a stored file says of itself.
pub(super) const HEADER: [&str; 3] = [COMMAND, VERSION, ROWS];

/// The settings of a run with what they are of.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredConfig {
    command: String,
    settings: Table,
    text: String,
}

impl StoredConfig {
    /// Settings of a command, as this version stores them.
    ///
    /// # Errors
    /// If they have no form in TOML.
    pub fn new(command: &str, settings: &impl Serialize) -> Result<StoredConfig> {
        let settings =
            toml::to_string(settings).context("the settings cannot be written as TOML")?;
        let version = env!("CARGO_PKG_VERSION");

        // Keys of their own stand above all tables.
        StoredConfig::parse(&format!(
            "{COMMAND} = \"{command}\"\n{VERSION} = \"{version}\"\n{settings}"
        ))
    }

    /// The same settings on rows with this fingerprint.
    ///
    /// # Errors
    /// None that settings have which could be stored without.
    pub fn on_rows(&self, fingerprint: &str) -> Result<StoredConfig> {
        let lines: Vec<&str> = self.text.splitn(3, '\n').collect();
        let [command, version, settings] = lines[..] else {
            bail!("settings without a header have no rows")
        };

        StoredConfig::parse(&format!(
            "{command}\n{version}\n{ROWS} = \"{fingerprint}\"\n{settings}"
        ))
    }

    /// The task that the settings name, if they name one.
    #[must_use]
    pub fn task(&self) -> Option<&str> {
        self.settings.get("task").and_then(Value::as_str)
    }

    /// What a run folder holds.
    ///
    /// # Errors
    /// If it is no TOML, or does not say which command it is of.
    pub fn parse(text: &str) -> Result<StoredConfig> {
        let mut settings: Table = text.parse()?;
        let found = settings
            .get(COMMAND)
            .and_then(Value::as_str)
            .map(String::from);

        let Some(command) = found else {
            bail!(
                "does not say which command it is of (command = \"..\"): an earlier version of ldnn wrote it; do that run \
                 again, in a new folder or with `ldnn COMMAND --replace`"
            )
        };

        without_header(&mut settings);

        Ok(StoredConfig {
            command,
            settings,
            text: text.into(),
        })
    }

    /// The command.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The settings alone.
    ///
    /// # Errors
    /// If they are those of something else.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(self.settings.clone().try_into()?)
    }

    /// As it stands in the file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Takes away what a stored file says of itself, so that it can be given back as settings.
pub(super) fn without_header(settings: &mut Table) {
    for key in HEADER {
        if settings.get(key).is_some_and(Value::is_str) {
            settings.remove(key);
        }
    }
}
