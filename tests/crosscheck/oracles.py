"""Compares what ldnn computes with PyTorch, PyHessian and SciPy, which have nothing of ours: see docs/oracles.md.

    tests/crosscheck/run.sh               compares; fails if a row is beyond its tolerance
    tests/crosscheck/run.sh --sabotage    the other side computes something slightly else; fails unless every row notices

The formulae are written down again here, in PyTorch's words, in double precision; all derivatives are autograd's.
"""

import csv
import json
import math
import pathlib
import subprocess
import sys

import numpy as np
import torch
from pyhessian import hessian as PyHessian
from scipy.integrate import solve_ivp

torch.set_default_dtype(torch.float64)
SCALE = 0.2
SABOTAGE = 1.25 if "--sabotage" in sys.argv else 1.0

BASES = [
    torch.zeros_like,
    lambda z: z,
    torch.relu,
    torch.tanh,
    torch.sigmoid,
    torch.sin,
    torch.nn.functional.elu,
    torch.nn.functional.silu,
    lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
    torch.nn.functional.softplus,
    lambda z: z + torch.sin(z) ** 2,
]
BASE_NAMES = ["zero", "identity", "relu", "tanh", "sigmoid", "sine", "elu", "swish", "gelu", "softplus", "snake"]


class Rows:
    """The comparisons: what, how far off it may be and why, how far off it was."""

    def __init__(self):
        self.rows = []

    def add(self, what, ours, theirs, tolerance, reason):
        """The error is |ours - theirs| / |theirs| with Euclidean norms."""
        ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
        assert ours.shape == theirs.shape, (what, ours.shape, theirs.shape)
        self.measured(what, np.linalg.norm(ours - theirs) / np.linalg.norm(theirs), tolerance, reason)

    def measured(self, what, error, tolerance, reason):
        self.rows.append((what, float(error), tolerance, reason))
        print(f"{'ok  ' if self.holds(error, tolerance) else 'OFF '} {what}: {error:.1e}, at most {tolerance:.0e}", flush=True)

    @staticmethod
    def holds(error, tolerance):
        return math.isfinite(error) and error <= tolerance

    def table(self):
        yield "| quantity | tolerance | measured | why not smaller |"
        yield "|---|---|---|---|"
        for what, error, tolerance, reason in self.rows:
            yield f"| {what} | {tolerance:.0e} | {error:.1e} | {reason} |"

    def verdict(self):
        holding = sum(self.holds(error, tolerance) for _, error, tolerance, _ in self.rows)
        if SABOTAGE != 1.0:
            print(f"{len(self.rows) - holding} of {len(self.rows)} rows noticed the sabotage")
            return holding == 0
        print(f"{holding} of {len(self.rows)} rows within their tolerances")
        return holding == len(self.rows)


class Net:
    """A network in the layout of docs/numerics.md: [W1 | b1 | W2 | b2 | ... | u c v d of each type]."""

    def __init__(self, widths, bases, units):
        self.widths, self.bases, self.units = [[int(i) for i in a] for a in (widths, bases, units)]
        self.theta_len = sum((i + 1) * o for i, o in zip(self.widths, self.widths[1:]))

    def blocks(self, width):
        """Equal blocks of neurons, the remainder to the last types."""
        small, larger = divmod(width, len(self.units))
        return [small + (t >= len(self.units) - larger) for t in range(len(self.units))]

    def types(self, phi):
        at = 0
        for n in self.units:
            yield phi[at : at + n], phi[at + n : at + 2 * n], phi[at + 2 * n : at + 3 * n], phi[at + 3 * n : at + 3 * n + 1]
            at += 3 * n + 1 if n else 0

    def hidden_layer(self, z, phi, inside):
        parts = z.split(self.blocks(z.shape[1]), dim=1)
        for part, base, n, (u, c, v, d) in zip(parts, self.bases, self.units, self.types(phi)):
            part = part * SABOTAGE
            h = BASES[base](part)
            if n:
                noise, inside = inside[:n], inside[n:]
                h = h + SCALE * ((torch.tanh(part.unsqueeze(-1) * u + c) + noise) @ v + d)
            yield h

    def outputs(self, theta, phi, x, hidden, inside):
        at, per_layer = 0, sum(self.units)
        for l, (i, o) in enumerate(zip(self.widths, self.widths[1:])):
            w, b = theta[at : at + i * o].reshape(o, i), theta[at + i * o : at + (i + 1) * o]
            at += (i + 1) * o
            x = x @ w.T + b
            if l + 2 < len(self.widths):
                x = torch.cat(list(self.hidden_layer(x, phi, inside[l * per_layer :])), dim=1) + hidden[:o]
                hidden = hidden[o:]
        return x

    def loss(self, params, x, target, hidden, inside):
        y = self.outputs(params[: self.theta_len], params[self.theta_len :], x, hidden, inside)
        if target.dtype == torch.int64:
            return torch.nn.functional.cross_entropy(y, target)
        return torch.nn.functional.mse_loss(y, target)


def load(path):
    file = np.load(path)
    a = {name: torch.from_numpy(file[name]) for name in file.files}
    a["target"] = a["labels"] if "labels" in a else a["values"]
    return Net(a["widths"], a["bases"], a["units"]), a


def derivatives(rows, path):
    """Loss, joint gradient and joint Hessian-vector product of one problem."""
    net, a = load(path)
    params = a["params"].requires_grad_()
    loss = net.loss(params, a["x"], a["target"], a["hidden_noise"][0], a["subnet_noise"][0])
    (gradient,) = torch.autograd.grad(loss, params, create_graph=True)
    (product,) = torch.autograd.grad(gradient @ a["direction"], params)
    name = path.stem.removeprefix("problem-")
    theirs = {"loss": loss.detach().reshape(1), "gradient": gradient.detach(), "product": product}
    called = {"loss": "loss", "gradient": "joint gradient", "product": "joint Hessian-vector product"}
    for key, value in theirs.items():
        rows.add(f"{called[key]}, {name}, f64", a[key], value, 1e-13, "both round sums of some thousand terms, in other orders")
    for key, value in theirs.items():
        rows.add(
            f"{called[key]}, {name}, f32", a[key + "32"], value, 5e-6,
            "single precision (6e-8 a step) through three layers of sums, against double precision",
        )


def whole_hessian(rows, path):
    net, a = load(path)
    loss = lambda p: net.loss(p, a["x"], a["target"], a["hidden_noise"][0], a["subnet_noise"][0])
    joint = torch.autograd.functional.hessian(loss, a["params"])
    for name, theirs in [("theta", joint[: net.theta_len, : net.theta_len]), ("joint", joint)]:
        rows.add(f"whole Hessian of a small network, {name}", a[name], theirs, 1e-13, "rounding of sums over 300 rows")
        # Every eigenvalue moves at most by the norm of the difference of the matrices (Weyl).
        eigenvalues = torch.linalg.eigvalsh(theirs)
        error = (a[name + "_eigenvalues"] - eigenvalues).abs().max() / eigenvalues.abs().max()
        rows.measured(f"its eigenvalues, the worst over the largest, {name}", error, 1e-12, "Weyl: the difference of the matrices, and of two solvers")


def train(net, a, theta, squares, phi, steps, graph):
    """Steps of RMSprop with rate 0.01 and decay 0.8; the new state and the sum of the losses."""
    batch, rows, total = int(a["batch"][0]), a["x"].shape[0], 0.0
    for t in steps:
        epoch, i = divmod(t, rows // batch)
        picked = a["order"][epoch, i * batch : (i + 1) * batch]
        loss = net.loss(torch.cat([theta, phi]), a["x"][picked], a["target"][picked], a["hidden_noise"][t], a["subnet_noise"][t])
        (gradient,) = torch.autograd.grad(loss, theta, create_graph=graph)
        squares = 0.8 * squares + 0.2 * gradient**2
        theta = theta - 0.01 * gradient / (squares.sqrt() + 1e-8)
        total = total + loss
        if not graph:
            theta, squares, total = theta.detach().requires_grad_(), squares.detach(), total.detach()
    return theta, squares, total, loss


def outer_step(rows, path, segment=10):
    """One inner training of the authors' setting and the gradient of its mean loss in the activation parameters. The
    graph of all steps does not fit into memory, so it is cut into segments, whose states the first pass keeps."""
    net, a = load(path)
    steps, phi = a["hidden_noise"].shape[0], a["phi"].requires_grad_()
    state, outer, kept = (a["theta"].clone().requires_grad_(), torch.ones_like(a["theta"])), 0.0, []
    for start in range(0, steps, segment):
        kept.append(state)
        theta, squares, total, last = train(net, a, *state, phi, range(start, start + segment), False)
        state, outer = (theta, squares), outer + total / steps
    trained = state[0].detach()
    dstate, dphi = [torch.zeros_like(trained)] * 2, torch.zeros_like(phi)
    for start, state in reversed(list(zip(range(0, steps, segment), kept))):
        state = [s.detach().requires_grad_() for s in state]
        theta, squares, total, _ = train(net, a, *state, phi, range(start, start + segment), True)
        adjoint = total / steps + theta @ dstate[0] + squares @ dstate[1]
        *dstate, own = torch.autograd.grad(adjoint, [*state, phi])
        dphi = dphi + own
    grown = "rounding of 100 steps, each of which passes on what those before left"
    single = "single precision, through 100 steps"
    rows.add("inner training, mean of its 100 losses, f64", a["outer_loss"], outer.reshape(1), 1e-13, grown)
    rows.add("inner training, its last loss, f64", a["train_loss"], last.detach().reshape(1), 1e-13, grown)
    rows.add("inner training, trained weights, f64", a["trained"], trained, 1e-13, grown)
    rows.add("hypergradient, f64", a["dphi"], dphi, 1e-12, grown + ", forwards and backwards")
    rows.add("inner training, mean of its 100 losses, f32", a["outer_loss32"], outer.reshape(1), 1e-6, single)
    rows.add("inner training, trained weights, f32", a["trained32"], trained, 1e-5, single)
    rows.add("hypergradient, f32", a["dphi32"], dphi, 2e-5, single + ", forwards and backwards")
    tables = "; and tables of 257 knots instead of the sub-networks"
    rows.add("outer loss of `ldnn meta` (f32, tables)", a["outer_loss_program"], outer.reshape(1), 2e-6, single + tables)
    rows.add("hypergradient of `ldnn meta` (f32, tables)", a["dphi_program"], dphi, 1e-4, single + tables)


class Saved(torch.nn.Module):
    """A network that ldnn saved as JSON."""

    def __init__(self, path):
        super().__init__()
        model = json.loads(path.read_text())
        kinds = model["kinds"]
        assert all(k["form"] in ("base", "learned") for k in kinds), kinds
        bases = [BASE_NAMES.index(k.get("base") or k["name"]) for k in kinds]
        self.net = Net(model["widths"], bases, [k.get("units", 0) for k in kinds])
        # Decimals of single precision.
        params = torch.tensor(model["params"], dtype=torch.float32).double()
        self.theta = torch.nn.Parameter(params[: self.net.theta_len])
        self.register_buffer("phi", params[self.net.theta_len :])

    def forward(self, x):
        zeros = torch.zeros(sum(self.net.widths) + sum(self.net.units) * len(self.net.widths))
        return self.net.outputs(self.theta, self.phi, x, zeros, zeros)


def spectra(rows, program, folder):
    """`ldnn analyze hessian` on two networks that `ldnn validate` trained, against autograd's whole Hessian, and its
    trace against PyHessian's."""
    run = lambda *args: subprocess.run([program, *map(str, args), "--quiet"], check=True, cwd=folder, capture_output=True)
    activations = pathlib.Path(__file__).resolve().parent.parent / "golden" / "activations.json"
    network = ["--activations", activations, "--exact", "--hidden", 10]
    run("validate", *network, "--compare", "tanh,mix", "--runs", 1, "--epochs", 20, "--keep-networks", "--out", "nets")
    run("data", "mnist1d", "--out", "data.npz")
    data = np.load(folder / "data.npz")
    x, y = torch.from_numpy(data["x_test"].astype(np.float32)).double(), torch.from_numpy(data["y_test"])
    for path in sorted((folder / "nets" / "networks").glob("*.json")):
        kind = path.stem.split("-")[0]
        run("analyze", "hessian", "--model", path, "--on-test", "--out", f"spectrum-{kind}")
        with open(folder / f"spectrum-{kind}" / "eigenvalues.csv") as f:
            ours = np.array([float(row["eigenvalue"]) for row in csv.DictReader(f)])
        model = Saved(path)
        loss = lambda theta: torch.nn.functional.cross_entropy(
            torch.func.functional_call(model, {"theta": theta}, (x,)), y
        )
        theirs = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, model.theta.detach())).numpy()
        error = np.abs(ours - theirs).max() / np.abs(theirs).max()
        rows.measured(f"`ldnn analyze hessian`, {kind}: {len(ours)} eigenvalues, the worst over the largest", error, 1e-11, "Weyl: rounding of sums over 1000 rows, and of two solvers")
        torch.manual_seed(1)
        samples = PyHessian(model, torch.nn.functional.cross_entropy, data=(x, y), cuda=False).trace(maxIter=400, tol=0.0)
        error = abs(ours.sum() - np.mean(samples)) / (np.std(samples, ddof=1) / len(samples) ** 0.5)
        rows.measured(f"`ldnn analyze hessian`, {kind}: trace against PyHessian's, in standard errors", error, 4, "PyHessian's trace is a mean over 400 random vectors; 4 standard errors are passed once in 16 000 times")


def orbits(rows, program, folder):
    """The van der Pol data set from the same first states, by SciPy's DOP853."""
    for mu, dt, reach in [(2.7, 0.1, 3.0), (12.0, 0.05, 3.0)]:
        out = folder / f"orbits-{mu}.npz"
        flags = ["--mu", mu, "--dt", dt, "--range", reach]
        subprocess.run([program, "data", "vanderpol", *map(str, flags), "--out", out], check=True, capture_output=True)
        ours = np.load(out)
        times, random, states = ours["t"], np.random.RandomState(42), []
        rate = lambda t, s: [s[1], mu * SABOTAGE * (1 - s[0] ** 2) * s[1] - s[0]]
        for _ in range(40):
            start = reach * (2 * random.rand(2) - 1)
            states.append(solve_ivp(rate, (0, times[-1]), start, "DOP853", times, rtol=1e-13, atol=1e-13).y.T)
        states = np.array(states)
        theirs = {"x": states[:32, :-1], "y": states[:32, 1:], "x_test": states[32:, :-1], "y_test": states[32:, 1:]}
        error = max(np.abs(ours[k] - s.reshape(-1, 2)).max() for k, s in theirs.items())
        scale = np.abs(states).max(axis=(0, 1)).max()
        reason = "our Runge-Kutta error, carried along 125 steps; where an orbit jumps, an error in time becomes one in the state"
        rows.measured(f"van der Pol orbits, mu {mu}: the worst of 20 000 numbers over the largest", error / scale, 2e-10, reason)


def main(folder, program):
    folder, program = pathlib.Path(folder), str(pathlib.Path(program).resolve())
    rows = Rows()
    for path in sorted(folder.glob("problem-*.npz")):
        derivatives(rows, path)
    whole_hessian(rows, folder / "spectrum.npz")
    spectra(rows, program, folder)
    orbits(rows, program, folder)
    outer_step(rows, folder / "outer_step.npz")
    print(*rows.table(), sep="\n")
    return 0 if rows.verdict() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
