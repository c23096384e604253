//! The affine maps of a network, forward beside adjoint.
//!
//! Arrays are feature-major: `x` of a layer with `n` features over a batch of `B` rows is `n` runs
//! of `B` values. Outputs come first in the argument lists. Adjoints of parameters accumulate.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use super::matmul::{AsStored, Transposed, add_product};
use super::planes::{Planes, PlanesMut, rows, rows_mut, sum};
use super::vector::Vector;
use crate::math::Real;

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
    let Affine {
        inputs: k,
        outputs: m,
        batch: n,
    } = size;

    fill_rows(z.value(), b.value(), n);
    add_product(v, z.value(), AsStored { a: w.value(), k }, x.value(), m, n);

    if K > 1 {
        fill_rows(z.tangent(), b.tangent(), n);

        if !x.tangent().is_empty() {
            add_product(
                v,
                z.tangent(),
                AsStored { a: w.value(), k },
                x.tangent(),
                m,
                n,
            );
        }

        if !w.tangent().is_empty() {
            add_product(
                v,
                z.tangent(),
                AsStored { a: w.tangent(), k },
                x.value(),
                m,
                n,
            );
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
    let Affine {
        inputs: m,
        batch: n,
        ..
    } = size;

    dx.value().fill(T::ZERO);

    add_product(
        v,
        dx.value(),
        Transposed { a: w.value(), m },
        dz.value(),
        m,
        n,
    );

    if K > 1 {
        dx.tangent().fill(T::ZERO);

        add_product(
            v,
            dx.tangent(),
            Transposed { a: w.value(), m },
            dz.tangent(),
            m,
            n,
        );

        if !w.tangent().is_empty() {
            add_product(
                v,
                dx.tangent(),
                Transposed { a: w.tangent(), m },
                dz.value(),
                m,
                n,
            );
        }
    }
}

/// `dW += dz x^T`, one plane of each, with `x` by rows of the batch (batch x inputs); rows
/// ascending.
pub(crate) fn affine_adjoint_weights<T: Real, V: Vector>(
    v: V,
    size: Affine,
    dw: &mut [T],
    dz: &[T],
    x_by_rows: &[T],
) {
    add_product(
        v,
        dw,
        AsStored {
            a: dz,
            k: size.batch,
        },
        x_by_rows,
        size.outputs,
        size.inputs,
    );
}

/// `db_j +=` the [`sum`] of row `j` of `dz`, one plane.
#[inline(always)]
pub(crate) fn affine_adjoint_biases<T: Real>(size: Affine, db: &mut [T], dz: &[T]) {
    for (db, row) in db.iter_mut().zip(rows(dz, size.batch)) {
        *db += sum(row);
    }
}
