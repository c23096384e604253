//! `ldnn tune --pareto` and `ldnn train --max-error`: how small a network can be. Every number has a
//! file, nothing is trained twice, and the same seed gives the same bits.

use ldnn::run::journal;
use ldnn_tests::program::{assert_same_files, files_of, refuse, succeed};
use ldnn_tests::tables::{gestures, noise};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// What both commands are given.
const SHORT: [&str; 13] = [
    "t.csv",
    "--target",
    "y",
    "--quiet",
    "--compare",
    "relu,tanh",
    "--epochs",
    "20,40",
    "--lr",
    "0.02",
    "--weight-decay=0",
    "--runs",
    "2",
];

fn place() -> TempDir {
    let dir = tempdir().unwrap();
    let mut text = "a,b,y\n".to_string();

    for i in 0..150 {
        let (a, b) = (4.0 * noise(i), 4.0 * noise(i + 31337));
        text += &format!(
            "{a:.5},{b:.5},{:.5}\n",
            20.0 + 5.0 * (1.5 * a).sin() + b * b
        );
    }

    fs::write(dir.path().join("t.csv"), text).unwrap();
    dir
}

fn pareto(dir: &Path, out: &str, more: &[&str]) -> String {
    let command = ["tune", "--pareto", "--widths", "4,2", "--out", out];
    succeed(dir, &[&command, &SHORT[..], more].concat())
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The rows of a CSV file by the names of its columns.
fn rows(dir: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let text = read(dir, name);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn number(row: &BTreeMap<String, String>, name: &str) -> f64 {
    row[name]
        .parse()
        .unwrap_or_else(|_| panic!("{name}: {row:?}"))
}

#[test]
fn every_width_and_kind_has_its_error_bytes_and_instructions() {
    let dir = place();
    let said = pareto(dir.path(), "p", &[]);
    let all = rows(dir.path(), "p/pareto.csv");

    let names: Vec<String> = all
        .iter()
        .map(|row| format!("{} {}", row["neurons"], row["activations"]))
        .collect();
    let kinds = ["relu", "tanh", "learning:tanh+sine"];
    let expected = ["2", "4"].map(|width| kinds.map(|kind| format!("{width} {kind}")));
    assert_eq!(names, expected.concat());

    for row in &all {
        // Two inputs and one output have scales; relu has no table.
        let width = number(row, "neurons");
        let weights = 4.0 * (4.0 * width + 1.0) + 8.0 * 3.0;
        let tables = number(row, "flash_f32") - weights;

        match row["activations"].as_str() {
            "relu" => assert_eq!(tables, 0.0),
            "tanh" => assert!((16.0..1000.0).contains(&tables), "{row:?}"),
            // Two types with values and slopes at 33 knots.
            _ => assert_eq!(tables, 2.0 * 2.0 * 33.0 * 4.0),
        }

        assert!(number(row, "instructions_f32") > 50.0, "{row:?}");
        let rmse = number(row, "test_rmse") / number(row, "test_error_percent");
        let first = number(&all[0], "test_rmse") / number(&all[0], "test_error_percent");
        assert!((rmse / first - 1.0).abs() < 1e-9, "one deviation for all");
        assert_eq!(row["networks"], "2");
    }

    // The front has the best network, and the one of fewest bytes.
    let least = |name: &str| {
        all.iter()
            .map(|row| number(row, name))
            .fold(f64::INFINITY, f64::min)
    };
    for name in ["held_out_error_percent", "flash_f32"] {
        let on = |row: &&BTreeMap<String, String>| row["front_flash"] == "true";
        let mut front = all.iter().filter(on);
        assert!(front.any(|row| number(row, name) == least(name)), "{name}");
    }

    assert!(
        said.contains("next: ldnn train --config") && said.contains("bytes ("),
        "{said}"
    );
    for file in [
        "report.html",
        "report.md",
        "report.txt",
        "flash.svg",
        "instructions.png",
        "best.toml",
    ] {
        assert!(dir.path().join("p").join(file).is_file(), "{file}");
    }

    let best: toml::Table = read(dir.path(), "p/best.toml").parse().unwrap();
    let args = ["train", "-q", "--config", "p/best.toml", "--out", "m.ldnn"];
    succeed(dir.path(), &args);
    let model = read(dir.path(), "m.ldnn");
    let model: Value = serde_json::from_str(&model).unwrap();
    let widths = format!("hidden widths {}, ", best["fit"]["hidden"]);
    assert!(
        model["provenance"].as_str().unwrap().contains(&widths),
        "{model}"
    );
}

#[test]
fn the_same_seed_gives_the_same_bits_and_nothing_is_trained_twice() {
    let dir = place();
    pareto(dir.path(), "one", &["--jobs", "1"]);
    pareto(dir.path(), "two", &["--jobs", "2"]);
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    assert_same_files(&files_of(&one), &files_of(&two));

    let before = files_of(&one);
    pareto(dir.path(), "one", &[]);
    assert_same_files(&before, &files_of(&one));

    // What a journal says is taken over: an error that no training has.
    let journal = one.join("width-4/networks.jsonl");
    let mut kept: Vec<Value> = journal::read(&journal)
        .unwrap()
        .lines
        .into_iter()
        .map(|line| line.value)
        .collect();
    assert_eq!(kept.len(), 6);
    for result in &mut kept {
        result["network"]["test"] = 77.25.into();
    }
    fs::write(&journal, journal::lines(&kept).unwrap()).unwrap();

    pareto(dir.path(), "one", &[]);
    let all = rows(dir.path(), "one/pareto.csv");
    let told: Vec<&str> = all
        .iter()
        .map(|row| row["test_error_percent"].as_str())
        .collect();
    assert_eq!(told[3..], ["77.25"; 3], "{told:?}");
    assert!(!told[..3].contains(&"77.25"), "{told:?}");
}

#[test]
fn the_smallest_network_within_an_error_is_taken_and_one_that_is_not_there_is_an_error() {
    let dir = place();
    let train = |max_error: &'static str, out: &'static str| {
        let command = [
            "train",
            "--max-error",
            max_error,
            "--widths",
            "4,2,8",
            "--out",
            out,
        ];
        [&command, &SHORT[..]].concat()
    };

    let said = succeed(dir.path(), &train("90%", "m.ldnn"));
    assert!(
        said.contains("The smallest network with an error of at most 90%"),
        "{said}"
    );

    let tried = rows(dir.path(), "m.ldnn.run/tried.csv");
    let enough: Vec<_> = tried
        .iter()
        .filter(|row| row["small enough"] == "yes")
        .collect();
    let smallest = enough
        .iter()
        .min_by(|a, b| number(a, "bytes").total_cmp(&number(b, "bytes")))
        .unwrap();
    assert!(enough.iter().all(|row| number(row, "held out") <= 90.0));

    let model: Value = serde_json::from_str(&read(dir.path(), "m.ldnn")).unwrap();
    let activation = match model["activation"].as_str().unwrap().split_once(':') {
        Some((_, start)) => format!("learned ({start})"),
        None => model["activation"].as_str().unwrap().into(),
    };
    assert_eq!(activation, smallest["activations"]);
    let widths = format!("hidden widths [{}]", smallest["neurons"]);
    assert!(model["provenance"].as_str().unwrap().contains(&widths));
    assert!(
        said.contains(&format!("{} bytes of flash", smallest["bytes"])),
        "{said}"
    );
    succeed(dir.path(), &["eval", "m.ldnn", "t.csv"]);

    // The bytes are those of an export.
    succeed(
        dir.path(),
        &[
            "export", "m.ldnn", "--out", "e", "--format", "postcard", "-q",
        ],
    );
    let image = fs::metadata(dir.path().join("e/ldnn_model.ldnn"))
        .unwrap()
        .len() as f64;
    let more = image - number(smallest, "bytes");
    assert!(
        (0.0..400.0).contains(&more),
        "{more} bytes more in the image"
    );

    let message = refuse(dir.path(), &train("0.0001", "n.ldnn"), 1);
    for part in [
        "--max-error 0.0001: no network reaches it",
        "The best is",
        "RMSE",
        "wider networks",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!dir.path().join("n.ldnn").exists());

    // What it proposes works, and so it is the best error of the journal.
    let proposed = message.split("--max-error ").nth(2).unwrap();
    let proposed: f64 = proposed.split(' ').next().unwrap().parse().unwrap();
    assert!((0.1..10.0).contains(&proposed), "{message}");
}

#[test]
fn what_excludes_each_other_is_refused_with_what_to_type() {
    let dir = place();
    fs::write(dir.path().join("g.csv"), gestures(90)).unwrap();
    let base = ["t.csv", "--target", "y"];
    let classes = ["g.csv", "--target", "label", "--ignore", "id,person"];

    for (args, parts) in [
        (
            &["train", "--max-error", "1", "--hidden", "5"][..],
            &["--hidden", "--widths 4,8,16"][..],
        ),
        (
            &["train", "--widths", "5"],
            &["--widths", "--max-error", "--hidden"],
        ),
        (&["train", "--max-error", "0"], &["--max-error 0", "2%"]),
        (
            &["train", "--max-error", "two"],
            &["'two'", "--max-error", "2%"],
        ),
        (
            &["train", "--max-error", "1", "--widths", "0"],
            &["--widths 0", "4,8,16"],
        ),
        (&["tune", "--widths", "5"], &["--widths", "--pareto"]),
        (
            &["tune", "--pareto", "--hidden", "5"],
            &["--hidden", "--widths 4,8,16"],
        ),
        (
            &["tune", "--pareto", "--budget", "5"],
            &["--pareto", "--budget"],
        ),
        (
            &["tune", "--pareto", "--set", "space.depth=1"],
            &["--pareto", "space"],
        ),
    ] {
        let message = refuse(dir.path(), &[args, &base].concat(), 2);
        assert!(
            parts.iter().all(|part| message.contains(part)),
            "{args:?}: {message}"
        );
    }

    let message = refuse(
        dir.path(),
        &[&["train", "--max-error", "200"][..], &classes].concat(),
        2,
    );
    assert!(
        message.contains("--max-error 200: use 0 to 100"),
        "{message}"
    );
}
