//! Activations as standard operators: base functions, sub-networks, and tables.

use super::graph::Graph;
use super::proto::TensorProto;
use ldnn_core::table::TableForm;
use ldnn_core::{Activation, Base, SUBNET_SCALE};

/// Type `activation` with its parameters, applied to the value `z` of rows x neurons. `name` begins the
/// names of its constants.
pub fn apply(
    graph: &mut Graph,
    name: &str,
    activation: Activation,
    phi: &[f32],
    z: &str,
) -> String {
    match activation {
        Activation::Base(base) => base_function(graph, base, z),
        Activation::Learned { base, units } => {
            let sum = subnet(graph, name, units, phi, z);
            plus_base(graph, base, z, sum)
        }
        Activation::Table(form) => {
            let table = table(graph, name, form, phi, z);
            plus_base(graph, form.base, z, table)
        }
    }
}

fn plus_base(graph: &mut Graph, base: Base, z: &str, rest: String) -> String {
    if base == Base::Zero {
        return rest;
    }
    let base = base_function(graph, base, z);
    graph.op("Add", &[&base, &rest])
}

fn base_function(graph: &mut Graph, base: Base, z: &str) -> String {
    match base {
        Base::Zero => {
            let zero = graph.float("zero", 0.0);
            graph.op("Mul", &[z, &zero])
        }
        Base::Identity => z.into(),
        Base::Relu => graph.op("Relu", &[z]),
        Base::Tanh => graph.op("Tanh", &[z]),
        Base::Sigmoid => graph.op("Sigmoid", &[z]),
        Base::Sine => graph.op("Sin", &[z]),
        // Its alpha is 1 if nothing is said.
        Base::Elu => graph.op("Elu", &[z]),
        Base::Swish => {
            let gate = graph.op("Sigmoid", &[z]);
            graph.op("Mul", &[z, &gate])
        }
        Base::Gelu => gelu(graph, z),
        Base::Softplus => graph.op("Softplus", &[z]),
        Base::Snake => {
            let sine = graph.op("Sin", &[z]);
            let square = graph.op("Mul", &[&sine, &sine]);
            graph.op("Add", &[z, &square])
        }
    }
}

/// `z (1 + tanh(k z (1 + a z^2))) / 2`: the operator of this name is of a later version of ONNX.
fn gelu(graph: &mut Graph, z: &str) -> String {
    let (k, a) = (
        graph.float("gelu_k", 0.797_884_6),
        graph.float("gelu_a", 0.044_715),
    );
    let (one, half) = (graph.float("one", 1.0), graph.float("half", 0.5));

    let square = graph.op("Mul", &[z, z]);
    let scaled = graph.op("Mul", &[&square, &a]);
    let factor = graph.op("Add", &[&scaled, &one]);
    let straight = graph.op("Mul", &[z, &k]);
    let inside = graph.op("Mul", &[&straight, &factor]);
    let tanh = graph.op("Tanh", &[&inside]);
    let gate = graph.op("Add", &[&tanh, &one]);
    let twice = graph.op("Mul", &[z, &gate]);

    graph.op("Mul", &[&twice, &half])
}

/// `0.2 (v . tanh(u z + c) + d)`: the hidden units are a third axis.
fn subnet(graph: &mut Graph, name: &str, units: usize, phi: &[f32], z: &str) -> String {
    let part = |i: usize| &phi[i * units..(i + 1) * units];
    let u = graph.floats(&format!("{name}.u"), &[units], part(0));
    let c = graph.floats(&format!("{name}.c"), &[units], part(1));
    let v = graph.floats(&format!("{name}.v"), &[units, 1], part(2));
    let d = graph.float(&format!("{name}.d"), phi[3 * units]);
    let scale = graph.float("subnet_scale", SUBNET_SCALE as f32);
    let last = graph.integers("axis_2", &[2]);
    let z = graph.op("Unsqueeze", &[z, &last]);
    let a = graph.op("Mul", &[&z, &u]);
    let a = graph.op("Add", &[&a, &c]);
    let hidden = graph.op("Tanh", &[&a]);
    let sum = graph.op("MatMul", &[&hidden, &v]);
    let sum = graph.op("Squeeze", &[&sum, &last]);
    let sum = graph.op("Add", &[&sum, &d]);

    graph.op("Mul", &[&sum, &scale])
}

/// The cubic of the cell that `z` lies in, and beyond the ends the line with the slope there.
///
/// The four coefficients of every cell are constants; in the cell, `t` goes from 0 to 1.
fn table(graph: &mut Graph, name: &str, form: TableForm, phi: &[f32], z: &str) -> String {
    let last = (form.knots - 1) as f32;
    let range = graph.float(&format!("{name}.range"), form.range);
    let per_spacing = graph.float(
        &format!("{name}.per_spacing"),
        (1.0 / form.spacing()) as f32,
    );
    let zero = graph.float("zero", 0.0);
    let last_knot = graph.float(&format!("{name}.last_knot"), last);

    let last_cell = graph.float(&format!("{name}.last_cell"), last - 1.0);

    let from_start = graph.op("Add", &[z, &range]);
    let position = graph.op("Mul", &[&from_start, &per_spacing]);
    let clipped = graph.op("Clip", &[&position, &zero, &last_knot]);
    let floor = graph.op("Floor", &[&clipped]);
    let cell = graph.op("Min", &[&floor, &last_cell]);
    let t = graph.op("Sub", &[&clipped, &cell]);
    let beyond = graph.op("Sub", &[&position, &clipped]);

    // NaN has no cell, and a whole batch would be refused for its index; `t` and `beyond` keep it.
    let none = graph.op("IsNaN", &[&cell]);
    let valid = graph.op("Where", &[&none, &zero, &cell]);
    let index = graph.with("Cast", &[&valid], &[("to", TensorProto::INT64.into())]);

    let cells = coefficients(phi, form.knots);

    let [c0, c1, c2, c3] = std::array::from_fn(|i| {
        let column: Vec<f32> = cells.iter().map(|c| c[i]).collect();
        let constant = graph.floats(&format!("{name}.c{i}"), &[cells.len()], &column);
        graph.with("Gather", &[&constant, &index], &[("axis", 0)])
    });

    let sum = times_plus(graph, &t, &c3, &c2);
    let sum = times_plus(graph, &t, &sum, &c1);
    let inside = times_plus(graph, &t, &sum, &c0);

    // The slope c1 + t (2 c2 + t 3 c3); `beyond` is 0 inside.
    let (two, three) = (graph.float("two", 2.0), graph.float("three", 3.0));
    let (c2, c3) = (
        graph.op("Mul", &[&c2, &two]),
        graph.op("Mul", &[&c3, &three]),
    );
    let slope = times_plus(graph, &t, &c3, &c2);
    let slope = times_plus(graph, &t, &slope, &c1);

    times_plus(graph, &beyond, &slope, &inside)
}

/// `a b + c`
fn times_plus(graph: &mut Graph, a: &str, b: &str, c: &str) -> String {
    let product = graph.op("Mul", &[a, b]);
    graph.op("Add", &[&product, c])
}

/// Value, slope and the two bends of every cell, from values and slopes at the knots; in the order
/// of the core's operations.
fn coefficients(phi: &[f32], knots: usize) -> Vec<[f32; 4]> {
    let cell = |i: usize| {
        let [y0, m0, y1, m1] = [phi[2 * i], phi[2 * i + 1], phi[2 * i + 2], phi[2 * i + 3]];
        let rise = y1 - y0;
        let c3 = (m0 + m1) - (rise + rise);
        [y0, m0, (rise - m0) - c3, c3]
    };
    (0..knots - 1).map(cell).collect()
}
