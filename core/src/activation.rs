//! Activation functions: fixed base functions, and sub-networks on top of them.
//!
//! A learned type is `sigma(z) = base(z) + s (v . tanh(u z + c) + d)` with `s = 0.2` ([`SUBNET_SCALE`]) and parameters
//! `phi = [u | c | v | d]` of `units, units, units, 1` numbers (Choudhary et al. 2022, arXiv 2204.04348).
//!
//! Arrays of pre-activations are "feature-major": all rows of the batch for neuron 0, then for neuron 1, and so on, so
//! the neurons of one type are one run of memory and a kernel is a loop over it.
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow; sizes have passed the door")]

use crate::error::{SizeError, check};
use crate::math::Real;
use crate::planes::{BLOCK, Planes, PlanesMut, blocks, part, part_mut, two};
use crate::shape::{MAX_WIDTH, ShapeError};
use crate::table::{self, TableForm};
use crate::vector::{Plain, Vector};

/// The factor `s` before a sub-network.
pub const SUBNET_SCALE: f64 = 0.2;

/// A fixed activation function, also the starting point of a learned one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// 0
    Zero,
    /// z
    Identity,
    /// max(z, 0), with slope 0 at 0
    Relu,
    /// tanh z
    Tanh,
    /// 1 / (1 + exp(-z))
    Sigmoid,
    /// sin z
    Sine,
    /// z for z > 0, exp(z) - 1 otherwise
    Elu,
}

impl Base {
    /// All of them.
    pub const ALL: [Base; 7] =
        [Base::Zero, Base::Identity, Base::Relu, Base::Tanh, Base::Sigmoid, Base::Sine, Base::Elu];

    /// The name users write.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Base::Zero => "zero",
            Base::Identity => "identity",
            Base::Relu => "relu",
            Base::Tanh => "tanh",
            Base::Sigmoid => "sigmoid",
            Base::Sine => "sine",
            Base::Elu => "elu",
        }
    }

    /// Whether the function has two continuous derivatives, so that a cubic table can hold it.
    #[must_use]
    pub const fn is_smooth(self) -> bool {
        !matches!(self, Base::Relu | Base::Elu)
    }

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

    /// Its second derivative at `z` (0 at the kink of `relu`).
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

/// One activation type of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A base function alone; no parameters.
    Base(Base),
    /// A base function plus a sub-network; `3 units + 1` parameters `[u | c | v | d]`.
    Learned {
        /// The function at the start.
        base: Base,
        /// Hidden units of the sub-network.
        units: usize,
    },
    /// A function tabulated at knots; the knots are its parameters. See [`table`](crate::table).
    Table(TableForm),
}

impl Kind {
    /// The rectifier `max(z, 0)`.
    pub const RELU: Kind = Kind::Base(Base::Relu);
    /// The hyperbolic tangent.
    pub const TANH: Kind = Kind::Base(Base::Tanh);
    /// The logistic function.
    pub const SIGMOID: Kind = Kind::Base(Base::Sigmoid);
    /// The sine.
    pub const SINE: Kind = Kind::Base(Base::Sine);
    /// The exponential linear unit.
    pub const ELU: Kind = Kind::Base(Base::Elu);

    /// Number of parameters of the type.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        match self {
            Kind::Base(_) => 0,
            Kind::Learned { units, .. } => units.saturating_mul(3).saturating_add(1),
            Kind::Table(form) => form.param_len(),
        }
    }

    pub(crate) const fn check(&self) -> Result<(), ShapeError> {
        match self {
            Kind::Base(_) => Ok(()),
            Kind::Learned { units, .. } if *units == 0 || *units > MAX_WIDTH => Err(ShapeError::BadUnits),
            Kind::Learned { .. } => Ok(()),
            Kind::Table(form) => form.check(),
        }
    }

    /// Where the output weights `v` of the sub-network lie among the type's parameters: start and length. Noise on its
    /// hidden units reaches the output through them alone.
    pub(crate) const fn readout(&self) -> (usize, usize) {
        match self {
            Kind::Base(_) => (0, 0),
            Kind::Learned { units, .. } => (2 * *units, *units),
            Kind::Table(form) => (2 * form.knots, form.readout),
        }
    }
}

/// Where the values of a function and its derivatives go, point by point: slices of the same length.
#[derive(Debug)]
pub struct Derivatives<'a, T> {
    /// The values, overwritten.
    pub value: &'a mut [T],
    /// The first derivatives, overwritten.
    pub slope: &'a mut [T],
    /// The second derivatives, overwritten.
    pub curvature: &'a mut [T],
}

/// An activation by itself: a function of one variable.
impl Kind {
    /// The function at any points: `out_i = sigma(z_i)`.
    ///
    /// `phi`: the type's parameters, [`Kind::param_len`]; `out`, overwritten: as long as `z`.
    ///
    /// # Errors
    /// If a length does not fit.
    pub fn eval<T: Real>(self, phi: &[T], z: &[T], out: &mut [T]) -> Result<(), SizeError> {
        check("phi", self.param_len(), phi.len())?;
        check("out", z.len(), out.len())?;

        forward(Plain, self, Planes([phi]), Planes([z]), PlanesMut([out]));
        Ok(())
    }

    /// The function and its first two derivatives at any points.
    ///
    /// `phi`: the type's parameters, [`Kind::param_len`]; `out`: as long as `z`. At a kink the derivatives are those of
    /// the left side.
    ///
    /// # Errors
    /// If a length does not fit.
    pub fn eval_derivatives<T: Real>(self, phi: &[T], z: &[T], out: Derivatives<'_, T>) -> Result<(), SizeError> {
        let Derivatives { value, slope, curvature } = out;
        self.eval(phi, z, value)?;
        check("slope", z.len(), slope.len())?;
        check("curvature", z.len(), curvature.len())?;

        // The adjoint of `sigma` along the tangent 1, from the adjoints (1, 0), is `(sigma', sigma'')`.
        slope.fill(T::ONE);
        curvature.fill(T::ZERO);
        let ones = [T::ONE; BLOCK];
        for (at, len) in blocks(z.len()) {
            let z = Planes([part(z, at, len), part(&ones, 0, len)]);
            let d = PlanesMut([part_mut(slope, at, len), part_mut(curvature, at, len)]);
            adjoint(Plain, self, Planes([phi, &[]]), z, d, PlanesMut([&mut [], &mut []]));
        }
        Ok(())
    }
}

/// `h = sigma(z)`.
///
/// `z`, `h`: runs of pre- and post-activations of one type; `phi`: the type's parameters.
#[inline(never)]
pub(crate) fn forward<T: Real, V: Vector, const K: usize>(
    v: V,
    kind: Kind,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    h: PlanesMut<'_, T, K>,
) {
    match kind {
        Kind::Base(base) => v.run(
            #[inline(always)]
            || base_forward(base, z, h),
        ),
        Kind::Learned { base, units } => v.run(
            #[inline(always)]
            || subnet_forward(base, units, phi, z, h),
        ),
        Kind::Table(form) => v.run(
            #[inline(always)]
            || table::forward(form, phi, z, h),
        ),
    }
}

/// As [`forward`] with one plane, and the slopes take the place of the pre-activations: all that the adjoint of the
/// weights needs of them.
#[inline(never)]
pub(crate) fn forward_with_slopes<T: Real, V: Vector>(v: V, kind: Kind, phi: &[T], z: &mut [T], h: &mut [T]) {
    match kind {
        Kind::Base(base) => v.run(
            #[inline(always)]
            || base_forward_with_slopes(base, z, h),
        ),
        Kind::Learned { base, units } => v.run(
            #[inline(always)]
            || subnet_forward_with_slopes(base, units, phi, z, h),
        ),
        Kind::Table(form) => v.run(
            #[inline(always)]
            || table::forward_with_slopes(form, phi, z, h),
        ),
    }
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

#[inline(always)]
fn base_forward_with_slopes<T: Real>(base: Base, z: &mut [T], h: &mut [T]) {
    for_base!(base, B => z.iter_mut().zip(h).for_each(|(z, h)| (*h, *z) = B.value_and_slope(*z)));
}

/// The slope is the tangent along 1.
#[inline(always)]
fn subnet_forward_with_slopes<T: Real>(base: Base, units: usize, phi: &[T], z: &mut [T], h: &mut [T]) {
    for (at, len) in blocks(z.len()) {
        let (z, h) = (part_mut(z, at, len), part_mut(h, at, len));
        let (mut inputs, ones) = ([T::ZERO; BLOCK], [T::ONE; BLOCK]);
        inputs.iter_mut().zip(&*z).for_each(|(i, &z)| *i = z);
        let planes = Planes([part(&inputs, 0, len), part(&ones, 0, len)]);
        subnet_forward(base, units, Planes([phi, &[]]), planes, PlanesMut([h, z]));
    }
}

/// In place, `d` goes from the adjoint of `h` to the adjoint of `z`; `dphi` (empty: not wanted) accumulates the
/// adjoint of the type's parameters.
#[inline(never)]
pub(crate) fn adjoint<T: Real, V: Vector, const K: usize>(
    v: V,
    kind: Kind,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    d: PlanesMut<'_, T, K>,
    dphi: PlanesMut<'_, T, K>,
) {
    match kind {
        Kind::Base(base) => v.run(
            #[inline(always)]
            || base_adjoint(base, z, d),
        ),
        Kind::Learned { base, units } => v.run(
            #[inline(always)]
            || subnet_adjoint(base, units, phi, z, d, dphi),
        ),
        Kind::Table(form) => v.run(
            #[inline(always)]
            || table::adjoint(form, phi, z, d, dphi),
        ),
    }
}

/// Product rule for a function of one variable: `h0 = f(z0)`, `h1 = f'(z0) z1`.
#[inline(always)]
fn base_forward<T: Real, const K: usize>(base: Base, z: Planes<'_, T, K>, mut h: PlanesMut<'_, T, K>) {
    let [h0, h1] = two(&mut h);
    for_base!(base, B => h0.iter_mut().zip(z.value()).for_each(|(h, &z)| *h = B.value(z)));
    let inputs = z.value().iter().zip(z.tangent());
    for_base!(base, B => h1.iter_mut().zip(inputs).for_each(|(h, (&z0, &z1))| *h = B.slope(z0) * z1));
}

/// `dz0 = d0 f'(z0)`, `dz1 = d1 f'(z0) + d0 f''(z0) z1`.
#[inline(always)]
fn base_adjoint<T: Real, const K: usize>(base: Base, z: Planes<'_, T, K>, mut d: PlanesMut<'_, T, K>) {
    let [d0, d1] = two(&mut d);
    let inputs = z.value().iter().zip(z.tangent());
    for_base!(base, B => for ((d1, &mut d0), (&z0, &z1)) in d1.iter_mut().zip(&mut *d0).zip(inputs) {
        *d1 = *d1 * B.slope(z0) + d0 * (B.curvature(z0) * z1);
    });
    for_base!(base, B => d0.iter_mut().zip(z.value()).for_each(|(d, &z)| *d = *d * B.slope(z)));
}

/// `f` of two lanes.
#[inline(always)]
pub(crate) fn zip<T: Real, const L: usize>(a: [T; L], b: [T; L], f: impl Fn(T, T) -> T) -> [T; L] {
    let mut out = a;
    for (o, b) in out.iter_mut().zip(b) {
        *o = f(*o, b);
    }
    out
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
fn jets<T: Real, const K: usize>(s: &Planes<'_, T, K>, at: usize, len: usize) -> [Jet<T, K>; BLOCK] {
    let mut out = [Jet([T::ZERO; K]); BLOCK];
    out.iter_mut().enumerate().take(len).for_each(|(i, jet)| *jet = Jet::read(s, at + i));
    out
}

/// Units in ascending order, then the bias: `sigma = base(z) + s ((v_0 t_0 + v_1 t_1 + ...) + d)`.
///
/// Unit by unit over a block of neurons and rows, so that the loop over the block becomes vector instructions.
#[inline(always)]
fn subnet_forward<T: Real, const K: usize>(
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

/// As [`subnet_forward`], unit by unit over blocks; the adjoints of the parameters add up in ascending order.
#[inline(always)]
fn subnet_adjoint<T: Real, const K: usize>(
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
            let each = dz.iter_mut().zip(&e).zip(&z).zip(of_hidden.iter_mut().zip(&mut of_output));
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
fn unit<T: Real, const K: usize>(phi: &Planes<'_, T, K>, units: usize, j: usize) -> (Jet<T, K>, Jet<T, K>, Jet<T, K>) {
    (Jet::read(phi, j), Jet::read(phi, units + j), Jet::read(phi, 2 * units + j))
}

/// What noise on the hidden units of a sub-network adds to its output: `s (v_0 n_0 + v_1 n_1 + ...)`, for each plane.
#[inline(always)]
pub(crate) fn noise_offset<T: Real, const K: usize>(
    kind: Kind,
    phi: &Planes<'_, T, K>,
    noise: impl Fn(u32) -> T,
) -> [T; K] {
    let (start, len) = kind.readout();
    let scale = T::from_f64(SUBNET_SCALE);
    phi.0.map(|plane| {
        let mut sum = T::ZERO;
        for (j, &v) in part(plane, start, len).iter().enumerate() {
            sum += v * noise(j as u32);
        }
        sum * scale
    })
}

/// Its adjoint: `dv_j += s n_j total`, where `total` is the sum of the adjoints of all outputs of the type.
#[inline(always)]
pub(crate) fn noise_offset_adjoint<T: Real, const K: usize>(
    kind: Kind,
    total: [T; K],
    dphi: PlanesMut<'_, T, K>,
    noise: impl Fn(u32) -> T,
) {
    let (start, len) = kind.readout();
    let scale = T::from_f64(SUBNET_SCALE);
    for (plane, total) in dphi.0.into_iter().zip(total) {
        for (j, dv) in part_mut(plane, start, len).iter_mut().enumerate() {
            *dv += noise(j as u32) * (scale * total);
        }
    }
}
