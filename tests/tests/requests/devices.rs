//! Exports for devices that nothing has, or that would answer wrongly.

use crate::train_tables;
use ldnn_tests::prepared::scratch;
use ldnn_tests::program::{refuse, run, succeed};
use std::fs;
use std::path::Path;

/// The files of a folder that are results.
fn results(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    names
        .filter(|name| name != "config.toml" && !name.starts_with('.'))
        .collect()
}

#[test]
fn a_size_or_form_that_nothing_has_is_a_wrong_request_and_blocks_no_other() {
    let dir = scratch();
    let at = dir.path();
    train_tables(at);

    let subnets = ["--onnx-activations", "subnets"];
    for (more, said) in [
        (
            &["--bytes", "1", "--form", "linear"][..],
            "--bytes 1: no table",
        ),
        (&["--max-error", "1e-12"], "--max-error"),
        (
            &[&subnets[..], &["--format", "onnx"]].concat(),
            "--onnx-activations tables",
        ),
        (
            &[&subnets[..], &["--format", "onnx,c"]].concat(),
            "--onnx-activations tables",
        ),
    ] {
        let args = [&["export", "l.ldnn", "--out", "e"], more].concat();
        let message = refuse(at, &args, 2);
        assert!(message.contains(said), "{message}");
        assert_eq!(results(&at.join("e")), Vec::<String>::new(), "{more:?}");
    }

    let one_file = [&["export", "l.ldnn", "--out", "e.onnx"], &subnets[..]].concat();
    refuse(at, &one_file, 2);
    assert!(!at.join("e.onnx").exists());

    succeed(at, &["export", "l.ldnn", "--out", "e"]);
}

/// Two inputs with a very long tail, and the sign of the sum of their logarithms.
fn write_long_tails(at: &Path) {
    let number = |i: u32, step: f64| (f64::from(i) * step).fract().mul_add(0.998, 0.001);
    let rows = (0..400).map(|i| {
        // Logistic, as wide as a normal distribution with a deviation of 3.
        let logits = [0.618_033_988_749, 0.754_877_666_247].map(|step| {
            let u = number(i + 1, step);
            1.65 * (u / (1.0 - u)).ln()
        });
        let class = if logits[0] + logits[1] > 0.0 {
            "p"
        } else {
            "q"
        };
        format!("{},{},{class}\n", logits[0].exp(), logits[1].exp())
    });

    fs::write(
        at.join("long.csv"),
        format!("a,b,y\n{}", rows.collect::<String>()),
    )
    .unwrap();
}

#[test]
fn integers_that_answer_otherwise_than_the_model_are_not_written() {
    let dir = scratch();
    let at = dir.path();
    write_long_tails(at);

    let train = [
        "train",
        "long.csv",
        "-q",
        "--target",
        "y",
        "--activations",
        "tanh",
        "--lr",
        "0.02",
        "--weight-decay",
        "0",
        "--epochs",
        "300",
        "--runs",
        "2",
        "--out",
        "long.ldnn",
    ];
    succeed(at, &train);

    let export = ["export", "long.ldnn", "-q", "--out", "e"];
    let message = refuse(at, &[&export[..], &["--weights", "int8"]].concat(), 1);

    for said in [
        "no export is written",
        "ldnn export --weights f32",
        "the logarithms of inputs",
    ] {
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(results(&at.join("e")), Vec::<String>::new());

    // The first thing that the message names.
    succeed(at, &export);
    succeed(at, &["verify", "e"]);
}

#[test]
fn tables_of_integers_do_not_need_the_error_of_others() {
    let dir = scratch();
    let at = dir.path();
    let tables = ["--form", "i8", "--max-error", "1e-9"];
    refuse(
        at,
        &[&["export", "m.ldnn", "--out", "e"], &tables[..]].concat(),
        2,
    );

    // A range so wide that no table of real numbers is within the usual error.
    let wide = ["--range", "-30000,30000", "--out", "e"];
    refuse(at, &[&["export", "m.ldnn"], &wide[..]].concat(), 2);
    let integers = [&["export", "m.ldnn", "-q", "--weights", "int8"], &wide[..]].concat();
    let said = run(at, &integers);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!said.contains("--max-error"), "{said}");
}
