//! An activation as a table: cubic Hermite interpolation between uniform knots.
//!
//! A learned activation is a function of one variable. While its parameters are frozen it is
//! sampled once, at `M` knots on `[-R, R]`, and evaluating it is a lookup. The table is itself an
//! activation type whose parameters are `[y_0, m_0, y_1, m_1, ... | v]`: the values `y_i`, the
//! slopes `m_i` times the knot spacing `h`, and, where training noise is used, a copy of the
//! sub-network's output weights `v`. All derivatives are those of the tabulated function itself, so
//! gradients and Hessian-vector products are exact for it; the adjoint is the transpose and
//! scatters onto the knots. [`Tabulation::build`] fills a table from a sub-network and
//! [`Tabulation::build_adjoint`] carries the knots' adjoint back to it, once per table instead of
//! once per neuron.
//!
//! Between the knots the error is below `h^4 max|sigma''''| / 384`. Beyond the ends the function
//! goes on as the straight line with the end's slope.
//!
//! A base function without two continuous derivatives (`relu`, `elu`) does not fit a cubic: it stays
//! outside the table and is added exactly ([`Base::outside_table`]).
//!
//! ```
//! use ldnn_core::Activation;
//! use ldnn_core::table::TableForm;
//! // The sine at nine knots: values, and slopes times the spacing.
//! let form = TableForm::fixed(9, 2.0);
//! let params: Vec<f64> = (0..9)
//!     .map(|i| form.knot::<f64>(i))
//!     .flat_map(|z| [z.sin(), z.cos() * form.spacing()])
//!     .collect();
//! let mut out = [0.0; 2];
//! Activation::Table(form).eval(&params, &[0.6, -1.5], &mut out)?;
//! assert!((out[0] - 0.6f64.sin()).abs() < 1e-4);
//! assert_eq!(out[1], (-1.5f64).sin());
//! # Ok::<(), ldnn_core::SizeError>(())
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

pub use crate::activation::TableForm;
pub use crate::device::table::{compact, integer};

use crate::activation::{self, Activation, Base, Derivatives};
use crate::error::{ShapeError, SizeError, check, check_at_least};
use crate::kernel::planes::{Planes, PlanesMut, part, part_mut};
use crate::kernel::vector::Plain;
use crate::math::Real;
use crate::shape::Shape;

/// The shape of the same network with every learned type replaced by a table of `knots` knots on
/// `[-range, range]`.
///
/// # Errors
/// If knots or range make no table.
pub fn tabulated(shape: &Shape, knots: usize, range: f32) -> Result<Shape, ShapeError> {
    let mut activations = [Activation::Base(Base::Zero); crate::shape::MAX_TYPES];
    for (t, activation) in activations.iter_mut().enumerate().take(shape.types()) {
        *activation = match shape.activation(t) {
            Activation::Learned { base, units } => {
                Activation::Table(TableForm::of_learned(base, units, knots, range))
            }
            other => other,
        };
    }

    shape.with_activations(activations.get(..shape.types()).unwrap_or_default())
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
    /// Length of the `work` of [`Tabulation::build`] and of its adjoint.
    #[must_use]
    pub const fn work_len(&self) -> usize {
        let (mut most, mut t) = (0, 0);
        while t < self.to.types() {
            if let Activation::Table(form) = self.to.activation(t) {
                most = if form.knots > most { form.knots } else { most };
            }
            t += 1;
        }

        most.saturating_mul(4)
            .saturating_add(self.from.phi_len().saturating_mul(2))
    }

    /// Fills the tables from the sub-networks; types that are no sub-networks are copied.
    ///
    /// `phi`: `from.phi_len()`; `tables`: `to.phi_len()`, overwritten; `work`:
    /// [`Tabulation::work_len`].
    ///
    /// # Errors
    /// If a length differs, or a type of `to` is not as long as [`tabulated`] makes it.
    pub fn build<T: Real>(
        &self,
        phi: &[T],
        tables: &mut [T],
        work: &mut [T],
    ) -> Result<(), SizeError> {
        let Tabulation { from, to } = *self;
        self.check(phi.len(), tables.len(), work.len())?;

        for t in 0..from.types() {
            let phi = part(
                phi,
                from.type_at(t) - from.theta_len(),
                from.activation(t).param_len(),
            );

            let table = part_mut(
                tables,
                to.type_at(t) - to.theta_len(),
                to.activation(t).param_len(),
            );

            match (from.activation(t), to.activation(t)) {
                (Activation::Learned { base, units }, Activation::Table(form)) => {
                    build_one(base, units, form, phi, table, work)
                }
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
            let (at, len) = (
                from.type_at(t) - from.theta_len(),
                from.activation(t).param_len(),
            );
            let (phi, dphi) = (part(phi, at, len), part_mut(dphi, at, len));

            let dtable = part(
                dtables,
                to.type_at(t) - to.theta_len(),
                to.activation(t).param_len(),
            );

            match (from.activation(t), to.activation(t)) {
                (Activation::Learned { base, units }, Activation::Table(form)) => {
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
            let expected = match (from.activation(t), to.activation(t)) {
                (Activation::Learned { units, .. }, Activation::Table(form)) => {
                    form.knots.saturating_mul(2).saturating_add(units)
                }
                (activation, _) => activation.param_len(),
            };
            check(
                "a type of the tables",
                expected,
                to.activation(t).param_len(),
            )?;
        }

        check_at_least("work", self.work_len(), work)
    }
}

/// Fills a table with any activation: its values at the knots, and its slopes there. A learning
/// table starts so.
///
/// `phi`: the activation's parameters; `table`: [`TableForm::param_len`] numbers, overwritten. What
/// the form adds exactly ([`TableForm::base`]) is not taken off.
///
/// # Errors
/// If a length does not fit.
pub fn fill<T: Real>(
    activation: Activation,
    phi: &[T],
    form: TableForm,
    table: &mut [T],
) -> Result<(), SizeError> {
    check("table", form.param_len(), table.len())?;
    let spacing = T::from_f64(form.spacing());
    let (knots, readout) = table
        .split_at_mut_checked(2 * form.knots)
        .unwrap_or_default();
    readout.fill(T::ZERO);

    for (i, [value, slope]) in knots.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let mut curvature = T::ZERO;
        let out = Derivatives {
            value: core::slice::from_mut(value),
            slope: core::slice::from_mut(slope),
            curvature: core::slice::from_mut(&mut curvature),
        };

        activation.eval_derivatives(phi, &[form.knot(i)], out)?;
        *slope = *slope * spacing;
    }

    Ok(())
}

fn copy<T: Copy>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t = *f);
}

/// Value and slope of a jet `(z, 1)` are the function and its derivative.
fn build_one<T: Real>(
    base: Base,
    units: usize,
    form: TableForm,
    phi: &[T],
    table: &mut [T],
    work: &mut [T],
) {
    let activation = Activation::Learned {
        base: base.inside_table(),
        units,
    };
    let (mut z, rest) = PlanesMut::<T, 2>::cut(work, form.knots);
    let (mut h, _) = PlanesMut::<T, 2>::cut(rest, form.knots);

    seed_knots(form, &mut z);

    activation::forward(
        Plain,
        activation,
        Planes([phi, &[]]),
        z.as_ref(),
        PlanesMut(h.0.each_mut().map(|s| &mut **s)),
    );

    let (knots, readout) = table
        .split_at_mut_checked(2 * form.knots)
        .unwrap_or_default();
    let spacing = T::from_f64(form.spacing());
    let h = h.as_ref();

    for ((knot, &y), &m) in knots
        .as_chunks_mut::<2>()
        .0
        .iter_mut()
        .zip(h.value())
        .zip(h.tangent())
    {
        *knot = [y, m * spacing];
    }

    copy(readout, part(phi, 2 * units, units));
}

/// With the adjoint jet `(a, b)` the tangent plane of the sub-network's adjoint is
/// `b d sigma/d phi + a d sigma'/d phi`: so `a` is the adjoint of the slopes and `b` that of the
/// values.
fn build_one_adjoint<T: Real>(
    base: Base,
    units: usize,
    form: TableForm,
    phi: &[T],
    dtable: &[T],
    dphi: &mut [T],
    work: &mut [T],
) {
    let activation = Activation::Learned {
        base: base.inside_table(),
        units,
    };
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

    activation::adjoint(
        Plain,
        activation,
        Planes([phi, &[]]),
        z.as_ref(),
        d,
        both.part(0, phi.len()),
    );

    dphi.iter_mut()
        .zip(both.tangent())
        .for_each(|(d, &mut x)| *d += x);
    part_mut(dphi, 2 * units, units)
        .iter_mut()
        .zip(readout)
        .for_each(|(d, &x)| *d += x);
}

fn seed_knots<T: Real>(form: TableForm, z: &mut PlanesMut<'_, T, 2>) {
    for (i, z) in z.value().iter_mut().enumerate() {
        *z = form.knot(i);
    }
    z.tangent().fill(T::ONE);
}
