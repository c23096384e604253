//! The kernels of tables: cubic Hermite interpolation between uniform knots. See
//! [`table`](crate::table).
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use super::spec::{Base, TableForm};
use crate::kernel::planes::{BLOCK, Planes, PlanesMut, blocks, part, part_mut, two, zip};
use crate::math::Real;

/// The constants of a form in the scalar's type.
#[derive(Clone, Copy)]
struct Grid<T> {
    base: Base,
    range: T,
    per_spacing: T,
    last: T,
}

impl<T: Real> Grid<T> {
    fn new(form: TableForm) -> Self {
        Grid {
            base: form.base,
            range: T::from_f64(f64::from(form.range)),
            per_spacing: T::from_f64(1.0 / form.spacing()),
            last: T::from_usize(form.knots.saturating_sub(1)),
        }
    }

    /// First of the two knots, position between them (0 to 1), and how far beyond an end, in knot
    /// spacings.
    ///
    /// At a knot both neighbouring cells are right; which one is taken is a matter of rounding.
    #[inline(always)]
    fn locate(&self, z: T) -> (u32, T, T) {
        let position = (z + self.range) * self.per_spacing;
        let clamped = position.min(self.last).max(T::ZERO);
        let floor = (clamped - T::from_f64(0.5))
            .round_small()
            .min(self.last - T::ONE);
        (floor.to_small_index(), clamped - floor, position - clamped)
    }
}

/// Value and slope of the first knot of a cell, then of the second.
pub(crate) type Quad<T> = [T; 4];

/// The coefficients of t^2 and t^3 of a cell's cubic: with `r = q2 - q0`, `c3 = q1 + q3 - 2 r` and
/// `c2 = r - q1 - c3`.
#[inline(always)]
fn coefficients<T: Real>([q0, q1, q2, q3]: Quad<T>) -> (T, T) {
    let r = q2 - q0;
    let c3 = (q1 + q3) - (r + r);
    ((r - q1) - c3, c3)
}

/// The cubic of a cell.
#[inline(always)]
pub(crate) fn inside<T: Real>(q: Quad<T>, t: T) -> T {
    let (c2, c3) = coefficients(q);
    q[0] + t * (q[1] + t * (c2 + t * c3))
}

/// The tabulated function; beyond the ends it goes on along the slope there.
#[inline(always)]
pub(crate) fn value<T: Real>(q: Quad<T>, t: T, beyond: T) -> T {
    inside(q, t) + beyond * slope(q, t)
}

/// Its derivative with respect to the position in knot spacings.
#[inline(always)]
pub(crate) fn slope<T: Real>(q: Quad<T>, t: T) -> T {
    let (c2, c3) = coefficients(q);
    q[1] + t * ((c2 + c2) + t * (c3 + c3 + c3))
}

/// Its second derivative with respect to the position, 0 beyond the ends.
#[inline(always)]
fn curvature<T: Real>(q: Quad<T>, t: T, beyond: T) -> T {
    let (c2, c3) = coefficients(q);
    let inside = (c2 + c2) + t * (c3 * T::from_f64(6.0));
    if beyond == T::ZERO { inside } else { T::ZERO }
}

/// The adjoint of the four numbers of a cell, from the adjoint `a` of the value there and `b` of
/// the slope.
///
/// In powers of t the value has the adjoints `a, a t + b, (a t + 2 b) t, (a t + 3 b) t^2`; the rest
/// is the transpose of
/// [`coefficients`].
#[inline(always)]
fn quad_adjoint<T: Real>(t: T, beyond: T, a: T, b: T) -> Quad<T> {
    let b = b + a * beyond;
    let at = a * t;
    let m2 = (at + (b + b)) * t;
    let m3 = (at + (b + b + b)) * (t * t);
    let fall = m3 - m2;
    let q2 = m2 - (fall + fall);

    [a - q2, (at + b) + (fall - m2), q2, fall]
}

/// Adds to `grad` the gradient of `strength` times the mean square of the table's second derivative
/// over its range. `phi`, `grad`: `[knots | readout]`.
///
/// In a cell the second derivative is `(2 c2 + 6 c3 t) / h^2`, so its mean square there is
/// `(4 c2^2 + 12 c2 c3 + 12 c3^2) / h^4`; that of the table is the mean over its cells.
pub(crate) fn add_bending_gradient<T: Real>(
    form: TableForm,
    phi: &[T],
    strength: T,
    grad: &mut [T],
) {
    let (grid, n) = (Grid::<T>::new(form), 2 * form.knots);
    let per_area = grid.per_spacing * grid.per_spacing;
    let share = strength * (per_area * per_area) / grid.last;

    let cells = part(phi, 0, n).windows(4).step_by(2);
    for (i, quad) in cells.enumerate() {
        let Some(&quad) = quad.first_chunk::<4>() else {
            return;
        };

        let (c2, c3) = coefficients(quad);
        let g2 = share * (c2 * T::from_f64(8.0) + c3 * T::from_f64(12.0));
        let g3 = share * (c2 * T::from_f64(12.0) + c3 * T::from_f64(24.0));

        // The transpose of `coefficients`.
        let rise = T::from_f64(3.0) * g2 - (g3 + g3);
        let adjoint = [-rise, g3 - (g2 + g2), rise, g3 - g2];

        part_mut(grad, 2 * i, 4)
            .iter_mut()
            .zip(adjoint)
            .for_each(|(g, a)| *g += a);
    }
}

/// Where the pre-activations of a block fall, and what the table has there.
///
/// Each step is a loop of its own over the block: those without a lookup become vector
/// instructions.
struct BlockCells<T> {
    cell: [u32; BLOCK],
    t: [T; BLOCK],
    beyond: [T; BLOCK],
    quad: [Quad<T>; BLOCK],
    slope: [T; BLOCK],
    curvature: [T; BLOCK],
}

impl<T: Real> BlockCells<T> {
    fn new() -> Self {
        let zeros = [T::ZERO; BLOCK];
        BlockCells {
            cell: [0; BLOCK],
            t: zeros,
            beyond: zeros,
            quad: [[T::ZERO; 4]; BLOCK],
            slope: zeros,
            curvature: zeros,
        }
    }

    #[inline(always)]
    fn locate(&mut self, grid: &Grid<T>, z: &[T]) {
        let places = self.cell.iter_mut().zip(&mut self.t).zip(&mut self.beyond);
        for (((cell, t), beyond), &z) in places.zip(z) {
            (*cell, *t, *beyond) = grid.locate(z);
        }
    }

    #[inline(always)]
    fn gather(&mut self, knots: &[T], n: usize) {
        for (quad, &cell) in self.quad.iter_mut().zip(&self.cell).take(n) {
            let tail = knots.get(2 * cell as usize..).unwrap_or_default();
            *quad = tail.first_chunk::<4>().copied().unwrap_or([T::ZERO; 4]);
        }
    }

    /// Adds the quads to their cells, in ascending order.
    #[inline(always)]
    fn scatter(&self, knots: &mut [T], n: usize) {
        for (quad, &cell) in self.quad.iter().zip(&self.cell).take(n) {
            let tail = knots.get_mut(2 * cell as usize..).unwrap_or_default();
            if let Some(knots) = tail.first_chunk_mut::<4>() {
                *knots = zip(*knots, *quad, |k, q| k + q);
            }
        }
    }

    /// `f` of quad, position and distance beyond, into `out`.
    #[inline(always)]
    fn map_into(&self, out: &mut [T], f: impl Fn(Quad<T>, T, T) -> T) {
        let places = self.quad.iter().zip(&self.t).zip(&self.beyond);
        for (out, ((&q, &t), &e)) in out.iter_mut().zip(places) {
            *out = f(q, t, e);
        }
    }

    /// The whole activation, its base included.
    #[inline(always)]
    fn values(&self, grid: &Grid<T>, z: &[T], h: &mut [T]) {
        self.map_into(h, value);

        if grid.base != Base::Zero {
            h.iter_mut()
                .zip(z)
                .for_each(|(h, &z)| *h += grid.base.value(z));
        }
    }

    #[inline(always)]
    fn slopes(&mut self, grid: &Grid<T>, z: &[T]) {
        let mut out = self.slope;
        self.map_into(&mut out, |q, t, _| slope(q, t) * grid.per_spacing);
        self.slope = out;

        if grid.base != Base::Zero {
            self.slope
                .iter_mut()
                .zip(z)
                .for_each(|(s, &z)| *s += grid.base.slope(z));
        }
    }

    #[inline(always)]
    fn curvatures(&mut self, grid: &Grid<T>, z: &[T]) {
        let mut out = self.curvature;
        self.map_into(&mut out, |q, t, e| {
            curvature(q, t, e) * grid.per_spacing * grid.per_spacing
        });
        self.curvature = out;

        if grid.base != Base::Zero {
            self.curvature
                .iter_mut()
                .zip(z)
                .for_each(|(c, &z)| *c += grid.base.curvature(z));
        }
    }

    /// The quads become the adjoints of the cells' numbers, from those of value and slope.
    #[inline(always)]
    fn quad_adjoints(&mut self, of_value: &[T], of_slope: impl Iterator<Item = T>) {
        let places = self.quad.iter_mut().zip(&self.t).zip(&self.beyond);
        for (((quad, &t), &e), (&a, b)) in places.zip(of_value.iter().zip(of_slope)) {
            *quad = quad_adjoint(t, e, a, b);
        }
    }
}

/// `h = table(z)`, with `phi = [knots | readout]`.
#[inline(always)]
pub(crate) fn forward<T: Real, const K: usize>(
    form: TableForm,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    mut h: PlanesMut<'_, T, K>,
) {
    let (grid, knots) = (Grid::new(form), phi.part(0, 2 * form.knots));
    let mut cells = BlockCells::new();

    for (at, len) in blocks(z.value().len()) {
        let (z, mut h) = (z.part(at, len), h.part(at, len));
        cells.locate(&grid, z.value());
        cells.gather(knots.value(), len);
        cells.values(&grid, z.value(), h.value());

        // The tangent: sigma'(z) z1, and where the knots move, the table of their tangents.
        if K > 1 {
            cells.slopes(&grid, z.value());

            let by_input = cells.slope.iter().zip(z.tangent());
            h.tangent()
                .iter_mut()
                .zip(by_input)
                .for_each(|(h, (&s, &z))| *h = s * z);

            if !knots.tangent().is_empty() {
                cells.gather(knots.tangent(), len);
                let places = cells.quad.iter().zip(&cells.t).zip(&cells.beyond);
                h.tangent()
                    .iter_mut()
                    .zip(places)
                    .for_each(|(h, ((&q, &t), &e))| *h += value(q, t, e));
            }
        }
    }
}

/// `h = table(z)`, and the slopes take the place of `z`.
#[inline(always)]
pub(crate) fn forward_with_slopes<T: Real>(
    form: TableForm,
    phi: &[T],
    z_then_slopes: &mut [T],
    h: &mut [T],
) {
    let (grid, knots) = (Grid::new(form), part(phi, 0, 2 * form.knots));
    let mut cells = BlockCells::new();

    for (at, len) in blocks(z_then_slopes.len()) {
        let (z, h) = (part_mut(z_then_slopes, at, len), part_mut(h, at, len));
        cells.locate(&grid, z);
        cells.gather(knots, len);
        cells.values(&grid, z, h);
        cells.slopes(&grid, z);

        let slopes = z;
        slopes
            .iter_mut()
            .zip(&cells.slope)
            .for_each(|(to, &slope)| *to = slope);
    }
}

/// In place, `d` goes from the adjoint of `h` to that of `z`; `dphi` (empty: not wanted)
/// accumulates on the knots, one neuron after the other.
#[inline(always)]
pub(crate) fn adjoint<T: Real, const K: usize>(
    form: TableForm,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    mut d: PlanesMut<'_, T, K>,
    mut dphi: PlanesMut<'_, T, K>,
) {
    let (grid, knots) = (Grid::new(form), phi.part(0, 2 * form.knots));
    let mut dknots = dphi.part(0, 2 * form.knots);
    let mut cells = BlockCells::new();

    for (at, len) in blocks(z.value().len()) {
        let (z, mut d) = (z.part(at, len), d.part(at, len));
        cells.locate(&grid, z.value());
        cells.gather(knots.value(), len);
        cells.slopes(&grid, z.value());

        // The tangent of the slope, into `curvature`: sigma''(z) z1, and where the knots move, the
        // slope of their tangents.
        if K > 1 {
            cells.curvatures(&grid, z.value());

            cells
                .curvature
                .iter_mut()
                .zip(z.tangent())
                .for_each(|(c, &z)| *c = *c * z);

            if !knots.tangent().is_empty() {
                cells.gather(knots.tangent(), len);
                let places = cells.quad.iter().zip(&cells.t);
                let moved = cells.curvature.iter_mut().zip(places);
                moved.for_each(|(c, (&q, &t))| *c += slope(q, t) * grid.per_spacing);
            }
        }

        // The knots' adjoints, while `d` still is the adjoint of `h`. This overwrites the gathered
        // quads.
        if !dknots.value().is_empty() {
            cells.quad_adjoints(d.value(), core::iter::repeat(T::ZERO));
            cells.scatter(dknots.value(), len);
        }

        let [d0, d1] = two(&mut d);

        if !dknots.tangent().is_empty() {
            // The value's adjoint has the tangent d1; the place moves with z1, so d0 z1 is the
            // adjoint of the slope.
            let of_slope = d0
                .iter()
                .zip(z.tangent())
                .map(|(&d, &z)| d * z * grid.per_spacing);
            cells.quad_adjoints(d1, of_slope);
            cells.scatter(dknots.tangent(), len);
        }

        // The product rule for d sigma'(z), tangents first: they need the old values.
        for ((d1, &mut d0), (&s, &c)) in d1
            .iter_mut()
            .zip(&mut *d0)
            .zip(cells.slope.iter().zip(&cells.curvature))
        {
            *d1 = *d1 * s + d0 * c;
        }

        d0.iter_mut()
            .zip(&cells.slope)
            .for_each(|(d, &s)| *d = *d * s);
    }
}
