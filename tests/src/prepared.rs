//! A folder with all that commands read, as small as it can be.

use crate::program::{SHORT_TRAINING, succeed};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use tempfile::{TempDir, tempdir};

/// Learning two activations, as short as it can be.
pub const SHORT_META: [&str; 12] = [
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
    "--steps",
    "3",
];

/// Training an ensemble of one network, but for the width of the network.
pub const SHORT_VALIDATE: [&str; 9] = [
    "validate",
    "-q",
    "--compare",
    "relu",
    "--runs",
    "1",
    "--epochs",
    "1",
    "--hidden",
];

/// A folder of its own for a test, with what commands read:
///
/// | name | what |
/// |---|---|
/// | `t.csv`, `t2.csv` | a table of two inputs and the column `label` |
/// | `x.csv`, `y.csv` | its inputs and its labels |
/// | `n.npz` | MNIST-1D, 50 rows |
/// | `study.toml`, `empty.toml` | a study of two trainings; no settings |
/// | `a`, `act2.json` | a run of `meta`; the activations that it learned |
/// | `v`, `net.json` | a run of `validate`; a network of it, as in `v/networks/relu-101.json` |
/// | `m.ldnn`, `w.safetensors` | a model of `t.csv`; its weights |
pub fn scratch() -> TempDir {
    let dir = tempdir().unwrap();

    let copied = Command::new("cp")
        .arg("-r")
        .arg(prepared().join("."))
        .arg(dir.path())
        .status()
        .unwrap();

    assert!(copied.success());

    dir
}

/// What [`scratch`] copies; made once in a process, and nothing writes to it.
pub fn prepared() -> &'static Path {
    static PLACE: OnceLock<TempDir> = OnceLock::new();

    let place = PLACE.get_or_init(|| {
        let dir = tempdir().unwrap();
        prepare(dir.path());
        dir
    });

    place.path()
}

fn prepare(at: &Path) {
    write_table(at, "t.csv", 60);
    write_table(at, "t2.csv", 60);

    let inputs: String = (0..60).map(|i| inputs(i) + "\n").collect();
    let labels: String = (0..60).map(|i| format!("{}\n", label(i))).collect();
    fs::write(at.join("x.csv"), format!("a,b\n{inputs}")).unwrap();
    fs::write(at.join("y.csv"), format!("label\n{labels}")).unwrap();

    fs::write(at.join("empty.toml"), "").unwrap();
    write_study(at, "digits", 2);

    let data = ["data", "mnist1d", "--num_samples", "50", "--out", "n.npz"];
    succeed(at, &data);

    succeed(at, &[&SHORT_META[..], &["--out", "a"]].concat());
    fs::copy(at.join("a/activations.json"), at.join("act2.json")).unwrap();

    let more = ["--runs", "2", "--out", "m.ldnn"];
    succeed(at, &[&SHORT_TRAINING[..], &more].concat());
    succeed(at, &["export", "m.ldnn", "--out", "w.safetensors"]);

    keep_network(at, "5", "v");
    fs::copy(at.join("v/networks/relu-101.json"), at.join("net.json")).unwrap();
}

/// A table of two inputs and two classes.
pub fn write_table(at: &Path, name: &str, rows: usize) {
    let rows: String = (0..rows)
        .map(|i| format!("{},{}\n", inputs(i), label(i)))
        .collect();

    fs::write(at.join(name), format!("a,b,label\n{rows}")).unwrap();
}

fn inputs(row: usize) -> String {
    format!("{},{}", (row * 7 % 60) as f64 / 10.0, row * 13 % 17)
}

fn label(row: usize) -> &'static str {
    ["no", "yes"][row * 7 % 60 / 30]
}

/// A study of so many trainings, `study.toml`.
pub fn write_study(at: &Path, task: &str, runs: usize) {
    let text = format!("task = \"{task}\"\n[validate]\ncompare = [\"relu\"]\nruns = {runs}\n");
    fs::write(at.join("study.toml"), text).unwrap();
}

/// A run of `validate` that keeps the network of its one training, `networks/relu-101.json`.
pub fn keep_network(at: &Path, hidden: &str, run: &str) {
    let more = [hidden, "--keep-networks", "--out", run];
    succeed(at, &[&SHORT_VALIDATE[..], &more].concat());
}
