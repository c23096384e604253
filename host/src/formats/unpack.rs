//! From named tensors of our own back to models and activations.

use super::about::{
    About, LearnedAbout, ModelAbout, NetworkAbout, PurposeAbout, TypeAbout, blocks,
};
use super::bundle::Bundle;
use super::pack::subnets_of;
use crate::data::Standard;
use crate::data::target::Purpose;
use crate::model::activations::{LearnedActivations, LearnedType};
use crate::model::{ActivationFile, InputRange, Model, NetworkFile, Ranges, SHARES, TestRows};
use anyhow::{Context, Result, bail, ensure};

/// The network in a bundle that `ldnn` wrote.
///
/// # Errors
/// If a tensor is missing, of another shape, or not finite, or the blocks of neurons are not as
/// this program deals them out.
pub fn network(bundle: &mut Bundle, about: &NetworkAbout) -> Result<NetworkFile> {
    let mut params = vec![];

    for (l, pair) in about.widths.windows(2).enumerate() {
        params.extend(bundle.take_f32(&format!("layers.{l}.weight"), &[pair[1], pair[0]])?);
        params.extend(bundle.take_f32(&format!("layers.{l}.bias"), &[pair[1]])?);
    }

    for (t, activation) in about.activations.iter().enumerate() {
        params.extend(type_params(
            bundle,
            &format!("activations.{t}"),
            activation,
        )?);
    }

    let model = NetworkFile {
        version: NetworkFile::VERSION,
        provenance: about.provenance.clone(),
        widths: about.widths.clone(),
        activations: about.activations.clone(),
        layers: about.layers()?,
        params,
    };

    let shape = model.network()?.shape;
    ensure!(
        about.blocks == blocks(&shape),
        "'blocks': the types of a layer must take equal blocks of neurons in order, the remainder with the last types"
    );

    Ok(model)
}

fn type_params(bundle: &mut Bundle, prefix: &str, activation: &ActivationFile) -> Result<Vec<f32>> {
    match activation {
        ActivationFile::Base { .. } => Ok(vec![]),
        ActivationFile::Learned { units, .. } => subnet(bundle, prefix, *units),
        ActivationFile::Table { knots, readout, .. } => {
            let values = bundle.take_f32(&format!("{prefix}.values"), &[*knots])?;
            let slopes = bundle.take_f32(&format!("{prefix}.slopes"), &[*knots])?;

            let mut phi: Vec<f32> = values
                .iter()
                .zip(&slopes)
                .flat_map(|(&y, &m)| [y, m])
                .collect();

            if *readout > 0 {
                phi.extend(bundle.take_f32(&format!("{prefix}.readout"), &[*readout])?);
            }

            Ok(phi)
        }
    }
}

/// `[u | c | v | d]`
fn subnet(bundle: &mut Bundle, prefix: &str, units: usize) -> Result<Vec<f32>> {
    let mut phi = vec![];
    for part in ["u", "c", "v"] {
        phi.extend(bundle.take_f32(&format!("{prefix}.{part}"), &[units])?);
    }

    phi.extend(bundle.take_f32(&format!("{prefix}.d"), &[1])?);
    Ok(phi)
}

/// The learned activations that a bundle tells of.
///
/// # Errors
/// If one is malformed.
pub fn learned(bundle: &mut Bundle, about: &LearnedAbout) -> Result<LearnedActivations> {
    let mut types = vec![];
    for (i, activation) in about.types.iter().enumerate() {
        types.push(match activation {
            TypeAbout::Subnet { base } => {
                let prefix = format!("learned.{i}");
                let phi = subnet(bundle, &prefix, bundle.rows(&format!("{prefix}.u")))?;
                let units = phi.len() / 3;
                let part = |i: usize| phi[i * units..(i + 1) * units].to_vec();

                LearnedType::Subnet {
                    base: base.clone(),
                    u: part(0),
                    c: part(1),
                    v: part(2),
                    d: phi[3 * units],
                }
            }
            TypeAbout::Samples { range } => {
                let name = format!("learned.{i}.samples");
                let rows = bundle.rows(&name);
                LearnedType::Samples {
                    range: *range,
                    y: bundle.take_f32(&name, &[rows])?,
                }
            }
        });
    }

    LearnedActivations {
        version: LearnedActivations::VERSION,
        provenance: about.provenance.clone(),
        layers: about.layers,
        types,
    }
    .checked()
}

/// The learned activations in a bundle of whatever we write.
///
/// # Errors
/// If there are none.
pub fn activations(mut bundle: Bundle) -> Result<LearnedActivations> {
    let about = bundle
        .about
        .take()
        .context("it holds tensors, but no activations that `ldnn export` wrote")?;
    if let Some(about) = &about.learned {
        return learned(&mut bundle, about);
    }

    let about = about.network.context("there is no activation type in it")?;
    let model = network(&mut bundle, &about)?;
    let shape = model.network()?.shape;

    subnets_of(&model, &shape).context(
        "the network in it has no learned sub-networks, but base functions, tables alone, or layers that share some types",
    )
}

/// Mean, standard deviation and offset of columns; nothing done to them if the bundle does not
/// tell.
///
/// # Errors
/// If one of the first two is missing, or a standard deviation not positive.
pub fn standard(bundle: &mut Bundle, what: &str, columns: usize) -> Result<Vec<Standard>> {
    let [mean, sd, offset] = [
        format!("{what}.mean"),
        format!("{what}.sd"),
        format!("{what}.offset"),
    ];

    if !bundle.has(&mean) && !bundle.has(&sd) {
        return Ok(vec![Standard::PLAIN; columns]);
    }

    let (means, sds) = (
        bundle.take_f64(&mean, &[columns])?,
        bundle.take_f64(&sd, &[columns])?,
    );

    let offsets = match bundle.has(&offset) {
        true => Some(bundle.take_f64(&offset, &[columns])?),
        false => None,
    };

    if let Some(i) = sds.iter().position(|&s| s <= 0.0) {
        bail!(
            "tensor '{sd}', element {i}: {} is no standard deviation; it must be positive",
            sds[i]
        );
    }

    let one = |i: usize| match &offsets {
        Some(offsets) => Standard {
            mean: means[i],
            sd: sds[i],
            offset: offsets[i],
        },
        None => Standard::of_moments(means[i], sds[i], what == "outputs"),
    };

    Ok((0..columns).map(one).collect())
}

/// What occurs in the network; `None` if the bundle does not tell.
///
/// # Errors
/// If a part is missing or of another shape.
pub fn ranges(bundle: &mut Bundle, network: &NetworkFile) -> Result<Option<Ranges>> {
    if !bundle.has("ranges.inputs") {
        return Ok(None);
    }

    let shape = network.network()?.shape;
    let inputs = bundle.take_f32("ranges.inputs", &[shape.inputs(), 4])?;

    let input = |&[low, high, mean, sd]: &[f32; 4]| InputRange {
        low,
        high,
        mean,
        sd,
    };

    let types = match shape.types() {
        0 => vec![],
        types => bundle.take_f32("ranges.types", &[types, SHARES.len()])?,
    };

    Ok(Some(Ranges {
        inputs: inputs.as_chunks::<4>().0.iter().map(input).collect(),
        types: types
            .chunks_exact(SHARES.len())
            .map(<[f32]>::to_vec)
            .collect(),
        largest_output: bundle.take_f32("ranges.largest_output", &[1])?[0],
    }))
}

/// Rows as older versions wrote them.
const OLD_ROWS: [&str; 4] = ["rows.seen", "rows.kept", "rows.classes", "rows.values"];

/// The rows in a bundle, if it has some.
///
/// # Errors
/// If rows and targets do not fit.
pub fn rows(bundle: &mut Bundle, width: usize, purpose: &Purpose) -> Result<Option<TestRows>> {
    if bundle.has("rows.seen") || bundle.has("rows.kept") {
        // Older versions wrote rows without being asked; nothing needs them any more.
        OLD_ROWS
            .iter()
            .for_each(|name| drop(bundle.tensors.remove(*name)));
    }

    if !bundle.has("rows.x") {
        return Ok(None);
    }

    let rows = bundle.rows("rows.x");
    let mut all = TestRows {
        x: bundle.take_f32("rows.x", &[rows, width])?,
        ..TestRows::default()
    };

    match purpose {
        Purpose::Classification { classes, .. } => {
            all.classes = bundle.take_classes("rows.classes", rows, classes.len())?;
        }
        Purpose::Regression { columns, .. } => {
            all.values = bundle.take_f32("rows.values", &[rows, columns.len()])?;
        }
    }

    Ok(Some(all))
}

/// The model in a bundle that [`super::of_trained`] made: the same to the bit.
///
/// # Errors
/// If anything is missing, malformed, or left over.
pub fn trained(
    mut bundle: Bundle,
    about: &About,
    network_about: &NetworkAbout,
    model: &ModelAbout,
) -> Result<Model> {
    let network = network(&mut bundle, network_about)?;

    let learned = about
        .learned
        .as_ref()
        .map(|a| learned(&mut bundle, a))
        .transpose()?;

    let inputs = standard(&mut bundle, "inputs", model.features.len())?;

    let purpose = match &model.purpose {
        PurposeAbout::Classification { column, classes } => Purpose::Classification {
            column: column.clone(),
            classes: classes.clone(),
        },
        PurposeAbout::Regression { columns } => {
            let scale = standard(&mut bundle, "outputs", columns.len())?;
            Purpose::Regression {
                columns: columns.clone(),
                scale,
            }
        }
    };

    let ranges = ranges(&mut bundle, &network)?;
    let rows = rows(&mut bundle, model.features.len(), &purpose)?;
    bundle.finish()?;

    Model {
        version: Model::VERSION,
        provenance: model.provenance.clone(),
        features: model.features.clone(),
        inputs,
        purpose,
        activation: model.activation.clone(),
        learned,
        network,
        ranges,
        rows,
    }
    .checked()
}
