"""The outer step of the paper's setting in plain PyTorch: 40-100-10, two types of 50 units from sine, batch 200, 100 inner
steps of RMSprop whose mean square starts at 1, noise on, gradient of the mean training loss in the activation parameters.
"""

import time

import torch

INPUTS, HIDDEN, CLASSES, UNITS, BATCH, STEPS = 40, 100, 10, 50, 200, 100


def uniform(shape, bound):
    return (torch.rand(shape) * 2 - 1) * bound


def new_type():
    bound = UNITS**-0.5
    parts = [uniform((UNITS,), 1.0), uniform((UNITS,), 1.0), uniform((UNITS,), bound), uniform((1,), bound)]
    return [p.requires_grad_() for p in parts]


def activation(z, phi):
    u, c, v, d = phi
    hidden = torch.tanh(z.unsqueeze(-1) * u + c) + uniform((UNITS,), 0.1)
    return torch.sin(z) + 0.2 * (hidden @ v + d)


def loss_of(theta, types, x, y):
    w1, b1, w2, b2 = theta
    z = x @ w1.T + b1
    h = torch.cat([activation(part, phi) for part, phi in zip(z.chunk(2, dim=1), types)], dim=1)
    h = h + uniform((HIDDEN,), 0.1)
    return torch.nn.functional.cross_entropy(h @ w2.T + b2, y)


def outer_step(types, x, y):
    b1, b2 = INPUTS**-0.5, HIDDEN**-0.5
    theta = [uniform((HIDDEN, INPUTS), b1), uniform((HIDDEN,), b1), uniform((CLASSES, HIDDEN), b2), uniform((CLASSES,), b2)]
    theta = [t.requires_grad_() for t in theta]
    squares = [torch.ones_like(t) for t in theta]
    losses = []
    for step in range(STEPS):
        rows = slice(step % 20 * BATCH, step % 20 * BATCH + BATCH)
        loss = loss_of(theta, types, x[rows], y[rows])
        losses.append(loss)
        gradients = torch.autograd.grad(loss, theta, create_graph=True)
        squares = [0.8 * v + 0.2 * g * g for v, g in zip(squares, gradients)]
        theta = [t - 0.01 * g / (v.sqrt() + 1e-8) for t, g, v in zip(theta, gradients, squares)]
    outer = torch.stack(losses).mean()
    return outer, torch.autograd.grad(outer, [p for phi in types for p in phi])


def seconds(repetitions=3):
    torch.manual_seed(0)
    x, y = torch.randn(4000, INPUTS), torch.randint(0, CLASSES, (4000,))
    types = [new_type(), new_type()]
    times = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        outer_step(types, x, y)
        times.append(time.perf_counter() - begun)
    return min(times)


if __name__ == "__main__":
    print(f"{seconds():.4f}")
