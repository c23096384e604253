//! A graph in the making: operators and constants with names.

use super::proto::{
    AttributeProto, DimensionProto, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};

/// Operators and constants so far.
#[derive(Default)]
pub struct Graph {
    /// The operators, in order.
    pub nodes: Vec<NodeProto>,
    /// The constants.
    pub constants: Vec<TensorProto>,
    /// What the names of new values begin with.
    pub place: String,
}

impl Graph {
    /// Appends an operator of one output; the name of that.
    pub fn op(&mut self, op: &str, inputs: &[&str]) -> String {
        self.with(op, inputs, &[])
    }

    /// The same with settings.
    pub fn with(&mut self, op: &str, inputs: &[&str], attributes: &[(&str, i64)]) -> String {
        let name = format!("{}/{op}_{}", self.place, self.nodes.len());
        self.named(op, inputs, &[&name], attributes);
        name
    }

    /// The same with outputs of these names.
    pub fn named(
        &mut self,
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, i64)],
    ) {
        let own = |names: &[&str]| names.iter().map(ToString::to_string).collect();

        let attribute = |&(name, i): &(&str, i64)| AttributeProto {
            name: Some(name.into()),
            i: Some(i),
            r#type: Some(AttributeProto::INT),
        };

        self.nodes.push(NodeProto {
            input: own(inputs),
            output: own(outputs),
            name: Some(format!("node_{}", self.nodes.len())),
            op_type: Some(op.into()),
            attribute: attributes.iter().map(attribute).collect(),
        });
    }

    /// A constant of single precision; one of the same name is the same.
    pub fn floats(&mut self, name: &str, dims: &[usize], numbers: &[f32]) -> String {
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(name, dims, TensorProto::FLOAT, bytes)
    }

    /// A constant of double precision.
    pub fn doubles(&mut self, name: &str, dims: &[usize], numbers: &[f64]) -> String {
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(name, dims, TensorProto::DOUBLE, bytes)
    }

    /// A single number.
    pub fn float(&mut self, name: &str, number: f32) -> String {
        self.floats(name, &[], &[number])
    }

    /// A vector of whole numbers.
    pub fn integers(&mut self, name: &str, numbers: &[i64]) -> String {
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(name, &[numbers.len()], TensorProto::INT64, bytes)
    }

    fn constant(&mut self, name: &str, dims: &[usize], kind: i32, bytes: Vec<u8>) -> String {
        if !self
            .constants
            .iter()
            .any(|t| t.name.as_deref() == Some(name))
        {
            self.constants.push(TensorProto {
                dims: dims.iter().map(|&n| n as i64).collect(),
                data_type: Some(kind),
                name: Some(name.into()),
                raw_data: Some(bytes),
            });
        }

        name.into()
    }
}

/// What a value is: as many rows as are given, and columns (0: none, a vector).
pub fn value(name: &str, kind: i32, columns: usize, doc: String) -> ValueInfoProto {
    let rows = DimensionProto {
        dim_value: None,
        dim_param: Some("batch".into()),
    };
    let columns = DimensionProto {
        dim_value: Some(columns as i64),
        dim_param: None,
    };

    let dim = if columns.dim_value == Some(0) {
        vec![rows]
    } else {
        vec![rows, columns]
    };

    let tensor = TensorTypeProto {
        elem_type: Some(kind),
        shape: Some(TensorShapeProto { dim }),
    };
    let kind = TypeProto {
        tensor_type: Some(tensor),
    };

    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(kind),
        doc_string: Some(doc),
    }
}
