//! Gradients and Hessian-vector products against central differences, in double precision.

use ldnn_core::network::{Direction, Network, Pass, Workspace};
use ldnn_core::table::TableForm;
use ldnn_core::{Activation, Base, Derivatives, Plain, Shape};
use ldnn_tests::tolerance::{GRADIENT, HESSIAN, SYMMETRY};
use ldnn_tests::{Loss, Problem, central_difference, learned, outputs, random, relative_error};

const LOSSES: [Loss; 2] = [Loss::CrossEntropy, Loss::SquaredError];

/// One, two and three hidden layers.
const WIDTHS: [&[usize]; 3] = [&[3, 7, 4], &[3, 6, 5, 4], &[3, 5, 4, 6, 3]];

/// Every problem of the grid: depth x types x base x loss, noise on.
fn problems() -> impl Iterator<Item = (String, Problem<f64>)> {
    let cases = WIDTHS
        .iter()
        .flat_map(|w| (1..=3).map(move |types| (w, types)));
    cases.flat_map(|(widths, types)| {
        Base::ALL.into_iter().flat_map(move |base| {
            LOSSES.into_iter().map(move |loss| {
                let shape = Shape::new(widths, &learned(base, types));
                let name = format!("{widths:?}, {types} types on {}, {loss:?}", base.name());
                (name, Problem::new(shape, 5, loss, 11).with_noise(0.1))
            })
        })
    })
}

/// Steps that cross no kink of relu or elu in these problems.
fn step_for(shape: &Shape) -> f64 {
    let smooth = (0..shape.types()).all(|t| match shape.activation(t) {
        Activation::Base(base) | Activation::Learned { base, .. } => base.is_smooth(),
        Activation::Table(_) => false,
    });
    if smooth { 1e-3 } else { 1e-5 }
}

fn check_gradient(name: &str, problem: &Problem<f64>) {
    let (_, gradient) = problem.gradient_at(&problem.params);
    let mut numeric = vec![0.0; gradient.len()];
    for (i, n) in numeric.iter_mut().enumerate() {
        let mut unit = vec![0.0; gradient.len()];
        unit[i] = 1.0;
        let loss = |p: &[f64]| vec![problem.gradient_at(p).0];
        *n = central_difference(loss, &problem.params, &unit, step_for(&problem.shape))[0];
    }

    let error = relative_error(&numeric, &gradient);
    assert!(error <= GRADIENT, "{name}: gradient is off by {error:.1e}");
}

fn check_product(name: &str, problem: &Problem<f64>) {
    let v = random::<f64>(problem.params.len(), 1);
    let (_, product) = problem.product(&v);
    let gradient = |p: &[f64]| problem.gradient_at(p).1;
    let numeric = central_difference(gradient, &problem.params, &v, step_for(&problem.shape));
    let error = relative_error(&numeric, &product);

    assert!(
        error <= HESSIAN,
        "{name}: Hessian product is off by {error:.1e}"
    );
}

#[test]
fn gradients_are_those_of_central_differences() {
    problems().for_each(|(name, problem)| check_gradient(&name, &problem));
}

#[test]
fn hessian_products_are_those_of_central_differences() {
    problems().for_each(|(name, problem)| check_product(&name, &problem));
}

#[test]
fn bases_alone_and_mixed_with_learned_types_have_the_right_derivatives() {
    for base in Base::ALL {
        let alone = Shape::new(&[3, 6, 4], &[Activation::Base(base)]);

        let mixed = Shape::new(
            &[3, 7, 4],
            &[
                Activation::Base(base),
                Activation::Learned {
                    base: Base::Sine,
                    units: 3,
                },
            ],
        );

        for shape in [alone, mixed] {
            let problem = Problem::new(shape, 5, Loss::CrossEntropy, 3);
            check_gradient(base.name(), &problem);
            // A network whose loss has no curvature in the first layer has a product as well: of
            // the last layer.
            check_product(base.name(), &problem);
        }
    }
}

#[test]
fn layers_with_types_of_their_own_have_the_right_derivatives() {
    let shape = Shape::new(&[3, 5, 6, 4], &learned(Base::Tanh, 3));
    let shape = shape
        .with_layer_types(0, 0, 2)
        .unwrap()
        .with_layer_types(1, 2, 1)
        .unwrap();

    let problem = Problem::new(shape, 5, Loss::CrossEntropy, 2);
    check_gradient("own types", &problem);
    check_product("own types", &problem);
}

#[test]
fn the_hessian_is_symmetric() {
    for (name, problem) in problems() {
        let (u, v) = (
            random::<f64>(problem.params.len(), 1),
            random::<f64>(problem.params.len(), 2),
        );
        let ((_, hu), (_, hv)) = (problem.product(&u), problem.product(&v));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let size = dot(&hu, &hu).sqrt() * dot(&v, &v).sqrt();
        let error = (dot(&u, &hv) - dot(&v, &hu)).abs() / size;

        assert!(
            error <= SYMMETRY,
            "{name}: u.Hv and v.Hu differ by {error:.1e}"
        );
    }
}

#[test]
fn the_product_in_the_weights_alone_is_a_part_of_the_joint_one() {
    let (_, problem) = problems().next().unwrap();
    let theta = problem.shape.theta_len();
    let mut direction = random::<f64>(problem.params.len(), 1);
    direction[theta..].fill(0.0);

    let (_, joint) = problem.product(&direction);
    let mut part = vec![0.0; theta];
    let shape = &problem.shape;
    let mut memory = vec![0.0; shape.workspace_len(problem.rows(), Pass::SecondOrder)];
    let mut workspace =
        Workspace::new(shape, problem.rows(), Pass::SecondOrder, &mut memory).unwrap();
    let network = Network::new(shape, &problem.params).unwrap();
    let direction = Direction::Weights(&direction[..theta]);

    network
        .hessian_product(&problem.batch(), direction, &mut part, &mut workspace)
        .unwrap();

    assert_eq!(part, joint[..theta]);
}

#[test]
fn hidden_activations_come_with_their_slopes_and_curvatures() {
    let mut activations = learned(Base::Sine, 2);
    activations.push(Activation::Base(Base::Tanh));

    let problem = Problem::<f64>::new(
        Shape::new(&[3, 8, 7, 2], &activations),
        5,
        Loss::CrossEntropy,
        11,
    );
    let (shape, rows) = (&problem.shape, problem.rows());

    let look = |params: &[f64], layer: usize| {
        let len = rows * shape.width(layer + 1);
        let [mut value, mut slope, mut curvature] =
            [vec![0.0; len], vec![0.0; len], vec![0.0; len]];
        let mut memory = vec![0.0; shape.workspace_len(rows, Pass::SecondOrder)];
        let mut workspace = Workspace::new(shape, rows, Pass::SecondOrder, &mut memory).unwrap();
        let network = Network::new(shape, params).unwrap();

        let out = Derivatives {
            value: &mut value,
            slope: &mut slope,
            curvature: &mut curvature,
        };

        network
            .hidden_derivatives(layer, &problem.x, out, &mut workspace)
            .unwrap();

        let mut alone = vec![0.0; len];
        network
            .hidden(layer, &problem.x, &mut alone, &mut workspace)
            .unwrap();

        assert_eq!(alone, value);

        (value, slope, curvature)
    };

    for layer in 0..2 {
        // Biases move pre-activations one by one.
        let mut direction = vec![0.0; problem.params.len()];
        let at = shape.biases_at(layer);
        direction[at..at + shape.width(layer + 1)].fill(1.0);

        let (_, slope, curvature) = look(&problem.params, layer);
        let slopes = central_difference(|p| look(p, layer).0, &problem.params, &direction, 1e-3);
        let curvatures =
            central_difference(|p| look(p, layer).1, &problem.params, &direction, 1e-3);

        assert!(relative_error(&slope, &slopes) < GRADIENT);
        assert!(relative_error(&curvature, &curvatures) < HESSIAN);
    }

    // The last hidden layer, mapped by the last weights, is the output.
    let (value, ..) = look(&problem.params, 1);
    let out = problem.outputs(Plain);
    let (w, b) = (
        &problem.params[shape.weights_at(2)..],
        &problem.params[shape.biases_at(2)..],
    );
    let by_hand =
        |r: usize, o: usize| b[o] + (0..7).map(|j| w[o * 7 + j] * value[r * 7 + j]).sum::<f64>();
    let expected: Vec<f64> = (0..rows)
        .flat_map(|r| (0..2).map(move |o| (r, o)))
        .map(|(r, o)| by_hand(r, o))
        .collect();

    assert!(relative_error(&out, &expected) < SYMMETRY);

    let mut memory = vec![0.0; shape.workspace_len(rows, Pass::Forward)];
    let mut workspace = Workspace::new(shape, rows, Pass::Forward, &mut memory).unwrap();
    let network = Network::new(shape, &problem.params).unwrap();
    let error = network.hidden(2, &problem.x, &mut [], &mut workspace);

    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("hidden layer 2 is not there; the network has 2")
    );
}

#[test]
fn an_activation_by_itself_has_the_derivatives_of_central_differences() {
    let form = TableForm::of_learned(Base::Tanh, 0, 9, 2.0);
    let learned = Activation::Learned {
        base: Base::Sine,
        units: 5,
    };

    // More points than the kernels take at a time, none of them within two steps of a knot, where a
    // table has no second derivative.
    let step = 1e-4;
    let z: Vec<f64> = (0..150).map(|i| -1.987 + 0.0265 * f64::from(i)).collect();

    for activation in [
        learned,
        Activation::Table(form),
        Activation::TANH,
        Activation::SIGMOID,
    ] {
        let phi = random::<f64>(activation.param_len(), 3);
        let [mut value, mut slope, mut curvature] =
            [vec![0.0; z.len()], vec![0.0; z.len()], vec![0.0; z.len()]];

        let out = Derivatives {
            value: &mut value,
            slope: &mut slope,
            curvature: &mut curvature,
        };

        activation.eval_derivatives(&phi, &z, out).unwrap();

        let at = |z: &[f64]| {
            let mut out = vec![0.0; z.len()];
            activation.eval(&phi, z, &mut out).unwrap();
            out
        };

        assert_eq!(at(&z), value);

        let ones = vec![1.0; z.len()];
        assert!(
            relative_error(&central_difference(at, &z, &ones, step), &slope) < GRADIENT,
            "{activation:?}"
        );

        let slopes = |z: &[f64]| {
            let [mut value, mut slope, mut curvature] =
                [vec![0.0; z.len()], vec![0.0; z.len()], vec![0.0; z.len()]];

            let out = Derivatives {
                value: &mut value,
                slope: &mut slope,
                curvature: &mut curvature,
            };

            activation.eval_derivatives(&phi, z, out).unwrap();
            slope
        };

        assert!(
            relative_error(&central_difference(slopes, &z, &ones, step), &curvature) < HESSIAN,
            "{activation:?}"
        );
    }
}

#[test]
fn an_activation_by_itself_is_what_a_network_of_one_neuron_computes() {
    let z: Vec<f64> = (0..150).map(|i| -2.0 + 0.0265 * f64::from(i)).collect();

    for activation in [
        Activation::Learned {
            base: Base::Elu,
            units: 5,
        },
        Activation::Table(TableForm::fixed(9, 1.5)),
        Activation::RELU,
    ] {
        let phi = random::<f64>(activation.param_len(), 3);
        let mut alone = vec![0.0; z.len()];
        activation.eval(&phi, &z, &mut alone).unwrap();

        let params = [&[1.0, 0.0, 1.0, 0.0], &phi[..]].concat();
        assert_eq!(
            alone,
            outputs(Plain, &Shape::new(&[1, 1, 1], &[activation]), &params, &z),
            "{activation:?}"
        );
    }
}
