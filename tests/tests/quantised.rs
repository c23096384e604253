//! Networks of integers against the formula in 128 bits.

use ldnn_core::quantised::{MAX_LAYERS, Parts, Quantised, QuantisedError};
use ldnn_core::table::integer::Scale;
use ldnn_core::{Activation, Base, Shape};
use proptest::prelude::*;

const ACTIVATION: Activation = Activation::Base(Base::Zero);
const INPUT: Scale = Scale {
    step: 0.05,
    zero: 3,
};
const OUTPUT: Scale = Scale {
    step: 0.01,
    zero: 0,
};

/// One affine layer: weights, biases, factors, shift.
type Layer = (Vec<i8>, Vec<i32>, Vec<i32>, u32);

fn naive((w, b, f, shift): &Layer, x: &[i8], least: i128, most: i128) -> Vec<i128> {
    let products = |o: usize| {
        w[o * x.len()..]
            .iter()
            .zip(x)
            .map(|(&w, &x)| i128::from(w) * i128::from(x))
    };

    let sum = |o: usize| i128::from(b[o]) + products(o).sum::<i128>();
    let half = 1i128 << (shift - 1);
    (0..b.len())
        .map(|o| ((sum(o) * i128::from(f[o]) + half) >> shift).clamp(least, most))
        .collect()
}

fn layer(inputs: usize, outputs: usize) -> impl Strategy<Value = Layer> {
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
        (first, second) in (layer(7, 13), layer(13, 6)), tables in prop::collection::vec(any::<i8>(), 512),
        x in prop::collection::vec(any::<i8>(), 7),
    ) {
        let shape = Shape::new(&[7, 13, 6], &[ACTIVATION, ACTIVATION]);
        let both = |a: &[i32], b: &[i32]| [a, b].concat();
        let mut shifts = [0; MAX_LAYERS];
        (shifts[0], shifts[1]) = (first.3 as u8, second.3 as u8);
        let parts = Parts {
            weights: &[first.0.clone(), second.0.clone()].concat(),
            biases: &both(&first.1, &second.1),
            factors: &both(&first.2, &second.2),
            shifts,
            tables: tables.as_chunks().0,
            input: INPUT,
            output: OUTPUT,
        };
        let network = Quantised::new(shape, parts).unwrap();
        let mut out = [0; 6];
        network.predict(&x, &mut out, &mut [0; 26]).unwrap();

        let z = naive(&first, &x, -128, 127);
        let h: Vec<i8> = z.iter().enumerate().map(|(j, &z)| tables[256 * usize::from(j >= 6) + (z + 128) as usize]).collect();
        prop_assert_eq!(out.map(i128::from).to_vec(), naive(&second, &h, -32768, 32767));
    }

    #[test]
    fn inputs_are_rounded_to_the_nearest_and_saturate(x in -20.0f32..20.0) {
        let shape = Shape::new(&[1, 1], &[]);
        let mut q = [0];
        Quantised::new(shape, Parts { weights: &[1], ..SMALL }).unwrap().quantise(&[x], &mut q).unwrap();
        let exact = (f64::from(x) / f64::from(INPUT.step) + 3.0).clamp(-128.0, 127.0);
        prop_assert!((f64::from(q[0]) - exact).abs() <= 0.5 + 1e-4, "{x}: {} for {exact}", q[0]);
    }
}

/// Of a network with one output.
const SMALL: Parts<'static> = Parts {
    weights: &[1, 2],
    biases: &[0],
    factors: &[1],
    shifts: [1, 0, 0, 0, 0, 0, 0, 0, 0],
    tables: &[],
    input: INPUT,
    output: OUTPUT,
};

#[test]
fn parts_that_do_not_fit_are_refused() {
    let refusal = |parts: Parts<'_>| Quantised::new(Shape::new(&[2, 1], &[]), parts).err();
    assert_eq!(refusal(SMALL), None);

    assert!(matches!(
        refusal(Parts {
            weights: &[1],
            ..SMALL
        }),
        Some(QuantisedError::Size(_))
    ));

    assert!(matches!(
        refusal(Parts {
            tables: &[[0; 256]],
            ..SMALL
        }),
        Some(QuantisedError::Size(_))
    ));

    assert_eq!(
        refusal(Parts {
            biases: &[(1 << 30) + 1],
            ..SMALL
        }),
        Some(QuantisedError::Bias)
    );

    assert_eq!(
        refusal(Parts {
            factors: &[-1],
            ..SMALL
        }),
        Some(QuantisedError::Factor)
    );

    for shifts in [
        [0; MAX_LAYERS],
        [63, 0, 0, 0, 0, 0, 0, 0, 0],
        [1; MAX_LAYERS],
    ] {
        assert_eq!(
            refusal(Parts { shifts, ..SMALL }),
            Some(QuantisedError::Factor)
        );
    }

    for step in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-45] {
        assert_eq!(
            refusal(Parts {
                input: Scale { step, zero: 0 },
                ..SMALL
            }),
            Some(QuantisedError::Scale)
        );
    }

    assert_eq!(
        refusal(Parts {
            input: Scale {
                step: 1.0,
                zero: 128
            },
            ..SMALL
        }),
        Some(QuantisedError::Scale)
    );

    assert_eq!(
        refusal(Parts {
            output: Scale { step: 1.0, zero: 1 },
            ..SMALL
        }),
        Some(QuantisedError::Scale)
    );
}
