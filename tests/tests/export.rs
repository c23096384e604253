//! Exports: their text, their errors, and that `ldnn verify` finds what is wrong.

use assert_cmd::Command;
use ldnn::deploy::{
    Deployed, IntegerFile, Measured, OutputFile, ShapeFile, TableFile, WeightFile, c_header,
    c_source, image_bytes, rust_module,
};
use ldnn::formats::read_activations;
use ldnn::model::activations::LearnedType;
use ldnn_tests::program;
use std::fs;
use std::path::{Path, PathBuf};

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden/export")
        .join(file)
}

fn same(file: &str, got: &[u8]) {
    let path = golden(file);
    if std::env::var("LDNN_BLESS").is_ok() {
        fs::create_dir_all(golden("")).unwrap();
        fs::write(&path, got).unwrap();
    }

    assert!(
        got == fs::read(&path).unwrap(),
        "{file} has changed; if it should, run with LDNN_BLESS=1 and look at it"
    );
}

fn compact(
    form: &str,
    symmetry: &str,
    base: &str,
    (low, high, knots): (f32, f32, u32),
    entries: usize,
) -> TableFile {
    TableFile::Compact {
        form: form.into(),
        symmetry: symmetry.into(),
        base: base.into(),
        low,
        high,
        knots,
        entries: (0..entries).map(|i| i as f32 / 8.0 - 0.3).collect(),
    }
}

/// A small model of each kind: every form of table, real numbers, integers.
fn models() -> [Deployed; 3] {
    let shape = ShapeFile {
        widths: vec![2, 3, 2],
        layers: vec![(0, 2)],
    };
    let model = |name: &str, shape: Option<ShapeFile>, activations, weights| Deployed {
        version: Deployed::VERSION,
        name: name.into(),
        provenance: "a test".into(),
        measured: Measured(vec!["nothing was measured */ here".into()]),
        standard: if name == "small_integers" {
            vec![(0.5, 2.0), (-1.0, 0.25)]
        } else {
            vec![]
        },
        features: if name == "small_floats" {
            vec!["time */ of day".into(), "fast".into()]
        } else {
            vec![]
        },
        offsets: if name == "small_integers" {
            vec![1.7e9, 0.0]
        } else {
            vec![]
        },
        outputs: match name {
            "small_floats" => OutputFile::Classes,
            "small_integers" => OutputFile::Values {
                pairs: vec![(2.0, 5.0), (0.5, -1.0)],
                offsets: vec![0.0, 1e9],
            },
            _ => OutputFile::Plain,
        },
        names: if name == "small_floats" {
            vec!["walk".into(), "d\u{e9}j\u{e0} \"vu\"?".into()]
        } else {
            vec![]
        },
        shape,
        activations,
        weights,
    };

    let integer = TableFile::Integer {
        input: (0.001, 5),
        output: (0.002, -7),
        entries: vec![-32768, 0, 5, 32767, 9],
    };

    let all = vec![
        compact("hermite", "none", "relu", (-1.0, 2.0, 3), 6),
        compact("linear", "odd", "zero", (0.0, 2.0, 5), 5),
        compact("pairs", "even", "zero", (0.0, 1.5, 3), 4),
        integer,
        TableFile::Base {
            name: "relu".into(),
        },
        TableFile::Direct {
            input: (0.03, -4),
            output: (0.01, 7),
            entries: (-128..=127).rev().collect(),
        },
    ];

    let two = vec![
        compact("pairs", "none", "zero", (-1.0, 1.0, 3), 4),
        compact("pairs", "none", "zero", (-2.0, 1.0, 4), 6),
    ];
    let theta = (0..17).map(|i| i as f32 * 0.25 - 2.0).collect();

    let integers = IntegerFile {
        input: (0.05, 3),
        output: (0.01, 0),
        weights: (0..12).map(|i| i * 11 - 60).collect(),
        biases: vec![100, -200, 3000, 4, -5],
        factors: vec![1 << 28, 1 << 29, 1 << 30, 77, 1 << 27],
        shifts: vec![36, 30],
        tables: vec![(-128..=127).collect(), (-128..=127).rev().collect()],
        table_inputs: vec![0.03, 0.04],
        table_outputs: vec![(0.02, 1)],
    };

    [
        model("small_tables", None, all, WeightFile::None),
        model(
            "small_floats",
            Some(shape.clone()),
            two,
            WeightFile::Floats { theta },
        ),
        model(
            "small_integers",
            Some(shape),
            vec![],
            WeightFile::Integers(Box::new(integers)),
        ),
    ]
}

#[test]
fn text_and_bytes_are_those_that_were_looked_at() {
    for model in models() {
        let file = |ending: &str| format!("{}.{ending}", model.name);
        same(&file("h"), c_header(&model).unwrap().as_bytes());
        same(&file("c"), c_source(&model).unwrap().as_bytes());
        same(&file("rs"), rust_module(&model).unwrap().as_bytes());
        same(&file("ldnn"), &image_bytes(&model).unwrap());

        let json = serde_json::to_string(&model).unwrap();

        if model.name == "small_floats" {
            same("floats.json", json.as_bytes());
        }

        assert_eq!(Deployed::from_json(&json).unwrap(), model);
    }
}

#[test]
fn no_name_keeps_the_code_from_compiling_without_a_warning() {
    let hostile = [
        "a /* b",
        "c ??/",
        "d \u{202e}\u{2066} e",
        "*/ f",
        "g \\",
        "h \"\\\" // ??'",
    ];

    let place = tempfile::tempdir().unwrap();

    for (i, name) in hostile.into_iter().enumerate() {
        let mut model = models()[1].clone();
        model.provenance = format!("from {name}");
        model.measured = Measured(vec![name.into()]);
        model.features = vec![name.into(), format!("{name}{name}")];
        model.names = vec![name.into(), format!("{name} ")];

        let (header, source) = (c_header(&model).unwrap(), c_source(&model).unwrap());
        let rust = rust_module(&model).unwrap();
        for text in [&header, &source, &rust] {
            assert!(!text.contains(['\u{202e}', '\u{2066}']), "{text}");
        }

        // Rust has no trigraphs.
        assert!(
            !header.contains("??/") && !source.contains("??/"),
            "{header}{source}"
        );

        let folder = place.path().join(i.to_string());
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("small_floats.h"), header).unwrap();
        fs::write(folder.join("small_floats.c"), source).unwrap();

        let mut gcc = std::process::Command::new("gcc");
        gcc.args([
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Wconversion",
            "-pedantic",
            "-Wcomment",
            "-Wtrigraphs",
            "-Werror",
        ]);

        let Ok(out) = gcc
            .args(["-c", "small_floats.c"])
            .current_dir(&folder)
            .output()
        else {
            return;
        };

        assert!(
            out.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
}

fn learned() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/activations.json")
}

fn ldnn(arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::new(program::path())
        .arg("--quiet")
        .args(arguments)
        .assert()
}

fn export(out: &Path, arguments: &[&str]) -> String {
    let (from, out) = (learned(), out.to_string_lossy());
    let short = [
        "--epochs", "2", "--hidden", "12", "--golden", "20", "--out", &out,
    ];
    let done = ldnn(&[&["export", from.to_str().unwrap()], arguments, &short].concat()).success();
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

fn read(out: &Path) -> Deployed {
    Deployed::from_json(&fs::read_to_string(out.join("model.json")).unwrap()).unwrap()
}

fn bytes(model: &Deployed) -> usize {
    model.owned().unwrap().iter().map(|t| t.bytes()).sum()
}

/// The largest error at points that the export did not look at.
fn largest_error(model: &Deployed, types: &[LearnedType]) -> f64 {
    let mut largest = 0.0f64;

    for (table, learned) in model.owned().unwrap().iter().zip(types) {
        let z: Vec<f32> = (0..30_011)
            .map(|i| (i as f32 / 15_005.5 - 1.0) * 1.5)
            .collect();
        let wide: Vec<f64> = z.iter().map(|&z| z.into()).collect();
        let exact = learned.evaluate(&wide).unwrap();
        let mut got = z;

        use ldnn_core::deploy::Activate;

        table.activation().unwrap().apply(&mut got);
        largest = got
            .iter()
            .zip(&exact)
            .fold(largest, |a, (y, e)| a.max((f64::from(*y) - e).abs()));
    }

    largest
}

#[test]
fn tables_keep_to_their_budget() {
    let out = tempfile::tempdir().unwrap();
    let types = read_activations(&learned()).unwrap().types;
    let mut sizes = vec![];

    for (i, (form, error)) in [
        ("hermite", 1e-2),
        ("hermite", 1e-4),
        ("linear", 1e-2),
        ("pairs", 3e-3),
        ("i16", 1e-2),
        ("i8", 5e-2),
        ("auto", 1e-3),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = out.path().join(i.to_string());

        export(
            &folder,
            &[
                "--form",
                form,
                "--max-error",
                &error.to_string(),
                "--range",
                "-1.6,1.6",
            ],
        );

        let model = read(&folder);
        let largest = largest_error(&model, &types);

        // Between the points that were searched it can be hardly larger.
        assert!(largest <= 1.01 * error, "{form}: {largest} for {error}");

        sizes.push(bytes(&model));
    }

    assert!(sizes[0] < sizes[1] && sizes[6] <= sizes[1], "{sizes:?}");

    for most in [100, 333, 1000] {
        let folder = out.path().join(format!("b{most}"));
        export(
            &folder,
            &["--bytes", &most.to_string(), "--range", "-1.6,1.6"],
        );
        assert!(bytes(&read(&folder)) <= most);
    }

    let folder = out.path().join("k");
    export(&folder, &["--knots", "33", "--form", "i16"]);

    assert_eq!(bytes(&read(&folder)), 2 * 33 * types.len());
}

#[test]
fn beyond_its_range_a_table_stays_or_goes_on() {
    use ldnn_core::deploy::Activate;

    let out = tempfile::tempdir().unwrap();

    for (form, beyond) in [
        ("linear", "clamp"),
        ("pairs", "clamp"),
        ("i16", "clamp"),
        ("i8", "clamp"),
        ("hermite", "linear"),
        ("pairs", "linear"),
    ] {
        let folder = out.path().join(format!("{form}-{beyond}"));
        let knots = if form == "i8" { "256" } else { "33" };

        export(
            &folder,
            &[
                "--form",
                form,
                "--beyond",
                beyond,
                "--knots",
                knots,
                "--range",
                "-1.5,1.25",
            ],
        );

        for table in read(&folder).owned().unwrap() {
            let mut y = [-1.5, -2.5, -3.5, 1.25, 2.25, 3.25];
            table.activation().unwrap().apply(&mut y);

            for [end, one, two] in [[y[0], y[1], y[2]], [y[3], y[4], y[5]]] {
                if beyond == "clamp" {
                    // The last integer's cell and the flat one are a step of the table's own
                    // rounding apart.
                    assert!(
                        (one - end).abs() < 2e-4 && (two - one).abs() < 1e-5,
                        "{form}: {end}, {one}, {two}"
                    );
                } else {
                    assert!((one - end).abs() > 1e-3, "{form}: it does not go on");
                    assert!(
                        ((two - one) - (one - end)).abs() < 1e-5,
                        "{form}: {end}, {one}, {two} is no line"
                    );
                }
            }
        }
    }
}

#[test]
fn every_format_gives_the_bits_of_the_core() {
    let out = tempfile::tempdir().unwrap();

    for (i, arguments) in [
        &["--what", "network", "--form", "hermite"][..],
        &["--what", "network", "--weights", "int8"],
        &["--form", "i16", "--max-error", "0.01"],
        &["--form", "i8", "--max-error", "0.05"],
        &[
            "--form",
            "linear",
            "--beyond",
            "clamp",
            "--max-error",
            "0.01",
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let folder = out.path().join(i.to_string());
        let text = export(&folder, arguments);

        for way in [
            "ldnn-core, here: ",
            ".ldnn, as a device loads it: ",
            "ldnn_model.c with gcc -std=c99: ",
        ] {
            let at_once = text
                .lines()
                .any(|l| l.contains(way) && l.ends_with("every bit the same"));
            assert!(at_once, "{way} is not in {text}");
        }

        assert!(
            !folder.join("verify").exists(),
            "the programs are left behind"
        );

        let text = ldnn(&["verify", folder.to_str().unwrap()])
            .success()
            .get_output()
            .stdout
            .clone();

        let text = String::from_utf8(text).unwrap();

        for way in [
            "ldnn-core, here",
            "as a device loads it",
            "gcc -std=c99",
            "g++ -std=c++11",
            "with cargo",
        ] {
            let line = text
                .lines()
                .find(|l| l.contains(way))
                .unwrap_or_else(|| panic!("no {way} in {text}"));
            assert!(line.ends_with("every bit the same"), "{line}");
        }
    }
}

#[test]
fn a_difference_is_found_and_shown() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("x");
    export(
        &folder,
        &["--form", "linear", "--knots", "9", "--format", "c"],
    );

    let source = folder.join("ldnn_model.c");
    let text = fs::read_to_string(&source).unwrap();
    let model = read(&folder);
    let TableFile::Compact { entries, .. } = &model.activations[0] else {
        panic!("no table")
    };
    let entry = format!("{:?}f", entries[4]);

    assert!(text.contains(&entry));

    fs::write(&source, text.replacen(&entry, "0.125f", 1)).unwrap();

    let error = ldnn(&["verify", folder.to_str().unwrap()])
        .failure()
        .code(1)
        .get_output()
        .stderr
        .clone();

    let error = String::from_utf8(error).unwrap();
    assert!(
        error.contains("the first difference is at activation type 1 at"),
        "{error}"
    );
    assert!(error.contains("instead of"), "{error}");
}

#[test]
fn a_file_that_was_edited_is_found_whatever_was_changed() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("x");
    export(&folder, &["--what", "network"]);

    let verify = || program::run_without_cargo(out.path(), &["verify", "x"]);
    program::ended(&verify(), 0);

    for (file, from, to) in [
        (
            "ldnn_model.h",
            "#define LDNN_MODEL_WORK ",
            "#define LDNN_MODEL_WORK 1",
        ),
        ("ldnn_model.c", "/* Of each layer", "/* In each layer"),
        (
            "ldnn_model.rs",
            "/// The network with",
            "/// A network with",
        ),
        (
            "ldnn_model_golden.rs",
            "/// What `run` writes.",
            "/// What `run` wrote.",
        ),
        ("ldnn_model_golden.rs", ".", ".1"),
    ] {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).unwrap();

        assert!(text.contains(from), "there is no {from} in {file}");

        fs::write(&path, text.replacen(from, to, 1)).unwrap();

        let error = program::ended(&verify(), 1);

        assert!(
            error.contains(&format!("{file} is not what model.json gives")),
            "{file}, {from}: {error}"
        );
        assert!(
            error.contains("line ") && error.contains("what is right:"),
            "{error}"
        );
        assert!(
            error.contains("ldnn-core, here: ") && error.contains("every bit the same"),
            "{error}"
        );

        fs::write(&path, text).unwrap();
    }

    program::ended(&verify(), 0);
}

#[test]
fn exports_are_the_same_text_every_time() {
    let out = tempfile::tempdir().unwrap();
    let (a, b) = (out.path().join("a"), out.path().join("b"));
    for (folder, jobs) in [(&a, "1"), (&b, "2")] {
        export(folder, &["--what", "network", "--jobs", jobs]);
    }

    for file in [
        "ldnn_model.c",
        "ldnn_model.h",
        "ldnn_model.rs",
        "ldnn_model.ldnn",
        "model.json",
        "golden.json",
        "pareto.csv",
    ] {
        assert!(
            fs::read(a.join(file)).unwrap() == fs::read(b.join(file)).unwrap(),
            "{file} differs"
        );
    }
}

#[test]
fn wrong_requests_say_what_to_do() {
    let from = learned();
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("x");

    for (arguments, remedy) in [
        (&["--name", "1x"][..], "a letter first"),
        (&["--max-error", "0"], "positive"),
        (&["--percentile", "101"], "at most 100"),
        (&["--range", "2,1"], "the smaller first"),
        (&["--weights", "int8"], "--what network"),
        (&["--knots", "1"], "2 to 32768"),
        (&["--activation", "type3"], "type1 to type2"),
        (&["--hidden", "1"], ""),
    ] {
        let all = [
            &[
                "export",
                from.to_str().unwrap(),
                "--epochs",
                "1",
                "--out",
                out.to_str().unwrap(),
            ],
            arguments,
        ]
        .concat();

        let error = String::from_utf8(ldnn(&all).failure().get_output().stderr.clone()).unwrap();
        assert!(
            error.contains(remedy) && error.starts_with("error"),
            "{arguments:?}: {error}"
        );
    }

    for (arguments, remedy) in [
        (&["--max-error", "1e-12"][..], "allow a larger error"),
        (&["--bytes", "7"], "allow more"),
        (&["--knots", "10", "--form", "i16"], "2^k + 1"),
        (&["--knots", "33", "--form", "i8"], "256 entries"),
        (
            &["--max-error", "0.001", "--form", "i8"],
            "allow a larger error",
        ),
        (
            &["--form", "hermite", "--beyond", "clamp"],
            "--beyond linear",
        ),
    ] {
        let all = [
            &[
                "export",
                from.to_str().unwrap(),
                "--epochs",
                "1",
                "--out",
                out.to_str().unwrap(),
                "--replace",
            ],
            arguments,
        ]
        .concat();

        let output = ldnn(&all).failure().get_output().clone();
        let error = String::from_utf8(output.stderr).unwrap();

        // Some of them only the work can tell.
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");

        assert!(error.contains(remedy), "{arguments:?}: {error}");
        assert!(!out.join("model.json").exists(), "something half-written");
    }

    let error = String::from_utf8(
        ldnn(&["verify", "no-such-folder"])
            .failure()
            .code(2)
            .get_output()
            .stderr
            .clone(),
    )
    .unwrap();

    assert!(error.contains("ldnn export"), "{error}");
}
