//! What an adversary gives: numbers, shapes, and buffers of wrong lengths.

use ldnn_core::network::Noise;
use ldnn_core::optimizer::Optimizer;
use ldnn_core::table::TableForm;
use ldnn_core::{Activation, Base, Real, Shape};
use proptest::prelude::*;

/// Small numbers, and the largest there are.
pub fn size() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..9usize, 1 => prop::sample::select(vec![usize::MAX, usize::MAX / 2, 1 << 20, (1 << 20) + 1, 1 << 32])]
}

pub fn word() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0..9u32, 1 => prop::sample::select(vec![u32::MAX, 1 << 16, (1 << 16) + 1, 1 << 31, 31, 32, 33])]
}

/// Numbers of every kind, those that are none included.
pub fn number() -> impl Strategy<Value = f32> {
    prop_oneof![4 => -3.0..3.0f32, 2 => any::<u32>().prop_map(f32::from_bits)]
}

pub fn base() -> impl Strategy<Value = Base> {
    prop::sample::select(&Base::ALL[..])
}

pub fn form() -> impl Strategy<Value = TableForm> {
    (base(), size(), number(), size()).prop_map(|(base, knots, range, readout)| TableForm {
        base,
        knots,
        range,
        readout,
    })
}

pub fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        base().prop_map(Activation::Base),
        (base(), size()).prop_map(|(base, units)| Activation::Learned { base, units }),
        form().prop_map(Activation::Table),
    ]
}

/// Shapes that exist, some of them as large as shapes can be.
pub fn shape() -> impl Strategy<Value = Shape> {
    (
        prop::collection::vec(size(), 0..12),
        prop::collection::vec(activation(), 0..4),
    )
        .prop_filter_map("no shape", |(widths, activations)| {
            Shape::try_new(&widths, &activations).ok()
        })
}

/// Shapes whose memory there is.
pub fn small_shape() -> impl Strategy<Value = Shape> {
    let activations = prop_oneof![
        base().prop_map(Activation::Base),
        (base(), 1..4usize).prop_map(|(base, units)| Activation::Learned { base, units }),
        (base(), 2..6usize, 0.1..3.0f32, 0..3usize).prop_map(|(base, knots, range, readout)| {
            Activation::Table(TableForm {
                base,
                knots,
                range,
                readout,
            })
        }),
    ];

    (
        prop::collection::vec(1..6usize, 2..5),
        prop::collection::vec(activations, 1..3),
    )
        .prop_filter_map("no shape", |(widths, activations)| {
            Shape::try_new(&widths, &activations).ok()
        })
}

/// Buffers about as long as they should be; what is asked for is a huge number for huge shapes, and
/// never allocated.
#[derive(Clone, Debug)]
pub struct Lengths {
    pub off: Vec<i8>,
    pub numbers: Vec<f32>,
}

pub fn lengths() -> impl Strategy<Value = Lengths> {
    (
        prop::collection::vec(prop_oneof![6 => Just(0i8), 1 => -2..3i8], 8),
        prop::collection::vec(number(), 5),
    )
        .prop_map(|(off, numbers)| Lengths { off, numbers })
}

impl Lengths {
    pub fn len(&self, right: usize, i: usize) -> usize {
        right
            .saturating_add_signed(isize::from(self.off[i]))
            .min(20_000)
    }

    pub fn floats<T: Real>(&self, right: usize, i: usize) -> Vec<T> {
        let number = |j: usize| T::from_f64(f64::from(self.numbers[(i + j) % self.numbers.len()]));
        (0..self.len(right, i)).map(number).collect()
    }
}

pub fn noise<T: Real>(amplitude: f32) -> Option<Noise<T>> {
    Some(Noise {
        amplitude: T::from_f64(f64::from(amplitude)),
        seed: 1,
        step: u64::MAX,
    })
}

pub fn optimizer<T: Real>(which: usize, n: &[f32]) -> Optimizer<T> {
    let f = |i: usize| T::from_f64(f64::from(n[i]));

    match which % 4 {
        0 => Optimizer::Sgd {
            lr: f(0),
            momentum: f(1),
        },
        1 => Optimizer::RmsProp {
            lr: f(0),
            decay: f(1),
            epsilon: f(2),
            start: f(3),
        },
        2 => Optimizer::Adam {
            lr: f(0),
            beta1: f(1),
            beta2: f(2),
            epsilon: f(3),
        },
        _ => Optimizer::AdamW {
            lr: f(0),
            beta1: f(1),
            beta2: f(2),
            epsilon: f(3),
            weight_decay: f(1),
        },
    }
}
