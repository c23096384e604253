//! Commands that end early, and commands that are not alone: an output is there whole or not at
//! all.

use crate::tree::tree;
use ldnn_tests::prepared::scratch;
use ldnn_tests::program::{run_with, succeed};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

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

/// Whether a file is a temporary one of `pp.csv`.
fn is_part(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with("pp.csv.part")
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
fn the_rows_of_an_array_before_a_bad_one_are_predicted_too() {
    let dir = scratch();
    let at = dir.path();
    let values = [1.0, 2.0, 3.0, 4.0, f64::NAN, 5.0, 6.0, 7.0];
    let array = ldnn::data::npz::NpyArray::matrix(values.to_vec(), 2);
    fs::write(at.join("bad.npy"), ldnn::data::npz::npy(&array)).unwrap();

    let output = ldnn_tests::program::run(at, &["predict", "m.ldnn", "bad.npy"]);
    let message = String::from_utf8_lossy(&output.stderr);

    assert_eq!(output.status.code(), Some(2), "{message}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3);
    assert!(
        message.contains("in 'bad.npy': row 3, column 'column1': NaN is not finite"),
        "{message}"
    );

    let message =
        ldnn_tests::program::refuse(at, &["predict", "m.ldnn", "bad.npy", "--out", "p.csv"], 2);
    assert!(
        message.contains("row 3") && !at.join("p.csv").exists(),
        "{message}"
    );
}
