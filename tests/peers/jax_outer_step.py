"""The outer step of the paper's setting in plain JAX, compiled as a whole; see torch_outer_step.py for the setting."""

import time

import jax
import jax.numpy as jnp

INPUTS, HIDDEN, CLASSES, UNITS, BATCH, STEPS = 40, 100, 10, 50, 200, 100


def uniform(key, shape, bound):
    return jax.random.uniform(key, shape, minval=-bound, maxval=bound)


def new_type(key):
    keys, bound = jax.random.split(key, 4), UNITS**-0.5
    shapes = [((UNITS,), 1.0), ((UNITS,), 1.0), ((UNITS,), bound), ((), bound)]
    return [uniform(k, shape, b) for k, (shape, b) in zip(keys, shapes)]


def activation(z, phi, key):
    u, c, v, d = phi
    hidden = jnp.tanh(z[..., None] * u + c) + uniform(key, (UNITS,), 0.1)
    return jnp.sin(z) + 0.2 * (hidden @ v + d)


def loss_of(theta, types, x, y, key):
    w1, b1, w2, b2 = theta
    keys = jax.random.split(key, 3)
    z = x @ w1.T + b1
    parts = [activation(part, phi, k) for part, phi, k in zip(jnp.split(z, 2, axis=1), types, keys)]
    h = jnp.concatenate(parts, axis=1) + uniform(keys[2], (HIDDEN,), 0.1)
    logits = h @ w2.T + b2
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1))


def outer_loss(types, x, y, key):
    k1, k2, k3, k4, key = jax.random.split(key, 5)
    b1, b2 = INPUTS**-0.5, HIDDEN**-0.5
    theta = [uniform(k1, (HIDDEN, INPUTS), b1), uniform(k2, (HIDDEN,), b1)]
    theta += [uniform(k3, (CLASSES, HIDDEN), b2), uniform(k4, (CLASSES,), b2)]

    def step(state, batch):
        theta, squares = state
        loss, gradients = jax.value_and_grad(loss_of)(theta, types, *batch)
        squares = [0.8 * v + 0.2 * g * g for v, g in zip(squares, gradients)]
        theta = [t - 0.01 * g / (jnp.sqrt(v) + 1e-8) for t, g, v in zip(theta, gradients, squares)]
        return (theta, squares), loss

    epochs = STEPS // 20
    batches = (jnp.tile(x.reshape(20, BATCH, INPUTS), (epochs, 1, 1)), jnp.tile(y.reshape(20, BATCH), (epochs, 1)))
    state = (theta, [jnp.ones_like(t) for t in theta])
    _, losses = jax.lax.scan(step, state, (*batches, jax.random.split(key, STEPS)))
    return losses.mean()


def seconds(repetitions=3):
    keys = jax.random.split(jax.random.PRNGKey(0), 5)
    x, y = jax.random.normal(keys[0], (4000, INPUTS)), jax.random.randint(keys[1], (4000,), 0, CLASSES)
    types = [new_type(keys[2]), new_type(keys[3])]
    outer_step = jax.jit(jax.value_and_grad(outer_loss))
    jax.block_until_ready(outer_step(types, x, y, keys[4]))
    times = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        jax.block_until_ready(outer_step(types, x, y, keys[4]))
        times.append(time.perf_counter() - begun)
    return min(times)


if __name__ == "__main__":
    print(f"{seconds():.4f}")
