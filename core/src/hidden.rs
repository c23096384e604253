//! Looking inside a network: the activations of a hidden layer with their first two derivatives.
#![allow(clippy::arithmetic_side_effects, reason = "floats do not overflow; sizes have passed the door")]

use crate::activation;
use crate::batch::{Batch, Data, Rows, Target};
use crate::error::{Error, check, check_at_least};
use crate::math::Real;
use crate::network::Walk;
use crate::planes::{Planes, PlanesMut, part, part_mut, take, transpose};
use crate::shape::Shape;
use crate::vector::Vector;

/// Activations `sigma(z)` of hidden layer `layer` (0 is the first) for a batch, with the slopes `sigma'(z)` and the
/// curvatures `sigma''(z)` in the same places, without noise.
///
/// `params`: `shape.param_len()`; `x`: rows x inputs; `value`, overwritten: rows x width of the layer, row-major; `slope`
/// and `curvature`, overwritten: the same, or both empty where they are not wanted; `work`: at least
/// `shape.tangent_work_len(rows)`.
///
/// # Errors
/// If a length does not fit or there is no such layer.
#[allow(clippy::too_many_arguments, reason = "every buffer is the caller's")]
pub fn hidden<T: Real, V: Vector>(
    vector: V,
    shape: &Shape,
    params: &[T],
    layer: usize,
    x: &[T],
    value: &mut [T],
    slope: &mut [T],
    curvature: &mut [T],
    work: &mut [T],
) -> Result<(), Error> {
    if layer >= shape.hidden_layers() {
        return Err(Error::Layer { layer, layers: shape.hidden_layers() });
    }
    let rows = x.len().checked_div(shape.inputs()).unwrap_or_default();
    let len = rows.saturating_mul(shape.width(layer + 1));
    check("x", rows.saturating_mul(shape.inputs()), x.len())?;
    check("value", len, value.len())?;
    let derivatives = !slope.is_empty() || !curvature.is_empty();
    if derivatives {
        check("slope", len, slope.len())?;
        check("curvature", len, curvature.len())?;
    }
    check("params", shape.param_len(), params.len())?;
    check_at_least("work", shape.tangent_work_len(rows), work.len())?;
    if rows == 0 {
        return Err(Error::Empty("the number of rows"));
    }
    let batch = Batch { data: Data { x, target: Target::Classes(&[]) }, rows: Rows::Range { start: 0, len: rows } };
    let walk = Walk { vector, shape, params: Planes([params]), batch: rows, noise: None, only_weights: false };
    let mut rest = work;
    let mut memory = walk.memory(take(&mut rest, shape.work_len(rows)));
    walk.forward(&batch, &mut memory);
    let at = walk.state_at(layer);
    let state = memory.state.value();
    let put = |to: &mut [T], by_features: &[T]| {
        vector.run(
            #[inline(always)]
            || transpose(to, by_features, shape.width(layer + 1), rows),
        );
    };
    put(value, part(state, at + len, len));
    if derivatives {
        let (ones, first, second) = (take(&mut rest, len), take(&mut rest, len), take(&mut rest, len));
        ones.fill(T::ONE);
        first.fill(T::ONE);
        second.fill(T::ZERO);
        let z = Planes([part(state, at, len), ones]);
        differentiate(&walk, layer, z, PlanesMut([&mut *first, &mut *second]));
        put(slope, first);
        put(curvature, second);
    }
    Ok(())
}

/// From adjoints (1, 0) to slope and curvature: the adjoint of `sigma` along the tangent 1 is `(sigma', sigma'')`.
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
        activation::adjoint(walk.vector, shape.kind(first + i), phi, z.part(at, len), own, unwanted);
    }
}
