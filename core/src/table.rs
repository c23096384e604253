//! An activation as a table: cubic Hermite interpolation between uniform knots.
//!
//! A learned activation is a function of one variable. While its parameters are frozen it is sampled once, at `M` knots on
//! `[-R, R]`, and evaluating it is a look-up. The table is itself an activation type whose parameters are
//! `[y_0, m_0, y_1, m_1, ... | v]`: the values `y_i`, the slopes `m_i` times the knot spacing `h`, and, where training
//! noise is used, a copy of the sub-network's output weights `v`. All derivatives are those of the tabulated function
//! itself, so gradients and Hessian-vector products are exact for it; the adjoint is the transpose and scatters onto
//! the knots. [`Tabulation::build`] fills a table from a sub-network and [`Tabulation::build_adjoint`] carries the knots' adjoint back to it,
//! once per table instead of once per neuron.
//!
//! Between the knots the error is below `h^4 max|sigma''''| / 384`. Beyond the ends the function goes on as the straight
//! line with the end's slope.
//!
//! A base function with a kink (`relu`, `elu`) does not fit a cubic: it stays outside the table and is added exactly.
//!
//! ```
//! use ldnn_core::Kind;
//! use ldnn_core::table::TableForm;
//! // The sine at nine knots: values, and slopes times the spacing.
//! let form = TableForm::fixed(9, 2.0);
//! let params: Vec<f64> = (0..9)
//!     .map(|i| form.knot::<f64>(i))
//!     .flat_map(|z| [z.sin(), z.cos() * form.spacing()])
//!     .collect();
//! let mut out = [0.0; 2];
//! Kind::Table(form).eval(&params, &[0.6, -1.5], &mut out)?;
//! assert!((out[0] - 0.6f64.sin()).abs() < 1e-4);
//! assert_eq!(out[1], (-1.5f64).sin());
//! # Ok::<(), ldnn_core::SizeError>(())
//! ```
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow; sizes have passed the door")]

pub mod compact;
pub mod integer;

use crate::activation::{self, Base, Kind};
use crate::error::{SizeError, check, check_at_least};
use crate::math::Real;
use crate::planes::{BLOCK, Planes, PlanesMut, blocks, part, part_mut, two};
use crate::shape::{MAX_WIDTH, Shape, ShapeError};
use crate::vector::Plain;

/// The form of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableForm {
    /// Added to the table exactly; `Base::Zero` for nothing.
    pub base: Base,
    /// Number of knots `M`, at least 2.
    pub knots: usize,
    /// The knots span `[-range, range]`.
    pub range: f32,
    /// Number of output weights kept for training noise; 0 for a table that is only used.
    pub readout: usize,
}

impl TableForm {
    /// The table of a learned type, ready for training with noise.
    #[must_use]
    pub const fn of_learned(base: Base, units: usize, knots: usize, range: f32) -> Self {
        let base = if base.is_smooth() { Base::Zero } else { base };
        TableForm { base, knots, range, readout: units }
    }

    /// A fixed table without a place for noise.
    #[must_use]
    pub const fn fixed(knots: usize, range: f32) -> Self {
        TableForm { base: Base::Zero, knots, range, readout: 0 }
    }

    /// Number of parameters.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        self.knots.saturating_mul(2).saturating_add(self.readout)
    }

    /// Knot `i`: `-R + i h`.
    #[must_use]
    pub fn knot<T: Real>(&self, i: usize) -> T {
        T::from_f64(f64::from(self.range) * (2.0 * i as f64 / self.cells() - 1.0))
    }

    /// Distance of two knots.
    #[must_use]
    pub fn spacing(&self) -> f64 {
        2.0 * f64::from(self.range) / self.cells()
    }

    fn cells(&self) -> f64 {
        self.knots.saturating_sub(1) as f64
    }

    pub(crate) const fn check(&self) -> Result<(), ShapeError> {
        let good = self.knots >= 2 && self.knots <= MAX_WIDTH && self.readout <= MAX_WIDTH;
        if good && self.range > 0.0 && self.range < f32::INFINITY { Ok(()) } else { Err(ShapeError::BadTable) }
    }
}

/// The shape of the same network with every learned type replaced by a table of `knots` knots on `[-range, range]`.
///
/// # Errors
/// If knots or range make no table.
pub fn tabulated(shape: &Shape, knots: usize, range: f32) -> Result<Shape, ShapeError> {
    let mut kinds = [Kind::Base(Base::Zero); crate::shape::MAX_TYPES];
    for (t, kind) in kinds.iter_mut().enumerate().take(shape.types()) {
        *kind = match shape.kind(t) {
            Kind::Learned { base, units } => Kind::Table(TableForm::of_learned(base, units, knots, range)),
            other => other,
        };
    }
    shape.with_kinds(kinds.get(..shape.types()).unwrap_or_default())
}

/// Two shapes of one network: with sub-networks, and with tables in their places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tabulation<'a> {
    /// With sub-networks.
    pub from: &'a Shape,
    /// With tables, as [`tabulated`] makes it.
    pub to: &'a Shape,
}

impl Tabulation<'_> {
    /// Number of scratch values that [`Tabulation::build`] and its adjoint need.
    #[must_use]
    pub const fn work_len(&self) -> usize {
        let (mut most, mut t) = (0, 0);
        while t < self.to.types() {
            if let Kind::Table(form) = self.to.kind(t) {
                most = if form.knots > most { form.knots } else { most };
            }
            t += 1;
        }
        most.saturating_mul(4).saturating_add(self.from.phi_len().saturating_mul(2))
    }

    /// Fills the tables from the sub-networks; types that are no sub-networks are copied.
    ///
    /// `phi`: `from.phi_len()`; `tables`: `to.phi_len()`, overwritten; `work`: [`Tabulation::work_len`].
    ///
    /// # Errors
    /// If a length differs, or a type of `to` is not as long as [`tabulated`] makes it.
    pub fn build<T: Real>(&self, phi: &[T], tables: &mut [T], work: &mut [T]) -> Result<(), SizeError> {
        let Tabulation { from, to } = *self;
        self.check(phi.len(), tables.len(), work.len())?;

        for t in 0..from.types() {
            let phi = part(phi, from.type_at(t) - from.theta_len(), from.kind(t).param_len());
            let table = part_mut(tables, to.type_at(t) - to.theta_len(), to.kind(t).param_len());
            match (from.kind(t), to.kind(t)) {
                (Kind::Learned { base, units }, Kind::Table(form)) => build_one(base, units, form, phi, table, work),
                _ => copy(table, phi),
            }
        }
        Ok(())
    }

    /// The transpose of [`Tabulation::build`] at `phi`: `dphi += (d tables / d phi)^T dtables`.
    ///
    /// # Errors
    /// If a length differs.
    pub fn build_adjoint<T: Real>(
        &self,
        phi: &[T],
        dtables: &[T],
        dphi: &mut [T],
        work: &mut [T],
    ) -> Result<(), SizeError> {
        let Tabulation { from, to } = *self;
        self.check(phi.len(), dtables.len(), work.len())?;
        check("dphi", from.phi_len(), dphi.len())?;

        for t in 0..from.types() {
            let (at, len) = (from.type_at(t) - from.theta_len(), from.kind(t).param_len());
            let (phi, dphi) = (part(phi, at, len), part_mut(dphi, at, len));
            let dtable = part(dtables, to.type_at(t) - to.theta_len(), to.kind(t).param_len());
            match (from.kind(t), to.kind(t)) {
                (Kind::Learned { base, units }, Kind::Table(form)) => {
                    build_one_adjoint(base, units, form, phi, dtable, dphi, work);
                }
                _ => dphi.iter_mut().zip(dtable).for_each(|(d, &x)| *d += x),
            }
        }
        Ok(())
    }

    fn check(&self, phi: usize, tables: usize, work: usize) -> Result<(), SizeError> {
        let Tabulation { from, to } = *self;
        check("phi", from.phi_len(), phi)?;
        check("tables", to.phi_len(), tables)?;
        check("types", from.types(), to.types())?;
        for t in 0..from.types() {
            let expected = match (from.kind(t), to.kind(t)) {
                (Kind::Learned { units, .. }, Kind::Table(form)) => form.knots.saturating_mul(2).saturating_add(units),
                (kind, _) => kind.param_len(),
            };
            check("a type of the tables", expected, to.kind(t).param_len())?;
        }
        check_at_least("work", self.work_len(), work)
    }
}

fn copy<T: Copy>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t = *f);
}

/// The part of the activation that goes into the table: all of it if it is smooth, else the sub-network alone.
const fn tabulated_part(base: Base) -> Base {
    if base.is_smooth() { base } else { Base::Zero }
}

/// Value and slope of a jet `(z, 1)` are the function and its derivative.
fn build_one<T: Real>(base: Base, units: usize, form: TableForm, phi: &[T], table: &mut [T], work: &mut [T]) {
    let kind = Kind::Learned { base: tabulated_part(base), units };
    let (mut z, rest) = PlanesMut::<T, 2>::cut(work, form.knots);
    let (mut h, _) = PlanesMut::<T, 2>::cut(rest, form.knots);
    seed_knots(form, &mut z);
    activation::forward(Plain, kind, Planes([phi, &[]]), z.as_ref(), PlanesMut(h.0.each_mut().map(|s| &mut **s)));
    let (knots, readout) = table.split_at_mut_checked(2 * form.knots).unwrap_or_default();
    let spacing = T::from_f64(form.spacing());
    let h = h.as_ref();
    for ((knot, &y), &m) in knots.as_chunks_mut::<2>().0.iter_mut().zip(h.value()).zip(h.tangent()) {
        *knot = [y, m * spacing];
    }
    copy(readout, part(phi, 2 * units, units));
}

/// With the adjoint jet `(a, b)` the tangent plane of the sub-network's adjoint is `b d sigma/d phi + a d sigma'/d phi`:
/// so `a` is the adjoint of the slopes and `b` that of the values.
fn build_one_adjoint<T: Real>(
    base: Base,
    units: usize,
    form: TableForm,
    phi: &[T],
    dtable: &[T],
    dphi: &mut [T],
    work: &mut [T],
) {
    let kind = Kind::Learned { base: tabulated_part(base), units };
    let (mut z, rest) = PlanesMut::<T, 2>::cut(work, form.knots);
    let (mut d, rest) = PlanesMut::<T, 2>::cut(rest, form.knots);
    let (mut both, _) = PlanesMut::<T, 2>::cut(rest, phi.len());
    seed_knots(form, &mut z);
    let spacing = T::from_f64(form.spacing());
    let (knots, readout) = dtable.split_at_checked(2 * form.knots).unwrap_or_default();
    for (d, [_, m]) in d.value().iter_mut().zip(knots.as_chunks::<2>().0) {
        *d = *m * spacing;
    }
    for (d, [y, _]) in d.tangent().iter_mut().zip(knots.as_chunks::<2>().0) {
        *d = *y;
    }
    both.value().fill(T::ZERO);
    both.tangent().fill(T::ZERO);
    activation::adjoint(Plain, kind, Planes([phi, &[]]), z.as_ref(), d, both.part(0, phi.len()));
    dphi.iter_mut().zip(both.tangent()).for_each(|(d, &mut x)| *d += x);
    part_mut(dphi, 2 * units, units).iter_mut().zip(readout).for_each(|(d, &x)| *d += x);
}

fn seed_knots<T: Real>(form: TableForm, z: &mut PlanesMut<'_, T, 2>) {
    for (i, z) in z.value().iter_mut().enumerate() {
        *z = form.knot(i);
    }
    z.tangent().fill(T::ONE);
}

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

    /// First of the two knots, position between them (0 to 1), and how far beyond an end, in knot spacings.
    ///
    /// At a knot both neighbouring cells are right; which one is taken is a matter of rounding.
    #[inline(always)]
    fn locate(&self, z: T) -> (u32, T, T) {
        let position = (z + self.range) * self.per_spacing;
        let clamped = position.min(self.last).max(T::ZERO);
        let floor = (clamped - T::from_f64(0.5)).round_small().min(self.last - T::ONE);
        (floor.to_small_index(), clamped - floor, position - clamped)
    }
}

/// Value and slope of the first knot of a cell, then of the second.
type Quad<T> = [T; 4];

/// The coefficients of t^2 and t^3 of a cell's cubic: with `r = q2 - q0`, `c3 = q1 + q3 - 2 r` and `c2 = r - q1 - c3`.
#[inline(always)]
fn coefficients<T: Real>([q0, q1, q2, q3]: Quad<T>) -> (T, T) {
    let r = q2 - q0;
    let c3 = (q1 + q3) - (r + r);
    ((r - q1) - c3, c3)
}

/// The cubic of a cell.
#[inline(always)]
fn inside<T: Real>(q: Quad<T>, t: T) -> T {
    let (c2, c3) = coefficients(q);
    q[0] + t * (q[1] + t * (c2 + t * c3))
}

/// The tabulated function; beyond the ends it goes on along the slope there.
#[inline(always)]
fn value<T: Real>(q: Quad<T>, t: T, beyond: T) -> T {
    inside(q, t) + beyond * slope(q, t)
}

/// Its derivative with respect to the position in knot spacings.
#[inline(always)]
fn slope<T: Real>(q: Quad<T>, t: T) -> T {
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

/// The adjoint of the four numbers of a cell, from the adjoint `a` of the value there and `b` of the slope.
///
/// In powers of t the value has the adjoints `a, a t + b, (a t + 2 b) t, (a t + 3 b) t^2`; the rest is the transpose of
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

/// Where the pre-activations of a block fall, and what the table has there.
///
/// Each step is a loop of its own over the block: those without a look-up become vector instructions.
struct Cells<T> {
    cell: [u32; BLOCK],
    t: [T; BLOCK],
    beyond: [T; BLOCK],
    quad: [Quad<T>; BLOCK],
    slope: [T; BLOCK],
    curvature: [T; BLOCK],
}

impl<T: Real> Cells<T> {
    fn new() -> Self {
        let zeros = [T::ZERO; BLOCK];
        Cells { cell: [0; BLOCK], t: zeros, beyond: zeros, quad: [[T::ZERO; 4]; BLOCK], slope: zeros, curvature: zeros }
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
                *knots = activation::zip(*knots, *quad, |k, q| k + q);
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
            h.iter_mut().zip(z).for_each(|(h, &z)| *h += grid.base.value(z));
        }
    }

    #[inline(always)]
    fn slopes(&mut self, grid: &Grid<T>, z: &[T]) {
        let mut out = self.slope;
        self.map_into(&mut out, |q, t, _| slope(q, t) * grid.per_spacing);
        self.slope = out;
        if grid.base != Base::Zero {
            self.slope.iter_mut().zip(z).for_each(|(s, &z)| *s += grid.base.slope(z));
        }
    }

    #[inline(always)]
    fn curvatures(&mut self, grid: &Grid<T>, z: &[T]) {
        let mut out = self.curvature;
        self.map_into(&mut out, |q, t, e| curvature(q, t, e) * grid.per_spacing * grid.per_spacing);
        self.curvature = out;
        if grid.base != Base::Zero {
            self.curvature.iter_mut().zip(z).for_each(|(c, &z)| *c += grid.base.curvature(z));
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
    let mut cells = Cells::new();

    for (at, len) in blocks(z.value().len()) {
        let (z, mut h) = (z.part(at, len), h.part(at, len));
        cells.locate(&grid, z.value());
        cells.gather(knots.value(), len);
        cells.values(&grid, z.value(), h.value());

        // The tangent: sigma'(z) z1, and where the knots move, the table of their tangents.
        if K > 1 {
            cells.slopes(&grid, z.value());
            let by_input = cells.slope.iter().zip(z.tangent());
            h.tangent().iter_mut().zip(by_input).for_each(|(h, (&s, &z))| *h = s * z);
            if !knots.tangent().is_empty() {
                cells.gather(knots.tangent(), len);
                let places = cells.quad.iter().zip(&cells.t).zip(&cells.beyond);
                h.tangent().iter_mut().zip(places).for_each(|(h, ((&q, &t), &e))| *h += value(q, t, e));
            }
        }
    }
}

/// `h = table(z)`, and the slopes take the place of `z`.
#[inline(always)]
pub(crate) fn forward_with_slopes<T: Real>(form: TableForm, phi: &[T], z: &mut [T], h: &mut [T]) {
    let (grid, knots) = (Grid::new(form), part(phi, 0, 2 * form.knots));
    let mut cells = Cells::new();
    for (at, len) in blocks(z.len()) {
        let (z, h) = (part_mut(z, at, len), part_mut(h, at, len));
        cells.locate(&grid, z);
        cells.gather(knots, len);
        cells.values(&grid, z, h);
        cells.slopes(&grid, z);
        z.iter_mut().zip(&cells.slope).for_each(|(z, &s)| *z = s);
    }
}

/// In place, `d` goes from the adjoint of `h` to that of `z`; `dphi` (empty: not wanted) accumulates on the knots, one
/// neuron after the other.
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
    let mut cells = Cells::new();

    for (at, len) in blocks(z.value().len()) {
        let (z, mut d) = (z.part(at, len), d.part(at, len));
        cells.locate(&grid, z.value());
        cells.gather(knots.value(), len);
        cells.slopes(&grid, z.value());

        // The tangent of the slope, into `curvature`: sigma''(z) z1, and where the knots move, the slope of their tangents.
        if K > 1 {
            cells.curvatures(&grid, z.value());
            cells.curvature.iter_mut().zip(z.tangent()).for_each(|(c, &z)| *c = *c * z);
            if !knots.tangent().is_empty() {
                cells.gather(knots.tangent(), len);
                let places = cells.quad.iter().zip(&cells.t);
                let moved = cells.curvature.iter_mut().zip(places);
                moved.for_each(|(c, (&q, &t))| *c += slope(q, t) * grid.per_spacing);
            }
        }

        // The knots' adjoints, while `d` still is the adjoint of `h`. This overwrites the gathered quads.
        if !dknots.value().is_empty() {
            cells.quad_adjoints(d.value(), core::iter::repeat(T::ZERO));
            cells.scatter(dknots.value(), len);
        }
        let [d0, d1] = two(&mut d);
        if !dknots.tangent().is_empty() {
            // The value's adjoint has the tangent d1; the place moves with z1, so d0 z1 is the adjoint of the slope.
            let of_slope = d0.iter().zip(z.tangent()).map(|(&d, &z)| d * z * grid.per_spacing);
            cells.quad_adjoints(d1, of_slope);
            cells.scatter(dknots.tangent(), len);
        }

        // The product rule for d sigma'(z), tangents first: they need the old values.
        for ((d1, &mut d0), (&s, &c)) in d1.iter_mut().zip(&mut *d0).zip(cells.slope.iter().zip(&cells.curvature)) {
            *d1 = *d1 * s + d0 * c;
        }
        d0.iter_mut().zip(&cells.slope).for_each(|(d, &s)| *d = *d * s);
    }
}
