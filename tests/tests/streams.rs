//! Standard output and standard error are the user's, too: nothing is lost where they go.

#![cfg(target_os = "linux")]

use ldnn_tests::program::{SHORT_TRAINING, path, succeed};
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::tempdir;

fn table(at: &Path) {
    let row = |i: usize| format!("{},{},{}\n", i % 17, i * 7 % 13, ["no", "yes"][i % 17 / 9]);
    let rows: String = (0..200).map(row).collect();
    fs::write(at.join("t.csv"), "a,b,label\n".to_string() + &rows).unwrap();
}

fn train(at: &Path, out: &str) -> Command {
    let mut command = Command::new(path());
    command
        .current_dir(at)
        // Not quietly: progress is what cannot be written.
        .args(SHORT_TRAINING.iter().filter(|arg| **arg != "-q"))
        .args(["--out", out]);
    command
}

#[test]
fn a_training_goes_on_if_nobody_takes_what_it_says_on_standard_error() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    table(at);

    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = train(at, "full.ldnn")
        .stderr(full)
        .stdout(Stdio::null())
        .status();
    assert_eq!(status.unwrap().code(), Some(0));
    assert!(at.join("full.ldnn").exists());

    // An error keeps its exit code.
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = Command::new(path())
        .current_dir(at)
        .args(["predict", "none.ldnn", "t.csv"])
        .stderr(full)
        .status();
    assert_eq!(status.unwrap().code(), Some(2));
}

/// The text of any command, also one that works on nothing.
#[test]
fn nothing_is_appended_to_what_a_command_names() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    table(at);
    succeed(at, &[&SHORT_TRAINING[..], &["--out", "m.ldnn"]].concat());
    succeed(at, &["-q", "export", "m.ldnn", "--out", "ex"]);

    let cases: [(&[&str], &str); 6] = [
        (
            &["train", "t.csv", "--target", "label", "--dry-run"],
            "t.csv",
        ),
        (&["predict", "m.ldnn", "t.csv", "--print-config"], "t.csv"),
        (&["export", "m.ldnn", "--print-config"], "m.ldnn"),
        (
            &[
                "export",
                "m.ldnn",
                "--config=ex/config.toml",
                "--print-config",
            ],
            "ex/config.toml",
        ),
        (&["verify", "ex"], "ex/model.json"),
        (&["show", "ex"], "ex/report.txt"),
    ];

    for (args, file) in cases {
        let before = fs::read(at.join(file)).unwrap();
        let to = OpenOptions::new().append(true).open(at.join(file)).unwrap();
        let output = Command::new(path())
            .current_dir(at)
            .args(args)
            .stdout(to)
            .output()
            .unwrap();

        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("standard output is"), "{args:?}: {said}");
        assert_eq!(fs::read(at.join(file)).unwrap(), before, "{args:?}");
    }
}

#[test]
fn standard_output_onto_an_input_is_refused() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    table(at);
    succeed(at, &[&SHORT_TRAINING[..], &["--out", "m.ldnn"]].concat());
    let before = fs::read(at.join("t.csv")).unwrap();

    for file in ["t.csv", "-"] {
        let to = OpenOptions::new()
            .append(true)
            .open(at.join("t.csv"))
            .unwrap();
        let output = Command::new(path())
            .current_dir(at)
            .args(["predict", "m.ldnn", file])
            .stdin(File::open(at.join("t.csv")).unwrap())
            .stdout(to)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();

        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("standard output is '") && said.contains("another file"),
            "{said}"
        );
        assert_eq!(fs::read(at.join("t.csv")).unwrap(), before);
    }
}

/// What is run, with one of its streams onto a file.
fn onto(at: &Path, args: &[&str], file: &Path, error: bool) -> std::process::Output {
    let to = OpenOptions::new().append(true).open(file).unwrap();
    let mut command = Command::new(path());
    command.current_dir(at).args(args);

    match error {
        true => command.stderr(to).stdout(Stdio::piped()),
        false => command.stdout(to).stderr(Stdio::piped()),
    };
    command.output().unwrap()
}

#[test]
fn no_stream_goes_into_a_file_of_a_run_an_export_or_a_model_whatever_the_command_names() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    table(at);
    succeed(at, &SHORT_TRAINING);
    succeed(at, &[&SHORT_TRAINING[..], &["--out", "runs/x"]].concat());
    succeed(at, &["-q", "export", "model.ldnn"]);
    succeed(at, &["-q", "export", "model.ldnn", "--out", "plain"]);
    // An export that was copied has no list of its files.
    fs::remove_file(at.join("plain/.files")).unwrap();
    fs::remove_file(at.join("plain/.lock")).unwrap();

    // Files inside by another name.
    fs::hard_link(at.join("runs/x.run/config.toml"), at.join("link")).unwrap();
    fs::hard_link(at.join("out/export/model.json"), at.join("link2")).unwrap();
    fs::hard_link(at.join("model.ldnn"), at.join("link3")).unwrap();
    fs::hard_link(at.join("t.csv"), at.join("link4")).unwrap();

    let training = SHORT_TRAINING;
    let cases: [(&[&str], &str); 11] = [
        (&["list", "runs"], "runs/x.run/config.toml"),
        (&["list", "runs"], "link"),
        (&["list"], "link2"),
        (&["show", "out/export"], "link2"),
        (&training, "model.ldnn.run/config.toml"),
        (&training, "model.ldnn.run/report.txt"),
        (&training, "model.ldnn"),
        (&training, "link3"),
        (&training, "link4"),
        (&["verify"], "out/export/ldnn_model.c"),
        (&["verify", "out/export"], "plain/ldnn_model.c"),
    ];

    for (args, file) in cases {
        for error in [false, true] {
            let before = fs::read(at.join(file)).unwrap();
            let output = onto(at, args, &at.join(file), error);
            let said = match error {
                true => output.stdout,
                false => output.stderr,
            };
            let said = String::from_utf8_lossy(&said).into_owned();
            let stream = ["standard output", "standard error"][usize::from(error)];

            assert_eq!(output.status.code(), Some(2), "{args:?} {file}: {said}");
            assert!(
                said.contains(&format!("{stream} is '")) && said.contains("write to another file"),
                "{args:?} {file}: {said}"
            );
            assert_eq!(fs::read(at.join(file)).unwrap(), before, "{args:?} {file}");
        }
    }
}

#[test]
fn a_log_of_the_users_own_is_written_to() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    table(at);
    succeed(
        at,
        &[&SHORT_TRAINING[..], &["--out", "out/m.ldnn"]].concat(),
    );
    succeed(at, &["-q", "export", "out/m.ldnn"]);

    // The settings of some other program.
    fs::write(at.join("config.toml"), "title = 'mine'\n").unwrap();

    let cases: [(&[&str], &str); 5] = [
        (&["list"], "out/log.txt"),
        (&["list", "."], "log.txt"),
        (&["show", "out/export"], "log.txt"),
        (&["verify"], "out/log.txt"),
        (&["predict", "out/m.ldnn", "t.csv"], "log.txt"),
    ];

    for (args, log) in cases {
        for error in [false, true] {
            let log = at.join(log);
            fs::write(&log, "before\n").unwrap();
            let output = onto(at, args, &log, error);

            assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
            assert!(fs::read_to_string(&log).unwrap().starts_with("before\n"));
        }
    }
}
