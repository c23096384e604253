//! Learning in place against the gradient of the batch walk, and the knots' against differences.

use ldnn_core::deploy::{AnyActivation, Pipeline};
use ldnn_core::loss::arg_max;
use ldnn_core::network::{Batch, Data, Init, Target, init_theta};
use ldnn_core::online::{Answer, CLIP, OnlineTrainer, Rates, Type};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry, Tunable};
use ldnn_core::{Activation, Base, Error, Shape};
use ldnn_firmware_example::learn;
use ldnn_firmware_example::model::{floats, floats_golden};
use ldnn_tests::gradient;
use proptest::prelude::*;
use std::ops::Range;

fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let number = |i: usize| {
        ((i as u64 + 1)
            .wrapping_mul(seed | 1)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            >> 40) as f32
    };
    (0..n).map(|i| number(i) / (1 << 23) as f32 - 1.0).collect()
}

/// Where the parameters of each layer lie.
fn layers(shape: &Shape) -> Vec<Range<usize>> {
    let ends = (0..shape.layers()).map(|l| shape.biases_at(l) + shape.width(l + 1));
    (0..shape.layers())
        .map(|l| shape.weights_at(l))
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

fn norm(values: &[f32]) -> f64 {
    values
        .iter()
        .map(|&x| f64::from(x).powi(2))
        .sum::<f64>()
        .sqrt()
}

proptest! {
    #[test]
    fn a_step_is_one_of_gradient_descent(
        widths in prop::collection::vec(1usize..14, 2..6), bases in prop::collection::vec(0usize..Base::ALL.len(), 1..4),
        seed: u64, classes: bool, clip in prop::sample::select(vec![0.5f32, 5.0, 1e6]),
    ) {
        let bases: Vec<Base> = bases.into_iter().map(|i| Base::ALL[i]).collect();
        let activations: Vec<Activation> = bases.iter().map(|&b| Activation::Base(b)).collect();
        let Ok(shape) = Shape::try_new(&widths, if widths.len() > 2 { &activations } else { &[] }) else {
            return Ok(());
        };
        let mut types: Vec<Type> =
            bases.iter().take(shape.types()).map(|&b| Type::Frozen(AnyActivation::Base(b))).collect();
        let (mut theta, x) = (numbers(shape.theta_len(), seed), numbers(shape.inputs(), seed ^ 5));
        let (label, values) = ([(seed % shape.outputs() as u64) as u16], numbers(shape.outputs(), seed ^ 9));
        let mut expected = theta.clone();
        let target = if classes { Target::Classes(&label) } else { Target::Values(&values) };
        let batch = Batch::range(Data { x: &x, target }, 0, 1);
        let (expected_loss, grad) = gradient(&shape, &theta, &batch);
        for layer in layers(&shape) {
            let factor = 0.05 * (f64::from(clip) / norm(&grad[layer.clone()])).min(1.0) as f32;
            expected[layer.clone()].iter_mut().zip(&grad[layer]).for_each(|(p, g)| *p -= factor * g);
        }
        let answer = if classes { Answer::Class(label[0]) } else { Answer::Values(&values) };
        let rates = Rates { theta: 0.05, knots: 0.0, clip };
        let loss = OnlineTrainer { shape: &shape, theta: &mut theta, types: &mut types, rates, work: &mut vec![0.0; shape.online_len()] }.step(&x, answer).unwrap();
        prop_assert!((loss - expected_loss).abs() <= 1e-5 * (1.0 + loss.abs()), "{loss} for {expected_loss}");
        for (i, (&a, &b)) in theta.iter().zip(&expected).enumerate() {
            // The rate is multiplied in before the input, not after.
            prop_assert!((a - b).abs() <= 3e-6 * (1.0 + b.abs()), "parameter {i}: {a} for {b}");
        }
    }
}

#[test]
fn knots_move_by_their_gradient() {
    let shape = Shape::new(
        &[3, 4, 2],
        &[Activation::Base(Base::Zero), Activation::Base(Base::Zero)],
    );

    let knots = Knots {
        low: -1.5,
        high: 1.5,
        count: 7,
    };

    let (theta, x) = (numbers(shape.theta_len(), 3), numbers(3, 8));
    let start = [numbers(7, 21), numbers(7, 22)];

    let loss = |entries: &[Vec<f32>; 2], rates: Rates| {
        let mut moved = entries.clone();
        let [a, b] = &mut moved;
        let mut types = [a, b].map(|e| Type::Tunable(Tunable::new(knots, e).unwrap()));
        let mut work = vec![0.0; shape.online_len()];

        let loss = OnlineTrainer {
            shape: &shape,
            theta: &mut theta.clone(),
            types: &mut types,
            rates,
            work: &mut work,
        }
        .step(&x, Answer::Class(1))
        .unwrap();

        (loss, moved)
    };

    let still = Rates {
        theta: 0.0,
        knots: 0.0,
        clip: CLIP,
    };

    let (_, moved) = loss(
        &start,
        Rates {
            theta: 0.0,
            knots: 1.0,
            clip: CLIP,
        },
    );

    let mut touched = 0;

    for t in 0..2 {
        for i in 0..7 {
            let at = |by: f32| {
                let mut entries = start.clone();
                entries[t][i] += by;
                loss(&entries, still).0
            };

            let difference = (at(0.01) - at(-0.01)) / 0.02;
            let gradient = start[t][i] - moved[t][i];

            assert!(
                (gradient - difference).abs() < 1e-3,
                "type {t}, knot {i}: {gradient} for {difference}"
            );

            touched += usize::from(gradient != 0.0);
        }
    }

    assert!(
        (4..=8).contains(&touched),
        "four neurons lie between two knots each; {touched} moved"
    );
}

#[test]
fn learning_goes_down_with_frozen_and_with_tunable_activations() {
    let shape = Shape::new(&[2, 8, 2], &[Activation::Base(Base::Zero)]);

    let knots = Knots {
        low: -2.0,
        high: 2.0,
        count: 17,
    };

    let xor = [
        ([-1.0, -1.0], 0),
        ([-1.0, 1.0], 1),
        ([1.0, -1.0], 1),
        ([1.0, 1.0], 0),
    ];

    let learn = |knot_rate: Option<f32>| {
        let mut entries: Vec<f32> = (0..17)
            .map(|i| (f64::from(i - 8) / 4.0).tanh() as f32)
            .collect();
        let mut theta = numbers(shape.theta_len(), 77);
        let mut work = vec![0.0; shape.online_len()];
        let mut total = 0.0;
        let tunable = Type::Tunable(Tunable::new(knots, &mut entries).unwrap());

        let mut types = [if knot_rate.is_some() {
            tunable
        } else {
            Type::Frozen(AnyActivation::Base(Base::Tanh))
        }];

        let rates = Rates {
            theta: 0.05,
            knots: knot_rate.unwrap_or(0.0),
            clip: CLIP,
        };

        for epoch in 0..200 {
            total = 0.0;

            for (x, label) in &xor {
                total += OnlineTrainer {
                    shape: &shape,
                    theta: &mut theta,
                    types: &mut types,
                    rates,
                    work: &mut work,
                }
                .step(x, Answer::Class(*label))
                .unwrap();
            }

            assert!(epoch > 0 || total > 0.5);
        }

        total
    };

    let [frozen, still, tuned] = [None, Some(0.0), Some(0.02)].map(learn);
    assert!(frozen < 0.3 && still < 0.3, "{frozen}, {still}");
    assert!(
        tuned < still,
        "{tuned} with knots that learn, {still} without"
    );
}

/// The squares of so short a gradient, and of so small a clip, are 0 in single precision.
#[test]
fn a_clip_bounds_gradients_whose_squares_underflow() {
    let shape = Shape::new(&[1, 1, 1], &[Activation::Base(Base::Relu)]);
    let mut types = [Type::Frozen(AnyActivation::Base(Base::Relu))];
    let mut theta = vec![0.0; shape.theta_len()];
    let mut work = vec![0.0; shape.online_len()];

    let rates = Rates {
        theta: 1e30,
        knots: 0.0,
        clip: 1e-30,
    };
    OnlineTrainer {
        shape: &shape,
        theta: &mut theta,
        types: &mut types,
        rates,
        work: &mut work,
    }
    .step(&[0.0], Answer::Values(&[1e-24]))
    .unwrap();

    // The gradient is -2e-24 in the output's bias; the clip makes it 1e-30.
    let moved = norm(&theta);
    assert!((moved - 1.0).abs() < 1e-6, "{moved}");

    let knots = Knots {
        low: -1.0,
        high: 1.0,
        count: 3,
    };
    let mut entries = [0.0; 3];
    let rates = Rates {
        theta: 0.0,
        knots: 1e30,
        clip: 1e-30,
    };
    Tunable::new(knots, &mut entries)
        .unwrap()
        .step(&[-1.0], &mut [2e-24], rates)
        .unwrap();

    let moved = norm(&entries);
    assert!((moved - 1.0).abs() < 1e-6, "{moved}");
}

#[test]
fn a_refused_step_changes_nothing() {
    let shape = Shape::new(&[3, 4, 2], &[Activation::Base(Base::Tanh)]);
    let mut types = [Type::Frozen(AnyActivation::Base(Base::Tanh))];
    let mut theta = numbers(shape.theta_len(), 3);
    let before = theta.clone();

    let rates = Rates {
        theta: 0.1,
        knots: 0.1,
        clip: CLIP,
    };

    let mut work = vec![0.0; shape.online_len()];
    let mut call = |x: &[f32], answer, work: &mut [f32]| {
        OnlineTrainer {
            shape: &shape,
            theta: &mut theta,
            types: &mut types,
            rates,
            work,
        }
        .step(x, answer)
    };

    assert_eq!(
        call(&[0.0; 3], Answer::Class(2), &mut work),
        Err(Error::Label {
            row: 0,
            label: 2,
            classes: 2
        })
    );

    assert!(
        call(&[0.0; 2], Answer::Class(1), &mut work)
            .unwrap_err()
            .to_string()
            .contains('x')
    );

    assert!(
        call(&[0.0; 3], Answer::Values(&[0.0]), &mut work)
            .unwrap_err()
            .to_string()
            .contains("values")
    );

    assert!(
        call(&[0.0; 3], Answer::Class(0), &mut [])
            .unwrap_err()
            .to_string()
            .contains("work")
    );

    assert_eq!(theta, before);

    let mut out = [0.0; 2];
    let tanh = [AnyActivation::Base(Base::Tanh)];
    Pipeline::unscaled(&shape, &before, &tanh)
        .predict(&[0.1; 3], &mut out, &mut [0.0; 8])
        .unwrap();

    assert_ne!(out, [0.0; 2]);
}

/// Floats of any bits, most of them of a size that occurs.
fn any_number() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -3.0..3.0f32,
        2 => any::<u32>().prop_map(f32::from_bits),
        1 => prop::sample::select(vec![1e30, -1e30, f32::MAX, -f32::MAX, f32::INFINITY, f32::NAN, 1e-45]),
    ]
}

fn any_finite() -> impl Strategy<Value = f32> {
    any_number().prop_map(|x| if x.is_finite() { x } else { 0.5 })
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

const BASES: usize = Base::ALL.len();

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]
    #[test]
    fn no_sample_whatever_its_bits_destroys_what_was_learned(
        widths in prop::collection::vec(1usize..7, 2..6), choices in prop::collection::vec(0..BASES + 2, 1..4),
        theta in prop::collection::vec(any_finite(), 200), knots in prop::collection::vec(any_finite(), 15),
        x in prop::collection::vec(any_number(), 7), values in prop::collection::vec(any_number(), 7),
        rates in prop::array::uniform3(any_number()), label in prop::option::of(0u16..7),
    ) {
        let activations = vec![Activation::Base(Base::Zero); choices.len()];
        let Ok(shape) = Shape::try_new(&widths, if widths.len() > 2 { &activations } else { &[] }) else {
            return Ok(());
        };
        let (mut theta, mut knots) = (theta[..shape.theta_len()].to_vec(), knots);
        let before = [bits(&theta), bits(&knots)];
        let start = theta.clone();
        let at = Knots { low: -1.5, high: 1.5, count: 5 };
        let frozen = knots.clone();
        let table = |i: usize| Compact::new(Form::Linear, at, Symmetry::None, Base::Relu, &frozen[5 * i..5 * i + 5]);
        let mut types: Vec<Type<'_>> = Vec::new();
        for ((i, &choice), entries) in choices.iter().enumerate().zip(knots.chunks_mut(5)).take(shape.types()) {
            types.push(match choice {
                0..BASES => Type::Frozen(AnyActivation::Base(Base::ALL[choice])),
                BASES => Type::Frozen(AnyActivation::Compact(table(i).unwrap())),
                _ => Type::Tunable(Tunable::new(at, entries).unwrap()),
            });
        }
        let [theta_rate, knot_rate, clip] = rates;
        let rates = Rates { theta: theta_rate, knots: knot_rate, clip: clip.abs() };
        let answer = label.map_or(Answer::Values(&values[..shape.outputs()]), Answer::Class);
        let mut work = vec![f32::NAN; shape.online_len()];
        let result = OnlineTrainer { shape: &shape, theta: &mut theta, types: &mut types, rates, work: &mut work }.step(&x[..shape.inputs()], answer);
        if result.is_ok() {
            prop_assert!(theta.iter().chain(&knots).all(|p| p.is_finite()), "{theta:?} {knots:?}");
            for layer in layers(&shape) {
                let moved: Vec<f32> = start[layer.clone()].iter().zip(&theta[layer.clone()]).map(|(a, b)| a - b).collect();
                // The difference is rounded where a weight is large.
                let rounding = 1e-6 * norm(&start[layer]);
                let bound = 1.001 * f64::from(rates.theta.abs()) * f64::from(rates.clip);
                prop_assert!(norm(&moved) <= bound + rounding + 1e-40, "{} for {bound}", norm(&moved));
            }
        } else {
            prop_assert_eq!([bits(&theta), bits(&knots)], before);
        }
        let sound = x[..shape.inputs()].iter().all(|x| x.is_finite());
        prop_assert!(sound || result.is_err());
        if label.is_none() {
            prop_assert!(values[..shape.outputs()].iter().all(|v| v.is_finite()) || result.is_err());
        }
    }
}

/// Right answers of the firmware's network on its golden rows.
fn right(theta: &[f32]) -> usize {
    let mut work = [0.0; 200];
    let mut out = [0.0; 10];

    let is_right = |(x, &label): (&[f32; 40], &u16)| {
        Pipeline::unscaled(&floats::SHAPE, theta, &floats::ACTIVATIONS)
            .predict(x, &mut out, &mut work)
            .unwrap();
        arg_max(&out) == usize::from(label)
    };

    floats_golden::X
        .iter()
        .zip(&floats_golden::LABELS)
        .map(is_right)
        .filter(|&r| r)
        .count()
}

#[test]
fn a_bad_reading_is_refused_and_a_huge_one_leaves_the_model_useful() {
    let mut work = [0.0; learn::STEP_WORK];
    let before = right(&floats::THETA);

    for (bad, refused) in [
        (f32::NAN, true),
        (f32::INFINITY, true),
        (1e30, false),
        (-3e38, false),
        (4095.0, false),
    ] {
        for at in [0, 17, 39] {
            let (mut theta, mut x) = (floats::THETA, floats_golden::X[3]);
            x[at] = bad;

            let mut trainer = OnlineTrainer {
                shape: &floats::SHAPE,
                theta: &mut theta,
                types: &mut learn::frozen_types(),
                rates: learn::RATES,
                work: &mut work,
            };

            let result = trainer.step(&x, Answer::Class(5));

            if refused {
                assert_eq!(
                    result,
                    Err(Error::NotFinite {
                        buffer: "x",
                        index: at
                    })
                );

                assert_eq!(bits(&theta), bits(&floats::THETA));
            } else {
                // Either what comes of it is finite, and the step short, or it is refused.
                assert!(result.is_ok() || theta == floats::THETA);

                assert!(
                    right(&theta) + 12 >= before,
                    "{bad} at {at}: {} right, {before} before",
                    right(&theta)
                );
            }
        }
    }
}

#[test]
fn knots_move_by_no_more_than_the_clip() {
    let knots = Knots {
        low: -1.0,
        high: 1.0,
        count: 3,
    };

    let (z, start) = ([-0.5, 0.25, 1e30], [1.0f32, 0.0, 1.0]);
    let moves = |z: &[f32], clip: f32| {
        let (mut entries, mut d) = (start, [2.0, 1.0, 3.0]);

        let rates = Rates {
            theta: 0.0,
            knots: 0.5,
            clip,
        };

        Tunable::new(knots, &mut entries)
            .unwrap()
            .step(z, &mut d[..z.len()], rates)
            .unwrap();

        [0, 1, 2].map(|i| start[i] - entries[i])
    };

    // (1 - t) d and t d are (1, 1) and (0.75, 0.25).
    let shares = [1.0, 1.75, 0.25];
    let length = (1.0f64 + 1.0 + 0.75 * 0.75 + 0.25 * 0.25).sqrt() as f32;

    assert_eq!(moves(&z[..2], CLIP), shares.map(|s| 0.5 * s));

    for (moved, share) in moves(&z[..2], 0.5).into_iter().zip(shares) {
        assert!(
            (moved - 0.5 * 0.5 * share / length).abs() < 1e-6,
            "{moved} for {share}"
        );
    }

    // One that lies far beyond takes all of it, at right angles to nothing: its two knots go apart.
    let far = moves(&z, 0.5);

    assert!(
        (norm(&far) - 0.25).abs() < 1e-3 && far[1] < -0.17 && far[2] > 0.17,
        "{far:?}"
    );
}

/// Four readings near +-1, three classes: the largest of three sums.
fn sample(draws: Draws, i: u32) -> ([f32; 4], u16) {
    let x = [0, 1, 2, 3].map(|j| draws.symmetric::<f32>(4 * i + j));
    let sums = [x[0] + x[1] * x[2], x[1] - x[3], x[2] * x[3] - x[0]];
    (x, arg_max(&sums) as u16)
}

/// The share of 1000 samples that a small network has right: after 8000 samples, and after one more
/// that is nonsense.
fn before_and_after_nonsense(seed: u64, nonsense: f32) -> [f64; 2] {
    const SHAPE: Shape = Shape::new(&[4, 8, 3], &[Activation::TANH, Activation::SINE]);
    const TYPES: [AnyActivation<'_>; 2] = [
        AnyActivation::Base(Base::Tanh),
        AnyActivation::Base(Base::Sine),
    ];

    let (mut theta, mut work) = ([0.0; SHAPE.theta_len()], [0.0; 64]);
    init_theta(&SHAPE, Init::FanIn, seed, 0, &mut theta).unwrap();

    let draws = Draws::new(seed, Stream::User, 77, 0);
    let rates = Rates {
        theta: 0.05,
        knots: 0.0,
        clip: 1.0,
    };

    let mut learn = |theta: &mut [f32], x: &[f32; 4], class: u16| {
        let mut types = TYPES.map(Type::Frozen);
        let mut trainer = OnlineTrainer {
            shape: &SHAPE,
            theta,
            types: &mut types,
            rates,
            work: &mut work,
        };
        trainer.step(x, Answer::Class(class)).unwrap();
    };

    let right = |theta: &[f32]| {
        let (mut y, mut work) = ([0.0; 3], [0.0; 64]);
        let right = (10_000..11_000).filter(|&i| {
            let (x, class) = sample(draws, i);
            let pipeline = Pipeline::unscaled(&SHAPE, theta, &TYPES);
            pipeline.predict(&x, &mut y, &mut work).unwrap();
            arg_max(&y) == usize::from(class)
        });
        right.count() as f64 / 1000.0
    };

    for i in 0..8000 {
        let (x, class) = sample(draws, i);
        learn(&mut theta, &x, class);
    }

    let before = right(&theta);
    learn(&mut theta, &[nonsense; 4], 1);
    [before, right(&theta)]
}

#[test]
fn one_sample_of_nonsense_spoils_little_of_a_small_network() {
    for seed in 1..=5 {
        for nonsense in [10.0, 100.0, 1e30] {
            let [before, after] = before_and_after_nonsense(seed, nonsense);

            assert!(before > 0.85, "seed {seed}: {before}");
            assert!(
                after > before - 0.05,
                "seed {seed}, {nonsense:e}: {before} to {after}"
            );
        }
    }
}

/// The square of so short an adjoint is 0 in single precision, and so far out the move is not.
#[test]
fn a_clip_bounds_knots_where_the_square_of_an_adjoint_underflows() {
    let knots = Knots {
        low: -1.0,
        high: 1.0,
        count: 3,
    };

    for (z, clip) in [(1e18f32, 1e-10f32), (1e19, 1e-6), (1e15, 1e-12)] {
        let mut entries = [0.0f32; 3];
        let rates = Rates {
            theta: 1.0,
            knots: 1.0,
            clip,
        };

        Tunable::new(knots, &mut entries)
            .unwrap()
            .step(&[z], &mut [2e-23], rates)
            .unwrap();

        let moved = norm(&entries);
        assert!(
            moved > 0.0 && moved <= 1.001 * f64::from(clip),
            "z {z:e}: moved by {moved:e}, the clip is {clip:e}"
        );
    }
}

#[test]
fn a_step_of_knots_that_is_refused_changes_nothing() {
    let knots = Knots {
        low: -1.0,
        high: 1.0,
        count: 3,
    };

    let before = [1.0, 0.0, 1.0];
    let mut entries = before;

    let rates = Rates {
        theta: 0.0,
        knots: 0.5,
        clip: CLIP,
    };

    let mut table = Tunable::new(knots, &mut entries).unwrap();
    let mut d = [1.0, 2.0];

    assert!(
        table
            .step(&[0.5], &mut d, rates)
            .unwrap_err()
            .to_string()
            .contains("`d`")
    );

    assert_eq!(
        table.step(&[0.5, f32::NAN], &mut d, rates),
        Err(Error::NotFinite {
            buffer: "z",
            index: 1
        })
    );

    assert_eq!(
        table.step(&[0.5; 2], &mut [f32::INFINITY, 0.0], rates),
        Err(Error::NotFinite {
            buffer: "d",
            index: 0
        })
    );

    for bad in [
        Rates {
            knots: f32::NAN,
            ..rates
        },
        Rates {
            knots: f32::INFINITY,
            ..rates
        },
        Rates {
            knots: 1e29,
            ..rates
        },
        Rates { clip: 0.0, ..rates },
        Rates {
            clip: f32::INFINITY,
            ..rates
        },
        Rates {
            clip: f32::NAN,
            ..rates
        },
    ] {
        assert_eq!(
            table.step(&[0.5; 2], &mut d, bad),
            Err(Error::Rates),
            "{bad:?}"
        );
    }

    assert_eq!((table.table().entries(), d), (&before[..], [1.0, 2.0]));
}
