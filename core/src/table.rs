//! An activation as a table: cubic Hermite interpolation between uniform knots.
//!
//! A learned activation is a function of one variable. While its parameters rest it is sampled once, at `M` knots on
//! `[-R, R]`, and evaluating it is a look-up. The table is itself an activation type whose parameters are
//! `[y_0, m_0, y_1, m_1, ... | v]`: the values `y_i`, the slopes `m_i` times the knot spacing `h`, and, where training
//! noise is used, a copy of the sub-network's output weights `v`. All derivatives are those of the tabulated function
//! itself, so gradients and Hessian-vector products are exact for it; the adjoint is the transpose and scatters onto
//! the knots. [`build`] fills a table from a sub-network and [`build_adjoint`] carries the knots' adjoint back to it,
//! once per table instead of once per neuron.
//!
//! Between the knots the error is below `h^4 max|sigma''''| / 384`. Beyond the ends the function goes on as the straight
//! line with the end's slope.
//!
//! A base function with a kink (`relu`, `elu`) does not fit a cubic: it stays outside the table and is added exactly.

use crate::activation::{self, Base, Kind, zip};
use crate::error::{SizeError, check, check_at_least};
use crate::math::Real;
use crate::planes::{Block, LANES, Lanes, Planes, PlanesMut, each_block, load, part_mut, store};
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
        2 * self.knots + self.readout
    }

    /// Knot `i`: `-R + i h`.
    #[must_use]
    pub fn knot<T: Real>(&self, i: usize) -> T {
        T::from_f64(f64::from(self.range) * (2.0 * i as f64 / (self.knots - 1) as f64 - 1.0))
    }

    /// Distance of two knots.
    #[must_use]
    pub fn spacing(&self) -> f64 {
        2.0 * f64::from(self.range) / (self.knots - 1) as f64
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

/// Number of scratch values that [`build`] and [`build_adjoint`] need for tables of `knots` knots.
#[must_use]
pub const fn build_work_len(shape: &Shape, knots: usize) -> usize {
    4 * knots + 2 * shape.phi_len()
}

/// Fills the activation parameters `tables` of the shape `to` from those of `from`: learned types become tables, the
/// others are copied. `to` comes from [`tabulated`].
///
/// `phi`: `from.phi_len()`; `tables`: `to.phi_len()`, overwritten; `work`: [`build_work_len`].
///
/// # Errors
/// If a length differs.
pub fn build<T: Real>(from: &Shape, to: &Shape, phi: &[T], tables: &mut [T], work: &mut [T]) -> Result<(), SizeError> {
    check_build(from, to, phi.len(), tables.len(), work.len())?;
    for t in 0..from.types() {
        let phi = crate::planes::part(phi, from.type_at(t) - from.theta_len(), from.kind(t).param_len());
        let table = part_mut(tables, to.type_at(t) - to.theta_len(), to.kind(t).param_len());
        match (from.kind(t), to.kind(t)) {
            (Kind::Learned { base, units }, Kind::Table(form)) => build_one(base, units, form, phi, table, work),
            _ => copy(table, phi),
        }
    }
    Ok(())
}

/// The transpose of [`build`] at `phi`: `dphi += (d tables / d phi)^T dtables`.
///
/// # Errors
/// If a length differs.
pub fn build_adjoint<T: Real>(
    from: &Shape,
    to: &Shape,
    phi: &[T],
    dtables: &[T],
    dphi: &mut [T],
    work: &mut [T],
) -> Result<(), SizeError> {
    check_build(from, to, phi.len(), dtables.len(), work.len())?;
    check("dphi", from.phi_len(), dphi.len())?;
    for t in 0..from.types() {
        let (at, len) = (from.type_at(t) - from.theta_len(), from.kind(t).param_len());
        let (phi, dphi) = (crate::planes::part(phi, at, len), part_mut(dphi, at, len));
        let dtable = crate::planes::part(dtables, to.type_at(t) - to.theta_len(), to.kind(t).param_len());
        match (from.kind(t), to.kind(t)) {
            (Kind::Learned { base, units }, Kind::Table(form)) => {
                build_one_adjoint(base, units, form, phi, dtable, dphi, work);
            }
            _ => dphi.iter_mut().zip(dtable).for_each(|(d, &x)| *d += x),
        }
    }
    Ok(())
}

fn check_build(from: &Shape, to: &Shape, phi: usize, tables: usize, work: usize) -> Result<(), SizeError> {
    check("phi", from.phi_len(), phi)?;
    check("tables", to.phi_len(), tables)?;
    let knots = (0..to.types()).map(|t| if let Kind::Table(f) = to.kind(t) { f.knots } else { 0 }).max();
    let need = build_work_len(from, knots.unwrap_or_default());
    check_at_least("work", need, work)
}

fn copy<T: Copy>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t = *f);
}

/// The part of the activation that goes into the table: all of it if it is smooth, else the sub-network alone.
const fn inside(base: Base) -> Base {
    if base.is_smooth() { base } else { Base::Zero }
}

/// Value and slope of a jet `(z, 1)` are the function and its derivative.
fn build_one<T: Real>(base: Base, units: usize, form: TableForm, phi: &[T], table: &mut [T], work: &mut [T]) {
    let kind = Kind::Learned { base: inside(base), units };
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
    copy(readout, crate::planes::part(phi, 2 * units, units));
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
    let kind = Kind::Learned { base: inside(base), units };
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

/// Where a lane of pre-activations falls.
struct Place<T> {
    /// First of the two knots.
    cell: [u32; LANES],
    /// Position between them, 0 to 1.
    t: [T; LANES],
    /// How far beyond an end, in knot spacings; 0 inside.
    beyond: [T; LANES],
}

/// Value and slope of the first knot, then of the second, lane by lane.
struct Quad<T> {
    q0: [T; LANES],
    q1: [T; LANES],
    q2: [T; LANES],
    q3: [T; LANES],
}

/// The constants of a form in the scalar's type.
#[derive(Clone, Copy)]
struct Grid<T> {
    form: TableForm,
    range: T,
    per_spacing: T,
    last: T,
}

impl<T: Real> Grid<T> {
    #[inline(always)]
    fn new(form: TableForm) -> Self {
        Grid {
            form,
            range: T::from_f64(f64::from(form.range)),
            per_spacing: T::from_f64(1.0 / form.spacing()),
            last: T::from_usize(form.knots - 1),
        }
    }

    /// At a knot both neighbouring cells are right; which one is taken is a matter of rounding.
    #[inline(always)]
    fn locate(&self, z: [T; LANES]) -> Place<T> {
        let position = z.map(|z| (z + self.range) * self.per_spacing);
        let clamped = position.map(|p| p.min(self.last).max(T::ZERO));
        let (half, last_cell) = (T::from_f64(0.5), self.last - T::ONE);
        let floor = clamped.map(|c| (c - half).round_small().min(last_cell));
        Place {
            cell: floor.map(T::to_small_index),
            t: zip(clamped, floor, |c, f| c - f),
            beyond: zip(position, clamped, |p, c| p - c),
        }
    }
}

impl<T: Real> Quad<T> {
    #[inline(always)]
    fn gather(knots: &[T], place: &Place<T>) -> Self {
        let rows = place.cell.map(|cell| {
            let tail = knots.get(2 * cell as usize..).unwrap_or_default();
            tail.first_chunk::<4>().copied().unwrap_or([T::ZERO; 4])
        });
        Quad {
            q0: rows.map(|[q, ..]| q),
            q1: rows.map(|[_, q, ..]| q),
            q2: rows.map(|[.., q, _]| q),
            q3: rows.map(|[.., q]| q),
        }
    }

    /// The coefficients of t^2 and t^3: `c3 = q1 + q3 - 2 rise`, `c2 = rise - q1 - c3`.
    #[inline(always)]
    fn bends(&self) -> ([T; LANES], [T; LANES]) {
        let rise = zip(self.q2, self.q0, |a, b| a - b);
        let c3 = zip(zip(self.q1, self.q3, |a, b| a + b), rise, |s, r| s - (r + r));
        let c2 = zip(zip(rise, self.q1, |r, q| r - q), c3, |a, b| a - b);
        (c2, c3)
    }

    /// The tabulated function.
    #[inline(always)]
    fn value(&self, place: &Place<T>) -> [T; LANES] {
        let (c2, c3) = self.bends();
        let inside = horner(self.q0, horner(self.q1, horner(c2, c3, place.t), place.t), place.t);
        zip(inside, zip(place.beyond, self.rise(place), |b, s| b * s), |a, b| a + b)
    }

    /// Its derivative with respect to the position in knot spacings.
    #[inline(always)]
    fn rise(&self, place: &Place<T>) -> [T; LANES] {
        let (c2, c3) = self.bends();
        horner(self.q1, horner(c2.map(|c| c + c), c3.map(|c| c + c + c), place.t), place.t)
    }

    /// Its second derivative with respect to the position, 0 beyond the ends.
    #[inline(always)]
    fn bend(&self, place: &Place<T>) -> [T; LANES] {
        let (c2, c3) = self.bends();
        let six = T::from_f64(6.0);
        let inside = horner(c2.map(|c| c + c), c3.map(|c| c * six), place.t);
        zip(inside, place.beyond, |c, b| if b == T::ZERO { c } else { T::ZERO })
    }
}

/// `a + b t`
#[inline(always)]
fn horner<T: Real>(a: [T; LANES], b: [T; LANES], t: [T; LANES]) -> [T; LANES] {
    zip(a, zip(b, t, |b, t| b * t), |a, b| a + b)
}

/// The adjoint of the four numbers of a cell, from the adjoint `a` of the value there and `b` of the rise.
///
/// In powers of t the value has the adjoints `a, a t + b, (a t + 2 b) t, (a t + 3 b) t^2`; the rest is the transpose of
/// [`Quad::bends`].
#[inline(always)]
fn quad_adjoint<T: Real>(place: &Place<T>, a: [T; LANES], b: [T; LANES]) -> Quad<T> {
    // Beyond the ends the value goes on along the rise.
    let b = zip(b, zip(a, place.beyond, |a, e| a * e), |b, e| b + e);
    let t = place.t;
    let at = zip(a, t, |a, t| a * t);
    let m2 = zip(zip(at, b, |x, b| x + (b + b)), t, |x, t| x * t);
    let m3 = zip(zip(at, b, |x, b| x + (b + b + b)), zip(t, t, |s, t| s * t), |x, t| x * t);
    let fall = zip(m3, m2, |c, b| c - b);
    let q2 = zip(m2, fall, |b, f| b - (f + f));
    let q1 = zip(zip(at, b, |x, b| x + b), zip(fall, m2, |f, b| f - b), |x, y| x + y);
    Quad { q0: zip(a, q2, |a, q| a - q), q1, q2, q3: fall }
}

/// `h = table(z)`, with `phi = [knots | readout]`.
#[inline(always)]
pub(crate) fn forward<T: Real, const K: usize>(
    form: TableForm,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    h: PlanesMut<'_, T, K>,
) {
    let (grid, knots) = (Grid::new(form), phi.part(0, 2 * form.knots));
    each_block(z.value().len(), &mut Forward { grid, knots, z, h });
}

struct Forward<'a, T, const K: usize> {
    grid: Grid<T>,
    knots: Planes<'a, T, K>,
    z: Planes<'a, T, K>,
    h: PlanesMut<'a, T, K>,
}

impl<T: Real, const K: usize> Lanes for Forward<'_, T, K> {
    #[inline(always)]
    fn block<B: Block>(&mut self, b: B, at: usize) {
        let (grid, knots) = (self.grid, self.knots);
        let z0: [T; LANES] = load(b, self.z.value(), at);
        let place = grid.locate(z0);
        let quad = Quad::gather(knots.value(), &place);
        store(b, self.h.value(), at, whole_value(&grid, &quad, &place, z0));
        if K > 1 {
            let z1: [T; LANES] = load(b, self.z.tangent(), at);
            let slope = whole_slope(&grid, &quad, &place, z0);
            let mut h1 = zip(slope, z1, |s, z| s * z);
            if !knots.tangent().is_empty() {
                h1 = zip(h1, Quad::gather(knots.tangent(), &place).value(&place), |a, b| a + b);
            }
            store(b, self.h.tangent(), at, h1);
        }
    }
}

/// `h = table(z)`, and the slopes take the place of `z`.
#[inline(always)]
pub(crate) fn forward_with_slopes<T: Real>(form: TableForm, phi: &[T], z: &mut [T], h: &mut [T]) {
    let (grid, knots) = (Grid::new(form), crate::planes::part(phi, 0, 2 * form.knots));
    each_block(z.len(), &mut ForwardWithSlopes { grid, knots, z, h });
}

struct ForwardWithSlopes<'a, T> {
    grid: Grid<T>,
    knots: &'a [T],
    z: &'a mut [T],
    h: &'a mut [T],
}

impl<T: Real> Lanes for ForwardWithSlopes<'_, T> {
    #[inline(always)]
    fn block<B: Block>(&mut self, b: B, at: usize) {
        let z0: [T; LANES] = load(b, self.z, at);
        let place = self.grid.locate(z0);
        let quad = Quad::gather(self.knots, &place);
        store(b, self.h, at, whole_value(&self.grid, &quad, &place, z0));
        store(b, self.z, at, whole_slope(&self.grid, &quad, &place, z0));
    }
}

/// In place, `d` goes from the adjoint of `h` to that of `z`; `dphi` (empty: not wanted) accumulates on the knots, one
/// neuron after the other.
#[inline(always)]
pub(crate) fn adjoint<T: Real, const K: usize>(
    form: TableForm,
    phi: Planes<'_, T, K>,
    z: Planes<'_, T, K>,
    d: PlanesMut<'_, T, K>,
    mut dphi: PlanesMut<'_, T, K>,
) {
    let (grid, knots) = (Grid::new(form), phi.part(0, 2 * form.knots));
    let dknots = dphi.part(0, 2 * form.knots);
    each_block(z.value().len(), &mut Adjoint { grid, knots, z, d, dknots });
}

struct Adjoint<'a, T, const K: usize> {
    grid: Grid<T>,
    knots: Planes<'a, T, K>,
    z: Planes<'a, T, K>,
    d: PlanesMut<'a, T, K>,
    dknots: PlanesMut<'a, T, K>,
}

impl<T: Real, const K: usize> Lanes for Adjoint<'_, T, K> {
    #[inline(always)]
    fn block<B: Block>(&mut self, b: B, at: usize) {
        let (grid, knots) = (self.grid, self.knots);
        let z0: [T; LANES] = load(b, self.z.value(), at);
        let z1: [T; LANES] = load(b, self.z.tangent(), at);
        let d0: [T; LANES] = load(b, self.d.value(), at);
        let d1: [T; LANES] = load(b, self.d.tangent(), at);
        let place = grid.locate(z0);
        let quad = Quad::gather(knots.value(), &place);
        let slope = whole_slope(&grid, &quad, &place, z0);
        store(b, self.d.value(), at, zip(d0, slope, |d, s| d * s));
        if K > 1 {
            let mut bend = zip(whole_curvature(&grid, &quad, &place, z0), z1, |c, z| c * z);
            if !knots.tangent().is_empty() {
                let rise = Quad::gather(knots.tangent(), &place).rise(&place);
                bend = zip(bend, rise.map(|r| r * grid.per_spacing), |a, b| a + b);
            }
            let turned = zip(zip(d1, slope, |d, s| d * s), zip(d0, bend, |d, b| d * b), |a, b| a + b);
            store(b, self.d.tangent(), at, turned);
        }
        let lanes = if B::WHOLE { LANES } else { self.z.value().len() - at };
        if !self.dknots.value().is_empty() {
            scatter(self.dknots.value(), &place, lanes, &quad_adjoint(&place, d0, [T::ZERO; LANES]));
        }
        if !self.dknots.tangent().is_empty() {
            let turn = zip(d0, z1, |d, z| d * z * grid.per_spacing);
            scatter(self.dknots.tangent(), &place, lanes, &quad_adjoint(&place, d1, turn));
        }
    }
}

#[inline(always)]
fn whole_value<T: Real>(grid: &Grid<T>, quad: &Quad<T>, place: &Place<T>, z: [T; LANES]) -> [T; LANES] {
    let value = quad.value(place);
    if grid.form.base == Base::Zero { value } else { zip(value, z, |h, z| h + grid.form.base.value(z)) }
}

#[inline(always)]
fn whole_slope<T: Real>(grid: &Grid<T>, quad: &Quad<T>, place: &Place<T>, z: [T; LANES]) -> [T; LANES] {
    let slope = quad.rise(place).map(|r| r * grid.per_spacing);
    if grid.form.base == Base::Zero { slope } else { zip(slope, z, |s, z| s + grid.form.base.slope(z)) }
}

#[inline(always)]
fn whole_curvature<T: Real>(grid: &Grid<T>, quad: &Quad<T>, place: &Place<T>, z: [T; LANES]) -> [T; LANES] {
    let bend = quad.bend(place).map(|c| c * grid.per_spacing * grid.per_spacing);
    if grid.form.base == Base::Zero { bend } else { zip(bend, z, |c, z| c + grid.form.base.curvature(z)) }
}

/// Adds four numbers a lane to the lane's cell, lanes in ascending order.
#[inline(always)]
fn scatter<T: Real>(knots: &mut [T], place: &Place<T>, lanes: usize, add: &Quad<T>) {
    let mut rows = [[T::ZERO; 4]; LANES];
    let firsts = add.q0.iter().zip(&add.q1);
    for (row, ((&a, &b), (&c, &d))) in rows.iter_mut().zip(firsts.zip(add.q2.iter().zip(&add.q3))) {
        *row = [a, b, c, d];
    }
    for (row, &cell) in rows.iter().zip(&place.cell).take(lanes) {
        let tail = knots.get_mut(2 * cell as usize..).unwrap_or_default();
        if let Some(q) = tail.first_chunk_mut::<4>() {
            *q = zip(*q, *row, |q, r| q + r);
        }
    }
}

/// The tabulated function at any points: `out_i = table(z_i)`, with `phi` the parameters of one table type.
///
/// # Errors
/// If `phi` or `out` has another length.
pub fn evaluate<T: Real>(form: TableForm, phi: &[T], z: &[T], out: &mut [T]) -> Result<(), SizeError> {
    check("phi", form.param_len(), phi.len())?;
    check("out", z.len(), out.len())?;
    forward(form, Planes([phi]), Planes([z]), PlanesMut([out]));
    Ok(())
}
