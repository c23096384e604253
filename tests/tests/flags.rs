//! Messages name flags and settings that exist in the command at hand.

use ldnn_tests::commands::{assert_all_called, command_of};
use ldnn_tests::prepared::{SHORT_VALIDATE, scratch};
use ldnn_tests::program::{refuse, run, succeed};
use std::any::TypeId;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

/// Every command, called so that it does no work.
const COMMANDS: [&[&str]; 26] = [
    &["meta", "--dry-run"],
    &["validate", "--dry-run"],
    &["sizes", "--dry-run"],
    &["forecast", "--task", "vanderpol", "--dry-run"],
    &["analyze", "participation", "--dry-run"],
    &["analyze", "hessian", "--dry-run"],
    &["cluster", "a", "act2.json", "--dry-run"],
    &["reproduce", "--preset", "smoke", "--dry-run"],
    &["train", "t.csv", "--target", "label", "--dry-run"],
    &["tune", "t.csv", "--target", "label", "--dry-run"],
    &["export", "a", "--dry-run"],
    &["run", "study.toml", "--dry-run"],
    &["slurm", "study.toml"],
    &["data", "mnist1d", "--out", "x.npz", "--print-config"],
    &["data", "vanderpol", "--out", "x.npz", "--print-config"],
    &["data", "digits"],
    &["predict", "m.ldnn", "t.csv"],
    &["eval", "m.ldnn", "t.csv"],
    &["inspect", "m.ldnn"],
    &["import", "w.safetensors", "--out", "i.ldnn"],
    &["verify", "nowhere"],
    &["merge", "nowhere"],
    &["status", "nowhere"],
    &["list", "nowhere"],
    &["show", "nowhere"],
    &["compare", "nowhere", "elsewhere"],
];

#[test]
fn every_command_of_the_program_is_tried() {
    assert_all_called(&[&COMMANDS], &[]);
}

/// The words that begin with `--`, outside of other commands in backticks.
fn flags_in(message: &str) -> BTreeSet<String> {
    let own: String = message.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let words = own
        .split(|c: char| !is_part(c))
        .filter_map(|word| word.strip_prefix("--"));

    words
        .filter(|word| !word.is_empty())
        .map(String::from)
        .collect()
}

/// Every flag that the message names is one of the command.
fn assert_known(output: &Output, args: &[&str], flags: &BTreeSet<String>) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!message.contains("panicked"), "{args:?}: {message}");

    for flag in flags_in(&message) {
        assert!(
            flags.contains(&flag),
            "{args:?}: there is no --{flag} in: {message}"
        );
    }
}

/// The flags of a command.
struct Flags {
    all: BTreeSet<String>,
    numeric: Vec<String>,
}

fn flags_of(args: &[&str]) -> Flags {
    let command = command_of(args);

    let numbers = [
        TypeId::of::<usize>(),
        TypeId::of::<u64>(),
        TypeId::of::<u32>(),
        TypeId::of::<f64>(),
        TypeId::of::<f32>(),
    ];

    let mut flags = Flags {
        all: ["help", "version"].map(String::from).into(),
        numeric: vec![],
    };

    for arg in command.get_arguments() {
        let Some(long) = arg.get_long() else { continue };
        flags.all.insert(long.into());
        let kind = arg.get_value_parser().type_id();

        if numbers.iter().any(|number| kind == *number) && long != "jobs" {
            flags.numeric.push(long.into());
        }
    }

    flags
}

#[test]
fn every_flag_that_an_error_names_is_one_of_the_command() {
    let dir = scratch();

    let mut refused = 0;

    for command in COMMANDS {
        let flags = flags_of(command);
        for flag in &flags.numeric {
            for value in ["0", "nan", "1000000000000"] {
                let assigned = format!("--{flag}={value}");
                let args = [command, &[assigned.as_str()]].concat();
                let output = run(dir.path(), &args);
                refused += usize::from(output.status.code() == Some(2));
                assert_known(&output, &args, &flags.all);
            }
        }
    }

    assert!(refused > 100, "{refused} bad values were refused");
}

#[test]
fn no_number_of_any_flag_ends_a_command_otherwise_than_with_a_sentence() {
    let dir = scratch();
    let at = dir.path();

    let mut refused = 0;

    for command in COMMANDS {
        for flag in &flags_of(command).numeric {
            for value in ["0", "18446744073709551615", "nan", "1e308"] {
                let assigned = format!("--{flag}={value}");
                let output = run(at, &[command, &[assigned.as_str()]].concat());
                let message = String::from_utf8_lossy(&output.stderr);

                // A panic is 101; an abort is a signal.
                let is_told = matches!(output.status.code(), Some(0 | 1 | 2 | 75));

                assert!(
                    is_told && !message.contains("panicked"),
                    "{command:?} {assigned}: {message}"
                );

                refused += usize::from(output.status.code() == Some(2));
            }
        }
    }

    assert!(refused > 200, "{refused} bad values were refused");
}

#[test]
fn work_that_does_not_fit_in_memory_is_refused_before_it_is_begun() {
    let dir = scratch();
    let at = dir.path();

    let wide = "1048576,1048576";

    for (command, hidden) in [
        (&["meta", "--out", "x"][..], "1048576"),
        (&["validate", "--out", "x"], wide),
        (
            &["train", "t.csv", "--target", "label", "--out", "x.ldnn"],
            wide,
        ),
    ] {
        let mut program = std::process::Command::new(ldnn_tests::program::path());
        program
            .current_dir(at)
            .args(command)
            .args(["-q", "--hidden", hidden])
            .env("LDNN_MEMORY", "4G");

        let output = program.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);

        assert_eq!(output.status.code(), Some(2), "{command:?}: {message}");
        assert!(
            message.contains("of memory, and 4.3 GB may be used") && message.contains("--hidden"),
            "{message}"
        );
    }

    // More rows per step than there are is as many as there are.
    succeed(
        at,
        &[
            &SHORT_VALIDATE[..],
            &["3", "--batch", "100000000", "--out", "b"],
        ]
        .concat(),
    );
}

#[test]
fn numbers_that_make_no_run_are_refused_by_their_own_name() {
    let dir = scratch();
    let at = dir.path();

    let forecast = [
        "forecast",
        "--task",
        "vanderpol",
        "--compare",
        "tanh",
        "--dry-run",
        "--dt",
    ];

    for dt in ["nan", "0", "-1"] {
        let message = refuse(at, &[&forecast[..], &[dt]].concat(), 2);
        assert!(
            message.contains("--dt") && message.contains("positive"),
            "{message}"
        );
    }

    let message = refuse(at, &["sizes", "--widths", "0", "--dry-run"], 2);
    assert!(
        message.contains("--widths") && !message.contains("--hidden"),
        "{message}"
    );

    let message = refuse(at, &["validate", "--set", "command=meta", "--dry-run"], 2);
    assert!(
        message.contains("'command'") && !message.contains("did you mean"),
        "{message}"
    );

    let reproduce = ["reproduce", "--preset", "smoke", "--out", "x", "--set"];

    for setting in [
        "progression_equal.runs",
        "progression.0.trials",
        "equal.train.epochs",
        "best.runs",
        "select.runs",
        "sizes.ensemble.train.epochs",
    ] {
        let message = refuse(
            at,
            &[&reproduce[..], &[&format!("{setting}=0")]].concat(),
            2,
        );

        assert!(
            message.contains(setting.rsplit_once('.').unwrap().0),
            "{setting}: {message}"
        );
    }

    assert!(!at.join("x").exists());
}

/// The names of all settings in a table, with dots, and whether they are numbers.
fn names(table: &toml::Table, way: &str, all: &mut Vec<(String, bool)>) {
    for (key, value) in table {
        let path = if way.is_empty() {
            key.clone()
        } else {
            format!("{way}.{key}")
        };

        match value {
            toml::Value::Table(inner) => names(inner, &path, all),
            other => all.push((path, other.is_integer() || other.is_float())),
        }
    }
}

/// The settings of a command, if it has some.
fn settings(at: &Path, command: &[&str]) -> Vec<(String, bool)> {
    let bare: Vec<&str> = command
        .iter()
        .copied()
        .filter(|a| !["--dry-run", "--print-config"].contains(a))
        .collect();

    let printed = run(at, &[&bare[..], &["--print-config"]].concat());
    let mut all = vec![];

    if printed.status.success() {
        names(
            &String::from_utf8(printed.stdout).unwrap().parse().unwrap(),
            "",
            &mut all,
        );
    }

    all
}

#[test]
fn every_flag_that_an_error_about_a_setting_names_is_one_of_the_command() {
    let dir = scratch();

    let mut refused = 0;

    for command in COMMANDS.iter().filter(|c| c[0] != "reproduce") {
        let flags = flags_of(command);

        for (name, _) in settings(dir.path(), command)
            .iter()
            .filter(|(_, is_number)| *is_number)
        {
            for value in ["0", "nan"] {
                let assigned = format!("{name}={value}");
                let args = [command, &["--set", &assigned][..]].concat();
                let output = run(dir.path(), &args);
                refused += usize::from(output.status.code() == Some(2));
                assert_known(&output, &args, &flags.all);
            }
        }
    }

    assert!(refused > 100, "{refused} bad values were refused");
}

#[test]
fn every_suggestion_for_a_mistyped_setting_is_a_setting_of_the_command() {
    let dir = scratch();
    let at = dir.path();

    let mut suggestions = 0;

    for command in COMMANDS {
        let all = settings(at, command);
        let known: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();

        // What is absent by default is a setting too.
        let is_known = |name: &str| {
            let inside = format!("{name}.");
            known.contains(name) || known.iter().any(|k| k.starts_with(&inside)) || {
                let assigned = format!("{name}=1");
                let message = run(at, &[command, &["--set", &assigned][..]].concat());
                !String::from_utf8_lossy(&message.stderr).contains("there is no setting")
            }
        };

        // Of the hundreds that reproduce has, some.
        for (name, _) in all.iter().step_by(all.len() / 15 + 1) {
            let last = name.rsplit('.').next().unwrap();

            // A letter too much, where it belongs, at the top, and in a section of another command.
            for typo in [
                format!("{name}x"),
                format!("{last}x"),
                format!("train.{last}"),
                last.to_string(),
            ] {
                let assigned = format!("{typo}=1");
                let args = [command, &["--set", &assigned][..]].concat();
                let output = run(at, &args);
                let message = String::from_utf8_lossy(&output.stderr);
                let Some((_, meant)) = message.split_once("did you mean ") else {
                    continue;
                };

                for suggestion in meant.split('?').next().unwrap().split(" or ") {
                    let suggestion = suggestion.trim_matches('\'');
                    assert!(
                        is_known(suggestion),
                        "{args:?} suggests '{suggestion}': {message}"
                    );
                    suggestions += 1;
                }
            }
        }
    }

    assert!(suggestions > 200, "{suggestions} suggestions");
}

#[test]
fn a_setting_is_found_by_a_name_that_is_nearly_its_own_wherever_it_stands() {
    let dir = scratch();
    let at = dir.path();

    let train = ["train", "t.csv", "--target", "label"];

    for (set, meant) in [
        ("epoch=3", "fit.epochs"),
        ("train.epochs=3", "fit.epochs"),
        ("headr=true", "data.table.header"),
    ] {
        let message = refuse(at, &[&train[..], &["--set", set]].concat(), 2);
        assert!(
            message.contains("did you mean '") && message.contains(meant),
            "{set}: {message}"
        );
    }

    let message = refuse(at, &[&train[..], &["--set", "epochs"]].concat(), 2);
    assert!(
        message.contains("epochs=VALUE") && message.contains("--print-config"),
        "{message}"
    );
}

#[test]
fn only_what_may_be_a_file_is_called_one_where_it_begins_like_a_flag() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    let message = |args: &[&str]| refuse(at, args, 2);

    let said = message(&["validate", "--shard", "-1/3"]);
    assert!(
        said.contains("write --shard=-1/3") && !said.contains("./"),
        "{said}"
    );
    assert!(message(&["validate", "--shard=-1/3"]).contains("--shard -1/3: write i/n"));
    assert!(!message(&["validate", "-1/3"]).contains("./"));

    for (args, typed) in [
        (&["validate", "--out", "-1/3"][..], "--out=./-1/3"),
        (&["validate", "--data", "-x/y.csv"], "--data=./-x/y.csv"),
        (&["eval", "m.ldnn", "-x.csv"], "write ./-x.csv"),
    ] {
        let said = message(args);
        assert!(said.contains(typed), "{said}");
    }

    fs::create_dir(at.join("-1")).unwrap();
    fs::write(at.join("-1/3"), "").unwrap();
    assert!(message(&["validate", "--shard", "-1/3"]).contains("--shard=./-1/3"));
}
