"""Reads the files of `ldnn export` with the programs that they are for, and compares. See interchange.sh."""

import csv
import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

EXAMPLE = pathlib.Path(__file__).parents[2] / "docs/examples/load_in_pytorch.py"
failed = []


def row(what, measured, tolerance):
    good = measured <= tolerance
    if not good:
        failed.append(what)
    print(f"{what:72} {measured:9.1e} of {tolerance:.0e} {'' if good else 'FAILED'}", flush=True)


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def table(text):
    head, *rows = csv.reader(text.splitlines())
    return head, rows


class Model:
    """A model of `ldnn train`, its rows, and what `ldnn predict` says of them."""

    def __init__(self, ldnn, folder, name, header, rows, target, flags):
        self.ldnn, self.folder, self.name = ldnn, folder, name
        self.csv = folder / f"{name}.csv"
        with open(self.csv, "w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        self.model = folder / f"{name}.ldnn"
        run(ldnn, "--quiet", "train", self.csv, "--target", target, "--out", self.model, *flags)
        names = [h for h in header if h not in target.split(",")]
        self.x = np.array([[float(r[header.index(n)]) for n in names] for r in rows])
        self.head, self.predicted = self.read(run(ldnn, "predict", self.model, self.csv))
        if self.classes():
            # `ldnn predict` prints four decimals of a probability: more come from the same weights with numbers as outputs.
            self.predicted = self.predicted[0], softmax(self.logits(names))

    def classes(self):
        return self.head[1:] and self.head[1].startswith("P(")

    def logits(self, names):
        path = self.export("safetensors")
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["ldnn"])
        del about["model"]
        tensors = {n: t for n, t in load_file(path).items() if not n.startswith("rows.")}
        save_file(tensors, self.folder / "logits.safetensors", {"ldnn": json.dumps(about)})
        model = self.folder / "logits.ldnn"
        run(self.ldnn, "import", self.folder / "logits.safetensors", "--regression", "--features", ",".join(names), "--out", model)
        _, rows = table(run(self.ldnn, "predict", model, self.csv))
        return np.array([[float(v) for v in r] for r in rows])

    def read(self, text):
        head, rows = table(text)
        first = 1 if head[1:] and head[1].startswith("P(") else 0
        return head, ([r[0] for r in rows], np.array([[float(v) for v in r[first:]] for r in rows]))

    def export(self, extension, *flags):
        path = self.folder / f"{self.name}{'-'.join(('', *flags)).replace('--', '')}.{extension}"
        run(self.ldnn, "export", self.model, "--out", path, *flags)
        return path

    def scale(self):
        """1 for probabilities; the largest value of the column for numbers."""
        return 1.0 if self.classes() else np.abs(self.predicted[1]).max(0)


def check_onnx(model):
    for way in ("tables", "subnets"):
        path = model.export("onnx", "--onnx-activations", way)
        loaded = onnx.load(path)
        onnx.checker.check_model(loaded, full_check=True)
        assert [s.domain for s in loaded.opset_import] == [""]
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        outputs = dict(zip(names, session.run(None, {"input": model.x.astype(np.float32)})))
        ours = outputs["probabilities"] if "probabilities" in outputs else outputs["values"]
        row(f"{model.name}: onnxruntime, {way}", np.abs((ours - model.predicted[1]) / model.scale()).max(), 1e-5)
        if "class" in outputs:
            classes = json.loads({p.key: p.value for p in loaded.metadata_props}["classes"])
            same = [classes[i] == answer for i, answer in zip(outputs["class"], model.predicted[0])]
            row(f"{model.name}: rows of another class than ldnn predict, {way}", float(len(same) - sum(same)), 0)
        one = session.run(None, {"input": model.x[:1].astype(np.float32)})[0]
        assert one.shape[0] == 1


def check_pytorch(model):
    path = model.export("safetensors")
    head, (answers, theirs) = model.read(run(sys.executable, EXAMPLE, path, model.csv))
    assert head == model.head
    row(f"{model.name}: docs/examples/load_in_pytorch.py", np.abs((theirs - model.predicted[1]) / model.scale()).max(), 1e-6)
    back = model.folder / "back.ldnn"
    run(model.ldnn, "import", path, "--out", back)
    assert back.read_bytes() == model.model.read_bytes()
    tensors, archive = load_file(path), np.load(model.export("npz"))
    assert set(archive.files) == set(tensors) | {"ldnn"}
    row(f"{model.name}: NumPy's arrays against PyTorch's tensors",
        max(np.abs(archive[n] - t.numpy()).max() for n, t in tensors.items()), 0)
    json.loads(bytes(archive["ldnn"].astype("u1")))


def interpolate(x, y, z):
    """What the authors' program does, in our words: straight lines, the outer ones going on."""
    cell = torch.clamp(torch.searchsorted(x, z.contiguous()) - 1, 0, len(x) - 2)
    slope = (y[1:] - y[:-1]) / (torch.finfo(torch.float32).eps + (x[1:] - x[:-1]))
    return y[cell] + slope[cell] * (z - x[cell])


def check_samples(model):
    path = model.export("txt", "--samples", "50")
    lines = torch.tensor(np.loadtxt(path), dtype=torch.float)
    x = torch.linspace(-5, 5, 50)
    assert lines.ndim == 2 and lines.shape[1] == 50, lines.shape
    tensors = load_file(model.export("safetensors"))
    for i, line in enumerate(lines):
        part = {p: tensors[f"learned.{i}.{p}"].double() for p in "ucvd"}
        exact = lambda z: torch.sin(z) + 0.2 * (torch.tanh(z[:, None] * part["u"] + part["c"]) @ part["v"] + part["d"])
        at = exact(x.double())
        row(f"{model.name}: type {i + 1} at the authors' 50 samples", (line - at).abs().max().item(), 1e-6)
        z = torch.linspace(-5, 5, 5001)
        fine = exact(z.double())
        curvature = (fine[2:] - 2 * fine[1:-1] + fine[:-2]).abs().max().item() / (10 / 5000) ** 2
        error = (interpolate(x, line, z) - fine).abs().max().item()
        row(f"{model.name}: type {i + 1} between them, in h^2/8 max|f''|", error / ((10 / 49) ** 2 / 8 * curvature), 1.01)
    # And back: samples as NumPy writes them.
    theirs = model.folder / "theirs.txt"
    np.savetxt(theirs, lines.numpy())
    out = model.folder / "theirs.safetensors"
    run(model.ldnn, "export", theirs, "--out", out)
    row(f"{model.name}: samples of numpy.savetxt, read and written again",
        max((load_file(out)[f"learned.{i}.samples"] - line).abs().max().item() for i, line in enumerate(lines)), 0)


def check_import(ldnn, folder):
    torch.manual_seed(1)
    for name, function in (("relu", torch.nn.ReLU()), ("tanh", torch.nn.Tanh())):
        theirs = torch.nn.Sequential(torch.nn.Linear(4, 20), function, torch.nn.Linear(20, 9), function, torch.nn.Linear(9, 3))
        save_file(theirs.state_dict(), folder / "theirs.safetensors")
        model = folder / "theirs.ldnn"
        run(ldnn, "import", folder / "theirs.safetensors", "--activation", name, "--regression", "--out", model)
        x = torch.randn(200, 4)
        rows = folder / "x.csv"
        np.savetxt(rows, x.numpy(), delimiter=",", header="column1,column2,column3,column4", comments="", fmt="%.9g")
        _, predicted = table(run(ldnn, "predict", model, rows))
        ours = np.array([[float(v) for v in r] for r in predicted])
        with torch.no_grad():
            right = theirs(x).numpy()
        row(f"weights of torch.nn.Sequential with {name}, by ldnn import", np.abs(ours - right).max(), 1e-6)


def main(ldnn, folder):
    folder = pathlib.Path(folder)
    run(ldnn, "data", "digits", "--out", folder / "digits.csv")
    header, digits = table((folder / "digits.csv").read_text())
    short = ["--activations", "meta", "--steps", "5", "--runs", "2", "--epochs", "20", "--lr", "0.05", "--set", "fit.compare=[]"]
    target = header[-1]
    first = Model(ldnn, folder, "digits", header, digits, target, [*short, "--hidden", "30,13"])
    run(ldnn, "data", "vanderpol", "--out", folder / "orbits.npz")
    orbits = np.load(folder / "orbits.npz")
    rows = np.hstack([orbits["x"], orbits["y"]])[:1000].astype(np.float32)
    rows = [[repr(float(v)) for v in r] for r in rows]
    second = Model(ldnn, folder, "vanderpol", ["x", "v", "next x", "next v"], rows, "next x,next v", [*short, "--hidden", "21"])
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, torch {torch.__version__}")
    for model in (first, second):
        check_onnx(model)
        check_pytorch(model)
        check_samples(model)
    check_import(ldnn, folder)
    print(f"{len(failed)} beyond their tolerance: {failed}" if failed else "all within their tolerances")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
