//! A little grid of trainings, whose accuracies are a reviewed table: `golden/accuracies.txt`. The
//! learned types are those of `ldnn meta` with its default settings, in `golden/activations.json`.
//! `LDNN_BLESS=1` writes the table anew.

use approx::assert_abs_diff_eq;
use ldnn::data::task::Task;
use ldnn::data::{Dataset, Mnist1dConfig};
use ldnn::formats::read_activations;
use ldnn::model::choice::Choice;
use ldnn::train::{Curve, TrainConfig, train};
use std::fmt::Write;
use std::path::Path;

const NAMES: [&str; 6] = ["relu", "sine", "tanh", "type1", "type2", "mix"];
const SEEDS: std::ops::Range<u64> = 1..5;

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name)
}

/// Test accuracy after ten epochs.
fn accuracy(task: &Task, choice: &Choice, seed: u64) -> f64 {
    course(task, choice, seed, true).accuracy[0]
}

fn course(task: &Task, choice: &Choice, seed: u64, shuffle: bool) -> Curve {
    let config = TrainConfig {
        hidden: vec![50],
        lr: 0.05,
        epochs: 10,
        shuffle,
        every: 10,
        ..TrainConfig::default()
    };

    train(&config, choice, task, &task.train, &task.test, seed)
        .unwrap()
        .curve
}

#[test]
fn the_accuracies_are_those_of_the_reviewed_table() {
    let task = Task::new(&Dataset::mnist1d(&Mnist1dConfig::default()).unwrap());
    let learned = read_activations(&golden("activations.json")).unwrap();
    let mut table = String::from(
        "test accuracy in % after 10 epochs, 50 hidden neurons, SGD 0.05, momentum 0.8, batch 200\n",
    );

    writeln!(
        table,
        "{:8}{}",
        "seed",
        SEEDS.map(|s| format!("{s:>8}")).collect::<String>()
    )
    .unwrap();

    let mut means = Vec::new();

    for name in NAMES {
        let choice = Choice::named(name, Some(&learned), false).unwrap();
        let row: Vec<f64> = SEEDS.map(|seed| accuracy(&task, &choice, seed)).collect();

        writeln!(
            table,
            "{name:8}{}",
            row.iter().map(|a| format!("{a:8.1}")).collect::<String>()
        )
        .unwrap();

        means.push(row.iter().sum::<f64>() / row.len() as f64);
    }

    if std::env::var_os("LDNN_BLESS").is_some() {
        std::fs::write(golden("accuracies.txt"), &table).unwrap();
    }

    assert_eq!(
        table,
        std::fs::read_to_string(golden("accuracies.txt")).unwrap()
    );

    // What a reviewer of the table looks for: learned types learn faster than classical ones.
    let mean = |name: &str| means[NAMES.iter().position(|n| *n == name).unwrap()];
    let classical = mean("relu").max(mean("sine")).max(mean("tanh"));

    assert!(mean("mix") > classical + 5.0, "{table}");
}

#[test]
fn shuffling_is_a_switch() {
    let task = Task::new(&Dataset::mnist1d(&Mnist1dConfig::default()).unwrap());
    let choice = Choice::named("tanh", None, false).unwrap();

    assert_ne!(
        course(&task, &choice, 1, true),
        course(&task, &choice, 1, false)
    );
    assert_eq!(
        course(&task, &choice, 1, false),
        course(&task, &choice, 1, false)
    );
}

#[test]
fn exact_evaluation_of_learned_types_trains_as_tables_do() {
    let task = Task::new(&Dataset::mnist1d(&Mnist1dConfig::default()).unwrap());
    let learned = read_activations(&golden("activations.json")).unwrap();

    let of = |exact| {
        accuracy(
            &task,
            &Choice::named("mix", Some(&learned), exact).unwrap(),
            1,
        )
    };

    // The two differ by rounding, which ten epochs amplify: one row in a hundred may fall to
    // another class.
    assert_abs_diff_eq!(of(true), of(false), epsilon = 1.0);
}
