//! A settings struct as flags: name, help and value of a flag are declared at the field, its
//! default in `Default`.
//!
//! The field's name is the flag's identifier and the key of the setting. [`Flags`] gives clap the
//! defaults, so `--help` shows what the program does, and tells which settings stand on the command
//! line, so that they lie above a file's.

use anyhow::{Context, Result};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, FromArgMatches};
use serde::Serialize;
use std::marker::PhantomData;
use toml::{Table, Value};

/// The flags of the settings `C`.
#[derive(Clone, Debug)]
pub struct Flags<C> {
    /// What was given on the command line, in tables as `C` has them.
    given: Table,
    settings: PhantomData<C>,
}

impl<C> Flags<C> {
    /// What was given on the command line, as settings under the key `section`; at the top if that
    /// is empty.
    pub fn given(&self, section: &str) -> Table {
        nested(section, self.given.clone())
    }
}

/// A table inside tables with these names; dots separate them.
pub fn nested(section: &str, inner: Table) -> Table {
    let names = section.rsplit('.').filter(|name| !name.is_empty());

    names.fold(inner, |table, name| {
        Table::from_iter([(name.to_string(), Value::Table(table))])
    })
}

impl<C: clap::Args + Default + Serialize> clap::Args for Flags<C> {
    fn augment_args(command: Command) -> Command {
        let others = ids(&command);
        let defaults = Table::try_from(C::default()).unwrap_or_default();

        C::augment_args(command).mut_args(|arg| {
            let is_own = !others.contains(&arg.get_id().to_string());
            let is_switch = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse);
            let default = path_of(arg.get_id().as_str(), &defaults).map(|(_, value)| words(value));

            let Some(words) = default.filter(|_| is_own && !is_switch) else {
                return arg;
            };

            match arg.get_value_delimiter() {
                // Clap would turn an empty list into one empty text, which does not parse as a number.
                _ if words.is_empty() => arg.required(false),
                Some(comma) => {
                    let list = words.join(&comma.to_string());
                    arg.required(false).default_value(list)
                }
                None => arg.required(false).default_values(words),
            }
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<C: clap::Args + Default + Serialize> FromArgMatches for Flags<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let values = given_in::<C>(matches).map_err(|error| {
            clap::Error::raw(clap::error::ErrorKind::InvalidValue, format!("{error:#}\n"))
        })?;

        Ok(Flags {
            given: values,
            settings: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The settings whose flags stand on the command line.
fn given_in<C: clap::Args + Default + Serialize>(matches: &ArgMatches) -> Result<Table> {
    let unwritable = "the flags cannot be written as TOML";
    let all = Table::try_from(C::from_arg_matches(matches)?).context(unwritable)?;
    let mut given = Table::new();

    for id in ids(&C::augment_args(Command::new(""))) {
        if matches.value_source(&id) != Some(ValueSource::CommandLine) {
            continue;
        }

        if let Some((path, value)) = path_of(&id, &all) {
            crate::config::assign(&mut given, &path, value.clone())?;
        }
    }

    Ok(given)
}

fn ids(command: &Command) -> Vec<String> {
    command
        .get_arguments()
        .map(|arg| arg.get_id().to_string())
        .collect()
}

/// Where the setting with this key stands, whichever table it is in.
fn path_of<'a>(key: &str, table: &'a Table) -> Option<(String, &'a Value)> {
    if let Some(value) = table.get(key) {
        return Some((key.to_string(), value));
    }

    table.iter().find_map(|(name, value)| {
        let inner = value.as_table()?;

        if is_alternative(key, inner) {
            return Some((name.clone(), value));
        }

        let (path, value) = path_of(key, inner)?;
        Some((format!("{name}.{path}"), value))
    })
}

/// Whether the table is a setting `{ by = .., limit = .. }` with this alternative: each of them has a
/// flag of its own.
fn is_alternative(key: &str, table: &Table) -> bool {
    let by = table.get("by").and_then(Value::as_str);
    by.is_some_and(|by| by.replace('-', "_") == key)
}

/// A value as someone types it.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(words).collect(),
        Value::Table(alternative) => alternative.get("limit").map_or(vec![], words),
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Args, Serialize)]
    struct InnerSettings {
        #[arg(long)]
        epochs: usize,
        #[arg(long = "no-shuffle", action = ArgAction::SetFalse)]
        shuffle: bool,
    }

    #[derive(clap::Args, Serialize)]
    struct OuterSettings {
        #[arg(long, value_delimiter = ',')]
        hidden: Vec<usize>,
        #[arg(skip)]
        version: u32,
        #[command(flatten)]
        train: InnerSettings,
    }

    impl Default for OuterSettings {
        fn default() -> Self {
            OuterSettings {
                hidden: vec![20, 10],
                version: 3,
                train: InnerSettings {
                    epochs: 7,
                    shuffle: true,
                },
            }
        }
    }

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        flags: Flags<OuterSettings>,
    }

    fn given(args: &[&str]) -> String {
        let program = Program::try_parse_from([&["program"], args].concat()).unwrap();
        program.flags.given("run").to_string()
    }

    #[test]
    fn only_the_flags_on_the_command_line_are_given() {
        assert_eq!(given(&[]), "[run]\n");
        assert_eq!(
            given(&["--epochs", "7", "--no-shuffle"]),
            "[run.train]\nepochs = 7\nshuffle = false\n"
        );
        assert_eq!(given(&["--hidden", "5"]), "[run]\nhidden = [5]\n");
    }

    #[test]
    fn help_shows_the_default_of_the_settings() {
        use clap::CommandFactory;

        let help = Program::command().render_help().to_string();
        assert!(help.contains("[default: 7]"), "{help}");
        assert!(help.contains("[default: 20,10]"), "{help}");
    }
}
