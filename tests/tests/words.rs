//! What the program says of tables, models and flags that are wrong: the fault, its place, and
//! something to type that works.

use ldnn_tests::program::{path, refuse, run, succeed};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

/// The shortest training there is.
const SHORT: [&str; 13] = [
    "--quiet",
    "--activations",
    "none",
    "--compare",
    "relu",
    "--runs",
    "2",
    "--epochs",
    "5",
    "--hidden",
    "5",
    "--lr",
    "0.01",
];

fn train<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [
        &["train"][..],
        more,
        &["--out", "m.ldnn", "--replace"],
        &SHORT,
    ]
    .concat()
}

/// A number between 0 and 1 that looks like nothing in particular.
fn number(i: usize) -> f64 {
    (i as f64 * 0.618_033_988_749).fract()
}

/// A table of 40 rows, each written by `row`.
fn table(folder: &Path, name: &str, names: &str, row: impl Fn(usize) -> String) {
    let rows: String = (0..40).map(|i| row(i) + "\n").collect();
    fs::write(folder.join(name), format!("{names}\n{rows}")).unwrap();
}

fn plain(folder: &Path) {
    table(folder, "t.csv", "a,b,y", |i| {
        format!("{},{},{}", number(i), number(i + 7), i % 2)
    });
}

#[test]
fn a_model_with_a_changed_digit_is_refused_by_every_command() {
    let place = tempdir().unwrap();
    let folder = place.path();
    plain(folder);
    succeed(folder, &train(&["t.csv", "--target", "y"]));

    let text = fs::read_to_string(folder.join("m.ldnn")).unwrap();

    // A digit of the first parameter, and one of the first mean.
    for field in ["\"params\":[", "\"mean\":"] {
        let start = text.find(field).unwrap() + field.len();
        let at = start + text[start..].find('.').unwrap() + 2;
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'5' { b'6' } else { b'5' };
        fs::write(folder.join("damaged.ldnn"), bytes).unwrap();

        for command in [
            &["predict", "damaged.ldnn", "t.csv"][..],
            &["eval", "damaged.ldnn", "t.csv"],
            &["inspect", "damaged.ldnn"],
            &["export", "damaged.ldnn", "--out", "e"],
        ] {
            let said = refuse(folder, command, 2);
            assert!(
                said.contains("in 'damaged.ldnn': the file is damaged, or was edited by hand"),
                "{field} {command:?}: {said}"
            );
        }
    }

    // The checksum cannot just be left out; files of the version before have none.
    let (checksum, rest) = text.split_once(',').unwrap();

    assert!(checksum.starts_with("{\"checksum\":\""));

    fs::write(folder.join("bare.ldnn"), format!("{{{rest}")).unwrap();
    assert!(refuse(folder, &["inspect", "bare.ldnn"], 2).contains("damaged"));

    let before = format!("{{{rest}").replacen("\"version\":3", "\"version\":2", 1);
    fs::write(folder.join("before.ldnn"), before).unwrap();

    assert_eq!(
        succeed(folder, &["predict", "before.ldnn", "t.csv"]),
        succeed(folder, &["predict", "m.ldnn", "t.csv"])
    );
}

#[test]
fn names_of_an_imported_model_differ() {
    let place = tempdir().unwrap();
    let folder = place.path();
    table(folder, "t.csv", "a,b,y", |i| {
        format!("{},{},{}", number(i), number(i + 7), i % 3)
    });
    succeed(folder, &train(&["t.csv", "--target", "y"]));
    succeed(folder, &["export", "m.ldnn", "--out", "w.npz"]);

    // Weights alone, as another program would write them.
    let weights = |shape: &str, at: usize, len: usize| {
        format!(
            "{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[{at},{}]}}",
            at + len
        )
    };

    let head = format!(
        "{{\"0.weight\":{},\"0.bias\":{}}}",
        weights("3,2", 0, 24),
        weights("3", 24, 12)
    );

    let bytes = [
        &(head.len() as u64).to_le_bytes()[..],
        head.as_bytes(),
        &[0; 36],
    ];

    fs::write(folder.join("w.safetensors"), bytes.concat()).unwrap();

    let import = ["import", "w.safetensors", "--out", "i.ldnn"];
    let with = |more: &[&'static str]| [&import[..], more].concat();
    let said = refuse(folder, &with(&["--features", "a,a"]), 2);

    assert!(said.contains("--features: 'a' is there twice"), "{said}");

    let said = refuse(folder, &with(&["--classes", "u,v,u"]), 2);
    assert!(said.contains("--classes: 'u' is there twice"), "{said}");

    succeed(folder, &with(&["--features", "a,b", "--classes", "u,v,w"]));

    let said = refuse(folder, &["export", "i.ldnn", "--data", "x.csv"], 2);
    assert!(said.contains("cannot open 'x.csv'"), "{said}");

    fs::write(folder.join("x.csv"), "a,b\n1,2\n2,1.5\n").unwrap();

    // Ranges need inputs alone, and this network has no hidden neuron at all.
    succeed(
        folder,
        &["-q", "export", "i.ldnn", "--data", "x.csv", "--out", "e"],
    );
    succeed(
        folder,
        &[
            "-q",
            "export",
            "i.ldnn",
            "--data",
            "x.csv",
            "--weights",
            "int8",
            "--out",
            "q",
        ],
    );

    let said = refuse(folder, &["export", "m.ldnn", "--data", "x.csv"], 2);
    assert!(
        said.contains("which an export is tested with; add it to the table"),
        "{said}"
    );
}

#[test]
fn tables_that_cannot_be_learned_from_are_refused_before_the_work() {
    let place = tempdir().unwrap();
    let folder = place.path();
    let stamp = 10u64.pow(18);
    table(folder, "const.csv", "a,b,y", |i| format!("1,2,{}", i % 2));
    table(folder, "large.csv", "a,y", |i| {
        format!("{},{}", stamp + i as u64, i % 2)
    });
    table(folder, "stamp.csv", "a,b,y", |i| {
        format!("{},{},{}", number(i), stamp + i as u64, i % 2)
    });

    let two: String = (0..20)
        .map(|i| format!("{},{}\n", number(i), i % 10))
        .collect();
    fs::write(folder.join("two.csv"), format!("a,y\n{two}")).unwrap();

    for (file, parts) in [
        (
            "const.csv",
            &["every input is the same in all rows to learn from (a, b)"][..],
        ),
        ("large.csv", &["(a)", "double precision", "subtract"]),
        (
            "two.csv",
            &["one training row only of each class", "add --regression"],
        ),
    ] {
        let said = refuse(folder, &train(&[file, "--target", "y"]), 2);
        for part in parts {
            assert!(said.contains(part), "{file}: {said}");
        }
        assert!(!folder.join("m.ldnn.run").exists(), "{file}");
    }

    succeed(
        folder,
        &train(&["two.csv", "--target", "y", "--regression"]),
    );

    let said = succeed(folder, &train(&["stamp.csv", "--target", "y"]));
    assert!(
        said.contains("the values of b may differ in the file"),
        "{said}"
    );
}

#[test]
fn a_first_line_of_numbers_may_be_names() {
    let place = tempdir().unwrap();
    let folder = place.path();
    table(folder, "n.csv", "0,1,2", |i| {
        format!("{},{},{}", number(i), number(i + 7), i % 2)
    });

    let said = refuse(folder, &train(&["n.csv", "--target", "2"]), 2);
    assert!(
        said.contains("no column '2'") && said.contains("add --header"),
        "{said}"
    );

    let said = run(
        folder,
        &train(&["n.csv", "--target", "last", "--regression"]),
    );
    let said = String::from_utf8_lossy(&said.stderr).into_owned();

    assert!(
        said.contains("note: 'n.csv': the first line is taken for a row"),
        "{said}"
    );

    let quiet = run(folder, &train(&["n.csv", "--target", "2", "--header"]));
    assert!(quiet.status.success() && quiet.stderr.is_empty());

    // An export reads the table in the same way, and its settings say how.
    let export = ["export", "m.ldnn", "--data", "n.csv", "--out", "e"];
    refuse(folder, &export, 2);
    succeed(folder, &[&export[..], &["--header"]].concat());
    succeed(
        folder,
        &["export", "--config", "e/config.toml", "--out", "f"],
    );

    assert_eq!(
        fs::read(folder.join("e/golden.json")).unwrap(),
        fs::read(folder.join("f/golden.json")).unwrap()
    );
}

#[test]
fn columns_of_text_and_missing_cells_are_named_at_once() {
    let place = tempdir().unwrap();
    let folder = place.path();
    table(folder, "text.csv", "x,name,city,\"q,r\",y", |i| {
        format!("{},Bob,Rome,{},{}", number(i), number(i + 3), i % 2)
    });

    let said = refuse(folder, &train(&["text.csv", "--target", "y"]), 2);
    assert!(
        said.contains("left out with --ignore name,city\n"),
        "{said}"
    );

    let said = succeed(
        folder,
        &train(&[
            "text.csv",
            "--target",
            "q,r",
            "--regression",
            "--ignore",
            "name,city",
        ]),
    );

    assert!(said.contains("model: m.ldnn"), "{said}");

    let more = ["--target", "y", "--ignore", "q,r,name,city"];
    succeed(folder, &train(&[&["text.csv"][..], &more].concat()));

    table(folder, "gaps.csv", "x,z,y", |i| {
        let z = if i % 7 == 3 {
            String::new()
        } else {
            i.to_string()
        };

        let y = if i == 20 {
            "?".into()
        } else {
            (i % 2).to_string()
        };

        format!("{},{z},{y}", number(i))
    });

    let said = refuse(folder, &train(&["gaps.csv", "--target", "y"]), 2);
    let expected = "line 5, column 'z': the value is missing";

    assert!(said.contains(expected), "{said}");
    assert!(
        said.contains("7 cells have no value: 6 in 'z', 1 in 'y'"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_predicted_is_named_by_file_and_line() {
    let place = tempdir().unwrap();
    let folder = place.path();
    plain(folder);
    succeed(folder, &train(&["t.csv", "--target", "y"]));
    fs::write(folder.join("far.csv"), "a,b\n1,2\n\n3,1e39\n").unwrap();

    let said = refuse(folder, &["predict", "m.ldnn", "far.csv"], 2);

    assert!(
        said.contains("in 'far.csv': line 4, column 'b': 1e39")
            || said.contains("in 'far.csv': line 4: column 'b': 1e39"),
        "{said}"
    );

    let huge = [0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2];
    fs::write(folder.join("huge.idx"), huge).unwrap();

    let said = refuse(folder, &["predict", "m.ldnn", "huge.idx"], 2);
    assert!(said.contains("damaged, or of another kind"), "{said}");
    assert!(
        !said.contains("LDNN_MEMORY") && !said.contains("'ignore'"),
        "{said}"
    );
}

#[test]
fn whole_numbers_beyond_those_of_settings_are_refused_by_their_flags() {
    let place = tempdir().unwrap();
    let folder = place.path();
    plain(folder);

    let most = "18446744073709551615";

    for flag in ["--seed", "--epochs", "--steps", "--hidden"] {
        let said = refuse(folder, &["train", "t.csv", "--target", "y", flag, most], 2);
        let expected = format!("{flag} {most}: at most 9223372036854775807");
        assert!(said.contains(&expected), "{said}");
    }

    let said = refuse(folder, &["predict", "m.ldnn", "t.csv", "--block", most], 2);
    assert!(
        said.contains("--block 18446744073709551615: at most"),
        "{said}"
    );

    let set = "fit.seed=9223372036854775808";
    let said = refuse(folder, &train(&["t.csv", "--target", "y", "--set", set]), 2);

    assert!(said.contains("at most 9223372036854775807"), "{said}");
}

#[test]
fn a_file_that_begins_like_a_flag_is_given_as_the_message_says() {
    let place = tempdir().unwrap();
    let folder = place.path();
    plain(folder);
    fs::rename(folder.join("t.csv"), folder.join("-dash.csv")).unwrap();

    let said = refuse(folder, &train(&["-dash.csv", "--target", "y"]), 2);
    assert!(said.contains("write ./-dash.csv"), "{said}");

    succeed(folder, &train(&["./-dash.csv", "--target", "y"]));

    let predict = |out: &'static str| ["predict", "m.ldnn", "./-dash.csv", out];
    let said = refuse(folder, &[&predict("--out")[..], &["-p.csv"]].concat(), 2);

    assert!(said.contains("write --out=./-p.csv"), "{said}");

    succeed(folder, &predict("--out=./-p.csv"));
}

#[test]
fn what_is_to_be_exported_is_no_output_and_is_named_if_it_is_not_there() {
    let place = tempdir().unwrap();
    let folder = place.path();
    plain(folder);
    succeed(folder, &train(&["t.csv", "--target", "y"]));

    let said = refuse(folder, &["export", "nofile"], 2);
    assert!(
        said.contains("no 'nofile'; give a model of `ldnn train`"),
        "{said}"
    );

    let same = ["export", "m.ldnn", "--out", "m.ldnn", "--format", "c"];
    assert!(refuse(folder, &same, 2).contains("'m.ldnn' is the file that is to be exported"));
}

#[test]
fn a_folder_that_is_gone_is_said_to_be() {
    let place = tempdir().unwrap();
    let script = "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" predict m.ldnn";

    let ran = Command::new("sh")
        .current_dir(place.path())
        .args(["-c", script])
        .arg(path())
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(2));
    assert!(
        said.contains("the current folder does not exist any more"),
        "{said}"
    );
}

#[test]
fn a_learning_rate_at_which_nothing_can_be_learned_is_named() {
    let place = tempdir().unwrap();
    let folder = place.path();
    plain(folder);

    let short = &train(&["t.csv", "--target", "y"])[..];
    let short = [&short[..short.len() - 1], &["1e30"]].concat();
    let said = refuse(folder, &short, 1);

    assert!(
        said.contains("1e30") && said.contains("smaller --lr"),
        "{said}"
    );
}
