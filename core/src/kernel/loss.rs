//! Losses over a batch, and their adjoints.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use super::planes::{BLOCK, PlanesMut, blocks, part, part_mut, rows, rows_mut, two};
use crate::math::Real;

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
/// [`cross_entropy`](crate::loss::cross_entropy).
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
