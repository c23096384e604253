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
//! | [`Form::Pairs`] | `a + b z` | `a_0, b_0, a_1, b_1, ...`, a pair a cell |
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

use crate::activation::Base;
use crate::activation::hermite;
use crate::error::{Error, SizeError, check};
use crate::finite::check_finite;
use crate::online::Rates;

/// How a compact table stores its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Value and slope at every knot: a cubic a cell.
    Hermite,
    /// The value at every knot: one line per cell.
    Linear,
    /// Intercept and slope of every cell: the same lines in fewer instructions and twice the
    /// memory.
    Pairs,
}

/// Whether a table holds all of its function or the right half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// All of it.
    None,
    /// `f(-z) = -f(z)`; the knots begin at 0.
    Odd,
    /// `f(-z) = f(z)`; the knots begin at 0.
    Even,
}

/// Where the knots lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knots {
    /// The first one.
    pub low: f32,
    /// The last one.
    pub high: f32,
    /// How many, at least 2.
    pub count: u32,
}

/// The largest number of knots: positions are exact to a 128th of a cell and better.
pub const MAX_KNOTS: u32 = 1 << 16;

impl Knots {
    /// Whether they make a table: 2 to [`MAX_KNOTS`], `low < high`, and width, inverse spacing and
    /// offset finite.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        let (per, offset, width) = (self.per_spacing(), self.offset(), self.high - self.low);
        let finite = per.is_finite() && offset.is_finite() && width.is_finite();
        self.count >= 2 && self.count <= MAX_KNOTS && width > 0.0 && finite
    }

    /// Knot `i`.
    #[must_use]
    pub const fn at(&self, i: u32) -> f32 {
        let part = i as f64 / self.cells() as f64;
        (self.low as f64 * (1.0 - part) + self.high as f64 * part) as f32
    }

    /// Number of cells between them.
    #[must_use]
    pub const fn cells(&self) -> u32 {
        self.count.saturating_sub(1)
    }

    /// Distance of two of them.
    #[must_use]
    pub const fn spacing(&self) -> f64 {
        (self.high as f64 - self.low as f64) / self.cells() as f64
    }

    /// The factor from pre-activations to positions.
    #[must_use]
    pub const fn per_spacing(&self) -> f32 {
        (1.0 / self.spacing()) as f32
    }

    /// The position of the pre-activation 0.
    #[must_use]
    pub const fn offset(&self) -> f32 {
        (-(self.low as f64) / self.spacing()) as f32
    }
}

/// Why a compact table is impossible.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TableError {
    /// See [`Knots::is_valid`].
    Knots,
    /// A half table must begin at 0 and have no base function.
    Symmetry,
    /// Only `zero` and `relu` are added outside a table.
    Base,
    /// The step of a scale is not positive and finite, or its zero too far away.
    Scale,
    /// The number of entries does not fit the form.
    Size(SizeError),
}

impl From<SizeError> for TableError {
    fn from(e: SizeError) -> Self {
        TableError::Size(e)
    }
}

impl core::fmt::Display for TableError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            TableError::Knots => write!(
                f,
                "a table needs 2 to {MAX_KNOTS} knots on a finite range, low < high"
            ),
            TableError::Symmetry => {
                f.write_str("the table of an odd or even function begins at 0 and has no base")
            }
            TableError::Base => {
                f.write_str("only zero and relu can be added to a table; sample the others into it")
            }
            TableError::Scale => f.write_str(
                "the step of a scale must be positive and finite, and its zero within 2^30",
            ),
            TableError::Size(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for TableError {}

/// A deployed table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compact<'a> {
    form: Form,
    knots: Knots,
    symmetry: Symmetry,
    base: Base,
    entries: &'a [f32],
    place: Place,
}

/// What turns a pre-activation into a position.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    per: f32,
    offset: f32,
}

impl Place {
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

impl Form {
    /// Number of entries with so many knots.
    #[must_use]
    pub const fn entries(self, knots: u32) -> usize {
        match self {
            Form::Hermite => (knots as usize).saturating_mul(2),
            Form::Linear => knots as usize,
            Form::Pairs => (knots.saturating_sub(1) as usize).saturating_mul(2),
        }
    }
}

/// Samples `f`, which gives value and slope, into the entries of a table. Lines go through the
/// values alone.
///
/// # Errors
/// If the knots are impossible or `entries` has another length.
pub fn fill(
    form: Form,
    knots: Knots,
    f: impl Fn(f32) -> (f32, f32),
    entries: &mut [f32],
) -> Result<(), TableError> {
    if !knots.is_valid() {
        return Err(TableError::Knots);
    }

    check("entries", form.entries(knots.count), entries.len())?;

    let values = (0..knots.count).map(|i| (knots.at(i), f(knots.at(i))));

    match form {
        Form::Hermite => {
            let spacing = knots.spacing() as f32;
            let pairs = entries.as_chunks_mut::<2>().0;
            pairs
                .iter_mut()
                .zip(values)
                .for_each(|(to, (_, (y, slope)))| *to = [y, slope * spacing]);
        }
        Form::Linear => entries
            .iter_mut()
            .zip(values)
            .for_each(|(to, (_, (y, _)))| *to = y),
        Form::Pairs => {
            let pairs = entries.as_chunks_mut::<2>().0;
            for (to, ((z, (y, _)), (_, (next, _)))) in
                pairs.iter_mut().zip(values.clone().zip(values.skip(1)))
            {
                let slope = (next - y) * knots.per_spacing();
                *to = [y - slope * z, slope];
            }
        }
    }

    Ok(())
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
                let place = Place {
                    per: knots.per_spacing(),
                    offset: knots.offset(),
                };

                Ok(Compact {
                    form,
                    knots,
                    symmetry,
                    base,
                    entries,
                    place,
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
        self.run(Values(z));
    }

    /// `h` becomes the activations, `z` their slopes.
    ///
    /// # Errors
    /// If the lengths differ.
    #[inline(never)]
    pub fn apply_with_slopes(&self, z: &mut [f32], h: &mut [f32]) -> Result<(), SizeError> {
        check("h", z.len(), h.len())?;
        self.run(Both(z, h));
        Ok(())
    }

    /// The activation at `z` and its slope.
    #[must_use]
    pub fn jet(&self, z: f32) -> (f32, f32) {
        let (mut slope, mut value) = ([z], [0.0]);
        self.run(Both(&mut slope, &mut value));
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
        let found = cell(self.place.of(z), pairs.len().wrapping_sub(1), |i| {
            pairs.get(i)
        });
        let [a, b] = found.map_or([0.0; 2], |(_, pair)| *pair);
        (a + b * z, b)
    }

    #[inline(always)]
    fn line(&self, z: f32) -> (f32, f32) {
        let position = self.place.of(z);
        let get = |i: usize| self.entries.get(i..)?.first_chunk::<2>();
        let (i, [a, b]) =
            cell(position, self.entries.len().wrapping_sub(2), get).unwrap_or((0, &[0.0; 2]));
        let rise = b - a;

        (
            a + (position - i as i32 as f32) * rise,
            rise * self.place.per,
        )
    }

    #[inline(always)]
    fn hermite(&self, z: f32) -> (f32, f32) {
        let knots = self.entries.as_chunks::<2>().0;
        // One further, so that what lies just before the first knot is not taken for the first cell
        // by rounding to 0.
        let further = self.place.of(z) + 1.0;
        let i = further as i32;
        let tail = knots
            .get((i as usize).wrapping_sub(1)..)
            .unwrap_or_default();

        match tail.first_chunk::<2>() {
            Some(&[[y0, m0], [y1, m1]]) => {
                let (quad, t) = ([y0, m0, y1, m1], further - i as f32);
                (
                    hermite::inside(quad, t),
                    hermite::slope(quad, t) * self.place.per,
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
            rise * self.place.per,
        )
    }
}

/// A table of lines whose values learn where they are deployed.
#[derive(Debug, PartialEq)]
pub struct Tunable<'a> {
    knots: Knots,
    place: Place,
    entries: &'a mut [f32],
}

impl<'a> Tunable<'a> {
    /// A [`Form::Linear`] table over `entries`, one a knot.
    ///
    /// # Errors
    /// As [`Compact::new`].
    pub fn new(knots: Knots, entries: &'a mut [f32]) -> Result<Self, TableError> {
        let place = Compact::new(Form::Linear, knots, Symmetry::None, Base::Zero, entries)?.place;
        Ok(Tunable {
            knots,
            place,
            entries,
        })
    }

    /// The table as it is now.
    #[must_use]
    pub const fn table(&self) -> Compact<'_> {
        let (symmetry, base) = (Symmetry::None, Base::Zero);
        Compact {
            form: Form::Linear,
            knots: self.knots,
            symmetry,
            base,
            entries: self.entries,
            place: self.place,
        }
    }

    /// A step against the gradient: `d` goes, in place, from the adjoints of the activations to
    /// those of the pre-activations `z`, and the two knots around each `z` move by `-rates.knots`
    /// times theirs, `(1 - t) d` and `t d`, which is the transpose of the look-up; neurons in
    /// ascending order, slopes as they were before the step of their own neuron.
    ///
    /// If the norm of all these `(1 - t) d` and `t d` is above `rates.clip`, the moves are those of
    /// a norm of `rates.clip`; what becomes of `d` does not change. Finite knots stay finite.
    ///
    /// `z`, `d`: one a neuron.
    ///
    /// # Errors
    /// If the lengths differ, a number or the position of a `z` is not finite, or the rates do not
    /// bound the step. Then nothing has changed.
    pub fn step(&mut self, z: &[f32], d: &mut [f32], rates: Rates) -> Result<(), Error> {
        check("d", z.len(), d.len())?;
        rates.check()?;
        check_finite("d", d)?;

        if let Some(index) = z.iter().position(|&z| !self.place.of(z).is_finite()) {
            return Err(Error::NotFinite { buffer: "z", index });
        }

        self.bounded_step(z, d, rates);
        Ok(())
    }

    /// [`Self::step`] behind its door.
    pub(crate) fn bounded_step(
        &mut self,
        z: &[f32],
        d: &mut [f32],
        Rates { knots, clip, .. }: Rates,
    ) {
        let mut square = crate::online::UNDERFLOW;

        for (&z, &d) in z.iter().zip(&*d) {
            let (_, t) = self.locate(z);
            // (1 - t)^2 + t^2 in fewer operations.
            let product = t * t - t;
            square += (d * d) * (1.0 + (product + product));
        }

        // Not `>`: a square that overflows may be NaN.
        if square <= clip * clip {
            self.move_knots(z, d, |d| knots * d);
        } else {
            self.clipped_step(z, d, knots, clip);
        }
    }

    /// In double precision, where no norm of single numbers overflows.
    #[cold]
    #[inline(never)]
    fn clipped_step(&mut self, z: &[f32], d: &mut [f32], rate: f32, clip: f32) {
        let mut square = 0.0;
        for (&z, &d) in z.iter().zip(&*d) {
            let (d, t) = (f64::from(d), f64::from(self.locate(z).1));
            square += (d * d) * ((1.0 - t) * (1.0 - t) + t * t);
        }

        let factor = crate::online::clipped(rate, clip, square);
        self.move_knots(z, d, |d| (factor * f64::from(d)) as f32);
    }

    /// The cell that `z` counts to, and the place in it: 0 to 1, or beyond where `z` is beyond the
    /// ends.
    #[inline(always)]
    fn locate(&self, z: f32) -> (i32, f32) {
        let last = self.entries.len().wrapping_sub(2);
        let position = self.place.of(z);
        let i = (position as i32).max(0).min(last as i32);
        (i, position - i as f32)
    }

    /// `by`: from the adjoint of an activation to how far its knots move together.
    #[inline(always)]
    fn move_knots(&mut self, z: &[f32], d: &mut [f32], by: impl Fn(f32) -> f32) {
        for (&z, d) in z.iter().zip(d) {
            let (i, t) = self.locate(z);

            let Some([a, b]) = self
                .entries
                .get_mut(i as usize..)
                .and_then(|tail| tail.first_chunk_mut::<2>())
            else {
                continue;
            };

            let (slope, by) = ((*b - *a) * self.place.per, by(*d));
            *a -= by * (1.0 - t);
            *b -= by * t;
            *d *= slope;
        }
    }
}

/// What takes the values, and the slopes if it wants them.
trait Each {
    fn each(self, jet: impl Fn(f32) -> (f32, f32));
}

struct Values<'z>(&'z mut [f32]);

impl Each for Values<'_> {
    #[inline(always)]
    fn each(self, jet: impl Fn(f32) -> (f32, f32)) {
        self.0.iter_mut().for_each(|z| *z = jet(*z).0);
    }
}

struct Both<'z>(&'z mut [f32], &'z mut [f32]);

impl Each for Both<'_> {
    #[inline(always)]
    fn each(self, jet: impl Fn(f32) -> (f32, f32)) {
        self.0
            .iter_mut()
            .zip(self.1)
            .for_each(|(z, h)| (*h, *z) = jet(*z));
    }
}
