//! The edges of arithmetic: huge logits, classes without rows, denormal numbers, rates of 0 and
//! 1e9. `docs/numerics.md` says what comes of each; here it is held to.

use approx::assert_abs_diff_eq;
use ldnn_core::meta::{Datasets, Draw, OuterLoss, Unroll};
use ldnn_core::network::{Batch, Data, Direction, Init, Network, Pass, Target, Workspace};
use ldnn_core::online::{Answer, CLIP, OnlineTrainer, Rates};
use ldnn_core::schedule::Schedule;
use ldnn_core::table::TableForm;
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry, fill};
use ldnn_core::{Activation, Base, Error, Optimizer, Plain, Real, Shape};
use ldnn_tests::program::{refuse, succeed};
use ldnn_tests::{Loss, Problem, gradient, outputs, unrolled};
use serde_json::Value;
use std::fs;
use tempfile::tempdir;

/// A linear model: its biases are the logits.
const LOGITS: Shape = Shape::new(&[1, 3], &[]);

/// Loss and gradient in the biases for one row with these logits.
fn of_logits<T: Real>(logits: [f64; 3], label: u16) -> (f64, [f64; 3]) {
    let mut params = vec![T::ZERO; 6];
    params[3..]
        .iter_mut()
        .zip(logits)
        .for_each(|(p, l)| *p = T::from_f64(l));

    let (labels, x) = ([label], [T::ZERO]);

    let batch = Batch::all(
        Data {
            x: &x,
            target: Target::Classes(&labels),
        },
        1,
    );

    let (loss, grad) = gradient(&LOGITS, &params, &batch);
    let mut memory = vec![T::ZERO; LOGITS.workspace_len(1, Pass::SecondOrder)];
    let mut workspace = Workspace::new(&LOGITS, 1, Pass::SecondOrder, &mut memory).unwrap();
    let network = Network::new(&LOGITS, &params).unwrap();
    let score = network.evaluate(&batch, &mut workspace).unwrap();

    assert_eq!(
        score.loss.to_f64().to_bits(),
        loss.to_f64().to_bits(),
        "loss and gradient disagree"
    );

    let direction = vec![T::ONE; 6];
    let mut product = vec![T::ZERO; 6];

    network
        .hessian_product(
            &batch,
            Direction::All(&direction),
            &mut product,
            &mut workspace,
        )
        .unwrap();

    if logits.iter().all(|l| l.is_finite()) {
        assert!(product.iter().all(|p| p.is_finite()), "{product:?}");
    }

    (
        loss.to_f64(),
        [grad[3].to_f64(), grad[4].to_f64(), grad[5].to_f64()],
    )
}

fn huge_logits<T: Real>(huge: f64) {
    assert_eq!(
        of_logits::<T>([huge, 0.0, -huge], 0),
        (0.0, [0.0, 0.0, 0.0])
    );

    let (loss, grad) = of_logits::<T>([huge, 0.0, -huge], 1);
    assert_eq!(
        (T::from_f64(loss), grad),
        (T::from_f64(huge), [1.0, -1.0, 0.0])
    );

    let (loss, grad) = of_logits::<T>([huge, 0.0, -huge], 2);
    assert_eq!(
        (T::from_f64(loss), grad),
        (T::from_f64(2.0 * huge), [1.0, 0.0, -1.0])
    );

    let (loss, grad) = of_logits::<T>([huge; 3], 2);
    assert_abs_diff_eq!(loss, 3f64.ln(), epsilon = 1e-6);
    assert_abs_diff_eq!(grad[2], -(2.0 / 3.0), epsilon = 1e-6);
}

#[test]
fn logits_of_1e30_give_the_exact_loss_and_a_bounded_gradient() {
    huge_logits::<f32>(1e30);
    huge_logits::<f64>(1e30);
    huge_logits::<f64>(1e300);
}

#[test]
fn a_loss_that_no_number_holds_is_infinite_and_its_gradient_is_not() {
    assert_eq!(
        of_logits::<f32>([3e38, 0.0, -3e38], 2),
        (f64::INFINITY, [1.0, 0.0, -1.0])
    );
}

#[test]
fn a_logit_that_is_infinite_or_none_makes_the_loss_none() {
    for bad in [f64::INFINITY, f64::NAN] {
        let (loss, _) = of_logits::<f32>([bad, 0.0, 0.0], 0);
        assert!(loss.is_nan(), "{bad}: {loss}");
    }

    // Minus infinity is a probability of 0.
    let (loss, grad) = of_logits::<f32>([f64::NEG_INFINITY, 0.0, 0.0], 1);
    assert_abs_diff_eq!(loss, 2f64.ln(), epsilon = 1e-6);

    assert!(grad[0] == 0.0, "{loss} {grad:?}");
    assert_eq!(
        of_logits::<f32>([f64::NEG_INFINITY, 0.0, 0.0], 0).0,
        f64::INFINITY
    );
}

#[test]
fn on_the_device_huge_logits_do_the_same() {
    for (logits, label) in [
        ([1e30f32, 0.0, -1e30], 0),
        ([1e30, 0.0, -1e30], 2),
        ([3e38, 0.0, -3e38], 2),
    ] {
        let mut theta = [0.0f32; 6];
        theta[3..].copy_from_slice(&logits);

        let mut work = vec![0.0; LOGITS.online_len()];

        let rates = Rates {
            theta: 0.0,
            knots: 0.0,
            clip: CLIP,
        };

        let loss = OnlineTrainer {
            shape: &LOGITS,
            theta: &mut theta,
            types: &mut [],
            rates,
            work: &mut work,
        }
        .step(&[0.0], Answer::Class(label));

        // A loss that is infinite there is refused here.
        let expected = of_logits::<f32>(logits.map(f64::from), label).0;
        let expected = if expected.is_finite() {
            Ok(expected)
        } else {
            Err(Error::Diverges("the loss"))
        };

        assert_eq!(loss.map(f64::from), expected, "{logits:?}");
        assert_eq!(theta[3..], logits);
    }
}

#[test]
fn a_class_without_rows_is_pushed_down_and_nothing_else_happens() {
    let shape = Shape::new(&[2, 4, 5], &[Activation::Base(Base::Tanh)]);
    let problem = Problem::<f32>::new(shape, 6, Loss::CrossEntropy, 3);
    let labels = [1u16, 1, 3, 3, 3, 1];

    let batch = Batch::all(
        Data {
            x: &problem.x,
            target: Target::Classes(&labels),
        },
        2,
    );

    let (loss, grad) = gradient(&shape, &problem.params, &batch);
    let biases = &grad[shape.biases_at(1)..][..5];

    assert!(loss.is_finite() && grad.iter().all(|g| g.is_finite()));
    assert!(
        biases[0] > 0.0 && biases[2] > 0.0 && biases[4] > 0.0 && biases[1] < 0.0 && biases[3] < 0.0,
        "{biases:?}"
    );
}

#[test]
fn denormal_numbers_are_numbers() {
    // Nothing flushes them to 0: a weight, an input and a result of 1e-40.
    let shape = Shape::new(&[1, 1], &[]);

    assert_eq!(outputs(Plain, &shape, &[1e-40f32, 0.0], &[1.0]), [1e-40]);
    assert_eq!(outputs(Plain, &shape, &[1.0f32, 0.0], &[1e-45]), [1e-45]);
    assert_eq!(Real::exp(-100.0f32), 3.78e-44);
    assert_eq!(Real::tanh(1e-45f32), 1e-45);
    assert_eq!(Base::Elu.value(-1e-45f32), -1e-45);

    // A table has the same value at all of them: they are far within one rounding of its position.
    let form = TableForm::fixed(5, 1.0);
    let table: Vec<f32> = (0..5)
        .flat_map(|i| [form.knot::<f32>(i) + 0.5, 0.5])
        .collect();
    let mut out = [0.0; 3];

    Activation::Table(form)
        .eval(&table, &[0.0, 1e-45, -1e-40], &mut out)
        .unwrap();

    assert_eq!(out, [0.5; 3]);
}

#[test]
fn a_table_has_its_own_values_at_its_exact_ends_and_goes_on_from_there() {
    let knots = Knots {
        low: -1.0,
        high: 1.0,
        count: 9,
    };

    for form in [Form::Hermite, Form::Linear, Form::Pairs] {
        let mut entries = vec![0.0; form.entries(9)];
        fill(form, knots, |z| (z * z, 2.0 * z), &mut entries).unwrap();

        let table = Compact::new(form, knots, Symmetry::None, Base::Zero, &entries).unwrap();
        let value = |z: f32| table.jet(z).0;

        assert_eq!([value(-1.0), value(1.0)], [1.0, 1.0], "{form:?}");

        let (next, before) = (
            f32::from_bits(1.0f32.to_bits() + 1),
            f32::from_bits(1.0f32.to_bits() - 1),
        );
        for z in [next, before, -next, -before] {
            assert!((value(z) - 1.0).abs() < 1e-6, "{form:?} {z}");
        }

        assert_eq!(
            [value(f32::INFINITY), value(f32::NEG_INFINITY)],
            [f32::INFINITY; 2],
            "{form:?}"
        );

        assert!(value(f32::NAN).is_nan(), "{form:?}");
    }
}

const OPTIMIZERS: [fn(f32) -> Optimizer<f32>; 4] = [
    |lr| Optimizer::Sgd { lr, momentum: 0.8 },
    |lr| Optimizer::RmsProp {
        lr,
        decay: 0.8,
        epsilon: 1e-8,
        start: 1.0,
    },
    |lr| Optimizer::Adam {
        lr,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
    },
    |lr| Optimizer::AdamW {
        lr,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.3,
    },
];

fn learned() -> Problem<f32> {
    let shape = Shape::new(
        &[3, 6, 2],
        &[Activation::Learned {
            base: Base::Sine,
            units: 4,
        }; 2],
    );
    Problem::new(shape, 12, Loss::CrossEntropy, 9)
}

/// The losses of so many steps, NaN for one that is refused, and the parameters after them.
fn train(problem: &Problem<f32>, optimizer: Optimizer<f32>, steps: usize) -> (Vec<f32>, Vec<f32>) {
    let (losses, params) = problem.trained(Plain, &optimizer, steps);
    (
        losses
            .into_iter()
            .map(|loss| loss.unwrap_or(f32::NAN))
            .collect(),
        params,
    )
}

#[test]
fn a_rate_of_0_moves_no_bit() {
    let problem = learned();
    for optimizer in OPTIMIZERS {
        let (losses, params) = train(&problem, optimizer(0.0), 5);
        assert!(losses.iter().all(|l| *l == losses[0]));
        let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&params), bits(&problem.params), "{:?}", optimizer(0.0));
    }
}

/// Outer loss, hypergradient and trained weights.
fn outer(problem: &Problem<f32>, optimizer: Optimizer<f32>) -> (f32, Vec<f32>, Vec<f32>) {
    let (shape, outer) = (problem.shape, OuterLoss::Train { last: 6 });

    let plan = Unroll {
        shape,
        untaped: 0,
        steps: 6,
        batch: 12,
        shuffle: false,
        noise: 0.0,
        init: Init::FanIn,
        optimizer,
        schedule: Schedule::CONSTANT,
        outer,
        segment: 6,
    };

    let data = Datasets {
        train: problem.data(),
        held_out: problem.data(),
    };
    let phi = &problem.params[shape.theta_len()..];

    let out = unrolled(
        Plain,
        &plan,
        data,
        Draw {
            seed: 9,
            outer_step: 0,
        },
        phi,
    );

    (out.outcome.outer_loss, out.dphi, out.trained)
}

#[test]
fn the_hypergradient_of_a_rate_of_0_is_the_gradient_at_the_start() {
    let problem = learned();
    let shape = problem.shape;

    for optimizer in OPTIMIZERS {
        let (loss, dphi, trained) = outer(&problem, optimizer(0.0));
        let start = [&trained[..], &problem.params[shape.theta_len()..]].concat();
        let (here, grad) = gradient(&shape, &start, &problem.batch());

        // Six equal losses, a sixth of each.
        assert_abs_diff_eq!(loss, here, epsilon = 1e-6);

        for (a, b) in dphi.iter().zip(&grad[shape.theta_len()..]) {
            assert_abs_diff_eq!(a, b, epsilon = 1e-6 + 1e-5 * b.abs());
        }
    }
}

#[test]
fn a_rate_of_1e9_shows_in_the_loss_and_ends_every_time() {
    let problem = learned();

    for optimizer in OPTIMIZERS {
        let (losses, params) = train(&problem, optimizer(1e9), 20);
        assert!(
            params.iter().all(|p| p.is_finite()),
            "what diverges is refused before a parameter is lost"
        );
        assert!(losses[0].is_finite() && losses[0] < 3.0);

        assert!(
            losses[1..]
                .iter()
                .all(|l| !l.is_finite() || *l > 1e3 || *l < 1e-3),
            "{losses:?}"
        );

        let (loss, dphi, trained) = outer(&problem, optimizer(1e9));
        assert!(!loss.is_finite() || loss > 1e3, "{loss}");
        assert_eq!(
            (dphi.len(), trained.len()),
            (problem.shape.phi_len(), problem.shape.theta_len())
        );
    }
}

const META: [&str; 11] = [
    "meta",
    "-q",
    "--hidden",
    "8",
    "--units",
    "4",
    "--inner-steps",
    "6",
    "--outer-last",
    "3",
    "--steps",
];
const VALIDATE: [&str; 9] = [
    "validate", "-q", "--hidden", "8", "--runs", "2", "--epochs", "2", "--out",
];

#[test]
fn a_run_whose_rate_is_1e9_is_retried_at_smaller_ones_says_so_and_has_finite_activations() {
    let dir = tempdir().unwrap();

    let args = [
        &META[..],
        &[
            "9",
            "--base",
            "identity",
            "--inner-lr",
            "1e9",
            "--out",
            "run",
        ],
    ]
    .concat();

    let said = succeed(dir.path(), &args);
    assert!(
        said.contains("the inner learning rate lowered to"),
        "{said}"
    );

    let history = fs::read_to_string(dir.path().join("run/history.jsonl")).unwrap();
    assert!(
        history.lines().next().unwrap().contains("\"retries\":"),
        "{history}"
    );

    // Not-a-number is no JSON, and an absent number would be `null`.
    let text = fs::read_to_string(dir.path().join("run/activations.json")).unwrap();

    assert!(
        serde_json::from_str::<Value>(&text).is_ok() && !text.contains("null"),
        "{text}"
    );
}

#[test]
fn trainings_that_all_diverge_are_counted_and_have_no_mean() {
    let dir = tempdir().unwrap();

    let table = succeed(
        dir.path(),
        &[
            &VALIDATE[..],
            &["v", "--compare", "identity,tanh", "--lr", "1e9"],
        ]
        .concat(),
    );

    let row = table.lines().find(|l| l.contains("identity")).unwrap();
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();

    assert_eq!(
        cells[1..6],
        ["identity", "0", "-", "-", "all diverged"],
        "{table}"
    );

    assert_eq!(cells[8], "2", "{table}");
    assert!(!table.contains("NaN"), "{table}");
}

#[test]
fn a_rate_of_0_is_refused_before_anything_is_written() {
    let dir = tempdir().unwrap();
    let zero = |base: &[&str], more: &[&str]| refuse(dir.path(), &[base, more].concat(), 2);

    for message in [
        zero(&META, &["9", "--inner-lr", "0", "--out", "a"]),
        zero(&META, &["9", "--outer-lr", "0", "--out", "a"]),
        zero(&VALIDATE, &["a", "--compare", "tanh", "--lr", "0"]),
    ] {
        assert!(
            message.contains("0: must be a positive number"),
            "{message}"
        );
    }

    assert!(!dir.path().join("a").exists());
}
