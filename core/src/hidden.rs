//! Looking inside a network: the activations of a hidden layer with their first two derivatives.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::activation::{self, Derivatives};
use crate::error::{Error, check};
use crate::kernel::planes::{Planes, PlanesMut, part, part_mut, take, transpose};
use crate::kernel::vector::Vector;
use crate::math::Real;
use crate::network::{Network, Pass, Workspace};
use crate::walk::Walk;

impl<T: Real, V: Vector> Network<'_, T, V> {
    /// Activations `sigma(z)` of hidden layer `layer` (0 is the first) for some rows, without
    /// noise.
    ///
    /// `x`: rows x inputs; `value`, overwritten: rows x width of the layer, row-major. The
    /// workspace is for
    /// [`Pass::Forward`].
    ///
    /// # Errors
    /// If a length does not fit or there is no such layer.
    pub fn hidden(
        &self,
        layer: usize,
        x: &[T],
        value: &mut [T],
        workspace: &mut Workspace<'_, T>,
    ) -> Result<(), Error> {
        let out = Derivatives {
            value,
            slope: &mut [],
            curvature: &mut [],
        };

        let len = self.check_hidden(layer, x, &out)?;
        let work = workspace.memory(self.shape, self.rows_of(x), Pass::Forward)?;
        self.layer_values(layer, x, len, out, work)
    }

    /// As [`Network::hidden`], with the slopes `sigma'(z)` and the curvatures `sigma''(z)` in the
    /// same places.
    ///
    /// The workspace is for [`Pass::SecondOrder`].
    ///
    /// # Errors
    /// If a length does not fit or there is no such layer.
    pub fn hidden_derivatives(
        &self,
        layer: usize,
        x: &[T],
        out: Derivatives<'_, T>,
        workspace: &mut Workspace<'_, T>,
    ) -> Result<(), Error> {
        let len = self.check_hidden(layer, x, &out)?;
        check("slope", len, out.slope.len())?;
        check("curvature", len, out.curvature.len())?;
        let work = workspace.memory(self.shape, self.rows_of(x), Pass::SecondOrder)?;
        self.layer_values(layer, x, len, out, work)
    }

    fn rows_of(&self, x: &[T]) -> usize {
        x.len().checked_div(self.shape.inputs()).unwrap_or_default()
    }

    /// Returns rows x width of the layer.
    fn check_hidden(
        &self,
        layer: usize,
        x: &[T],
        out: &Derivatives<'_, T>,
    ) -> Result<usize, Error> {
        if layer >= self.shape.hidden_layers() {
            return Err(Error::Layer {
                layer,
                layers: self.shape.hidden_layers(),
            });
        }

        let len = self.rows_of(x).saturating_mul(self.shape.width(layer + 1));
        check("value", len, out.value.len())?;
        Ok(len)
    }

    fn layer_values(
        &self,
        layer: usize,
        x: &[T],
        len: usize,
        out: Derivatives<'_, T>,
        work: &mut [T],
    ) -> Result<(), Error> {
        let (rows, width) = (self.rows_of(x), self.shape.width(layer + 1));
        let batch = self.inputs_alone(x, rows)?;
        let walk = self.walk(&batch);
        let mut rest = work;
        let mut memory = walk.memory(take(
            &mut rest,
            self.shape.workspace_len(rows, Pass::Forward),
        ));

        walk.forward(&batch, &mut memory);

        // Pre-activations, then activations.
        let at = walk.state_at(layer);
        let state = memory.state.value();
        self.by_rows(out.value, part(state, at + len, len), width);

        if out.slope.is_empty() {
            return Ok(());
        }

        let (ones, slope, curvature) = (
            take(&mut rest, len),
            take(&mut rest, len),
            take(&mut rest, len),
        );

        ones.fill(T::ONE);
        slope.fill(T::ONE);
        curvature.fill(T::ZERO);

        let z = Planes([part(state, at, len), ones]);
        differentiate(&walk, layer, z, PlanesMut([&mut *slope, &mut *curvature]));
        self.by_rows(out.slope, slope, width);
        self.by_rows(out.curvature, curvature, width);

        Ok(())
    }

    /// `to` (rows x `width`) from the feature-major `from`.
    fn by_rows(&self, to: &mut [T], from: &[T], width: usize) {
        let rows = from.len().checked_div(width).unwrap_or_default();
        self.vector.run(
            #[inline(always)]
            || transpose(to, from, width, rows),
        );
    }
}

/// From adjoints (1, 0) to slope and curvature: the adjoint of `sigma` along the tangent 1 is
/// `(sigma', sigma'')`.
fn differentiate<T: Real, V: Vector>(
    walk: &Walk<'_, T, V, 1>,
    layer: usize,
    z: Planes<'_, T, 2>,
    mut d: PlanesMut<'_, T, 2>,
) {
    let (shape, rows) = (walk.shape, walk.batch);
    let (first, count) = shape.layer_types(layer);

    for i in 0..count {
        let (start, end) = shape.block(layer, i);
        let (at, len) = (start * rows, (end - start) * rows);
        let phi = Planes([walk.phi(first + i).value(), &[]]);
        let [d0, d1] = &mut d.0;
        let own = PlanesMut([part_mut(d0, at, len), part_mut(d1, at, len)]);
        let unwanted = PlanesMut([&mut [], &mut []]);

        activation::adjoint(
            walk.vector,
            shape.activation(first + i),
            phi,
            z.part(at, len),
            own,
            unwanted,
        );
    }
}
