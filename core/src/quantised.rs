//! A network in integers: weights and activations of 8 bits, sums of 32, no floating point between the inputs and the answer.
//!
//! A number `x` of a layer's input stands for `(x - zero) step`; each output channel has a step of its own for its weights,
//! which are symmetric (no zero point). A sum is brought to the scale of what follows by one multiplication and one shift:
//!
//! `z = (factor (bias + sum_i w_i x_i) + 2^(shift-1)) >> shift`, held within the integers of the result,
//!
//! in 64 bits, where the shift rounds down; biases carry the zero point of the inputs. A hidden `z` has 8 bits and goes
//! through the [`Table8`] of its type; an output has 16. Everything is exact, so every machine agrees.

use crate::error::{SizeError, check, check_at_least};
use crate::planes::{part, part_mut};
use crate::shape::Shape;
use crate::table::integer::{Scale, Table8};

/// The most inputs of a layer: their products and a bias up to 2^30 fit into 32 bits.
pub const MAX_INPUTS: usize = 1 << 16;

/// One affine layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer<'a> {
    /// outputs x inputs, row-major.
    pub weights: &'a [i8],
    /// One an output, within +-2^30, on the scale of the sum.
    pub biases: &'a [i32],
    /// One an output: what a sum is multiplied by; not negative.
    pub factors: &'a [i32],
    /// By how many bits the product is shifted down: 1 to 62.
    pub shift: u32,
}

/// Why a network of integers is impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuantisedError {
    /// A part has the wrong length.
    Size(SizeError),
    /// A layer has more than [`MAX_INPUTS`].
    Inputs,
    /// A bias is beyond +-2^30.
    Bias,
    /// A factor is negative, or a shift not 1 to 62.
    Factor,
    /// The step of a scale is not positive and finite, or the input's zero not an i8.
    Scale,
}

impl From<SizeError> for QuantisedError {
    fn from(e: SizeError) -> Self {
        QuantisedError::Size(e)
    }
}

impl core::fmt::Display for QuantisedError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            QuantisedError::Size(e) => e.fmt(f),
            QuantisedError::Inputs => write!(f, "a layer of integers has at most {MAX_INPUTS} inputs"),
            QuantisedError::Bias => f.write_str("a bias is beyond 2^30; its layer's weights are too small for it"),
            QuantisedError::Factor => f.write_str("factors must not be negative and shifts 1 to 62"),
            QuantisedError::Scale => f.write_str("a scale needs a positive, finite step, the input's zero an i8"),
        }
    }
}

impl core::error::Error for QuantisedError {}

/// A network whose parts fit each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantised<'a> {
    shape: Shape,
    layers: &'a [Layer<'a>],
    tables: &'a [Table8<'a>],
    input: Scale,
    output: Scale,
    per: f32,
    offset: f32,
}

impl<'a> Quantised<'a> {
    /// `layers`: one an affine layer of the shape; `tables`: one a type; the scales: what inputs and outputs stand for
    /// (`output.zero` is 0).
    ///
    /// # Errors
    /// If a part does not fit.
    pub fn new(
        shape: Shape,
        layers: &'a [Layer<'a>],
        tables: &'a [Table8<'a>],
        input: Scale,
        output: Scale,
    ) -> Result<Self, QuantisedError> {
        check("layers", shape.layers(), layers.len())?;
        check("tables", shape.types(), tables.len())?;
        for (l, layer) in layers.iter().enumerate() {
            let (inputs, outputs) = (shape.width(l), shape.width(l + 1));
            check("weights", inputs * outputs, layer.weights.len())?;
            check("biases", outputs, layer.biases.len())?;
            check("factors", outputs, layer.factors.len())?;
            if inputs > MAX_INPUTS {
                return Err(QuantisedError::Inputs);
            }
            if layer.biases.iter().any(|b| b.unsigned_abs() > 1 << 30) {
                return Err(QuantisedError::Bias);
            }
            if layer.factors.iter().any(|&f| f < 0) || !(1..=62).contains(&layer.shift) {
                return Err(QuantisedError::Factor);
            }
        }
        let per = 1.0 / input.step;
        let zero = (-128..=127).contains(&input.zero) && output.zero == 0;
        if !input.is_valid() || !output.is_valid() || !per.is_finite() || !zero {
            return Err(QuantisedError::Scale);
        }
        // Counted from the least integer, so that rounding towards zero after adding a half is to the nearest.
        let offset = input.zero as f32 + 128.5;
        Ok(Quantised { shape, layers, tables, input, output, per, offset })
    }

    /// Its shape.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// What inputs stand for.
    #[must_use]
    pub const fn input(&self) -> Scale {
        self.input
    }

    /// What outputs stand for.
    #[must_use]
    pub const fn output(&self) -> Scale {
        self.output
    }

    /// Real inputs as integers, to the nearest, the ends of the range for what lies beyond, -128 for what is not a number. Of
    /// two lengths the shorter counts.
    pub fn quantise(&self, x: &[f32], to: &mut [i8]) {
        for (to, &x) in to.iter_mut().zip(x) {
            *to = (((x * self.per + self.offset) as i32).clamp(0, 255) - 128) as i8;
        }
    }

    /// Number of scratch values that [`Self::predict`] needs: two layers.
    #[must_use]
    pub const fn work_len(&self) -> usize {
        crate::deploy::work_len(&self.shape)
    }

    /// The outputs for one sample.
    ///
    /// # Errors
    /// If a length differs.
    pub fn predict(&self, x: &[i8], out: &mut [i16], work: &mut [i8]) -> Result<(), SizeError> {
        check("x", self.shape.inputs(), x.len())?;
        check("out", self.shape.outputs(), out.len())?;
        check_at_least("work", self.work_len(), work.len())?;
        let (mut from, mut to) = work.split_at_mut_checked(self.work_len() / 2).unwrap_or_default();
        let last = self.shape.hidden_layers();
        for (l, layer) in self.layers.iter().enumerate() {
            let h = if l == 0 { x } else { part(from, 0, self.shape.width(l)) };
            if l == last {
                layer.run(h, out, |z| z.clamp(-32768, 32767) as i16);
            } else {
                let z = part_mut(to, 0, self.shape.width(l + 1));
                layer.run(h, z, |z| z.clamp(-128, 127) as i8);
                self.activate(l, z);
                (from, to) = (to, from);
            }
        }
        Ok(())
    }

    fn activate(&self, l: usize, z: &mut [i8]) {
        let (first, count) = self.shape.layer_types(l);
        for (i, table) in self.tables.iter().skip(first).take(count).enumerate() {
            let (start, end) = self.shape.block(l, i);
            table.apply(part_mut(z, start, end - start));
        }
    }
}

impl Layer<'_> {
    #[inline(always)]
    fn run<T>(&self, x: &[i8], z: &mut [T], narrow: impl Fn(i64) -> T) {
        let scaled = |sum: i32, factor: i32| {
            narrow((i64::from(sum) * i64::from(factor) + (1 << (self.shift - 1))) >> self.shift)
        };
        let (fours, rest) = z.as_chunks_mut::<4>();
        let (of_fours, of_rest) = self.weights.split_at_checked(4 * fours.len() * x.len()).unwrap_or_default();
        let (biases, last_biases) = self.biases.as_chunks::<4>();
        let (factors, last_factors) = self.factors.as_chunks::<4>();
        let ends = biases.iter().zip(factors);
        for ((z, w), (b, f)) in fours.iter_mut().zip(of_fours.chunks_exact(4 * x.len())).zip(ends) {
            let row = |r: usize| part(w, r * x.len(), x.len());
            let sums = four_rows(*b, [row(0), row(1), row(2), row(3)], x);
            for ((z, &f), sum) in z.iter_mut().zip(f).zip(sums) {
                *z = scaled(sum, f);
            }
        }
        let ends = last_biases.iter().zip(last_factors);
        for ((z, w), (&b, &f)) in rest.iter_mut().zip(of_rest.chunks_exact(x.len())).zip(ends) {
            *z = scaled(w.iter().zip(x).fold(b, |sum, (&w, &x)| sum.wrapping_add(product(w, x))), f);
        }
    }
}

#[inline(always)]
fn product(w: i8, x: i8) -> i32 {
    i32::from(w) * i32::from(x)
}

/// Sums stay within 32 bits, see [`MAX_INPUTS`]; their order does not matter.
#[inline(always)]
fn four_rows(z: [i32; 4], [w0, w1, w2, w3]: [&[i8]; 4], x: &[i8]) -> [i32; 4] {
    let [mut z0, mut z1, mut z2, mut z3] = z;
    for (&x, ((&w0, &w1), (&w2, &w3))) in x.iter().zip(w0.iter().zip(w1).zip(w2.iter().zip(w3))) {
        z0 = z0.wrapping_add(product(w0, x));
        z1 = z1.wrapping_add(product(w1, x));
        z2 = z2.wrapping_add(product(w2, x));
        z3 = z3.wrapping_add(product(w3, x));
    }
    [z0, z1, z2, z3]
}
