//! A network in integers: weights and activations of 8 bits, sums of 32, no floating point between
//! the inputs and the answer.
//!
//! A number `x` of a layer's input stands for `(x - zero) step`; each output channel has a step of
//! its own for its weights, which are symmetric (no zero point). A sum is brought to the scale of
//! what follows by one multiplication and one shift:
//!
//! `z = (factor (bias + sum_i w_i x_i) + 2^(shift-1)) >> shift`, held within the integers of the
//! result,
//!
//! in 64 bits, where the shift rounds down; biases carry the zero point of the inputs. A hidden `z`
//! has 8 bits and goes through the [`Table8`] of its type; an output has 16. Everything is exact,
//! so every machine agrees.
//!
//! ```
//! use ldnn_core::Shape;
//! use ldnn_core::quantised::{Parts, Quantised};
//! use ldnn_core::table::integer::Scale;
//!
//! // A linear model: y = 2 x0 - x1, where an input integer stands for 0.1, a weight for 0.5, an output for 0.05.
//! const SHAPE: Shape = Shape::new(&[2, 1], &[]);
//! let parts = Parts {
//!     weights: &[4, -2],
//!     biases: &[0],
//!     factors: &[1 << 9],
//!     shifts: [9, 0, 0, 0, 0, 0, 0, 0, 0],
//!     tables: &[],
//!     input: Scale { step: 0.1, zero: 0 },
//!     output: Scale { step: 0.05, zero: 0 },
//! };
//! let network = Quantised::new(SHAPE, parts)?;
//! let (mut q, mut out) = ([0; 2], [0; 1]);
//! network.quantise(&[1.5, 0.5], &mut q)?;
//! network.predict(&q, &mut out, &mut [])?;
//! assert_eq!((q, out), ([15, 5], [50]));
//! assert_eq!(parts.output.real(out[0].into()), 2.5);
//! # Ok::<(), ldnn_core::quantised::QuantisedError>(())
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

mod parts;

use crate::device::scaling::{RunError, Scaling};
use crate::device::table::integer::Table8;
use crate::error::{SizeError, check, check_at_least};
use crate::kernel::planes::{part, part_mut};
use crate::shape::Shape;

pub(crate) use parts::check_parts;
pub use parts::{MAX_INPUTS, MAX_LAYERS, Parts, QuantisedError};

/// A network whose parts fit each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantised<'a> {
    shape: Shape,
    parts: Parts<'a>,
    per: f32,
    offset: f32,
}

/// The scratch that [`Quantised::run`] needs.
#[derive(Debug)]
pub struct Scratch<'a> {
    /// One per input.
    pub q: &'a mut [i8],
    /// [`Quantised::work_len`].
    pub work: &'a mut [i8],
    /// One per output.
    pub y: &'a mut [i16],
}

impl<'a> Quantised<'a> {
    /// A network of `shape` with these parts.
    ///
    /// # Errors
    /// If one does not fit.
    pub fn new(shape: Shape, parts: Parts<'a>) -> Result<Self, QuantisedError> {
        let lens = [
            parts.weights.len(),
            parts.biases.len(),
            parts.factors.len(),
            parts.tables.len(),
        ];

        let (biases, factors) = (parts.biases.iter().copied(), parts.factors.iter().copied());

        check_parts(
            &shape,
            lens,
            biases,
            factors,
            parts.shifts,
            [parts.input, parts.output],
        )?;

        // Counted from the least integer, so that rounding towards zero after adding a half is to
        // the nearest.
        let offset = parts.input.zero as f32 + 128.5;

        Ok(Quantised {
            shape,
            parts,
            per: 1.0 / parts.input.step,
            offset,
        })
    }

    /// Its shape.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its numbers.
    #[must_use]
    pub const fn parts(&self) -> &Parts<'a> {
        &self.parts
    }

    /// Real inputs as integers, to the nearest, the ends of the range for what lies beyond, -128
    /// for NaN.
    ///
    /// # Errors
    /// If a length is not the number of inputs; then nothing has changed.
    pub fn quantise(&self, x: &[f32], to: &mut [i8]) -> Result<(), SizeError> {
        check("x", self.shape.inputs(), x.len())?;
        check("to", self.shape.inputs(), to.len())?;
        to.iter_mut()
            .zip(x)
            .for_each(|(to, &x)| *to = self.integer(x));
        Ok(())
    }

    #[inline(always)]
    fn integer(&self, x: f32) -> i8 {
        ((x * self.per + self.offset) as i32)
            .clamp(0, 255)
            .wrapping_sub(128) as i8
    }

    /// From raw readings to the answer, as [`Pipeline::run`](crate::deploy::Pipeline::run).
    ///
    /// # Errors
    /// If a length differs, or an input is NaN or infinite; then `out` has not changed.
    pub fn run(
        &self,
        scaling: &Scaling<'_>,
        raw: &[f32],
        out: &mut [f32],
        scratch: Scratch<'_>,
    ) -> Result<usize, RunError> {
        let Scratch { q, work, y } = scratch;
        scaling.check(&self.shape)?;
        check("raw", self.shape.inputs(), raw.len())?;
        check("out", self.shape.outputs(), out.len())?;
        check("q", self.shape.inputs(), q.len())?;

        for (i, (q, &raw)) in q.iter_mut().zip(raw).enumerate() {
            *q = self.integer(scaling.read(i, raw).ok_or(RunError::NotFinite)?);
        }

        self.predict(q, y, work)?;

        // A scale can be so large that a value is infinite: known before anything is written.
        let real = |y: i16| self.parts.output.real(y.into());

        if !y
            .iter()
            .enumerate()
            .all(|(i, &y)| scaling.value(i, real(y)).is_finite())
        {
            return Err(RunError::NotFinite);
        }

        out.iter_mut()
            .zip(y.iter())
            .for_each(|(out, &y)| *out = real(y));

        scaling.answer(out)
    }

    /// Length of the `work` of [`Self::predict`] and of [`Scratch`]: two layers.
    #[must_use]
    pub const fn work_len(&self) -> usize {
        self.shape.predict_len()
    }

    /// The outputs for one sample.
    ///
    /// # Errors
    /// If a length differs.
    pub fn predict(&self, x: &[i8], out: &mut [i16], work: &mut [i8]) -> Result<(), SizeError> {
        check("x", self.shape.inputs(), x.len())?;
        check("out", self.shape.outputs(), out.len())?;
        check_at_least("work", self.work_len(), work.len())?;

        let (mut from, mut to) = work
            .split_at_mut_checked(self.work_len() / 2)
            .unwrap_or_default();
        let (mut weights, mut biases, mut factors) =
            (self.parts.weights, self.parts.biases, self.parts.factors);
        let last = self.shape.hidden_layers();

        for (l, &shift) in self.parts.shifts.iter().take(last + 1).enumerate() {
            let (inputs, outputs) = (self.shape.width(l), self.shape.width(l + 1));
            let h = if l == 0 { x } else { part(from, 0, inputs) };

            let layer = Layer {
                weights: take(&mut weights, inputs * outputs),
                biases: take(&mut biases, outputs),
                factors: take(&mut factors, outputs),
                shift: shift.into(),
            };

            if l == last {
                layer.run(h, out, |z| z.clamp(-32768, 32767) as i16);
            } else {
                let z = part_mut(to, 0, outputs);
                layer.run(h, z, |z| z.clamp(-128, 127) as i8);
                self.activate(l, z);
                (from, to) = (to, from);
            }
        }

        Ok(())
    }

    fn activate(&self, l: usize, z: &mut [i8]) {
        let (first, count) = self.shape.layer_types(l);
        for (i, table) in self.parts.tables.iter().skip(first).take(count).enumerate() {
            let (start, end) = self.shape.block(l, i);
            Table8(table).apply(part_mut(z, start, end - start));
        }
    }
}

/// Takes `count` items off the front.
fn take<'a, T>(items: &mut &'a [T], count: usize) -> &'a [T] {
    let (taken, rest) = items.split_at_checked(count).unwrap_or_default();
    *items = rest;
    taken
}

/// One affine layer.
struct Layer<'a> {
    weights: &'a [i8],
    biases: &'a [i32],
    factors: &'a [i32],
    shift: u32,
}

impl Layer<'_> {
    #[inline(always)]
    fn run<T>(&self, x: &[i8], z: &mut [T], narrow: impl Fn(i64) -> T) {
        let half = 1i64.wrapping_shl(self.shift) >> 1;
        let scaled = |sum: i32, factor: i32| {
            narrow((i64::from(sum) * i64::from(factor) + half).wrapping_shr(self.shift))
        };
        let (fives, rest) = z.as_chunks_mut::<5>();
        let (of_fives, of_rest) = self
            .weights
            .split_at_checked(5 * fives.len() * x.len())
            .unwrap_or_default();

        let (biases, last_biases) = self.biases.as_chunks::<5>();
        let (factors, last_factors) = self.factors.as_chunks::<5>();
        let ends = biases.iter().zip(factors);

        for ((z, w), (b, f)) in fives
            .iter_mut()
            .zip(of_fives.chunks_exact((5 * x.len()).max(1)))
            .zip(ends)
        {
            let row = |r: usize| part(w, r * x.len(), x.len());
            let sums = five_rows(*b, [row(0), row(1), row(2), row(3), row(4)], x);
            for ((z, &f), sum) in z.iter_mut().zip(f).zip(sums) {
                *z = scaled(sum, f);
            }
        }

        let ends = last_biases.iter().zip(last_factors);

        for ((z, w), (&b, &f)) in rest
            .iter_mut()
            .zip(of_rest.chunks_exact(x.len().max(1)))
            .zip(ends)
        {
            *z = scaled(
                w.iter()
                    .zip(x)
                    .fold(b, |sum, (&w, &x)| sum.wrapping_add(product(w, x))),
                f,
            );
        }
    }
}

#[inline(always)]
fn product(w: i8, x: i8) -> i32 {
    i32::from(w) * i32::from(x)
}

/// Sums stay within 32 bits, see [`MAX_INPUTS`]; their order does not matter.
#[inline(always)]
fn five_rows(z: [i32; 5], [w0, w1, w2, w3, w4]: [&[i8]; 5], x: &[i8]) -> [i32; 5] {
    let [mut z0, mut z1, mut z2, mut z3, mut z4] = z;

    for (&x, (((&w0, &w1), (&w2, &w3)), &w4)) in x
        .iter()
        .zip(w0.iter().zip(w1).zip(w2.iter().zip(w3)).zip(w4))
    {
        z0 = z0.wrapping_add(product(w0, x));
        z1 = z1.wrapping_add(product(w1, x));
        z2 = z2.wrapping_add(product(w2, x));
        z3 = z3.wrapping_add(product(w3, x));
        z4 = z4.wrapping_add(product(w4, x));
    }

    [z0, z1, z2, z3, z4]
}
