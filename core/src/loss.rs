//! Losses, and what turns outputs into probabilities and classes.
//!
//! A network for classification gives one *logit* per class; [`softmax`] makes probabilities of
//! them, [`arg_max`] the class, and [`cross_entropy`] the loss.
//!
//! ```
//! use ldnn_core::loss::{arg_max, cross_entropy, softmax};
//!
//! let mut y = [1.0f64, 3.0, 2.0];
//! assert_eq!(arg_max(&y), 1);
//! let loss = cross_entropy(&y, 2);
//! softmax(&mut y);
//! assert!((y.iter().sum::<f64>() - 1.0).abs() < 1e-15);
//! assert!((loss + y[2].ln()).abs() < 1e-15);
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::math::Real;
use crate::planes::{BLOCK, PlanesMut, blocks, part, part_mut, rows, rows_mut, two};

/// Logits become probabilities in place: `exp(y_c) / sum_k exp(y_k)`.
///
/// The largest logit is taken out of all of them first, so that no exponential overflows. The sum
/// runs in ascending order, and each exponential is divided by it. Logits that are not finite give
/// NaN.
pub fn softmax<T: Real>(logits: &mut [T]) {
    softmax_parts(logits);
}

/// [`softmax`]; returns the largest logit and the sum of `exp(y - largest)`, which the loss needs as well.
#[inline(always)]
pub(crate) fn softmax_parts<T: Real>(logits: &mut [T]) -> (T, T) {
    let top = largest(logits.iter().copied());

    let mut total = T::ZERO;

    for y in logits.iter_mut() {
        *y = (*y - top).exp();
        total += *y;
    }

    for y in logits.iter_mut() {
        *y = *y / total;
    }

    (top, total)
}

/// The index of the largest value; the first of equals, 0 if there is none or the first is NaN.
#[must_use]
pub fn arg_max<T: PartialOrd + Copy>(values: &[T]) -> usize {
    first_largest(values.iter().copied())
}

/// As [`arg_max`].
#[inline(always)]
pub(crate) fn first_largest<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> usize {
    let mut best: Option<(usize, T)> = None;
    for (i, value) in values.enumerate() {
        if best.is_none_or(|(_, top)| value > top) {
            best = Some((i, value));
        }
    }
    best.map_or(0, |(i, _)| i)
}

/// Softmax cross-entropy of one row in nats: `ln(sum_c exp(y_c)) - y_label`. NaN if there is no
/// such class.
#[must_use]
pub fn cross_entropy<T: Real>(logits: &[T], label: usize) -> T {
    if label >= logits.len() {
        return T::from_f64(f64::NAN);
    }
    cross_entropy_of(logits.iter().copied(), label)
}

/// As [`cross_entropy`]: the largest logit is taken out of the sum; classes in ascending order.
#[inline(always)]
pub(crate) fn cross_entropy_of<T: Real>(
    logits: impl Iterator<Item = T> + Clone,
    label: usize,
) -> T {
    let top = largest(logits.clone());
    let mut total = T::ZERO;

    for y in logits.clone() {
        total += (y - top).exp();
    }
    total.ln() + (top - logits.clone().nth(label).unwrap_or_default())
}

#[inline(always)]
fn largest<T: Real>(mut logits: impl Iterator<Item = T>) -> T {
    let first = logits.next().unwrap_or_default();
    logits.fold(first, |a, b| b.max(a))
}

/// Value `i` of every row of `y`: the outputs for one row of the batch.
#[inline(always)]
pub(crate) fn column<T: Real>(
    y: &[T],
    batch: usize,
    i: usize,
) -> impl Iterator<Item = T> + Clone + '_ {
    rows(y, batch).map(move |r| r.get(i).copied().unwrap_or_default())
}

#[inline(always)]
fn column_mut<T: Real>(y: &mut [T], batch: usize, i: usize) -> impl Iterator<Item = &mut T> {
    rows_mut(y, batch).filter_map(move |r| r.get_mut(i))
}

/// In place, `y` (classes x batch) goes from logits to the adjoint of the mean loss,
/// `dy_c = (p_c - [c = label]) / B`, with tangents `p_c (y1_c - sum_k p_k y1_k) / B`. Returns the
/// sum of the rows' losses, rows ascending.
///
/// Rows go side by side in blocks; within a row the classes are in ascending order, as in
/// [`cross_entropy`].
#[inline(always)]
pub(crate) fn cross_entropy_adjoint<T: Real, const K: usize>(
    mut y: PlanesMut<'_, T, K>,
    batch: usize,
    label: impl Fn(usize) -> u32,
) -> T {
    let size = T::from_usize(batch);
    let mut sum = T::ZERO;

    for (at, len) in blocks(batch) {
        let mut labels = [0; BLOCK];
        labels
            .iter_mut()
            .enumerate()
            .take(len)
            .for_each(|(i, l)| *l = label(at + i));

        let softmax = Softmax::of(y.value(), batch, at, len, &labels);
        sum = softmax.add_losses(sum, len);

        // The tangents of the probabilities need the probabilities, so they come before the label
        // is subtracted.
        let [values, tangents] = two(&mut y);
        let mut mean = [T::ZERO; BLOCK];

        for (p, y1) in rows(values, batch).zip(rows(tangents, batch)) {
            let terms = part(p, at, len).iter().zip(part(y1, at, len));
            mean.iter_mut()
                .zip(terms)
                .for_each(|(m, (&p, &y1))| *m += p * y1);
        }

        for (p, y1) in rows(values, batch).zip(rows_mut(tangents, batch)) {
            let terms = part_mut(y1, at, len)
                .iter_mut()
                .zip(part(p, at, len))
                .zip(&mean);
            terms.for_each(|((y1, &p), &mean)| *y1 = p * (*y1 - mean) / size);
        }

        for (c, p) in rows_mut(values, batch).enumerate() {
            for (p, &label) in part_mut(p, at, len).iter_mut().zip(&labels) {
                *p = if label == c as u32 { *p - T::ONE } else { *p } / size;
            }
        }
    }

    sum
}

/// What a block of rows has besides its probabilities.
struct Softmax<T> {
    largest: [T; BLOCK],
    total: [T; BLOCK],
    own: [T; BLOCK],
}

impl<T: Real> Softmax<T> {
    /// The rows `at..at + len`, whose logits become probabilities.
    #[inline(always)]
    fn of(y: &mut [T], batch: usize, at: usize, len: usize, labels: &[u32; BLOCK]) -> Self {
        let zeros = [T::ZERO; BLOCK];

        let mut s = Softmax {
            largest: zeros,
            total: zeros,
            own: zeros,
        };

        s.largest
            .iter_mut()
            .zip(part(y, at, len))
            .for_each(|(top, &y)| *top = y);

        for (c, row) in rows(y, batch).enumerate() {
            let each = s
                .largest
                .iter_mut()
                .zip(&mut s.own)
                .zip(labels)
                .zip(part(row, at, len));

            for (((top, own), &label), &y) in each {
                *top = y.max(*top);
                *own = if label == c as u32 { y } else { *own };
            }
        }

        for row in rows_mut(y, batch) {
            for ((y, &top), total) in part_mut(row, at, len)
                .iter_mut()
                .zip(&s.largest)
                .zip(&mut s.total)
            {
                *y = (*y - top).exp();
                *total += *y;
            }
        }

        for row in rows_mut(y, batch) {
            part_mut(row, at, len)
                .iter_mut()
                .zip(&s.total)
                .for_each(|(y, &total)| *y = *y / total);
        }

        s
    }

    #[inline(always)]
    fn add_losses(&self, mut sum: T, len: usize) -> T {
        for ((&total, &top), &own) in self
            .total
            .iter()
            .zip(&self.largest)
            .zip(&self.own)
            .take(len)
        {
            sum += total.ln() + (top - own);
        }

        sum
    }
}

/// Squared error of one row, summed over the outputs in ascending order.
#[inline(always)]
pub(crate) fn squared_error<T: Real>(outputs: impl Iterator<Item = T>, target: &[T]) -> T {
    let mut total = T::ZERO;
    for (y, &t) in outputs.zip(target) {
        total += (y - t) * (y - t);
    }
    total
}

/// In place, column `i` of `y` (outputs x batch) goes from outputs to the adjoint of the mean
/// squared error, `dy = 2 (y - t) / (B outputs)`, with tangents `2 y1 / (B outputs)`. Returns the
/// row's summed squared error.
#[inline(always)]
pub(crate) fn squared_error_adjoint<T: Real, const K: usize>(
    y: &mut PlanesMut<'_, T, K>,
    batch: usize,
    i: usize,
    target: &[T],
) -> T {
    let count = T::from_usize(batch * target.len());
    let mut total = T::ZERO;

    for (y, &t) in column_mut(y.value(), batch, i).zip(target) {
        let e = *y - t;
        total += e * e;
        *y = (e + e) / count;
    }

    if K > 1 {
        for y1 in column_mut(y.tangent(), batch, i) {
            *y1 = (*y1 + *y1) / count;
        }
    }

    total
}
