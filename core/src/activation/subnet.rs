//! The kernels of sub-networks: `sigma(z) = base(z) + s (v . tanh(u z + c) + d)` with its adjoint,
//! and training noise.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use super::spec::{Activation, Base, SUBNET_SCALE};
use crate::kernel::planes::{BLOCK, Planes, PlanesMut, blocks, part, part_mut, zip};
use crate::math::Real;

/// `h = sigma(z)`, and the slopes take the place of `z`.
#[inline(always)]
pub(crate) fn forward_with_slopes<T: Real>(
    base: Base,
    units: usize,
    phi: &[T],
    z_then_slopes: &mut [T],
    h: &mut [T],
) {
    for (at, len) in blocks(z_then_slopes.len()) {
        let (z_then_slopes, h) = (part_mut(z_then_slopes, at, len), part_mut(h, at, len));
        let (mut inputs, ones) = ([T::ZERO; BLOCK], [T::ONE; BLOCK]);
        inputs
            .iter_mut()
            .zip(&*z_then_slopes)
            .for_each(|(i, &z)| *i = z);

        // With a tangent of 1 for every input, the tangents of the values are the slopes.
        let planes = Planes([part(&inputs, 0, len), part(&ones, 0, len)]);
        let values_and_slopes = PlanesMut([h, z_then_slopes]);
        forward(base, units, Planes([phi, &[]]), planes, values_and_slopes);
    }
}

/// A value and its tangents, in registers; arithmetic by the product and chain rules.
#[derive(Clone, Copy)]
struct Jet<T, const K: usize>([T; K]);

impl<T: Real, const K: usize> Jet<T, K> {
    #[inline(always)]
    fn read(s: &Planes<'_, T, K>, i: usize) -> Self {
        Jet(s.0.map(|p| p.get(i).copied().unwrap_or_default()))
    }

    #[inline(always)]
    fn value(self) -> T {
        self.0.first().copied().unwrap_or_default()
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Jet(zip(self.0, other.0, |a, b| a + b))
    }

    #[inline(always)]
    fn scaled(self, by: T) -> Self {
        Jet(self.0.map(|a| a * by))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let (a, b) = (self.value(), other.value());
        let mut out = zip(self.0, other.0, |x, y| x * b + a * y);
        if let Some(value) = out.first_mut() {
            *value = a * b;
        }
        Jet(out)
    }

    /// `value` with tangents `slope` times those of `self`.
    #[inline(always)]
    fn chain(self, value: T, slope: T) -> Self {
        let mut out = self.0.map(|a| a * slope);
        if let Some(first) = out.first_mut() {
            *first = value;
        }
        Jet(out)
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        let t = self.value().tanh();
        self.chain(t, T::ONE - t * t)
    }

    /// 1 - self^2
    #[inline(always)]
    fn one_minus_square(self) -> Self {
        let square = self.mul(self).scaled(-T::ONE);
        square.chain_value(T::ONE + square.value())
    }

    #[inline(always)]
    fn chain_value(mut self, value: T) -> Self {
        if let Some(first) = self.0.first_mut() {
            *first = value;
        }
        self
    }

    #[inline(always)]
    fn add_to(self, out: &mut PlanesMut<'_, T, K>, i: usize) {
        for (plane, x) in out.0.iter_mut().zip(self.0) {
            if let Some(o) = plane.get_mut(i) {
                *o += x;
            }
        }
    }

    #[inline(always)]
    fn write(self, out: &mut PlanesMut<'_, T, K>, i: usize) {
        for (plane, x) in out.0.iter_mut().zip(self.0) {
            if let Some(o) = plane.get_mut(i) {
                *o = x;
            }
        }
    }
}

/// A block of jets, and zeros after the end of the slices.
#[inline(always)]
fn jets<T: Real, const K: usize>(
    s: &Planes<'_, T, K>,
    at: usize,
    len: usize,
) -> [Jet<T, K>; BLOCK] {
    let mut out = [Jet([T::ZERO; K]); BLOCK];
    out.iter_mut()
        .enumerate()
        .take(len)
        .for_each(|(i, jet)| *jet = Jet::read(s, at + i));
    out
}

/// Units in ascending order, then the bias: `sigma = base(z) + s ((v_0 t_0 + v_1 t_1 + ...) + d)`.
///
/// Unit by unit over a block of neurons and rows, so that the loop over the block becomes vector
/// instructions.
#[inline(always)]
pub(crate) fn forward<T: Real, const K: usize>(
    base: Base,
    units: usize,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    mut h: PlanesMut<'_, T, K>,
) {
    let scale = T::from_f64(SUBNET_SCALE);

    for (at, len) in blocks(z.value().len()) {
        let z = jets(&z, at, len);
        let mut sums = [Jet([T::ZERO; K]); BLOCK];

        for j in 0..units {
            let (u, c, v) = unit(&phi, units, j);
            for (sum, &z) in sums.iter_mut().zip(&z).take(len) {
                *sum = sum.add(v.mul(u.mul(z).add(c).tanh()));
            }
        }

        let bias = Jet::read(&phi, 3 * units);

        for (i, (sum, &z)) in sums.iter().zip(&z).enumerate().take(len) {
            let start = z.chain(base.value(z.value()), base.slope(z.value()));
            start.add(sum.add(bias).scaled(scale)).write(&mut h, at + i);
        }
    }
}

/// As [`forward`], unit by unit over blocks; the adjoints of the parameters add up in ascending
/// order.
#[inline(always)]
pub(crate) fn adjoint<T: Real, const K: usize>(
    base: Base,
    units: usize,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    mut d: PlanesMut<'_, T, K>,
    mut dphi: PlanesMut<'_, T, K>,
) {
    let scale = T::from_f64(SUBNET_SCALE);
    let zero = Jet([T::ZERO; K]);

    for (at, len) in blocks(z.value().len()) {
        let (z, mut dz) = (jets(&z, at, len), jets(&d.as_ref(), at, len));
        let mut e = [zero; BLOCK];
        for ((dz, e), &z) in dz.iter_mut().zip(&mut e).zip(&z).take(len) {
            *e = dz.scaled(scale);
            *dz = dz.mul(z.chain(base.slope(z.value()), base.curvature(z.value())));
        }

        for j in 0..units {
            let (u, c, v) = unit(&phi, units, j);
            let (mut of_hidden, mut of_output) = ([zero; BLOCK], [zero; BLOCK]);

            let each = dz
                .iter_mut()
                .zip(&e)
                .zip(&z)
                .zip(of_hidden.iter_mut().zip(&mut of_output));

            for (((dz, &e), &z), (da, dv)) in each.take(len) {
                let t = u.mul(z).add(c).tanh();
                *da = e.mul(v).mul(t.one_minus_square());
                *dv = e.mul(t);
                *dz = dz.add(da.mul(u));
            }

            for ((&da, &dv), &z) in of_hidden.iter().zip(&of_output).zip(&z).take(len) {
                da.mul(z).add_to(&mut dphi, j);
                da.add_to(&mut dphi, units + j);
                dv.add_to(&mut dphi, 2 * units + j);
            }
        }

        for (i, (dz, e)) in dz.iter().zip(&e).enumerate().take(len) {
            e.add_to(&mut dphi, 3 * units);
            dz.write(&mut d, at + i);
        }
    }
}

/// `u_j`, `c_j`, `v_j`.
#[inline(always)]
fn unit<T: Real, const K: usize>(
    phi: &Planes<'_, T, K>,
    units: usize,
    j: usize,
) -> (Jet<T, K>, Jet<T, K>, Jet<T, K>) {
    (
        Jet::read(phi, j),
        Jet::read(phi, units + j),
        Jet::read(phi, 2 * units + j),
    )
}

/// What noise on the hidden units of a sub-network adds to its output:
/// `s (v_0 n_0 + v_1 n_1 + ...)`, for each plane.
#[inline(always)]
pub(crate) fn noise_offset<T: Real, const K: usize>(
    activation: Activation,
    phi: &Planes<'_, T, K>,
    noise: impl Fn(u32) -> T,
) -> [T; K] {
    let (start, len) = activation.readout();
    let scale = T::from_f64(SUBNET_SCALE);

    phi.0.map(|plane| {
        let mut sum = T::ZERO;
        for (j, &v) in part(plane, start, len).iter().enumerate() {
            sum += v * noise(j as u32);
        }
        sum * scale
    })
}

/// Its adjoint: `dv_j += s n_j total`, where `total` is the sum of the adjoints of all outputs of
/// the type.
#[inline(always)]
pub(crate) fn noise_offset_adjoint<T: Real, const K: usize>(
    activation: Activation,
    total: [T; K],
    dphi: PlanesMut<'_, T, K>,
    noise: impl Fn(u32) -> T,
) {
    let (start, len) = activation.readout();
    let scale = T::from_f64(SUBNET_SCALE);

    for (plane, total) in dphi.0.into_iter().zip(total) {
        for (j, dv) in part_mut(plane, start, len).iter_mut().enumerate() {
            *dv += noise(j as u32) * (scale * total);
        }
    }
}
