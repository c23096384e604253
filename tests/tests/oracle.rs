//! The batched, planed, tiled walk against the plainest possible computation: one row at a time,
//! formula by formula.

use ldnn_core::{Activation, Base, SUBNET_SCALE, Shape};
use ldnn_tests::tolerance::ORACLE;
use ldnn_tests::{Loss, Problem, central_difference, learned, relative_error};

fn base(base: Base, z: f64) -> f64 {
    match base {
        Base::Zero => 0.0,
        Base::Identity => z,
        Base::Relu => z.max(0.0),
        Base::Tanh => z.tanh(),
        Base::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        Base::Sine => z.sin(),
        Base::Elu => {
            if z > 0.0 {
                z
            } else {
                z.exp_m1()
            }
        }
        Base::Swish => z / (1.0 + (-z).exp()),
        Base::Gelu => {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (z + 0.044715 * z.powi(3));
            0.5 * z * (1.0 + u.tanh())
        }
        Base::Softplus => z.max(0.0) + (-z.abs()).exp().ln_1p(),
        Base::Snake => z + z.sin().powi(2),
    }
}

fn activation(activation: Activation, phi: &[f64], z: f64) -> f64 {
    match activation {
        Activation::Base(b) => base(b, z),
        Activation::Learned { base: b, units } => {
            let (u, rest) = phi.split_at(units);
            let (c, rest) = rest.split_at(units);
            let (v, d) = rest.split_at(units);
            let hidden: f64 = (0..units).map(|k| v[k] * (u[k] * z + c[k]).tanh()).sum();
            base(b, z) + SUBNET_SCALE * (hidden + d[0])
        }
        Activation::Table(_) => unreachable!("tables have their own test"),
    }
}

/// Blocks of neurons by type: equal ones, and the remainder to the last types.
fn type_of(neuron: usize, width: usize, types: usize) -> usize {
    let (small, larger) = (width / types, width % types);
    let from_small = small * (types - larger);
    if neuron < from_small {
        neuron / small
    } else {
        types - larger + (neuron - from_small) / (small + 1)
    }
}

/// The outputs for one row, `params = [W1 | b1 | W2 | b2 | ... | phi]`, W outputs x inputs.
fn outputs(shape: &Shape, params: &[f64], row: &[f64]) -> Vec<f64> {
    let mut h = row.to_vec();
    let mut at = 0;

    for l in 0..shape.layers() {
        let (inputs, width) = (shape.width(l), shape.width(l + 1));
        let (w, b) = (
            &params[at..at + inputs * width],
            &params[at + inputs * width..][..width],
        );

        at += (inputs + 1) * width;

        let z: Vec<f64> = (0..width)
            .map(|o| b[o] + (0..inputs).map(|i| w[o * inputs + i] * h[i]).sum::<f64>())
            .collect();
        let hidden = l + 1 < shape.layers();

        let of = |(j, &z): (usize, &f64)| {
            if !hidden {
                return z;
            }
            let t = type_of(j, width, shape.types());
            activation(shape.activation(t), &params[shape.type_at(t)..], z)
        };

        h = z.iter().enumerate().map(of).collect();
    }

    h
}

fn loss(problem: &Problem<f64>, params: &[f64]) -> f64 {
    let shape = &problem.shape;
    let rows = problem.x.chunks(shape.inputs());

    let of = |(i, row): (usize, &[f64])| {
        let y = outputs(shape, params, row);

        match problem.data().target {
            ldnn_core::network::Target::Classes(labels) => {
                let total: f64 = y.iter().map(|v| v.exp()).sum();
                total.ln() - y[usize::from(labels[i])]
            }
            ldnn_core::network::Target::Values(values) => {
                let wanted = &values[i * y.len()..][..y.len()];
                y.iter()
                    .zip(wanted)
                    .map(|(a, b)| (a - b).powi(2))
                    .sum::<f64>()
                    / y.len() as f64
            }
        }
    };

    rows.enumerate().map(of).sum::<f64>() / problem.rows() as f64
}

#[test]
fn the_loss_is_that_of_the_formulas_one_row_at_a_time() {
    // Widths that do not divide by the number of types, and batches that fill no tile.
    for widths in [&[3, 7, 4][..], &[5, 11, 6, 2], &[1, 3, 2], &[17, 33, 10]] {
        for (types, rows) in [(1, 1), (2, 7), (3, 33)] {
            for which in [Loss::CrossEntropy, Loss::SquaredError] {
                let problem = Problem::new(
                    Shape::new(widths, &learned(Base::Sine, types)),
                    rows,
                    which,
                    8,
                );

                let (ours, _) = problem.gradient_at(&problem.params);
                let plain = loss(&problem, &problem.params);
                let error = (ours - plain).abs() / plain;

                assert!(
                    error <= ORACLE,
                    "{widths:?}, {types} types, {rows} rows, {which:?}: {error:.1e}"
                );
            }
        }
    }
}

#[test]
fn the_gradient_is_that_of_the_formulas() {
    let problem = Problem::new(
        Shape::new(&[3, 7, 5, 4], &learned(Base::Tanh, 2)),
        9,
        Loss::CrossEntropy,
        8,
    );

    let (_, gradient) = problem.gradient_at(&problem.params);
    let numeric: Vec<f64> = (0..gradient.len())
        .map(|i| {
            let mut unit = vec![0.0; gradient.len()];
            unit[i] = 1.0;
            central_difference(|p| vec![loss(&problem, p)], &problem.params, &unit, 1e-3)[0]
        })
        .collect();

    assert!(relative_error(&numeric, &gradient) < 1e-8);
}

#[test]
fn every_neuron_has_one_type_and_blocks_are_contiguous() {
    for width in 1..40 {
        for types in 1..=width.min(7) {
            let shape = Shape::new(&[2, width, 2], &learned(Base::Sine, types));
            let mut next = 0;

            for t in 0..types {
                let (start, end) = shape.block(0, t);
                assert_eq!(start, next);
                assert!(
                    (start..end).all(|j| type_of(j, width, types) == t),
                    "{width} neurons, {types} types"
                );
                next = end;
            }

            assert_eq!(next, width, "no neuron is lost");
        }
    }
}
