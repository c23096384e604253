//! A network as it is deployed: one sample at a time, weights and tables read where they lie.
//!
//! The weights `theta` are laid out as everywhere (see [`Shape`]); the activations are tables or
//! base functions, one a type. Sums run over the inputs in ascending order from the bias on,
//! multiplication and addition rounded separately, as in [`network`](crate::network): four outputs
//! side by side, which changes no bit.
//!
//! ```
//! use ldnn_core::deploy::{AnyActivation, Pipeline, work_len};
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
//! let (mut out, mut work) = ([0.0], [0.0; work_len(&SHAPE)]);
//! Pipeline::unscaled(&SHAPE, &THETA, &activations).predict(&[-0.25, 2.0], &mut out, &mut work)?;
//! assert_eq!(out, [0.25 + 2.0 + 0.5]);
//! # Ok::<(), ldnn_core::SizeError>(())
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::activation::Base;
use crate::error::{SizeError, check, check_at_least};
use crate::loss::{arg_max, softmax};
use crate::planes::{part, part_mut};
use crate::quantised::QuantisedError;
use crate::shape::Shape;
use crate::table::compact::Compact;
use crate::table::integer::{Scaled8, Scaled16};

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

/// Raw inputs as the network was trained on them: `(x - mean) factor`.
///
/// `x`, `pairs` (mean and factor) and `to` have one entry per input.
///
/// # Errors
/// If two lengths differ; then nothing has changed.
pub fn standardise(x: &[f32], pairs: &[[f32; 2]], to: &mut [f32]) -> Result<(), SizeError> {
    check("pairs", x.len(), pairs.len())?;
    check("to", x.len(), to.len())?;

    for ((to, x), pair) in to.iter_mut().zip(x).zip(pairs) {
        *to = standardised(*x, *pair);
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn standardised(x: f32, [mean, factor]: [f32; 2]) -> f32 {
    (x - mean) * factor
}

/// Logits become probabilities, as by [`softmax`]; returns the class, as [`arg_max`] has it.
///
/// `None` if there is no logit or one is not
/// finite; then nothing has changed.
pub fn probabilities(y: &mut [f32]) -> Option<usize> {
    if y.is_empty() || !y.iter().all(|y| y.is_finite()) {
        return None;
    }

    let class = arg_max(y);
    softmax(y);
    Some(class)
}

/// How raw readings become the numbers of a network, and its outputs become answers.
///
/// For a column whose readings are too large for their spread to be told apart in single precision,
/// a model has an offset; then `raw` is the reading less the offset, subtracted in integers or in
/// double precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling<'a> {
    /// Mean and factor of each input, for [`standardise`]; empty if the network takes inputs as
    /// they are.
    pub inputs: &'a [[f32; 2]],
    /// What the outputs mean.
    pub outputs: Outputs<'a>,
}

/// What the outputs of a network mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outputs<'a> {
    /// Nothing is known: they are the answer.
    Plain,
    /// One logit per class.
    Classes,
    /// Standardised values, with standard deviation and mean of each: `y sd + mean` is in the units
    /// of the table.
    Values(&'a [[f32; 2]]),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// A buffer has the wrong length.
    Size(SizeError),
    /// A raw input is NaN or infinite, or so large that the network's numbers are no longer finite.
    NotFinite,
    /// The network of integers is impossible.
    Quantised(QuantisedError),
}

impl From<SizeError> for RunError {
    fn from(e: SizeError) -> Self {
        RunError::Size(e)
    }
}

impl From<QuantisedError> for RunError {
    fn from(e: QuantisedError) -> Self {
        RunError::Quantised(e)
    }
}

impl core::fmt::Display for RunError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            RunError::Size(e) => e.fmt(f),
            RunError::Quantised(e) => e.fmt(f),
            RunError::NotFinite => {
                f.write_str("an input is NaN, infinite, or far too large; there is no answer")
            }
        }
    }
}

impl core::error::Error for RunError {}

impl Scaling<'_> {
    /// A network that takes inputs as they are, and whose outputs are the answer.
    pub const PLAIN: Scaling<'static> = Scaling {
        inputs: &[],
        outputs: Outputs::Plain,
    };

    /// Whether it fits a network with so many inputs and outputs.
    ///
    /// # Errors
    /// If a length differs.
    pub fn check(&self, shape: &Shape) -> Result<(), SizeError> {
        if !self.inputs.is_empty() {
            check("inputs", shape.inputs(), self.inputs.len())?;
        }

        match self.outputs {
            Outputs::Values(pairs) => check("outputs", shape.outputs(), pairs.len()),
            Outputs::Plain | Outputs::Classes => Ok(()),
        }
    }

    /// The number that the network takes for input `i`; `None` if it is not finite.
    #[inline]
    pub(crate) fn read(&self, i: usize, raw: f32) -> Option<f32> {
        let x = match self.inputs.get(i) {
            Some(&pair) => standardised(raw, pair),
            None => raw,
        };
        Some(x).filter(|x| x.is_finite())
    }

    /// Output `i` in the units of the table, if it is a value.
    #[inline]
    pub(crate) fn value(&self, i: usize, y: f32) -> f32 {
        match self.outputs {
            Outputs::Values(pairs) => pairs.get(i).map_or(y, |[sd, mean]| y * sd + mean),
            Outputs::Plain | Outputs::Classes => y,
        }
    }

    /// Outputs of the network become the answer in place; returns the class, 0 if there are no
    /// classes.
    ///
    /// # Errors
    /// If a length differs, or a number is not finite.
    pub fn answer(&self, y: &mut [f32]) -> Result<usize, RunError> {
        match self.outputs {
            Outputs::Plain => {}
            Outputs::Classes => return probabilities(y).ok_or(RunError::NotFinite),
            Outputs::Values(pairs) => {
                check("outputs", y.len(), pairs.len())?;
                y.iter_mut()
                    .enumerate()
                    .for_each(|(i, y)| *y = self.value(i, *y));
            }
        }

        if y.iter().all(|y| y.is_finite()) {
            Ok(0)
        } else {
            Err(RunError::NotFinite)
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

/// Number of scratch values that [`Pipeline::run`] needs: inputs, outputs, and two layers.
#[must_use]
pub const fn run_len(shape: &Shape) -> usize {
    shape.inputs() + shape.outputs() + work_len(shape)
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
    /// `x`: inputs; `out`: outputs, overwritten; `work`: [`work_len`].
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
        check_at_least("work", work_len(shape), work.len())?;

        let (mut from, mut to) = work
            .split_at_mut_checked(work_len(shape) / 2)
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
    /// `raw`: inputs; `out`: outputs; `work`: [`run_len`].
    ///
    /// # Errors
    /// If a length differs, or an input is NaN, infinite, or so large that nothing finite comes
    /// out; then `out` has not changed.
    pub fn run(&self, raw: &[f32], out: &mut [f32], work: &mut [f32]) -> Result<usize, RunError> {
        let shape = self.shape;
        self.scaling.check(shape)?;
        check("raw", shape.inputs(), raw.len())?;
        check("out", shape.outputs(), out.len())?;
        check_at_least("work", run_len(shape), work.len())?;

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

/// Number of scratch values that [`Pipeline::predict`] needs: two layers.
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
