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

/// What a stored file says of itself.
pub(super) const HEADER: [&str; 2] = [COMMAND, VERSION];

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
