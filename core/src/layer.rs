//! The pieces of a network, forward beside adjoint: affine maps and losses.
//!
//! Arrays are feature-major: `x` of a layer with `n` features over a batch of `B` rows is `n` runs of `B` values.
//! Outputs come first in the argument lists. Adjoints of parameters accumulate.
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow; sizes have passed the door")]

use crate::math::Real;
use crate::planes::{BLOCK, Planes, PlanesMut, blocks, part, part_mut, rows, rows_mut, sum, two};
use crate::tile::{Plain, Transposed, add_product};
use crate::vector::Vector;

/// The sizes of an affine map over a batch.
#[derive(Clone, Copy)]
pub(crate) struct Affine {
    pub inputs: usize,
    pub outputs: usize,
    pub batch: usize,
}

/// `z = W x + b`; tangents `z1 = W0 x1 + W1 x0 + b1`.
///
/// `z`: outputs x batch, overwritten; `w`: outputs x inputs; `b`: outputs; `x`: inputs x batch.
/// Sum order: bias, then inputs ascending; of the tangents first `W0 x1`, then `W1 x0`.
pub(crate) fn affine<T: Real, V: Vector, const K: usize>(
    v: V,
    size: Affine,
    mut z: PlanesMut<'_, T, K>,
    w: Planes<'_, T, K>,
    b: Planes<'_, T, K>,
    x: Planes<'_, T, K>,
) {
    let Affine { inputs: k, outputs: m, batch: n } = size;
    fill_rows(z.value(), b.value(), n);
    add_product(v, z.value(), Plain { a: w.value(), k }, x.value(), m, n);
    if K > 1 {
        fill_rows(z.tangent(), b.tangent(), n);
        if !x.tangent().is_empty() {
            add_product(v, z.tangent(), Plain { a: w.value(), k }, x.tangent(), m, n);
        }
        if !w.tangent().is_empty() {
            add_product(v, z.tangent(), Plain { a: w.tangent(), k }, x.value(), m, n);
        }
    }
}

/// Every value of row `j` becomes `b_j`; zero where `b` is an empty plane.
#[inline(always)]
fn fill_rows<T: Real>(z: &mut [T], b: &[T], n: usize) {
    if b.is_empty() {
        z.fill(T::ZERO);
    }
    for (row, &b) in rows_mut(z, n).zip(b) {
        row.fill(b);
    }
}

/// `dx = W^T dz`; tangents `dx1 = W0^T dz1 + W1^T dz0`. Overwrites `dx` (inputs x batch).
pub(crate) fn affine_adjoint_input<T: Real, V: Vector, const K: usize>(
    v: V,
    size: Affine,
    mut dx: PlanesMut<'_, T, K>,
    w: Planes<'_, T, K>,
    dz: Planes<'_, T, K>,
) {
    let Affine { inputs: m, batch: n, .. } = size;
    dx.value().fill(T::ZERO);
    add_product(v, dx.value(), Transposed { a: w.value(), m }, dz.value(), m, n);
    if K > 1 {
        dx.tangent().fill(T::ZERO);
        add_product(v, dx.tangent(), Transposed { a: w.value(), m }, dz.tangent(), m, n);
        if !w.tangent().is_empty() {
            add_product(v, dx.tangent(), Transposed { a: w.tangent(), m }, dz.value(), m, n);
        }
    }
}

/// `dW += dz x^T`, one plane of each, with `x` by rows of the batch (batch x inputs); rows ascending.
pub(crate) fn affine_adjoint_weights<T: Real, V: Vector>(v: V, size: Affine, dw: &mut [T], dz: &[T], x_by_rows: &[T]) {
    add_product(v, dw, Plain { a: dz, k: size.batch }, x_by_rows, size.outputs, size.inputs);
}

/// `db_j +=` the [`sum`] of row `j` of `dz`, one plane.
#[inline(always)]
pub(crate) fn affine_adjoint_biases<T: Real>(size: Affine, db: &mut [T], dz: &[T]) {
    for (db, row) in db.iter_mut().zip(rows(dz, size.batch)) {
        *db += sum(row);
    }
}

/// Value `i` of every row of `y`: the outputs for one row of the batch.
#[inline(always)]
pub(crate) fn column<T: Real>(y: &[T], batch: usize, i: usize) -> impl Iterator<Item = T> + Clone + '_ {
    rows(y, batch).map(move |r| r.get(i).copied().unwrap_or_default())
}

#[inline(always)]
fn column_mut<T: Real>(y: &mut [T], batch: usize, i: usize) -> impl Iterator<Item = &mut T> {
    rows_mut(y, batch).filter_map(move |r| r.get_mut(i))
}

/// Softmax cross-entropy of one row, `ln(sum_c exp(y_c)) - y_label`, with the largest logit taken out of the sum;
/// classes in ascending order.
#[inline(always)]
pub(crate) fn cross_entropy<T: Real>(logits: impl Iterator<Item = T> + Clone, label: usize) -> T {
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

/// The class with the largest logit; the first of equals, class 0 if none can be compared.
#[inline(always)]
pub(crate) fn arg_max<T: Real>(logits: impl Iterator<Item = T>) -> usize {
    let mut best: Option<(usize, T)> = None;
    for (c, y) in logits.enumerate() {
        if best.is_none_or(|(_, top)| y > top) {
            best = Some((c, y));
        }
    }
    best.map_or(0, |(c, _)| c)
}

/// In place, `y` (classes x batch) goes from logits to the adjoint of the mean loss, `dy_c = (p_c - [c = label]) / B`, with
/// tangents `p_c (y1_c - sum_k p_k y1_k) / B`. Returns the sum of the rows' losses, rows ascending.
///
/// Rows go side by side in blocks; within a row the classes are in ascending order, as in [`cross_entropy`].
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
        labels.iter_mut().enumerate().take(len).for_each(|(i, l)| *l = label(at + i));
        let softmax = Softmax::of(y.value(), batch, at, len, &labels);
        sum = softmax.add_losses(sum, len);
        let [values, tangents] = two(&mut y);
        let mut mean = [T::ZERO; BLOCK];
        for (p, y1) in rows(values, batch).zip(rows(tangents, batch)) {
            let terms = part(p, at, len).iter().zip(part(y1, at, len));
            mean.iter_mut().zip(terms).for_each(|(m, (&p, &y1))| *m += p * y1);
        }
        for (p, y1) in rows(values, batch).zip(rows_mut(tangents, batch)) {
            let terms = part_mut(y1, at, len).iter_mut().zip(part(p, at, len)).zip(&mean);
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
        let mut s = Softmax { largest: zeros, total: zeros, own: zeros };
        s.largest.iter_mut().zip(part(y, at, len)).for_each(|(top, &y)| *top = y);
        for (c, row) in rows(y, batch).enumerate() {
            let each = s.largest.iter_mut().zip(&mut s.own).zip(labels).zip(part(row, at, len));
            for (((top, own), &label), &y) in each {
                *top = y.max(*top);
                *own = if label == c as u32 { y } else { *own };
            }
        }
        for row in rows_mut(y, batch) {
            for ((y, &top), total) in part_mut(row, at, len).iter_mut().zip(&s.largest).zip(&mut s.total) {
                *y = (*y - top).exp();
                *total += *y;
            }
        }
        for row in rows_mut(y, batch) {
            part_mut(row, at, len).iter_mut().zip(&s.total).for_each(|(y, &total)| *y = *y / total);
        }
        s
    }

    #[inline(always)]
    fn add_losses(&self, mut sum: T, len: usize) -> T {
        for ((&total, &top), &own) in self.total.iter().zip(&self.largest).zip(&self.own).take(len) {
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

/// In place, column `i` of `y` (outputs x batch) goes from outputs to the adjoint of the mean squared error,
/// `dy = 2 (y - t) / (B outputs)`, with tangents `2 y1 / (B outputs)`. Returns the row's summed squared error.
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
