use super::*;

fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn error(path: &Path, wanted: &Wanted) -> String {
    format!("{:#}", load(path, wanted).unwrap_err())
}

#[test]
fn archives_have_inputs_targets_and_perhaps_a_test_part() {
    let folder = tempfile::tempdir().unwrap();
    let x = NpyArray::matrix(vec![1.0, 2.0, 3.0, 4.0], 2);
    let text = NpyArray {
        shape: vec![2],
        values: NpyValues::Text(vec!["sit".into(), "walk".into()]),
    };

    let path = write(
        &folder,
        "a.npz",
        &npz::write(&[("X_train", x.clone()), ("y_train", text)]),
    );

    let loaded = load(&path, &Wanted::default()).unwrap();

    assert_eq!(
        (loaded.table.names, loaded.target),
        (
            ["x1", "x2", "y"].map(String::from).to_vec(),
            vec!["y".into()]
        )
    );

    assert_eq!(loaded.table.columns[1], Column::Numbers(vec![2.0, 4.0]));
    assert_eq!((loaded.table.unit, loaded.test), (Unit::Row, None));

    let y = NpyArray::matrix(vec![0.5, 1.0, 1.5, 2.0], 2);

    let all = [
        ("x", x.clone()),
        ("y", y.clone()),
        ("x_test", x.clone()),
        ("y_test", y.clone()),
    ];

    let loaded = load(
        &write(&folder, "b.npz", &npz::write(&all)),
        &Wanted::default(),
    )
    .unwrap();

    assert_eq!(loaded.target, ["y1", "y2"]);
    assert_eq!(loaded.test.unwrap(), loaded.table);

    let lacking = npz::write(&[("x", x.clone()), ("y", y.clone()), ("x_test", x.clone())]);
    assert!(
        error(&write(&folder, "c.npz", &lacking), &Wanted::default()).contains("one is missing")
    );

    let other = npz::write(&[("a", x.clone())]);
    assert!(
        error(&write(&folder, "d.npz", &other), &Wanted::default())
            .contains("no array x with the inputs; there are a")
    );

    let short = npz::write(&[("x", x), ("y", NpyArray::vector(vec![1.0]))]);
    assert!(
        error(&write(&folder, "e.npz", &short), &Wanted::default())
            .contains("'y' has 1 rows, and 'x' has 2")
    );

    let nan = npz::write(&[("x", NpyArray::matrix(vec![1.0, f64::NAN], 1)), ("y", y)]);
    let error = error(&write(&folder, "f.npz", &nan), &Wanted::default());

    assert!(
        error.contains("array 'x': row 2, column 'x1': NaN is not finite"),
        "{error}"
    );
}

#[test]
fn targets_are_named_last_or_in_a_file_of_their_own() {
    let folder = tempfile::tempdir().unwrap();

    let matrix = write(
        &folder,
        "m.npy",
        &npz::npy(&NpyArray::matrix(vec![1.0, 2.0, 7.0, 3.0, 4.0, 8.0], 3)),
    );

    let last = [LAST.to_string()];

    let loaded = load(
        &matrix,
        &Wanted {
            target: &last,
            ..Wanted::default()
        },
    )
    .unwrap();

    assert_eq!(loaded.target, ["column3"]);
    assert_eq!(
        loaded.table.columns[2],
        Column::Text(vec!["7".into(), "8".into()])
    );
    assert!(error(&matrix, &Wanted::default()).contains("which column is to be predicted?"));

    let other = ["y".to_string()];

    assert!(
        error(
            &matrix,
            &Wanted {
                target: &other,
                ..Wanted::default()
            }
        )
        .contains("no column 'y'; there are column1")
    );

    let labels = write(&folder, "l.csv", b"kind\nsit\nwalk\n");

    let loaded = load(
        &matrix,
        &Wanted {
            labels: Some(&labels),
            ..Wanted::default()
        },
    )
    .unwrap();

    assert_eq!(
        (loaded.target, loaded.table.names.len()),
        (vec!["kind".into()], 4)
    );

    let vector = write(
        &folder,
        "l.npy",
        &npz::npy(&NpyArray::labels(vec![0, 1, 2])),
    );

    let refused = error(
        &matrix,
        &Wanted {
            labels: Some(&vector),
            ..Wanted::default()
        },
    );

    assert!(
        refused.contains("has 3 rows, and the inputs have 2"),
        "{refused}"
    );
}

#[test]
fn what_needs_too_much_memory_is_refused_before_it_is_read() {
    let text = format!("a,b\n{}", "1,2\n".repeat(30_000));

    let open = |len, budget: &str| {
        let source = InputFile::of(
            Box::new(std::io::Cursor::new(text.clone().into_bytes())),
            len,
        )
        .unwrap();

        TableReader::of(
            source,
            &Reading::default(),
            "it",
            MemoryBudget::parse(budget).unwrap(),
        )
        .unwrap()
    };

    let mut known = open(Some(text.len() as u64), "1K");
    assert!(format!("{:#}", known.within().unwrap_err()).contains("need about"));

    // From a pipe it shows on the way.
    let mut unknown = open(None, "1M");
    unknown.within().unwrap();

    assert!(format!("{:#}", unknown.rest().unwrap_err()).contains("`ldnn train --ignore NAME`"));

    let mut enough = open(Some(text.len() as u64), "1G");
    enough.within().unwrap();

    assert_eq!(enough.rest().unwrap().rows(), 30_000);

    let mut blocks = open(None, "1K");

    assert_eq!(
        blocks.next_rows(7).unwrap().unwrap().rows(),
        7,
        "blocks need no memory for the rest"
    );
}

#[test]
fn the_rows_of_an_array_before_a_bad_one_are_given_out_as_those_of_csv_are() {
    let folder = tempfile::tempdir().unwrap();
    let values = vec![1.0, 2.0, f64::INFINITY, 3.0, 4.0, f64::NAN];
    let array = npz::npy(&NpyArray::matrix(values, 2));
    let paths = [
        write(&folder, "a.npy", &array),
        write(&folder, "a.csv", b"1,2\n7,3\n4,inf\n"),
    ];

    for path in &paths {
        let mut stream = TableReader::open(Some(path), &Reading::default()).unwrap();
        // Nobody looks at a column that is left out.
        stream.keep(&[], &["column1"]).unwrap();

        assert_eq!(stream.next_good_rows(10).unwrap().unwrap().rows(), 2);
        let error = format!("{:#}", stream.next_good_rows(10).unwrap_err());
        assert!(
            error.contains("column 'column2': ") && error.contains("not finite"),
            "{error}"
        );
    }
}
