//! The one matrix product: `C += A B`, with A as it lies in memory or transposed, in register
//! tiles.
//!
//! Order of summation: every element of C is one running sum, starting from its old value and
//! taking the products in ascending order of the summation index. The tiles vectorise over the
//! columns of C only, so their size, the SIMD width and the batch cannot change a bit.
//! Multiplication and addition round separately.
//!
//! The accumulators have names: as an array of arrays the compiler spills them to memory, at
//! fifteen times the cost.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use super::planes::{load, part, store};
use super::vector::Vector;
use crate::math::Real;

/// The left factor: hands out columns of four rows, of two, or of one.
pub(crate) trait Left<T: Real> {
    fn four(&self, row: usize) -> impl Iterator<Item = [T; 4]>;
    fn two(&self, row: usize) -> impl Iterator<Item = [T; 2]>;
    fn one(&self, row: usize) -> impl Iterator<Item = T>;
}

/// A (m x k), row-major with `k` columns.
pub(crate) struct AsStored<'a, T> {
    pub a: &'a [T],
    pub k: usize,
}

/// The transpose of `a` (k x m), row-major with `m` columns.
pub(crate) struct Transposed<'a, T> {
    pub a: &'a [T],
    pub m: usize,
}

impl<T: Real> Left<T> for AsStored<'_, T> {
    #[inline(always)]
    fn four(&self, row: usize) -> impl Iterator<Item = [T; 4]> {
        let of = |r: usize| part(self.a, (row + r) * self.k, self.k).iter();
        of(0)
            .zip(of(1))
            .zip(of(2).zip(of(3)))
            .map(|((a, b), (c, d))| [*a, *b, *c, *d])
    }

    #[inline(always)]
    fn two(&self, row: usize) -> impl Iterator<Item = [T; 2]> {
        let of = |r: usize| part(self.a, (row + r) * self.k, self.k).iter();
        of(0).zip(of(1)).map(|(a, b)| [*a, *b])
    }

    #[inline(always)]
    fn one(&self, row: usize) -> impl Iterator<Item = T> {
        part(self.a, row * self.k, self.k).iter().copied()
    }
}

impl<T: Real> Left<T> for Transposed<'_, T> {
    #[inline(always)]
    fn four(&self, row: usize) -> impl Iterator<Item = [T; 4]> {
        Columns::new(self.a, row, self.m)
    }

    #[inline(always)]
    fn two(&self, row: usize) -> impl Iterator<Item = [T; 2]> {
        Columns::new(self.a, row, self.m)
    }

    #[inline(always)]
    fn one(&self, row: usize) -> impl Iterator<Item = T> {
        Columns::<T, 1>::new(self.a, row, self.m).map(|[a]| a)
    }
}

/// `c` (m x n) += `a` (m x k) * `b` (k x n); `b` and `c` row-major.
///
/// One function per kind of left factor, however many places call it: the tiles are large.
#[inline(never)]
pub(crate) fn add_product<T: Real, V: Vector, A: Left<T>>(
    v: V,
    c: &mut [T],
    a: A,
    b: &[T],
    m: usize,
    n: usize,
) {
    v.run(
        #[inline(always)]
        || panels(c, &a, b, m, n),
    );
}

#[inline(always)]
fn panels<T: Real>(c: &mut [T], a: &impl Left<T>, b: &[T], m: usize, n: usize) {
    let mut col = 0;
    while n - col >= 32 {
        panel::<T, 32>(c, a, b, m, n, col);
        col += 32;
    }

    if n - col >= 16 {
        panel::<T, 16>(c, a, b, m, n, col);
        col += 16;
    }

    if n - col >= 8 {
        panel::<T, 8>(c, a, b, m, n, col);
        col += 8;
    }

    if n - col >= 4 {
        panel::<T, 4>(c, a, b, m, n, col);
        col += 4;
    }

    while col < n {
        panel::<T, 1>(c, a, b, m, n, col);
        col += 1;
    }
}

/// The columns `col..col + L` of the product.
#[inline(always)]
fn panel<T: Real, const L: usize>(
    c: &mut [T],
    a: &impl Left<T>,
    b: &[T],
    m: usize,
    n: usize,
    col: usize,
) {
    let mut row = 0;
    while m - row >= 4 {
        tile4::<T, L>(c, row * n + col, n, a.four(row), Columns::new(b, col, n));
        row += 4;
    }

    if m - row >= 2 {
        tile2::<T, L>(c, row * n + col, n, a.two(row), Columns::new(b, col, n));
        row += 2;
    }

    if row < m {
        tile1::<T, L>(c, row * n + col, a.one(row), Columns::new(b, col, n));
    }
}

#[inline(always)]
fn tile4<T: Real, const L: usize>(
    c: &mut [T],
    at: usize,
    n: usize,
    a: impl Iterator<Item = [T; 4]>,
    b: Columns<'_, T, L>,
) {
    let mut c0: [T; L] = load(c, at);
    let mut c1: [T; L] = load(c, at + n);
    let mut c2: [T; L] = load(c, at + 2 * n);
    let mut c3: [T; L] = load(c, at + 3 * n);

    for ([a0, a1, a2, a3], b) in a.zip(b) {
        add_scaled(&mut c0, a0, &b);
        add_scaled(&mut c1, a1, &b);
        add_scaled(&mut c2, a2, &b);
        add_scaled(&mut c3, a3, &b);
    }

    store(c, at, c0);
    store(c, at + n, c1);
    store(c, at + 2 * n, c2);
    store(c, at + 3 * n, c3);
}

#[inline(always)]
fn tile2<T: Real, const L: usize>(
    c: &mut [T],
    at: usize,
    n: usize,
    a: impl Iterator<Item = [T; 2]>,
    b: Columns<'_, T, L>,
) {
    let mut c0: [T; L] = load(c, at);
    let mut c1: [T; L] = load(c, at + n);

    for ([a0, a1], b) in a.zip(b) {
        add_scaled(&mut c0, a0, &b);
        add_scaled(&mut c1, a1, &b);
    }

    store(c, at, c0);
    store(c, at + n, c1);
}

#[inline(always)]
fn tile1<T: Real, const L: usize>(
    c: &mut [T],
    at: usize,
    a: impl Iterator<Item = T>,
    b: Columns<'_, T, L>,
) {
    let mut sums: [T; L] = load(c, at);
    for (a, b) in a.zip(b) {
        add_scaled(&mut sums, a, &b);
    }
    store(c, at, sums);
}

#[inline(always)]
fn add_scaled<T: Real, const L: usize>(c: &mut [T; L], a: T, b: &[T; L]) {
    for (c, &b) in c.iter_mut().zip(b) {
        *c += a * b;
    }
}

/// The columns `col..col + L` of a row-major matrix with `n` columns, row by row.
struct Columns<'a, T, const L: usize> {
    rest: &'a [T],
    n: usize,
}

impl<'a, T, const L: usize> Columns<'a, T, L> {
    #[inline(always)]
    fn new(s: &'a [T], col: usize, n: usize) -> Self {
        Columns {
            rest: s.get(col..).unwrap_or_default(),
            n,
        }
    }
}

impl<T: Real, const L: usize> Iterator for Columns<'_, T, L> {
    type Item = [T; L];

    #[inline(always)]
    fn next(&mut self) -> Option<[T; L]> {
        let columns = *self.rest.first_chunk::<L>()?;
        self.rest = self.rest.get(self.n..).unwrap_or_default();
        Some(columns)
    }
}
