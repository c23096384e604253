//! A network as it is deployed: one sample at a time, weights and tables read where they lie.
//!
//! The weights `theta` are laid out as everywhere (see [`Shape`]); the activations are tables or base functions, one a
//! type. Sums run over the inputs in ascending order from the bias on, multiplication and addition rounded separately, as
//! in [`network`](crate::network): four outputs side by side, which changes no bit.
//!
//! ```
//! use ldnn_core::deploy::{Activation, predict, work_len};
//! use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry};
//! use ldnn_core::{Base, Kind, Shape};
//!
//! const SHAPE: Shape = Shape::new(&[2, 2, 1], &[Kind::Base(Base::Zero), Kind::Base(Base::Zero)]);
//! // What `ldnn export` writes, in small: the function |z| at three knots, and weights.
//! static KNOTS: Knots = Knots { low: -1.0, high: 1.0, count: 3 };
//! static TABLE: [f32; 3] = [1.0, 0.0, 1.0];
//! static THETA: [f32; 9] = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.5];
//!
//! let table = Compact::new(Form::Linear, KNOTS, Symmetry::None, Base::Zero, &TABLE).unwrap();
//! let activations = [Activation::Compact(table), Activation::Base(Base::Relu)];
//! let (mut out, mut work) = ([0.0], [0.0; work_len(&SHAPE)]);
//! predict(&SHAPE, &THETA, &activations, &[-0.25, 2.0], &mut out, &mut work)?;
//! assert_eq!(out, [0.25 + 2.0 + 0.5]);
//! # Ok::<(), ldnn_core::SizeError>(())
//! ```
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow; sizes have passed the door")]

use crate::activation::Base;
use crate::error::{SizeError, check, check_at_least};
use crate::planes::{part, part_mut};
use crate::shape::Shape;
use crate::table::compact::Compact;
use crate::table::integer::{Scaled8, Scaled16};

/// What a type of a deployed network computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<'a> {
    /// A base function, directly.
    Base(Base),
    /// A table of real numbers.
    Compact(Compact<'a>),
    /// A table of 16-bit integers.
    Integer(Scaled16<'a>),
    /// A table of 8-bit integers.
    Direct(Scaled8<'a>),
}

/// What [`predict`] takes as activations: a kind of table if all types have the same, so that no other is linked, or
/// [`Activation`].
pub trait Activate {
    /// In place, pre-activations become activations.
    fn apply(&self, z: &mut [f32]);
}

impl Activate for Compact<'_> {
    fn apply(&self, z: &mut [f32]) {
        Compact::apply(self, z);
    }
}

impl Activate for Scaled16<'_> {
    fn apply(&self, z: &mut [f32]) {
        Scaled16::apply(self, z);
    }
}

impl Activate for Scaled8<'_> {
    fn apply(&self, z: &mut [f32]) {
        Scaled8::apply(self, z);
    }
}

impl Activate for Activation<'_> {
    #[inline]
    fn apply(&self, z: &mut [f32]) {
        match self {
            Activation::Base(base) => z.iter_mut().for_each(|z| *z = base.value(*z)),
            Activation::Compact(table) => table.apply(z),
            Activation::Integer(table) => table.apply(z),
            Activation::Direct(table) => table.apply(z),
        }
    }
}

impl Activation<'_> {
    /// `h` becomes the activations, `z` their slopes.
    ///
    /// # Errors
    /// If the lengths differ.
    #[inline]
    pub fn apply_with_slopes(&self, z: &mut [f32], h: &mut [f32]) -> Result<(), SizeError> {
        match self {
            Activation::Base(base) => {
                check("h", z.len(), h.len())?;
                z.iter_mut().zip(h).for_each(|(z, h)| (*h, *z) = (base.value(*z), base.slope(*z)));
                Ok(())
            }
            Activation::Compact(table) => table.apply_with_slopes(z, h),
            Activation::Integer(table) => table.apply_with_slopes(z, h),
            Activation::Direct(table) => table.apply_with_slopes(z, h),
        }
    }
}

/// Raw inputs as the network was trained on them: `(x - mean) factor`, a pair (mean, factor) an input; of lengths the shortest
/// counts.
pub fn standardise(x: &[f32], pairs: &[[f32; 2]], to: &mut [f32]) {
    for ((to, x), [mean, factor]) in to.iter_mut().zip(x).zip(pairs) {
        *to = (x - mean) * factor;
    }
}

/// Number of scratch values that [`predict`] needs: two layers.
#[must_use]
pub const fn work_len(shape: &Shape) -> usize {
    let mut widest = 0;
    let mut l = 1;
    while l <= shape.hidden_layers() {
        if shape.width(l) > widest {
            widest = shape.width(l);
        }
        l += 1;
    }
    2 * widest
}

/// The outputs for one sample.
///
/// `theta`: `shape.theta_len()`; `activations`: one a type of the shape; `x`: inputs; `out`: outputs, overwritten; `work`:
/// [`work_len`].
///
/// # Errors
/// If a length differs.
pub fn predict(
    shape: &Shape,
    theta: &[f32],
    activations: &[impl Activate],
    x: &[f32],
    out: &mut [f32],
    work: &mut [f32],
) -> Result<(), SizeError> {
    check("theta", shape.theta_len(), theta.len())?;
    check("activations", shape.types(), activations.len())?;
    check("x", shape.inputs(), x.len())?;
    check("out", shape.outputs(), out.len())?;
    check_at_least("work", work_len(shape), work.len())?;
    let (mut from, mut to) = work.split_at_mut_checked(work_len(shape) / 2).unwrap_or_default();
    for l in 0..shape.hidden_layers() {
        let z = part_mut(to, 0, shape.width(l + 1));
        let h = if l == 0 { x } else { part(from, 0, shape.width(l)) };
        layer(shape, theta, l, z, h);
        activate(shape, activations, l, z);
        (from, to) = (to, from);
    }
    let last = shape.hidden_layers();
    let h = if last == 0 { x } else { part(from, 0, shape.width(last)) };
    layer(shape, theta, last, out, h);
    Ok(())
}

pub(crate) fn layer(shape: &Shape, theta: &[f32], l: usize, z: &mut [f32], x: &[f32]) {
    let weights = part(theta, shape.weights_at(l), z.len() * x.len());
    affine(z, weights, part(theta, shape.biases_at(l), z.len()), x);
}

fn activate(shape: &Shape, activations: &[impl Activate], l: usize, z: &mut [f32]) {
    let (first, count) = shape.layer_types(l);
    for (i, activation) in activations.iter().skip(first).take(count).enumerate() {
        let (start, end) = shape.block(l, i);
        activation.apply(part_mut(z, start, end - start));
    }
}

/// `z = b + W x`, five rows at a time, which most widths that people choose are a multiple of.
#[inline]
fn affine(z: &mut [f32], w: &[f32], b: &[f32], x: &[f32]) {
    let (fives, rest) = z.as_chunks_mut::<5>();
    let (of_fives, of_rest) = w.split_at_checked(5 * fives.len() * x.len()).unwrap_or_default();
    let (biases, last_biases) = b.as_chunks::<5>();
    for ((z, b), w) in fives.iter_mut().zip(biases).zip(of_fives.chunks_exact((5 * x.len()).max(1))) {
        let row = |r: usize| part(w, r * x.len(), x.len());
        *z = five_rows(*b, [row(0), row(1), row(2), row(3), row(4)], x);
    }
    for ((z, &b), w) in rest.iter_mut().zip(last_biases).zip(of_rest.chunks_exact(x.len().max(1))) {
        *z = w.iter().zip(x).fold(b, |z, (&w, &x)| z + w * x);
    }
}

/// Eight inputs at a time: one load of each for five products.
#[inline(always)]
#[allow(clippy::indexing_slicing, reason = "arrays of eight, indices below eight")]
fn five_rows(z: [f32; 5], w: [&[f32]; 5], x: &[f32]) -> [f32; 5] {
    let [mut z0, mut z1, mut z2, mut z3, mut z4] = z;
    let [w0, w1, w2, w3, w4] = w.map(|row| row.as_chunks::<8>());
    let (xs, tail) = x.as_chunks::<8>();
    let rows = w0.0.iter().zip(w1.0).zip(w2.0.iter().zip(w3.0)).zip(w4.0);
    for (x, (((w0, w1), (w2, w3)), w4)) in xs.iter().zip(rows) {
        for i in 0..8 {
            z0 += w0[i] * x[i];
            z1 += w1[i] * x[i];
            z2 += w2[i] * x[i];
            z3 += w3[i] * x[i];
            z4 += w4[i] * x[i];
        }
    }
    let rows = w0.1.iter().zip(w1.1).zip(w2.1.iter().zip(w3.1)).zip(w4.1);
    for (x, (((w0, w1), (w2, w3)), w4)) in tail.iter().zip(rows) {
        z0 += w0 * x;
        z1 += w1 * x;
        z2 += w2 * x;
        z3 += w3 * x;
        z4 += w4 * x;
    }
    [z0, z1, z2, z3, z4]
}
