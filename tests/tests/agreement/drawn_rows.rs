//! The rows that an export is compared on: drawn where the model was trained, and to the ends.

use crate::random_models::{Neurons, ROWS, config, model, table};
use anyhow::Result;
use ldnn::config::StoredConfig;
use ldnn::data::tabular::Tabular;
use ldnn::data::task::{ExampleTargets, Examples, Task};
use ldnn::deploy::{Beyond, ExportConfig, FormChoice, Given, Weights, run as export, verify};
use ldnn::model::{Model, Ranges};
use ldnn::report::Section;
use ldnn::run::RunFolder;
use std::fs;
use std::path::Path;

/// A network whose neurons leave the middle of their activations, and the rows' ranges with it.
fn steep(data: &Tabular, neurons: Neurons) -> Model {
    let mut model = model(data, neurons, 12, 5);
    model.network.params.iter_mut().for_each(|w| *w *= 4.0);
    let rows: Vec<u32> = (0..ROWS as u32).collect();
    let (set, ..) = data.dataset("random", &rows, (data, &rows)).unwrap();
    let network = model.network.network().unwrap();
    model.ranges = Some(Ranges::observe(&network, &Task::new(&set).train).unwrap());

    model
}

/// Exports into `place`, tested with these rows, which are in the units that the network takes.
fn exported_with(model: &Model, rows: &[f32], config: &ExportConfig, place: &Path) -> RunFolder {
    let (folder, result) = tried(model, rows, config, place);
    result.unwrap();
    folder
}

/// Why an export is not written.
fn refused(model: &Model, rows: &[f32], config: &ExportConfig, place: &Path) -> String {
    let (folder, result) = tried(model, rows, config, place);
    let files = fs::read_dir(folder.path()).unwrap().flatten();
    let written = files.map(|file| file.file_name().into_string().unwrap());
    let results: Vec<String> = written
        .filter(|name| name != "config.toml" && !name.starts_with('.'))
        .collect();

    assert_eq!(results, Vec::<String>::new());
    format!("{:#}", result.unwrap_err())
}

/// An export into `place`, and what came of it.
fn tried(
    model: &Model,
    rows: &[f32],
    config: &ExportConfig,
    place: &Path,
) -> (RunFolder, Result<Section>) {
    let stored = StoredConfig::new("export", config).unwrap();
    let folder = RunFolder::open(&place.join("out"), &stored, true).unwrap();
    let inputs = model.inputs.len();
    let targets = ExampleTargets::Values(vec![0.0; rows.len() / inputs]);
    let set = Examples::new(rows.to_vec(), targets, inputs);

    let task = Task {
        name: "some/folder/rows.csv".into(),
        inputs,
        outputs: 1,
        train: set.clone(),
        test: set,
        scales: ldnn::data::Standardisation::default(),
    };

    let given = Given::Model(Box::new(model.clone()));
    let result = export(config, &given, &task, &folder);
    (folder, result)
}

#[test]
fn rows_of_a_table_are_compared_within_the_input_ranges_and_told_apart_beyond() {
    let data = table(&[(36.6, 0.4), (0.0, 1.0)], Some((150.0, 77.0)), 5);
    let model = steep(&data, Neurons::Tanh);
    let ranges = model.ranges.clone().unwrap();
    let [a, b] = [ranges.inputs[0], ranges.inputs[1]];
    let within = [a.low, b.mean, a.mean, b.high];
    let beyond = [40.0 * a.high, b.mean];
    let rows = [&within[..], &beyond].concat();

    let usual = config(FormChoice::Auto, Weights::F32);
    let place = tempfile::tempdir().unwrap();
    let folder = exported_with(&model, &rows, &usual, place.path());
    let report = fs::read_to_string(folder.path().join("report.txt")).unwrap();

    for said in [
        "against `ldnn predict` on 2 rows of rows.csv: the largest difference is ",
        "on 3 rows of rows.csv: ",
        "on 1 more",
        " an input beyond its range in training",
    ] {
        assert!(report.contains(said), "{report}");
    }

    verify::at_once(folder.path()).unwrap();

    // Tables that stop short: drawn rows keep within them, rows of a table do not.
    let short = ExportConfig {
        range: Some((-0.7, 0.7)),
        // A cubic has no flat end.
        form: FormChoice::Linear,
        beyond: Beyond::Clamp,
        ..usual.clone()
    };

    let error = refused(&model, &rows, &short, &place.path().join("short"));

    assert!(error.contains(" on 2 rows of rows.csv (row "), "{error}");

    // Beyond the ranges nothing is promised.
    let folder = exported_with(&model, &beyond, &usual, &place.path().join("beyond"));
    verify::at_once(folder.path()).unwrap();
}

#[test]
fn integers_that_saturate_where_inputs_end_are_seen_on_drawn_rows() {
    let data = table(&[(36.6, 0.4), (0.0, 1.0)], Some((150.0, 77.0)), 5);
    let model = steep(&data, Neurons::Relu);
    let short = ExportConfig {
        range: Some((-0.5, 0.5)),
        ..config(FormChoice::Auto, Weights::Int8)
    };
    let place = tempfile::tempdir().unwrap();
    let error = refused(&model, &[], &short, place.path());

    assert!(error.contains("raw rows that were drawn (row "), "{error}");
    assert!(error.contains("`ldnn export --range LOW,HIGH`"), "{error}");
}

#[test]
fn the_drawn_rows_of_an_integer_export_reach_the_ends_of_the_inputs() {
    let data = table(&[(36.6, 0.4), (0.0, 1.0)], Some((150.0, 77.0)), 6);
    let model = model(&data, Neurons::Tanh, 12, 6);
    let place = tempfile::tempdir().unwrap();
    let config = config(FormChoice::Auto, Weights::Int8);
    let folder = exported_with(&model, &[], &config, place.path());
    let golden = fs::read_to_string(folder.path().join("golden.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
    let x = golden["x"].as_array().unwrap();
    let raw: Vec<f64> = x
        .iter()
        .map(|bits| f64::from(f32::from_bits(bits.as_u64().unwrap() as u32)))
        .collect();

    assert_eq!(raw.len(), 2 * 50);

    for (i, scale) in model.inputs.iter().enumerate() {
        let input = model.ranges.as_ref().unwrap().inputs[i];
        for end in [input.low, input.high] {
            let there = |x: &f64| (scale.input(x + scale.offset) - end).abs() < 1e-3;
            assert!(raw.iter().skip(i).step_by(2).any(there), "input {i}: {end}");
        }
    }
}
