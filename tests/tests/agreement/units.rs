//! Columns in any units: what is trained on them is exported, and takes and gives them.

use crate::SHORT;
use crate::answers::of_image;
use ldnn::data::npz;
use ldnn::data::npz::NpyArray;
use ldnn::data::table::{Reading, Table};
use ldnn::data::target::Purpose;
use ldnn::model::{Model, Predictions};
use ldnn_tests::program::{ended, refuse, run_without_cargo, succeed};
use ldnn_tests::random;
use std::fs;
use std::path::Path;

fn data(file: &str) -> String {
    format!("{}/data/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn share_right(model: &Model, file: &str, target: &str) -> f64 {
    let reading = Reading {
        text: vec![target],
        ..Reading::default()
    };
    let table = Table::parse(&fs::read(data(file)).unwrap()[..], &reading).unwrap();
    let place = table.names.iter().position(|n| n == target).unwrap();
    let names = table.columns[place].clone().into_text();

    let Predictions::Classes(classes, _) =
        model.predict(&model.inputs_of(&table).unwrap()).unwrap()
    else {
        panic!()
    };

    let Purpose::Classification { classes: known, .. } = &model.purpose else {
        panic!()
    };
    let right = classes
        .iter()
        .zip(&names)
        .filter(|(c, name)| known[usize::from(**c)] == **name)
        .count();

    right as f64 / names.len() as f64
}

/// Offsets, names of classes and inputs, golden rows: what no program that `ldnn verify` compiles
/// looks at.
fn edits_are_found(place: &Path, folder: &str, offset: &str) {
    let of_offset = (format!("{offset}.0"), "1.5".to_string());
    let text = |from: &str, to: &str| (from.to_string(), to.to_string());

    for (file, (from, to)) in [
        ("ldnn_model.h", of_offset.clone()),
        ("ldnn_model.h", text("  0: k\n", "  0: l\n")),
        ("ldnn_model.c", text("] = {\n    \"", "] = {\n    \"x")),
        ("ldnn_model.rs", of_offset),
        ("ldnn_model.rs", text("= [\n    \"", "= [\n    \"x")),
        ("ldnn_model_golden.rs", text(", ", "1, ")),
    ] {
        let path = Path::new(folder).join(file);
        let before = fs::read_to_string(&path).unwrap();
        let after = before.replacen(&from, &to, 1);

        assert_ne!(before, after, "there is no {from:?} in {file}");

        fs::write(&path, after).unwrap();

        let error = ended(&run_without_cargo(place, &["verify", folder]), 1);
        assert!(
            error.contains(&format!("{file} is not what model.json gives")),
            "{error}"
        );
        assert!(
            error.contains("line ") && error.contains("what is right:"),
            "{error}"
        );

        fs::write(&path, before).unwrap();
    }

    ended(&run_without_cargo(place, &["verify", folder]), 0);
}

#[test]
fn columns_that_single_precision_cannot_resolve_are_learned_and_exported() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();

    for (file, target, column, offset, share) in [
        ("off9.csv", "y", "k", "1000000000", 0.97),
        ("unix_time.csv", "k", "t", "1700000000", 0.97),
        ("bigint.csv", "y", "k", "9007199254740992", 0.8),
    ] {
        let model = place.join(file).with_extension("ldnn");
        let (table, out) = (data(file), model.display().to_string());

        let said = succeed(
            place,
            &[
                &["train", &table, "--target", target, "--out", &out][..],
                &SHORT,
            ]
            .concat(),
        );

        assert!(
            said.contains(&format!("an offset: {column}: {offset} (")),
            "{file}: {said}"
        );

        let trained = Model::read(&model).unwrap();
        let right = share_right(&trained, file, target);

        assert!(right > share, "{file}: {right}");

        let folder = place
            .join(format!("export-{}", file.replace('.', "-")))
            .display()
            .to_string();
        let said = succeed(place, &["export", &out, "--out", &folder]);

        assert!(
            said.contains("against `ldnn predict` on 200 raw rows that were drawn: "),
            "{said}"
        );

        let header = fs::read_to_string(Path::new(&folder).join("ldnn_model.h")).unwrap();
        assert!(
            header.contains(&format!("_INPUT_OFFSET_0 {offset}.0\n")),
            "{header}"
        );

        if file == "off9.csv" {
            edits_are_found(place, &folder, offset);
        }
    }
}

#[test]
fn an_export_by_default_succeeds_where_the_columns_of_a_table_depend_on_each_other() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();

    for (i, (file, target, activations)) in [
        ("mtcars.csv", "mpg", "tanh"),
        ("diabetes.csv", "y", "tanh"),
        ("faithful.csv", "waiting", "sine"),
    ]
    .into_iter()
    .enumerate()
    {
        let (model, out) = (format!("{i}.ldnn"), format!("out{i}"));

        let train = [
            "train",
            &data(file),
            "--target",
            target,
            "--activations",
            activations,
        ];

        succeed(
            place,
            &[
                &train[..],
                &[
                    "--epochs", "300", "--runs", "2", "--hidden", "30,30", "--out", &model,
                ],
            ]
            .concat(),
        );

        let said = succeed(place, &["export", &model, "--out", &out]);
        assert!(
            said.contains("against `ldnn predict` on 200 raw rows that were drawn: "),
            "{said}"
        );

        // Nothing is gained by a wide tolerance.
        let golden = fs::read_to_string(place.join(&out).join("golden.json")).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
        let tolerance = golden["predicted"]["tolerance"].as_f64().unwrap();

        assert!(tolerance < 0.03, "{file}: {tolerance}");

        // The rows are not all the same.
        let x = golden["x"].as_array().unwrap();
        let firsts: std::collections::HashSet<u64> = x
            .iter()
            .step_by(x.len() / 200)
            .map(|b| b.as_u64().unwrap())
            .collect();

        assert!(firsts.len() > 20, "{file}: {}", firsts.len());
    }
}

#[test]
fn a_network_that_is_trained_on_raw_units_takes_and_gives_them() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();

    // A target of about 1500 from inputs of about 1e4 and 1e-3, and the same in two classes.
    let noise: Vec<f64> = random(400, 7);
    let x: Vec<f64> = noise
        .iter()
        .enumerate()
        .map(|(i, u)| {
            if i % 2 == 0 {
                1e4 + 900.0 * u
            } else {
                1e-3 * u
            }
        })
        .collect();

    let y: Vec<f64> = noise
        .chunks(2)
        .map(|u| 1500.0 + 300.0 * u[0] - 200.0 * u[1])
        .collect();
    let classes: Vec<i64> = y.iter().map(|y| i64::from(*y > 1500.0)).collect();

    let archive = |name: &str, y: NpyArray, y_test: NpyArray| {
        let (x, x_test) = (
            NpyArray::matrix(x[..300].to_vec(), 2),
            NpyArray::matrix(x[300..].to_vec(), 2),
        );
        let all = npz::write(&[("x", x), ("y", y), ("x_test", x_test), ("y_test", y_test)]);
        fs::write(place.join(name), all).unwrap();
    };

    archive(
        "values.npz",
        NpyArray::matrix(y[..150].to_vec(), 1),
        NpyArray::matrix(y[150..].to_vec(), 1),
    );

    archive(
        "classes.npz",
        NpyArray::labels(classes[..150].to_vec()),
        NpyArray::labels(classes[150..].to_vec()),
    );

    for data in ["values.npz", "classes.npz"] {
        let export = [
            "export", "tanh", "--what", "network", "--epochs", "200", "--data", data, "--out",
            "out",
        ];
        let said = succeed(place, &[&export[..], &["--replace"]].concat());
        let bytes = fs::read(place.join("out/ldnn_model.ldnn")).unwrap();
        let answers = of_image(&bytes, &x[300..]);

        for ((answer, y), class) in answers.iter().zip(&y[150..]).zip(&classes[150..]) {
            if data == "values.npz" {
                assert!(
                    (answer.1[0] - y).abs() < 60.0,
                    "{} instead of {y}: {said}",
                    answer.1[0]
                );
            }

            let clear = (y - 1500.0).abs() > 60.0;
            assert!(
                data == "values.npz" || !clear || answer.0 as i64 == *class,
                "{y}: {answer:?}: {said}"
            );
        }
    }
}

#[test]
fn numbers_beyond_single_precision_are_refused_before_anything_is_trained() {
    let place = tempfile::tempdir().unwrap();

    let error = refuse(
        place.path(),
        &["train", &data("huge200.csv"), "--target", "y"],
        2,
    );

    assert!(
        error.contains("column 'k' holds") && error.contains("--ignore k"),
        "{error}"
    );
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}
