//! Models and exports hold no row of the table.

use crate::SHORT;
use ldnn::model::Model;
use ldnn_tests::program::{refuse, succeed};
use ldnn_tests::tables::gestures;
use std::fs;

#[test]
fn no_row_of_the_table_is_in_a_model_or_an_export_unless_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    fs::write(place.join("t.csv"), gestures(120)).unwrap();

    let train = [
        "train",
        "t.csv",
        "--target",
        "label",
        "--ignore",
        "id,person",
        "--out",
    ];

    succeed(place, &[&train[..], &["a.ldnn"], &SHORT].concat());

    let said = succeed(
        place,
        &[&train[..], &["b.ldnn", "--with-rows", "7"], &SHORT].concat(),
    );

    assert!(
        said.contains("The model holds 7 test rows with their targets, as asked for"),
        "{said}"
    );

    let (a, b) = (
        Model::read(&place.join("a.ldnn")).unwrap(),
        Model::read(&place.join("b.ldnn")).unwrap(),
    );

    assert_eq!((a.rows.is_none(), b.rows.unwrap().classes.len()), (true, 7));
    assert_eq!(a.network.params, b.network.params);
    assert!(succeed(place, &["inspect", "a.ldnn"]).contains("no rows of the table"));
    assert!(succeed(place, &["inspect", "b.ldnn"]).contains("7 test rows"));

    // Every number of the table that a drawn row would have only by chance.
    let text = gestures(120);
    let numbers: Vec<f32> = text
        .lines()
        .skip(1)
        .flat_map(|l| l.split(';').skip(2).take(2))
        .map(|x| x.parse().unwrap())
        .collect();

    let rows_in = |folder: &str| {
        let golden = fs::read_to_string(place.join(folder).join("golden.json")).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
        let x = golden["x"]
            .as_array()
            .unwrap()
            .iter()
            .map(|b| f32::from_bits(b.as_u64().unwrap() as u32));

        let x: Vec<f32> = x.collect();
        let near = |a: f32, b: f32| (a - b).abs() <= 2e-6 * b.abs();

        let known = |row: &[f32]| {
            numbers
                .chunks(2)
                .any(|r| near(row[0], r[0]) && near(row[1], r[1]))
        };

        (
            x.chunks(2).filter(|row| known(row)).count(),
            golden["labels"].as_array().unwrap().len(),
        )
    };

    succeed(place, &["export", "a.ldnn", "--out", "plain"]);
    assert_eq!(rows_in("plain"), (0, 0));

    succeed(
        place,
        &["export", "b.ldnn", "--with-rows", "7", "--out", "held"],
    );

    assert_eq!(rows_in("held"), (7, 7));

    // A model may hold rows, and its export none: the settings that the folder keeps have none
    // either.
    succeed(place, &["export", "b.ldnn", "--out", "bare"]);

    assert_eq!(rows_in("bare"), (0, 0));

    for file in fs::read_dir(place.join("bare"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_file())
    {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        assert!(
            !text.contains("given.Trained.rows") && !text.contains("\"rows\":{"),
            "{}",
            file.display()
        );
    }

    let said = succeed(
        place,
        &["export", "a.ldnn", "--data", "t.csv", "--out", "tested"],
    );

    assert!(said.contains("on 120 rows of t.csv: "), "{said}");
    assert!(
        said.contains("against `ldnn predict` on 119 rows of t.csv: ")
            && said.contains("on 1 more"),
        "{said}"
    );
    assert!(
        said.contains("against `ldnn predict` on 200 raw rows that were drawn: "),
        "{said}"
    );
    assert_eq!(rows_in("tested"), (0, 0));

    succeed(
        place,
        &[
            "export",
            "a.ldnn",
            "--data",
            "t.csv",
            "--with-rows",
            "9",
            "--out",
            "given",
        ],
    );

    assert_eq!(rows_in("given"), (9, 9));

    let error = refuse(
        place,
        &["export", "a.ldnn", "--with-rows", "9", "--out", "never"],
        2,
    );

    assert!(
        error.contains("the model holds no rows; give some with --data FILE"),
        "{error}"
    );
}
