//! A network as it is deployed: one sample at a time, weights and tables read where they lie.
//!
//! The weights `theta` are laid out as everywhere (see [`Shape`]); the activations are tables or
//! base functions, one per type. Sums run over the inputs in ascending order from the bias on,
//! multiplication and addition rounded separately, as in [`network`](crate::network): four outputs
//! side by side, which changes no bit.
//!
//! ```
//! use ldnn_core::deploy::{AnyActivation, Pipeline};
//! use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry};
//! use ldnn_core::{Base, Activation, Shape};
//!
//! const SHAPE: Shape = Shape::new(&[2, 2, 1], &[Activation::Base(Base::Zero), Activation::Base(Base::Zero)]);
//! // What `ldnn export` writes, in small: the function |z| at three knots, and weights.
//! static KNOTS: Knots = Knots { low: -1.0, high: 1.0, count: 3 };
//! static TABLE: [f32; 3] = [1.0, 0.0, 1.0];
//! static THETA: [f32; 9] = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.5];
//!
//! let table = Compact::new(Form::Linear, KNOTS, Symmetry::None, Base::Zero, &TABLE).unwrap();
//! let activations = [AnyActivation::Compact(table), AnyActivation::Base(Base::Relu)];
//! let (mut out, mut work) = ([0.0], [0.0; SHAPE.predict_len()]);
//! Pipeline::unscaled(&SHAPE, &THETA, &activations).predict(&[-0.25, 2.0], &mut out, &mut work)?;
//! assert_eq!(out, [0.25 + 2.0 + 0.5]);
//! # Ok::<(), ldnn_core::SizeError>(())
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::activation::Base;
use crate::device::table::compact::Compact;
use crate::device::table::integer::{Scaled8, Scaled16};
use crate::error::{SizeError, check, check_at_least};
use crate::kernel::planes::{part, part_mut};
use crate::shape::Shape;

pub use crate::device::scaling::{Outputs, RunError, Scaling, probabilities, standardise};

/// What a type of a deployed network computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AnyActivation<'a> {
    /// A base function, directly.
    Base(Base),
    /// A table of real numbers.
    Compact(Compact<'a>),
    /// A table of 16-bit integers.
    Integer(Scaled16<'a>),
    /// A table of 8-bit integers.
    Direct(Scaled8<'a>),
}

/// What [`Pipeline`] takes as activations: a kind of table if all types have the same, so that no
/// other is linked, or
/// [`AnyActivation`].
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

impl Activate for AnyActivation<'_> {
    #[inline]
    fn apply(&self, z: &mut [f32]) {
        match self {
            AnyActivation::Base(base) => z.iter_mut().for_each(|z| *z = base.value(*z)),
            AnyActivation::Compact(table) => table.apply(z),
            AnyActivation::Integer(table) => table.apply(z),
            AnyActivation::Direct(table) => table.apply(z),
        }
    }
}

impl AnyActivation<'_> {
    /// `h` becomes the activations, `z` their slopes.
    ///
    /// # Errors
    /// If the lengths differ.
    #[inline]
    pub fn apply_with_slopes(&self, z: &mut [f32], h: &mut [f32]) -> Result<(), SizeError> {
        match self {
            AnyActivation::Base(base) => {
                check("h", z.len(), h.len())?;
                z.iter_mut()
                    .zip(h)
                    .for_each(|(z, h)| (*h, *z) = (base.value(*z), base.slope(*z)));
                Ok(())
            }
            AnyActivation::Compact(table) => table.apply_with_slopes(z, h),
            AnyActivation::Integer(table) => table.apply_with_slopes(z, h),
            AnyActivation::Direct(table) => table.apply_with_slopes(z, h),
        }
    }
}

/// A network of real numbers with everything between raw readings and answers.
#[derive(Clone, Copy, Debug)]
pub struct Pipeline<'a, A> {
    /// Its sizes.
    pub shape: &'a Shape,
    /// Weights and biases, `shape.theta_len()`.
    pub theta: &'a [f32],
    /// One per type of the shape.
    pub activations: &'a [A],
    /// What inputs and outputs mean.
    pub scaling: Scaling<'a>,
}

impl<'a, A: Activate> Pipeline<'a, A> {
    /// A network that takes inputs as they are, and whose outputs are the answer.
    #[must_use]
    pub const fn unscaled(shape: &'a Shape, theta: &'a [f32], activations: &'a [A]) -> Self {
        Pipeline {
            shape,
            theta,
            activations,
            scaling: Scaling::PLAIN,
        }
    }

    /// The outputs of the network itself for one sample, without the scaling of inputs and outputs.
    ///
    /// `x`: inputs; `out`: outputs, overwritten; `work`: [`Shape::predict_len`].
    ///
    /// # Errors
    /// If a length differs.
    // Inlined, the sizes of a constant shape reach the loops, which then need fewer bytes and
    // instructions. The compiler does not see through the reference to `self`, and inlines of
    // itself only where there is a single caller.
    #[inline(always)]
    pub fn predict(&self, x: &[f32], out: &mut [f32], work: &mut [f32]) -> Result<(), SizeError> {
        let Pipeline {
            shape,
            theta,
            activations,
            ..
        } = *self;

        check("theta", shape.theta_len(), theta.len())?;
        check("activations", shape.types(), activations.len())?;
        check("x", shape.inputs(), x.len())?;
        check("out", shape.outputs(), out.len())?;
        check_at_least("work", shape.predict_len(), work.len())?;

        let (mut from, mut to) = work
            .split_at_mut_checked(shape.predict_len() / 2)
            .unwrap_or_default();

        for l in 0..shape.hidden_layers() {
            let z = part_mut(to, 0, shape.width(l + 1));

            let h = if l == 0 {
                x
            } else {
                part(from, 0, shape.width(l))
            };

            layer(shape, theta, l, z, h);
            activate(shape, activations, l, z);
            (from, to) = (to, from);
        }

        let last = shape.hidden_layers();
        let h = if last == 0 {
            x
        } else {
            part(from, 0, shape.width(last))
        };

        layer(shape, theta, last, out, h);
        Ok(())
    }

    /// From raw readings to the answer: the index of the class and the probability of each class in
    /// `out`; or 0 and the values, in the units of the table.
    ///
    /// `raw`: inputs; `out`: outputs; `work`: [`Shape::run_len`].
    ///
    /// # Errors
    /// If a length differs, or an input is NaN, infinite, or so large that nothing finite comes
    /// out; then `out` has not changed.
    pub fn run(&self, raw: &[f32], out: &mut [f32], work: &mut [f32]) -> Result<usize, RunError> {
        let shape = self.shape;
        self.scaling.check(shape)?;
        check("raw", shape.inputs(), raw.len())?;
        check("out", shape.outputs(), out.len())?;
        check_at_least("work", shape.run_len(), work.len())?;

        let (x, rest) = work.split_at_mut_checked(raw.len()).unwrap_or_default();
        let (y, rest) = rest.split_at_mut_checked(out.len()).unwrap_or_default();

        for (i, (x, &raw)) in x.iter_mut().zip(raw).enumerate() {
            *x = self.scaling.read(i, raw).ok_or(RunError::NotFinite)?;
        }

        self.predict(x, y, rest)?;

        let class = self.scaling.answer(y)?;

        out.iter_mut().zip(y).for_each(|(out, y)| *out = *y);
        Ok(class)
    }
}

/// How much scratch memory a deployed network needs.
impl Shape {
    /// Length of the `work` of [`Pipeline::predict`] and of
    /// [`Quantised::predict`](crate::quantised::Quantised::predict): two layers.
    #[must_use]
    pub const fn predict_len(&self) -> usize {
        let mut widest = 0;
        let mut l = 1;
        while l <= self.hidden_layers() {
            if self.width(l) > widest {
                widest = self.width(l);
            }
            l += 1;
        }

        2 * widest
    }

    /// Length of the `work` of [`Pipeline::run`]: inputs, outputs, and two layers.
    #[must_use]
    pub const fn run_len(&self) -> usize {
        self.inputs() + self.outputs() + self.predict_len()
    }
}

/// [`Shape::predict_len`], under the name that exported Rust calls it by.
#[must_use]
pub const fn work_len(shape: &Shape) -> usize {
    shape.predict_len()
}

/// [`Shape::run_len`], under the name that exported Rust calls it by.
#[must_use]
pub const fn run_len(shape: &Shape) -> usize {
    shape.run_len()
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
    // No layer has so few inputs. Told so, the compiler has no case in which `z` is a copy of `b`,
    // and links no `memcpy`.
    if x.is_empty() {
        return;
    }

    let (fives, rest) = z.as_chunks_mut::<5>();
    let (of_fives, of_rest) = w
        .split_at_checked(5 * fives.len() * x.len())
        .unwrap_or_default();
    let (biases, last_biases) = b.as_chunks::<5>();

    for ((z, b), w) in fives
        .iter_mut()
        .zip(biases)
        .zip(of_fives.chunks_exact((5 * x.len()).max(1)))
    {
        let row = |r: usize| part(w, r * x.len(), x.len());
        *z = five_rows(*b, [row(0), row(1), row(2), row(3), row(4)], x);
    }

    for ((z, &b), w) in rest
        .iter_mut()
        .zip(last_biases)
        .zip(of_rest.chunks_exact(x.len().max(1)))
    {
        *z = w.iter().zip(x).fold(b, |z, (&w, &x)| z + w * x);
    }
}

/// Eight inputs at a time: one load of each for five products.
#[inline(always)]
#[allow(
    clippy::indexing_slicing,
    reason = "arrays of eight, indices below eight"
)]
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
