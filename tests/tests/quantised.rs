//! Networks of integers against the formula in 128 bits.

use ldnn_core::quantised::{Layer, Quantised, QuantisedError};
use ldnn_core::table::integer::{Scale, Table8};
use ldnn_core::{Base, Kind, Shape};
use proptest::prelude::*;

const KIND: Kind = Kind::Base(Base::Zero);
const INPUT: Scale = Scale { step: 0.05, zero: 3 };
const OUTPUT: Scale = Scale { step: 0.01, zero: 0 };

/// One affine layer: weights, biases, factors, shift.
type Parts = (Vec<i8>, Vec<i32>, Vec<i32>, u32);

fn naive((w, b, f, shift): &Parts, x: &[i8], least: i128, most: i128) -> Vec<i128> {
    let products = |o: usize| w[o * x.len()..].iter().zip(x).map(|(&w, &x)| i128::from(w) * i128::from(x));
    let sum = |o: usize| i128::from(b[o]) + products(o).sum::<i128>();
    let half = 1i128 << (shift - 1);
    (0..b.len()).map(|o| ((sum(o) * i128::from(f[o]) + half) >> shift).clamp(least, most)).collect()
}

fn parts(inputs: usize, outputs: usize) -> impl Strategy<Value = Parts> {
    (
        prop::collection::vec(any::<i8>(), inputs * outputs),
        prop::collection::vec(-(1i32 << 30)..=1 << 30, outputs),
        prop::collection::vec(0..=i32::MAX, outputs),
        1u32..=62,
    )
}

proptest! {
    #[test]
    fn integers_follow_the_formula(
        (first, second) in (parts(7, 13), parts(13, 6)), tables in prop::collection::vec(any::<i8>(), 512),
        x in prop::collection::vec(any::<i8>(), 7),
    ) {
        let shape = Shape::new(&[7, 13, 6], &[KIND, KIND]);
        let layer = |p: &'static Parts| Layer { weights: &p.0, biases: &p.1, factors: &p.2, shift: p.3 };
        let (first, second): (&'static Parts, &'static Parts) = (Box::leak(first.into()), Box::leak(second.into()));
        let layers = [layer(first), layer(second)];
        let halves: Vec<[i8; 256]> = tables.chunks(256).map(|c| c.try_into().unwrap()).collect();
        let tables = [Table8(&halves[0]), Table8(&halves[1])];
        let network = Quantised::new(shape, &layers, &tables, INPUT, OUTPUT).unwrap();
        let mut out = [0; 6];
        network.predict(&x, &mut out, &mut [0; 26]).unwrap();

        let z = naive(first, &x, -128, 127);
        let h: Vec<i8> = z.iter().enumerate().map(|(j, &z)| halves[usize::from(j >= 6)][(z + 128) as usize]).collect();
        prop_assert_eq!(out.map(i128::from).to_vec(), naive(second, &h, -32768, 32767));
    }

    #[test]
    fn inputs_are_rounded_to_the_nearest_and_saturate(x in -20.0f32..20.0) {
        let shape = Shape::new(&[1, 1], &[]);
        let layers = [Layer { weights: &[1], biases: &[0], factors: &[1], shift: 1 }];
        let mut q = [0];
        Quantised::new(shape, &layers, &[], INPUT, OUTPUT).unwrap().quantise(&[x], &mut q);
        let exact = (f64::from(x) / f64::from(INPUT.step) + 3.0).clamp(-128.0, 127.0);
        prop_assert!((f64::from(q[0]) - exact).abs() <= 0.5 + 1e-4, "{x}: {} for {exact}", q[0]);
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let shape = Shape::new(&[2, 1], &[]);
    let good = Layer { weights: &[1, 2], biases: &[0], factors: &[1], shift: 1 };
    let refusal = |layer: Layer<'_>, input, output| Quantised::new(shape, &[layer], &[], input, output).err();
    assert_eq!(refusal(good, INPUT, OUTPUT), None);
    assert!(matches!(refusal(Layer { weights: &[1], ..good }, INPUT, OUTPUT), Some(QuantisedError::Size(_))));
    assert_eq!(refusal(Layer { biases: &[(1 << 30) + 1], ..good }, INPUT, OUTPUT), Some(QuantisedError::Bias));
    assert_eq!(refusal(Layer { factors: &[-1], ..good }, INPUT, OUTPUT), Some(QuantisedError::Factor));
    for shift in [0, 63] {
        assert_eq!(refusal(Layer { shift, ..good }, INPUT, OUTPUT), Some(QuantisedError::Factor));
    }
    for step in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-45] {
        assert_eq!(refusal(good, Scale { step, zero: 0 }, OUTPUT), Some(QuantisedError::Scale));
    }
    assert_eq!(refusal(good, Scale { step: 1.0, zero: 128 }, OUTPUT), Some(QuantisedError::Scale));
    assert_eq!(refusal(good, INPUT, Scale { step: 1.0, zero: 1 }), Some(QuantisedError::Scale));
}
