//! Learning in place against the gradient of the batch walk, and the knots' against differences.

use ldnn_core::deploy::{self, Activation};
use ldnn_core::network::{Batch, Data, Rows, Target, gradient};
use ldnn_core::online::{Answer, CLIP, Rates, Type, step, work_len};
use ldnn_core::table::compact::{Knots, Tunable};
use ldnn_core::{Base, Error, Kind, Plain, Shape};
use proptest::prelude::*;

fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let number = |i: usize| ((i as u64 + 1).wrapping_mul(seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32;
    (0..n).map(|i| number(i) / (1 << 23) as f32 - 1.0).collect()
}

proptest! {
    #[test]
    fn a_step_is_one_of_gradient_descent(
        widths in prop::collection::vec(1usize..14, 2..6), kinds in prop::collection::vec(0usize..7, 1..4),
        seed: u64, classes: bool,
    ) {
        let kinds: Vec<Base> = kinds.into_iter().map(|i| Base::ALL[i]).collect();
        let as_kinds: Vec<Kind> = kinds.iter().map(|&b| Kind::Base(b)).collect();
        let Ok(shape) = Shape::try_new(&widths, if widths.len() > 2 { &as_kinds } else { &[] }) else {
            return Ok(());
        };
        let mut types: Vec<Type> =
            kinds.iter().take(shape.types()).map(|&b| Type::Frozen(Activation::Base(b))).collect();
        let (mut theta, x) = (numbers(shape.theta_len(), seed), numbers(shape.inputs(), seed ^ 5));
        let (label, values) = ([(seed % shape.outputs() as u64) as u16], numbers(shape.outputs(), seed ^ 9));
        let mut expected = theta.clone();
        let target = if classes { Target::Classes(&label) } else { Target::Values(&values) };
        let batch = Batch { data: Data { x: &x, target }, rows: Rows::Range { start: 0, len: 1 } };
        let mut grad = vec![0.0; shape.param_len()];
        let mut work = vec![0.0; shape.work_len(1)];
        let expected_loss = gradient(Plain, &shape, &theta, batch, None, &mut grad, &mut work).unwrap();
        expected.iter_mut().zip(&grad).for_each(|(p, g)| *p -= 0.05 * g);
        let answer = if classes { Answer::Class(label[0]) } else { Answer::Values(&values) };
        let rates = Rates { theta: 0.05, knots: 0.0, clip: CLIP };
        let loss = step(&shape, &mut theta, &mut types, (&x, answer), rates, &mut vec![0.0; work_len(&shape)]).unwrap();
        prop_assert!((loss - expected_loss).abs() <= 1e-5 * (1.0 + loss.abs()), "{loss} for {expected_loss}");
        for (i, (&a, &b)) in theta.iter().zip(&expected).enumerate() {
            // The rate is multiplied in before the input, not after.
            prop_assert!((a - b).abs() <= 3e-6 * (1.0 + b.abs()), "parameter {i}: {a} for {b}");
        }
    }
}

#[test]
fn knots_move_by_their_gradient() {
    let shape = Shape::new(&[3, 4, 2], &[Kind::Base(Base::Zero), Kind::Base(Base::Zero)]);
    let knots = Knots { low: -1.5, high: 1.5, count: 7 };
    let (theta, x) = (numbers(shape.theta_len(), 3), numbers(3, 8));
    let start = [numbers(7, 21), numbers(7, 22)];
    let loss = |entries: &[Vec<f32>; 2], rates: Rates| {
        let mut moved = entries.clone();
        let [a, b] = &mut moved;
        let mut types = [a, b].map(|e| Type::Tunable(Tunable::new(knots, e).unwrap()));
        let mut work = vec![0.0; work_len(&shape)];
        let loss = step(&shape, &mut theta.clone(), &mut types, (&x, Answer::Class(1)), rates, &mut work).unwrap();
        (loss, moved)
    };
    let still = Rates { theta: 0.0, knots: 0.0, clip: CLIP };
    let (_, moved) = loss(&start, Rates { theta: 0.0, knots: 1.0, clip: CLIP });
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
            assert!((gradient - difference).abs() < 1e-3, "type {t}, knot {i}: {gradient} for {difference}");
            touched += usize::from(gradient != 0.0);
        }
    }
    assert!((4..=8).contains(&touched), "four neurons lie between two knots each; {touched} moved");
}

#[test]
fn learning_goes_down_with_frozen_and_with_tunable_activations() {
    let shape = Shape::new(&[2, 8, 2], &[Kind::Base(Base::Zero)]);
    let knots = Knots { low: -2.0, high: 2.0, count: 17 };
    let xor = [([-1.0, -1.0], 0), ([-1.0, 1.0], 1), ([1.0, -1.0], 1), ([1.0, 1.0], 0)];
    let learn = |knot_rate: Option<f32>| {
        let mut entries: Vec<f32> = (0..17).map(|i| (f64::from(i - 8) / 4.0).tanh() as f32).collect();
        let mut theta = numbers(shape.theta_len(), 77);
        let mut work = vec![0.0; work_len(&shape)];
        let mut total = 0.0;
        let tunable = Type::Tunable(Tunable::new(knots, &mut entries).unwrap());
        let mut types = [if knot_rate.is_some() { tunable } else { Type::Frozen(Activation::Base(Base::Tanh)) }];
        let rates = Rates { theta: 0.05, knots: knot_rate.unwrap_or(0.0), clip: CLIP };
        for epoch in 0..200 {
            total = 0.0;
            for (x, label) in &xor {
                total += step(&shape, &mut theta, &mut types, (x, Answer::Class(*label)), rates, &mut work).unwrap();
            }
            assert!(epoch > 0 || total > 0.5);
        }
        total
    };
    let [frozen, still, tuned] = [None, Some(0.0), Some(0.02)].map(learn);
    assert!(frozen < 0.3 && still < 0.3, "{frozen}, {still}");
    assert!(tuned < still, "{tuned} with knots that learn, {still} without");
}

#[test]
fn a_refused_step_changes_nothing() {
    let shape = Shape::new(&[3, 4, 2], &[Kind::Base(Base::Tanh)]);
    let mut types = [Type::Frozen(Activation::Base(Base::Tanh))];
    let mut theta = numbers(shape.theta_len(), 3);
    let before = theta.clone();
    let rates = Rates { theta: 0.1, knots: 0.1, clip: CLIP };
    let mut work = vec![0.0; work_len(&shape)];
    let mut call = |x: &[f32], answer, work: &mut [f32]| step(&shape, &mut theta, &mut types, (x, answer), rates, work);
    assert_eq!(call(&[0.0; 3], Answer::Class(2), &mut work), Err(Error::Label { row: 0, label: 2, classes: 2 }));
    assert!(call(&[0.0; 2], Answer::Class(1), &mut work).unwrap_err().to_string().contains('x'));
    assert!(call(&[0.0; 3], Answer::Values(&[0.0]), &mut work).unwrap_err().to_string().contains("values"));
    assert!(call(&[0.0; 3], Answer::Class(0), &mut []).unwrap_err().to_string().contains("work"));
    assert_eq!(theta, before);
    let mut out = [0.0; 2];
    let tanh = [Activation::Base(Base::Tanh)];
    deploy::predict(&shape, &before, &tanh, &[0.1; 3], &mut out, &mut [0.0; 8]).unwrap();
    assert_ne!(out, [0.0; 2]);
}
