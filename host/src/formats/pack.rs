//! Models and activations as named tensors.

use super::about::{About, LearnedAbout, ModelAbout, NetworkAbout, PurposeAbout};
use super::bundle::{Bundle, Tensor};
use crate::data::Standard;
use crate::data::target::Purpose;
use crate::model::activations::{LearnedActivations, LearnedType};
use crate::model::{Model, NetworkFile, Ranges, SHARES, TestRows};
use anyhow::Result;
use ldnn_core::{Activation, Shape};

/// A model with everything in it; it comes back as it was.
///
/// # Errors
/// If it is malformed.
pub fn of_trained(model: &Model) -> Result<Bundle> {
    let mut bundle = of_network(&model.network, model.learned.as_ref())?;
    if let Some(about) = &mut bundle.about {
        about.model = Some(ModelAbout {
            provenance: model.provenance.clone(),
            activation: model.activation.clone(),
            features: model.features.clone(),
            purpose: match &model.purpose {
                Purpose::Classification { column, classes } => PurposeAbout::Classification {
                    column: column.clone(),
                    classes: classes.clone(),
                },
                Purpose::Regression { columns, .. } => PurposeAbout::Regression {
                    columns: columns.clone(),
                },
            },
        });
    }

    put_standard(&mut bundle, "inputs", &model.inputs);

    if let Purpose::Regression { scale, .. } = &model.purpose {
        put_standard(&mut bundle, "outputs", scale);
    }

    if let Some(ranges) = &model.ranges {
        put_ranges(&mut bundle, ranges);
    }

    if let Some(rows) = &model.rows {
        put_rows(&mut bundle, model, rows);
    }

    Ok(bundle)
}

fn put_standard(bundle: &mut Bundle, what: &str, standard: &[Standard]) {
    bundle.put(
        format!("{what}.mean"),
        Tensor::wide(standard.iter().map(|s| s.mean).collect()),
    );
    bundle.put(
        format!("{what}.sd"),
        Tensor::wide(standard.iter().map(|s| s.sd).collect()),
    );

    if standard.iter().any(|s| s.offset != 0.0) {
        bundle.put(
            format!("{what}.offset"),
            Tensor::wide(standard.iter().map(|s| s.offset).collect()),
        );
    }
}

/// What occurs in the network: of each input low, high, mean and deviation; of each type its
/// quantiles.
fn put_ranges(bundle: &mut Bundle, ranges: &Ranges) {
    let inputs = ranges
        .inputs
        .iter()
        .flat_map(|i| [i.low, i.high, i.mean, i.sd])
        .collect();

    bundle.put("ranges.inputs", Tensor::matrix(inputs, 4));

    if !ranges.types.is_empty() {
        bundle.put(
            "ranges.types",
            Tensor::matrix(ranges.types.concat(), SHARES.len()),
        );
    }

    bundle.put(
        "ranges.largest_output",
        Tensor::vector(vec![ranges.largest_output]),
    );
}

/// The rows that a model holds because it was asked to.
fn put_rows(bundle: &mut Bundle, model: &Model, rows: &TestRows) {
    bundle.put(
        "rows.x",
        Tensor::matrix(rows.x.clone(), model.features.len()),
    );

    match &model.purpose {
        Purpose::Classification { .. } => {
            let classes = rows.classes.iter().map(|&c| c.into()).collect();
            bundle.put("rows.classes", Tensor::whole(classes));
        }
        Purpose::Regression { columns, .. } => {
            bundle.put(
                "rows.values",
                Tensor::matrix(rows.values.clone(), columns.len()),
            );
        }
    }
}

/// A network, and the learned activations that its tables were made from.
///
/// # Errors
/// If it is malformed.
pub fn of_network(model: &NetworkFile, learned: Option<&LearnedActivations>) -> Result<Bundle> {
    let network = model.network()?;
    let shape = network.shape;
    let mut bundle = Bundle::default();

    for l in 0..shape.layers() {
        let (inputs, outputs) = (shape.width(l), shape.width(l + 1));
        let part = |at: usize, len: usize| network.params[at..at + len].to_vec();
        bundle.put(
            format!("layers.{l}.weight"),
            Tensor::matrix(part(shape.weights_at(l), inputs * outputs), inputs),
        );
        bundle.put(
            format!("layers.{l}.bias"),
            Tensor::vector(part(shape.biases_at(l), outputs)),
        );
    }

    for t in 0..shape.types() {
        put_type(
            &mut bundle,
            t,
            shape.activation(t),
            &network.params[shape.type_at(t)..],
        );
    }

    bundle.about = Some(About {
        network: Some(NetworkAbout::of(model, &shape)),
        ..About::new()
    });

    if let Some(learned) = learned {
        put_learned(&mut bundle, learned);
    }

    Ok(bundle)
}

/// The parameters of one type of a network; `phi` begins with them.
fn put_type(bundle: &mut Bundle, t: usize, activation: Activation, phi: &[f32]) {
    match activation {
        Activation::Base(_) => {}
        Activation::Learned { units, .. } => {
            put_subnet(bundle, &format!("activations.{t}"), phi, units)
        }
        Activation::Table(form) => {
            let knots = phi[..2 * form.knots].as_chunks::<2>().0;
            let column = |i: usize| Tensor::vector(knots.iter().map(|k| k[i]).collect());
            bundle.put(format!("activations.{t}.values"), column(0));
            bundle.put(format!("activations.{t}.slopes"), column(1));

            if form.readout > 0 {
                let readout = phi[2 * form.knots..][..form.readout].to_vec();
                bundle.put(format!("activations.{t}.readout"), Tensor::vector(readout));
            }
        }
    }
}

/// `phi = [u | c | v | d]`
fn put_subnet(bundle: &mut Bundle, prefix: &str, phi: &[f32], units: usize) {
    for (i, part) in ["u", "c", "v"].into_iter().enumerate() {
        bundle.put(
            format!("{prefix}.{part}"),
            Tensor::vector(phi[i * units..(i + 1) * units].to_vec()),
        );
    }
    bundle.put(format!("{prefix}.d"), Tensor::vector(vec![phi[3 * units]]));
}

/// Learned activations alone.
#[must_use]
pub fn of_activations(learned: &LearnedActivations) -> Bundle {
    let mut bundle = Bundle {
        about: Some(About::new()),
        ..Bundle::default()
    };
    put_learned(&mut bundle, learned);
    bundle
}

fn put_learned(bundle: &mut Bundle, learned: &LearnedActivations) {
    for (i, t) in learned.types.iter().enumerate() {
        match t {
            LearnedType::Subnet { u, c, v, d, .. } => {
                let phi = [u, c, v, &[*d][..]].concat();
                put_subnet(bundle, &format!("learned.{i}"), &phi, u.len());
            }
            LearnedType::Samples { y, .. } => {
                bundle.put(format!("learned.{i}.samples"), Tensor::vector(y.clone()))
            }
        }
    }

    if let Some(about) = &mut bundle.about {
        about.learned = Some(LearnedAbout::of(learned));
    }
}

/// The learned activations of a network whose types are sub-networks; `None` if they are not.
#[must_use]
pub fn subnets_of(model: &NetworkFile, shape: &Shape) -> Option<LearnedActivations> {
    let hidden = shape.hidden_layers();
    let (_, own) = shape.layer_types(0);
    let shared = (0..hidden).all(|l| shape.layer_types(l) == (0, shape.types()));
    let separate = (0..hidden).all(|l| shape.layer_types(l) == (l * own, own))
        && shape.types() == hidden * own;

    let types = (0..shape.types()).map(|t| match shape.activation(t) {
        Activation::Learned { base, .. } => {
            let phi = &model.params[shape.type_at(t)..][..shape.activation(t).param_len()];
            Some(LearnedType::from_phi(base, phi))
        }
        _ => None,
    });

    let types: Vec<LearnedType> = types.collect::<Option<_>>()?;
    let layers = if shared { 1 } else { hidden };

    let set = LearnedActivations {
        version: LearnedActivations::VERSION,
        provenance: model.provenance.clone(),
        layers,
        types,
    };

    ((shared || separate) && !set.types.is_empty()).then_some(set)
}
