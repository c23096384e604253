//! Settings that nothing uses beside the others are refused, and no others.

use crate::train_tables;
use ldnn_tests::prepared::scratch;
use ldnn_tests::program::{refuse, succeed};

/// Commands, each with the flag that it has no use for.
const IDLE: [(&str, &str); 33] = [
    (
        "train t.csv --target label --activations relu --start tanh",
        "--start",
    ),
    (
        "train t.csv --target label --activations learning:tanh --start sine",
        "--start",
    ),
    (
        "train t.csv --target label --activations relu --table-knots 17",
        "--table-knots",
    ),
    (
        "train t.csv --target label --activations meta --set tables.table_rate=0.3",
        "--table-rate",
    ),
    ("train t.csv --target label --types 3", "--types"),
    (
        "train t.csv --target label --schedule alternating",
        "--schedule",
    ),
    (
        "train t.csv --target label --activations a --steps 9",
        "--steps",
    ),
    (
        "train t.csv --target label --activations relu,tanh --compare sine",
        "--compare",
    ),
    ("train n.npz --test-share 0.3", "--test-share"),
    ("train n.npz --delimiter tab", "--delimiter"),
    ("export m.ldnn --no-header", "--no-header"),
    ("tune t.csv --target label --keep relu", "--keep"),
    ("tune t.csv --target label --types 3", "--types"),
    ("tune t.csv --target label --epochs 3,9", "--epochs"),
    (
        "tune t.csv --target label --pareto --set hidden=5",
        "--hidden",
    ),
    (
        "tune t.csv --target label --pareto --set budget=5",
        "--budget",
    ),
    (
        "train t.csv --target label --max-error 9 --set fit.hidden=5",
        "--hidden",
    ),
    (
        "tune t.csv --target label --activations relu --table-smoothing 0.1",
        "--table-smoothing",
    ),
    ("validate --compare relu --exact", "--exact"),
    ("validate --compare relu --table-rate 0.2", "--table-rate"),
    ("meta --period 5", "--period"),
    ("meta --schedule alternating --tape short", "--tape"),
    ("meta --outer-loss train --held-out 9", "--held-out"),
    ("meta --exact --table-knots 9", "--table-knots"),
    ("export m.ldnn --out x.onnx --bytes 100", "--bytes"),
    ("export m.ldnn --out x.onnx --golden 5", "--golden"),
    ("export m.ldnn --out x.onnx --data t.csv", "--data"),
    ("export m.ldnn --out x.onnx --name y", "--name"),
    ("export m.ldnn --format npz --seed 3", "--seed"),
    ("export m.ldnn --samples 9", "--samples"),
    (
        "export m.ldnn --onnx-activations subnets",
        "--onnx-activations",
    ),
    (
        "export m.ldnn --weights int8 --max-error 0.1",
        "--max-error",
    ),
    ("export a --format npz --lr 0.1", "--lr"),
];

/// Commands that use every flag that they have.
const USED: [&str; 12] = [
    "train t.csv --target label --delimiter , --header",
    "train t.csv --target label --start tanh --table-knots 17 --compare relu",
    "train t.csv --target label --activations meta --types 3 --schedule alternating --steps 9",
    "train t.csv --target label --activations a --table-knots 17",
    "train t.csv --target label --activations none --compare relu",
    "tune t.csv --target label --set space.activations=meta,relu --steps 9 --epochs 9",
    "validate --compare relu,learning:tanh --table-rate 0.2",
    "validate --activations a --exact",
    "meta --schedule alternating --period 5",
    "export m.ldnn --weights int8 --form i8 --golden 9",
    "export a --what network --format onnx --lr 0.1 --seed 3",
    "export m.ldnn --format txt,onnx --samples 9 --onnx-activations tables",
];

/// A command that does nothing but take its settings.
fn dry(command: &str) -> Vec<&str> {
    command.split(' ').chain(["--dry-run"]).collect()
}

#[test]
fn what_nothing_uses_is_refused_by_its_flag() {
    let dir = scratch();
    let at = dir.path();

    for (command, flag) in IDLE {
        let message = refuse(at, &dry(command), 2);
        assert!(
            message.starts_with("error: ") && message.contains(flag),
            "{command}: {message}"
        );
        assert!(
            [
                "leave it out",
                "leave them out",
                "give one number",
                "--widths"
            ]
            .iter()
            .any(|remedy| message.contains(remedy)),
            "{command}: {message}"
        );
    }

    for command in USED {
        succeed(at, &dry(command));
    }
}

#[test]
fn settings_of_a_run_may_be_given_back_with_other_activations() {
    let dir = scratch();
    let at = dir.path();
    train_tables(at);

    let again = [
        "train",
        "--config",
        "l.ldnn.run/config.toml",
        "--activations",
        "tanh",
        "--dry-run",
    ];
    succeed(at, &again);

    for more in [
        &["--weights", "int8"][..],
        &["--form", "i8"],
        &["--format", "onnx"],
    ] {
        succeed(
            at,
            &[&["export", "l.ldnn", "-q", "--out", "e", "--replace"], more].concat(),
        );
        succeed(at, &["export", "--config", "e/config.toml", "--dry-run"]);
    }
}
