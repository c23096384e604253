//! What is in a file: a model of `ldnn train`, a network, learned activations, or an image for a
//! device.

use crate::data::Standard;
use crate::data::target::Purpose;
use crate::deploy::{ActivationMemory, IntegerMemory};
use crate::formats::read_activations;
use crate::model::activations::{LearnedActivations, LearnedType, SAMPLE_RANGE, grid};
use crate::model::{ActivationFile, Model, Network, NetworkFile};
use crate::report::ReportTable;
use crate::report::plot::{Band, Drawing, curves, sketch};
use crate::support::memory::in_words;
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, bail};
use ldnn_core::Shape;
use ldnn_core::deploy::{Activate, AnyActivation};
use ldnn_core::image::{Contents, Image, MAGIC, Meaning, Scales};
use ldnn_core::table::integer::Table8;
use std::path::Path;

/// What there is to say and to draw.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// What it is, where it comes from, how large it is: one name and value per line.
    pub facts: Vec<(&'static str, String)>,
    /// The inputs with their standardisation, if it has names for them.
    pub inputs: Option<ReportTable>,
    /// The activations.
    pub curves: Vec<Band>,
    /// What runs along the axes.
    pub axes: (&'static str, &'static str),
}

/// Points of a curve.
const POINTS: usize = 241;
const REAL_AXES: (&str, &str) = ("pre-activation", "activation");

/// Looks at a file, or at the activations of a run folder.
///
/// # Errors
/// If it is not there, or is nothing of ours; the message says what is wrong with it.
pub fn inspect(path: &Path) -> Result<Portrait> {
    let place = || format!("in '{}'", path.display());

    if path.is_dir() {
        return of_activations(&read_activations(path)?).with_context(place);
    }

    let bytes = regular::read(path, Most::Memory)
        .with_context(|| format!("cannot read '{}'; give a file of ldnn", path.display()))?;
    if bytes.starts_with(&MAGIC) {
        return of_image(&bytes).with_context(place);
    }

    let value = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
    let has = |key: &str| value.as_ref().is_some_and(|v| v.get(key).is_some());
    if has("purpose") {
        return of_trained(&Model::read(path)?, bytes.len()).with_context(place);
    }

    if has("params") && has("widths") {
        return of_network(&NetworkFile::read(path)?, &value.unwrap_or_default())
            .with_context(place);
    }

    if has("types") || value.is_none() && path.extension().is_some_and(|e| e == "txt") {
        return of_activations(&read_activations(path)?).with_context(place);
    }

    bail!(
        "'{}' is none of: a model of `ldnn train`, a network, a file of activations, an image of `ldnn export`; it is \
         damaged, or of another program",
        path.display()
    )
}

impl Portrait {
    /// In words, with sketches; of many inputs the first ones, unless all are asked for.
    #[must_use]
    pub fn to_text(&self, all_inputs: bool) -> String {
        let longest = self
            .facts
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or(0)
            + 1;

        let facts = self
            .facts
            .iter()
            .map(|(name, value)| format!("{:<longest$} {value}\n", format!("{name}:")));
        let mut text: String = facts.collect();

        for band in &self.curves {
            text += &format!("\n{}", sketch(&band.name, &band.x, &band.mean));
        }

        if let Some(inputs) = &self.inputs {
            let most = if all_inputs { usize::MAX } else { FEW_INPUTS };
            let mut shown = inputs.clone();
            let rest = shown.rows.len().saturating_sub(most);
            shown.rows.truncate(most);
            text += &format!("\n{}", shown.to_text());

            if rest > 0 {
                text += &format!("\nand {rest} more; `inputs` lists all\n");
            }
        }

        text
    }

    /// The activations as a figure.
    #[must_use]
    pub fn picture(&self, title: &str) -> Drawing {
        curves(title, self.axes.0, self.axes.1, &self.curves)
    }
}

/// Inputs that are listed unasked.
const FEW_INPUTS: usize = 20;

fn of_trained(model: &Model, bytes: usize) -> Result<Portrait> {
    let network = model.network.network()?;

    let what = match &model.purpose {
        Purpose::Classification { column, classes } => {
            format!("'{column}', one of {}", crate::data::table::listed(classes))
        }
        Purpose::Regression { columns, .. } => columns.join(", "),
    };

    let mut facts = vec![
        ("kind", "a model of `ldnn train`".into()),
        ("provenance", model.provenance.clone()),
        ("predicts", what),
        ("activations", activation_words(&model.network.activations)),
    ];

    facts.extend(sizes(&network.shape));

    let rows = model
        .rows
        .as_ref()
        .map_or(0, |rows| rows.x.len() / model.features.len().max(1));
    let held = match rows {
        0 => "no rows of the table".into(),
        rows => format!("with {rows} test rows and their targets"),
    };

    facts.push(("file", format!("{}, {held}", in_words(bytes as u64))));

    if let Purpose::Regression { columns, scale } = &model.purpose {
        let of = |(name, s): (&String, &Standard)| {
            format!(
                "{name}: mean {}, sd {}",
                significant(s.mean),
                significant(s.sd)
            )
        };

        facts.push((
            "scale",
            columns
                .iter()
                .zip(scale)
                .map(of)
                .collect::<Vec<_>>()
                .join("; "),
        ));
    }

    let offsets = model.inputs.iter().any(|s| s.offset != 0.0);
    let head = if offsets {
        &["input", "mean", "sd", "offset"][..]
    } else {
        &["input", "mean", "sd"]
    };

    let mut inputs = ReportTable::new("inputs", head);
    for (name, s) in model.features.iter().zip(&model.inputs) {
        let mut row = vec![name.clone(), significant(s.mean), significant(s.sd)];
        row.extend(offsets.then(|| s.offset.to_string()));
        inputs.row(row);
    }

    let curves = match &model.learned {
        Some(learned) => learned_curves(learned)?,
        None => network.curves(POINTS)?,
    };

    Ok(Portrait {
        facts,
        inputs: Some(inputs),
        curves,
        axes: REAL_AXES,
    })
}

/// Six digits behind the point where that says enough; else as many as tell it from its neighbours.
fn significant(x: f64) -> String {
    let size = x.abs();
    if size == 0.0 || (1e-3..1e9).contains(&size) {
        format!("{x:.6}")
    } else {
        format!("{x:.9e}")
    }
}

fn of_network(network: &Network, value: &serde_json::Value) -> Result<Portrait> {
    let provenance = value
        .get("provenance")
        .and_then(|p| p.as_str())
        .unwrap_or_default();
    let activations = NetworkFile::of(network, String::new()).activations;

    let mut facts = vec![
        ("kind", "a network".into()),
        ("provenance", provenance.into()),
        ("activations", activation_words(&activations)),
    ];

    facts.extend(sizes(&network.shape));

    Ok(Portrait {
        facts,
        inputs: None,
        curves: network.curves(POINTS)?,
        axes: REAL_AXES,
    })
}

fn of_activations(activations: &LearnedActivations) -> Result<Portrait> {
    let layers = match activations.layers {
        1 => "shared by all hidden layers".into(),
        n => format!(
            "{} for each of {n} hidden layers",
            activations.types_in_a_layer()
        ),
    };

    let facts = vec![
        ("kind", "activations".into()),
        ("provenance", activations.provenance.clone()),
        ("types", format!("{}, {layers}", activations.types.len())),
        (
            "size",
            format!(
                "{} numbers; `ldnn export` makes tables of them",
                numbers_of(activations)
            ),
        ),
    ];

    Ok(Portrait {
        facts,
        inputs: None,
        curves: learned_curves(activations)?,
        axes: REAL_AXES,
    })
}

fn numbers_of(activations: &LearnedActivations) -> usize {
    let of = |learned: &LearnedType| match learned {
        LearnedType::Subnet { u, .. } => 3 * u.len() + 1,
        LearnedType::Samples { y, .. } => y.len(),
    };
    activations.types.iter().map(of).sum()
}

fn activation_words(activations: &[ActivationFile]) -> String {
    let word = |activation: &ActivationFile| match activation {
        ActivationFile::Base { name } => name.clone(),
        ActivationFile::Learned { base, units } => format!("learned on {base} ({units} units)"),
        ActivationFile::Table { knots, range, .. } => {
            format!("learned, a table of {knots} knots on [-{range}, {range}]")
        }
    };
    activations.iter().map(word).collect::<Vec<_>>().join("; ")
}

/// Shape and bytes.
fn sizes(shape: &Shape) -> Vec<(&'static str, String)> {
    let widths: Vec<String> = (0..=shape.layers())
        .map(|l| shape.width(l).to_string())
        .collect();
    let outputs: usize = (1..=shape.layers()).map(|l| shape.width(l)).sum();
    let (theta, tables) = (shape.theta_len(), 256 * shape.types());

    // int8: a byte per weight, a bias and a factor of four bytes per output, a table of 256 bytes
    // per type.
    let integers = (theta - outputs) + 8 * outputs + tables;

    vec![
        (
            "shape",
            format!("{}, {theta} weights and biases", widths.join("-")),
        ),
        (
            "size",
            format!(
                "{} bytes of weights and biases in f32; {integers} bytes in int8, {tables} of them tables",
                4 * theta
            ),
        ),
    ]
}

fn learned_curves(activations: &LearnedActivations) -> Result<Vec<Band>> {
    let z = grid(POINTS, SAMPLE_RANGE);
    let in_layer = activations.types_in_a_layer().max(1);
    let name = |i: usize| match activations.layers {
        1 => format!("type {}", i + 1),
        _ => format!("layer {}, type {}", i / in_layer + 1, i % in_layer + 1),
    };
    let types = activations.types.iter().enumerate();

    types
        .map(|(i, t)| Ok(Band::line(name(i), z.clone(), t.evaluate(&z)?)))
        .collect()
}

fn of_image(bytes: &[u8]) -> Result<Portrait> {
    let image = Image::read(bytes).map_err(anyhow::Error::from)?;

    let head = |kind: &str| {
        vec![
            ("kind", format!("the image of {kind} for a device")),
            ("provenance", image.provenance().to_string()),
            ("file", format!("{} bytes", bytes.len())),
        ]
    };

    let scaling = |scales: &Scales<'_>, inputs: usize| {
        let read = if scales.inputs_len() == 0 {
            "the network takes inputs as they are"
        } else {
            "mean and factor of every input"
        };

        let offsets = (0..inputs).filter(|&i| scales.offset(i) != 0.0);
        let offsets: String = offsets
            .map(|i| format!("; input {} less {}", i + 1, scales.offset(i)))
            .collect();

        let answer = match scales.meaning() {
            Meaning::Plain => "outputs as they are",
            Meaning::Classes => "a class and probabilities",
            Meaning::Values => "values in their own units",
        };

        vec![
            ("inputs", format!("{read}{offsets}")),
            ("answer", answer.to_string()),
        ]
    };

    match image.contents() {
        Contents::Activations(records) => {
            let mut facts = head("activations");
            facts.push(("types", records.count().to_string()));

            Ok(Portrait {
                facts,
                inputs: None,
                curves: record_curves(&records)?,
                axes: REAL_AXES,
            })
        }
        Contents::Floats(network) => {
            let mut facts = head("a network of real numbers");
            facts.extend(sizes(network.shape()));
            facts.extend(scaling(network.scaling(), network.shape().inputs()));

            Ok(Portrait {
                facts,
                inputs: None,
                curves: record_curves(network.activations())?,
                axes: REAL_AXES,
            })
        }
        Contents::Integers(network) => {
            let mut facts = head("a network of integers");
            facts.extend(sizes(network.shape()));
            facts.extend(scaling(network.scaling(), network.shape().inputs()));

            let mut memory = IntegerMemory::of(&network);
            network.load(memory.room())?;

            let q: Vec<f64> = (-128..128).map(f64::from).collect();
            let at = |table: &[i8; 256], q: f64| f64::from(Table8(table).at(q as i8));

            let curve = |(i, table): (usize, &[i8; 256])| {
                Band::line(
                    format!("type {}", i + 1),
                    q.clone(),
                    q.iter().map(|&q| at(table, q)).collect(),
                )
            };

            let curves = memory.tables.iter().enumerate().map(curve).collect();

            Ok(Portrait {
                facts,
                inputs: None,
                curves,
                axes: ("pre-activation, as an integer", "activation, as an integer"),
            })
        }
    }
}

fn record_curves(records: &ldnn_core::image::Activations) -> Result<Vec<Band>> {
    let mut memory = ActivationMemory::default();
    let loaded = memory.load(records)?;
    let z = grid(POINTS, SAMPLE_RANGE);

    let curve = |(i, activation): (usize, &AnyActivation)| {
        let mut y: Vec<f32> = z.iter().map(|&z| z as f32).collect();
        activation.apply(&mut y);
        let name = match activation {
            AnyActivation::Base(base) => base.name().to_string(),
            _ => format!("type {}", i + 1),
        };

        Band::line(name, z.clone(), y.into_iter().map(f64::from).collect())
    };

    Ok(loaded.iter().enumerate().map(curve).collect())
}
