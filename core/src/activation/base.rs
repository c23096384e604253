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
            Base::Swish => z * sigmoid(z),
            Base::Gelu => gelu(z).0,
            Base::Softplus => z.max(T::ZERO) + (T::ONE + (-z.max(-z)).exp()).ln(),
            Base::Snake => {
                let s = z.sin();
                z + s * s
            }
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
            Base::Swish => {
                let p = sigmoid(z);
                p + z * (p * (T::ONE - p))
            }
            Base::Gelu => gelu(z).1,
            Base::Softplus => sigmoid(z),
            Base::Snake => T::ONE + (z + z).sin(),
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
            Base::Swish => {
                let p = sigmoid(z);
                (z * p, p + z * (p * (T::ONE - p)))
            }
            Base::Gelu => {
                let (value, slope, _) = gelu(z);
                (value, slope)
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
            Base::Swish => {
                let p = sigmoid(z);
                let slope = p * (T::ONE - p);
                (slope + slope) + (z * slope) * (T::ONE - (p + p))
            }
            Base::Gelu => gelu(z).2,
            Base::Softplus => {
                let p = sigmoid(z);
                p * (T::ONE - p)
            }
            Base::Snake => {
                let c = (z + z).cos();
                c + c
            }
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

/// Value, slope and curvature of `z (1 + tanh u) / 2` with `u = k (z + a z^3)`.
#[inline(always)]
fn gelu<T: Real>(z: T) -> (T, T, T) {
    let f = T::from_f64;
    let (k, a, half) = (f(0.797_884_560_802_865_4), f(0.044_715), f(0.5));
    // Beyond this the tanh is 1 to the last bit, and z^3 might be too large for a number.
    let w = z.max(f(-1e4)).min(f(1e4));
    let square = w * w;
    let t = (k * (w + a * (square * w))).tanh();

    // Derivatives of u, and of tanh u.
    let (first, second) = (k * (T::ONE + f(3.0) * a * square), f(6.0) * k * a * w);
    let rest = T::ONE - t * t;
    let bend = rest * second - (t + t) * (rest * (first * first));

    (
        half * (z * (T::ONE + t)),
        half * ((T::ONE + t) + w * (rest * first)),
        half * ((rest + rest) * first + w * bend),
    )
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
            Base::Swish => for_base!(@ Swish, $b, $body),
            Base::Gelu => for_base!(@ Gelu, $b, $body),
            Base::Softplus => for_base!(@ Softplus, $b, $body),
            Base::Snake => for_base!(@ Snake, $b, $body),
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
