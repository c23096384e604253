//! The whole network: standardisation, layers, probabilities or values.

use super::graph::{Graph, value};
use super::proto::{
    GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, ValueInfoProto,
};
use super::{IR_VERSION, OPSET, OnnxActivations, activation};
use crate::data::Standard;
use crate::data::target::Purpose;
use crate::formats::about::blocks;
use crate::model::NetworkFile;
use crate::model::activations::LearnedActivations;
use anyhow::{Context, Result, ensure};
use ldnn_core::{Activation, Shape};
use prost::Message;

/// What inputs and outputs mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interface<'a> {
    /// Names of the inputs; empty if they have none.
    pub features: &'a [String],
    /// How they are standardised; empty if they are not.
    pub inputs: &'a [Standard],
    /// What is predicted; `None` if nobody said.
    pub purpose: Option<&'a Purpose>,
}

/// The bytes of an ONNX file. `learned` are the sub-networks that the network's tables were made
/// from.
///
/// # Errors
/// If the network is malformed, sub-networks are asked for that are not known, or a scale is none
/// in single precision.
pub fn model(
    network: &NetworkFile,
    learned: Option<&LearnedActivations>,
    form: OnnxActivations,
    meaning: Interface,
) -> Result<Vec<u8>> {
    let mut graph = Graph::default();
    let shape = network.network()?.shape;
    let types = types(network, &shape, learned, form)?;
    let inputs = shape.inputs();
    let standardised = standardise(&mut graph, meaning.inputs)?;
    let poison = poison(&mut graph, &standardised);
    let outputs = layers(&mut graph, network, &shape, &types, &standardised);

    let outputs = finish(
        &mut graph,
        &outputs,
        &poison,
        shape.outputs(),
        meaning.purpose,
    )?;

    let names = if meaning.features.is_empty() {
        String::new()
    } else {
        format!(": {}", meaning.features.join(", "))
    };

    let kind = if has_offsets(meaning.inputs) {
        TensorProto::DOUBLE
    } else {
        TensorProto::FLOAT
    };

    let input = value("input", kind, inputs, format!("rows of raw inputs{names}"));

    let file = ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("ldnn".into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        doc_string: Some(network.provenance.clone()),
        graph: Some(GraphProto {
            node: graph.nodes,
            name: Some("network".into()),
            initializer: graph.constants,
            input: vec![input],
            output: outputs,
        }),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        metadata_props: metadata(meaning)?,
    };

    Ok(file.encode_to_vec())
}

/// Names as JSON lists.
fn metadata(meaning: Interface) -> Result<Vec<StringStringEntryProto>> {
    let mut entries = vec![];

    let mut put = |key: &str, names: &[String]| -> Result<()> {
        let value = Some(serde_json::to_string(names)?);
        entries.push(StringStringEntryProto {
            key: Some(key.into()),
            value,
        });
        Ok(())
    };

    if !meaning.features.is_empty() {
        put("features", meaning.features)?;
    }

    match meaning.purpose {
        Some(Purpose::Classification { column, classes }) => {
            put("target", std::slice::from_ref(column))?;
            put("classes", classes)?;
        }
        Some(Purpose::Regression { columns, .. }) => put("target", columns)?,
        None => {}
    }

    Ok(entries)
}

/// Every type with its parameters: the network's own, or the sub-networks in place of tables.
fn types(
    network: &NetworkFile,
    shape: &Shape,
    learned: Option<&LearnedActivations>,
    form: OnnxActivations,
) -> Result<Vec<(Activation, Vec<f32>)>> {
    let own = |t: usize| {
        let activation = shape.activation(t);
        (
            activation,
            network.params[shape.type_at(t)..][..activation.param_len()].to_vec(),
        )
    };

    let of = |t: usize| match (form, shape.activation(t)) {
        (OnnxActivations::Subnets, Activation::Table(_)) => {
            let known = learned
                .filter(|l| l.types.len() == shape.types())
                .and_then(|l| l.types.get(t));
            let known = known.context(
                "the file does not hold the sub-networks that the network's tables were made from; use `onnx_activations` tables",
            )?;
            let direct = known.direct()?;
            let samples = matches!(direct.0, Activation::Table(_));

            ensure!(
                !samples,
                "its activations are samples, not sub-networks; use `onnx_activations` tables"
            );

            Ok(direct)
        }
        _ => Ok(own(t)),
    };

    (0..shape.types()).map(of).collect()
}

/// `(x - mean) factor` in single precision, as the model itself computes it; where there are
/// offsets, the input is of double precision, and the offsets are subtracted first.
fn standardise(graph: &mut Graph, inputs: &[Standard]) -> Result<String> {
    graph.place = "standardise".into();

    if inputs.iter().all(|s| *s == Standard::PLAIN) {
        return Ok("input".into());
    }

    single(inputs, "input")?;

    let n = inputs.len();
    let mut x = "input".to_string();

    if has_offsets(inputs) {
        let offsets = graph.doubles(
            "inputs.offset",
            &[n],
            &inputs.iter().map(|s| s.offset).collect::<Vec<_>>(),
        );

        let less = graph.op("Sub", &[&x, &offsets]);
        x = graph.with("Cast", &[&less], &[("to", TensorProto::FLOAT.into())]);
    }

    let (means, factors): (Vec<f32>, Vec<f32>) = inputs
        .iter()
        .map(Standard::input_pair)
        .map(|[m, f]| (m, f))
        .unzip();

    let mean = graph.floats("inputs.mean", &[n], &means);
    let factor = graph.floats("inputs.factor", &[n], &factors);
    let x = graph.op("Sub", &[&x, &mean]);

    Ok(graph.op("Mul", &[&x, &factor]))
}

fn has_offsets(scale: &[Standard]) -> bool {
    scale.iter().any(|s| s.offset != 0.0)
}

/// Whether single precision holds all of it.
fn single(scale: &[Standard], what: &str) -> Result<()> {
    for (i, s) in scale.iter().enumerate() {
        ensure!(
            s.is_sound(),
            "{what} {}: its mean {:e} or standard deviation {:e} has no form in single precision; scale the column first",
            i + 1,
            s.mean,
            s.sd
        );
    }

    Ok(())
}

/// 0 for a row whose inputs are finite, NaN for another: added to the outputs, it makes every
/// answer of that row NaN, whatever an operator makes of NaN.
fn poison(graph: &mut Graph, input: &str) -> String {
    graph.place = "finite".into();
    poison_of(graph, input)
}

/// 0 for a row of finite numbers, NaN for another.
fn poison_of(graph: &mut Graph, x: &str) -> String {
    let zero = graph.float("zero", 0.0);
    let zeros = graph.op("Mul", &[x, &zero]);
    let columns = graph.integers("axis_1", &[1]);
    graph.with("ReduceSum", &[&zeros, &columns], &[("keepdims", 1)])
}

/// Layer by layer, weights as PyTorch has them.
fn layers(
    graph: &mut Graph,
    network: &NetworkFile,
    shape: &Shape,
    types: &[(Activation, Vec<f32>)],
    input: &str,
) -> String {
    let mut h = input.to_string();
    let blocks = blocks(shape);

    for l in 0..shape.layers() {
        graph.place = format!("layers.{l}");

        let (inputs, outputs) = (shape.width(l), shape.width(l + 1));
        let weights = &network.params[shape.weights_at(l)..][..inputs * outputs];
        let biases = &network.params[shape.biases_at(l)..][..outputs];
        let weight = graph.floats(&format!("layers.{l}.weight"), &[outputs, inputs], weights);
        let bias = graph.floats(&format!("layers.{l}.bias"), &[outputs], biases);
        let z = graph.with("Gemm", &[&h, &weight, &bias], &[("transB", 1)]);
        let Some(blocks) = blocks.get(l) else {
            h = z;
            break;
        };

        graph.place = format!("layers.{l}/activation");

        let parts = split(
            graph,
            l,
            &z,
            &blocks
                .iter()
                .map(|b| (b.end - b.start) as i64)
                .collect::<Vec<_>>(),
        );

        let done = blocks.iter().zip(&parts).map(|(block, part)| {
            let (activation, phi) = &types[block.activation];
            activation::apply(
                graph,
                &format!("activations.{}", block.activation),
                *activation,
                phi,
                part,
            )
        });

        let done: Vec<String> = done.collect();
        h = match &done[..] {
            [one] => one.clone(),
            many => graph.with(
                "Concat",
                &many.iter().map(String::as_str).collect::<Vec<_>>(),
                &[("axis", 1)],
            ),
        };
    }

    h
}

/// Columns of these widths.
fn split(graph: &mut Graph, l: usize, z: &str, widths: &[i64]) -> Vec<String> {
    if widths.len() == 1 {
        return vec![z.into()];
    }

    let parts: Vec<String> = (0..widths.len())
        .map(|i| format!("{}/part_{i}", graph.place))
        .collect();
    let lengths = graph.integers(&format!("layers.{l}.blocks"), widths);
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();

    graph.named("Split", &[z, &lengths], &names, &[("axis", 1)]);
    parts
}

/// From the last layer to what the user wants; `poison` is NaN for rows that have no answer.
fn finish(
    graph: &mut Graph,
    y: &str,
    poison: &str,
    outputs: usize,
    purpose: Option<&Purpose>,
) -> Result<Vec<ValueInfoProto>> {
    graph.place = "outputs".into();

    let float = |name, doc: String| value(name, TensorProto::FLOAT, outputs, doc);

    Ok(match purpose {
        None => {
            graph.named("Add", &[y, poison], &["outputs"], &[]);
            vec![float("outputs", "the last layer".into())]
        }
        Some(Purpose::Classification { column, classes }) => {
            graph.named("Add", &[y, poison], &["logits"], &[]);

            // An overflow within the network leaves no answer, as a bad input leaves none.
            let doubt = poison_of(graph, "logits");
            let sure = graph.op("Add", &["logits", &doubt]);
            graph.named("Softmax", &[&sure], &["probabilities"], &[("axis", -1)]);

            let class = graph.with("ArgMax", &["logits"], &[("axis", -1), ("keepdims", 0)]);
            let columns = graph.integers("axis_1", &[1]);
            let rows = graph.op("Squeeze", &[&doubt, &columns]);
            let none = graph.op("IsNaN", &[&rows]);
            let minus_one = graph.integers("minus_one", &[-1]);

            graph.named("Where", &[&none, &minus_one, &class], &["class"], &[]);

            let doc = format!("of each class of '{column}': {}", classes.join(", "));
            let which = "the number of the most probable class, from 0; -1 where an input or a logit is not finite";

            vec![
                float("probabilities", doc),
                float("logits", "before the softmax".into()),
                value("class", TensorProto::INT64, 0, which.into()),
            ]
        }
        Some(Purpose::Regression { columns, scale }) => {
            single(scale, "target")?;

            let (sds, means): (Vec<f32>, Vec<f32>) = scale
                .iter()
                .map(Standard::output_pair)
                .map(|[sd, mean]| (sd, mean))
                .unzip();

            let sd = graph.floats("outputs.sd", &[outputs], &sds);
            let mean = graph.floats("outputs.mean", &[outputs], &means);
            let y = graph.op("Add", &[y, poison]);
            let scaled = graph.op("Mul", &[&y, &sd]);

            if !has_offsets(scale) {
                graph.named("Add", &[&scaled, &mean], &["values"], &[]);
                return Ok(vec![float("values", columns.join(", "))]);
            }

            let moved = graph.op("Add", &[&scaled, &mean]);
            let wide = graph.with("Cast", &[&moved], &[("to", TensorProto::DOUBLE.into())]);
            let all: Vec<f64> = scale.iter().map(|s| s.offset).collect();
            let offsets = graph.doubles("outputs.offset", &[outputs], &all);

            graph.named("Add", &[&wide, &offsets], &["values"], &[]);

            vec![value(
                "values",
                TensorProto::DOUBLE,
                outputs,
                columns.join(", "),
            )]
        }
    })
}
