//! The derivative of a whole training, against central differences in double precision.

use approx::assert_abs_diff_eq;
use ldnn_core::meta::{Alternating, Datasets, Draw, OuterLoss, Unroll};
use ldnn_core::network::{Init, Noise, Pass, Workspace, init_theta};
use ldnn_core::schedule::{Decay, Schedule};
use ldnn_core::train::Trainer;
use ldnn_core::{Base, Optimizer, Plain, Shape};
use ldnn_tests::tolerance::HYPERGRADIENT;
use ldnn_tests::{
    Loss, Problem, Unrolled, central_difference, gradient, learned, relative_error, unrolled,
};

const ROWS: usize = 11;

const OPTIMIZERS: [Optimizer<f64>; 5] = [
    Optimizer::Sgd {
        lr: 0.1,
        momentum: 0.8,
    },
    Optimizer::RmsProp {
        lr: 0.01,
        decay: 0.8,
        epsilon: 1e-8,
        start: 1.0,
    },
    // Without the warm start the first steps are steps of the sign, hardly differentiable in
    // numbers: a larger epsilon.
    Optimizer::RmsProp {
        lr: 0.01,
        decay: 0.8,
        epsilon: 1e-2,
        start: 0.0,
    },
    Optimizer::Adam {
        lr: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-2,
    },
    // 0.01 * 20: a fifth of each weight goes with every step.
    Optimizer::AdamW {
        lr: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-2,
        weight_decay: 20.0,
    },
];

const OUTER: [OuterLoss; 3] = [
    OuterLoss::Train { last: 8 },
    OuterLoss::Train { last: 3 },
    OuterLoss::HeldOut { last: 4, batch: 3 },
];

fn plan(shape: Shape, optimizer: Optimizer<f64>, outer: OuterLoss, segment: usize) -> Unroll<f64> {
    // 11 rows in batches of 4: the last batch of an epoch is smaller, and 8 steps reach into the
    // third epoch.
    Unroll {
        shape,
        untaped: 0,
        steps: 8,
        batch: 4,
        shuffle: true,
        noise: 0.1,
        init: Init::FanIn,
        optimizer,
        schedule: Schedule::CONSTANT,
        outer,
        segment,
    }
}

fn run(
    plan: &Unroll<f64>,
    train: &Problem<f64>,
    held_out: &Problem<f64>,
    phi: &[f64],
) -> Unrolled<f64> {
    let data = Datasets {
        train: train.data(),
        held_out: held_out.data(),
    };

    unrolled(
        Plain,
        plan,
        data,
        Draw {
            seed: 7,
            outer_step: 3,
        },
        phi,
    )
}

fn problems(base: Base, loss: Loss) -> (Shape, Problem<f64>, Problem<f64>) {
    let shape = Shape::new(&[3, 5, 3], &learned(base, 2));
    (
        shape,
        Problem::new(shape, ROWS, loss, 1),
        Problem::new(shape, 6, loss, 2),
    )
}

#[test]
fn the_hypergradient_is_that_of_central_differences_for_every_rule_and_outer_loss() {
    for (optimizer, outer) in OPTIMIZERS
        .into_iter()
        .flat_map(|r| OUTER.into_iter().map(move |o| (r, o)))
    {
        for (base, loss) in [
            (Base::Sine, Loss::CrossEntropy),
            (Base::Zero, Loss::SquaredError),
        ] {
            let (shape, train, held_out) = problems(base, loss);
            let plan = plan(shape, optimizer, outer, 8);
            let phi = &train.params[shape.theta_len()..];
            let answer = run(&plan, &train, &held_out, phi);
            let outer_loss =
                |phi: &[f64]| vec![run(&plan, &train, &held_out, phi).outcome.outer_loss];
            let mut numeric = vec![0.0; phi.len()];

            for (i, n) in numeric.iter_mut().enumerate() {
                let mut unit = vec![0.0; phi.len()];
                unit[i] = 1.0;
                *n = central_difference(outer_loss, phi, &unit, 1e-3)[0];
            }

            let error = relative_error(&numeric, &answer.dphi);
            assert!(
                error <= HYPERGRADIENT,
                "{optimizer:?}, {outer:?}, {base:?}, {loss:?}: off by {error:.1e}"
            );
        }
    }
}

/// Steps before the first that is taped, and a rate that rises and falls over those that are.
const UNTAPED: usize = 5;
const FALLING: Schedule = Schedule {
    decay: Decay::Linear,
    warmup: 2,
    steps: 8,
};

/// The mean of the last losses of a training in the open: on all rows in order, the first steps
/// with the activations at `start`, the others with `phi`.
fn trained_by_hand(
    optimizer: Optimizer<f64>,
    train: &Problem<f64>,
    [start, phi]: [&[f64]; 2],
) -> f64 {
    let shape = &train.shape;
    let theta = shape.theta_len();
    let mut params = vec![0.0; shape.param_len()];
    init_theta(shape, Init::FanIn, 7, 3, &mut params[..theta]).unwrap();
    let mut state = vec![0.0; optimizer.state_len(theta)];
    optimizer.init_state(&mut state);
    let mut losses = vec![];

    for t in 0..UNTAPED + FALLING.steps {
        let (at, factor) = match t.checked_sub(UNTAPED) {
            None => (start, 1.0),
            Some(taped) => (phi, FALLING.factor(taped)),
        };

        params[theta..].copy_from_slice(at);
        let (loss, grad) = gradient(shape, &params, &train.batch());
        let weights = &mut params[..theta];
        optimizer
            .scaled(factor)
            .step(weights, &mut state, &grad[..theta], t)
            .unwrap();
        losses.push(loss);
    }

    losses[losses.len() - 3..].iter().sum::<f64>() / 3.0
}

#[test]
fn nothing_is_differentiated_through_untaped_steps_and_the_rate_follows_its_schedule() {
    for (optimizer, segment) in OPTIMIZERS.into_iter().zip([8, 3, 8, 1, 3]) {
        let (shape, train, held_out) = problems(Base::Sine, Loss::CrossEntropy);
        let plan = Unroll {
            untaped: UNTAPED,
            batch: ROWS,
            shuffle: false,
            noise: 0.0,
            schedule: FALLING,
            ..plan(shape, optimizer, OuterLoss::Train { last: 3 }, segment)
        };

        let phi = &train.params[shape.theta_len()..];
        let answer = run(&plan, &train, &held_out, phi);
        let by_hand = |changed: &[f64]| vec![trained_by_hand(optimizer, &train, [phi, changed])];
        assert_abs_diff_eq!(by_hand(phi)[0], answer.outcome.outer_loss, epsilon = 1e-12);

        let numeric: Vec<f64> = (0..phi.len())
            .map(|i| {
                let mut unit = vec![0.0; phi.len()];
                unit[i] = 1.0;
                central_difference(by_hand, phi, &unit, 1e-3)[0]
            })
            .collect();

        let error = relative_error(&numeric, &answer.dphi);
        assert!(error <= HYPERGRADIENT, "{optimizer:?}: off by {error:.1e}");
    }
}

#[test]
fn every_length_of_segment_gives_the_same_bits() {
    for (optimizer, outer) in OPTIMIZERS
        .into_iter()
        .flat_map(|r| OUTER.into_iter().map(move |o| (r, o)))
    {
        let (shape, train, held_out) = problems(Base::Sine, Loss::CrossEntropy);
        let phi = &train.params[shape.theta_len()..];
        let full = run(&plan(shape, optimizer, outer, 8), &train, &held_out, phi);

        for segment in [1, 2, 3, 5, 7] {
            let short = run(
                &plan(shape, optimizer, outer, segment),
                &train,
                &held_out,
                phi,
            );

            assert_eq!(
                short.dphi, full.dphi,
                "{optimizer:?}, {outer:?}, segments of {segment}"
            );

            assert_eq!(
                short.outcome.outer_loss.to_bits(),
                full.outcome.outer_loss.to_bits(),
                "{outer:?}, segments of {segment}"
            );

            assert_eq!(short.trained, full.trained);
        }
    }
}

#[test]
fn a_short_tape_grows_with_the_square_root_of_the_steps() {
    let (shape, ..) = problems(Base::Sine, Loss::CrossEntropy);

    let tape = |steps: usize| {
        let full = Unroll {
            steps,
            segment: steps,
            ..plan(shape, OPTIMIZERS[1], OUTER[0], 1)
        };

        let short = Unroll {
            segment: full.short_segment(),
            ..full
        };

        (full.tape_len(), short.tape_len())
    };

    let ((full, short), (full4, short4)) = (tape(2500), tape(10_000));
    assert!(
        full4 > 3 * full && short4 < 3 * short && 15 * short < full,
        "{full} {short} {full4} {short4}"
    );
}

#[test]
fn the_alternating_schedule_steps_the_activations_once_per_period() {
    let (shape, train, _) = problems(Base::Sine, Loss::CrossEntropy);
    let optimizer = Optimizer::Sgd {
        lr: 0.1,
        momentum: 0.8,
    };

    let plan = Alternating {
        weights: optimizer,
        activations: Optimizer::Sgd {
            lr: 0.5,
            momentum: 0.0,
        },
        period: 3,
        clip: 0.02,
    };

    let (theta, len) = (shape.theta_len(), shape.param_len());
    let (mut params, mut state) = (train.params.clone(), vec![0.0; plan.state_len(&shape)]);
    plan.init_state(&shape, &mut state).unwrap();

    let (mut grad, mut memory) = (
        vec![0.0; len],
        vec![0.0; shape.workspace_len(ROWS, Pass::Backward)],
    );

    for t in 0..7 {
        let before = params.clone();

        let batch = train.batch().with_noise(Some(Noise {
            amplitude: 0.1,
            seed: 1,
            step: t as u64,
        }));

        let mut trainer = Trainer {
            shape: &shape,
            vector: Plain,
            params: &mut params,
            state: &mut state,
            grad: &mut grad,
            workspace: Workspace::new(&shape, ROWS, Pass::Backward, &mut memory).unwrap(),
        };

        plan.step(&mut trainer, &batch, t).unwrap();

        let (_, expected) = gradient(&shape, &before, &batch);
        let moved = params[theta..] != before[theta..];

        assert_eq!(moved, (t + 1) % 3 == 0, "step {t}");

        if moved {
            let by_hand = before[theta..]
                .iter()
                .zip(&expected[theta..])
                .map(|(p, g)| p - 0.5 * g.clamp(-0.02, 0.02));
            for (&found, expected) in params[theta..].iter().zip(by_hand) {
                assert_abs_diff_eq!(found, expected, epsilon = 1e-14);
            }
        }
    }
}
