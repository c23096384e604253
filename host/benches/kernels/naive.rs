//! The plainest way to compute the same, to be compared with.

/// `y = x W^T + b` for every row; `params = [W | b]`.
pub fn affine(params: &[f32], x: &[f32], inputs: usize, y: &mut [f32]) {
    let outputs = params.len() / (inputs + 1);
    let (w, b) = params.split_at(inputs * outputs);

    for (x, y) in x.chunks(inputs).zip(y.chunks_mut(outputs)) {
        for o in 0..outputs {
            let mut sum = b[o];
            for i in 0..inputs {
                sum += w[o * inputs + i] * x[i];
            }
            y[o] = sum;
        }
    }
}

/// The gradient of the mean squared error of the affine map.
pub fn affine_gradient(params: &[f32], x: &[f32], target: &[f32], inputs: usize, grad: &mut [f32]) {
    let outputs = params.len() / (inputs + 1);
    let mut y = vec![0.0; target.len()];
    affine(params, x, inputs, &mut y);
    grad.fill(0.0);

    let (dw, db) = grad.split_at_mut(inputs * outputs);
    let scale = 2.0 / target.len() as f32;

    for ((x, y), t) in x
        .chunks(inputs)
        .zip(y.chunks(outputs))
        .zip(target.chunks(outputs))
    {
        for o in 0..outputs {
            let d = scale * (y[o] - t[o]);
            db[o] += d;
            for i in 0..inputs {
                dw[o * inputs + i] += d * x[i];
            }
        }
    }
}

/// `sin z + 0.2 (v . tanh(u z + c) + d)`
pub fn subnet(phi: &[f32], units: usize, z: &[f32], out: &mut [f32]) {
    for (&z, out) in z.iter().zip(out) {
        let mut sum = phi[3 * units];
        for k in 0..units {
            sum += phi[2 * units + k] * (phi[k] * z + phi[units + k]).tanh();
        }
        *out = z.sin() + 0.2 * sum;
    }
}

/// One step of gradient descent of a network with one hidden layer of ReLU and softmax
/// cross-entropy, row by row.
pub fn relu_training_step(
    params: &mut [f32],
    grad: &mut [f32],
    x: &[f32],
    labels: &[u16],
    widths: [usize; 3],
    rate: f32,
) {
    let [inputs, hidden, outputs] = widths;
    let second = hidden * (inputs + 1);
    grad.fill(0.0);

    let (mut z, mut h, mut y, mut dz) = (
        vec![0.0; hidden],
        vec![0.0; hidden],
        vec![0.0; outputs],
        vec![0.0; hidden],
    );

    for (x, &label) in x.chunks(inputs).zip(labels) {
        affine(&params[..second], x, inputs, &mut z);
        h.iter_mut().zip(&z).for_each(|(h, &z)| *h = z.max(0.0));
        affine(&params[second..], &h, hidden, &mut y);

        let top = y.iter().copied().fold(f32::MIN, f32::max);
        let total: f32 = y.iter().map(|y| (y - top).exp()).sum();
        dz.fill(0.0);

        for (o, y) in y.iter().enumerate() {
            let d = (y - top).exp() / total - f32::from(u8::from(usize::from(label) == o));
            let d = d / labels.len() as f32;

            for j in 0..hidden {
                grad[second + o * hidden + j] += d * h[j];
                dz[j] += d * params[second + o * hidden + j];
            }
            grad[second + outputs * hidden + o] += d;
        }

        for j in 0..hidden {
            let d = if z[j] > 0.0 { dz[j] } else { 0.0 };
            for (i, x) in x.iter().enumerate() {
                grad[j * inputs + i] += d * x;
            }
            grad[inputs * hidden + j] += d;
        }
    }

    params
        .iter_mut()
        .zip(grad)
        .for_each(|(p, g)| *p -= rate * *g);
}
