//! A table whose values learn.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use super::error::TableError;
use super::layout::{Form, Knots, Symmetry};
use super::{Compact, Positions};
use crate::activation::Base;
use crate::device::rates::{Rates, UNDERFLOW, clipped};
use crate::error::{Error, check};
use crate::finite::check_finite;

/// A table of lines whose values learn where they are deployed.
#[derive(Debug, PartialEq)]
pub struct Tunable<'a> {
    knots: Knots,
    positions: Positions,
    entries: &'a mut [f32],
}

impl<'a> Tunable<'a> {
    /// A [`Form::Linear`] table over `entries`, one per knot.
    ///
    /// # Errors
    /// As [`Compact::new`].
    pub fn new(knots: Knots, entries: &'a mut [f32]) -> Result<Self, TableError> {
        let positions =
            Compact::new(Form::Linear, knots, Symmetry::None, Base::Zero, entries)?.positions;
        Ok(Tunable {
            knots,
            positions,
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
            positions: self.positions,
        }
    }

    /// A step against the gradient: `d` goes, in place, from the adjoints of the activations to
    /// those of the pre-activations `z`, and the two knots around each `z` move by `-rates.knots`
    /// times theirs, `(1 - t) d` and `t d`, which is the transpose of the lookup; neurons in
    /// ascending order, slopes as they were before the step of their own neuron.
    ///
    /// If the norm of all these `(1 - t) d` and `t d` is above `rates.clip`, the moves are those of
    /// a norm of `rates.clip`; what becomes of `d` does not change. Finite knots stay finite.
    ///
    /// `z`, `d`: one per neuron.
    ///
    /// # Errors
    /// If the lengths differ, a number or the position of a `z` is not finite, or the rates do not
    /// bound the step. Then nothing has changed.
    pub fn step(&mut self, z: &[f32], d: &mut [f32], rates: Rates) -> Result<(), Error> {
        check("d", z.len(), d.len())?;
        rates.check()?;
        check_finite("d", d)?;

        if let Some(index) = z.iter().position(|&z| !self.positions.of(z).is_finite()) {
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
        let mut square = UNDERFLOW;

        for (&z, &d) in z.iter().zip(&*d) {
            let (_, t) = self.locate(z);
            // Each move by itself: far beyond the ends `t` is large, and `d * d` may be too small
            // for a number where `t d` is not.
            let (a, b) = ((1.0 - t) * d, t * d);
            square += a * a + b * b;
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

        let factor = clipped(rate, clip, square);
        self.move_knots(z, d, |d| (factor * f64::from(d)) as f32);
    }

    /// The cell that `z` counts to, and the place in it: 0 to 1, or beyond where `z` is beyond the
    /// ends.
    #[inline(always)]
    fn locate(&self, z: f32) -> (i32, f32) {
        let last = self.entries.len().wrapping_sub(2);
        let position = self.positions.of(z);
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

            let (slope, by) = ((*b - *a) * self.positions.per, by(*d));
            *a -= by * (1.0 - t);
            *b -= by * t;
            *d *= slope;
        }
    }
}
