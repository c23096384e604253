"""Loads a network that `ldnn export MODEL --out FILE.safetensors` wrote and predicts rows with it, in PyTorch.

    pip install torch safetensors
    python3 load_in_pytorch.py FILE.safetensors ROWS.csv

Prints what `ldnn predict MODEL ROWS.csv` prints. Copy what you need: `load` gives a `torch.nn.Module` whose weights can be
trained on, and whose activations are what the network learned.
"""

import csv
import json
import sys

import torch
from safetensors import safe_open

BASES = {
    "zero": torch.zeros_like,
    "identity": lambda z: z,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "sine": torch.sin,
    "elu": torch.nn.functional.elu,
    "swish": torch.nn.functional.silu,
    "gelu": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
    "softplus": torch.nn.functional.softplus,
    "snake": lambda z: z + torch.sin(z) ** 2,
}


class Subnet(torch.nn.Module):
    """base(z) + 0.2 (v . tanh(u z + c) + d)"""

    def __init__(self, base, u, c, v, d):
        super().__init__()
        self.base = BASES[base]
        self.u, self.c, self.v, self.d = (torch.nn.Parameter(p) for p in (u, c, v, d))

    def forward(self, z):
        hidden = torch.tanh(z.unsqueeze(-1) * self.u + self.c)
        return self.base(z) + 0.2 * (hidden @ self.v + self.d)


class Table(torch.nn.Module):
    """A cubic between equally spaced knots, straight lines beyond the ends, and a base function on top."""

    def __init__(self, base, span, values, slopes):
        super().__init__()
        self.base, self.span = BASES[base], span
        # Slopes are per knot spacing.
        self.values, self.slopes = torch.nn.Parameter(values), torch.nn.Parameter(slopes)

    def forward(self, z):
        last = len(self.values) - 1
        position = (z + self.span) * (last / (2 * self.span))
        inside = position.clamp(0, last)
        cell = inside.detach().floor().clamp(max=last - 1).long()
        t, beyond = inside - cell, position - inside
        y0, y1 = self.values[cell], self.values[cell + 1]
        m0, m1 = self.slopes[cell], self.slopes[cell + 1]
        c3 = m0 + m1 - 2 * (y1 - y0)
        c2 = y1 - y0 - m0 - c3
        cubic = y0 + t * (m0 + t * (c2 + t * c3))
        slope = m0 + t * (2 * c2 + t * 3 * c3)
        return self.base(z) + cubic + beyond * slope


class Base(torch.nn.Module):
    """A base function alone."""

    def __init__(self, name):
        super().__init__()
        self.base = BASES[name]

    def forward(self, z):
        return self.base(z)


class Mixed(torch.nn.Module):
    """A layer whose blocks of neurons have activations of their own."""

    def __init__(self, blocks, types):
        super().__init__()
        self.widths = [b["end"] - b["start"] for b in blocks]
        self.types = torch.nn.ModuleList(types[b["activation"]] for b in blocks)

    def forward(self, z):
        return torch.cat([f(part) for f, part in zip(self.types, z.split(self.widths, -1))], -1)


class Network(torch.nn.Module):
    """From raw rows to logits, or to values in the units of the table."""

    def __init__(self, about, tensors):
        super().__init__()
        network = about["network"]
        types = [activation(kind, i, tensors) for i, kind in enumerate(network["activations"])]
        layers = []
        for i, (inputs, outputs) in enumerate(zip(network["widths"], network["widths"][1:])):
            linear = torch.nn.Linear(inputs, outputs)
            linear.load_state_dict({p: tensors[f"layers.{i}.{p}"] for p in ("weight", "bias")})
            layers.append(linear)
            if i < len(network["blocks"]):
                layers.append(Mixed(network["blocks"][i], types))
        self.layers = torch.nn.Sequential(*layers)
        for part, width in (("inputs", network["widths"][0]), ("outputs", network["widths"][-1])):
            self.register_buffer(f"{part}_mean", tensors.get(f"{part}.mean", torch.zeros(width, dtype=torch.float64)))
            self.register_buffer(f"{part}_sd", tensors.get(f"{part}.sd", torch.ones(width, dtype=torch.float64)))

    def forward(self, x):
        """x: rows x inputs, double precision: rows are as they stand in the table."""
        scaled = ((x - self.inputs_mean) / self.inputs_sd).float()
        return self.layers(scaled).double() * self.outputs_sd + self.outputs_mean


def activation(kind, i, tensors):
    """Type `i` of the network."""
    part = {name: tensors[f"activations.{i}.{name}"] for name in PARTS[kind["form"]]}
    if kind["form"] == "base":
        return Base(kind["name"])
    if kind["form"] == "learned":
        return Subnet(kind["base"], **part)
    return Table(kind["base"], kind["range"], **part)


PARTS = {"base": [], "learned": ["u", "c", "v", "d"], "table": ["values", "slopes"]}


def load(path):
    """The network, and what is known about it."""
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["ldnn"])
        return Network(about, {name: file.get_tensor(name) for name in file.keys()}), about


def main(path, rows):
    network, about = load(path)
    model = about["model"]
    with open(rows, newline="") as file:
        x = [[float(row[name]) for name in model["features"]] for row in csv.DictReader(file)]
    with torch.no_grad():
        y = network(torch.tensor(x, dtype=torch.float64))
    out = csv.writer(sys.stdout, lineterminator="\n")
    purpose = model["purpose"]
    if purpose["kind"] == "classification":
        out.writerow([purpose["column"]] + [f"P({name})" for name in purpose["classes"]])
        for chances in torch.softmax(y, -1).tolist():
            out.writerow([purpose["classes"][chances.index(max(chances))]] + [f"{p:.9g}" for p in chances])
    else:
        out.writerow(purpose["columns"])
        out.writerows([f"{value:.9g}" for value in row] for row in y.tolist())


if __name__ == "__main__":
    main(*sys.argv[1:])
