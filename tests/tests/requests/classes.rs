//! Whole numbers: classes or a number.

use ldnn::data::npz::{NpyArray, write};
use ldnn_tests::prepared::scratch;
use ldnn_tests::program::{run, succeed};
use std::fs;
use std::path::Path;

/// 60 rows of two inputs with these targets, and the same rows to test on.
fn write_archive(at: &Path, name: &str, y: NpyArray) {
    let x = (0..120).map(|i| f64::from(i * 37 % 101)).collect();
    let x = NpyArray::matrix(x, 2);
    let all = [
        ("x", x.clone()),
        ("y", y.clone()),
        ("x_test", x),
        ("y_test", y),
    ];
    fs::write(at.join(name), write(&all)).unwrap();
}

#[test]
fn whole_numbers_are_classes_or_numbers_by_one_rule_whatever_their_type() {
    let dir = scratch();
    let at = dir.path();
    let whole = |step: f64| {
        (0..60)
            .map(|i| f64::from(i % 3) * step)
            .collect::<Vec<f64>>()
    };

    write_archive(at, "whole.npz", NpyArray::vector(whole(1.0)));
    write_archive(at, "half.npz", NpyArray::vector(whole(0.5)));
    write_archive(at, "signed.npz", NpyArray::vector(whole(-1.0)));
    write_archive(
        at,
        "labels.npz",
        NpyArray::labels((0..60).map(|i| i % 3).collect()),
    );

    let short = [
        "-q",
        "--activations",
        "relu",
        "--hidden",
        "3",
        "--epochs",
        "1",
        "--runs",
        "2",
    ];
    let train = |file, more: &[&str]| {
        let args = [
            &["train", file, "--out", "y.ldnn", "--replace"],
            &short[..],
            more,
        ]
        .concat();
        succeed(at, &args)
    };

    for file in ["whole.npz", "labels.npz", "signed.npz"] {
        let said = train(file, &[]);
        assert!(
            said.contains("one of 3 classes (each is a number: --regression predicts"),
            "{said}"
        );
        assert!(train(file, &["--regression"]).contains("y (regression)"));
    }
    assert!(train("half.npz", &[]).contains("y (regression)"));

    let validate = |file| {
        let args = [
            "validate",
            "-q",
            "--data",
            file,
            "--compare",
            "relu",
            "--runs",
            "1",
            "--epochs",
            "1",
            "--hidden",
            "3",
            "--out",
            "w",
            "--replace",
        ];
        let output = run(at, &args);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    };

    let (said, note) = validate("whole.npz");
    assert!(said.contains("test accuracy"), "{said}");
    assert!(
        note.contains("it is taken for classes") && note.contains("y / y.std()"),
        "{note}"
    );

    let (said, note) = validate("labels.npz");
    assert!(
        said.contains("test accuracy") && note.is_empty(),
        "{said} {note}"
    );

    let (said, note) = validate("half.npz");
    assert!(
        said.contains("test loss") && note.is_empty(),
        "{said} {note}"
    );

    // Commands that number classes from 0 cannot have -1.
    let (_, error) = validate("signed.npz");
    assert!(
        error.contains("number the classes from 0") && error.contains("y / y.std()"),
        "{error}"
    );
}
