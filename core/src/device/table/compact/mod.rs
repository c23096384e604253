//! Tables as they are deployed: small, read from flash, evaluated in as few instructions as
//! possible.
//!
//! Between `knots` uniform knots the function is a cubic (Hermite), or a straight line stored by
//! its ends or as intercept and slope. Beyond the ends it goes on along the last line; a table that
//! is to stay constant there has one more cell at each end, whose two values are equal. A function
//! that is odd or even has a table of its right half.
//!
//! Every form is the same few operations on every machine, each rounded once, so device and desk
//! agree bit for bit. With `p = z / h - low / h` as the position in cells and `i` its whole part,
//! held between the first and the last cell, `t = p - i`:
//!
//! | form | value | entries |
//! |---|---|---|
//! | [`Form::Hermite`] | `y0 + t (m0 + t (c2 + t c3))` | `y_0, m_0, y_1, m_1, ...`, the slopes `m` times the spacing `h` |
//! | [`Form::Linear`] | `y0 + t (y1 - y0)` | `y_0, y_1, ...` |
//! | [`Form::Pairs`] | `a + b z` | `a_0, b_0, a_1, b_1, ...`, a pair per cell |
//!
//! NaN stays NaN. At an infinite z the value is infinite, or NaN where the last line is flat. A z
//! so large that its position is infinite (beyond 1.7e38 for a spacing of a half) counts as
//! infinite.
//!
//! ```
//! use ldnn_core::Base;
//! use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry, TableError, fill};
//! let knots = Knots { low: 0.0, high: 4.0, count: 33 };
//! let mut entries = [0.0; Form::Hermite.entries(33)];
//! fill(Form::Hermite, knots, |z| (z.tanh(), 1.0 - z.tanh() * z.tanh()), &mut entries)?;
//! // Half of an odd function.
//! let table = Compact::new(Form::Hermite, knots, Symmetry::Odd, Base::Zero, &entries)?;
//! let (value, slope) = table.jet(-0.7);
//! assert!((value - (-0.7f32).tanh()).abs() < 1e-5 && (slope - 0.634_73).abs() < 1e-3);
//! # Ok::<(), TableError>(())
//! ```
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod error;
mod fill;
mod layout;
mod tunable;

use crate::activation::{Base, hermite};
use crate::error::{SizeError, check};

pub use error::TableError;
pub use fill::fill;
pub use layout::{Form, Knots, MAX_KNOTS, Symmetry};
pub use tunable::Tunable;

/// A deployed table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compact<'a> {
    form: Form,
    knots: Knots,
    symmetry: Symmetry,
    base: Base,
    entries: &'a [f32],
    positions: Positions,
}

/// What turns a pre-activation into a position.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Positions {
    per: f32,
    offset: f32,
}

impl Positions {
    #[inline(always)]
    fn of(self, z: f32) -> f32 {
        z * self.per + self.offset
    }
}

/// The cell of a position and its index, where the last cell has the index `last`.
///
/// The conversion saturates and makes 0 of NaN. Nearly all positions lie inside: finding the
/// entries there is the only comparison, and a position that finds none is beyond an end.
#[inline(always)]
fn cell<C>(position: f32, last: usize, get: impl Fn(usize) -> Option<C>) -> Option<(usize, C)> {
    let i = position as i32;
    match get(i as usize) {
        Some(found) => Some((i as usize, found)),
        None => beyond(i, last, get),
    }
}

#[cold]
fn beyond<C>(i: i32, last: usize, get: impl Fn(usize) -> Option<C>) -> Option<(usize, C)> {
    let i = if i < 0 { 0 } else { last };
    get(i).map(|found| (i, found))
}

impl<'a> Compact<'a> {
    /// A table over `entries`, which lie as [`Form`] says. `base` is added to what the table has:
    /// the kink of
    /// [`Base::Relu`], which does not fit a cubic, or [`Base::Zero`].
    ///
    /// In a `const` it costs nothing where it runs.
    ///
    /// # Errors
    /// If the parts do not fit each other.
    pub const fn new(
        form: Form,
        knots: Knots,
        symmetry: Symmetry,
        base: Base,
        entries: &'a [f32],
    ) -> Result<Self, TableError> {
        match Compact::check(form, knots, symmetry, base, entries.len()) {
            Ok(()) => {
                let positions = Positions {
                    per: knots.per_spacing(),
                    offset: knots.offset(),
                };

                Ok(Compact {
                    form,
                    knots,
                    symmetry,
                    base,
                    entries,
                    positions,
                })
            }
            Err(e) => Err(e),
        }
    }

    /// Whether the parts of a table with so many entries fit each other.
    pub(crate) const fn check(
        form: Form,
        knots: Knots,
        symmetry: Symmetry,
        base: Base,
        entries: usize,
    ) -> Result<(), TableError> {
        if !knots.is_valid() {
            return Err(TableError::Knots);
        }

        let is_whole = matches!(symmetry, Symmetry::None);
        if !is_whole && (knots.low != 0.0 || !matches!(base, Base::Zero)) {
            return Err(TableError::Symmetry);
        }

        if !matches!(base, Base::Zero | Base::Relu) {
            return Err(TableError::Base);
        }

        match check("entries", form.entries(knots.count), entries) {
            Ok(()) => Ok(()),
            Err(e) => Err(TableError::Size(e)),
        }
    }

    /// How the cells are stored.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Where the knots lie.
    #[must_use]
    pub const fn knots(&self) -> Knots {
        self.knots
    }

    /// Whether it is half of a function.
    #[must_use]
    pub const fn symmetry(&self) -> Symmetry {
        self.symmetry
    }

    /// What is added to the table.
    #[must_use]
    pub const fn base(&self) -> Base {
        self.base
    }

    /// The numbers, as [`Form`] says.
    #[must_use]
    pub const fn entries(&self) -> &'a [f32] {
        self.entries
    }

    /// In place, pre-activations become activations.
    #[inline(never)] // Within its callers the loops run out of registers.
    pub fn apply(&self, z: &mut [f32]) {
        self.run(ValuesOnly(z));
    }

    /// `h` becomes the activations, `z` their slopes.
    ///
    /// # Errors
    /// If the lengths differ.
    #[inline(never)]
    pub fn apply_with_slopes(&self, z: &mut [f32], h: &mut [f32]) -> Result<(), SizeError> {
        check("h", z.len(), h.len())?;
        self.run(WithSlopes(z, h));
        Ok(())
    }

    /// The activation at `z` and its slope.
    #[must_use]
    pub fn jet(&self, z: f32) -> (f32, f32) {
        let (mut slope, mut value) = ([z], [0.0]);
        self.run(WithSlopes(&mut slope, &mut value));
        (value[0], slope[0])
    }

    /// A loop for each form, so that nothing is decided within; a half table, or one with a base,
    /// decides at every value, which costs less than nine more loops would in flash.
    #[inline(always)]
    fn run(&self, to: impl Each) {
        if self.symmetry != Symmetry::None || self.base != Base::Zero {
            return to.each(|z| self.any(z));
        }

        match self.form {
            Form::Hermite => to.each(|z| self.hermite(z)),
            Form::Linear => to.each(|z| self.line(z)),
            Form::Pairs => to.each(|z| self.pair(z)),
        }
    }

    #[inline(always)]
    fn any(&self, z: f32) -> (f32, f32) {
        let at = if self.symmetry == Symmetry::None {
            z
        } else {
            z.abs()
        };

        let (value, slope) = match self.form {
            Form::Hermite => self.hermite(at),
            Form::Linear => self.line(at),
            Form::Pairs => self.pair(at),
        };

        match self.symmetry {
            Symmetry::Odd if z < 0.0 => (-value, slope),
            Symmetry::Even if z < 0.0 => (value, -slope),
            Symmetry::None if self.base == Base::Relu => {
                (value + Base::Relu.value(z), slope + Base::Relu.slope(z))
            }
            _ => (value, slope),
        }
    }

    #[inline(always)]
    fn pair(&self, z: f32) -> (f32, f32) {
        let pairs = self.entries.as_chunks::<2>().0;
        let found = cell(self.positions.of(z), pairs.len().wrapping_sub(1), |i| {
            pairs.get(i)
        });
        let [a, b] = found.map_or([0.0; 2], |(_, pair)| *pair);
        (a + b * z, b)
    }

    #[inline(always)]
    fn line(&self, z: f32) -> (f32, f32) {
        let position = self.positions.of(z);
        let get = |i: usize| self.entries.get(i..)?.first_chunk::<2>();
        let (i, [a, b]) =
            cell(position, self.entries.len().wrapping_sub(2), get).unwrap_or((0, &[0.0; 2]));
        let rise = b - a;

        (
            a + (position - i as i32 as f32) * rise,
            rise * self.positions.per,
        )
    }

    #[inline(always)]
    fn hermite(&self, z: f32) -> (f32, f32) {
        let knots = self.entries.as_chunks::<2>().0;
        // One further, so that what lies just before the first knot is not taken for the first cell
        // by rounding to 0.
        let further = self.positions.of(z) + 1.0;
        let i = further as i32;
        let tail = knots
            .get((i as usize).wrapping_sub(1)..)
            .unwrap_or_default();

        match tail.first_chunk::<2>() {
            Some(&[[y0, m0], [y1, m1]]) => {
                let (quad, t) = ([y0, m0, y1, m1], further - i as f32);
                (
                    hermite::inside(quad, t),
                    hermite::slope(quad, t) * self.positions.per,
                )
            }
            None => self.hermite_beyond(further),
        }
    }

    #[cold]
    #[inline(never)]
    fn hermite_beyond(&self, further: f32) -> (f32, f32) {
        let first = further < 1.0;
        let quad = if first {
            self.entries.first_chunk::<4>()
        } else {
            self.entries.last_chunk::<4>()
        };

        let (end, at) = if first {
            (0.0, 1.0)
        } else {
            (1.0, self.knots.count as f32)
        };

        let rise = hermite::slope(*quad.unwrap_or(&[0.0; 4]), end);
        (
            hermite::value(*quad.unwrap_or(&[0.0; 4]), end, further - at),
            rise * self.positions.per,
        )
    }
}

/// What takes the values, and the slopes if it wants them.
trait Each {
    fn each(self, jet: impl Fn(f32) -> (f32, f32));
}

struct ValuesOnly<'z>(&'z mut [f32]);

impl Each for ValuesOnly<'_> {
    #[inline(always)]
    fn each(self, jet: impl Fn(f32) -> (f32, f32)) {
        self.0.iter_mut().for_each(|z| *z = jet(*z).0);
    }
}

struct WithSlopes<'z>(&'z mut [f32], &'z mut [f32]);

impl Each for WithSlopes<'_> {
    #[inline(always)]
    fn each(self, jet: impl Fn(f32) -> (f32, f32)) {
        self.0
            .iter_mut()
            .zip(self.1)
            .for_each(|(z, h)| (*h, *z) = jet(*z));
    }
}
