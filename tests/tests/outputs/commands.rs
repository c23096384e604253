//! Every command with an output: what it reads and what others wrote stays, whatever the path.

use crate::tree::tree;
use ldnn_tests::commands::{calls, commands};
use ldnn_tests::prepared::{prepared, scratch};
use ldnn_tests::program::{refuse, succeed};
use std::any::TypeId;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command with an output.
struct Case {
    /// Its name and all arguments but the output.
    args: &'static [&'static str],
    /// The flag that takes the output.
    flag: &'static str,
    output: Output,
    /// What it reads of the prepared folder.
    inputs: &'static [&'static str],
}

/// What an output is.
#[derive(Clone, Copy, PartialEq)]
enum Output {
    /// A file with this ending.
    File(&'static str),
    /// A run folder.
    Folder,
}

const fn file(
    args: &'static [&'static str],
    ending: &'static str,
    flag: &'static str,
    inputs: &'static [&'static str],
) -> Case {
    Case {
        args,
        flag,
        output: Output::File(ending),
        inputs,
    }
}

const fn folder(args: &'static [&'static str], inputs: &'static [&'static str]) -> Case {
    Case {
        args,
        flag: "--out",
        output: Output::Folder,
        inputs,
    }
}

const CASES: [Case; 21] = [
    file(
        &[
            "train",
            "t.csv",
            "-q",
            "--target",
            "label",
            "--test",
            "t2.csv",
            "--config",
            "empty.toml",
            "--activations",
            "a/activations.json",
            "--hidden",
            "4",
            "--epochs",
            "3",
            "--runs",
            "2",
        ],
        "ldnn",
        "--out",
        &["t.csv", "t2.csv", "empty.toml", "a/activations.json"],
    ),
    file(
        &[
            "train",
            "x.csv",
            "-q",
            "--labels",
            "y.csv",
            "--activations",
            "tanh",
            "--hidden",
            "4",
            "--epochs",
            "3",
            "--runs",
            "2",
        ],
        "ldnn",
        "--out",
        &["x.csv", "y.csv"],
    ),
    file(
        &["predict", "m.ldnn", "t.csv", "--config", "empty.toml"],
        "csv",
        "--out",
        &["m.ldnn", "t.csv", "empty.toml"],
    ),
    file(
        &[
            "data",
            "mnist1d",
            "--num_samples",
            "50",
            "--config",
            "empty.toml",
        ],
        "npz",
        "--out",
        &["empty.toml"],
    ),
    file(
        &[
            "data",
            "vanderpol",
            "--steps",
            "9",
            "--config",
            "empty.toml",
        ],
        "npz",
        "--out",
        &["empty.toml"],
    ),
    file(&["data", "digits"], "csv", "--out", &[]),
    file(
        &["inspect", "m.ldnn", "--config", "empty.toml"],
        "svg",
        "--picture",
        &["m.ldnn", "empty.toml"],
    ),
    file(
        &["export", "m.ldnn", "--config", "empty.toml"],
        "safetensors",
        "--out",
        &["m.ldnn", "empty.toml"],
    ),
    file(
        &["import", "w.safetensors", "--config", "empty.toml"],
        "ldnn",
        "--out",
        &["w.safetensors", "empty.toml"],
    ),
    folder(
        &[
            "meta",
            "--data",
            "n.npz",
            "--held-out",
            "5",
            "--config",
            "empty.toml",
        ],
        &["n.npz", "empty.toml"],
    ),
    folder(
        &[
            "validate",
            "--activations",
            "a/activations.json",
            "--data",
            "n.npz",
        ],
        &["a/activations.json", "n.npz"],
    ),
    folder(
        &["sizes", "--activations", "a/activations.json"],
        &["a/activations.json"],
    ),
    folder(
        &[
            "forecast",
            "--task",
            "vanderpol",
            "--activations",
            "a/activations.json",
        ],
        &["a/activations.json"],
    ),
    folder(
        &[
            "analyze",
            "participation",
            "--activations",
            "a/activations.json",
        ],
        &["a/activations.json"],
    ),
    folder(
        &["analyze", "hessian", "--activations", "a/activations.json"],
        &["a/activations.json"],
    ),
    folder(
        &["analyze", "hessian", "--model", "net.json"],
        &["net.json"],
    ),
    folder(
        &["cluster", "a/activations.json", "act2.json"],
        &["a/activations.json", "act2.json"],
    ),
    folder(
        &["reproduce", "--preset", "smoke", "--data", "n.npz"],
        &["n.npz"],
    ),
    folder(
        &[
            "tune",
            "t.csv",
            "--target",
            "label",
            "--config",
            "empty.toml",
        ],
        &["t.csv", "empty.toml"],
    ),
    folder(
        &["export", "a/activations.json", "--data", "n.npz"],
        &["a/activations.json", "n.npz"],
    ),
    folder(&["run", "study.toml"], &["study.toml"]),
];

/// The command with its output here; refused, with and without `--replace`, and everything stays as
/// it was.
fn assert_refused(at: &Path, case: &Case, out: &str, says: &str) {
    let before = tree(at);

    for more in [&[][..], &["--replace"]] {
        let args = [case.args, &[case.flag, out], more].concat();
        let message = refuse(at, &args, 2);
        assert!(
            message.contains(out) && message.contains(says),
            "{args:?}: {message}"
        );
    }

    assert!(
        tree(at) == before,
        "{:?} to {out} was refused and has changed files",
        case.args
    );
}

#[test]
fn every_path_of_every_command_is_known_as_an_input_or_an_output() {
    const OUTPUTS: [&str; 2] = ["out", "picture"];

    const INPUTS: [&str; 15] = [
        "file",
        "data",
        "config",
        "activations",
        "model",
        "labels",
        "test",
        "test_labels",
        "run",
        "runs",
        "folder",
        "core",
        "first",
        "second",
        "study",
    ];

    // They print a script that says where results go, and write nothing. What merge writes is
    // tested below.
    const OTHERS: [&str; 2] = ["slurm", "merge"];

    let mut found = 0;

    for (name, command) in commands() {
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
            let is_known = OUTPUTS.contains(&id) || INPUTS.contains(&id);

            assert!(
                !is_path || is_known,
                "{name:?}: is {id} an input or an output?"
            );

            if !OUTPUTS.contains(&id) || OTHERS.contains(&name[0].as_str()) {
                continue;
            }

            found += 1;

            let flag = format!("--{id}");
            let covers = |case: &Case| case.flag == flag && calls(&name, case.args);
            assert!(
                CASES.iter().any(covers),
                "{name:?} has {flag}, and no case here"
            );

            let replace = command.get_arguments().any(|a| a.get_id() == "replace");
            assert!(replace, "{name:?} has {flag} and no --replace");
        }
    }

    assert!(found >= 18, "{found} outputs");
}

#[test]
fn an_input_is_never_an_output_by_whatever_path() {
    let dir = scratch();
    let at = dir.path();
    fs::create_dir(at.join("sub")).unwrap();

    for case in &CASES {
        let Output::File(ending) = case.output else {
            continue;
        };

        for input in case.inputs {
            let link = format!("sub/link.{ending}");
            fs::hard_link(at.join(input), at.join(&link)).unwrap();

            let detour = format!("./sub/../{input}");
            let whole = at.join(input).display().to_string();
            let mut paths = vec![link.as_str()];

            // Where the ending of the output decides what is written, a link is the one way.
            if !matches!(case.args[0], "inspect" | "export") {
                paths.extend([*input, &detour, &whole]);
            }

            for path in paths {
                assert_refused(at, case, path, "is an input of this command");
            }

            fs::remove_file(at.join(&link)).unwrap();
        }
    }
}

#[test]
#[cfg(unix)]
fn what_comes_from_standard_input_is_an_input() {
    let dir = scratch();
    let table = fs::File::open(dir.path().join("t.csv")).unwrap();
    let mut command = Command::new(ldnn_tests::program::path());
    command
        .current_dir(dir.path())
        .args(["predict", "m.ldnn", "--out", "t.csv", "--replace"]);

    let output = command.stdin(table).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is an input of this command"));
    assert_eq!(
        fs::read(dir.path().join("t.csv")).unwrap(),
        fs::read(prepared().join("t.csv")).unwrap()
    );
}

#[test]
fn settings_in_files_and_assignments_name_inputs_and_outputs_too() {
    let dir = scratch();
    let at = dir.path();
    fs::write(at.join("c.toml"), "activations = ['a']\n").unwrap();

    let before = tree(at);

    let train = [
        "train",
        "--set",
        "data.file=t.csv",
        "--set",
        "data.target=label",
        "--out",
        "t.csv",
        "--replace",
    ];

    assert!(refuse(at, &train, 2).contains("is an input"));

    let predict = [
        "predict",
        "m.ldnn",
        "t.csv",
        "--set",
        "out=t.csv",
        "--replace",
    ];

    assert!(refuse(at, &predict, 2).contains("is an input"));

    let validate = ["validate", "--config", "c.toml", "--out", "a", "--replace"];
    assert!(refuse(at, &validate, 2).contains("an input of this command"));
    assert!(tree(at) == before);
}

#[test]
fn a_file_that_is_there_and_not_the_programs_own_needs_replace() {
    let dir = scratch();
    let at = dir.path();

    for case in &CASES {
        let Output::File(ending) = case.output else {
            continue;
        };
        let out = format!("thesis.{ending}");

        fs::write(at.join(&out), "ten years of work").unwrap();

        let before = tree(at);
        let args = [case.args, &[case.flag, &out]].concat();
        let message = refuse(at, &args, 2);

        assert!(
            message.contains(&out) && message.contains("--replace"),
            "{args:?}: {message}"
        );
        assert!(tree(at) == before, "{args:?}");

        succeed(at, &[&args[..], &["--replace"]].concat());

        let written = fs::read(at.join(&out)).unwrap();
        assert_ne!(written, b"ten years of work", "{args:?}");

        // What a command has written it may write again; predictions do not say whose they are.
        if case.args[0] == "predict" {
            assert!(refuse(at, &args, 2).contains("--replace"));
        } else {
            succeed(at, &args);
        }

        assert_eq!(fs::read(at.join(&out)).unwrap(), written, "{args:?}");

        fs::remove_file(at.join(&out)).unwrap();

        let _ = fs::remove_dir_all(at.join(format!("{out}.run")));
    }
}

#[test]
#[cfg(unix)]
fn what_is_no_regular_file_stays_what_it_is() {
    let dir = scratch();
    let at = dir.path();

    for case in &CASES {
        let Output::File(ending) = case.output else {
            continue;
        };
        let named = |name: &str| format!("{name}.{ending}");

        let special = |tool: &str, args: &[&str]| {
            Command::new(tool)
                .current_dir(at)
                .args(args)
                .output()
                .is_ok_and(|o| o.status.success())
        };

        fs::write(at.join("target"), "old").unwrap();

        let mut all = vec![
            ("link", "a symbolic link"),
            ("dangling", "a symbolic link"),
            ("folder", "a folder"),
        ];

        std::os::unix::fs::symlink("target", at.join(named("link"))).unwrap();
        std::os::unix::fs::symlink("nowhere", at.join(named("dangling"))).unwrap();
        fs::create_dir(at.join(named("folder"))).unwrap();

        for (name, kind, tool, rest) in [
            ("pipe", "a named pipe", "mkfifo", &[][..]),
            ("device", "a device", "mknod", &["c", "1", "3"]),
        ] {
            let path = named(name);
            match special(tool, &[&[path.as_str()], rest].concat()) {
                true => all.push((name, kind)),
                false => eprintln!("skipped: {tool} cannot make {kind} here"),
            }
        }

        for (name, kind) in all {
            // A folder is a place for an export.
            if !(name == "folder" && case.args[0] == "export") {
                assert_refused(at, case, &named(name), kind);
            }

            let path = at.join(named(name));

            if name == "folder" {
                fs::remove_dir(path)
            } else {
                fs::remove_file(path)
            }
            .unwrap();
        }
    }
}

#[test]
fn a_run_folder_takes_the_place_of_nothing_else() {
    let dir = scratch();
    let at = dir.path();
    fs::create_dir(at.join("mine")).unwrap();
    fs::write(at.join("mine/thesis.tex"), "x").unwrap();

    // The settings of some other program, and all that belongs to it.
    fs::create_dir(at.join("site")).unwrap();
    fs::write(at.join("site/config.toml"), "title = 'my site'\n").unwrap();
    fs::write(at.join("site/index.md"), "x").unwrap();

    // Parts of an archive, which are called nearly as our temporary files.
    fs::create_dir(at.join("parts")).unwrap();
    fs::write(at.join("parts/film.part1"), "x").unwrap();
    fs::write(at.join("file"), "x").unwrap();

    for case in CASES.iter().filter(|case| case.output == Output::Folder) {
        for out in ["mine", "site", "parts", "file"] {
            assert_refused(
                at,
                case,
                out,
                "give an --out that is not there yet, or an empty folder",
            );
        }

        for input in case.inputs {
            // The folder that the input is in, which may even be a run.
            let place = Path::new(input)
                .parent()
                .filter(|p| *p != Path::new(""))
                .map_or(".", |p| p.to_str().unwrap());
            assert_refused(at, case, place, "an input of this command");
        }
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_before_the_work() {
    let dir = scratch();
    let at = dir.path();

    for case in CASES.iter() {
        let out = match case.output {
            Output::File(ending) => format!("t.csv/x.{ending}"),
            Output::Folder => "t.csv/r".into(),
        };
        let before = tree(at);
        let message = refuse(at, &[case.args, &[case.flag, &out]].concat(), 2);
        assert!(message.contains("cannot"), "{:?}: {message}", case.args);
        assert!(tree(at) == before, "{:?}", case.args);
    }
}

#[test]
fn verify_writes_nothing_into_the_export() {
    let dir = scratch();
    let at = dir.path();
    succeed(
        at,
        &["export", "m.ldnn", "--format", "c,rust", "--out", "e"],
    );

    // What programs that are compiled there would be called.
    for name in ["main.c", "run-gcc", "rust/Cargo.toml", "rust/src/main.rs"] {
        let path = at.join("e/verify").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }

    let temporary = at.join("temporary");
    fs::create_dir(&temporary).unwrap();

    let before = tree(at);
    let mut command = Command::new(ldnn_tests::program::path());
    let verify = command.current_dir(at).args(["verify", "e"]);
    let output = verify.env("TMPDIR", &temporary).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);

    assert!(
        output.status.success() && said.contains("every bit the same"),
        "{output:?}"
    );
    assert!(
        tree(at) == before,
        "nothing is changed, and nothing left among temporary files"
    );
}
