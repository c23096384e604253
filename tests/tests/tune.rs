//! `ldnn tune`: within the budget, the same bits always, never a look at the test rows, and a
//! result that `ldnn train` takes.

use ldnn_tests::program::{kill_when, refuse, succeed};
use ldnn_tests::tables::gestures;
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

const TUNE: [&str; 10] = [
    "tune",
    "t.csv",
    "--quiet",
    "--target",
    "label",
    "--ignore",
    "id,person",
    "--epochs",
    "20",
    "--lr=0.1",
];
/// Small networks.
const SMALL: [&str; 6] = [
    "--hidden",
    "8",
    "--set",
    "space.width.low=4",
    "--set",
    "space.width.high=10",
];

fn place(rows: usize) -> TempDir {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("t.csv"), gestures(rows)).unwrap();
    dir
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&TUNE[..], &SMALL, more].concat()
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn the_search_keeps_to_its_budget_and_its_best_is_trained_by_train() {
    let dir = place(120);
    let said = succeed(dir.path(), &with(&["--budget", "13", "--out", "tuned"]));

    assert!(
        said.contains("13 trials in rounds of 9, 3, 1")
            && said.contains("next: ldnn train --config"),
        "{said}"
    );

    let rounds: Vec<Vec<serde_json::Value>> = (1..=3)
        .map(|r| {
            read(dir.path(), &format!("tuned/round-{r}.jsonl"))
                .lines()
                .map(|l| serde_json::from_str(l).unwrap())
                .collect()
        })
        .collect();

    assert_eq!(rounds.iter().map(Vec::len).collect::<Vec<_>>(), [9, 3, 1]);

    // The second round has the three best of the first.
    let value = |t: &serde_json::Value| t["validation"].as_f64().unwrap_or(f64::MIN);
    let mut first: Vec<f64> = rounds[0].iter().map(value).collect();
    first.sort_by(|a, b| b.total_cmp(a));

    let kept = rounds[1].iter().map(|t| {
        let same = rounds[0]
            .iter()
            .find(|f| f["candidate"]["id"] == t["candidate"]["id"]);
        value(same.unwrap())
    });

    assert!(kept.into_iter().all(|v| v >= first[2]), "{first:?}");

    assert!(rounds[0].iter().all(|t| {
        t["candidate"]["hidden"]
            .as_array()
            .unwrap()
            .iter()
            .all(|w| w.as_u64().unwrap() <= 10)
    }));

    // The settings are those of the winner.
    let best: toml::Table = read(dir.path(), "tuned/best.toml").parse().unwrap();
    let winner = &rounds[2][0]["candidate"];

    assert_eq!(best["fit"]["lr"][0].as_float(), winner["lr"].as_f64());
    assert_eq!(best["fit"]["types"].as_integer(), winner["types"].as_i64());
    assert_eq!(read(dir.path(), "tuned/trials.csv").lines().count(), 1 + 13);
    assert!(read(dir.path(), "tuned/report.html").contains("A search for a network"));

    let said = succeed(
        dir.path(),
        &[
            "train",
            "-q",
            "--config",
            "tuned/best.toml",
            "--runs",
            "2",
            "--out",
            "m.ldnn",
        ],
    );

    assert!(said.contains("96 rows to learn from, 24 to test"), "{said}");
}

#[test]
fn a_search_has_the_same_bits_for_any_number_of_threads_and_after_a_kill() {
    let dir = place(120);
    let args = |out: &'static str, jobs: &'static str| {
        with(&["--budget", "4", "--jobs", jobs, "--out", out])
    };

    succeed(dir.path(), &args("one", "1"));
    succeed(dir.path(), &args("three", "3"));

    assert!(
        kill_when(dir.path(), &args("killed", "1"), "killed/round-1.jsonl", 1),
        "it was done before it was killed"
    );

    let lines = read(dir.path(), "killed/round-1.jsonl").lines().count();
    let shown = succeed(dir.path(), &["show", "killed"]);
    assert!(
        shown.contains(&format!("results in round-1.jsonl: {lines}")),
        "{shown}"
    );

    let list = succeed(dir.path(), &["list", "."]);
    let row = list.lines().find(|row| row.contains("killed")).unwrap();
    assert!(row.contains(&format!("| {lines} ")), "{list}");
    assert!(
        !dir.path().join("killed/best.toml").exists(),
        "a result before the end"
    );

    succeed(dir.path(), &args("killed", "2"));

    for name in [
        "round-1.jsonl",
        "round-2.jsonl",
        "best.toml",
        "trials.csv",
        "config.toml",
        "report.txt",
    ] {
        let whole = read(dir.path(), &format!("one/{name}"));
        for other in ["three", "killed"] {
            let again = read(dir.path(), &format!("{other}/{name}")).replace(other, "one");
            assert_eq!(whole, again, "{other}/{name}");
        }
    }
}

#[test]
fn the_test_rows_are_never_looked_at() {
    let dir = place(120);
    // Test rows that make sense, and others that make none.
    let test = gestures(30);
    fs::write(dir.path().join("good.csv"), &test).unwrap();

    fs::write(
        dir.path().join("bad.csv"),
        test.replace("walk", "tmp")
            .replace("run", "walk")
            .replace("tmp", "run"),
    )
    .unwrap();

    let args = |test: &'static str, out: &'static str| {
        with(&["--budget", "2", "--test", test, "--out", out])
    };
    succeed(dir.path(), &args("good.csv", "a"));
    succeed(dir.path(), &args("bad.csv", "b"));

    assert_eq!(
        read(dir.path(), "a/round-1.jsonl"),
        read(dir.path(), "b/round-1.jsonl")
    );
    assert_eq!(
        read(dir.path(), "a/trials.csv"),
        read(dir.path(), "b/trials.csv")
    );
}

#[test]
fn a_space_is_given_by_a_file_and_by_assignments_and_a_typo_is_an_error() {
    let dir = place(60);
    let space =
        "[space]\ndepth = [3]\nactivations = [\"relu\"]\nlr = { low = 0.05, high = 0.05 }\n";
    fs::write(dir.path().join("s.toml"), space).unwrap();

    let more = [
        "--config",
        "s.toml",
        "--set",
        "space.types=4",
        "--budget",
        "2",
        "--out",
        "a",
    ];

    succeed(dir.path(), &with(&more));

    let last: serde_json::Value =
        serde_json::from_str(read(dir.path(), "a/round-1.jsonl").lines().last().unwrap()).unwrap();
    let c = &last["candidate"];

    assert_eq!(
        (c["hidden"].as_array().unwrap().len(), c["types"].as_u64()),
        (3, Some(4)),
        "{c}"
    );

    assert_eq!(
        (c["activations"].as_str(), c["lr"].as_f64()),
        (Some("relu"), Some(0.05)),
        "{c}"
    );

    let best = read(dir.path(), "a/best.toml");
    assert!(
        best.contains("activate = \"classical\"") && best.contains("compare = [\"relu\"]"),
        "{best}"
    );

    for (text, sets, parts) in [
        (
            "[space]\nwidht = 3\n",
            &[][..],
            &["line 2, column 1", "did you mean 'space.width'?"][..],
        ),
        (
            "[space]\nwidth = { low = 3, hihg = 4 }\n",
            &[],
            &["line 2, column 20", "'space.width.high'?"],
        ),
        (
            "[space]\nlr = { low = 0.5 }\n",
            &[],
            &["space.lr: low = 0.5, high = 0.1"],
        ),
        (
            "",
            &["--set", "space.schedule=unroled"],
            &["did you mean 'unrolled'?"],
        ),
        ("", &["--budget", "0"], &["--budget 0"]),
    ] {
        fs::write(dir.path().join("bad.toml"), text).unwrap();

        let message = refuse(
            dir.path(),
            &with(&[&["--config", "bad.toml", "--out", "b"], sets].concat()),
            2,
        );

        assert!(
            parts.iter().all(|p| message.contains(p)),
            "{parts:?}: {message}"
        );
        assert!(!dir.path().join("b").exists(), "half-written");
    }
}
