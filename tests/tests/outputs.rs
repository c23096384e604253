//! What a command writes takes the place of nothing that it reads, of nothing that the program did
//! not write, and of nothing but a regular file; for every command with an output.

use ldnn_tests::program::{SHORT_TRAINING, refuse, run_with, succeed};
use std::any::TypeId;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use tempfile::{TempDir, tempdir};

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

/// Makes what commands read, once.
fn prepared() -> &'static Path {
    static PLACE: OnceLock<TempDir> = OnceLock::new();

    let place = PLACE.get_or_init(|| {
        let dir = tempdir().unwrap();
        let at = dir.path();
        let write = |name: &str, text: &str| fs::write(at.join(name), text).unwrap();

        let row = |i: usize| format!("{},{}", (i * 7 % 60) as f64 / 10.0, i * 13 % 17);
        let label = |i: usize| ["no", "yes"][i * 7 % 60 / 30];
        let labelled: String = (0..60)
            .map(|i| format!("{},{}\n", row(i), label(i)))
            .collect();
        let table = format!("a,b,label\n{labelled}");

        write("t.csv", &table);
        write("t2.csv", &table);

        write(
            "x.csv",
            &format!(
                "a,b\n{}",
                (0..60).map(|i| row(i) + "\n").collect::<String>()
            ),
        );

        write(
            "y.csv",
            &format!(
                "label\n{}",
                (0..60)
                    .map(|i| format!("{}\n", label(i)))
                    .collect::<String>()
            ),
        );

        write("empty.toml", "");
        write(
            "study.toml",
            "task = \"digits\"\n[validate]\ncompare = [\"relu\"]\nruns = 2\n",
        );

        succeed(
            at,
            &["data", "mnist1d", "--num_samples", "50", "--out", "n.npz"],
        );

        let meta = [
            "meta",
            "-q",
            "--hidden",
            "8",
            "--units",
            "4",
            "--inner-steps",
            "4",
            "--outer-last",
            "2",
        ];

        succeed(at, &[&meta[..], &["--steps", "3", "--out", "a"]].concat());
        fs::copy(at.join("a/activations.json"), at.join("act2.json")).unwrap();

        let train = [
            "train",
            "t.csv",
            "-q",
            "--target",
            "label",
            "--activations",
            "tanh",
            "--hidden",
            "4",
        ];

        succeed(
            at,
            &[
                &train[..],
                &["--epochs", "3", "--runs", "2", "--out", "m.ldnn"],
            ]
            .concat(),
        );

        succeed(at, &["export", "m.ldnn", "--out", "w.safetensors"]);

        let validate = [
            "validate",
            "-q",
            "--compare",
            "relu",
            "--runs",
            "1",
            "--epochs",
            "1",
            "--hidden",
            "5",
        ];

        succeed(
            at,
            &[&validate[..], &["--keep-networks", "--out", "v"]].concat(),
        );
        fs::copy(at.join("v/networks/relu-101.json"), at.join("net.json")).unwrap();

        dir
    });

    place.path()
}

/// A copy of what commands read.
fn scratch() -> TempDir {
    let dir = tempdir().unwrap();
    let from = prepared().join(".");

    assert!(
        Command::new("cp")
            .arg("-r")
            .arg(from)
            .arg(dir.path())
            .status()
            .unwrap()
            .success()
    );

    dir
}

/// Everything in a folder: files with their bytes, links with where they lead.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();

    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            all.extend(tree(&path));
            all.insert(path, b"folder".to_vec());
        } else if kind.is_symlink() {
            let to = fs::read_link(&path).unwrap();
            all.insert(path, to.to_string_lossy().into_owned().into_bytes());
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            all.insert(path, bytes);
        } else {
            all.insert(path, b"special".to_vec());
        }
    }

    all
}

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
    const OTHERS: [&str; 3] = ["slurm", "k8s", "merge"];

    let root = ldnn::cli::command();
    let mut found = 0;

    for command in root.get_subcommands() {
        let inner: Vec<_> = command.get_subcommands().collect();
        for leaf in if inner.is_empty() {
            vec![command]
        } else {
            inner
        } {
            let name = [command.get_name(), leaf.get_name()];

            for arg in leaf.get_arguments() {
                let id = arg.get_id().as_str();
                let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
                let is_known = OUTPUTS.contains(&id) || INPUTS.contains(&id);

                assert!(
                    !is_path || is_known,
                    "{name:?}: is {id} an input or an output?"
                );

                if !OUTPUTS.contains(&id) || OTHERS.contains(&name[0]) {
                    continue;
                }

                found += 1;

                let flag = format!("--{id}");
                let covers = |case: &Case| {
                    case.flag == flag && case.args[0] == name[0] && case.args.contains(&name[1])
                };

                assert!(
                    CASES.iter().any(covers),
                    "{name:?} has {flag}, and no case here"
                );

                let replace = leaf.get_arguments().any(|a| a.get_id() == "replace");
                assert!(replace, "{name:?} has {flag} and no --replace");
            }
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
fn a_run_is_replaced_when_that_is_said_and_not_with_what_others_put_there() {
    let dir = scratch();
    let at = dir.path();

    let validate = [
        "validate",
        "-q",
        "--compare",
        "relu",
        "--runs",
        "2",
        "--epochs",
        "1",
        "--hidden",
        "3",
        "--out",
        "r",
    ];

    let other = [&validate[..], &["--seed", "5"]].concat();
    let replace = [&other[..], &["--replace"]].concat();
    succeed(at, &validate);

    let before = tree(at);
    let message = refuse(at, &other, 2);

    assert!(
        message.contains("'r' holds a run with other settings; give another --out, or --replace"),
        "{message}"
    );
    assert!(
        message.contains("experiment.seed: 101 there, 5 wanted"),
        "{message}"
    );
    assert!(tree(at) == before);

    fs::write(at.join("r/thesis.tex"), "x").unwrap();

    let before = tree(at);
    let message = refuse(at, &replace, 2);

    assert!(
        message.contains("'thesis.tex', which is not of it; move it away"),
        "{message}"
    );
    assert!(tree(at) == before);

    fs::remove_file(at.join("r/thesis.tex")).unwrap();
    succeed(at, &replace);

    // The settings that a run stored may be given back to it, but not to a run that would delete
    // them.
    succeed(
        at,
        &["validate", "-q", "--config", "r/config.toml", "--out", "r"],
    );

    let message = refuse(
        at,
        &[
            "validate",
            "--config",
            "r/config.toml",
            "--seed",
            "6",
            "--out",
            "r",
            "--replace",
        ],
        2,
    );

    assert!(
        message.contains("'r/config.toml', an input of this command"),
        "{message}"
    );
}

#[test]
fn merge_names_no_flag_that_it_lacks_and_keeps_what_is_there() {
    let dir = scratch();
    let at = dir.path();

    let shard = [
        "run",
        "study.toml",
        "-q",
        "--set",
        "validate.train.epochs=1",
        "--out",
        "s",
        "--shard",
        "0/1",
    ];

    succeed(at, &shard);

    for out in ["v", "m.ldnn.run"] {
        let before = tree(at);
        let message = refuse(at, &["merge", "s", "--out", out], 2);
        assert!(
            message.contains(out) && !message.contains("--replace"),
            "{message}"
        );
        assert!(tree(at) == before);
    }

    succeed(at, &["merge", "s", "--out", "whole"]);
    succeed(at, &["merge", "s"]);
}

#[test]
fn a_table_that_has_changed_is_told_in_words() {
    let dir = scratch();
    let at = dir.path();

    let train = SHORT_TRAINING;

    let train = [&train[..], &["--runs", "2", "--out", "m.ldnn"]].concat();
    succeed(at, &train);

    let text = fs::read_to_string(at.join("t.csv")).unwrap();
    fs::write(at.join("t.csv"), text.replacen("0.7,", "0.8,", 1)).unwrap();

    let before = tree(at);
    let message = refuse(at, &train, 2);
    let said = "the table 't.csv' has changed since the run in 'm.ldnn.run' was begun; give another --out, or --replace";

    assert!(message.contains(said), "{message}");

    let message = refuse(
        at,
        &[
            "train",
            "--config",
            "m.ldnn.run/config.toml",
            "--out",
            "new.ldnn",
        ],
        2,
    );

    assert!(
        message.contains("'t.csv'") && message.contains("--set data.fingerprint=0"),
        "{message}"
    );
    assert!(tree(at) == before);

    succeed(
        at,
        &[
            "train",
            "--config",
            "m.ldnn.run/config.toml",
            "--set",
            "data.fingerprint=0",
            "--out",
            "new.ldnn",
            "-q",
        ],
    );

    succeed(at, &[&train[..], &["--replace"]].concat());
    // Another division of the same rows is another run on the same table.
    fs::remove_dir_all(at.join("m.ldnn.run")).unwrap();
    succeed(at, &train);

    let message = refuse(at, &[&train[..], &["--seed", "9"]].concat(), 2);
    assert!(
        message.contains("fit.seed: 1 there, 9 wanted") && !message.contains("data.fingerprint"),
        "{message}"
    );
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

/// A short run with a folder inside, but for what is kept and where it goes.
const TRAIN: [&str; 10] = [
    "train", "t.csv", "-q", "--target", "label", "--steps", "3", "--epochs", "3", "--keep",
];

#[test]
fn a_run_does_not_go_on_beside_files_that_it_has_not_written() {
    let dir = scratch();
    let at = dir.path();
    let train = [&TRAIN[..], &["learned", "--out", "g.ldnn"]].concat();
    succeed(at, &train);
    succeed(at, &train);

    // As an interruption leaves it: the report is not there, and on no list.
    let list = fs::read_to_string(at.join("g.ldnn.run/.files")).unwrap();
    fs::remove_file(at.join("g.ldnn.run/report.html")).unwrap();

    fs::write(
        at.join("g.ldnn.run/.files"),
        list.replace("report.html\n", ""),
    )
    .unwrap();

    for mine in ["report.html", "notes.md", "sub/deep.txt"] {
        let path = at.join("g.ldnn.run").join(mine);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();

        let before = tree(at);

        for more in [&[][..], &["--replace"], &["--seed", "9", "--replace"]] {
            let message = refuse(at, &[&train[..], more].concat(), 2);
            let said = format!("'{mine}', which is not of it; move it away");
            assert!(message.contains(&said), "{message}");
        }

        assert!(tree(at) == before, "{mine}");

        fs::remove_file(path).unwrap();
    }

    succeed(at, &train);
    assert!(at.join("g.ldnn.run/report.html").is_file());
}

#[test]
#[cfg(unix)]
fn nothing_is_written_through_links_in_a_run_folder() {
    use std::os::unix::fs::symlink;

    let dir = scratch();
    let at = dir.path();
    let train = [&TRAIN[..], &["learned", "--out", "g.ldnn"]].concat();
    succeed(at, &train);

    let run = at.join("g.ldnn.run");
    fs::write(at.join("precious"), "mine").unwrap();
    fs::create_dir(at.join("elsewhere")).unwrap();
    fs::write(at.join("elsewhere/config.toml"), "mine").unwrap();

    let inner = fs::read_dir(&run).unwrap().map(Result::unwrap);
    let mut inner = inner.filter(|entry| entry.file_type().unwrap().is_dir());
    let folder = inner.next().expect("a folder in the run").file_name();
    let folder = folder.to_str().unwrap();
    let journal = tree(&run)
        .into_keys()
        .find(|path| path.extension() == Some("jsonl".as_ref()));

    let journal = journal
        .expect("a journal")
        .strip_prefix(&run)
        .unwrap()
        .to_path_buf();

    // With the wanted settings, with others, and with none.
    for (name, to) in [
        (".lock", "precious"),
        (".files", "precious"),
        (journal.to_str().unwrap(), "precious"),
        ("config.toml", "precious"),
        ("report.html", "precious"),
        (folder, "elsewhere"),
    ] {
        let path = run.join(name);
        let aside = at.join("aside");
        fs::rename(&path, &aside).unwrap();
        symlink(at.join(to), &path).unwrap();

        let before = tree(at);

        for more in [&[][..], &["--seed", "9", "--replace"]] {
            refuse(at, &[&train[..], more].concat(), 2);
            assert!(tree(at) == before, "{name} {more:?}");
        }

        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    }

    // A second name of a file that is written in place.
    for name in [".lock", ".files", journal.to_str().unwrap()] {
        let path = run.join(name);
        let bytes = fs::read(&path).unwrap();
        fs::hard_link(&path, at.join("second")).unwrap();

        // So that there is something to write, too.
        let report = fs::read(run.join("report.html")).unwrap();
        fs::remove_file(run.join("report.html")).unwrap();
        ldnn_tests::program::run(at, &train);

        assert_eq!(fs::read(at.join("second")).unwrap(), bytes, "{name}");

        fs::write(run.join("report.html"), report).unwrap();
        fs::remove_file(at.join("second")).unwrap();
    }

    succeed(at, &train);
}

#[test]
fn a_lock_and_a_list_of_somebody_else_are_kept() {
    let dir = scratch();
    let at = dir.path();
    let train = [&TRAIN[..], &["learned", "--out", "g.ldnn"]].concat();

    for name in [".lock", ".files", "shards/notes.txt"] {
        let path = at.join("g.ldnn.run").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        let before = tree(at);
        let message = refuse(at, &train, 2);
        assert!(message.contains("holds files that are no run"), "{message}");
        assert!(tree(at) == before, "{name}");

        fs::remove_dir_all(at.join("g.ldnn.run")).unwrap();
    }

    succeed(at, &train);

    for name in [".lock", ".files"] {
        let path = at.join("g.ldnn.run").join(name);
        let own = fs::read(&path).unwrap();
        fs::write(&path, "mine").unwrap();

        let before = tree(at);
        let message = refuse(at, &train, 2);

        assert!(
            message.contains(&format!("'{name}', which is not of it")),
            "{message}"
        );
        assert!(tree(at) == before, "{name}");

        fs::write(&path, own).unwrap();
    }

    succeed(at, &train);
}

#[test]
#[cfg(unix)]
fn a_shard_writes_through_no_link() {
    let dir = scratch();
    let at = dir.path();
    fs::create_dir(at.join("elsewhere")).unwrap();

    let args = [
        "run",
        "study.toml",
        "-q",
        "--set",
        "validate.train.epochs=1",
    ];

    let shard = [&args[..], &["--out", "s", "--shard", "0/1"]].concat();
    succeed(at, &shard);

    for name in [
        "shards",
        "shards/0-of-1",
        "shards/0-of-1/journals",
        "config.toml",
    ] {
        let path = at.join("s").join(name);
        let aside = at.join("elsewhere/aside");
        fs::rename(&path, &aside).unwrap();
        std::os::unix::fs::symlink(&aside, &path).unwrap();

        let before = tree(at);
        refuse(at, &shard, 2);

        assert!(tree(at) == before, "{name}");

        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    }

    fs::write(at.join("s/shards/0-of-1/mine.txt"), "mine").unwrap();
    assert!(refuse(at, &shard, 2).contains("'shards/0-of-1/mine.txt', which is not of it"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_limit_of_the_file_size_is_an_error_that_leaves_nothing() {
    let dir = scratch();
    let at = dir.path();
    let program = ldnn_tests::program::path().display();
    let table = fs::read_to_string(at.join("t.csv")).unwrap();
    let rows: Vec<&str> = table.lines().skip(1).collect();

    fs::write(
        at.join("long.csv"),
        format!("a,b,label\n{}\n", vec![rows.join("\n"); 30].join("\n")),
    )
    .unwrap();

    for args in [
        "predict m.ldnn long.csv --out p.csv",
        "data mnist1d --num_samples 900 --out d.npz",
        "export m.ldnn --out small.onnx",
        "export m.ldnn --out e",
        "train long.csv -q --target label --activations tanh --epochs 3 --runs 2 --out new.ldnn",
    ] {
        // In blocks of 512 bytes, which is less than any of these files.
        let script = format!("ulimit -f 1 && exec '{program}' {args}");
        let before = tree(at);

        let output = Command::new("sh")
            .current_dir(at)
            .args(["-c", &script])
            .output()
            .unwrap();

        let message = String::from_utf8_lossy(&output.stderr);
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "{args}: {output:?}"
        );
        assert!(message.contains("File too large"), "{args}: {message}");

        let after = tree(at);
        let left = after.keys().filter(|path| !before.contains_key(*path));
        let parts: Vec<_> = left
            .filter(|path| path.to_string_lossy().contains(".part"))
            .collect();

        assert!(parts.is_empty(), "{args}: {parts:?}");

        let _ = fs::remove_dir_all(at.join("new.ldnn.run"));
        let _ = fs::remove_dir_all(at.join("e"));
    }
}

#[test]
fn replace_deletes_what_the_run_has_written_and_refuses_what_others_put_there_at_any_depth() {
    let dir = scratch();
    let at = dir.path();

    let export = [
        "export",
        "a/activations.json",
        "--format",
        "json",
        "--out",
        "e",
    ];

    let other = [&export[..], &["--seed", "77", "--replace"]].concat();
    succeed(at, &export);

    // With the endings that runs write too.
    for mine in [
        "notes.md",
        "my.csv",
        "my.svg",
        "data.npz",
        "main.c",
        "sub/notes.txt",
        "sub/deep/config.toml",
    ] {
        let path = at.join("e").join(mine);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();

        let before = tree(at);
        let message = refuse(at, &other, 2);

        assert!(
            message.contains(&format!("'{mine}', which is not of it; move it away")),
            "{message}"
        );
        assert!(tree(at) == before, "{mine}");

        fs::remove_file(path).unwrap();
    }

    succeed(at, &other);

    assert!(
        fs::read_to_string(at.join("e/config.toml"))
            .unwrap()
            .contains("seed = 77")
    );

    // Every name is on the list, and nothing but these.
    let written: Vec<String> = fs::read_to_string(at.join("e/.files"))
        .unwrap()
        .lines()
        .map(String::from)
        .collect();

    for path in tree(&at.join("e")).keys().filter(|path| path.is_file()) {
        let name = path.strip_prefix(at.join("e")).unwrap().to_str().unwrap();
        let is_known = [".lock", ".files"].contains(&name) || written.iter().any(|w| w == name);
        assert!(is_known, "{name} is not in {written:?}");
    }
}

#[test]
fn a_run_without_a_list_of_its_files_is_not_deleted() {
    let dir = scratch();
    let at = dir.path();

    let validate = [
        "validate",
        "-q",
        "--compare",
        "relu",
        "--runs",
        "1",
        "--epochs",
        "1",
        "--hidden",
        "3",
        "--out",
        "r",
    ];

    succeed(at, &validate);
    fs::remove_file(at.join("r/.files")).unwrap();
    // It goes on, and gets no list that would lack what is there.
    succeed(at, &validate);

    assert!(!at.join("r/.files").exists());

    let before = tree(at);

    let message = refuse(
        at,
        &[&validate[..], &["--seed", "5", "--replace"]].concat(),
        2,
    );

    assert!(
        message.contains("without a list of its files") && message.contains("delete the folder"),
        "{message}"
    );
    assert!(tree(at) == before);
}

#[test]
fn of_commands_that_write_the_same_new_file_at_once_one_wins() {
    let dir = scratch();
    let at = dir.path();

    let start = |_| {
        let mut command = Command::new(ldnn_tests::program::path());
        let command = command
            .current_dir(at)
            .args(["predict", "m.ldnn", "--out", "pp.csv"]);
        let pipes = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());

        pipes.spawn().unwrap()
    };

    let mut all: Vec<_> = (0..4).map(start).collect();
    // All of them wait for rows, with the path free.
    let table = fs::read(at.join("t.csv")).unwrap();
    let mut pipes: Vec<_> = all
        .iter_mut()
        .map(|child| child.stdin.take().unwrap())
        .collect();

    pipes
        .iter_mut()
        .for_each(|pipe| pipe.write_all(&table).unwrap());

    let parts = || {
        fs::read_dir(at)
            .unwrap()
            .filter(|e| is_part(&e.as_ref().unwrap().file_name()))
            .count()
    };

    while parts() < 4 {
        thread::sleep(Duration::from_millis(5));
    }

    drop(pipes);

    let outputs: Vec<_> = all
        .into_iter()
        .map(|child| child.wait_with_output().unwrap())
        .collect();

    assert_eq!(outputs.iter().filter(|o| o.status.success()).count(), 1);

    for output in outputs.iter().filter(|o| !o.status.success()) {
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(
            message.contains("has come into being while this command was at work"),
            "{message}"
        );
    }

    assert_eq!(
        fs::read_to_string(at.join("pp.csv"))
            .unwrap()
            .lines()
            .count(),
        61
    );

    assert_eq!(parts(), 0);
}

#[test]
fn a_file_that_appears_at_the_place_of_a_model_during_the_training_stays() {
    let dir = scratch();
    let at = dir.path();

    let args = [
        "train",
        "t.csv",
        "-q",
        "--target",
        "label",
        "--activations",
        "relu,tanh",
        "--runs",
        "40",
        "--epochs",
        "60",
        "--hidden",
        "20",
        "--out",
        "late.ldnn",
    ];

    let mut command = Command::new(ldnn_tests::program::path());
    command
        .current_dir(at)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());

    let mut child = command.spawn().unwrap();

    // The run folder comes after the look at the path.
    while !at.join("late.ldnn.run").exists() {
        thread::sleep(Duration::from_millis(1));
    }

    assert!(child.try_wait().unwrap().is_none(), "it ended at once");

    fs::write(at.join("late.ldnn"), "ten years of work").unwrap();

    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);

    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("has come into being while this command was at work"),
        "{message}"
    );
    assert_eq!(
        fs::read(at.join("late.ldnn")).unwrap(),
        b"ten years of work"
    );

    let names = fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name());
    let parts = names.filter(|n| n.to_string_lossy().contains(".part"));

    assert_eq!(parts.count(), 0);
}

/// Whether a file is a temporary one of `pp.csv`.
fn is_part(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with("pp.csv.part")
}

#[test]
fn what_a_killed_command_left_goes_when_the_same_command_starts() {
    let dir = scratch();
    let at = dir.path();
    let mut command = Command::new(ldnn_tests::program::path());
    command
        .current_dir(at)
        .args(["predict", "m.ldnn", "--out", "pp.csv"])
        .stdin(Stdio::piped());

    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&fs::read(at.join("t.csv")).unwrap())
        .unwrap();

    let parts = || {
        fs::read_dir(at)
            .unwrap()
            .filter(|e| is_part(&e.as_ref().unwrap().file_name()))
            .count()
    };

    while parts() == 0 {
        thread::sleep(Duration::from_millis(5));
    }

    // What a living process writes stays.
    succeed(at, &["predict", "m.ldnn", "t.csv", "--out", "pp.csv"]);

    assert_eq!(parts(), 1);

    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(at.join("pp.csv.part1"), "mine").unwrap();
    succeed(
        at,
        &["predict", "m.ldnn", "t.csv", "--out", "pp.csv", "--replace"],
    );

    assert_eq!(parts(), 1, "the one that is nobody's but the user's");
}

#[test]
fn rows_before_a_bad_one_are_predicted_on_standard_output() {
    let dir = scratch();

    let output = run_with(
        dir.path(),
        &["predict", "m.ldnn"],
        "a,b\n1,2\n3,4\nx,5\n6,7\n",
    );

    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3);

    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("line 4, column 'a'"), "{message}");
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_before_the_work() {
    let dir = scratch();
    let at = dir.path();

    for case in CASES.iter() {
        let out = match case.output {
            Output::File(ending) => format!("nowhere/x.{ending}"),
            Output::Folder => "t.csv/r".into(),
        };
        let before = tree(at);
        let message = refuse(at, &[case.args, &[case.flag, &out]].concat(), 2);
        assert!(message.contains("cannot"), "{:?}: {message}", case.args);
        assert!(tree(at) == before, "{:?}", case.args);
    }
}
