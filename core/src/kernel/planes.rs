//! The kernels' view of memory: planes of values and tangents, and checked parts of slices.
//!
//! Plane 0 holds values; plane 1, if there is one, holds their derivatives along a direction
//! (tangents). A kernel is written once for `K` planes: with `K = 1` every line about tangents
//! vanishes at compile time, with `K = 2` the same text computes a Hessian-vector product. An empty
//! tangent plane stands for zeros and costs nothing.
//!
//! The public functions have compared every length with the [`Shape`](crate::Shape) before a kernel
//! runs, so the parts taken here always exist. Where Rust wants to know what happens otherwise,
//! the answer is an empty slice: there is no panic to reach.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::math::Real;

/// `K` parallel slices to read.
#[derive(Clone, Copy)]
pub(crate) struct Planes<'a, T, const K: usize>(pub [&'a [T]; K]);

/// `K` parallel slices to write.
pub(crate) struct PlanesMut<'a, T, const K: usize>(pub [&'a mut [T]; K]);

impl<'a, T, const K: usize> Planes<'a, T, K> {
    #[inline(always)]
    pub fn value(&self) -> &'a [T] {
        self.0.first().copied().unwrap_or_default()
    }

    #[inline(always)]
    pub fn tangent(&self) -> &'a [T] {
        self.0.get(1).copied().unwrap_or_default()
    }

    #[inline(always)]
    pub fn part(&self, start: usize, len: usize) -> Self {
        Planes(self.0.map(|s| part(s, start, len)))
    }
}

impl<'a, T, const K: usize> PlanesMut<'a, T, K> {
    /// Cuts `buffer` into `K` planes of `len`.
    #[inline(always)]
    pub fn cut(buffer: &'a mut [T], len: usize) -> (Self, &'a mut [T]) {
        let mut rest = buffer;
        let planes = [(); K].map(|()| take(&mut rest, len));
        (PlanesMut(planes), rest)
    }

    #[inline(always)]
    pub fn as_ref(&self) -> Planes<'_, T, K> {
        Planes(self.0.each_ref().map(|s| &**s))
    }

    #[inline(always)]
    pub fn value(&mut self) -> &mut [T] {
        self.0.first_mut().map(|s| &mut **s).unwrap_or_default()
    }

    #[inline(always)]
    pub fn tangent(&mut self) -> &mut [T] {
        self.0.get_mut(1).map(|s| &mut **s).unwrap_or_default()
    }

    #[inline(always)]
    pub fn part(&mut self, start: usize, len: usize) -> PlanesMut<'_, T, K> {
        PlanesMut(self.0.each_mut().map(|s| part_mut(s, start, len)))
    }

    /// The first `at` elements of every plane, and the others.
    #[inline(always)]
    pub fn split(&mut self, at: usize) -> (PlanesMut<'_, T, K>, PlanesMut<'_, T, K>) {
        let mut tails = [(); K].map(|()| <&mut [T]>::default());
        let mut tail = tails.iter_mut();

        let heads = self.0.each_mut().map(|s| {
            let (head, rest) = s.split_at_mut_checked(at).unwrap_or_default();
            if let Some(t) = tail.next() {
                *t = rest;
            }
            head
        });

        (PlanesMut(heads), PlanesMut(tails))
    }
}

/// `s[start..start + len]`, or nothing where the slice is shorter (an empty plane).
#[inline(always)]
pub(crate) fn part<T>(s: &[T], start: usize, len: usize) -> &[T] {
    s.get(start..start.saturating_add(len)).unwrap_or_default()
}

/// `s[start..start + len]`, or nothing where the slice is shorter (an empty plane).
#[inline(always)]
pub(crate) fn part_mut<T>(s: &mut [T], start: usize, len: usize) -> &mut [T] {
    s.get_mut(start..start.saturating_add(len))
        .unwrap_or_default()
}

/// Takes the first `len` elements off `s`; nothing if there are fewer.
#[inline(always)]
pub(crate) fn take<'a, T>(s: &mut &'a mut [T], len: usize) -> &'a mut [T] {
    let (head, tail) = core::mem::take(s)
        .split_at_mut_checked(len)
        .unwrap_or_default();
    *s = tail;
    head
}

/// `L` elements from `at` on; zeros if the slice has not so many.
#[inline(always)]
pub(crate) fn load<T: Real, const L: usize>(s: &[T], at: usize) -> [T; L] {
    s.get(at..)
        .and_then(|tail| tail.first_chunk::<L>())
        .copied()
        .unwrap_or([T::ZERO; L])
}

/// Writes `lanes` from `at` on.
#[inline(always)]
pub(crate) fn store<T: Real, const L: usize>(s: &mut [T], at: usize, lanes: [T; L]) {
    if let Some(full) = s.get_mut(at..).and_then(|tail| tail.first_chunk_mut::<L>()) {
        *full = lanes;
    }
}

/// `f` of two lanes.
#[inline(always)]
pub(crate) fn zip<T: Real, const L: usize>(a: [T; L], b: [T; L], f: impl Fn(T, T) -> T) -> [T; L] {
    let mut out = a;
    for (o, b) in out.iter_mut().zip(b) {
        *o = f(*o, b);
    }
    out
}

/// How many values the element-wise kernels take at a time where they need memory in between.
/// Results do not depend on it.
pub(crate) const BLOCK: usize = 64;

/// Starts and lengths of the blocks of `n` elements.
pub(crate) fn blocks(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).step_by(BLOCK).map(move |at| (at, BLOCK.min(n - at)))
}

/// The rows of a row-major matrix, `n` columns wide; none if `n` is 0.
#[derive(Clone)]
pub(crate) struct MatrixRows<'a, T> {
    rest: &'a [T],
    n: usize,
}

/// The rows of `s`, `n` elements each.
#[inline(always)]
pub(crate) fn rows<T>(s: &[T], n: usize) -> MatrixRows<'_, T> {
    MatrixRows {
        rest: if n == 0 { &[] } else { s },
        n,
    }
}

impl<'a, T> Iterator for MatrixRows<'a, T> {
    type Item = &'a [T];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [T]> {
        let (row, rest) = self.rest.split_at_checked(self.n)?;
        self.rest = rest;
        Some(row)
    }
}

/// The rows of a row-major matrix to write.
pub(crate) struct MatrixRowsMut<'a, T> {
    rest: &'a mut [T],
    n: usize,
}

/// The rows of `s` to write, `n` elements each; none if `n` is 0.
#[inline(always)]
pub(crate) fn rows_mut<T>(s: &mut [T], n: usize) -> MatrixRowsMut<'_, T> {
    MatrixRowsMut {
        rest: if n == 0 { &mut [] } else { s },
        n,
    }
}

impl<'a, T> Iterator for MatrixRowsMut<'a, T> {
    type Item = &'a mut [T];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a mut [T]> {
        let (row, rest) = core::mem::take(&mut self.rest).split_at_mut_checked(self.n)?;
        self.rest = rest;
        Some(row)
    }
}

/// Both planes to write at once.
#[inline(always)]
pub(crate) fn two<'a, T, const K: usize>(y: &'a mut PlanesMut<'_, T, K>) -> [&'a mut [T]; 2] {
    let mut planes = y.0.iter_mut();
    [(); 2].map(|()| planes.next().map(|s| &mut **s).unwrap_or_default())
}

/// The sum of `s`: eight partial sums over the whole eights, added as ((0+4)+(2+6))+((1+5)+(3+7)),
/// then the remaining elements one by one.
#[inline(always)]
pub(crate) fn sum<T: Real>(s: &[T]) -> T {
    let (eights, rest) = s.as_chunks::<8>();
    let mut p = [T::ZERO; 8];

    for e in eights {
        for (p, &x) in p.iter_mut().zip(e) {
            *p += x;
        }
    }

    let [a, b, c, d, e, f, g, h] = p;
    let mut total = ((a + e) + (c + g)) + ((b + f) + (d + h));

    for &x in rest {
        total += x;
    }

    total
}

/// `out` (`n` x `m`) becomes the transpose of `s` (`m` x `n`), both row-major.
///
/// Eight columns at a time are copied into a strip, whose loop over eight outputs becomes shuffles
/// of vectors.
#[inline(always)]
pub(crate) fn transpose<T: Real>(out: &mut [T], s: &[T], m: usize, n: usize) {
    let whole = n - n % 8;
    let mut strip = [[T::ZERO; 8]; BLOCK];

    for j in (0..whole).step_by(8) {
        let mut columns = rows_mut(part_mut(out, j * m, 8 * m), m);
        let mut columns: [&mut [T]; 8] =
            core::array::from_fn(|_| columns.next().unwrap_or_default());

        for (i, len) in blocks(m) {
            for (r, row) in strip.iter_mut().enumerate().take(len) {
                *row = load(s, (i + r) * n + j);
            }

            let [a, b, c, d, e, f, g, h] =
                columns.each_mut().map(|column| part_mut(column, i, len));
            let left = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
            let right = e.iter_mut().zip(f).zip(g.iter_mut().zip(h));

            for ((((a, b), (c, d)), ((e, f), (g, h))), row) in left.zip(right).zip(&strip) {
                [*a, *b, *c, *d, *e, *f, *g, *h] = *row;
            }
        }
    }

    for j in whole..n {
        for (i, to) in part_mut(out, j * m, m).iter_mut().enumerate() {
            *to = s.get(i * n + j).copied().unwrap_or_default();
        }
    }
}
