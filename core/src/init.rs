//! How a network starts: weights, biases and sub-networks as pure functions of a seed.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::activation::{Activation, Base};
use crate::error::{Error, check};
use crate::kernel::planes::part_mut;
use crate::math::Real;
use crate::rng::{Draws, Stream};
use crate::shape::Shape;

/// How the weights start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// Weights and biases uniform in +-1/sqrt(inputs): PyTorch's default, and the paper's.
    FanIn,
    /// Weights uniform in +-sqrt(6 / (inputs + outputs)), biases 0 (Glorot and Bengio 2010).
    Xavier,
    /// Weights uniform in +-sqrt(6 / inputs), biases 0 (He et al. 2015).
    He,
}

/// Draws fresh weights and biases: `theta` (`shape.theta_len()`) is overwritten. `step` numbers the
/// networks of a seed.
///
/// # Errors
/// If `theta` has another length.
pub fn init_theta<T: Real>(
    shape: &Shape,
    init: Init,
    seed: u64,
    step: u64,
    theta: &mut [T],
) -> Result<(), Error> {
    check("theta", shape.theta_len(), theta.len())?;

    for l in 0..shape.layers() {
        let draws = Draws::new(seed, Stream::Weights, l as u32, step);
        let (inputs, outputs) = (shape.width(l), shape.width(l + 1));
        let (fan_in, fan_out) = (T::from_usize(inputs), T::from_usize(outputs));
        let six = T::from_f64(6.0);

        let (weights, biases) = match init {
            Init::FanIn => (T::ONE / fan_in.sqrt(), T::ONE / fan_in.sqrt()),
            Init::Xavier => ((six / (fan_in + fan_out)).sqrt(), T::ZERO),
            Init::He => ((six / fan_in).sqrt(), T::ZERO),
        };

        let count = inputs * outputs;
        for (i, w) in part_mut(theta, shape.weights_at(l), count)
            .iter_mut()
            .enumerate()
        {
            *w = weights * draws.symmetric(i as u32);
        }

        for (i, b) in part_mut(theta, shape.biases_at(l), outputs)
            .iter_mut()
            .enumerate()
        {
            *b = biases * draws.symmetric((count + i) as u32);
        }
    }

    Ok(())
}

/// Draws fresh activation parameters: `phi` (`shape.phi_len()`) is overwritten.
///
/// Sub-networks start as PyTorch's linear layers do: `u`, `c` uniform in +-1, `v`, `d` in
/// +-1/sqrt(units). A table that is added to a base function starts at 0, and so as that function;
/// another one starts as the tanh. [`table::fill`](crate::table::fill) makes it start as something
/// else.
///
/// # Errors
/// If `phi` has another length.
pub fn init_phi<T: Real>(shape: &Shape, seed: u64, phi: &mut [T]) -> Result<(), Error> {
    check("phi", shape.phi_len(), phi.len())?;
    phi.fill(T::ZERO);

    for t in 0..shape.types() {
        let activation = shape.activation(t);
        if let Activation::Table(form) = activation
            && form.base == Base::Zero
        {
            let own = part_mut(phi, shape.type_at(t) - shape.theta_len(), 2 * form.knots);
            let spacing = T::from_f64(form.spacing());

            for (i, [value, slope]) in own.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                let z: T = form.knot(i);
                [*value, *slope] = [Base::Tanh.value(z), Base::Tanh.slope(z) * spacing];
            }
        }

        if let Activation::Learned { units, .. } = activation {
            let draws = Draws::new(seed, Stream::Activations, t as u32, 0);
            let last = T::ONE / T::from_usize(units).sqrt();
            let own = part_mut(
                phi,
                shape.type_at(t) - shape.theta_len(),
                activation.param_len(),
            );

            for (i, p) in own.iter_mut().enumerate() {
                let bound = if i < 2 * units { T::ONE } else { last };
                *p = bound * draws.symmetric(i as u32);
            }
        }
    }

    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::TableForm;

    #[test]
    fn a_table_starts_as_the_tanh_or_as_the_base_beside_it() {
        let alone = TableForm::fixed(33, 10.0);
        let beside = TableForm {
            base: Base::Relu,
            ..alone
        };
        let activations = [Activation::Table(alone), Activation::Table(beside)];
        let shape = Shape::new(&[1, 4, 1], &activations);
        let mut phi = [f64::NAN; 2 * 66];
        assert_eq!(init_phi(&shape, 1, &mut phi), Ok(()));

        let z = [-12.0, -0.3, 0.625, 4.0];
        for (activation, phi, base) in [
            (activations[0], &phi[..66], Base::Tanh),
            (activations[1], &phi[66..], Base::Relu),
        ] {
            let mut out = [0.0; 4];
            assert_eq!(activation.eval(phi, &z, &mut out), Ok(()));

            for (found, z) in out.into_iter().zip(z) {
                assert!((found - base.value(z)).abs() < 2e-3, "{found} at {z}");
            }
        }
    }
}
