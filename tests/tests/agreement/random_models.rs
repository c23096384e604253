//! Random tables, and networks with random weights for them.

use ldnn::data::table::{Reading, Table};
use ldnn::data::tabular::Tabular;
use ldnn::data::target::Purpose;
use ldnn::data::task::Task;
use ldnn::deploy::{Budget, ExportConfig, ExportScope, FormChoice, Weights};
use ldnn::model::activations::LearnedType;
use ldnn::model::{Model, Network, NetworkFile, Ranges};
use ldnn_core::{Activation, Base, Shape};
use ldnn_tests::random;

pub const ROWS: usize = 60;

/// Centre and spread of a column, in units that tables have: small, large, and large beside the
/// spread.
pub const COLUMNS: [(f64, f64); 7] = [
    (0.0, 1.0),
    (36.6, 0.4),
    (-1e4, 3e3),
    (5e-7, 2e-8),
    (1.7e9, 30.0),
    (1e9, 1e-3),
    (2e30, 1e30),
];

/// A table of numbers, the target last.
pub fn table(columns: &[(f64, f64)], target: Option<(f64, f64)>, seed: u64) -> Tabular {
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
pub enum Neurons {
    /// The same in every export, to the bit.
    Relu,
    Tanh,
    Learned,
}

/// A network with random weights for this table.
pub fn model(data: &Tabular, neurons: Neurons, hidden: usize, seed: u64) -> Model {
    let rows: Vec<u32> = (0..ROWS as u32).collect();
    let (set, purpose, inputs) = data.dataset("random", &rows, (data, &rows)).unwrap();
    let outputs = match &purpose {
        Purpose::Classification { classes, .. } => classes.len(),
        Purpose::Regression { columns, .. } => columns.len(),
    };

    let (activations, phi): (Vec<Activation>, Vec<f32>) = match neurons {
        Neurons::Relu => (vec![Activation::Base(Base::Relu)], vec![]),
        Neurons::Tanh => (vec![Activation::Base(Base::Tanh)], vec![]),
        Neurons::Learned => {
            let one = |(i, base): (usize, Base)| {
                LearnedType::from_phi(base, &random::<f32>(3 * 6 + 1, seed + i as u64))
                    .tabulated()
                    .unwrap()
            };

            let (activations, phi): (Vec<Activation>, Vec<Vec<f32>>) = [Base::Sine, Base::Elu]
                .into_iter()
                .enumerate()
                .map(one)
                .unzip();

            (activations, phi.concat())
        }
    };

    let shape = Shape::try_new(&[set.features, hidden, outputs], &activations).unwrap();
    // As large as those of trained networks.
    let theta = random::<f32>(shape.theta_len(), seed)
        .into_iter()
        .map(|w| 1.2 * w / (hidden as f32).sqrt());
    let network = Network {
        shape,
        params: theta.chain(phi).collect(),
    };

    let task = Task::new(&set);

    Model {
        version: Model::VERSION,
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

pub fn config(form: FormChoice, weights: Weights) -> ExportConfig {
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
