//! The Hessian of a network's loss as a matrix, put together from what every row contributes.
//!
//! With `z_l` the pre-activations of affine layer `l`, `a_l` the inputs of that layer with a 1 for
//! the biases, and `M_l = d^2 loss / dz_l^2` for one row, the chain rule gives from the outputs
//! down
//!
//! ```text
//! d_l = s_l (W' d_{l+1})              first derivative, s_l = sigma'(z_l)
//! M_l = s_l W' M_{l+1} W s_l + diag(sigma''(z_l) (W' d_{l+1}))
//! ```
//!
//! and for layers `l <= m`, with `J = dz_m / dz_l`, the row's part of the Hessian is
//!
//! ```text
//! H[(l, j, i), (m, k, o)] = a_l[i] ((J' M_m)[j, k] a_m[o] + d_m[k] d a_m[o] / dz_l[j])
//! ```
//!
//! Summed over rows these are products of tall matrices, some thirty times faster for the paper's
//! network than a Hessian-vector product for every parameter; `tests/tests/spectrum.rs` holds them
//! against those products.

use super::point::Point;
use crate::support::stop;
use anyhow::Result;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use ldnn_core::loss::softmax;
use ldnn_core::network::{Pass, Target, Workspace};
use ldnn_core::{Derivatives, Shape};

/// What some rows contribute, by affine layer; `n` rows.
struct Chunk {
    rows: usize,
    /// n x (inputs of the layer + 1), the last column 1
    inputs: Vec<Mat<f64>>,
    /// n x outputs of the layer: `d_l`, in units of the mean loss over all rows
    first: Vec<Vec<f64>>,
    /// n x outputs: `sigma'(z_l)`, for hidden layers
    slopes: Vec<Vec<f64>>,
    /// n x outputs x outputs: `M_l`
    second: Vec<Vec<f64>>,
}

impl Chunk {
    fn of(point: &Point, start: usize, rows: usize) -> Result<Chunk> {
        let shape = &point.shape;
        let x = &point.x[start * shape.inputs()..][..rows * shape.inputs()];
        let network = point.network()?;
        let mut memory = vec![0.0; shape.workspace_len(rows, Pass::SecondOrder)];
        let mut workspace = Workspace::new(shape, rows, Pass::SecondOrder, &mut memory)?;
        let mut inputs = vec![with_ones(x, rows)];
        let (mut slopes, mut curvatures) = (vec![], vec![]);

        for l in 0..shape.hidden_layers() {
            let len = rows * shape.width(l + 1);
            let [mut value, mut slope, mut curvature] =
                [vec![0.0; len], vec![0.0; len], vec![0.0; len]];

            let out = Derivatives {
                value: &mut value,
                slope: &mut slope,
                curvature: &mut curvature,
            };

            network.hidden_derivatives(l, x, out, &mut workspace)?;
            inputs.push(with_ones(&value, rows));
            slopes.push(slope);
            curvatures.push(curvature);
        }

        let mut out = vec![0.0; rows * shape.outputs()];
        network.predict(x, &mut out, &mut workspace)?;

        let (d, m) = at_outputs(point, start, &out);

        let mut chunk = Chunk {
            rows,
            inputs,
            first: vec![d],
            slopes,
            second: vec![m],
        };

        for l in (0..shape.hidden_layers()).rev() {
            chunk.descend(shape, &point.params, l, &curvatures[l]);
        }

        chunk.first.reverse();
        chunk.second.reverse();
        Ok(chunk)
    }

    /// From affine layer `l + 1` (the last that `first` and `second` hold) to layer `l`.
    fn descend(&mut self, shape: &Shape, params: &[f64], l: usize, curvature: &[f64]) {
        let (below, above) = (shape.width(l + 1), shape.width(l + 2));
        let w = &params[shape.weights_at(l + 1)..][..above * below];
        let (mut first, mut second) = (
            vec![0.0; self.rows * below],
            Vec::with_capacity(self.rows * below * below),
        );
        let (d_above, m_above) = (
            &self.first[self.first.len() - 1],
            &self.second[self.second.len() - 1],
        );

        for r in 0..self.rows {
            let (s, own) = (
                &self.slopes[l][r * below..][..below],
                &curvature[r * below..][..below],
            );
            let pulled = pull_back(w, &d_above[r * above..][..above], below);

            // w s: the Jacobian from z_l to z_{l+1}
            let jacobian = Mat::from_fn(above, below, |k, j| w[k * below + j] * s[j]);
            let mut m = congruence(&jacobian, &m_above[r * above * above..][..above * above]);

            for j in 0..below {
                first[r * below + j] = pulled[j] * s[j];
                m[(j, j)] += own[j] * pulled[j];
            }

            second.extend((0..below).flat_map(|i| m.row(i).iter().copied().collect::<Vec<_>>()));
        }

        self.first.push(first);
        self.second.push(second);
    }

    /// `J = dz_m / dz_l` of row `r`, n_m x n_l, `l <= m`.
    fn jacobian(
        &self,
        shape: &Shape,
        params: &[f64],
        (l, m): (usize, usize),
        r: usize,
    ) -> Mat<f64> {
        let n = shape.width(l + 1);
        let mut j = Mat::identity(n, n);

        for layer in l..m {
            let (below, above) = (shape.width(layer + 1), shape.width(layer + 2));
            let w = &params[shape.weights_at(layer + 1)..][..above * below];
            let s = &self.slopes[layer][r * below..][..below];
            j = Mat::from_fn(above, below, |k, i| w[k * below + i] * s[i]) * j;
        }

        j
    }

    /// Adds the rows' part of the block of layers `l <= m` to the lower triangle of `h`.
    fn add_block(&self, shape: &Shape, params: &[f64], (l, m): (usize, usize), h: &mut Mat<f64>) {
        let (nl, nm) = (shape.width(l + 1), shape.width(m + 1));
        let (a_l, a_m) = (&self.inputs[l], &self.inputs[m]);
        let (fan_l, fan_m) = (a_l.ncols(), a_m.ncols());

        // By row: (J' M_m), and d a_m / dz_l where the inputs of layer m depend on z_l.
        let mut pairs = vec![0.0; self.rows * nl * nm];

        let mut input_slopes = vec![
            0.0;
            if l < m {
                self.rows * nl * (fan_m - 1)
            } else {
                0
            }
        ];

        for r in 0..self.rows {
            let second =
                MatRef::from_row_major_slice(&self.second[m][r * nm * nm..][..nm * nm], nm, nm);
            let jacobian = self.jacobian(shape, params, (l, m), r);
            let product = jacobian.transpose() * second;

            fill(&mut pairs[r * nl * nm..][..nl * nm], &product);

            if l < m {
                let before = self.jacobian(shape, params, (l, m - 1), r);
                let s = &self.slopes[m - 1][r * (fan_m - 1)..][..fan_m - 1];
                let slopes = Mat::from_fn(nl, fan_m - 1, |j, o| s[o] * before[(o, j)]);
                fill(
                    &mut input_slopes[r * nl * (fan_m - 1)..][..nl * (fan_m - 1)],
                    &slopes,
                );
            }
        }

        for j in 0..nl {
            // Within a layer only the pairs k >= j: the rest is the transpose.
            let k0 = if l == m { j } else { 0 };
            let mut right = Mat::<f64>::zeros(self.rows, (nm - k0) * fan_m);

            for k in k0..nm {
                for o in 0..fan_m {
                    let column = right.col_as_slice_mut((k - k0) * fan_m + o);
                    for (r, to) in column.iter_mut().enumerate() {
                        *to = pairs[(r * nl + j) * nm + k] * a_m[(r, o)];
                        if l < m && o + 1 < fan_m {
                            *to += self.first[m][r * nm + k]
                                * input_slopes[(r * nl + j) * (fan_m - 1) + o];
                        }
                    }
                }
            }

            let mut block = Mat::<f64>::zeros((nm - k0) * fan_m, fan_l);

            matmul(
                block.as_mut(),
                Accum::Replace,
                right.transpose(),
                a_l,
                1.0,
                Par::Seq,
            );

            scatter(shape, (l, j), (m, k0), block.as_mut(), h);
        }
    }
}

/// Adds `block` (for neurons `k0..` of layer `m`: weights and bias of each; by weights and bias of
/// neuron `j` of layer `l`) in the places of the flat parameter vector, in the lower triangle.
fn scatter(
    shape: &Shape,
    (l, j): (usize, usize),
    (m, k0): (usize, usize),
    block: MatMut<f64>,
    h: &mut Mat<f64>,
) {
    let (fan_l, fan_m) = (shape.width(l) + 1, shape.width(m) + 1);
    for i in 0..fan_l {
        let column = place(shape, l, j, i);

        for (at, value) in block.as_ref().col(i).iter().enumerate() {
            let row = place(shape, m, k0 + at / fan_m, at % fan_m);
            // Within one neuron's own pair both triangles are there; take one.
            if row >= column {
                h[(row, column)] += value;
            } else if (l, j) != (m, k0 + at / fan_m) {
                h[(column, row)] += value;
            }
        }
    }
}

/// Where weight `i` of neuron `j` of affine layer `l` stands in the flat vector; `i` = number of
/// inputs is the bias.
fn place(shape: &Shape, l: usize, j: usize, i: usize) -> usize {
    let inputs = shape.width(l);
    if i < inputs {
        shape.weights_at(l) + j * inputs + i
    } else {
        shape.biases_at(l) + j
    }
}

fn fill(to: &mut [f64], from: &Mat<f64>) {
    let n = from.ncols();
    to.iter_mut()
        .enumerate()
        .for_each(|(at, to)| *to = from[(at / n, at % n)]);
}

fn with_ones(x: &[f64], rows: usize) -> Mat<f64> {
    let n = x.len() / rows;
    Mat::from_fn(rows, n + 1, |r, i| if i < n { x[r * n + i] } else { 1.0 })
}

/// `W' d`
fn pull_back(w: &[f64], d: &[f64], below: usize) -> Vec<f64> {
    let mut out = vec![0.0; below];
    for (row, d) in w.chunks(below).zip(d) {
        out.iter_mut().zip(row).for_each(|(o, w)| *o += w * d);
    }
    out
}

/// `J' M J`
fn congruence(j: &Mat<f64>, m: &[f64]) -> Mat<f64> {
    let m = MatRef::from_row_major_slice(m, j.nrows(), j.nrows());
    j.transpose() * (m * j)
}

/// First and second derivative of the rows' share of the mean loss in the outputs: for classes
/// `p - e_label` and `diag(p) - p p'` (softmax cross-entropy), for values `2 (y - t)` and `2 I` a
/// number (mean squared error).
fn at_outputs(point: &Point, start: usize, out: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let n = point.shape.outputs();
    let (mut first, mut second) = (
        Vec::with_capacity(out.len()),
        Vec::with_capacity(out.len() * n),
    );

    for (r, y) in out.chunks(n).enumerate() {
        match point.data().target {
            Target::Classes(labels) => {
                let share = 1.0 / point.rows() as f64;
                let mut p = y.to_vec();
                softmax(&mut p);

                let label = usize::from(labels[start + r]);

                first.extend(
                    p.iter()
                        .enumerate()
                        .map(|(c, p)| share * (p - f64::from(u8::from(c == label)))),
                );

                let entry = |c: usize, e: usize| p[c] * (f64::from(u8::from(c == e)) - p[e]);
                second.extend((0..n * n).map(|at| share * entry(at / n, at % n)));
            }
            Target::Values(values) => {
                let share = 2.0 / (point.rows() * n) as f64;
                first.extend(
                    y.iter()
                        .zip(&values[(start + r) * n..])
                        .map(|(y, t)| share * (y - t)),
                );

                second.extend((0..n * n).map(|at| if at / n == at % n { share } else { 0.0 }));
            }
        }
    }

    (first, second)
}

/// The Hessian of the loss in theta; the lower triangle is filled.
///
/// # Errors
/// If network and data do not fit together.
pub fn hessian(point: &Point) -> Result<Mat<f64>> {
    let shape = &point.shape;
    let n = shape.theta_len();
    let mut h = Mat::<f64>::zeros(n, n);

    for (start, rows) in point.chunks() {
        stop::check()?;
        let chunk = Chunk::of(point, start, rows)?;

        for m in 0..shape.layers() {
            for l in 0..=m {
                chunk.add_block(shape, &point.params, (l, m), &mut h);
            }
        }
    }

    Ok(h)
}

/// The diagonal of the Hessian in theta:
/// `H[(l, j, i), (l, j, i)] = sum over rows of a_l[i]^2 M_l[j, j]`.
///
/// # Errors
/// If network and data do not fit together.
pub fn diagonal(point: &Point) -> Result<Vec<f64>> {
    let shape = &point.shape;
    let mut out = vec![0.0; shape.theta_len()];

    for (start, rows) in point.chunks() {
        let chunk = Chunk::of(point, start, rows)?;

        for l in 0..shape.layers() {
            let (n, a) = (shape.width(l + 1), &chunk.inputs[l]);
            for j in 0..n {
                for i in 0..a.ncols() {
                    let sum: f64 = (0..rows)
                        .map(|r| a[(r, i)].powi(2) * chunk.second[l][(r * n + j) * n + j])
                        .sum();
                    out[place(shape, l, j, i)] += sum;
                }
            }
        }
    }

    Ok(out)
}
