//! Flags in messages: the library names a setting by its field, in backticks; a message of the
//! program names the flag, if the command has one for it, and else the setting.

use crate::report::Section;
use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::any::TypeId;
use std::path::{Path, PathBuf};

/// Flags that had another name, and the one they have now.
const RENAMED: [(&str, &str); 6] = [
    ("--optimiser", "--optimizer"),
    ("--inner-optimiser", "--inner-optimizer"),
    ("--rate", "--lr"),
    ("--rates", "--lr"),
    ("--inner-rate", "--inner-lr"),
    ("--outer-rate", "--outer-lr"),
];

/// What to type instead of a flag that has another name now, if the error is about one.
pub fn renamed(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let is_it = |(old, _): &&(&str, &str)| flag.split('=').next() == Some(*old);
    let (old, new) = RENAMED.iter().find(is_it)?;

    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    is_unknown.then(|| format!("{old} is called {new} now"))
}

/// What to type instead of a value that begins like a flag, if the error is about one.
pub fn dashed(error: &clap::Error, args: &[String], program: &clap::Command) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }

    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let is_it = |arg: &&String| {
        let is_short = arg.starts_with('-') && !arg.starts_with("--") && arg.chars().count() > 2;
        is_short && arg.starts_with(flag.as_str()) && arg.contains(['.', '/'])
    };
    let at = args.iter().position(|arg| is_it(&arg))?;
    let (value, before) = (&args[at], &args[at.saturating_sub(1)]);
    let command = command_in(args, program);
    let said = format!("'{value}' begins like a flag; if it is");

    match before
        .strip_prefix("--")
        .and_then(|name| with_value(command, name))
    {
        Some(flag) if takes_file(flag) || is_path(value) => {
            Some(format!("{said} a file, write {before}=./{value}"))
        }
        Some(_) => Some(format!(
            "{said} the value of {before}, write {before}={value}"
        )),
        None if command.get_positionals().any(takes_file) || is_path(value) => {
            Some(format!("{said} a file, write ./{value}"))
        }
        None => None,
    }
}

/// The command that is typed.
fn command_in<'a>(args: &[String], program: &'a clap::Command) -> &'a clap::Command {
    let inner =
        |command: &'a clap::Command, arg: &String| command.find_subcommand(arg).unwrap_or(command);
    args.iter().skip(1).fold(program, inner)
}

/// The flag of this name, if it takes a value.
fn with_value<'a>(command: &'a clap::Command, name: &str) -> Option<&'a clap::Arg> {
    let mut all = command.get_arguments();
    all.find(|arg| arg.get_long() == Some(name) && arg.get_action().takes_values())
}

fn takes_file(flag: &clap::Arg) -> bool {
    flag.get_value_parser().type_id() == TypeId::of::<PathBuf>()
}

/// Whether a value is the path of something, or looks like one: numbers and shards have a dot or a
/// slash, too, but hardly a letter.
fn is_path(value: &str) -> bool {
    let has_letter = value.contains(char::is_alphabetic);
    Path::new(value).exists() || has_letter && value.parse::<f64>().is_err()
}

/// A sentence about a whole number that settings cannot hold, if there is one.
pub fn too_large(command: &clap::Command, matches: &ArgMatches) -> Option<String> {
    let whole = [TypeId::of::<u64>(), TypeId::of::<usize>()];

    let numbers = command.get_arguments().filter(|arg| {
        whole
            .iter()
            .any(|id| arg.get_value_parser().type_id() == *id)
    });

    for arg in numbers {
        let id = arg.get_id().as_str();
        let values = matches.get_raw(id).into_iter().flatten();
        let texts = values.filter_map(|value| value.to_str());
        let large = texts
            .flat_map(|text| text.split(','))
            .find(|text| text.parse::<u64>().is_ok_and(|n| i64::try_from(n).is_err()));

        if let Some(number) = large {
            let flag = arg.get_long().unwrap_or(id);
            return Some(format!("--{flag} {number}: at most {}", i64::MAX));
        }
    }

    None
}

/// The message of a command with these flags; `program` has all commands.
pub fn settled(message: &str, command: &clap::Command, program: &clap::Command) -> String {
    let with_flags = fields_as_flags(message, command, program);

    // What still stands in backticks is a command of its own, with flags of its own.
    let parts = with_flags
        .split('`')
        .enumerate()
        .map(|(i, part)| match i % 2 {
            0 => replaced(part, command),
            _ => part.into(),
        });

    parts.collect::<Vec<_>>().join("`")
}

/// The text with flags in place of the settings that it names in backticks: `` `held_out` `` becomes
/// `--held-out`, and `` `space.lr.high=1` `` becomes `--set space.lr.high=1`. A setting without a
/// flag stands in quotation marks.
pub fn fields_as_flags(text: &str, command: &clap::Command, program: &clap::Command) -> String {
    let mut parts = text.split('`').peekable();
    let mut all = parts.next().unwrap_or_default().to_string();

    while let Some(inside) = parts.next() {
        // The parsers of JSON and TOML put names of a file's fields in backticks.
        let is_of_a_parser = ["field ", "variant ", "expected ", "one of "]
            .iter()
            .any(|word| all.ends_with(word));
        let is_closed = parts.peek().is_some();

        match spoken(inside, command, program).filter(|_| is_closed && !is_of_a_parser) {
            Some(flag) => all = all + &flag + parts.next().unwrap_or_default(),
            // The next backtick may begin a setting: a name of the user's may have one in it.
            None => all = all + "`" + inside,
        }
    }

    all
}

/// A report with flags of the command with these arguments in place of settings, as in
/// [`fields_as_flags`]: it is read where the command is known, and its library is not.
pub fn in_report<A: clap::Args>(section: Section) -> Section {
    let command = A::augment_args(clap::Command::new(""));
    let text = section.text.iter();

    Section {
        text: text
            .map(|text| fields_as_flags(text, &command, &command))
            .collect(),
        ..section
    }
}

/// A setting as the user of the command knows it, if this is the name of one.
fn spoken(name: &str, command: &clap::Command, program: &clap::Command) -> Option<String> {
    if let Some((path, _)) = name.split_once('=') {
        let is_path = path.contains('.') && path.split('.').all(is_field);
        return is_path.then(|| format!("--set {name}"));
    }

    let arg = command.get_arguments().find(|arg| arg.get_id() == name);

    match arg.and_then(clap::Arg::get_long) {
        Some(flag) => Some(format!("--{flag}")),
        None => is_setting(name, program).then(|| format!("'{name}'")),
    }
}

fn is_field(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_part)
}

/// Whether some command has a flag for a setting of this name.
fn is_setting(name: &str, command: &clap::Command) -> bool {
    command.get_arguments().any(|arg| arg.get_id() == name)
        || command
            .get_subcommands()
            .any(|inner| is_setting(name, inner))
}

fn replaced(message: &str, command: &clap::Command) -> String {
    let mut text = String::new();
    let mut rest = message;
    while let Some(at) = rest.find("--") {
        let (before, from) = rest.split_at(at);
        let is_start = !before.ends_with(|c: char| c.is_alphanumeric() || c == '-');
        let name = &from[2..];
        let end = name.find(|c: char| {
            !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
        });
        let name = name[..end.unwrap_or(name.len())].trim_end_matches('-');

        text += before;

        let is_flag = is_start && name.starts_with(|c: char| c.is_ascii_lowercase());
        if is_flag && !has(command, name) {
            text += &format!("'{}'", name.replace('-', "_"));
        } else {
            text += &from[..2 + name.len()];
        }

        rest = &from[2 + name.len()..];
    }

    text + rest
}

fn has(command: &clap::Command, name: &str) -> bool {
    ["help", "version"].contains(&name)
        || command
            .get_arguments()
            .any(|arg| arg.get_long() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    #[test]
    fn a_flag_that_the_command_lacks_is_a_setting() {
        let command = clap::Command::new("tune")
            .arg(Arg::new("lr").long("lr"))
            .arg(Arg::new("no_header").long("no-header"))
            .arg(Arg::new("set").long("set"));
        let other = clap::Command::new("meta").arg(Arg::new("held_out").long("held-out"));
        let program = clap::Command::new("ldnn").subcommand(other);

        for (before, after) in [
            ("--runs 0: use 2", "'runs' 0: use 2"),
            ("--inner-lr 1: too large", "'inner_lr' 1: too large"),
            (
                "give smaller --lr, or --no-header",
                "give smaller --lr, or --no-header",
            ),
            (
                "see `ldnn validate --keep-networks`; or --keep",
                "see `ldnn validate --keep-networks`; or 'keep'",
            ),
            ("a -- b, 1--2, a--b, --", "a -- b, 1--2, a--b, --"),
            ("äö --runs", "äö 'runs'"),
            ("`lr` 0: too small", "--lr 0: too small"),
            ("`held_out` 0: or less `lr`", "'held_out' 0: or less --lr"),
            (
                "search e.g. `space.lr.high=0.01`",
                "search e.g. --set space.lr.high=0.01",
            ),
            ("unknown field `lr`", "unknown field `lr`"),
            ("unpack it with `bunzip2`", "unpack it with `bunzip2`"),
            ("a name with ` in it", "a name with ` in it"),
            ("a name with ` in it: `lr` 0", "a name with ` in it: --lr 0"),
            ("a `b` and `c`: `lr` 0, `d`", "a `b` and `c`: --lr 0, `d`"),
        ] {
            assert_eq!(settled(before, &command, &program), after);
        }
    }
}
