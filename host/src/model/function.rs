//! An activation as a function of a number, in double precision.

use anyhow::{Result, ensure};
use ldnn_core::{Activation, Base, Shape};

/// The function that an export imitates: a sub-network, a base function, or the table that a model
/// of `ldnn train` computes with.
#[derive(Clone, Debug)]
pub struct Function {
    activation: Activation,
    phi: Vec<f64>,
}

impl Function {
    /// An activation with its parameters.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn new(activation: Activation, phi: &[f32]) -> Result<Function> {
        ensure!(
            phi.len() == activation.param_len(),
            "an activation has {} parameters, but {} are given",
            activation.param_len(),
            phi.len()
        );

        Ok(Function {
            activation,
            phi: phi.iter().map(|&p| f64::from(p)).collect(),
        })
    }

    /// Of type `t` of a shape; `phi` are the parameters of all types.
    ///
    /// # Errors
    /// If they do not fit.
    pub fn of(shape: &Shape, phi: &[f32], t: usize) -> Result<Function> {
        let at = shape.type_at(t) - shape.theta_len();
        Function::new(
            shape.activation(t),
            &phi[at..at + shape.activation(t).param_len()],
        )
    }

    /// The activation.
    #[must_use]
    pub const fn activation(&self) -> Activation {
        self.activation
    }

    /// Its parameters.
    #[must_use]
    pub fn parameters(&self) -> &[f64] {
        &self.phi
    }

    /// The values at `z`.
    ///
    /// # Errors
    /// None for an activation that a shape has checked.
    pub fn values(&self, z: &[f64]) -> Result<Vec<f64>> {
        let mut out = vec![0.0; z.len()];
        self.activation.eval(&self.phi, z, &mut out)?;
        Ok(out)
    }

    /// What stays outside a table of a device: the kink of `relu`, the only thing that such a table
    /// can add. The jump in the curvature of `elu`, which [`Base::outside_table`] keeps outside in
    /// training, is interpolated there.
    #[must_use]
    pub fn outside_device_table(&self) -> Base {
        let base = match self.activation {
            Activation::Base(base) | Activation::Learned { base, .. } => base,
            Activation::Table(form) => form.base,
        };
        if base == Base::Relu {
            Base::Relu
        } else {
            Base::Zero
        }
    }

    /// The values and slopes of the rest, which goes into a table. Slopes are central differences
    /// in double precision.
    ///
    /// # Errors
    /// As [`Self::values`].
    pub fn inside_device_table(&self, z: &[f64]) -> Result<Vec<(f32, f32)>> {
        const STEP: f64 = 1e-5;

        let outside = self.outside_device_table();

        let at = |offset: f64| -> Result<Vec<f64>> {
            let moved: Vec<f64> = z.iter().map(|z| z + offset).collect();
            Ok(self
                .values(&moved)?
                .iter()
                .zip(&moved)
                .map(|(y, &z)| y - outside.value(z))
                .collect())
        };

        let (before, here, after) = (at(-STEP)?, at(0.0)?, at(STEP)?);
        let slope = |i: usize| ((after[i] - before[i]) / (2.0 * STEP)) as f32;

        Ok(here
            .iter()
            .enumerate()
            .map(|(i, &y)| (y as f32, slope(i)))
            .collect())
    }
}
