//! Every export answers as `ldnn predict` does: on raw rows of random tables, in every form, from
//! units to units.

use ldnn::config::StoredConfig;
use ldnn::data::npz::{self, NpyArray};
use ldnn::data::table::{Reading, Table};
use ldnn::data::tabular::Tabular;
use ldnn::data::target::Purpose;
use ldnn::data::task::{ExampleTargets, Examples, Task};
use ldnn::deploy::{
    Beyond, Budget, ExportConfig, ExportScope, FormChoice, Given, Weights, run as export, verify,
};
use ldnn::model::activations::LearnedType;
use ldnn::model::{Network, NetworkFile, Predictions, Ranges, Trained};
use ldnn::run::RunFolder;
use ldnn_core::deploy::{AnyActivation, Pipeline};
use ldnn_core::image::{Contents, Image, Room, Scales};
use ldnn_core::quantised::Scratch;
use ldnn_core::{Activation, Base, Shape};
use ldnn_tests::program::{ended, refuse, run_without_cargo, succeed};
use ldnn_tests::random;
use ldnn_tests::tables::gestures;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::process::Command;

const ROWS: usize = 60;

/// Centre and spread of a column, in units that tables have: small, large, and large beside the
/// spread.
const COLUMNS: [(f64, f64); 7] = [
    (0.0, 1.0),
    (36.6, 0.4),
    (-1e4, 3e3),
    (5e-7, 2e-8),
    (1.7e9, 30.0),
    (1e9, 1e-3),
    (2e30, 1e30),
];

/// A table of numbers, the target last.
fn table(columns: &[(f64, f64)], target: Option<(f64, f64)>, seed: u64) -> Tabular {
    let noise: Vec<f64> = random(ROWS * (columns.len() + 1), seed);
    let mut text = (0..columns.len())
        .map(|i| format!("x{i},"))
        .collect::<String>()
        + "y\n";

    for row in noise.chunks(columns.len() + 1) {
        for (x, (centre, spread)) in row.iter().zip(columns) {
            text += &format!("{:?},", centre + spread * x);
        }

        let y = row[columns.len()];

        text += &match target {
            Some((centre, spread)) => format!("{:?}\n", centre + spread * y),
            None => format!(
                "{}\n",
                ["run", "sit", "walk"][(1.5 * (y + 1.0)) as usize % 3]
            ),
        };
    }

    let reading = Reading {
        text: if target.is_none() { vec!["y"] } else { vec![] },
        ..Reading::default()
    };
    let table = Table::parse(text.as_bytes(), &reading).unwrap();

    Tabular::new(table, &["y".into()], Some(target.is_none())).unwrap()
}

/// What the hidden neurons do.
#[derive(Clone, Copy, Debug)]
enum Neurons {
    /// The same in every export, to the bit.
    Relu,
    Tanh,
    Learned,
}

/// A network with random weights for this table.
fn model(data: &Tabular, neurons: Neurons, hidden: usize, seed: u64) -> Trained {
    let rows: Vec<u32> = (0..ROWS as u32).collect();
    let (set, purpose, inputs) = data.dataset("random", &rows, (data, &rows)).unwrap();
    let outputs = match &purpose {
        Purpose::Classification { classes, .. } => classes.len(),
        Purpose::Regression { columns, .. } => columns.len(),
    };

    let (kinds, phi): (Vec<Activation>, Vec<f32>) = match neurons {
        Neurons::Relu => (vec![Activation::Base(Base::Relu)], vec![]),
        Neurons::Tanh => (vec![Activation::Base(Base::Tanh)], vec![]),
        Neurons::Learned => {
            let one = |(i, base): (usize, Base)| {
                LearnedType::from_phi(base, &random::<f32>(3 * 6 + 1, seed + i as u64))
                    .tabulated()
                    .unwrap()
            };

            let (kinds, phi): (Vec<Activation>, Vec<Vec<f32>>) = [Base::Sine, Base::Elu]
                .into_iter()
                .enumerate()
                .map(one)
                .unzip();

            (kinds, phi.concat())
        }
    };

    let shape = Shape::try_new(&[set.features, hidden, outputs], &kinds).unwrap();
    // As large as those of trained networks.
    let theta = random::<f32>(shape.theta_len(), seed)
        .into_iter()
        .map(|w| 1.2 * w / (hidden as f32).sqrt());
    let network = Network {
        shape,
        params: theta.chain(phi).collect(),
    };

    let task = Task::new(&set);

    Trained {
        version: Trained::VERSION,
        provenance: "a test".into(),
        features: data.features.clone(),
        inputs,
        purpose,
        activation: "any".into(),
        learned: None,
        ranges: Some(Ranges::observe(&network, &task.train).unwrap()),
        network: NetworkFile::of(&network, "a test".into()),
        rows: None,
    }
    .checked()
    .unwrap()
}

fn config(form: FormChoice, weights: Weights) -> ExportConfig {
    let knots = match form {
        FormChoice::I8 => 256,
        _ => 65,
    };

    ExportConfig {
        name: "net".into(),
        what: ExportScope::Network,
        weights,
        form,
        budget: Budget::Knots(knots),
        golden: 50,
        seed: 3,
        ..ExportConfig::default()
    }
}

/// Class (or 0) and numbers, row by row.
type Answers = Vec<(usize, Vec<f64>)>;

fn predicted(model: &Trained, raw: &[f64]) -> Answers {
    let outputs = *model.network.widths.last().unwrap();
    match model.predict(raw).unwrap() {
        Predictions::Classes(classes, chances) => classes
            .iter()
            .map(|&c| c.into())
            .zip(chances.chunks(outputs).map(<[f64]>::to_vec))
            .collect(),
        Predictions::Values(values) => values.chunks(outputs).map(|v| (0, v.to_vec())).collect(),
    }
}

/// Readings as a device takes them: less the offset in double precision.
fn readings(raw: &[f64], inputs: usize, offset: impl Fn(usize) -> f64) -> Vec<f32> {
    raw.iter()
        .enumerate()
        .map(|(i, x)| (x - offset(i % inputs)) as f32)
        .collect()
}

/// The image on raw rows, as firmware uses it.
fn of_image(bytes: &[u8], raw: &[f64]) -> Answers {
    let image = Image::read(bytes).unwrap();

    let room = |s: &Scales<'_>| {
        (
            vec![[0.0; 2]; s.inputs_len()],
            vec![[0.0; 2]; s.outputs_len()],
        )
    };

    let mut all = Answers::new();
    let mut put = |scales: &Scales<'_>, class: usize, out: &[f32]| {
        let value = |(i, &y): (usize, &f32)| f64::from(y) + scales.output_offset(i);
        all.push((class, out.iter().enumerate().map(value).collect()));
    };

    match image.contents() {
        Contents::Floats(network) => {
            let (shape, records) = (network.shape(), network.activations());
            let (mut floats, mut integers) = (
                vec![0.0; records.floats_len()],
                vec![0; records.integers_len()],
            );
            let mut direct = vec![[0; 256]; records.direct_len()];
            let mut activations = vec![AnyActivation::Base(Base::Zero); records.count()];

            records
                .load(&mut floats, &mut integers, &mut direct, &mut activations)
                .unwrap();

            let mut theta = vec![0.0; shape.theta_len()];
            network.theta(&mut theta).unwrap();

            let (mut pairs, mut units) = room(network.scaling());
            let scaling = network.scaling().load(&mut pairs, &mut units).unwrap();

            let pipeline = Pipeline {
                shape,
                theta: &theta,
                activations: &activations,
                scaling,
            };

            let (mut out, mut work) = (vec![0.0; shape.outputs()], vec![0.0; shape.run_len()]);
            let x = readings(raw, shape.inputs(), |i| network.scaling().offset(i));
            for x in x.chunks(shape.inputs()) {
                let class = pipeline.run(x, &mut out, &mut work).unwrap();
                put(network.scaling(), class, &out);
            }
        }
        Contents::Integers(network) => {
            let shape = *network.shape();
            let (mut weights, mut tables) = (
                vec![0; network.weights_len()],
                vec![[0; 256]; shape.types()],
            );
            let (mut biases, mut factors) = (
                vec![0; network.outputs_len()],
                vec![0; network.outputs_len()],
            );

            let all = Room {
                weights: &mut weights,
                biases: &mut biases,
                factors: &mut factors,
                tables: &mut tables,
            };

            let loaded = network.load(all).unwrap();
            let (mut pairs, mut units) = room(network.scaling());
            let scaling = network.scaling().load(&mut pairs, &mut units).unwrap();
            let (mut q, mut y) = (vec![0; shape.inputs()], vec![0; shape.outputs()]);
            let (mut out, mut work) = (vec![0.0; shape.outputs()], vec![0; loaded.work_len()]);
            let x = readings(raw, shape.inputs(), |i| network.scaling().offset(i));

            for x in x.chunks(shape.inputs()) {
                let scratch = Scratch {
                    q: &mut q,
                    work: &mut work,
                    y: &mut y,
                };

                let class = loaded.run(&scaling, x, &mut out, scratch).unwrap();
                put(network.scaling(), class, &out);
            }
        }
        Contents::Activations(_) => panic!("no network"),
    }

    all
}

/// The C on raw rows, by a program such as a user writes against the header; `None` without a
/// compiler.
fn of_c(folder: &Path, model: &Trained, raw: &[f64]) -> Option<Answers> {
    if !Command::new("gcc")
        .arg("--version")
        .output()
        .is_ok_and(|out| out.status.success())
    {
        return None;
    }

    let (inputs, outputs) = (model.inputs.len(), *model.network.widths.last().unwrap());
    let header = fs::read_to_string(folder.join("net.h")).unwrap();

    let offset = |which: &str, i: usize| {
        let name = format!("NET_{which}_OFFSET_{i}");
        if header.contains(&format!("#define {name} ")) {
            name
        } else {
            "0.0".into()
        }
    };

    let list = |which: &str, n: usize| {
        (0..n)
            .map(|i| offset(which, i))
            .collect::<Vec<_>>()
            .join(", ")
    };

    let numbers: Vec<String> = raw.iter().map(|x| format!("{x:?}")).collect();

    let main = format!(
        "#include \"net.h\"\n#include <stdio.h>\nstatic const double raw[] = {{{}}};\n\
         static const double from[] = {{{}}}, to[] = {{{}}};\n\
         int main(void)\n{{\n    for (int row = 0; row < {}; ++row) {{\n        float x[NET_INPUTS], out[NET_OUTPUTS];\n\
         for (int i = 0; i < NET_INPUTS; ++i) x[i] = (float)(raw[row * NET_INPUTS + i] - from[i]);\n\
         printf(\"%d\", net_run(x, out));\n\
         for (int i = 0; i < NET_OUTPUTS; ++i) printf(\" %.17g\", (double)out[i] + to[i]);\n\
         printf(\"\\n\");\n    }}\n    return 0;\n}}\n",
        numbers.join(", "),
        list("INPUT", inputs),
        list("OUTPUT", outputs),
        raw.len() / inputs
    );

    fs::write(folder.join("user.c"), main).unwrap();

    let (source, program) = (folder.join("net.c"), folder.join("user"));
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-ffp-contract=off", "-I"])
        .arg(folder)
        .arg(folder.join("user.c"))
        .arg(source);

    assert!(gcc.arg("-o").arg(&program).status().unwrap().success());

    let printed = String::from_utf8(Command::new(program).output().unwrap().stdout).unwrap();

    let line = |line: &str| {
        let mut words = line.split(' ');
        let class = words.next().unwrap().parse().unwrap();
        (class, words.map(|w| w.parse().unwrap()).collect())
    };

    Some(printed.lines().map(line).collect())
}

/// The largest difference: of a probability, or of a value in standard deviations.
fn difference(model: &Trained, a: &Answers, b: &Answers) -> f64 {
    assert_eq!(a.len(), b.len());
    let sd = |i: usize| model.scale().get(i).map_or(1.0, |s| s.sd);
    let pairs = a
        .iter()
        .zip(b)
        .flat_map(|(a, b)| a.1.iter().zip(&b.1).enumerate());

    pairs.fold(0.0, |worst, (i, (a, b))| worst.max((a - b).abs() / sd(i)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]
    #[test]
    fn every_export_answers_as_predict_does_on_raw_rows(
        columns in prop::collection::vec(prop::sample::select(&COLUMNS[..]), 1..5),
        target in prop::option::of(prop::sample::select(&[(150.0, 77.0), (-2e-5, 1e-6), (1.7e9, 40.0), (1e9, 1e-3)][..])),
        hidden in 3..20usize, seed in 0..1000u64,
    ) {
        let data = table(&columns, target, seed);
        for neurons in [Neurons::Relu, Neurons::Tanh, Neurons::Learned] {
            let model = model(&data, neurons, hidden, seed);
            let right = predicted(&model, &data.x);
            let forms = [FormChoice::Hermite, FormChoice::Linear, FormChoice::Pairs, FormChoice::I16, FormChoice::I8];
            let exports = forms.map(|form| (form, Weights::F32)).into_iter().chain([(FormChoice::Auto, Weights::Int8)]);
            for (form, weights) in exports {
                let place = tempfile::tempdir().unwrap();
                let config = config(form, weights);
                let folder = RunFolder::open(&place.path().join("out"), &StoredConfig::new("export", &config).unwrap(), false).unwrap();
                let inputs = model.inputs.len();
                let none = Examples::new(vec![], ExampleTargets::Classes(vec![]), inputs);
                let task = Task { name: "none".into(), inputs, outputs: 1, train: none.clone(), test: none, scales: ldnn::data::Standardisation::default() };
                export(&config, &Given::Trained(Box::new(model.clone())), &task, &folder).unwrap();
                // The golden rows: the core, the image, and C, to the bit; and predict, within the
                // stated tolerance.
                let said = verify::at_once(folder.path());
                prop_assert!(said.is_ok(), "{neurons:?}, {form:?}, {weights:?}: {:#}", said.unwrap_err());

                let got = of_image(&fs::read(folder.path().join("net.ldnn")).unwrap(), &data.x);
                let largest = difference(&model, &got, &right);
                let most = match (neurons, form, weights) {
                    (_, _, Weights::Int8) => 0.5,
                    // Nothing is approximated: every bit is the same.
                    (Neurons::Relu, ..) => 0.0,
                    // Inputs of tables rounded to 8 bits.
                    (_, FormChoice::I8, _) => 0.25,
                    _ => 0.02,
                };
                prop_assert!(largest <= most, "{neurons:?}, {form:?}, {weights:?}: {largest:e}");
                if let Some(c) = of_c(folder.path(), &model, &data.x) {
                    prop_assert_eq!(&c, &got, "C is not the image, {:?}, {:?}", form, weights);
                }
            }
        }
    }
}

fn data(file: &str) -> String {
    format!("{}/data/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// A training in a few seconds.
const SHORT: [&str; 8] = [
    "--activations",
    "tanh",
    "--epochs",
    "60",
    "--runs",
    "2",
    "--hidden",
    "16",
];

fn share_right(model: &Trained, file: &str, target: &str) -> f64 {
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

        let trained = Trained::read(&model).unwrap();
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
        Trained::read(&place.join("a.ldnn")).unwrap(),
        Trained::read(&place.join("b.ldnn")).unwrap(),
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

/// A network whose neurons leave the middle of their activations, and the rows' ranges with it.
fn steep(data: &Tabular, neurons: Neurons) -> Trained {
    let mut model = model(data, neurons, 12, 5);
    model.network.params.iter_mut().for_each(|w| *w *= 4.0);
    let rows: Vec<u32> = (0..ROWS as u32).collect();
    let (set, ..) = data.dataset("random", &rows, (data, &rows)).unwrap();
    let network = model.network.network().unwrap();
    model.ranges = Some(Ranges::observe(&network, &Task::new(&set).train).unwrap());

    model
}

/// Exports into `place`, tested with these rows, which are in the units that the network takes.
fn exported_with(model: &Trained, rows: &[f32], config: &ExportConfig, place: &Path) -> RunFolder {
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

    let given = Given::Trained(Box::new(model.clone()));
    export(config, &given, &task, &folder).unwrap();
    folder
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

    let folder = exported_with(&model, &rows, &short, &place.path().join("short"));
    let error = format!("{:#}", verify::at_once(folder.path()).unwrap_err());

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
    let folder = exported_with(&model, &[], &short, place.path());
    let error = format!("{:#}", verify::at_once(folder.path()).unwrap_err());

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
