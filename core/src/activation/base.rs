//! The base functions with their derivatives, and their kernels.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use super::spec::Base;
use crate::kernel::planes::{Planes, PlanesMut, two};
use crate::math::Real;

impl Base {
    /// The function at `z`.
    #[inline(always)]
    #[must_use]
    pub fn value<T: Real>(self, z: T) -> T {
        match self {
            Base::Zero => T::ZERO,
            Base::Identity => z,
            Base::Relu => z.max(T::ZERO),
            Base::Tanh => z.tanh(),
            Base::Sigmoid => sigmoid(z),
            Base::Sine => z.sin(),
            Base::Elu if z > T::ZERO => z,
            Base::Elu => z.exp_m1(),
        }
    }

    /// Its derivative at `z`.
    #[inline(always)]
    #[must_use]
    pub fn slope<T: Real>(self, z: T) -> T {
        match self {
            Base::Zero => T::ZERO,
            Base::Identity => T::ONE,
            Base::Relu => step(z, T::ONE, T::ZERO),
            Base::Tanh => {
                let t = z.tanh();
                T::ONE - t * t
            }
            Base::Sigmoid => {
                let p = sigmoid(z);
                p * (T::ONE - p)
            }
            Base::Sine => z.cos(),
            Base::Elu if z > T::ZERO => T::ONE,
            Base::Elu => z.exp(),
        }
    }

    /// Value and slope together, the same bits as one by one.
    #[inline(always)]
    fn value_and_slope<T: Real>(self, z: T) -> (T, T) {
        match self {
            Base::Tanh => {
                let t = z.tanh();
                (t, T::ONE - t * t)
            }
            Base::Sigmoid => {
                let p = sigmoid(z);
                (p, p * (T::ONE - p))
            }
            _ => (self.value(z), self.slope(z)),
        }
    }

    /// Its second derivative at `z`; where it jumps, that of the left side.
    #[inline(always)]
    #[must_use]
    pub fn curvature<T: Real>(self, z: T) -> T {
        match self {
            Base::Zero | Base::Identity | Base::Relu => T::ZERO,
            Base::Tanh => {
                let t = z.tanh();
                -(t + t) * (T::ONE - t * t)
            }
            Base::Sigmoid => {
                let p = sigmoid(z);
                p * (T::ONE - p) * (T::ONE - (p + p))
            }
            Base::Sine => -z.sin(),
            Base::Elu if z > T::ZERO => T::ZERO,
            Base::Elu => z.exp(),
        }
    }
}

#[inline(always)]
fn step<T: Real>(z: T, above: T, below: T) -> T {
    if z > T::ZERO { above } else { below }
}

#[inline(always)]
fn sigmoid<T: Real>(z: T) -> T {
    T::ONE / (T::ONE + (-z).exp())
}

/// The loop for each base by itself: what base it is must not be asked for each element.
macro_rules! for_base {
    ($base:expr, $b:ident => $body:expr) => {
        match $base {
            Base::Zero => for_base!(@ Zero, $b, $body),
            Base::Identity => for_base!(@ Identity, $b, $body),
            Base::Relu => for_base!(@ Relu, $b, $body),
            Base::Tanh => for_base!(@ Tanh, $b, $body),
            Base::Sigmoid => for_base!(@ Sigmoid, $b, $body),
            Base::Sine => for_base!(@ Sine, $b, $body),
            Base::Elu => for_base!(@ Elu, $b, $body),
        }
    };
    (@ $name:ident, $b:ident, $body:expr) => {{
        const $b: Base = Base::$name;
        $body
    }};
}

/// `h = base(z)`, and the slopes take the place of `z`.
#[inline(always)]
pub(crate) fn forward_with_slopes<T: Real>(base: Base, z_then_slopes: &mut [T], h: &mut [T]) {
    let places = z_then_slopes.iter_mut().zip(h);
    for_base!(base, B => places.for_each(|(z_then_slope, h)| {
        (*h, *z_then_slope) = B.value_and_slope(*z_then_slope);
    }));
}

/// Product rule for a function of one variable: `h0 = f(z0)`, `h1 = f'(z0) z1`.
#[inline(always)]
pub(crate) fn forward<T: Real, const K: usize>(
    base: Base,
    z: Planes<'_, T, K>,
    mut h: PlanesMut<'_, T, K>,
) {
    let [h0, h1] = two(&mut h);
    for_base!(base, B => h0.iter_mut().zip(z.value()).for_each(|(h, &z)| *h = B.value(z)));
    let inputs = z.value().iter().zip(z.tangent());
    for_base!(base, B => h1.iter_mut().zip(inputs).for_each(|(h, (&z0, &z1))| *h = B.slope(z0) * z1));
}

/// `dz0 = d0 f'(z0)`, `dz1 = d1 f'(z0) + d0 f''(z0) z1`.
#[inline(always)]
pub(crate) fn adjoint<T: Real, const K: usize>(
    base: Base,
    z: Planes<'_, T, K>,
    mut d: PlanesMut<'_, T, K>,
) {
    let [d0, d1] = two(&mut d);
    let inputs = z.value().iter().zip(z.tangent());
    for_base!(base, B => for ((d1, &mut d0), (&z0, &z1)) in d1.iter_mut().zip(&mut *d0).zip(inputs) {
        *d1 = *d1 * B.slope(z0) + d0 * (B.curvature(z0) * z1);
    });
    for_base!(base, B => d0.iter_mut().zip(z.value()).for_each(|(d, &z)| *d = *d * B.slope(z)));
}
