//! The experiments from outside: every command leaves its figures, the report needs nothing else,
//! and a killed run goes on to the same bits.

use approx::assert_abs_diff_eq;
use ldnn_tests::program::{path, refuse, succeed};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::tempdir;

/// Ensembles small enough for tests.
const SMALL: [&str; 8] = [
    "--hidden", "8", "--runs", "2", "--epochs", "4", "--every", "4",
];

fn learn(dir: &Path, out: &str, more: &[&str]) {
    let args = [
        "meta",
        "-q",
        "--units",
        "5",
        "--inner-steps",
        "6",
        "--outer-last",
        "3",
        "--steps",
        "4",
    ];

    succeed(dir, &[&args[..], more, &["--out", out]].concat());
}

/// Runs `args` on small ensembles with two learned sets, and returns what it printed.
fn experiment(dir: &Path, args: &[&str], out: &str) -> String {
    let learned = ["-q", "--activations", "a,b", "--out", out];
    succeed(dir, &[args, &SMALL[..], &learned[..]].concat())
}

fn prepared() -> tempfile::TempDir {
    let dir = tempdir().unwrap();
    learn(dir.path(), "a", &["--hidden", "8", "--seed", "1"]);
    learn(dir.path(), "b", &["--hidden", "8", "--seed", "2"]);
    dir
}

#[test]
fn every_experiment_is_a_command_that_leaves_figures_numbers_and_a_report() {
    let dir = prepared();

    let cases: &[(&[&str], &[&str])] = &[
        (
            &["sizes", "--widths", "4,9"],
            &["sizes.svg", "sizes.png", "sizes.csv", "trainings.csv"],
        ),
        (
            &["analyze", "participation"],
            &["equal.svg", "equal.csv", "equal-ratios.csv"],
        ),
        (
            &["analyze", "hessian", "--probes", "4"],
            &[
                "equal-density.svg",
                "equal-near-zero.png",
                "equal-hessians.csv",
                "equal-eigenvalues-mix@1-101.npy",
            ],
        ),
        (
            &["forecast", "--task", "vanderpol"],
            &[
                "equal-orbits.svg",
                "equal-errors.svg",
                "equal-violins.png",
                "equal.csv",
            ],
        ),
    ];

    for (i, (args, files)) in cases.iter().enumerate() {
        let out = format!("run{i}");
        let text = experiment(dir.path(), args, &out);

        assert!(
            text.contains("the mix") && text.contains("over 2 outer seeds"),
            "{text}"
        );

        for file in files
            .iter()
            .chain(&["report.html", "report.md", "report.txt", "section.json"])
        {
            assert!(
                dir.path()
                    .join(&out)
                    .join(file)
                    .metadata()
                    .is_ok_and(|m| m.len() > 0),
                "{args:?} left no {file}"
            );
        }
    }

    let portrait = succeed(dir.path(), &["cluster", "a", "b", "--out", "family"]);
    assert!(
        portrait.contains("4 types from 2 runs fall into"),
        "{portrait}"
    );
}

#[test]
fn every_kind_has_as_many_networks_over_all_outer_seeds() {
    let dir = prepared();

    experiment(
        dir.path(),
        &["validate", "--compare", "relu,type1,mix"],
        "v",
    );

    let csv = fs::read_to_string(dir.path().join("v/trainings.csv")).unwrap();
    let mut count = BTreeMap::<&str, usize>::new();
    csv.lines()
        .skip(1)
        .for_each(|line| *count.entry(line.split(',').next().unwrap()).or_default() += 1);

    // Lines are epochs of trainings, equally many for each.
    let each = count["type1@1"];

    let expected = [
        ("relu", 2 * each),
        ("mix@1", each),
        ("mix@2", each),
        ("type1@1", each),
        ("type1@2", each),
    ];

    assert_eq!(count, BTreeMap::from(expected), "{csv}");
}

#[test]
fn a_saved_network_has_a_hessian_and_the_ways_to_it_agree() {
    let dir = prepared();

    let keep = [
        "validate",
        "-q",
        "--activations",
        "a",
        "--compare",
        "mix",
        "--keep-networks",
        "--out",
        "v",
    ];

    succeed(dir.path(), &[&keep[..], &SMALL[..]].concat());

    let model = "v/networks/mix-101.json";

    let figures = |more: &[&str], out: &str| -> Vec<String> {
        let args = [
            "analyze", "hessian", "--model", model, "--probes", "200", "--out", out,
        ];
        succeed(dir.path(), &[&args[..], more].concat());

        let csv = fs::read_to_string(dir.path().join(out).join("spectrum-hessians.csv")).unwrap();
        csv.lines()
            .nth(1)
            .unwrap()
            .split(',')
            .map(String::from)
            .collect()
    };

    let (exact, lanczos) = (
        figures(&[], "e"),
        figures(&["--method", "lanczos", "--lanczos-vectors", "40"], "l"),
    );
    let number = |row: &[String], i: usize| row[i].parse::<f64>().unwrap();

    // trace; sum of the spectrum
    assert_eq!(exact[2], exact[3]);

    assert_abs_diff_eq!(
        number(&lanczos, 3),
        number(&exact, 2),
        epsilon = 0.2 * number(&exact, 2)
    );

    let bytes = fs::read(dir.path().join("e/eigenvalues.npy")).unwrap();

    // 40 x 8 + 8 + 8 x 10 + 10 parameters
    assert!(
        bytes.starts_with(b"\x93NUMPY") && bytes.len() == 128 + 8 * 418,
        "{}",
        bytes.len()
    );

    let joint = figures(
        &["--parameters", "joint", "--method", "lanczos", "--on-test"],
        "j",
    );

    assert!(
        joint[5].is_empty(),
        "the scaled trace is theta's alone: {joint:?}"
    );

    let message = refuse(
        dir.path(),
        &[
            "analyze",
            "hessian",
            "--model",
            model,
            "--task",
            "vanderpol",
        ],
        2,
    );

    assert!(message.contains("40 inputs and 10 outputs"), "{message}");

    let message = refuse(
        dir.path(),
        &["analyze", "hessian", "--model", "a/activations.json"],
        2,
    );

    assert!(message.contains("in 'a/activations.json'"), "{message}");
}

#[test]
fn a_dry_run_says_what_a_run_will_cost() {
    let dir = prepared();

    for (args, words) in [
        (
            &["reproduce", "all", "--dry-run"][..],
            &["outer steps", "trainings", "threads", "MB"][..],
        ),
        (
            &[
                "sizes",
                "--widths",
                "10,400",
                "--activations",
                "a",
                "--dry-run",
            ],
            &["0 outer steps, 120 trainings"],
        ),
        (
            &[
                "analyze",
                "hessian",
                "--runs",
                "2",
                "--compare",
                "relu,tanh",
                "--dry-run",
            ],
            &["4 trainings", "# to out/hessian"],
        ),
        (
            &["meta", "--steps", "7", "--dry-run"],
            &["7 outer steps, 0 trainings"],
        ),
    ] {
        let plan = succeed(dir.path(), args);
        for word in words {
            assert!(plan.contains(word), "{args:?}: '{word}' is not in: {plan}");
        }
    }
}

#[test]
fn layers_may_have_types_of_their_own() {
    let dir = tempdir().unwrap();

    learn(
        dir.path(),
        "own",
        &["--hidden", "8,7", "--per-layer", "--types", "2"],
    );

    let learned: Value =
        serde_json::from_slice(&fs::read(dir.path().join("own/activations.json")).unwrap())
            .unwrap();

    assert_eq!(
        (
            learned["layers"].as_u64(),
            learned["types"].as_array().unwrap().len()
        ),
        (Some(2), 4)
    );

    let args = [
        "validate",
        "-q",
        "--runs",
        "1",
        "--epochs",
        "2",
        "--every",
        "2",
        "--activations",
        "own",
        "--out",
        "v",
    ];

    let report = succeed(dir.path(), &[&args[..], &["--hidden", "8,7"]].concat());
    assert!(
        report.contains("type2") && !report.contains("type3"),
        "{report}"
    );

    let message = refuse(dir.path(), &[&args[..], &["--hidden", "8"]].concat(), 2);
    assert!(message.contains("2 hidden layers"), "{message}");
}

#[test]
fn runs_are_listed_shown_and_compared() {
    let dir = tempdir().unwrap();

    for (out, rate) in [("out/x", "0.01"), ("out/y", "0.2")] {
        let args = [
            "validate",
            "-q",
            "--compare",
            "relu,tanh",
            "--lr",
            rate,
            "--out",
            out,
        ];

        succeed(dir.path(), &[&args[..], &SMALL[..]].concat());
    }

    let elsewhere = tempdir().unwrap();
    assert!(succeed(elsewhere.path(), &["list"]).contains("no runs"));

    let list = succeed(dir.path(), &["list"]);
    assert!(
        list.contains("out/x") && list.contains("out/y") && list.contains("finished"),
        "{list}"
    );

    let shown = succeed(dir.path(), &["show", "out/y"]);
    assert!(
        shown.contains("lr = 0.2") && shown.contains("relu"),
        "{shown}"
    );

    let compared = succeed(dir.path(), &["compare", "out/x", "out/y"]);

    assert!(
        compared.contains("experiment.train.lr: 0.01 there, 0.2 wanted")
            && compared.contains("tanh"),
        "{compared}"
    );

    assert!(refuse(dir.path(), &["show", "out"], 2).contains("ldnn list"));

    // A run with other settings is refused with the difference.
    let again = [
        "validate",
        "-q",
        "--compare",
        "relu,tanh",
        "--lr",
        "0.3",
        "--out",
        "out/x",
    ];

    let message = refuse(dir.path(), &[&again[..], &SMALL[..]].concat(), 2);
    assert!(
        message.contains("experiment.train.lr: 0.01 there, 0.3 wanted"),
        "{message}"
    );
}

#[test]
fn wrong_requests_of_experiments_are_refused_with_a_remedy() {
    let dir = tempdir().unwrap();

    let cases: &[(&[&str], &[&str])] = &[
        (&["sizes", "--widths", "0"], &["--widths 0", "at least 1"]),
        (
            &["sizes", "--activations", "missing"],
            &["missing", "activations.json"],
        ),
        (
            &["forecast", "--task", "mnist1d"],
            &["--task mnist1d", "vanderpol"],
        ),
        (
            &["forecast", "--task", "vanderpol", "--orbit", "77"],
            &["--orbit 77", "1000 test rows"],
        ),
        (
            &["analyze", "hessian", "--near-zero", "0"],
            &["--near-zero 0"],
        ),
        (&["analyze", "hessian", "--probes", "1"], &["--probes 1"]),
        (
            &["analyze", "hessian", "--model", "missing.json"],
            &["missing.json", "--keep-networks"],
        ),
        (&["cluster", "missing"], &["missing"]),
        (&["reproduce", "fig9"], &["fig9", "fig6"]),
        (&["reproduce", "--task", "vanderpol"], &["class labels"]),
        (&["compare", "x", "y"], &["'x' is no run folder"]),
        (&["list", "nowhere"], &["nowhere"]),
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

    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// Every file of a run but what depends on the clock, and the list of them, whose order does.
fn files(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut all, mut folders) = (BTreeMap::new(), vec![run.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();

            if path.is_dir() {
                folders.push(path);
            } else if ![".files", "report.html", "report.md"].contains(&name.as_str()) {
                all.insert(
                    path.strip_prefix(run).unwrap().into(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }

    all
}

#[test]
fn a_study_that_is_killed_again_and_again_ends_with_the_same_bits() {
    let dir = tempdir().unwrap();

    let args = [
        "reproduce",
        "fig4",
        "hessian",
        "--preset",
        "smoke",
        "-q",
        "--out",
    ];

    succeed(dir.path(), &[&args[..], &["whole"]].concat());

    let mut delay = 350;

    for kill in 0..6 {
        let mut command = Command::new(path());
        command
            .current_dir(dir.path())
            .args(args)
            .arg("killed")
            .stdout(Stdio::null());

        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        // Moments all over the run, never the same ones.
        delay = delay * 7 / 5 + 113 * kill;
        child.kill().unwrap();
        child.wait().unwrap();
    }

    succeed(dir.path(), &[&args[..], &["killed"]].concat());

    let (whole, killed) = (
        files(&dir.path().join("whole")),
        files(&dir.path().join("killed")),
    );

    assert!(whole.len() > 100, "{} files", whole.len());
    assert_eq!(
        whole.keys().collect::<Vec<_>>(),
        killed.keys().collect::<Vec<_>>()
    );

    for (name, bytes) in &whole {
        assert!(bytes == &killed[name], "{} differs", name.display());
    }
}

#[test]
fn the_report_needs_nothing_else_and_holds_every_picture() {
    let dir = tempdir().unwrap();

    succeed(
        dir.path(),
        &[
            "reproduce",
            "fig1",
            "fig3",
            "fig5",
            "family",
            "--preset",
            "smoke",
            "-q",
            "--out",
            "r",
        ],
    );

    let run = dir.path().join("r");
    let html = fs::read_to_string(run.join("report.html")).unwrap();
    let markdown = fs::read_to_string(run.join("report.md")).unwrap();

    for outside in ["src=\"", "href=\"http", "url(", "<script", "@import"] {
        assert!(
            !html.contains(outside),
            "the report asks for something outside: {outside}"
        );
    }

    let pictures: Vec<&str> = markdown
        .lines()
        .filter_map(|l| l.strip_prefix("![")?.split_once("]("))
        .map(|p| p.1)
        .collect();

    assert!(pictures.len() > 15, "{} pictures", pictures.len());
    assert_eq!(html.matches("<svg ").count(), pictures.len());

    for picture in pictures {
        let png = fs::read(run.join(picture.trim_end_matches(')'))).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 2000, "{picture}");
    }

    let claims: Vec<Value> =
        serde_json::from_slice(&fs::read(run.join("claims.json")).unwrap()).unwrap();

    // Claims are rows of a table, too.
    assert_eq!(html.matches("<tr><td>").count(), rows_of_tables(&markdown));

    for claim in &claims {
        assert!(claim["verdict"].get("not_judged").is_some(), "{claim}");

        assert!(
            claim["measures"][0]["comparison"]["half_width"]
                .as_f64()
                .is_some(),
            "{claim}"
        );
    }
}

/// Rows of all tables in Markdown.
fn rows_of_tables(markdown: &str) -> usize {
    let rows = markdown.lines().filter(|l| l.starts_with("| ")).count();
    let heads = markdown.lines().filter(|l| l.starts_with("|--")).count();
    rows - heads
}
