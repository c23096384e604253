//! Tables for integers: evaluated without a floating-point unit, and right or wrong for every input
//! there is.
//!
//! | table | input | output | entries |
//! |---|---|---|---|
//! | [`Table8`] | i8 | i8 | 256: the value for every input, -128 first |
//! | [`Table16`] | i16 | i16 | `2^k + 1` knots `2^(16-k)` inputs apart, straight lines between them; `k = 9` is the layout with 513 entries that TensorFlow Lite uses, to the bit |
//!
//! What the integers stand for is a [`Scale`]. Inputs beyond its ends saturate: the function is
//! constant there.
//!
//! ```
//! use ldnn_core::table::integer::{Scale, Table8, Table16};
//! let scale = Scale::spanning(-4.0, 4.0, 8).unwrap();
//! let out = Scale::spanning(-1.0, 1.0, 8).unwrap();
//! let mut entries = [0i8; 256];
//! for (entry, q) in entries.iter_mut().zip(-128..) {
//!     *entry = out.integer(scale.real(q).tanh(), -128, 127) as i8;
//! }
//! let half = scale.integer(0.5, -128, 127) as i8;
//! let tanh = out.real(Table8(&entries).at(half).into());
//! assert!((tanh - 0.5f32.tanh()).abs() < 0.02);
//! // A line between three knots over all of i16.
//! assert_eq!(Table16::new(&[-100, 0, 100]).unwrap().at(16384), 50);
//! ```
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use super::compact::TableError;
use crate::error::{SizeError, check};

/// What an integer `q` stands for: `(q - zero) * step`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The real distance of two neighbouring integers; positive and finite.
    pub step: f32,
    /// The integer that stands for 0; not necessarily one that the type holds.
    pub zero: i32,
}

impl Scale {
    /// The scale on which `bits`-bit integers span `low..=high`, with 0 among them if it lies
    /// there.
    ///
    /// `None` if the range is empty or not finite, or `bits` is not 2 to 16.
    #[must_use]
    pub fn spanning(low: f32, high: f32, bits: u32) -> Option<Scale> {
        if !(2..=16).contains(&bits) {
            return None;
        }

        let integers = f64::from(1i32.checked_shl(bits)?);
        let step = ((f64::from(high) - f64::from(low)) / (integers - 1.0)) as f32;
        let zero = -0.5 * integers - f64::from(low) / f64::from(step);
        let scale = Scale {
            step,
            zero: nearest(zero),
        };

        (scale.is_valid() && zero > -1e9 && zero < 1e9).then_some(scale)
    }

    /// Whether the step is positive and finite.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.step > 0.0 && self.step.is_finite()
    }

    /// What `q` stands for.
    #[must_use]
    pub fn real(&self, q: i32) -> f32 {
        (f64::from(q) - f64::from(self.zero)) as f32 * self.step
    }

    /// The integer nearest to `x`, within `least..=most`; `least` if `x` is NaN.
    #[must_use]
    pub fn integer(&self, x: f32, least: i32, most: i32) -> i32 {
        let q = f64::from(x) / f64::from(self.step) + f64::from(self.zero);
        if q.is_nan() {
            least
        } else {
            nearest(q).max(least).min(most)
        }
    }
}

/// Ties away from zero; saturates.
fn nearest(x: f64) -> i32 {
    (if x < 0.0 { x - 0.5 } else { x + 0.5 }) as i32
}

/// The value for every i8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Table8<'a>(pub &'a [i8; 256]);

impl Table8<'_> {
    /// The value for `q`.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, q: i8) -> i8 {
        let Table8(entries) = self;
        // Always there: 256 entries, 8 bits.
        entries
            .get(usize::from(q.cast_unsigned() ^ 0x80))
            .copied()
            .unwrap_or_default()
    }

    /// In place.
    pub fn apply(&self, q: &mut [i8]) {
        q.iter_mut().for_each(|q| *q = self.at(*q));
    }
}

/// Straight lines between `2^k + 1` knots over all of i16.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Table16<'a> {
    entries: &'a [i16],
    /// Bits of an input within a cell, 1 to 15.
    shift: u32,
}

impl<'a> Table16<'a> {
    /// A table of `2^k + 1` entries, `k` from 1 to 15.
    ///
    /// # Errors
    /// If `entries` has another length.
    pub const fn new(entries: &'a [i16]) -> Result<Self, TableError> {
        match shift(entries.len()) {
            Ok(shift) => Ok(Table16 { entries, shift }),
            Err(e) => Err(e),
        }
    }

    /// The entries.
    #[must_use]
    pub const fn entries(&self) -> &'a [i16] {
        self.entries
    }

    /// The value for `q`: `y0 + (fraction (y1 - y0) + half) >> shift`, where the shift rounds down.
    /// Nothing overflows: the product is below `2^15 (2^16 - 1)`.
    #[inline(always)]
    #[must_use]
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "see above; the shift is 1 to 15"
    )]
    pub fn at(&self, q: i16) -> i16 {
        let u = u32::from(q.cast_unsigned() ^ 0x8000);
        let fraction = (u & ((1 << self.shift) - 1)).cast_signed();
        let tail = self
            .entries
            .get((u >> self.shift) as usize..)
            .unwrap_or_default();
        let [y0, y1] = *tail.first_chunk::<2>().unwrap_or(&[0; 2]);
        let rise = i32::from(y1) - i32::from(y0);

        (i32::from(y0) + ((fraction * rise + (1 << (self.shift - 1))) >> self.shift)) as i16
    }

    /// In place.
    pub fn apply(&self, q: &mut [i16]) {
        q.iter_mut().for_each(|q| *q = self.at(*q));
    }
}

/// Bits of an input within a cell of a table with so many entries.
const fn shift(entries: usize) -> Result<u32, TableError> {
    let cells = match entries.saturating_sub(1) {
        0..2 => 2,
        cells @ 2..0x8000 => cells.next_power_of_two(),
        _ => 1 << 15,
    };

    match check("entries", cells.saturating_add(1), entries) {
        Ok(()) => Ok(16u32.saturating_sub(cells.trailing_zeros())),
        Err(e) => Err(TableError::Size(e)),
    }
}

/// The largest zero of an output scale: an entry less it fits into 32 bits.
const MAX_ZERO: u32 = 1 << 30;

/// From real numbers to the inputs of a table, counted from its first, and from its outputs to real
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Between {
    per: f32,
    offset: f32,
    output: Scale,
}

impl Between {
    /// `first`: the first input.
    const fn new(first: i32, input: Scale, output: Scale) -> Result<Between, TableError> {
        let zero = output.zero.unsigned_abs() <= MAX_ZERO;
        let good = input.is_valid() && output.is_valid() && (1.0 / input.step).is_finite() && zero;
        if !good {
            return Err(TableError::Scale);
        }

        // Rounding towards zero after adding a half is to the nearest.
        let offset = (input.zero as f64 - first as f64 + 0.5) as f32;

        Ok(Between {
            per: 1.0 / input.step,
            offset,
            output,
        })
    }

    #[inline(always)]
    fn position(&self, z: f32) -> f32 {
        z * self.per + self.offset
    }

    #[inline(always)]
    fn real(&self, y: i32) -> f32 {
        // Never wraps: see `MAX_ZERO`.
        y.wrapping_sub(self.output.zero) as f32 * self.output.step
    }

    /// `rise`: between two inputs that lie next to each other.
    fn slope(&self, rise: f32) -> f32 {
        rise * self.output.step * self.per
    }
}

/// Values into `h`, slopes into `z`.
#[inline(always)]
fn jets(z: &mut [f32], h: &mut [f32], jet: impl Fn(f32) -> (f32, f32)) {
    z.iter_mut().zip(h).for_each(|(z, h)| (*h, *z) = jet(*z));
}

/// An integer table of lines between real numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled16<'a> {
    table: Table16<'a>,
    between: Between,
}

impl<'a> Scaled16<'a> {
    /// `table`, with what its inputs and outputs stand for.
    ///
    /// # Errors
    /// If a scale is impossible: a step that is not positive and finite, or the zero of the output
    /// beyond +-2^30.
    pub const fn new(table: Table16<'a>, input: Scale, output: Scale) -> Result<Self, TableError> {
        match Scaled16::check(table.entries.len(), input, output) {
            Ok(between) => Ok(Scaled16 { table, between }),
            Err(e) => Err(e),
        }
    }

    /// Whether a table of so many entries and these scales fit each other.
    pub(crate) const fn check(
        entries: usize,
        input: Scale,
        output: Scale,
    ) -> Result<Between, TableError> {
        match shift(entries) {
            Ok(_) => Between::new(-32768, input, output),
            Err(e) => Err(e),
        }
    }

    /// In place, pre-activations become activations: each is rounded to an i16, looked up, and
    /// scaled.
    pub fn apply(&self, z: &mut [f32]) {
        z.iter_mut().for_each(|z| *z = self.at(*z));
    }

    /// `h` becomes the activations, `z` their slopes.
    ///
    /// # Errors
    /// If the lengths differ.
    pub fn apply_with_slopes(&self, z: &mut [f32], h: &mut [f32]) -> Result<(), SizeError> {
        check("h", z.len(), h.len())?;
        jets(z, h, |z| (self.at(z), self.slope(z)));
        Ok(())
    }

    /// The slope of the line that `z` lies on; 0 where the table is constant beyond its ends.
    #[must_use]
    pub fn slope(&self, z: f32) -> f32 {
        let position = self.between.position(z);
        if !(0.0..65536.0).contains(&position) {
            return 0.0;
        }

        let tail = self
            .table
            .entries
            .get((position as usize) >> self.table.shift..)
            .unwrap_or_default();

        let [y0, y1] = *tail.first_chunk::<2>().unwrap_or(&[0; 2]);
        let rise = i32::from(y1).wrapping_sub(i32::from(y0)) as f32
            / 1i32.wrapping_shl(self.table.shift) as f32;

        self.between.slope(rise)
    }

    /// The activation at `z`.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, z: f32) -> f32 {
        let u = self.between.position(z) as i32;
        let q = u.clamp(0, 0xffff) as u16 ^ 0x8000;
        self.between.real(i32::from(self.table.at(q.cast_signed())))
    }
}

/// A direct table between real numbers: 256 steps, each as wide as one of the input's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled8<'a> {
    table: Table8<'a>,
    between: Between,
}

impl<'a> Scaled8<'a> {
    /// `table`, with what its inputs and outputs stand for.
    ///
    /// # Errors
    /// As [`Scaled16::new`].
    pub const fn new(table: Table8<'a>, input: Scale, output: Scale) -> Result<Self, TableError> {
        match Between::new(-128, input, output) {
            Ok(between) => Ok(Scaled8 { table, between }),
            Err(e) => Err(e),
        }
    }

    /// In place, pre-activations become activations: each is rounded to an i8, looked up, and
    /// scaled.
    pub fn apply(&self, z: &mut [f32]) {
        z.iter_mut().for_each(|z| *z = self.at(*z));
    }

    /// `h` becomes the activations, `z` their slopes.
    ///
    /// # Errors
    /// If the lengths differ.
    pub fn apply_with_slopes(&self, z: &mut [f32], h: &mut [f32]) -> Result<(), SizeError> {
        check("h", z.len(), h.len())?;
        jets(z, h, |z| (self.at(z), self.slope(z)));
        Ok(())
    }

    /// The slope from the entry before to the one behind that of `z` (steps have none of their
    /// own); 0 beyond the ends.
    #[must_use]
    pub fn slope(&self, z: f32) -> f32 {
        let position = self.between.position(z);
        if !(0.0..256.0).contains(&position) {
            return 0.0;
        }

        let Table8(entries) = self.table;
        let i = position as usize;
        let (before, behind) = (i.saturating_sub(1), i.saturating_add(1).min(255));
        let y = |i: usize| i32::from(entries.get(i).copied().unwrap_or_default());

        self.between
            .slope(y(behind).wrapping_sub(y(before)) as f32 / behind.wrapping_sub(before) as f32)
    }

    /// The activation at `z`.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, z: f32) -> f32 {
        let u = self.between.position(z) as i32;
        let q = u.clamp(0, 0xff) as u8 ^ 0x80;
        self.between.real(i32::from(self.table.at(q.cast_signed())))
    }
}
