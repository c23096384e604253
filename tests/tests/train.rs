//! `ldnn train`: folds, groups, how settings are chosen, what is compared, the report; and going on after a
//! kill.

use ldnn_tests::program::{kill_when, refuse, succeed};
use ldnn_tests::tables::{gestures, numbers};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// Little work.
const SHORT: [&str; 8] = [
    "--quiet", "--runs", "2", "--epochs", "12", "--hidden", "8", "--lr=0.1",
];
const GESTURES: [&str; 4] = ["--target", "label", "--ignore", "id"];

/// A folder with a table of gestures.
fn place(rows: usize) -> TempDir {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("t.csv"), gestures(rows)).unwrap();
    dir
}

fn train(dir: &Path, more: &[&str]) -> String {
    succeed(
        dir,
        &[&["train", "t.csv"], &GESTURES[..], &SHORT, more].concat(),
    )
}

fn lines(path: &Path) -> Vec<Value> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

/// The cells of the row that starts with `first` in the table whose caption holds `caption`.
fn row(report: &str, caption: &str, first: &str) -> Vec<String> {
    let table = report
        .split_once(caption)
        .unwrap_or_else(|| panic!("no '{caption}' in {report}"))
        .1;
    let found = table
        .lines()
        .find(|l| l.trim_start_matches('|').trim().starts_with(first));
    let found = found.unwrap_or_else(|| panic!("no row '{first}' in {table}"));

    found
        .trim_matches('|')
        .split('|')
        .map(|c| c.trim().to_string())
        .collect()
}

fn number(cell: &str) -> f64 {
    cell.parse()
        .unwrap_or_else(|_| panic!("'{cell}' is not a number"))
}

#[test]
fn folds_give_every_kind_the_same_rows_and_the_table_says_their_mean_and_interval() {
    let dir = place(120);
    let said = train(
        dir.path(),
        &["--folds", "3", "--ignore", "id,person", "--out", "m.ldnn"],
    );

    assert!(said.contains("120 rows in 3 folds; 2 inputs"), "{said}");
    assert!(
        said.contains("learned activations")
            && (said.contains("3 folds each") || said.contains("all 3 folds alike")),
        "{said}"
    );

    for activation in ["relu", "tanh", "learned"] {
        let cells = row(&said, "by fold", activation);
        let values: Vec<f64> = cells[2..5].iter().map(|c| number(c)).collect();
        let mean = values.iter().sum::<f64>() / 3.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2.0;

        assert!(
            (number(&cells[5]) - mean).abs() < 0.011,
            "{activation}: {cells:?}"
        );

        // t(2) = 4.302653; Nadeau and Bengio: 1/3 + 1/2 instead of 1/3.
        let width = 4.302_653 * (variance * (1.0 / 3.0 + 0.5)).sqrt();

        assert!(
            (number(&cells[6]) - width).abs() < 0.03,
            "{activation}: {width} {cells:?}"
        );
    }

    // Every row is in the test part of one fold: the confusion of all folds together has all rows.
    let confusion: f64 = ["run", "sit", "walk"]
        .iter()
        .flat_map(|class| row(&said, "confusion", class)[1..].to_vec())
        .map(|cell| number(&cell))
        .sum();

    assert_eq!(confusion, 120.0);
    assert_eq!(row(&said, "the model of each fold", "1")[2], "40");

    // Every activation is trained on the same rows with the same seeds.
    for fold in 1..=3 {
        let trainings = lines(
            &dir.path()
                .join(format!("m.ldnn.run/fold-{fold}/trainings.jsonl")),
        );
        let seeds = |activation: &str| {
            let of = trainings.iter().filter(|t| t["activation"] == activation);
            of.map(|t| t["seed"].as_u64().unwrap()).collect::<Vec<_>>()
        };

        assert_eq!(seeds("relu").len(), 2);
        let learned = seeds("learning:tanh+sine");
        assert!(seeds("relu") == learned && seeds("tanh") == learned);
    }

    assert!(
        fs::read_to_string(dir.path().join("m.ldnn.run/report.html"))
            .unwrap()
            .contains("cross-validated")
    );

    succeed(dir.path(), &["eval", "m.ldnn", "t.csv"]);
}

#[test]
fn folds_of_groups_keep_every_group_whole() {
    let dir = place(105);

    let said = train(
        dir.path(),
        &[
            "--folds",
            "5",
            "--group",
            "person",
            "--activations",
            "relu",
            "--out",
            "m.ldnn",
        ],
    );

    // Five persons with 21 rows each, one per fold.
    for fold in 1..=5 {
        assert_eq!(
            row(&said, "the model of each fold", &fold.to_string())[2],
            "21"
        );
    }

    let args = [
        &["train", "t.csv"],
        &GESTURES[..],
        &SHORT,
        &["--group", "person", "--folds", "6"],
    ]
    .concat();

    assert!(refuse(dir.path(), &args, 2).contains("--folds 6: there are only 5 groups"));
}

#[test]
fn every_setting_is_tried_and_the_best_on_held_out_rows_is_taken() {
    let dir = place(150);
    let own = [
        "--ignore",
        "person",
        "--activations",
        "relu",
        "--lr",
        "0.003,0.03",
        "--weight-decay",
        "0,1.5",
        "--epochs",
        "3,12",
        "--hidden",
        "8",
        "--runs",
        "2",
        "--out",
        "m.ldnn",
    ];
    let args = [&["train", "t.csv", "--quiet"], &GESTURES[..], &own].concat();
    succeed(dir.path(), &args);

    let trials = |name: &str| lines(&dir.path().join(format!("m.ldnn.run/{name}.jsonl")));
    let mean = |trials: &[Value], part: &str| {
        let values = trials.iter().map(|t| t["score"][part].as_f64().unwrap());
        values.sum::<f64>() / trials.len() as f64
    };

    // Two rates, two decays, three divisions; then the two best of them.
    let (short, long) = (trials("selection-short"), trials("selection-long"));
    assert_eq!((short.len(), long.len()), (12, 6));
    assert!(short.iter().all(|t| t["point"]["epochs"] == 3));
    assert!(long.iter().all(|t| t["point"]["epochs"] == 12));

    let all = [short, long].concat();
    let best = all
        .chunks(3)
        .map(|same| {
            assert!(same.iter().all(|t| t["point"] == same[0]["point"]));
            (mean(same, "metric"), -mean(same, "loss"), same)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)))
        .unwrap();

    // What was chosen is what the model is trained with.
    let chosen: Value = serde_json::from_str(
        &fs::read_to_string(dir.path().join("m.ldnn.run/chosen.json")).unwrap(),
    )
    .unwrap();

    for part in ["lr", "weight_decay", "epochs"] {
        assert_eq!(chosen[0][part], best.2[0]["point"][part], "{part}");
    }
    assert_eq!(chosen[0]["validation"].as_f64().unwrap(), best.0);

    let shown = succeed(dir.path(), &["inspect", "m.ldnn"]);
    let said = format!(
        "learning rate {}, weight decay {}, {} epochs",
        chosen[0]["lr"], chosen[0]["weight_decay"], chosen[0]["epochs"]
    )
    .replace(".0,", ",");
    assert!(shown.contains(&said), "{said}: {shown}");
}

#[test]
fn classical_names_are_trained_alone_and_the_comparison_can_be_left_out() {
    let dir = place(90);
    let one = ["--ignore", "id,person"];
    let said = train(
        dir.path(),
        &[&one[..], &["--activations", "sine,relu", "--out", "a.ldnn"]].concat(),
    );

    assert!(
        !said.contains("worth it") && !said.contains("| tanh"),
        "{said}"
    );
    assert_eq!(row(&said, "epochs chosen", "sine").len(), 9);
    assert!(!dir.path().join("a.ldnn.run/learn").exists());

    let said = train(
        dir.path(),
        &[&one[..], &["--compare", "none", "--out", "b.ldnn"]].concat(),
    );

    assert!(
        !said.contains("worth it") && !said.contains("| relu"),
        "{said}"
    );
    assert!(
        said.contains("The model has the learned activations"),
        "{said}"
    );

    let said = train(
        dir.path(),
        &[
            &one[..],
            &[
                "--activations",
                "sine,relu",
                "--keep",
                "relu",
                "--out",
                "k.ldnn",
            ],
        ]
        .concat(),
    );

    assert!(
        said.contains("The model has relu activations, as asked for"),
        "{said}"
    );

    // Learned before the weights, and given to another run: as they are, and to learn on.
    let before = ["--activations", "meta", "--steps", "2", "--compare", "none"];
    train(
        dir.path(),
        &[&one[..], &before, &["--out", "l.ldnn"]].concat(),
    );

    let given = ["--activations", "l.ldnn.run/learn", "--out", "c.ldnn"];
    let said = train(dir.path(), &[&one[..], &given].concat());

    assert!(
        said.contains("learned activations ")
            && said.contains("| learned, learning on")
            && !dir.path().join("c.ldnn.run/learn").exists(),
        "{said}"
    );

    let args = [
        &["train", "t.csv"],
        &GESTURES[..],
        &SHORT,
        &["--activations", "rele", "--out", "d.ldnn"],
    ]
    .concat();

    let message = refuse(dir.path(), &args, 2);

    assert!(
        message.contains("neither learn, meta, none nor names of base functions")
            && message.contains("rele"),
        "{message}"
    );
}

#[test]
fn the_report_has_the_models_scores_on_the_test_rows_as_eval_finds_them() {
    let dir = tempdir().unwrap();
    let all = gestures(200);
    let (learn, test): (Vec<&str>, Vec<&str>) =
        all.lines().skip(1).partition(|l| !l.starts_with("row1"));

    let file = |name: &str, rows: &[&str]| {
        fs::write(
            dir.path().join(name),
            "id;person;slow;fast;label\n".to_string() + &rows.join("\n") + "\n",
        )
        .unwrap();
    };

    file("t.csv", &learn);
    file("test.csv", &test);

    let said = train(
        dir.path(),
        &[
            "--ignore",
            "id,person",
            "--test",
            "test.csv",
            "--out",
            "m.ldnn",
        ],
    );

    let evaluated = succeed(dir.path(), &["eval", "m.ldnn", "test.csv"]);

    for class in ["run", "sit", "walk"] {
        for caption in ["each class", "confusion"] {
            assert_eq!(row(&said, caption, class), row(&evaluated, caption, class));
        }
    }

    let page = fs::read_to_string(dir.path().join("m.ldnn.run/report.html")).unwrap();
    assert!(page.contains("balanced accuracy") && page.contains("learned activations"));

    fs::write(dir.path().join("n.csv"), numbers(120)).unwrap();

    let args = [
        &[
            "train",
            "n.csv",
            "--target",
            "y,z",
            "--activations",
            "tanh",
            "--folds",
            "3",
        ][..],
        &SHORT,
        &["--out", "n.ldnn"],
    ];

    let said = succeed(dir.path(), &args.concat());
    let first = row(&said, "the model of each fold", "1");

    assert_eq!(
        first.len(),
        3 + 6,
        "three scores for each of two targets: {first:?}"
    );
}

#[test]
fn a_stored_config_gives_the_same_model_and_a_typo_gives_nothing() {
    let dir = place(90);
    train(
        dir.path(),
        &["--ignore", "id,person", "--out", "a.ldnn", "--seed", "7"],
    );

    succeed(
        dir.path(),
        &[
            "train",
            "-q",
            "--config",
            "a.ldnn.run/config.toml",
            "--out",
            "b.ldnn",
        ],
    );

    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("a.ldnn"), read("b.ldnn"));
    assert_eq!(
        read("a.ldnn.run/config.toml"),
        read("b.ldnn.run/config.toml")
    );

    let text = String::from_utf8(read("a.ldnn.run/config.toml")).unwrap();

    fs::write(
        dir.path().join("typo.toml"),
        text.replace("lr_decay", "lr_dekay"),
    )
    .unwrap();

    let message = refuse(
        dir.path(),
        &["train", "--config", "typo.toml", "--out", "c.ldnn"],
        2,
    );

    let line = text
        .lines()
        .position(|l| l.starts_with("lr_decay"))
        .unwrap()
        + 1;

    assert!(
        message.contains(&format!("'typo.toml', line {line}, column 1")),
        "{message}"
    );
    assert!(
        message.contains("did you mean 'fit.lr_decay'?"),
        "{message}"
    );
    assert!(
        !dir.path().join("c.ldnn").exists() && !dir.path().join("c.ldnn.run").exists(),
        "half-written"
    );

    // The same file with other rows.
    fs::write(dir.path().join("t.csv"), gestures(93)).unwrap();

    let message = refuse(
        dir.path(),
        &[
            "train",
            "--config",
            "a.ldnn.run/config.toml",
            "--out",
            "c.ldnn",
        ],
        2,
    );

    assert!(
        message.contains("the rows of 't.csv' are not those that the --config was made for"),
        "{message}"
    );
}

#[test]
fn a_killed_run_goes_on_to_the_same_model() {
    let dir = place(150);

    let more = [
        "--ignore",
        "id,person",
        "--runs",
        "6",
        "--epochs",
        "60",
        "--out",
    ];

    train(dir.path(), &[&more[..], &["whole.ldnn"]].concat());

    let killed = [
        &["train", "t.csv"],
        &GESTURES[..],
        &SHORT,
        &more,
        &["killed.ldnn"],
    ]
    .concat();

    let at_work = kill_when(
        dir.path(),
        &killed,
        "killed.ldnn.run/selection-short.jsonl",
        2,
    );
    assert!(at_work, "it was done before it was killed");
    assert!(
        !dir.path().join("killed.ldnn").exists(),
        "a model before the end"
    );

    succeed(dir.path(), &killed);

    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("whole.ldnn"), read("killed.ldnn"));
    assert_eq!(
        read("whole.ldnn.run/trainings.jsonl"),
        read("killed.ldnn.run/trainings.jsonl")
    );
}

#[test]
fn where_every_rate_diverges_smaller_ones_are_tried_and_the_report_says_so() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("n.csv"), numbers(120)).unwrap();

    let reckless = |rate: &'static str, out: &'static str| {
        let own = [
            "--set",
            "fit.optimizer=sgd",
            "--lr",
            rate,
            "--activations",
            "relu,identity",
            "--out",
            out,
        ];

        [
            &[
                "train", "n.csv", "--quiet", "--target", "y,z", "--epochs", "12", "--runs", "2",
            ][..],
            &own,
        ]
        .concat()
    };

    let said = succeed(dir.path(), &reckless("300", "m.ldnn"));
    assert!(
        said.contains("trainings that choose its settings diverged; they are left out"),
        "{said}"
    );

    let chosen: f64 = number(&row(&said, "epochs chosen", "identity")[1]);
    assert!(chosen < 300.0, "{said}");

    succeed(dir.path(), &["predict", "m.ldnn", "n.csv"]);

    // Where that does not help either there is no model, and the message says what to do.
    let message = refuse(dir.path(), &reckless("1e30", "n.ldnn"), 1);

    assert!(
        message.contains("every training diverged") && message.contains("smaller --lr"),
        "{message}"
    );
    assert!(!dir.path().join("n.ldnn").exists());
}
