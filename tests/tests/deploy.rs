//! Deployed networks against the batch walk.

use approx::assert_abs_diff_eq;
use ldnn_core::deploy::{AnyActivation, Pipeline};
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry, fill};
use ldnn_core::{Activation, Base, Plain, Shape};
use proptest::prelude::*;

fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let number = |i: usize| {
        ((i as u64 + 1)
            .wrapping_mul(seed | 1)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            >> 40) as f32
    };
    (0..n).map(|i| number(i) / (1 << 23) as f32 - 1.0).collect()
}

proptest! {
    #[test]
    fn base_functions_give_the_bits_of_the_batch_walk(
        widths in prop::collection::vec(1usize..14, 2..5), bases in prop::collection::vec(0usize..Base::ALL.len(), 1..4), seed: u64,
    ) {
        let bases: Vec<Base> = bases.into_iter().map(|i| Base::ALL[i]).collect();
        let activations: Vec<Activation> = bases.iter().map(|&b| Activation::Base(b)).collect();
        let Ok(shape) = Shape::try_new(&widths, if widths.len() > 2 { &activations } else { &[] }) else {
            return Ok(());
        };
        let on_device: Vec<AnyActivation> = bases.iter().take(shape.types()).map(|&b| AnyActivation::Base(b)).collect();
        let (theta, x) = (numbers(shape.theta_len(), seed), numbers(shape.inputs(), seed ^ 5));
        let mut out = vec![0.0; shape.outputs()];
        Pipeline::unscaled(&shape, &theta, &on_device).predict(&x, &mut out, &mut vec![0.0; shape.predict_len()]).unwrap();
        let expected = ldnn_tests::outputs(Plain, &shape, &theta, &x);
        let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&out), bits(&expected));
    }
}

#[test]
fn each_block_of_neurons_has_its_own_table() {
    let activation = Activation::Base(Base::Zero);
    let shape = Shape::new(&[3, 5, 2], &[activation, activation]);

    let knots = Knots {
        low: -3.0,
        high: 3.0,
        count: 61,
    };

    let mut entries = [[0.0; 122]; 2];

    fill(
        Form::Hermite,
        knots,
        |z| (z.sin(), z.cos()),
        &mut entries[0],
    )
    .unwrap();

    fill(Form::Hermite, knots, |z| (z * z, 2.0 * z), &mut entries[1]).unwrap();

    let table = |e| {
        AnyActivation::Compact(
            Compact::new(Form::Hermite, knots, Symmetry::None, Base::Zero, e).unwrap(),
        )
    };

    let (theta, x) = (numbers(shape.theta_len(), 3), numbers(3, 8));
    let mut out = [0.0; 2];
    let activations = [table(&entries[0]), table(&entries[1])];
    Pipeline::unscaled(&shape, &theta, &activations)
        .predict(&x, &mut out, &mut [0.0; 10])
        .unwrap();

    let z: Vec<f32> = (0..5)
        .map(|j| theta[15 + j] + (0..3).map(|i| theta[3 * j + i] * x[i]).sum::<f32>())
        .collect();
    // Five neurons and two types: the remainder goes to the last.
    let h: Vec<f32> = z
        .iter()
        .enumerate()
        .map(|(j, &z)| if j < 2 { z.sin() } else { z * z })
        .collect();

    for (o, &out) in out.iter().enumerate() {
        let expected =
            theta[20 + 10 + o] + (0..5).map(|j| theta[20 + 5 * o + j] * h[j]).sum::<f32>();
        assert_abs_diff_eq!(out, expected, epsilon = 1e-5);
    }
}

#[test]
fn lengths_are_checked() {
    let shape = Shape::new(&[3, 5, 2], &[Activation::Base(Base::Tanh)]);
    let tanh = [AnyActivation::Base(Base::Tanh); 2];

    let call = |theta: usize, types: usize, x: usize, out: usize, work: usize| {
        let (theta, x) = (vec![0.0; theta], vec![0.0; x]);
        Pipeline::unscaled(&shape, &theta, &tanh[..types])
            .predict(&x, &mut vec![0.0; out], &mut vec![0.0; work])
            .map_err(|e| e.buffer)
    };

    assert_eq!(call(32, 1, 3, 2, 10), Ok(()));
    assert_eq!(call(31, 1, 3, 2, 10), Err("theta"));
    assert_eq!(call(32, 2, 3, 2, 10), Err("activations"));
    assert_eq!(call(32, 1, 4, 2, 10), Err("x"));
    assert_eq!(call(32, 1, 3, 1, 10), Err("out"));
    assert_eq!(call(32, 1, 3, 2, 9), Err("work"));
}
