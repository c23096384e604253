//! A little interpreter of ONNX: it decodes a file with messages of its own and evaluates the
//! operators by their definitions (<https://onnx.ai/onnx/operators/>, set 13), in double precision.
//! It knows nothing of how the file was made.

use prost::Message;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphPart>,
    #[prost(message, repeated, tag = "8")]
    sets: Vec<SetPart>,
    #[prost(message, repeated, tag = "14")]
    metadata: Vec<EntryPart>,
}

#[derive(Clone, PartialEq, Message)]
struct SetPart {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
struct EntryPart {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct GraphPart {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<NodePart>,
    #[prost(message, repeated, tag = "5")]
    constants: Vec<ConstantPart>,
    #[prost(message, repeated, tag = "11")]
    inputs: Vec<ValuePart>,
    #[prost(message, repeated, tag = "12")]
    outputs: Vec<ValuePart>,
}

#[derive(Clone, PartialEq, Message)]
struct NodePart {
    #[prost(string, repeated, tag = "1")]
    inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    outputs: Vec<String>,
    #[prost(string, tag = "4")]
    operator: String,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<AttributePart>,
}

#[derive(Clone, PartialEq, Message)]
struct AttributePart {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    i: i64,
    #[prost(int32, tag = "20")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ConstantPart {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    kind: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ValuePart {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<KindPart>,
}

#[derive(Clone, PartialEq, Message)]
struct KindPart {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorPart>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorPart {
    #[prost(int32, tag = "1")]
    elements: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<LengthsPart>,
}

#[derive(Clone, PartialEq, Message)]
struct LengthsPart {
    #[prost(message, repeated, tag = "1")]
    lengths: Vec<LengthPart>,
}

#[derive(Clone, PartialEq, Message)]
struct LengthPart {
    #[prost(int64, optional, tag = "1")]
    number: Option<i64>,
    #[prost(string, optional, tag = "2")]
    name: Option<String>,
}

/// An array; whole numbers are kept as reals, which hold them exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its lengths.
    pub shape: Vec<usize>,
    /// Its elements, in C order.
    pub data: Vec<f64>,
}

/// A decoded file.
pub struct Network(File);

/// Name, kind of elements, and lengths (`None`: as many as there are rows) of an input or output.
pub type Signature = (String, i32, Vec<Option<i64>>);

impl Network {
    /// Decodes a file and checks what every reader of ONNX demands: known versions, a value for
    /// every name before its use, no name twice, constants of the right length.
    pub fn decode(bytes: &[u8]) -> Network {
        let file = File::decode(bytes).unwrap();

        assert!(
            (7..=10).contains(&file.ir_version),
            "version {}",
            file.ir_version
        );

        let sets: Vec<_> = file
            .sets
            .iter()
            .map(|s| (s.domain.as_str(), s.version))
            .collect();

        assert_eq!(sets, [("", 13)], "operators of the standard set alone");

        let graph = file.graph.as_ref().unwrap();
        let mut known: Vec<&String> = graph.inputs.iter().map(|v| &v.name).collect();

        for c in &graph.constants {
            assert!(!known.contains(&&c.name), "'{}' is there twice", c.name);

            let size = match c.kind {
                1 => 4,
                7 | 11 => 8,
                other => panic!("constants of kind {other}"),
            };

            assert_eq!(
                c.raw.len() as i64,
                c.dims.iter().product::<i64>() * size,
                "{}",
                c.name
            );

            known.push(&c.name);
        }

        for node in &graph.nodes {
            assert!(
                node.attributes.iter().all(|a| a.kind == 2),
                "attributes are whole numbers"
            );

            for name in &node.inputs {
                assert!(known.contains(&name), "'{name}' is used before it is there");
            }

            for name in &node.outputs {
                assert!(!known.contains(&name), "'{name}' is there twice");
                known.push(name);
            }
        }

        assert!(
            graph.outputs.iter().all(|v| known.contains(&&v.name)),
            "an output that nothing gives"
        );

        Network(file)
    }

    fn graph(&self) -> &GraphPart {
        self.0.graph.as_ref().unwrap()
    }

    /// How often each operator is used.
    pub fn operators(&self) -> BTreeMap<&str, usize> {
        let mut count = BTreeMap::new();
        self.graph()
            .nodes
            .iter()
            .for_each(|n| *count.entry(n.operator.as_str()).or_default() += 1);
        count
    }

    /// What goes in and what comes out.
    pub fn signature(&self) -> (Vec<Signature>, Vec<Signature>) {
        let one = |v: &ValuePart| {
            let tensor = v.kind.as_ref().unwrap().tensor.as_ref().unwrap();

            let length = |l: &LengthPart| match (&l.number, &l.name) {
                (Some(n), None) => Some(*n),
                (None, Some(name)) if name == "batch" => None,
                other => panic!("length {other:?}"),
            };

            (
                v.name.clone(),
                tensor.elements,
                tensor
                    .shape
                    .as_ref()
                    .unwrap()
                    .lengths
                    .iter()
                    .map(length)
                    .collect(),
            )
        };

        (
            self.graph().inputs.iter().map(one).collect(),
            self.graph().outputs.iter().map(one).collect(),
        )
    }

    /// The entry of the metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.0
            .metadata
            .iter()
            .find(|e| e.key == key)
            .map(|e| e.value.as_str())
    }

    /// The outputs, by name, for rows of inputs.
    pub fn run(&self, x: Array) -> BTreeMap<String, Array> {
        let graph = self.graph();
        let mut values = BTreeMap::from([(graph.inputs[0].name.clone(), x)]);

        for c in &graph.constants {
            let data = match c.kind {
                1 => c
                    .raw
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|b| f32::from_le_bytes(*b).into())
                    .collect(),
                11 => c
                    .raw
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|b| f64::from_le_bytes(*b))
                    .collect(),
                _ => c
                    .raw
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|b| i64::from_le_bytes(*b) as f64)
                    .collect(),
            };

            let shape = c.dims.iter().map(|&n| n as usize).collect();
            values.insert(c.name.clone(), Array { shape, data });
        }

        for node in &graph.nodes {
            let inputs: Vec<&Array> = node.inputs.iter().map(|name| &values[name]).collect();
            let outputs = evaluate(node, &inputs);
            assert_eq!(outputs.len(), node.outputs.len(), "{}", node.operator);
            values.extend(node.outputs.iter().cloned().zip(outputs));
        }

        graph
            .outputs
            .iter()
            .map(|v| (v.name.clone(), values[&v.name].clone()))
            .collect()
    }
}

impl NodePart {
    fn attribute(&self, name: &str, default: i64) -> i64 {
        self.attributes
            .iter()
            .find(|a| a.name == name)
            .map_or(default, |a| a.i)
    }
}

fn evaluate(node: &NodePart, x: &[&Array]) -> Vec<Array> {
    let each = |f: fn(f64) -> f64| {
        vec![Array {
            shape: x[0].shape.clone(),
            data: x[0].data.iter().map(|&a| f(a)).collect(),
        }]
    };

    let both = |f: fn(f64, f64) -> f64| vec![broadcast(x[0], x[1], f)];

    match node.operator.as_str() {
        "Add" => both(|a, b| a + b),
        "Sub" => both(|a, b| a - b),
        "Mul" => both(|a, b| a * b),
        "Div" => both(|a, b| a / b),
        "Min" => both(f64::min),
        "Identity" => each(|a| a),
        "Relu" => each(|a| a.max(0.0)),
        "Tanh" => each(f64::tanh),
        "Sin" => each(f64::sin),
        "Sigmoid" => each(|a| 1.0 / (1.0 + (-a).exp())),
        "Elu" => each(|a| if a < 0.0 { a.exp() - 1.0 } else { a }),
        "Softplus" => each(|a| a.max(0.0) + (-a.abs()).exp().ln_1p()),
        "Floor" => each(f64::floor),
        "Cast" => match node.attribute("to", 0) {
            1 => each(|a| f64::from(a as f32)),
            7 => {
                assert!(
                    x[0].data.iter().all(|a| a.is_finite()),
                    "what is not finite makes no whole number"
                );
                each(f64::trunc)
            }
            11 => each(|a| a),
            other => panic!("a cast to {other}"),
        },
        "IsNaN" => each(|a| f64::from(u8::from(a.is_nan()))),
        "Where" => {
            // One of the two where the condition is 1, by NumPy's rule for the shapes of all three.
            let shaped = |a: &Array| broadcast(a, &broadcast(x[1], x[2], |_, _| 0.0), |a, _| a);
            let (condition, one) = (shaped(x[0]), broadcast(x[1], x[0], |a, _| a));
            let (one, other) = (
                broadcast(&one, &condition, |a, _| a),
                broadcast(x[2], &condition, |a, _| a),
            );

            let pick = |i: usize| {
                if condition.data[i] == 1.0 {
                    one.data[i]
                } else {
                    other.data[i]
                }
            };

            vec![Array {
                data: (0..condition.data.len()).map(pick).collect(),
                shape: condition.shape.clone(),
            }]
        }
        "ReduceSum" => {
            assert!(
                node.attribute("keepdims", 1) == 1 && x[1].data == [1.0] && x[0].shape.len() == 2
            );

            let data = x[0]
                .data
                .chunks(x[0].shape[1])
                .map(|row| row.iter().sum())
                .collect();

            vec![Array {
                shape: vec![x[0].shape[0], 1],
                data,
            }]
        }
        "Clip" => {
            assert!(x[1].shape.is_empty() && x[2].shape.is_empty());
            let (low, high) = (x[1].data[0], x[2].data[0]);
            vec![Array {
                shape: x[0].shape.clone(),
                data: x[0].data.iter().map(|a| a.max(low).min(high)).collect(),
            }]
        }
        "Gemm" => vec![gemm(node, x)],
        "MatMul" => vec![matmul(x[0], x[1])],
        "Gather" => {
            assert!(node.attribute("axis", 0) == 0 && x[0].shape.len() == 1);
            vec![Array {
                shape: x[1].shape.clone(),
                data: x[1].data.iter().map(|&i| x[0].data[i as usize]).collect(),
            }]
        }
        "Unsqueeze" | "Squeeze" => {
            let (mut shape, at) = (x[0].shape.clone(), x[1].data[0] as usize);

            if node.operator == "Squeeze" {
                assert_eq!(shape.remove(at), 1);
            } else {
                shape.insert(at, 1);
            }

            vec![Array {
                shape,
                data: x[0].data.clone(),
            }]
        }
        "Split" => split(node, x),
        "Concat" => vec![concat(node, x)],
        "Softmax" => rows(node, x[0], |row| {
            let top = row.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            let total: f64 = row.iter().map(|y| (y - top).exp()).sum();
            row.iter().map(|y| (y - top).exp() / total).collect()
        }),
        "ArgMax" => {
            assert!(
                node.attribute("keepdims", 1) == 0 && node.attribute("select_last_index", 0) == 0
            );

            let mut found = rows(node, x[0], |row| {
                let top = row.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b));
                // Of a row without a number it may be any place.
                vec![row.iter().position(|&y| y == top).unwrap_or(0) as f64]
            });

            found[0].shape.pop();
            found
        }
        other => panic!("the operator '{other}' is not known here"),
    }
}

/// Along the last axis.
fn rows(node: &NodePart, x: &Array, f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<Array> {
    assert_eq!(
        node.attribute("axis", if node.operator == "Softmax" { -1 } else { 0 }),
        -1
    );

    let data: Vec<f64> = x
        .data
        .chunks(*x.shape.last().unwrap())
        .flat_map(f)
        .collect();

    let lines: usize = x.shape[..x.shape.len() - 1].iter().product();
    let shape = [&x.shape[..x.shape.len() - 1], &[data.len() / lines]].concat();
    vec![Array { shape, data }]
}

/// NumPy's rule.
fn broadcast(a: &Array, b: &Array, f: fn(f64, f64) -> f64) -> Array {
    let rank = a.shape.len().max(b.shape.len());
    let padded = |s: &[usize]| [vec![1; rank - s.len()], s.to_vec()].concat();
    let (sa, sb) = (padded(&a.shape), padded(&b.shape));

    let shape: Vec<usize> = sa
        .iter()
        .zip(&sb)
        .map(|(&m, &n)| {
            assert!(
                m == n || m == 1 || n == 1,
                "{:?} and {:?}",
                a.shape,
                b.shape
            );

            m.max(n)
        })
        .collect();

    let place = |own: &[usize], index: &[usize]| {
        own.iter()
            .zip(index)
            .fold(0, |at, (&n, &i)| at * n + if n == 1 { 0 } else { i })
    };

    let total: usize = shape.iter().product();
    let data = (0..total).map(|mut flat| {
        let mut index = vec![0; rank];
        for axis in (0..rank).rev() {
            index[axis] = flat % shape[axis];
            flat /= shape[axis];
        }
        f(a.data[place(&sa, &index)], b.data[place(&sb, &index)])
    });

    Array {
        data: data.collect(),
        shape,
    }
}

fn gemm(node: &NodePart, x: &[&Array]) -> Array {
    assert!(node.attribute("transA", 0) == 0 && node.attribute("transB", 0) == 1);

    let ([rows, inner], [outputs, inputs]) = (&x[0].shape[..], &x[1].shape[..]) else {
        panic!("two matrices")
    };

    assert_eq!(inner, inputs);

    let dot = |i: usize| {
        let (row, column) = (i / outputs, i % outputs);
        let (a, b) = (
            &x[0].data[row * inner..][..*inner],
            &x[1].data[column * inner..][..*inner],
        );
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    };

    let product = Array {
        shape: vec![*rows, *outputs],
        data: (0..rows * outputs).map(dot).collect(),
    };

    broadcast(&product, x[2], |a, b| a + b)
}

/// Of a matrix or a stack of them, and one matrix.
fn matmul(a: &Array, b: &Array) -> Array {
    let inner = *a.shape.last().unwrap();
    assert_eq!(inner, b.shape[0]);

    let columns = b.shape[1];

    let row = |row: &[f64]| -> Vec<f64> {
        (0..columns)
            .map(|j| {
                row.iter()
                    .enumerate()
                    .map(|(i, x)| x * b.data[i * columns + j])
                    .sum()
            })
            .collect()
    };

    let mut shape = a.shape.clone();
    *shape.last_mut().unwrap() = columns;
    Array {
        shape,
        data: a.data.chunks(inner).flat_map(row).collect(),
    }
}

fn split(node: &NodePart, x: &[&Array]) -> Vec<Array> {
    assert!(node.attribute("axis", 0) == 1 && x[0].shape.len() == 2);

    let width = x[0].shape[1];
    assert_eq!(x[1].data.iter().sum::<f64>(), width as f64);

    let mut start = 0;

    let part = |&n: &f64| {
        let n = n as usize;

        let data = x[0]
            .data
            .chunks(width)
            .flat_map(|row| row[start..start + n].to_vec())
            .collect();

        start += n;
        Array {
            shape: vec![x[0].shape[0], n],
            data,
        }
    };

    x[1].data.iter().map(part).collect()
}

fn concat(node: &NodePart, x: &[&Array]) -> Array {
    assert_eq!(node.attribute("axis", 0), 1);

    let rows = x[0].shape[0];
    let row = |i: usize| {
        x.iter()
            .flat_map(move |a| a.data[i * a.shape[1]..(i + 1) * a.shape[1]].to_vec())
    };

    Array {
        shape: vec![rows, x.iter().map(|a| a.shape[1]).sum()],
        data: (0..rows).flat_map(row).collect(),
    }
}
