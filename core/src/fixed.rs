//! A network with all its memory in one value, its lengths fixed at compile time.

use crate::error::Error;
use crate::math::Real;
use crate::network::{self, Batch, Noise, Score};
use crate::shape::Shape;
use crate::vector::Plain;

/// Parameters and work buffer of one network. [`model!`](crate::model) makes a type around it for a given shape.
#[derive(Clone, Debug)]
pub struct Fixed<T, const PARAMS: usize, const WORK: usize> {
    /// `[theta | phi]`
    pub params: [T; PARAMS],
    /// Scratch memory.
    pub work: [T; WORK],
}

impl<T: Real, const PARAMS: usize, const WORK: usize> Fixed<T, PARAMS, WORK> {
    /// All zeros: as a `static` it takes no flash.
    #[must_use]
    pub const fn zeroed() -> Self {
        Fixed { params: [T::ZERO; PARAMS], work: [T::ZERO; WORK] }
    }

    /// [`network::predict`]
    ///
    /// # Errors
    /// If a length does not fit.
    pub fn predict(&mut self, shape: &Shape, x: &[T], out: &mut [T]) -> Result<(), Error> {
        network::predict(Plain, shape, &self.params, x, out, &mut self.work)
    }

    /// [`network::evaluate`]
    ///
    /// # Errors
    /// If the batch does not fit.
    pub fn evaluate(&mut self, shape: &Shape, batch: Batch<'_, T>) -> Result<Score<T>, Error> {
        network::evaluate(Plain, shape, &self.params, batch, &mut self.work)
    }

    /// [`network::gradient`]
    ///
    /// # Errors
    /// If the batch or `grad` does not fit.
    pub fn gradient(
        &mut self,
        shape: &Shape,
        batch: Batch<'_, T>,
        noise: Option<Noise<T>>,
        grad: &mut [T],
    ) -> Result<T, Error> {
        network::gradient(Plain, shape, &self.params, batch, noise, grad, &mut self.work)
    }
}

/// Makes a type that owns the memory of a network: no length to get wrong, and a shape that is impossible does not
/// compile. `rows` is the largest batch.
///
/// ```
/// use ldnn_core::{Base, Kind, Shape};
///
/// ldnn_core::model! {
///     /// Four inputs, eight neurons of two kinds, three classes.
///     pub struct Gestures(f32) {
///         shape: Shape::new(&[4, 8, 3], &[Kind::Base(Base::Sine), Kind::Base(Base::Relu)]),
///         rows: 1,
///     }
/// }
///
/// static START: Gestures = Gestures::zeroed();
/// let mut net = START.clone();
/// let mut out = [0.0; 3];
/// net.predict(&[0.1, 0.2, 0.3, 0.4], &mut out).unwrap();
/// assert_eq!(out, [0.0; 3]);
/// assert_eq!(net.params_mut().len(), Gestures::SHAPE.param_len());
/// ```
#[macro_export]
macro_rules! model {
    ($(#[$meta:meta])* $vis:vis struct $name:ident($scalar:ty) { shape: $shape:expr, rows: $rows:expr $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name($crate::Fixed<$scalar, { $shape.param_len() }, { $shape.work_len($rows) }>);

        impl $name {
            /// The shape of the network.
            pub const SHAPE: $crate::Shape = $shape;

            /// All zeros: as a `static` it takes no flash.
            #[must_use]
            pub const fn zeroed() -> Self {
                Self($crate::Fixed::zeroed())
            }

            /// The parameters, `[theta | phi]`.
            pub fn params_mut(&mut self) -> &mut [$scalar] {
                &mut self.0.params
            }

            /// Outputs for some rows, both row-major.
            ///
            /// # Errors
            /// If a length does not fit or there are too many rows.
            pub fn predict(&mut self, x: &[$scalar], out: &mut [$scalar]) -> Result<(), $crate::Error> {
                self.0.predict(&Self::SHAPE, x, out)
            }

            /// Mean loss and number of right rows of a batch.
            ///
            /// # Errors
            /// If the batch does not fit.
            pub fn evaluate(
                &mut self,
                batch: $crate::network::Batch<'_, $scalar>,
            ) -> Result<$crate::network::Score<$scalar>, $crate::Error> {
                self.0.evaluate(&Self::SHAPE, batch)
            }

            /// The gradient of the mean loss over a batch, in the weights or in all parameters; returns the loss.
            ///
            /// # Errors
            /// If the batch or `grad` does not fit.
            pub fn gradient(
                &mut self,
                batch: $crate::network::Batch<'_, $scalar>,
                noise: Option<$crate::network::Noise<$scalar>>,
                grad: &mut [$scalar],
            ) -> Result<$scalar, $crate::Error> {
                self.0.gradient(&Self::SHAPE, batch, noise, grad)
            }
        }
    };
}
