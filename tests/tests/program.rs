//! The program from outside: run folders, going on after a stop, errors that say what to do.

use approx::assert_abs_diff_eq;
use ldnn_tests::program::{path, refuse, run, succeed};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::tempdir;

/// A network and steps small enough for tests.
const META: [&str; 11] = [
    "meta",
    "-q",
    "--hidden",
    "10",
    "--units",
    "6",
    "--inner-steps",
    "6",
    "--outer-last",
    "3",
    "--steps",
];

const VALIDATE: [&str; 10] = [
    "validate", "-q", "--hidden", "10", "--runs", "3", "--epochs", "4", "--every", "2",
];

fn meta<'a>(steps: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&META[..], &[steps], more].concat()
}

fn validate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&VALIDATE[..], more].concat()
}

fn json_lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

#[test]
fn meta_leaves_a_run_folder_with_everything_in_it() {
    let dir = tempdir().unwrap();
    succeed(dir.path(), &meta("12", &["--out", "run"]));

    let run = dir.path().join("run");

    for file in [
        "config.toml",
        "evolution.svg",
        "evolution.csv",
        "history.svg",
        "snapshots.jsonl",
        "activations.json",
    ] {
        assert!(run.join(file).metadata().unwrap().len() > 0, "{file}");
    }

    let lines = json_lines(&run.join("history.jsonl"));
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[11]["step"], 12);
    assert_eq!(lines[0]["gradient_norms"].as_array().unwrap().len(), 2);

    let text = fs::read_to_string(run.join("activations.txt")).unwrap();
    let rows: Vec<Vec<f64>> = text
        .lines()
        .map(|l| l.split(' ').map(|v| v.parse().unwrap()).collect())
        .collect();

    assert_eq!((rows.len(), rows[0].len()), (2, 100));

    assert!(
        fs::read(run.join("evolution.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );

    assert!(
        fs::read_to_string(run.join("config.toml"))
            .unwrap()
            .contains("inner_steps = 6")
    );
}

#[test]
fn meta_gives_the_same_bits_for_any_number_of_threads_any_tape_and_any_instructions() {
    let dir = tempdir().unwrap();
    let base = ["--inner-trainings", "3"];
    succeed(
        dir.path(),
        &meta("5", &[&base[..], &["--jobs", "1", "--out", "a"]].concat()),
    );
    succeed(
        dir.path(),
        &meta("5", &[&base[..], &["--jobs", "7", "--out", "b"]].concat()),
    );
    succeed(
        dir.path(),
        &meta("5", &[&base[..], &["--jobs", "2", "--out", "e"]].concat()),
    );

    succeed(
        dir.path(),
        &meta(
            "5",
            &[&base[..], &["--tape", "short", "--out", "c"]].concat(),
        ),
    );

    let args = meta("5", &[&base[..], &["--out", "d"]].concat());

    let portable = Command::new(path())
        .current_dir(dir.path())
        .env("LDNN_SIMD", "portable")
        .args(args)
        .output();

    assert!(portable.unwrap().status.success());

    let file = |run: &str, name: &str| fs::read(dir.path().join(run).join(name)).unwrap();

    for other in ["b", "c", "d", "e"] {
        assert_eq!(
            file("a", "activations.json"),
            file(other, "activations.json"),
            "{other}"
        );

        assert_eq!(
            json_lines(&dir.path().join("a/history.jsonl")),
            json_lines(&dir.path().join(other).join("history.jsonl")),
            "{other}"
        );
    }
}

#[test]
fn tables_and_exact_evaluation_learn_nearly_the_same() {
    let dir = tempdir().unwrap();
    succeed(dir.path(), &meta("3", &["--out", "table"]));
    succeed(dir.path(), &meta("3", &["--exact", "--out", "exact"]));

    let course = |run: &str| json_lines(&dir.path().join(run).join("history.jsonl"));
    let (table, exact) = (course("table"), course("exact"));
    let loss = |course: &[Value]| course[2]["loss"].as_f64().unwrap();
    assert_abs_diff_eq!(loss(&table), loss(&exact), epsilon = 1e-5 * loss(&exact));

    assert_ne!(
        table, exact,
        "two ways of evaluation with all the same bits: one of them was not used"
    );
}

#[test]
fn every_schedule_and_task_runs() {
    let dir = tempdir().unwrap();

    for (i, more) in [
        &["--schedule", "alternating", "--period", "3"][..],
        &[
            "--schedule",
            "alternating",
            "--period",
            "2",
            "--restart",
            "2",
            "--exact",
        ],
        &[
            "--task",
            "vanderpol",
            "--base",
            "tanh",
            "--types",
            "3",
            "--hidden",
            "7,8",
        ],
        &[
            "--outer-loss",
            "train",
            "--inner-optimizer",
            "adam",
            "--no-shuffle",
            "--noise",
            "0",
        ],
        &[
            "--resplit",
            "--anneal",
            "false",
            "--inner-optimizer",
            "rmsprop",
            "--inner-lr",
            "0.01",
        ],
    ]
    .iter()
    .enumerate()
    {
        let out = format!("run{i}");
        // The alternating schedule has no inner trainings.
        let start = match more.contains(&"alternating") {
            true => &META[..6],
            false => &META[..10],
        };
        let args = [start, &["--steps", "4"], more, &["--out", &out]].concat();
        succeed(dir.path(), &args);
        let lines = json_lines(&dir.path().join(out).join("history.jsonl"));
        assert_ne!(lines[0]["loss"], lines[3]["loss"], "{more:?}");
    }
}

#[test]
fn a_killed_meta_run_goes_on_to_the_same_bits() {
    let dir = tempdir().unwrap();
    let args = meta("60", &["--hidden", "60", "--snapshot-every", "3", "--out"]);
    let with = |out: &'static str| [&args[..], &[out]].concat();
    succeed(dir.path(), &with("whole"));

    let mut child = Command::new(path())
        .current_dir(dir.path())
        .args(with("killed"))
        .spawn()
        .unwrap();

    let checkpoint = dir.path().join("killed/checkpoint.json");
    let begun = Instant::now();
    while !checkpoint.exists() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }

    child.kill().unwrap();
    child.wait().unwrap();
    succeed(dir.path(), &with("killed"));

    for file in [
        "activations.json",
        "snapshots.jsonl",
        "checkpoint.json",
        "evolution.svg",
    ] {
        let read = |run: &str| fs::read(dir.path().join(run).join(file)).unwrap();
        assert_eq!(read("whole"), read("killed"), "{file}");
    }

    let read = |run: &str| json_lines(&dir.path().join(run).join("history.jsonl"));
    assert_eq!(read("whole"), read("killed"));
}

#[test]
fn validate_compares_classical_and_learned_networks() {
    let dir = tempdir().unwrap();
    succeed(dir.path(), &meta("3", &["--out", "run"]));

    let report = succeed(
        dir.path(),
        &validate(&["--activations", "run", "--out", "v"]),
    );

    for word in [
        "relu",
        "sine",
        "tanh",
        "type1",
        "type2",
        "mix - relu",
        "mix - type2",
        "p (Holm)",
        "violins.png",
    ] {
        assert!(report.contains(word), "{word} is not in\n{report}");
    }

    let trainings = json_lines(&dir.path().join("v/trainings.jsonl"));
    assert_eq!(trainings.len(), 6 * 3);
    assert_eq!(trainings[0]["curve"]["epoch"], serde_json::json!([2, 4]));

    let csv = fs::read_to_string(dir.path().join("v/trainings.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 6 * 3 * 2);
}

#[test]
fn validate_reads_the_authors_form_of_activations() {
    let dir = tempdir().unwrap();
    let sample = |f: fn(f64) -> f64| {
        let values = (0..50).map(|i| format!("{:.18e}", f(-5.0 + 10.0 * f64::from(i) / 49.0)));
        values.collect::<Vec<_>>().join(" ")
    };

    fs::write(
        dir.path().join("act.txt"),
        format!("{}\n{}\n", sample(f64::sin), sample(|z| z.max(0.0))),
    )
    .unwrap();

    let args = validate(&[
        "--activations",
        "act.txt",
        "--compare",
        "sine,type1,mix",
        "--epochs",
        "12",
        "--out",
        "v",
    ]);

    succeed(dir.path(), &args);

    let trainings = json_lines(&dir.path().join("v/trainings.jsonl"));

    let last = |name: &str| {
        let of = trainings
            .iter()
            .find(|t| t["activation"] == name && t["seed"] == 101)
            .unwrap();
        of["curve"]["test_loss"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .as_f64()
            .unwrap()
    };

    // Fifty samples of the sine are nearly the sine.
    assert_abs_diff_eq!(last("sine"), last("type1"), epsilon = 1e-2);

    assert!((last("sine") - last("mix")).abs() > 1e-3);
}

#[test]
fn an_ensemble_is_the_same_for_any_number_of_threads_and_after_a_cut() {
    let dir = tempdir().unwrap();
    let args = |jobs, out| validate(&["--compare", "relu,tanh", "--jobs", jobs, "--out", out]);
    succeed(dir.path(), &args("1", "one"));
    succeed(dir.path(), &args("7", "three"));

    let file = |run: &str| dir.path().join(run).join("trainings.jsonl");
    let whole = fs::read(file("one")).unwrap();

    assert_eq!(whole, fs::read(file("three")).unwrap());

    // A process that died while it wrote its third line.
    let third = whole
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'\n')
        .nth(1)
        .unwrap()
        .0
        + 20;

    fs::write(file("three"), &whole[..third]).unwrap();
    succeed(dir.path(), &args("2", "three"));

    assert_eq!(whole, fs::read(file("three")).unwrap());
}

#[test]
fn a_diverging_training_is_recorded_and_does_not_stop_the_others() {
    let dir = tempdir().unwrap();
    let report = succeed(
        dir.path(),
        &validate(&["--compare", "identity,tanh", "--lr", "1e30", "--out", "v"]),
    );
    let trainings = json_lines(&dir.path().join("v/trainings.jsonl"));
    assert_eq!(trainings.len(), 6);
    assert!(trainings.iter().any(|t| t["diverged"] == true), "{report}");
}

#[test]
fn a_meta_run_that_diverges_says_what_to_change_and_keeps_what_it_had() {
    let dir = tempdir().unwrap();

    let message = refuse(
        dir.path(),
        &meta(
            "50",
            &["--inner-lr", "1e30", "--base", "identity", "--out", "run"],
        ),
        1,
    );

    assert!(
        message.contains("inner learning rate") && message.contains("kept"),
        "{message}"
    );
    assert!(dir.path().join("run/activations.json").exists());
}

#[test]
fn bad_input_is_refused_with_flag_value_and_remedy() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("broken.json"), "{").unwrap();
    fs::write(dir.path().join("broken.npz"), "PK").unwrap();
    fs::write(dir.path().join("letters.txt"), "1 2 three 4\n").unwrap();

    let cases: &[(&[&str], &[&str])] = &[
        (&["validate", "--compare", "rele"], &["rele", "relu"]),
        (&["validate", "--compare", "mix"], &["mix", "--activations"]),
        (
            &["validate", "--compare", "relu,relu"],
            &["--compare", "twice"],
        ),
        (&["validate", "--hidden", "0"], &["--hidden", "1"]),
        (&["validate", "--lr", "nan"], &["--lr", "0.01"]),
        (&["validate", "--lr", "-1"], &["--lr"]),
        (&["validate", "--epochs", "0"], &["--epochs 0"]),
        (&["validate", "--runs", "0"], &["--runs 0"]),
        (
            &["validate", "--activations", "missing.json"],
            &["missing.json", "activations.json"],
        ),
        (
            &["validate", "--activations", "broken.json"],
            &["broken.json", "line 1"],
        ),
        (
            &["validate", "--activations", "letters.txt"],
            &["letters.txt", "line 1"],
        ),
        (
            &["validate", "--data", "missing.npz"],
            &["missing.npz", "ldnn data"],
        ),
        (
            &["validate", "--data", "broken.npz"],
            &["broken.npz", "no .npz"],
        ),
        (
            &["validate", "--task", "mnist"],
            &["--task mnist", "mnist1d"],
        ),
        (&["validate", "--jobs", "0"], &["--jobs 0"]),
        (&["meta", "--base", "gelo"], &["gelo", "gelu"]),
        (&["meta", "--hidden", "0"], &["--hidden"]),
        (&["meta", "--hidden", "2", "--types", "3"], &["--types 3"]),
        (&["meta", "--types", "0"], &["--types 0"]),
        (
            &["meta", "--held-out", "4000"],
            &["--held-out 4000", "3999"],
        ),
        (&["meta", "--table-knots", "1"], &["--table-knots 1"]),
        (
            &["meta", "--outer-momentum", "1.5"],
            &["--outer-momentum 1.5"],
        ),
        (&["meta", "--frobnicate"], &["--frobnicate"]),
        (
            &["data", "mnist1d", "--num_samples", "3", "--out", "x.npz"],
            &["--num_samples 3"],
        ),
        (&["reproduce", "--preset", "huge"], &["huge", "smoke"]),
    ];

    for (args, words) in cases {
        let message = refuse(dir.path(), args, 2);
        for word in *words {
            assert!(
                message.contains(word),
                "{args:?}: '{word}' is not in: {message}"
            );
        }
    }

    let left: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();

    assert_eq!(
        left.len(),
        3,
        "refused requests left something behind: {left:?}"
    );
}

#[test]
fn folders_are_protected() {
    let dir = tempdir().unwrap();
    let quick = |more: &[&'static str]| validate(&[&["--compare", "relu", "--out"], more].concat());
    fs::create_dir(dir.path().join("mine")).unwrap();
    fs::write(dir.path().join("mine/thesis.tex"), "x").unwrap();

    assert!(refuse(dir.path(), &quick(&["mine"]), 2).contains("empty folder"));
    assert!(refuse(dir.path(), &quick(&["mine", "--replace"]), 2).contains("empty folder"));

    succeed(dir.path(), &quick(&["run"]));

    let message = refuse(dir.path(), &quick(&["run", "--seed", "5"]), 2);
    assert!(
        message.contains("other settings") && message.contains("--replace"),
        "{message}"
    );

    succeed(dir.path(), &quick(&["run", "--seed", "5", "--replace"]));
    fs::write(dir.path().join("file"), "x").unwrap();

    assert!(refuse(dir.path(), &quick(&["file/run"]), 2).contains("--out"));

    assert!(
        refuse(
            dir.path(),
            &["data", "mnist1d", "--out", "file/such/m.npz"],
            2
        )
        .contains("file/such/m.npz")
    );
}

#[test]
fn a_dry_run_prints_the_plan_and_does_nothing() {
    let dir = tempdir().unwrap();

    for args in [
        &["meta", "--dry-run"][..],
        &["validate", "--dry-run"],
        &["reproduce", "--dry-run"],
    ] {
        let plan = succeed(dir.path(), args);
        assert!(plan.contains("batch = 200"), "{plan}");
    }

    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = tempdir().unwrap();

    let mut child = Command::new(path())
        .args(["reproduce", "--dry-run"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();

    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());

    let help = run(dir.path(), &["meta", "--help"]);
    assert!(String::from_utf8_lossy(&help.stdout).contains("Examples:"));
}

#[test]
#[cfg(unix)]
fn an_interrupt_keeps_what_is_finished() {
    let dir = tempdir().unwrap();

    let args = validate(&[
        "--compare",
        "relu",
        "--runs",
        "300",
        "--epochs",
        "10",
        "--out",
        "v",
    ]);

    let mut child = Command::new(path())
        .current_dir(dir.path())
        .args(args)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    let journal = dir.path().join("v/trainings.jsonl");
    let begun = Instant::now();
    let lines = || fs::read_to_string(&journal).map_or(0, |t| t.lines().count());

    while lines() < 3 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }

    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();

    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(75));

    let kept = json_lines(&journal).len();
    assert!((3..300).contains(&kept), "{kept} trainings kept");
}

#[test]
fn reproduce_answers_both_questions_at_the_smoke_preset() {
    let dir = tempdir().unwrap();
    let report = succeed(
        dir.path(),
        &["reproduce", "--preset", "smoke", "-q", "--out", "r"],
    );

    for word in [
        "At equal training",
        "Each at its best",
        "the mix beats relu",
        "not judged",
        "report.html",
    ] {
        assert!(report.contains(word), "{word} is not in\n{report}");
    }

    let claims: Value =
        serde_json::from_slice(&fs::read(dir.path().join("r/claims.json")).unwrap()).unwrap();

    // Each at its best six; at equal training ten classical layers and the better type; diversity.
    assert_eq!(claims.as_array().unwrap().len(), 6 + 11 + 1);
}
