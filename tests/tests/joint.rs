//! Weights and tables that learn together: the step against its parts, and the penalty on bent
//! tables against its definition.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use ldnn_core::network::{Batch, Data, Init, Network, Pass, Target, Workspace, Wrt, init_theta};
use ldnn_core::table::{TableForm, fill};
use ldnn_core::train::{Joint, Trainer};
use ldnn_core::{Activation, Base, Derivatives, Optimizer, Plain, Shape};

const FORM: TableForm = TableForm::fixed(9, 3.0);
const SHAPE: Shape = Shape::new(
    &[2, 6, 1],
    &[Activation::Table(FORM), Activation::Table(FORM)],
);
const X: [f64; 8] = [0.3, -1.2, 2.5, 0.1, -0.7, 1.9, -4.0, 0.4];
const Y: [f64; 4] = [0.5, -1.0, 0.25, 2.0];

fn batch() -> Batch<'static, f64> {
    let data = Data {
        x: &X,
        target: Target::Values(&Y),
    };
    Batch::all(data, SHAPE.inputs())
}

/// Weights of seed 1, a table of the tanh and one of the sine.
fn start() -> Vec<f64> {
    let mut params = vec![0.0; SHAPE.param_len()];
    let (theta, phi) = params.split_at_mut(SHAPE.theta_len());
    let (tanh, sine) = phi.split_at_mut(FORM.param_len());
    init_theta(&SHAPE, Init::FanIn, 1, 0, theta).unwrap();
    fill(Activation::Base(Base::Tanh), &[], FORM, tanh).unwrap();
    fill(Activation::Base(Base::Sine), &[], FORM, sine).unwrap();

    params
}

/// A trainer's step on `params` and `state`.
fn step(joint: &Joint<f64>, params: &mut [f64], state: &mut [f64], t: usize) -> f64 {
    let mut memory = vec![0.0; SHAPE.workspace_len(4, Pass::Backward)];

    let mut trainer = Trainer {
        shape: &SHAPE,
        vector: Plain,
        params,
        state,
        grad: &mut vec![0.0; SHAPE.param_len()],
        workspace: Workspace::new(&SHAPE, 4, Pass::Backward, &mut memory).unwrap(),
    };
    joint.step(&mut trainer, &batch(), t).unwrap()
}

fn gradient(params: &[f64]) -> Vec<f64> {
    let mut memory = vec![0.0; SHAPE.workspace_len(4, Pass::Backward)];
    let mut workspace = Workspace::new(&SHAPE, 4, Pass::Backward, &mut memory).unwrap();
    let mut grad = vec![0.0; SHAPE.param_len()];
    let network = Network::new(&SHAPE, params).unwrap();
    network
        .gradient(&batch(), Wrt::All, &mut grad, &mut workspace)
        .unwrap();

    grad
}

fn adam_w(lr: f64, weight_decay: f64) -> Optimizer<f64> {
    Optimizer::AdamW {
        lr,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay,
    }
}

#[test]
fn a_joint_step_is_one_step_of_each_optimizer_along_one_gradient() {
    let joint = Joint {
        weights: adam_w(0.02, 0.3),
        activations: adam_w(0.002, 0.0),
        smoothing: 0.0,
    };

    let mut params = start();
    let mut state = vec![0.0; joint.state_len(&SHAPE)];
    joint.init_state(&SHAPE, &mut state).unwrap();

    let mut by_hand = start();
    let mut of_weights = vec![0.0; joint.weights.state_len(SHAPE.theta_len())];
    let mut of_tables = vec![0.0; joint.activations.state_len(SHAPE.phi_len())];

    for t in 0..20 {
        step(&joint, &mut params, &mut state, t);

        let grad = gradient(&by_hand);
        let (grad_w, grad_a) = grad.split_at(SHAPE.theta_len());
        let (weights, tables) = by_hand.split_at_mut(SHAPE.theta_len());
        joint
            .weights
            .step(weights, &mut of_weights, grad_w, t)
            .unwrap();
        joint
            .activations
            .step(tables, &mut of_tables, grad_a, t)
            .unwrap();

        assert_eq!(params, by_hand, "step {t}");
    }

    assert_ne!(params[SHAPE.theta_len()..], start()[SHAPE.theta_len()..]);
}

/// The mean square of the second derivative over the range. Within a cell it is a parabola, for
/// which Simpson's rule is exact.
fn bending(table: &[f64]) -> f64 {
    let h = FORM.spacing();

    let square = |z: f64| {
        let (mut value, mut slope, mut curvature) = ([0.0], [0.0], [0.0]);
        let out = Derivatives {
            value: &mut value,
            slope: &mut slope,
            curvature: &mut curvature,
        };
        Activation::Table(FORM)
            .eval_derivatives(table, &[z], out)
            .unwrap();
        curvature[0] * curvature[0]
    };

    let cells = FORM.knots - 1;
    let mean_of_cell = |i: usize| {
        // Just within the cell: the curvature jumps at the knots.
        let (left, right) = (FORM.knot::<f64>(i) + 1e-9, FORM.knot::<f64>(i + 1) - 1e-9);
        (square(left) + 4.0 * square(left + h / 2.0) + square(right)) / 6.0
    };

    (0..cells).map(mean_of_cell).sum::<f64>() / cells as f64
}

/// Gradient descent at rate 1 moves the tables by their gradient: with the penalty, less without.
#[test]
fn the_penalty_is_the_mean_square_of_the_second_derivative() {
    let descent = Optimizer::Sgd {
        lr: 1.0,
        momentum: 0.0,
    };
    let at = |smoothing: f64| {
        let joint = Joint {
            weights: descent,
            activations: descent,
            smoothing,
        };
        let (mut params, mut state) = (start(), vec![0.0; joint.state_len(&SHAPE)]);
        let loss = step(&joint, &mut params, &mut state, 0);
        (loss, params)
    };

    let ((plain_loss, plain), (loss, smoothed)) = (at(0.0), at(0.01));
    assert_eq!(plain_loss, loss, "the loss is that of the batch alone");
    assert_eq!(plain[..SHAPE.theta_len()], smoothed[..SHAPE.theta_len()]);

    for t in 0..SHAPE.types() {
        let at = SHAPE.type_at(t);
        let table = &start()[at..at + FORM.param_len()];

        for i in 0..FORM.param_len() {
            let moved = |by: f64| {
                let mut table = table.to_vec();
                table[i] += by;
                bending(&table)
            };
            let expected = 0.01 * (moved(1e-4) - moved(-1e-4)) / 2e-4;
            assert_relative_eq!(
                plain[at + i] - smoothed[at + i],
                expected,
                epsilon = 1e-8,
                max_relative = 1e-5
            );
        }
    }
}

#[test]
fn a_strong_penalty_makes_tables_straight() {
    let at = |lr: f64| Joint {
        weights: adam_w(0.0, 0.0),
        activations: adam_w(lr, 0.0),
        smoothing: 1e3,
    };

    let mut params = start();
    let mut state = vec![0.0; at(0.0).state_len(&SHAPE)];
    let table = |params: &[f64]| bending(&params[SHAPE.type_at(1)..]);
    let before = table(&params);

    // Smaller and smaller steps: Adam's have one size.
    for t in 0..3000 {
        step(
            &at(0.01 * 0.997f64.powi(t)),
            &mut params,
            &mut state,
            t as usize,
        );
    }

    assert_abs_diff_eq!(table(&params), 0.0, epsilon = 1e-4 * before);
}
