//! The `config.toml` of a run folder: which command and which version it is of, then the settings.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// The name of the command, two words of some: `validate`, `analyze hessian`.
const COMMAND: &str = "command";
/// The version of the program. Results of two versions need not be the same bits, so it is a part of what a run is of.
const VERSION: &str = "version";

/// What a stored file says of itself.
pub(super) const HEADER: [&str; 2] = [COMMAND, VERSION];

/// The settings of a run with what they are of.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    command: String,
    settings: Table,
    text: String,
}

impl Stored {
    /// Settings of a command, as this version stores them.
    ///
    /// # Errors
    /// If they have no form in TOML.
    pub fn new(command: &str, settings: &impl Serialize) -> Result<Stored> {
        let settings = toml::to_string(settings).context("the settings cannot be written as TOML")?;
        let version = env!("CARGO_PKG_VERSION");
        // Keys of their own stand above all tables.
        Stored::parse(&format!("{COMMAND} = \"{command}\"\n{VERSION} = \"{version}\"\n{settings}"))
    }

    /// What a run folder holds.
    ///
    /// # Errors
    /// If it is no TOML, or does not say which command it is of.
    pub fn parse(text: &str) -> Result<Stored> {
        let mut settings: Table = text.parse()?;
        let found = settings.get(COMMAND).and_then(Value::as_str).map(String::from);
        let Some(command) = found else {
            bail!(
                "does not say which command it is of (command = \"..\"): an earlier version of ldnn wrote it; do that run \
                 again, in a new folder or with --replace"
            )
        };
        without_header(&mut settings);
        Ok(Stored { command, settings, text: text.into() })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        task: String,
        seed: u64,
    }

    fn settings() -> Settings {
        Settings { task: "digits".into(), seed: 7 }
    }

    #[test]
    fn what_is_stored_says_its_command_and_can_be_given_back_as_settings() {
        let stored = Stored::new("analyze hessian", &settings()).unwrap();
        assert!(stored.text().starts_with("command = \"analyze hessian\"\nversion = \""), "{}", stored.text());
        let again = Stored::parse(stored.text()).unwrap();
        assert_eq!(again, stored);
        assert_eq!(again.command(), "analyze hessian");
        assert_eq!(again.settings::<Settings>().unwrap(), settings());

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, stored.text()).unwrap();
        let other = Settings { task: "mnist1d".into(), seed: 1 };
        let read = Layers::new("", Some(&file), &[]).unwrap().resolve(other, |_| {}).unwrap();
        assert_eq!(read, settings());
    }

    #[test]
    fn what_does_not_say_its_command_is_refused_and_not_guessed() {
        for text in ["task = 'digits'\nseed = 7\n", "command = 3\n", ""] {
            let message = Stored::parse(text).unwrap_err().to_string();
            assert!(message.contains("which command") && message.contains("--replace"), "{message}");
        }
        assert!(Stored::parse("command = 'x").is_err());
    }
}
