//! The whole network: standardisation, layers, probabilities or values.

use super::graph::{Graph, value};
use super::proto::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, ValueInfoProto};
use super::{IR_VERSION, OPSET, Way, activation};
use crate::activations::Activations;
use crate::data::tabular::{Purpose, Standard};
use crate::interchange::about::blocks;
use crate::model::Model;
use anyhow::{Context, Result, ensure};
use ldnn_core::{Kind, Shape};
use prost::Message;

/// What inputs and outputs mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meaning<'a> {
    /// Names of the inputs; empty if they have none.
    pub features: &'a [String],
    /// How they are standardised; empty if they are not.
    pub inputs: &'a [Standard],
    /// What is predicted; `None` if nobody said.
    pub purpose: Option<&'a Purpose>,
}

/// The bytes of an ONNX file. `learned` are the sub-networks that the network's tables were made from.
///
/// # Errors
/// If the network is malformed, sub-networks are asked for that are not known, or a scale is none in single precision.
pub fn model(network: &Model, learned: Option<&Activations>, way: Way, meaning: Meaning) -> Result<Vec<u8>> {
    let mut graph = Graph::default();
    let shape = network.network()?.shape;
    let types = types(network, &shape, learned, way)?;
    let inputs = shape.inputs();
    let standardised = standardise(&mut graph, meaning.inputs)?;
    let outputs = layers(&mut graph, network, &shape, &types, &standardised);
    let outputs = finish(&mut graph, &outputs, shape.outputs(), meaning.purpose)?;
    let names = if meaning.features.is_empty() { String::new() } else { format!(": {}", meaning.features.join(", ")) };
    let input = value("input", TensorProto::FLOAT, inputs, format!("rows of raw inputs{names}"));
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
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPSET) }],
        metadata_props: metadata(meaning)?,
    };
    Ok(file.encode_to_vec())
}

/// Names as JSON lists.
fn metadata(meaning: Meaning) -> Result<Vec<StringStringEntryProto>> {
    let mut entries = vec![];
    let mut put = |key: &str, names: &[String]| -> Result<()> {
        let value = Some(serde_json::to_string(names)?);
        entries.push(StringStringEntryProto { key: Some(key.into()), value });
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
fn types(network: &Model, shape: &Shape, learned: Option<&Activations>, way: Way) -> Result<Vec<(Kind, Vec<f32>)>> {
    let own = |t: usize| {
        let kind = shape.kind(t);
        (kind, network.params[shape.type_at(t)..][..kind.param_len()].to_vec())
    };
    let of = |t: usize| match (way, shape.kind(t)) {
        (Way::Subnets, Kind::Table(_)) => {
            let known = learned.filter(|l| l.types.len() == shape.types()).and_then(|l| l.types.get(t));
            let known = known.context(
                "the file does not hold the sub-networks that the network's tables were made from; use --onnx-activations tables",
            )?;
            let direct = known.direct()?;
            let samples = matches!(direct.0, Kind::Table(_));
            ensure!(!samples, "its activations are samples, not sub-networks; use --onnx-activations tables");
            Ok(direct)
        }
        _ => Ok(own(t)),
    };
    (0..shape.types()).map(of).collect()
}

/// `((x - mean) - rest) / sd`: the mean in two parts, so that its rounding to single precision costs nothing.
fn standardise(graph: &mut Graph, inputs: &[Standard]) -> Result<String> {
    graph.place = "standardise".into();
    if inputs.iter().all(|s| s.mean == 0.0 && s.sd == 1.0) {
        return Ok("input".into());
    }
    let (means, rests, sds) = single(inputs, "input")?;
    let n = inputs.len();
    let mean = graph.floats("inputs.mean", &[n], &means);
    let mut x = graph.op("Sub", &["input", &mean]);
    if rests.iter().any(|&r| r != 0.0) {
        let rest = graph.floats("inputs.mean_rest", &[n], &rests);
        x = graph.op("Sub", &[&x, &rest]);
    }
    let sd = graph.floats("inputs.sd", &[n], &sds);
    Ok(graph.op("Div", &[&x, &sd]))
}

/// Means, what their rounding to single precision lost, and standard deviations.
fn single(scale: &[Standard], what: &str) -> Result<(Vec<f32>, Vec<f32>, Vec<f32>)> {
    for (i, s) in scale.iter().enumerate() {
        let good = (s.mean as f32).is_finite() && (s.sd as f32).is_normal();
        ensure!(
            good,
            "{what} {}: its mean {:e} or standard deviation {:e} has no form in single precision; scale the column first",
            i + 1,
            s.mean,
            s.sd
        );
    }
    let means: Vec<f32> = scale.iter().map(|s| s.mean as f32).collect();
    let rests = scale.iter().zip(&means).map(|(s, &m)| (s.mean - f64::from(m)) as f32).collect();
    Ok((means, rests, scale.iter().map(|s| s.sd as f32).collect()))
}

/// Layer by layer, weights as PyTorch has them.
fn layers(graph: &mut Graph, network: &Model, shape: &Shape, types: &[(Kind, Vec<f32>)], input: &str) -> String {
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
        let parts = split(graph, l, &z, &blocks.iter().map(|b| (b.end - b.start) as i64).collect::<Vec<_>>());
        let done = blocks.iter().zip(&parts).map(|(block, part)| {
            let (kind, phi) = &types[block.activation];
            activation::apply(graph, &format!("activations.{}", block.activation), *kind, phi, part)
        });
        let done: Vec<String> = done.collect();
        h = match &done[..] {
            [one] => one.clone(),
            many => graph.with("Concat", &many.iter().map(String::as_str).collect::<Vec<_>>(), &[("axis", 1)]),
        };
    }
    h
}

/// Columns of these widths.
fn split(graph: &mut Graph, l: usize, z: &str, widths: &[i64]) -> Vec<String> {
    if widths.len() == 1 {
        return vec![z.into()];
    }
    let parts: Vec<String> = (0..widths.len()).map(|i| format!("{}/part_{i}", graph.place)).collect();
    let lengths = graph.integers(&format!("layers.{l}.blocks"), widths);
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    graph.named("Split", &[z, &lengths], &names, &[("axis", 1)]);
    parts
}

/// From the last layer to what the user wants.
fn finish(graph: &mut Graph, y: &str, outputs: usize, purpose: Option<&Purpose>) -> Result<Vec<ValueInfoProto>> {
    graph.place = "outputs".into();
    let float = |name, doc: String| value(name, TensorProto::FLOAT, outputs, doc);
    Ok(match purpose {
        None => {
            graph.named("Identity", &[y], &["outputs"], &[]);
            vec![float("outputs", "the last layer".into())]
        }
        Some(Purpose::Classification { column, classes }) => {
            graph.named("Softmax", &[y], &["probabilities"], &[("axis", -1)]);
            graph.named("Identity", &[y], &["logits"], &[]);
            graph.named("ArgMax", &[y], &["class"], &[("axis", -1), ("keepdims", 0)]);
            let doc = format!("of each class of '{column}': {}", classes.join(", "));
            vec![
                float("probabilities", doc),
                float("logits", "before the softmax".into()),
                value("class", TensorProto::INT64, 0, "the number of the most probable class, from 0".into()),
            ]
        }
        Some(Purpose::Regression { columns, scale }) => {
            let (means, rests, sds) = single(scale, "target")?;
            let sd = graph.floats("outputs.sd", &[outputs], &sds);
            let scaled = graph.op("Mul", &[y, &sd]);
            let rest = graph.floats("outputs.mean_rest", &[outputs], &rests);
            let moved = graph.op("Add", &[&scaled, &rest]);
            let mean = graph.floats("outputs.mean", &[outputs], &means);
            graph.named("Add", &[&moved, &mean], &["values"], &[]);
            vec![float("values", columns.join(", "))]
        }
    })
}
