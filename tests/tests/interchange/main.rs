//! Files for other programs, and from them: nothing is lost, other readers get the same outputs,
//! and bad files are refused.

use ldnn::data::Standard;
use ldnn::data::target::Purpose;
use ldnn::data::task::{ExampleTargets, Examples};
use ldnn::formats::onnx::{Interface, OnnxActivations};
use ldnn::formats::{
    self, Bundle, Choices, Content, ExportFormat, Import, Numbers, Tensor, npz, read_activations,
    safetensors,
};
use ldnn::model::activations::{LearnedActivations, LearnedType, SAMPLE_RANGE, grid};
use ldnn::model::{Model, Network, NetworkFile, Predictions, Ranges, TestRows};
use ldnn_core::{Activation, Base, Shape};
use ldnn_tests::onnx::{self, Array};
use ldnn_tests::program::{refuse, succeed};
use ldnn_tests::random;
use onnx_files::difference;
use std::fs;
use std::path::{Path, PathBuf};

mod of_program;
mod onnx_files;
mod samples;
mod tensors;

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden/interchange")
        .join(file)
}

fn same(file: &str, got: &[u8]) {
    if std::env::var("LDNN_BLESS").is_ok() {
        fs::create_dir_all(golden("")).unwrap();
        fs::write(golden(file), got).unwrap();
    }

    let there = fs::read(golden(file)).unwrap();
    assert!(
        got == there,
        "{file} has changed; if it should, run with LDNN_BLESS=1 and look at it"
    );
}

/// Sub-networks on these bases.
fn learned(bases: &[Base], units: usize, layers: usize) -> LearnedActivations {
    let subnet = |(i, base): (usize, &Base)| {
        let numbers: Vec<f32> = random(3 * units + 1, 40 + i as u64);
        LearnedType::from_phi(*base, &numbers.iter().map(|x| 2.0 * x).collect::<Vec<_>>())
    };
    let types = bases.iter().enumerate().map(subnet).collect();

    LearnedActivations {
        version: LearnedActivations::VERSION,
        provenance: "a \"test\"".into(),
        layers,
        types,
    }
}

/// A network with random weights.
fn network(shape: Shape, phi: &[f32]) -> NetworkFile {
    let theta: Vec<f32> = random(shape.theta_len(), 7);
    NetworkFile::of(
        &Network {
            shape,
            params: [&theta[..], phi].concat(),
        },
        "a network for tests".into(),
    )
}

/// What occurs in a network on some rows.
fn ranges(network: &NetworkFile) -> Ranges {
    let rows = Examples::new(
        random(5 * network.widths[0], 8),
        ExampleTargets::Classes(vec![0; 5]),
        network.widths[0],
    );
    Ranges::observe(&network.network().unwrap(), &rows).unwrap()
}

/// A model of `widths`; raw inputs have means and sizes that differ much.
fn model(network: NetworkFile, learned: Option<LearnedActivations>, regression: bool) -> Model {
    let (width, outputs) = (network.widths[0], *network.widths.last().unwrap());

    let purpose = if regression {
        // The first and the last target are large beside their spread.
        let scale = |i: usize| Standard {
            mean: if i == 2 {
                1.7e9 + 0.5
            } else {
                5000.1 - 3e3 * i as f64
            },
            sd: 0.01 + 300.3 * i as f64,
            offset: [5000.0, 0.0, 1.7e9][i],
        };

        Purpose::Regression {
            columns: (0..outputs).map(|i| format!("y{i}")).collect(),
            scale: (0..outputs).map(scale).collect(),
        }
    } else {
        let name = |i: usize| format!("d\u{e9}j\u{e0} \"{i}\", vu");
        Purpose::Classification {
            column: "label".into(),
            classes: (0..outputs).map(name).collect(),
        }
    };

    Model {
        version: Model::VERSION,
        provenance: "a model for tests".into(),
        features: (0..width).map(|i| format!("x{i}")).collect(),
        inputs: (0..width)
            .map(|i| Standard::new(1e3 / 3.0 * i as f64, 0.1 + 20.0 * i as f64))
            .collect(),
        ranges: Some(ranges(&network)),
        rows: Some(TestRows {
            x: random(3 * width, 9),
            classes: if regression { vec![] } else { vec![1, 0, 1] },
            values: if regression {
                random(3 * outputs, 10)
            } else {
                vec![]
            },
        }),
        activation: "mix".into(),
        learned,
        network,
        purpose,
    }
}

/// Types of a set as a network takes them, directly or as tables.
fn activations(set: &LearnedActivations, exact: bool) -> (Vec<Activation>, Vec<f32>) {
    let each = set.types.iter().map(|t| {
        if exact {
            t.direct().unwrap()
        } else {
            t.tabulated().unwrap()
        }
    });

    let (activations, phi): (Vec<Activation>, Vec<Vec<f32>>) = each.unzip();
    (activations, phi.concat())
}

/// With an input whose readings single precision cannot tell apart.
fn with_offset(mut model: Model) -> Model {
    model.inputs[0] = Standard {
        mean: 1.7e9 + 1.25,
        sd: 0.75,
        offset: 1.7e9,
    };

    model
}

/// Models of every kind that there is.
fn models() -> Vec<(&'static str, Model)> {
    let set = learned(&[Base::Sine, Base::Elu, Base::Relu], 4, 1);
    let (tables, table_phi) = activations(&set, false);
    let (subnets, phi) = activations(&set, true);

    let per_layer = learned(
        &[Base::Tanh, Base::Zero, Base::Sigmoid, Base::Identity],
        3,
        2,
    );

    let (own, own_phi) = activations(&per_layer, false);
    let own_shape = Shape::new(&[3, 7, 5, 2], &own)
        .with_layer_types(0, 0, 2)
        .unwrap()
        .with_layer_types(1, 2, 2)
        .unwrap();

    let samples = LearnedActivations {
        types: vec![
            LearnedType::Samples {
                range: 5.0,
                y: random(12, 3),
            },
            set.types[0].clone(),
        ],
        ..set.clone()
    };

    let (mixed, mixed_phi) = activations(&samples, true);
    let bases: Vec<Activation> = Base::ALL.into_iter().map(Activation::Base).collect();

    vec![
        (
            "tables",
            model(
                network(Shape::new(&[3, 8, 5, 4], &tables), &table_phi),
                Some(set.clone()),
                false,
            ),
        ),
        (
            "sub-networks",
            model(
                network(Shape::new(&[2, 9, 3], &subnets), &phi),
                Some(set),
                true,
            ),
        ),
        (
            "layers of their own",
            model(network(own_shape, &own_phi), Some(per_layer), false),
        ),
        (
            "samples",
            model(
                network(Shape::new(&[2, 5, 2], &mixed), &mixed_phi),
                Some(samples),
                true,
            ),
        ),
        (
            "bases",
            model(network(Shape::new(&[2, 15, 3], &bases), &[]), None, false),
        ),
        (
            "one base",
            model(
                network(Shape::new(&[1, 4, 1], &[Activation::Base(Base::Relu)]), &[]),
                None,
                true,
            ),
        ),
        (
            "an offset",
            with_offset(model(
                network(Shape::new(&[2, 15, 3], &bases), &[]),
                None,
                false,
            )),
        ),
        (
            "offsets of values",
            with_offset(model(
                network(Shape::new(&[2, 15, 3], &bases), &[]),
                None,
                true,
            )),
        ),
        (
            "no hidden layer",
            model(network(Shape::new(&[3, 2], &[]), &[]), None, false),
        ),
    ]
}

const CHOICES: Choices = Choices {
    onnx_activations: OnnxActivations::Tables,
    samples: 100,
};

fn bytes(model: &Model, form: ExportFormat) -> Vec<u8> {
    formats::bytes(Content::Model(model), form, CHOICES).unwrap()
}

/// Raw rows that spread over and beyond the tables; in single precision, as ONNX takes them, but
/// for their offsets.
fn rows(model: &Model, count: usize) -> Vec<f64> {
    let numbers: Vec<f64> = random(count * model.features.len(), 11);
    let raw = |(i, x): (usize, &f64)| {
        let scale = &model.inputs[i % model.inputs.len()];
        scale.offset + f64::from(scale.reading(scale.undo(9.0 * x)))
    };
    numbers.iter().enumerate().map(raw).collect()
}

/// Weights as somebody else names them.
fn plain(names: [&str; 2]) -> Bundle {
    let mut bundle = Bundle::default();

    for (l, name) in names.into_iter().enumerate() {
        let (inputs, outputs) = [(2, 6), (6, 3)][l];
        bundle.put(
            format!("{name}.weight"),
            Tensor::matrix(random(inputs * outputs, l as u64), inputs),
        );
        bundle.put(
            format!("{name}.bias"),
            Tensor::vector(random(outputs, 5 + l as u64)),
        );
    }

    bundle
}

#[test]
fn files_keep_their_form() {
    let set = learned(&[Base::Sine, Base::Relu], 2, 1);

    let few = |t: &LearnedType| {
        let (activation, phi) = t.tabulated().unwrap();
        let Activation::Table(form) = activation else {
            panic!()
        };

        // Every 32nd of 257 knots; slopes are in knot spacings.
        let knots = phi
            .as_chunks::<2>()
            .0
            .iter()
            .step_by(32)
            .flat_map(|&[y, m]| [y, 32.0 * m])
            .collect::<Vec<f32>>();

        (
            Activation::Table(ldnn_core::table::TableForm { knots: 9, ..form }),
            knots,
        )
    };

    let (activations, phi): (Vec<Activation>, Vec<Vec<f32>>) = set.types.iter().map(few).unzip();

    let small = model(
        network(Shape::new(&[2, 3, 2], &activations), &phi.concat()),
        Some(set),
        false,
    );

    for form in ExportFormat::ALL {
        let choices = Choices {
            samples: 5,
            ..CHOICES
        };
        let got = formats::bytes(Content::Model(&small), form, choices).unwrap();
        same(&format!("small.{}", form.extension()), &got);
    }

    let choices = Choices {
        onnx_activations: OnnxActivations::Subnets,
        ..CHOICES
    };

    same(
        "small_subnets.onnx",
        &formats::bytes(Content::Model(&small), ExportFormat::Onnx, choices).unwrap(),
    );

    assert_eq!(
        formats::import(
            formats::read(&golden("small.safetensors")).unwrap(),
            &Import::default()
        )
        .unwrap(),
        small
    );

    assert_eq!(
        formats::import(
            formats::read(&golden("small.npz")).unwrap(),
            &Import::default()
        )
        .unwrap(),
        small
    );

    assert!(difference(&small, &fs::read(golden("small.onnx")).unwrap(), 50) < 1e-5);
}
