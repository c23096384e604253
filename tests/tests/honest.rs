//! An export says where it may answer otherwise than `ldnn predict`, and what it cannot do is
//! refused rather than ignored.

use ldnn_tests::program::{SHORT_TRAINING, refuse, run, succeed};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// A model with learned activations, on rows of which one is far from the others.
fn model(at: &Path) {
    let row = |i: usize| {
        let a = if i == 3 {
            1e4
        } else {
            (i * 37 % 101) as f64 / 50.0 - 1.0
        };
        let b = (i * 53 % 97) as f64 / 48.0 - 1.0;
        format!("{a},{b},{}\n", a.min(1.0) * b)
    };
    let rows: String = (0..1500).map(row).collect();
    fs::write(at.join("t.csv"), "a,b,y\n".to_string() + &rows).unwrap();

    let train = [
        "train",
        "t.csv",
        "--target",
        "y",
        "--out",
        "m.ldnn",
        "--quiet",
        "--activations",
        "meta",
        "--keep",
        "learned",
        "--compare",
        "relu",
        "--steps",
        "3",
        "--runs",
        "2",
        "--epochs",
        "8",
        "--hidden",
        "6",
        "--lr",
        "0.01",
    ];
    succeed(at, &train);
}

#[test]
fn tables_that_leave_rows_out_and_sub_networks_beyond_their_range_are_told() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    model(at);

    let whole = succeed(at, &["export", "m.ldnn", "--out", "whole"]);
    assert!(!whole.contains("beyond the tables"), "{whole}");

    let narrow = run(
        at,
        &["export", "m.ldnn", "--percentile", "50", "--out", "narrow"],
    );
    let said = String::from_utf8_lossy(&narrow.stdout).into_owned();
    assert!(
        said.contains("of the pre-activations on the training rows are beyond the tables"),
        "{said}"
    );

    let subnets = [
        "export",
        "m.ldnn",
        "--onnx-activations",
        "subnets",
        "--out",
        "m.onnx",
    ];
    let error = refuse(at, &subnets, 2);
    assert!(
        error.contains("pre-activations reach from") && error.contains("tables"),
        "{error}"
    );
    assert!(!at.join("m.onnx").exists());
}

#[test]
fn a_tolerance_beyond_the_stated_one_is_refused() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    model(at);
    succeed(at, &["export", "m.ldnn", "--format", "c", "--out", "e"]);

    let golden = at.join("e/golden.json");
    let text = fs::read_to_string(&golden).unwrap();
    let place = text.find("\"tolerance\":").unwrap() + 12;
    let end = place + text[place..].find(',').unwrap();
    fs::write(&golden, format!("{}1e300{}", &text[..place], &text[end..])).unwrap();

    let error = refuse(at, &["verify", "e"], 1);
    assert!(error.contains("asks for a tolerance of 1e300"), "{error}");
}

#[test]
fn settings_that_a_file_cannot_have_are_refused() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    let row = |i: usize| format!("{},{}\n", i % 17, ["no", "yes"][i % 17 / 9]);
    let rows: String = (0..100).map(row).collect();
    fs::write(at.join("t.csv"), "a,label\n".to_string() + &rows).unwrap();
    succeed(at, &[&SHORT_TRAINING[..], &["--out", "m.ldnn"]].concat());

    for (rest, what) in [
        (
            &["--out", "m.onnx", "--weights", "int8"][..],
            "hold real numbers",
        ),
        (&["--out", "m.onnx", "--form", "i8"], "hold real numbers"),
        (
            &["--out", "e", "--weights", "int8", "--form", "i16"],
            "leave it out",
        ),
        (&["--out", "e", "--name", "stdint"], "no header of C"),
    ] {
        let error = refuse(at, &[&["export", "m.ldnn"], rest].concat(), 2);
        assert!(error.contains(what), "{rest:?}: {error}");
    }

    assert!(!at.join("e").exists() && !at.join("m.onnx").exists());
}
