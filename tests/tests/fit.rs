//! From a table of numbers to a model and to code for a device, as a user does it.

use ldnn_tests::program::{refuse, run_with, succeed};
use ldnn_tests::tables::{gestures, noise};
use std::fs;
use std::path::Path;

fn good(arguments: &[&str]) -> String {
    succeed(Path::new("."), &[&["--quiet"], arguments].concat())
}

fn bad(arguments: &[&str]) -> String {
    refuse(Path::new("."), &[&["--quiet"], arguments].concat(), 2)
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.0.path().join(name), text).unwrap();
        self.path(name)
    }
}

const SHORT: [&str; 10] = [
    "--runs", "2", "--epochs", "12", "--hidden", "12", "--lr", "0.1", "--target", "label",
];

#[test]
fn a_table_becomes_a_model_and_code() {
    let place = Place::new();
    let (table, model) = (
        place.file("gestures.csv", gestures(300)),
        place.path("gestures.ldnn"),
    );

    let train = [
        &["train", &table, "--out", &model, "--ignore", "id,person"],
        &SHORT[..],
    ]
    .concat();

    let said = good(&train);

    for part in [
        "240 rows to learn from, 60 to test; 2 inputs",
        "one of 3 classes",
        "he learned activations ",
        "model: ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    let bytes = fs::read(&model).unwrap();
    good(&train);

    assert!(
        fs::read(&model).unwrap() == bytes,
        "the same command gave another model"
    );

    let score: f64 = good(&["eval", &model, &table])
        .split("F1 (macro) |")
        .nth(1)
        .unwrap()
        .split('|')
        .nth(5)
        .unwrap()
        .trim()
        .parse()
        .unwrap();

    assert!(score > 60.0, "{score} % on rows that are easy");

    let predicted = good(&["predict", &model, &table]);
    let mut lines = predicted.lines();

    assert_eq!(lines.next(), Some("label,P(run),P(sit),P(walk)"));
    assert_eq!(lines.clone().count(), 300);

    let right = lines
        .enumerate()
        .filter(|(i, l)| l.starts_with(["run", "sit", "walk"][i % 3]))
        .count();

    assert!(
        (right as f64 / 3.0 - score).abs() < 0.01,
        "{right} rows, {score} %"
    );

    let from_stdin = run_with(Path::new("."), &["predict", &model], &gestures(300));
    assert_eq!(String::from_utf8(from_stdin.stdout).unwrap(), predicted);

    let shown = good(&["inspect", &model]);
    assert!(
        shown.contains("'label', one of run, sit, walk") && shown.contains("fast"),
        "{shown}"
    );

    for weights in ["f32", "int8"] {
        let out = place.path(weights);

        good(&[
            "export",
            &model,
            "--what",
            "network",
            "--weights",
            weights,
            "--out",
            &out,
            "--data",
            &table,
            "--with-rows",
            "30",
        ]);

        let verified = good(&["verify", &out]);

        assert_eq!(
            verified.matches("every bit the same").count(),
            5,
            "{verified}"
        );

        assert!(
            verified.contains("| walk"),
            "the classes have no names: {verified}"
        );

        let header = fs::read_to_string(Path::new(&out).join("ldnn_model.h")).unwrap();
        assert!(
            header.contains("int ldnn_model_run(const float raw[LDNN_MODEL_INPUTS]"),
            "{header}"
        );
    }
}

#[test]
fn numbers_are_predicted_in_their_own_units() {
    let place = Place::new();
    let mut text = "a,b,y,z\n".to_string();

    for i in 0..200 {
        let (a, b) = (noise(i) * 4.0, noise(i + 31337));
        text += &format!("{a},{b},{},{}\n", 5000.0 + 300.0 * a, 0.001 * b - 0.001 * a);
    }

    let (table, model) = (place.file("t.csv", text), place.path("m.ldnn"));
    let rest = [
        "--runs", "2", "--epochs", "60", "--lr", "0.05", "--hidden", "16",
    ];

    let said = good(
        &[
            &["train", &table, "--target", "y,z", "--out", &model][..],
            &rest,
        ]
        .concat(),
    );

    assert!(said.contains("y, z (regression)"), "{said}");

    let scores = good(&["eval", &model, &table]);

    for target in ["| y ", "| z "] {
        let row = scores.lines().find(|l| l.starts_with(target)).unwrap();
        let r2: f64 = row.split('|').nth(4).unwrap().trim().parse().unwrap();
        assert!(r2 > 0.9, "{row}");
    }

    let first: f64 = good(&["predict", &model, &table])
        .lines()
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap();

    assert!((3500.0..6500.0).contains(&first), "{first}");
}

#[test]
fn no_group_is_in_both_parts_and_a_test_file_is_used() {
    let place = Place::new();
    let (table, model) = (place.file("g.csv", gestures(210)), place.path("m.ldnn"));

    let arguments = [
        "train",
        &table,
        "--out",
        &model,
        "--ignore",
        "id",
        "--group",
        "person",
        "--test-share",
        "0.4",
    ];

    let said = good(&[&arguments[..], &SHORT].concat());
    assert!(
        said.contains("126 rows to learn from, 84 to test"),
        "{said}"
    );

    let (test, model) = (place.file("t.csv", gestures(33)), place.path("n.ldnn"));

    let arguments = [
        "train",
        &table,
        "--out",
        &model,
        "--ignore",
        "id,person",
        "--test",
        &test,
    ];

    let said = good(&[&arguments[..], &SHORT].concat());
    assert!(
        said.contains("210 rows to learn from, 33 to test"),
        "{said}"
    );
}

#[test]
fn bad_tables_and_models_are_refused_with_the_place() {
    let place = Place::new();
    let out = place.path("never.ldnn");
    let table = gestures(60);

    for (text, expected) in [
        (String::new(), "the file is empty"),
        (
            table.replace("row4;", ""),
            "line 6 has 4 columns, the first one 5",
        ),
        (table.replacen("0.", "x.", 1), "is not a number"),
        (
            table.clone() + "id;p;NaN;1;sit\n",
            "line 62, column 'slow': the value is missing",
        ),
        (
            table.clone() + "id;p;1;inf;sit\n",
            "line 62, column 'fast': 'inf' is not finite",
        ),
        (
            table.clone() + "id;p;1;1;jump\n",
            "class 'jump' has one row only (line 62)",
        ),
        (
            table.clone() + "id;p;1;1;\n",
            "line 62, column 'label': the value is missing",
        ),
        (table.replace("label", "kind"), "there is no column 'label'"),
        (
            table.lines().take(10).collect::<Vec<_>>().join("\n"),
            "at least 10 are needed",
        ),
    ] {
        let file = place.file("bad.csv", &text);
        let arguments = ["train", &file, "--out", &out, "--ignore", "id,person"];
        let error = bad(&[&arguments[..], &SHORT].concat());
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(
            !Path::new(&out).exists() && !Path::new(&(out.clone() + ".run")).exists(),
            "half-written"
        );
    }

    let utf16 = place.file("u.csv", [0xff, 0xfe, b'a', 0, b',', 0]);
    assert!(
        bad(&["train", &utf16, "--target", "a", "--out", &out]).contains("it is text in UTF-16")
    );

    assert!(
        bad(&[
            "train",
            &place.path("nowhere.csv"),
            "--target",
            "a",
            "--out",
            &out
        ])
        .contains("cannot open")
    );

    let (good_table, model) = (place.file("g.csv", &table), place.path("m.ldnn"));

    good(
        &[
            &[
                "train",
                &good_table,
                "--out",
                &model,
                "--ignore",
                "id,person",
            ][..],
            &SHORT,
        ]
        .concat(),
    );

    let text = fs::read_to_string(&model).unwrap();
    // As a program before the checksum wrote it, so that the fault behind a checksum is found.
    let (_, bare) = text.split_once(',').unwrap();
    let bare = format!("{{{bare}").replacen("\"version\":3", "\"version\":2", 1);

    for (change, expected) in [
        (
            text.replacen("\"version\":3", "\"version\":7", 1),
            "version 7 is not known",
        ),
        (
            text.replacen("\"version\":3", "\"version\":1", 1),
            "version 1 is not known; this program reads 3: train the model again",
        ),
        (
            text[..text.len() / 2].to_string(),
            "no model of `ldnn train`",
        ),
        (
            text.replacen("\"slow\"", "\"slow\",\"more\"", 1),
            "the file is damaged, or was edited by hand",
        ),
        (
            bare.replacen("\"slow\"", "\"slow\",\"more\"", 1),
            "the network has 2 inputs, and there are names of 3",
        ),
        ("LDNN\u{1}".to_string(), "the image of a model for a device"),
    ] {
        let file = place.file("bad.ldnn", change);
        let error = bad(&["eval", &file, &good_table]);
        assert!(error.contains(expected), "{expected}: {error}");
    }

    let less = place.file("less.csv", "slow,label\n1,sit\n");

    assert!(
        bad(&["predict", &model, &less]).contains(
            "the model needs a column 'fast' (it has 2 inputs); the table has slow, label"
        )
    );
}

#[test]
fn a_test_share_that_leaves_too_few_rows_is_refused_and_one_that_leaves_few_is_said() {
    let place = Place::new();
    let (table, out) = (place.file("t.csv", gestures(90)), place.path("m.ldnn"));

    let with_share = |share: &'static str| {
        let own = [
            "--ignore",
            "id,person",
            "--test-share",
            share,
            "--out",
            &out,
        ];

        [&["train", &table][..], &own, &SHORT].concat()
    };

    let error = bad(&with_share("0.99"));

    assert!(
        error.contains(
            "--test-share 0.99 leaves 3 of the 90 rows to learn from; at least 10 are needed: \
             keep fewer for testing, as in --test-share 0.2"
        ),
        "{error}"
    );

    assert!(!Path::new(&out).exists());

    let only = "Only 18 of the 90 rows are left to learn from: 72 are kept for testing";
    let said = good(&with_share("0.8"));

    assert!(said.contains(only), "{said}");

    let report = fs::read_to_string(place.path("m.ldnn.run/report.txt")).unwrap();
    let in_file = only.replace("--test-share", "`test_share`");
    assert!(report.contains(&in_file), "{report}");

    let usual = [&with_share("0.2")[..], &["--replace"]].concat();
    assert!(!good(&usual).contains("are left to learn from"));

    // Nine rows are too few, whatever the share.
    let few = place.file("few.csv", gestures(11));

    let error = bad(&[
        &["train", &few, "--ignore", "id,person", "--out", &out],
        &SHORT[..],
    ]
    .concat());

    assert!(
        error.contains("at least 10 are needed: give more rows"),
        "{error}"
    );

    // Ten rows of ten classes leave none that choose settings.
    let row = |i: usize| format!("{i},{}\n", i % 10);
    let tens = "a,label\n".to_string() + &(0..20).map(row).collect::<String>();
    let tens = place.file("tens.csv", tens);
    let share = ["--classification", "--test-share", "0.5", "--out", &out];
    let error = bad(&[&["train", &tens][..], &share, &SHORT].concat());

    assert!(
        error.contains("there is one training row only of each class of 'label'"),
        "{error}"
    );
}

#[test]
fn extreme_values_are_named_in_the_report() {
    let place = Place::new();

    let row = |i: usize| {
        let (a, b) = (noise(i), noise(i + 7919));
        let a = if i == 7 { 1e6 } else { a };

        let y = if i == 11 || i == 12 {
            -5000.0
        } else {
            a.min(1.0) + b
        };
        format!("{a},{b},{y}\n")
    };

    let table = "a,b,y\n".to_string() + &(0..1500).map(row).collect::<String>();
    let (table, out) = (place.file("t.csv", table), place.path("m.ldnn"));

    let own = ["--target", "y", "--activations", "relu"];

    let short = [
        "--runs", "2", "--epochs", "2", "--hidden", "4", "--lr", "0.01",
    ];

    // Every row is a training row of the model.
    let said = good(
        &[
            &["train", &table, "--out", &out, "--folds", "2"][..],
            &own,
            &short,
        ]
        .concat(),
    );

    let extremes = said
        .lines()
        .find(|line| line.contains("far from the others of their column"))
        .unwrap_or_else(|| panic!("{said}"));

    for part in [
        "Some of the 1500 rows to learn from",
        "'a' in 1 row (the furthest is 1000000, 39 standard deviations away)",
        "'y' in 2 rows (the furthest is -5000, 27 standard deviations away)",
        "leave an input out with --ignore",
    ] {
        assert!(extremes.contains(part), "{part}: {extremes}");
    }

    assert!(!extremes.contains("'b'"), "{extremes}");
}

#[test]
fn an_export_of_classical_activations_says_nothing_about_tables() {
    let place = Place::new();
    let (table, model) = (place.file("t.csv", gestures(90)), place.path("m.ldnn"));

    let own = [
        "--ignore",
        "id,person",
        "--activations",
        "relu",
        "--out",
        &model,
    ];

    good(&[&["train", &table][..], &own, &SHORT].concat());

    let out = place.path("f32");
    let said = good(&["export", &model, "--out", &out]);

    for word in ["table", "knots", "hermite", "sizes", "chosen", "0 bytes;"] {
        // Rows of a table, the user's, are another thing.
        let about = said
            .replace("holds no row of a table", "")
            .replace("on the rows of a table", "");
        assert!(!about.contains(word), "{word}: {said}");
    }

    assert!(said.contains("against `ldnn predict`"), "{said}");
    assert!(!Path::new(&out).join("pareto.csv").exists());

    // In integers relu is a table.
    let out = place.path("int8");
    let said = good(&["export", &model, "--weights", "int8", "--out", &out]);

    assert!(
        said.contains("with int8 weights") && !said.contains("hermite"),
        "{said}"
    );
}
