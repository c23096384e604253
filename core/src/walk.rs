//! The walk through the layers: prediction, loss, gradient and Hessian-vector product.
//!
//! There is one walk, over `K` planes (see `kernel/planes.rs`). With one plane it is backpropagation; with
//! two, the tangent plane of the gradient is the derivative of the gradient along the direction
//! that the tangent plane of the parameters holds: the Hessian-vector product (Pearlmutter 1994),
//! from the same text.
//!
//! Between the way forward and the way back, each hidden layer leaves two arrays in the state: what
//! its adjoint needs, and its activations `h`. If the parameters of the activations learn, the first
//! one holds the pre-activations `z`. If only the weights learn, the adjoint is a multiplication by
//! the slopes `sigma'(z)`: the way forward then writes them over `z`, which nothing reads any more.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; sizes have passed the door"
)]

use crate::activation;
use crate::data::{Batch, Evaluation, Noise, Target};
use crate::kernel::dense::{self, Affine};
use crate::kernel::loss::{column, cross_entropy_adjoint, squared_error, squared_error_adjoint};
use crate::kernel::planes::{
    Planes, PlanesMut, part, part_mut, rows_mut, sum, take, transpose, two,
};
use crate::kernel::vector::Vector;
use crate::loss::{cross_entropy_of, first_largest};
use crate::math::Real;
use crate::rng::{Draws, Stream};
use crate::shape::Shape;

/// One pass over one batch.
pub(crate) struct Walk<'a, T, V, const K: usize> {
    pub vector: V,
    pub shape: &'a Shape,
    pub params: Planes<'a, T, K>,
    pub batch: usize,
    pub noise: Option<Noise<T>>,
    /// One plane, and no gradient of the activation parameters: the way forward leaves slopes in
    /// the place of the pre-activations.
    pub only_weights: bool,
}

/// The caller's work buffer, cut up.
pub(crate) struct WalkMemory<'a, T, const K: usize> {
    /// The batch's inputs, batch x inputs.
    by_rows: &'a mut [T],
    /// The same, inputs x batch.
    inputs: &'a mut [T],
    /// For every hidden layer its pre-activations (or the slopes there, if only weights learn) and
    /// its activations; then the outputs. Each is features x batch.
    pub state: PlanesMut<'a, T, K>,
    /// Two arrays for adjoints of a layer.
    adjoints: PlanesMut<'a, T, K>,
    other_adjoints: PlanesMut<'a, T, K>,
    /// A hidden layer by rows of the batch.
    transposed: &'a mut [T],
}

impl<T: Real, V: Vector, const K: usize> Walk<'_, T, V, K> {
    pub fn memory<'m>(&self, work: &'m mut [T]) -> WalkMemory<'m, T, K> {
        let (s, b) = (self.shape, self.batch);
        let mut rest = work;
        let by_rows = take(&mut rest, s.inputs() * b);
        let inputs = take(&mut rest, s.inputs() * b);
        let (state, mut rest) = PlanesMut::cut(rest, s.state_columns() * b);

        // What only the way back needs is empty in a workspace for predictions.
        let transposed = take(&mut rest, s.widest_hidden() * b);
        let (adjoints, rest) = PlanesMut::cut(rest, s.widest() * b);
        let (other_adjoints, _) = PlanesMut::cut(rest, s.widest() * b);

        WalkMemory {
            by_rows,
            inputs,
            state,
            adjoints,
            other_adjoints,
            transposed,
        }
    }

    fn size(&self, l: usize) -> Affine {
        Affine {
            inputs: self.shape.width(l),
            outputs: self.shape.width(l + 1),
            batch: self.batch,
        }
    }

    fn weights(&self, l: usize) -> Planes<'_, T, K> {
        self.params.part(
            self.shape.weights_at(l),
            self.shape.width(l) * self.shape.width(l + 1),
        )
    }

    fn biases(&self, l: usize) -> Planes<'_, T, K> {
        self.params
            .part(self.shape.biases_at(l), self.shape.width(l + 1))
    }

    pub fn phi(&self, t: usize) -> Planes<'_, T, K> {
        self.params
            .part(self.shape.type_at(t), self.shape.activation(t).param_len())
    }

    /// Where the pre-activations of layer `l + 1` lie in the state; the outputs for the last one.
    pub fn state_at(&self, l: usize) -> usize {
        (0..l)
            .map(|i| 2 * self.shape.width(i + 1) * self.batch)
            .sum()
    }

    pub fn outputs<'m>(&self, state: &'m mut PlanesMut<'_, T, K>) -> Planes<'m, T, K> {
        let last = self.shape.layers() - 1;
        state
            .as_ref()
            .part(self.state_at(last), self.shape.outputs() * self.batch)
    }

    pub fn forward(&self, batch: &Batch<'_, T>, memory: &mut WalkMemory<'_, T, K>) {
        self.gather(batch, memory);

        let mut empty = [(); K].map(|()| &[][..]);
        if let Some(x) = empty.first_mut() {
            *x = &*memory.inputs;
        }

        for l in 0..self.shape.layers() {
            let n = self.shape.width(l + 1) * self.batch;
            let (before, mut rest) = memory.state.split(self.state_at(l));

            let input = if l == 0 {
                Planes(empty)
            } else {
                self.last_activations(l, before.as_ref())
            };

            dense::affine(
                self.vector,
                self.size(l),
                rest.part(0, n),
                self.weights(l),
                self.biases(l),
                input,
            );

            if l + 1 < self.shape.layers() {
                let (z_or_slopes, mut h) = rest.split(n);
                self.activate(l, z_or_slopes, h.part(0, n));
            }
        }
    }

    /// The post-activations of hidden layer `l`, at the end of the state before it.
    fn last_activations<'s>(&self, l: usize, before: Planes<'s, T, K>) -> Planes<'s, T, K> {
        let n = self.shape.width(l) * self.batch;
        before.part(self.state_at(l) - n, n)
    }

    /// Copies the rows of the batch, and transposes them.
    fn gather(&self, batch: &Batch<'_, T>, memory: &mut WalkMemory<'_, T, K>) {
        let n = self.shape.inputs();
        for (i, row) in rows_mut(memory.by_rows, n).enumerate() {
            let from = part(batch.data.x, batch.rows.at(i) * n, n);
            row.iter_mut().zip(from).for_each(|(to, x)| *to = *x);
        }

        self.vector.run(
            #[inline(always)]
            || transpose(memory.inputs, memory.by_rows, self.batch, n),
        );
    }

    /// Hidden layer `l`: `h = sigma(z) + noise`, block by block. `z_or_slopes` holds `z`, and
    /// at the end what the way back needs: still `z`, or the slopes `sigma'(z)` if only weights learn.
    fn activate(&self, l: usize, mut z_or_slopes: PlanesMut<'_, T, K>, mut h: PlanesMut<'_, T, K>) {
        let (first, count) = self.shape.layer_types(l);
        for i in 0..count {
            let (start, end) = self.shape.block(l, i);
            let (at, len) = (start * self.batch, (end - start) * self.batch);
            let (activation, phi) = (self.shape.activation(first + i), self.phi(first + i));
            let (mut z_or_slopes, mut own) = (z_or_slopes.part(at, len), h.part(at, len));

            if self.only_weights {
                activation::forward_with_slopes(
                    self.vector,
                    activation,
                    phi.value(),
                    z_or_slopes.value(),
                    own.value(),
                );
            } else {
                activation::forward(self.vector, activation, phi, z_or_slopes.as_ref(), own);
            }

            if let Some(noise) = self.noise {
                let offset =
                    activation::noise_offset(activation, &phi, subnet_noise(noise, l, first + i));
                self.add_noise(noise, l, start, offset, h.part(at, len));
            }
        }
    }

    fn add_noise(
        &self,
        noise: Noise<T>,
        l: usize,
        start: usize,
        offset: [T; K],
        h: PlanesMut<'_, T, K>,
    ) {
        let draws = Draws::new(noise.seed, Stream::HiddenNoise, l as u32, noise.step);

        for (k, (plane, offset)) in h.0.into_iter().zip(offset).enumerate() {
            for (j, row) in rows_mut(plane, self.batch).enumerate() {
                let own = if k == 0 {
                    noise.amplitude * draws.symmetric((start + j) as u32)
                } else {
                    T::ZERO
                };

                let shift = offset + own;
                row.iter_mut().for_each(|h| *h += shift);
            }
        }
    }

    /// The loss; `grad` becomes its gradient, in the tangent plane the product plus `share` of the
    /// gradient.
    pub fn loss_gradient(
        &self,
        batch: &Batch<'_, T>,
        mut grad: PlanesMut<'_, T, K>,
        share: T,
        work: &mut [T],
    ) -> T {
        let mut memory = self.memory(work);
        self.forward(batch, &mut memory);
        grad.0.iter_mut().for_each(|plane| plane.fill(T::ZERO));

        let last = self.shape.layers() - 1;
        let n = self.shape.outputs() * self.batch;
        let outputs = memory.state.part(self.state_at(last), n);
        let loss = self.loss_adjoint(batch, outputs, memory.adjoints.part(0, n));

        if share != T::ZERO {
            let [d0, d1] = two(&mut memory.adjoints);
            d1.iter_mut()
                .zip(d0)
                .take(n)
                .for_each(|(d1, &mut d0)| *d1 += share * d0);
        }

        self.backward(grad, memory);
        loss
    }

    /// The loss; `d` becomes the adjoint of the outputs.
    fn loss_adjoint(
        &self,
        batch: &Batch<'_, T>,
        y: PlanesMut<'_, T, K>,
        mut d: PlanesMut<'_, T, K>,
    ) -> T {
        for (d, y) in d.0.iter_mut().zip(y.0) {
            d.iter_mut().zip(y).for_each(|(d, y)| *d = *y);
        }

        let outputs = self.shape.outputs();

        let total = match batch.data.target {
            Target::Classes(labels) => self.vector.run(
                #[inline(always)]
                || {
                    let label =
                        |i| u32::from(labels.get(batch.rows.at(i)).copied().unwrap_or_default());
                    cross_entropy_adjoint(d, self.batch, label)
                },
            ),
            Target::Values(values) => {
                let mut total = T::ZERO;
                for i in 0..self.batch {
                    let target = part(values, batch.rows.at(i) * outputs, outputs);
                    total += squared_error_adjoint(&mut d, self.batch, i, target);
                }
                total
            }
        };

        self.mean(total, batch)
    }

    fn mean(&self, total: T, batch: &Batch<'_, T>) -> T {
        let per_row = if matches!(batch.data.target, Target::Classes(_)) {
            1
        } else {
            self.shape.outputs()
        };
        total / T::from_usize(self.batch * per_row)
    }

    pub fn evaluation(&self, batch: &Batch<'_, T>, y: &[T]) -> Evaluation<T> {
        let outputs = self.shape.outputs();
        let (mut total, mut correct) = (T::ZERO, 0);

        for i in 0..self.batch {
            let (row, y) = (batch.rows.at(i), column(y, self.batch, i));

            match batch.data.target {
                Target::Classes(labels) => {
                    let label = usize::from(labels.get(row).copied().unwrap_or_default());
                    total += cross_entropy_of(y.clone(), label);
                    correct += usize::from(first_largest(y) == label);
                }
                Target::Values(values) => {
                    total += squared_error(y, part(values, row * outputs, outputs))
                }
            }
        }

        Evaluation {
            loss: self.mean(total, batch),
            correct,
        }
    }

    /// From the adjoint of the outputs (in `memory.adjoints`) down to the first layer.
    fn backward(&self, mut grad: PlanesMut<'_, T, K>, memory: WalkMemory<'_, T, K>) {
        let WalkMemory {
            by_rows,
            mut state,
            mut adjoints,
            mut other_adjoints,
            transposed,
            ..
        } = memory;

        for l in (0..self.shape.layers()).rev() {
            let size = self.size(l);
            let dz = adjoints.part(0, size.outputs * self.batch);
            self.bias_adjoint(l, &mut grad, dz.as_ref());

            if l == 0 {
                self.weight_adjoint(l, &mut grad, dz.as_ref(), 0, by_rows);
                return;
            }

            let n = size.inputs * self.batch;
            let h_at = self.state_at(l) - n;
            let h = state.part(h_at, n);

            for (k, plane) in h.as_ref().0.into_iter().enumerate() {
                let by_rows = part_mut(transposed, 0, n);
                self.vector.run(
                    #[inline(always)]
                    || transpose(by_rows, plane, size.inputs, self.batch),
                );
                self.weight_adjoint(l, &mut grad, dz.as_ref(), k, part(transposed, 0, n));
            }

            let mut dh = other_adjoints.part(0, n);

            dense::affine_adjoint_input(
                self.vector,
                size,
                dh.part(0, n),
                self.weights(l),
                dz.as_ref(),
            );

            let z_or_slopes = state.as_ref().part(h_at - n, n);

            if self.only_weights {
                self.multiply_by_slopes(dh, z_or_slopes.value());
            } else {
                self.activate_adjoint(l - 1, z_or_slopes, dh, &mut grad);
            }

            core::mem::swap(&mut adjoints, &mut other_adjoints);
        }
    }

    /// The part of the weights' adjoint that plane `k` of the inputs makes: plane 0 of `dz` with it
    /// goes to plane `k` of the gradient, and plane 0 of the inputs with the tangents of `dz` to
    /// the tangents of the gradient.
    fn weight_adjoint(
        &self,
        l: usize,
        grad: &mut PlanesMut<'_, T, K>,
        dz: Planes<'_, T, K>,
        k: usize,
        x_by_rows: &[T],
    ) {
        let size = self.size(l);
        let mut dw = grad.part(self.shape.weights_at(l), size.inputs * size.outputs);

        if k == 0 {
            if !dw.value().is_empty() {
                dense::affine_adjoint_weights(self.vector, size, dw.value(), dz.value(), x_by_rows);
            }

            if K > 1 {
                dense::affine_adjoint_weights(
                    self.vector,
                    size,
                    dw.tangent(),
                    dz.tangent(),
                    x_by_rows,
                );
            }
        } else {
            dense::affine_adjoint_weights(self.vector, size, dw.tangent(), dz.value(), x_by_rows);
        }
    }

    fn bias_adjoint(&self, l: usize, grad: &mut PlanesMut<'_, T, K>, dz: Planes<'_, T, K>) {
        let db = grad.part(self.shape.biases_at(l), self.shape.width(l + 1));
        for (db, dz) in db.0.into_iter().zip(dz.0) {
            self.vector.run(
                #[inline(always)]
                || dense::affine_adjoint_biases(self.size(l), db, dz),
            );
        }
    }

    /// As [`Self::activate_adjoint`] where only weights learn: `d` times `sigma'(z)`.
    fn multiply_by_slopes(&self, mut d: PlanesMut<'_, T, K>, slopes: &[T]) {
        self.vector.run(
            #[inline(always)]
            || {
                d.value()
                    .iter_mut()
                    .zip(slopes)
                    .for_each(|(d, &slope)| *d = *d * slope)
            },
        );
    }

    /// In place, `d` goes from the adjoint of hidden layer `l`'s activations to that of its
    /// pre-activations `z`; `grad` gains the adjoint of the parameters of its types.
    fn activate_adjoint(
        &self,
        l: usize,
        z: Planes<'_, T, K>,
        mut d: PlanesMut<'_, T, K>,
        grad: &mut PlanesMut<'_, T, K>,
    ) {
        let (first, count) = self.shape.layer_types(l);
        for i in 0..count {
            let (start, end) = self.shape.block(l, i);
            let (at, len) = (start * self.batch, (end - start) * self.batch);
            let (activation, t) = (self.shape.activation(first + i), first + i);
            let mut dphi = grad.part(self.shape.type_at(t), activation.param_len());
            let wanted = dphi.0.iter().any(|plane| !plane.is_empty());

            if let Some(noise) = self.noise.filter(|_| wanted) {
                let total = d.as_ref().part(at, len).0.map(sum);
                let dphi = dphi.part(0, activation.param_len());
                activation::noise_offset_adjoint(
                    activation,
                    total,
                    dphi,
                    subnet_noise(noise, l, t),
                );
            }

            activation::adjoint(
                self.vector,
                activation,
                self.phi(t),
                z.part(at, len),
                d.part(at, len),
                dphi,
            );
        }
    }
}

/// The noise on hidden unit `j` of the sub-network of type `t` in hidden layer `l`.
fn subnet_noise<T: Real>(noise: Noise<T>, l: usize, t: usize) -> impl Fn(u32) -> T {
    let draws = Draws::new(
        noise.seed,
        Stream::SubnetNoise,
        (l * crate::shape::MAX_TYPES + t) as u32,
        noise.step,
    );
    move |j| noise.amplitude * draws.symmetric(j)
}
