//! Data of every form from outside: what is read, what is refused, and that predictions come as a
//! stream.

use ldnn::data::npz::{self, NpyArray};
use ldnn_tests::program::{path, refuse, succeed};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const ROWS: usize = 60;
/// The shortest training there is.
const SHORT: [&str; 13] = [
    "--quiet",
    "--activations",
    "none",
    "--compare",
    "tanh",
    "--runs",
    "2",
    "--epochs",
    "8",
    "--hidden",
    "6",
    "--lr",
    "0.1",
];

/// Three classes in four whole numbers of 0 to 255.
fn pixel(row: usize, column: usize) -> u8 {
    let noise = ((row * 4 + column + 1) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let noise = (noise % 50) as u8;

    if column == row % 3 {
        180 + noise
    } else {
        20 + noise
    }
}

fn csv(delimiter: &str) -> String {
    let row = |r: usize| {
        let cells: Vec<String> = (0..4).map(|c| pixel(r, c).to_string()).collect();
        format!("{}{delimiter}{}\n", cells.join(delimiter), r % 3)
    };
    ["a", "b", "c", "d", "kind"].join(delimiter) + "\n" + &(0..ROWS).map(row).collect::<String>()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
    let lengths = shape.iter().flat_map(|n| n.to_be_bytes());
    [0, 0, 8, shape.len() as u8]
        .into_iter()
        .chain(lengths)
        .chain(data.iter().copied())
        .collect()
}

fn pixels() -> Vec<u8> {
    (0..ROWS)
        .flat_map(|r| (0..4).map(move |c| pixel(r, c)))
        .collect()
}

/// A file that comes with the tests.
fn data(name: &str) -> String {
    format!("{}/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn file(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    fs::write(folder.join(name), bytes).unwrap();
}

/// Trains on the CSV table.
fn model(folder: &Path) -> &'static str {
    file(folder, "t.csv", csv(","));

    succeed(
        folder,
        &[
            &[
                "train",
                "t.csv",
                "--target",
                "kind",
                "--out",
                "m.ldnn",
                "--replace",
            ],
            &SHORT[..],
        ]
        .concat(),
    );

    "m.ldnn"
}

#[test]
fn every_form_of_the_same_rows_gives_the_same_predictions() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let x: Vec<f64> = pixels().into_iter().map(f64::from).collect();
    let labels: Vec<i64> = (0..ROWS).map(|r| (r % 3) as i64).collect();
    let rows = |f: &dyn Fn(usize) -> Vec<f64>| (0..ROWS).flat_map(f).collect::<Vec<f64>>();
    let joined = rows(&|r| [&x[r * 4..][..4], &[labels[r] as f64]].concat());

    let series = |r: usize| {
        format!(
            "{}:{}\n",
            x[r * 4..][..4]
                .iter()
                .map(f64::to_string)
                .collect::<Vec<_>>()
                .join(","),
            r % 3
        )
    };

    let ts =
        "# a comment\n@problemName p\n@univariate true\n@equalLength true\n@classLabel true 0 1 2\n@data\n".to_string();
    file(folder, "t.csv", csv(","));
    file(folder, "t.csv.gz", gzip(csv(";").as_bytes()));
    file(folder, "t.tsv", csv("\t"));
    file(folder, "t.npy", npz::npy(&NpyArray::matrix(joined, 5)));
    file(folder, "x.npy", npz::npy(&NpyArray::matrix(x.clone(), 4)));

    file(
        folder,
        "t.npz",
        npz::write(&[
            ("x", NpyArray::matrix(x.clone(), 4)),
            ("y", NpyArray::labels(labels.clone())),
        ]),
    );

    file(
        folder,
        "t.ts",
        ts + &(0..ROWS).map(series).collect::<String>(),
    );

    file(
        folder,
        "images.gz",
        gzip(&idx(&[ROWS as u32, 2, 2], &pixels())),
    );

    file(
        folder,
        "labels",
        idx(
            &[ROWS as u32],
            &(0..ROWS).map(|r| (r % 3) as u8).collect::<Vec<_>>(),
        ),
    );

    let forms: [&[&str]; 8] = [
        &["t.csv", "--target", "kind"],
        &["t.csv.gz", "--target", "last"],
        &["t.tsv", "--target", "kind"],
        &["t.npy", "--target", "last"],
        &["x.npy", "--labels", "labels"],
        &["t.npz"],
        &["t.ts"],
        &["images.gz", "--labels", "labels"],
    ];

    let mut answers: Vec<(String, String)> = vec![];

    for form in forms {
        let said = succeed(
            folder,
            &[
                &["train"],
                form,
                &["--out", "m.ldnn", "--replace"],
                &SHORT[..],
            ]
            .concat(),
        );

        assert!(
            said.contains("48 rows to learn from, 12 to test; 4 inputs"),
            "{form:?}: {said}"
        );

        let predicted = succeed(folder, &["predict", "m.ldnn", form[0]]);
        let answer = predicted.split_once('\n').unwrap().1.to_string();

        assert_eq!(answer.lines().count(), ROWS, "{form:?}");

        let labels = form
            .iter()
            .position(|f| *f == "--labels")
            .map(|i| &form[i..])
            .unwrap_or_default();

        let scores = succeed(folder, &[&["eval", "m.ldnn", form[0]], labels].concat());
        answers.push((answer, scores));
    }

    for (form, answer) in forms.iter().zip(&answers) {
        assert!(*answer == answers[0], "{form:?} differs from CSV");
    }

    // What one form taught is used on another: names that were made up do not matter.
    let model = model(folder);

    for other in ["x.npy", "images.gz"] {
        let predicted = succeed(folder, &["predict", model, other]);
        assert_eq!(
            predicted.split_once('\n').unwrap().1,
            answers[0].0,
            "{other}"
        );
    }

    assert_eq!(
        succeed(folder, &["eval", model, "images.gz", "--labels", "labels"]),
        answers[0].1
    );
    assert_eq!(succeed(folder, &["eval", model, "t.npz"]), answers[0].1);
}

#[test]
fn what_numpy_writes_is_read() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let packed = data("compressed.npz");
    let said = succeed(
        folder,
        &[&["train", &packed, "--out", "m.ldnn"], &SHORT[..]].concat(),
    );

    assert!(
        said.contains(
            "60 rows to learn from, 12 to test; 4 inputs; to be predicted: 'y', one of 3 classes"
        ),
        "{said}"
    );

    assert!(
        succeed(folder, &["eval", "m.ldnn", &packed]).starts_with("12 rows"),
        "not its test part"
    );

    assert_eq!(
        succeed(folder, &["predict", "m.ldnn", &packed])
            .lines()
            .next(),
        Some("y,P(run),P(sit),P(walk)")
    );

    let array = npz::parse_npy(&fs::read(data("fortran.npy")).unwrap()).unwrap();
    assert_eq!(
        array,
        NpyArray::matrix(vec![0.5, 1.5, 2.5, 3.5, 4.5, 5.5], 3)
    );

    for (name, expected) in [
        (
            "bigendian.npy",
            "is big-endian ('>f8'); save a.astype('<f8')",
        ),
        (
            "objects.npy",
            "Python objects ('|O', a pickle), which are never read",
        ),
        ("complex.npy", "elements of type '<c16'"),
    ] {
        let message = refuse(
            folder,
            &["train", &data(name), "--target", "last", "--out", "n.ldnn"],
            2,
        );

        assert!(
            message.contains(expected) && message.contains(name),
            "{message}"
        );
    }

    assert!(!folder.join("n.ldnn").exists() && !folder.join("n.ldnn.run").exists());
}

#[test]
fn bad_data_are_refused_with_the_place_and_leave_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let good = csv(",");
    let images = idx(&[ROWS as u32, 2, 2], &pixels());
    let labels = idx(&[ROWS as u32], &[1; ROWS]);
    let packed = gzip(good.as_bytes());

    fs::create_dir(folder.join("folder")).unwrap();

    let nan = NpyArray::matrix(vec![1.0, 2.0, f64::NAN, 4.0], 2);

    let files: [(&str, Vec<u8>); 14] = [
        ("utf8.csv", [good.as_bytes(), b"1,2,3,4,caf\xe9\n"].concat()),
        ("cut.csv.gz", packed[..packed.len() - 20].to_vec()),
        ("more.csv.gz", [&packed[..], b"\0\0more"].concat()),
        ("cut.idx", images[..images.len() - 5].to_vec()),
        ("images", images.clone()),
        (
            "few",
            labels[..labels.len() - 1]
                .iter()
                .enumerate()
                .map(|(i, &b)| if i == 7 { b - 1 } else { b })
                .collect(),
        ),
        (
            "nan.npz",
            npz::write(&[("x", nan), ("y", NpyArray::labels(vec![0, 1]))]),
        ),
        ("text.npz", b"a,b\n1,2\n".to_vec()),
        (
            "uneven.ts",
            b"@problemName p\n@classLabel true a b\n@data\n1,2,3:a\n1,2:b\n".to_vec(),
        ),
        ("cut.ts", b"@problemName p\n@classLabel true a b\n".to_vec()),
        ("pickle.pkl", b"\x80\x04\x95\x00".to_vec()),
        ("empty.csv", vec![]),
        (
            "same.csv",
            ["x,y\n", &"1,5.5\n".repeat(40)].concat().into_bytes(),
        ),
        ("once.csv", [&good, "1,2,3,4,9\n"].concat().into_bytes()),
    ];

    for (name, bytes) in &files {
        file(folder, name, bytes);
    }

    file(folder, "good.csv", &good);
    file(folder, "unknown.csv", good.replace(",2\n", ",7\n"));

    let cases: [(&[&str], &str); 19] = [
        (&["utf8.csv", "--target", "kind"], "line 62 is not UTF-8"),
        (
            &["cut.csv.gz", "--target", "kind"],
            "the gzip data end too early: the file was cut off",
        ),
        (
            &["more.csv.gz", "--target", "kind"],
            "after the end of the compressed data there are bytes that are no gzip member",
        ),
        (
            &["cut.idx", "--target", "last"],
            "its header promises 240 bytes of elements, and 235 are there",
        ),
        (
            &["images", "--labels", "few"],
            "has 59 rows, and the inputs have 60",
        ),
        (&["images"], "which column is to be predicted?"),
        (
            &["nan.npz"],
            "array 'x': row 2, column 'x1': NaN is not finite",
        ),
        (
            &["text.npz"],
            "it is called .npz, but does not begin as such a file does",
        ),
        (
            &["uneven.ts"],
            "line 5: dimension 1 has 2 instants, and 3 are expected",
        ),
        (&["cut.ts"], "there is no line '@data'"),
        (
            &["pickle.pkl", "--target", "last"],
            "a Python pickle, which can do anything when it is read",
        ),
        (&["empty.csv", "--target", "last"], "the file is empty"),
        (&["same.csv", "--target", "y"], "'y' is 5.5 in every row"),
        (
            &["once.csv", "--target", "kind", "--classification"],
            "class '9' has one row only (line 62)",
        ),
        (
            &["folder", "--target", "kind"],
            "'folder' is a folder; give a file",
        ),
        (
            &["nowhere.csv", "--target", "kind"],
            "cannot open 'nowhere.csv'",
        ),
        (
            &["good.csv", "--target", "sort"],
            "there is no column 'sort'; there are a, b, c, d, kind",
        ),
        (
            &["good.csv", "--target", "kind", "--ignore", "e"],
            "there is no column 'e'",
        ),
        (
            &["good.csv", "--target", "kind", "--test", "unknown.csv"],
            "the class '7' is not one of 0, 1, 2",
        ),
    ];

    for (arguments, expected) in cases {
        let message = refuse(
            folder,
            &[&["train"], arguments, &["--out", "never.ldnn"], &SHORT[..]].concat(),
            2,
        );

        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert!(
            !folder.join("never.ldnn").exists() && !folder.join("never.ldnn.run").exists(),
            "half-written"
        );
    }
}

#[test]
fn what_unpacks_to_more_than_the_memory_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let bomb = gzip(&idx(&[3000, 100, 100], &vec![0; 30_000_000]));

    assert!(bomb.len() < 100_000);

    file(folder, "bomb.gz", &bomb);
    file(folder, "long.csv", csv(",") + &"1,2,3,4,0\n".repeat(20_000));

    let run = |name: &str, memory: &str| {
        let program = Command::new(path())
            .current_dir(folder)
            .args(["train", name, "--target", "last"])
            .env("LDNN_MEMORY", memory)
            .output();

        let output = program.unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };

    for name in ["bomb.gz", "long.csv"] {
        let (code, message) = run(name, "1M");
        assert!(
            code == Some(2) && message.contains("of memory, and 1 MB may be used"),
            "{name}: {message}"
        );
    }

    let (code, message) = run("long.csv", "much");
    assert!(
        code == Some(2) && message.contains("LDNN_MEMORY='much': give bytes, as in 8G"),
        "{message}"
    );
}

#[test]
fn inputs_that_are_constant_are_kept_and_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();

    file(
        folder,
        "t.csv",
        csv(",")
            .replace("a,b", "a,still,b")
            .lines()
            .map(|l| {
                let (a, rest) = l.split_once(',').unwrap();
                if a == "a" {
                    format!("{l}\n")
                } else {
                    format!("{a},7,{rest}\n")
                }
            })
            .collect::<String>(),
    );

    let said = succeed(
        folder,
        &[
            &[
                "train",
                "t.csv",
                "--target",
                "kind",
                "--out",
                "m.ldnn",
                "--replace",
            ],
            &SHORT[..],
        ]
        .concat(),
    );

    assert!(
        said.contains("1 of the 5 inputs is constant over the rows to learn from (still)"),
        "{said}"
    );
    assert!(succeed(folder, &["inspect", "m.ldnn"]).contains("| still | 7.000000"));
}

#[test]
fn whole_numbers_that_double_precision_does_not_tell_apart_are_said() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let table = |number: &dyn Fn(u64) -> u64| {
        let row = |i: u64| format!("{},{},{}\n", number(i), i % 7, i % 3);
        "long,b,y\n".to_string() + &(0..60).map(row).collect::<String>()
    };

    // 2^53 and 2^53 + 1 are the same number in double precision.
    file(folder, "same.csv", table(&|i| (1 << 53) + i % 2));

    let target = [
        "train",
        "same.csv",
        "--target",
        "long",
        "--out",
        "never.ldnn",
    ];

    let message = refuse(folder, &[&target[..], &SHORT].concat(), 2);

    assert!(
        message.contains("'long' is 9007199254740992 in every row to learn from, as far as double precision tells")
            && message.contains("subtract a constant from the column"),
        "{message}"
    );

    // An even number beyond 2^53 is there, an odd one is not.
    file(folder, "long.csv", table(&|i| (1 << 54) + 4 * (i % 11)));

    let input = ["train", "long.csv", "--target", "y", "--out", "m.ldnn"];
    let said = succeed(folder, &[&input[..], &SHORT].concat());

    assert!(
        said.contains("beyond 2^53, where double precision does not hold every whole number"),
        "{said}"
    );
}

#[test]
fn arrays_of_other_writers_than_numpy_are_read() {
    let read = |name: &str| npz::parse_npy(&fs::read(data(name)).unwrap()).unwrap();
    // The same numbers, once with the lengths of Python 2 and once with `=` for the order of bytes.
    let (python2, native) = (read("python2_shape.npy"), read("native_f8.npy"));

    assert_eq!(python2.shape, [60, 5]);
    assert_eq!(
        python2.to_f64()[..2],
        [-1.117_373_248_888_801_7, -0.826_904_436_476_296_9]
    );
    assert_eq!(python2, native);

    let bytes = read("little_u1.npy");
    assert_eq!(bytes.shape, [60, 5]);
    assert_eq!(bytes.to_f64()[..5], [88.0, 91.0, 96.0, 115.0, 105.0]);
}

#[test]
fn predictions_come_while_rows_are_still_to_come() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let model = model(folder);

    let live = [
        "predict",
        model,
        "--block",
        "1",
        "--delimiter",
        ",",
        "--header",
    ];

    let mut program = Command::new(path());
    program.current_dir(folder).args(live);

    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();

    let (mut to, mut from) = (
        child.stdin.take().unwrap(),
        BufReader::new(child.stdout.take().unwrap()),
    );
    let mut line = String::new();

    to.write_all(b"a,b,c,d,note\n200,30,30,30,x\n").unwrap();
    from.read_line(&mut line).unwrap();

    assert_eq!(line, "kind,P(0),P(1),P(2)\n");

    for row in ["30,200,30,30,\n", "30,30,200,30,y\n"] {
        line.clear();
        from.read_line(&mut line).unwrap();
        assert_eq!(line.matches(',').count(), 3, "{line}");
        to.write_all(row.as_bytes()).unwrap();
    }

    drop(to);

    let mut rest = String::new();
    from.read_to_string(&mut rest).unwrap();

    assert_eq!(rest.lines().count(), 1);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let model = model(folder);

    file(
        folder,
        "long.csv",
        "a,b,c,d\n".to_string() + &"200,30,30,30\n".repeat(50_000),
    );

    let mut program = Command::new(path());
    program
        .current_dir(folder)
        .args(["predict", model, "long.csv"]);

    let mut child = program
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();

    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn a_file_of_predictions_is_whole_or_not_there() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let model = model(folder);
    let rows = "200,30,30,30\n".repeat(5000);

    file(folder, "bad.csv", format!("a,b,c,d\n{rows}1,2,x,4\n"));

    let message = refuse(folder, &["predict", model, "bad.csv", "--out", "p.csv"], 2);
    assert!(
        message.contains("in 'bad.csv': line 5002, column 'c': 'x' is not a number"),
        "{message}"
    );
    assert!(refuse(folder, &["eval", model, "bad.csv"], 2).contains("'kind'"));

    let stays = |name: &str| {
        fs::read_dir(folder)
            .unwrap()
            .any(|f| f.unwrap().file_name().to_string_lossy().starts_with(name))
    };

    assert!(!stays("p.csv"), "half-written");

    file(
        folder,
        "good.csv",
        format!("d,c,b,a\n{}", "30,30,30,200\n30,30,200,30\n".repeat(3000)),
    );

    assert_eq!(
        succeed(folder, &["predict", model, "good.csv", "--out", "p.csv"]).trim(),
        "6000 rows to p.csv"
    );

    let whole = fs::read_to_string(folder.join("p.csv")).unwrap();
    assert_eq!(
        whole,
        succeed(folder, &["predict", model, "good.csv", "--block", "7"])
    );

    let lines: Vec<&str> = whole.lines().collect();
    assert!(
        lines[1..].chunks(2).all(|pair| pair == &lines[1..3]) && lines[1] != lines[2],
        "the rows are out of order"
    );

    assert!(
        refuse(
            folder,
            &["predict", model, "good.csv", "--out", "bad.csv/p.csv"],
            2
        )
        .contains("cannot write 'bad.csv/p.csv'")
    );

    file(folder, "text.csv", "a,b,c,d,kind\n1,2,3,4,5\n");
    assert!(
        refuse(folder, &["eval", model, "text.csv"], 2)
            .contains("line 2: the class '5' is not one of 0, 1, 2")
    );
}

#[test]
fn names_that_would_be_formulas_are_escaped() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let table = csv(",").replace("kind", "=kind");

    let table = table.lines().map(|l| match l.rsplit_once(',') {
        Some((row, "0")) => format!("{row},=2+3\n"),
        Some((row, "1")) => format!("{row},@x\n"),
        Some((row, "2")) => format!("{row},-1\n"),
        _ => format!("{l}\n"),
    });

    file(folder, "t.csv", table.collect::<String>());

    succeed(
        folder,
        &[
            &["train", "t.csv", "--target", "=kind", "--out", "m.ldnn"],
            &SHORT[..],
        ]
        .concat(),
    );

    let predicted = succeed(folder, &["predict", "m.ldnn", "t.csv"]);
    assert_eq!(predicted.lines().next(), Some("'=kind,P(-1),P(=2+3),P(@x)"));

    let classes = predicted
        .lines()
        .skip(1)
        .map(|l| l.split(',').next().unwrap());

    assert!(
        classes.clone().all(|c| ["'=2+3", "'@x", "-1"].contains(&c)),
        "{predicted}"
    );
    assert!(succeed(folder, &["eval", "m.ldnn", "t.csv"]).starts_with("60 rows"));
}

#[test]
fn inspect_shows_models_images_and_activations() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let table = csv(",");
    file(folder, "t.csv", &table);

    let learn = [
        "--quiet", "--runs", "2", "--epochs", "8", "--hidden", "6", "--lr", "0.1",
    ];

    succeed(
        folder,
        &[
            &["train", "t.csv", "--target", "kind", "--out", "m.ldnn"],
            &learn[..],
        ]
        .concat(),
    );

    let shown = succeed(folder, &["inspect", "m.ldnn", "--picture", "a.svg"]);

    for part in [
        "'kind', one of 0, 1, 2",
        "4-6-3, 51 weights and biases",
        "204 bytes of weights and biases in f32",
        "hidden widths [6]",
        "| d ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }

    assert!(
        shown
            .chars()
            .any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)),
        "no sketch: {shown}"
    );

    assert!(
        fs::read_to_string(folder.join("a.svg"))
            .unwrap()
            .contains("Activations of m.ldnn")
    );

    succeed(folder, &["inspect", "m.ldnn", "--picture", "a.png"]);

    assert!(
        fs::read(folder.join("a.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );

    assert!(
        refuse(folder, &["inspect", "m.ldnn", "--picture", "a.gif"], 2).contains(".svg or .png")
    );

    // What was learned before the weights is a file of its own.
    let before = ["--activations", "meta", "--steps", "2", "--out", "l.ldnn"];
    succeed(
        folder,
        &[&["train", "t.csv", "--target", "kind"], &learn[..], &before].concat(),
    );

    let run = succeed(folder, &["inspect", "l.ldnn.run/learn"]);
    assert!(
        run.contains("activations") && run.contains("type 2"),
        "{run}"
    );

    for (weights, kind) in [
        ("f32", "a network of real numbers"),
        ("int8", "a network of integers"),
    ] {
        succeed(
            folder,
            &[
                "--quiet",
                "export",
                "m.ldnn",
                "--what",
                "network",
                "--weights",
                weights,
                "--out",
                weights,
                "--golden",
                "10",
            ],
        );

        let image = fs::read_dir(folder.join(weights))
            .unwrap()
            .map(|f| f.unwrap().path())
            .find(|p| p.extension().is_some_and(|e| e == "ldnn"));
        let image = image.unwrap();
        let shown = succeed(folder, &["inspect", image.to_str().unwrap()]);

        assert!(shown.contains(kind) && shown.contains("4-6-3"), "{shown}");
        assert!(shown.contains("mean and factor of every input"), "{shown}");

        let mut bytes = fs::read(&image).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        file(folder, "damaged.ldnn", bytes);

        assert!(refuse(folder, &["inspect", "damaged.ldnn"], 2).contains("in 'damaged.ldnn'"));
    }

    assert!(refuse(folder, &["inspect", "t.csv"], 2).contains("is none of"));

    let newer = fs::read_to_string(folder.join("m.ldnn")).unwrap().replacen(
        "\"version\":3",
        "\"version\":9",
        1,
    );

    file(folder, "newer.ldnn", newer);

    for command in [
        &["inspect", "newer.ldnn"][..],
        &["predict", "newer.ldnn", "t.csv"],
        &["eval", "newer.ldnn", "t.csv"],
    ] {
        assert!(
            refuse(folder, command, 2).contains("version 9 is not known; this program reads 3")
        );
    }
}
