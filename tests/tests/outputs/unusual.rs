//! What is in the place of a file and is none, folders that cannot be read, folders that are not
//! there yet: every command ends soon, and says what it met.

#![cfg(target_os = "linux")]

use crate::tree::tree;
use ldnn_tests::prepared::scratch;
use ldnn_tests::program::{path, refuse, succeed};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

/// Runs the program in little memory, and for so long only as nobody would notice.
fn run_briefly(at: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command
        .current_dir(at)
        .args(["-c", "ulimit -v 4000000; exec timeout 60 \"$@\"", "sh"])
        .arg(path())
        .args(args);
    command.output().unwrap()
}

fn make_pipe(at: &Path) {
    let _ = fs::remove_file(at);
    assert!(Command::new("mkfifo").arg(at).status().unwrap().success());
}

#[test]
fn a_device_or_a_pipe_in_the_place_of_a_file_is_named_and_ends_the_command() {
    let dir = scratch();
    let at = dir.path();
    make_pipe(&at.join("pipe"));
    symlink("/dev/zero", at.join("zeros.npz")).unwrap();
    symlink("/dev/zero", at.join("zeros.safetensors")).unwrap();

    let cases: &[(&[&str], &str)] = &[
        (&["inspect", "/dev/zero"], "'/dev/zero' is a device"),
        (&["inspect", "pipe"], "'pipe' is a named pipe"),
        (&["predict", "pipe", "t.csv"], "'pipe' is a named pipe"),
        (&["eval", "/dev/zero", "t.csv"], "'/dev/zero' is a device"),
        (&["export", "/dev/zero", "--out", "e"], "is a device"),
        (&["export", "pipe", "--out", "e"], "is a named pipe"),
        (
            &["predict", "m.ldnn", "/dev/zero"],
            "'/dev/zero' is a device",
        ),
        (&["run", "pipe"], "'pipe' is a named pipe"),
        (&["run", "/dev/zero"], "'/dev/zero' is a device"),
        (&["validate", "--config", "pipe"], "'pipe' is a named pipe"),
        (
            &["validate", "--data", "zeros.npz"],
            "'zeros.npz' is a device",
        ),
        (
            &["import", "zeros.safetensors", "--out", "i.ldnn"],
            "is a device",
        ),
        (
            &[
                "train",
                "t.csv",
                "--target",
                "label",
                "--activations",
                "pipe",
            ],
            "'pipe' is a named pipe",
        ),
        (&["verify", "export"], "golden.json' is a device"),
        (&["compare", "v", "v"], "trainings.jsonl' is a named pipe"),
    ];

    succeed(at, &["-q", "export", "m.ldnn", "--out", "export"]);
    fs::remove_file(at.join("export/golden.json")).unwrap();
    symlink("/dev/zero", at.join("export/golden.json")).unwrap();
    make_pipe(&at.join("v/trainings.jsonl"));
    make_pipe(&at.join("v/report.txt"));
    let before = tree(at);

    for (args, says) in cases {
        let output = run_briefly(at, args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        assert!(
            code == Some(2) || code == Some(1),
            "{args:?}: {code:?} {said}"
        );
        assert!(said.contains(says), "{args:?}: {said}");
        assert!(said.contains("not a file"), "{args:?}: {said}");
    }

    // What only counts results or shows them goes on without.
    for args in [&["list", "."][..], &["show", "v"]] {
        let output = run_briefly(at, args);
        assert!(output.status.success(), "{args:?}: {output:?}");
    }

    assert!(tree(at) == before);
}

#[test]
fn a_table_may_come_through_a_pipe() {
    let dir = scratch();
    let at = dir.path();
    let expected = succeed(at, &["predict", "m.ldnn", "x.csv"]);

    for command in [
        "cat x.csv | \"$0\" predict m.ldnn -",
        "cat x.csv | \"$0\" predict m.ldnn /dev/stdin",
        "cat x.csv | \"$0\" predict m.ldnn",
        "\"$0\" predict m.ldnn /dev/stdin < x.csv",
        "\"$0\" predict m.ldnn <(cat x.csv)",
    ] {
        let output = Command::new("bash")
            .current_dir(at)
            .args(["-c", command])
            .arg(path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            expected,
            "{command}"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_skipped_by_list_with_a_note() {
    let dir = scratch();
    let at = dir.path();
    fs::create_dir_all(at.join("secret/inside")).unwrap();
    let mode = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(at.join("secret"), mode(0o000)).unwrap();
    fs::set_permissions(at, mode(0o755)).unwrap();

    // Nothing is secret to root.
    let is_root = fs::read_dir(at.join("secret")).is_ok();
    let mut command = match is_root {
        true => {
            let mut command = Command::new("setpriv");
            let user = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
            command.args(user).arg(path());
            command
        }
        false => Command::new(path()),
    };

    let output = command.args(["list"]).arg(at).output().unwrap();
    fs::set_permissions(at.join("secret"), mode(0o755)).unwrap();

    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if is_root && said.contains("setpriv") {
        return;
    }

    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("note: the folder '") && said.contains("secret' was skipped"),
        "{said}"
    );

    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        listed.contains("m.ldnn.run") && listed.contains("/v"),
        "{listed}"
    );
}

#[test]
fn the_folder_of_an_output_is_made_as_a_run_folder_is() {
    let dir = scratch();
    let at = dir.path();

    for args in [
        &["predict", "m.ldnn", "x.csv", "--out", "p/q/classes.csv"][..],
        &["export", "m.ldnn", "--out", "e/w.safetensors"],
        &["import", "w.safetensors", "--out", "i/m.ldnn"],
        &["inspect", "m.ldnn", "--picture", "s/m.svg"],
        &["data", "mnist1d", "--num_samples", "50", "--out", "d/n.npz"],
    ] {
        succeed(at, args);
        assert!(at.join(args.last().unwrap()).is_file(), "{args:?}");
    }

    let train = ldnn_tests::program::SHORT_TRAINING;
    succeed(at, &[&train[..], &["--out", "k/l/x.ldnn"]].concat());
    assert!(at.join("k/l/x.ldnn").is_file() && at.join("k/l/x.ldnn.run").is_dir());

    // What is refused leaves no folder.
    refuse(
        at,
        &["predict", "m.ldnn", "none.csv", "--out", "no/p.csv"],
        2,
    );
    assert!(!at.join("no").exists());
}

#[test]
fn a_core_that_is_not_there_is_an_error_before_anything_is_compiled() {
    let dir = scratch();
    let at = dir.path();
    succeed(
        at,
        &["-q", "export", "m.ldnn", "--format", "c", "--out", "e"],
    );
    fs::create_dir(at.join("other")).unwrap();
    fs::write(at.join("other/Cargo.toml"), "[package]\nname = \"other\"\n").unwrap();

    let message = refuse(at, &["verify", "e", "--core", "nowhere"], 2);
    assert!(message.contains("no folder 'nowhere'"), "{message}");

    let message = refuse(at, &["verify", "e", "--core", "other"], 2);
    assert!(
        message.contains("'other'") && message.contains("not the source of ldnn-core"),
        "{message}"
    );

    let core = concat!(env!("CARGO_MANIFEST_DIR"), "/../core");
    succeed(at, &["verify", "e", "--core", core]);
}

#[test]
fn an_export_that_is_wrong_is_listed_as_failed_until_it_is_right() {
    let dir = scratch();
    let at = dir.path();

    // A compiler that is there, and compiles nothing.
    fs::create_dir(at.join("bin")).unwrap();
    let gcc = at.join("bin/gcc");
    fs::write(&gcc, "#!/bin/sh\n[ \"$1\" = --version ]\n").unwrap();
    fs::set_permissions(&gcc, fs::Permissions::from_mode(0o755)).unwrap();

    let export = ["-q", "export", "m.ldnn", "--format", "c", "--out", "e"];
    let output = Command::new(path())
        .current_dir(at)
        .args(export)
        .env("PATH", at.join("bin"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the export is written, and wrong"), "{said}");

    let state = || {
        let listed = succeed(at, &["list", "."]);
        let mut lines = listed.lines();
        lines
            .find(|line| line.contains("./e "))
            .unwrap()
            .to_string()
    };
    assert!(state().contains("failed"), "{}", state());
    assert!(succeed(at, &["show", "e"]).contains("failed: "));

    succeed(at, &export);
    assert!(state().contains("finished"), "{}", state());
}
