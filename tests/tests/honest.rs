//! An export says where it may answer otherwise than `ldnn predict`, and what it cannot do is
//! refused rather than ignored.

use ldnn::model::sealed::{seal, unseal};
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
        "--weight-decay",
        "0",
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
    fs::write(&golden, format!("{}0.25{}", &text[..place], &text[end..])).unwrap();

    let error = refuse(at, &["verify", "e"], 1);
    assert!(error.contains("was edited by hand"), "{error}");

    // With the checksum made anew.
    let mut content: serde_json::Value = serde_json::from_str(&text).unwrap();
    unseal(&mut content).unwrap();
    let write = |content: &serde_json::Value| fs::write(&golden, seal(content).unwrap()).unwrap();
    write(&content);
    succeed(at, &["verify", "e"]);

    for (tolerance, shown) in [(1e300, "1e300"), (1e-4, "1e-4")] {
        let mut forged = content.clone();
        forged["predicted"]["tolerance"] = tolerance.into();
        write(&forged);
        let error = refuse(at, &["verify", "e"], 1);
        let said = format!("asks for a tolerance of {shown}");
        assert!(error.contains(&said), "{error}");
    }

    // Without any, as earlier versions wrote it.
    fs::write(&golden, content.to_string()).unwrap();
    let error = refuse(at, &["verify", "e"], 1);
    assert!(
        error.contains("no checksum") && error.contains("export again"),
        "{error}"
    );
}

#[test]
fn integers_have_one_tolerance_and_every_file_of_an_export_is_named() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    model(at);
    let export = [
        "export",
        "m.ldnn",
        "--weights",
        "int8",
        "--format",
        "c,postcard,npz",
        "--out",
        "e",
    ];
    succeed(at, &export);

    let golden = at.join("e/golden.json");
    let text = fs::read_to_string(&golden).unwrap();
    let mut content: serde_json::Value = serde_json::from_str(&text).unwrap();
    unseal(&mut content).unwrap();
    let write = |content: &serde_json::Value| fs::write(&golden, seal(content).unwrap()).unwrap();

    let mut forged = content.clone();
    forged["predicted"]["tolerance"] = 0.4.into();
    write(&forged);
    let error = refuse(at, &["verify", "e"], 1);
    assert!(error.contains("of this export it is 0.5"), "{error}");

    for name in [
        "model.json",
        "ldnn_model.c",
        "ldnn_model.h",
        "ldnn_model.ldnn",
        "ldnn_model.npz",
    ] {
        let mut forged = content.clone();
        forged["files"]
            .as_object_mut()
            .unwrap()
            .remove(name)
            .unwrap();
        write(&forged);
        let error = refuse(at, &["verify", "e"], 1);
        assert!(error.contains(&format!("does not name {name}")), "{error}");
    }
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

/// The numbers under a key, anywhere in a JSON value.
fn numbers_under(value: &serde_json::Value, wanted: &str) -> Vec<Vec<f64>> {
    let numbers = |value: &serde_json::Value| {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(serde_json::Value::as_f64).collect()
    };

    match value {
        serde_json::Value::Object(parts) => parts
            .iter()
            .flat_map(|(key, value)| match key == wanted {
                true => vec![numbers(value)],
                false => numbers_under(value, wanted),
            })
            .collect(),
        serde_json::Value::Array(parts) => {
            let parts = parts.iter();
            parts
                .flat_map(|value| numbers_under(value, wanted))
                .collect()
        }
        _ => vec![],
    }
}

#[test]
fn tables_that_learned_are_deployed_as_they_are_and_what_a_device_cannot_add_is_sampled() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    let row = |i: usize| format!("{},{}\n", i as f64 / 40.0, (i as f64 / 7.0).sin());
    let rows: String = (0..120).map(row).collect();
    fs::write(at.join("t.csv"), "a,y\n".to_string() + &rows).unwrap();

    let train = |start: &'static str, out: &'static str| {
        let own = ["--start", start, "--out", out, "--table-knots", "300"];
        let args = [
            "train",
            "t.csv",
            "-q",
            "--target",
            "y",
            "--keep",
            "learned",
            "--compare",
            "relu",
            "--runs",
            "2",
            "--epochs",
            "20",
            "--hidden",
            "6",
        ];
        succeed(at, &[&args[..], &own].concat());
    };

    train("tanh+sine", "m.ldnn");
    let said = succeed(at, &["export", "m.ldnn", "--out", "out"]);
    assert!(said.contains("as trained"), "{said}");

    let read = |name: &str| -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(at.join(name)).unwrap()).unwrap()
    };
    let tables = numbers_under(&read("out/model.json"), "entries").concat();
    let trained = numbers_under(&read("m.ldnn"), "params").concat();
    assert_eq!(tables.len(), 2 * 600);
    assert_eq!(tables, trained[trained.len() - 1200..]);

    // Another form, or a size, is sampled.
    for more in [
        ["--form", "i16"],
        ["--knots", "17"],
        ["--max-error", "0.01"],
    ] {
        let args = [
            &["export", "m.ldnn", "--out", "other", "--replace"][..],
            &more,
        ]
        .concat();
        assert!(!succeed(at, &args).contains("as trained"), "{more:?}");
    }

    train("elu+relu", "e.ldnn");
    let said = succeed(at, &["export", "e.ldnn", "--out", "elu"]);
    assert!(!said.contains("as trained"), "{said}");

    for (model, more) in [("e.ldnn", &[][..]), ("m.ldnn", &["--knots", "17"])] {
        let args = [&["export", model, "--form", "trained", "--out", "no"], more].concat();
        let error = refuse(at, &args, 2);
        assert!(error.contains("use another --form"), "{error}");
    }
}
