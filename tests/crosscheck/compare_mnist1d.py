"""Compares `ldnn data mnist1d` with the original generator, for several sets of arguments.

    pip install mnist1d numpy
    cargo build --release && python3 tests/crosscheck/compare_mnist1d.py target/release/ldnn

Prints the largest difference of each array, and fails above 1e-12. Not part of tests/all.sh: it needs Python.
"""

import subprocess
import sys
import tempfile
import pathlib

import numpy as np
from mnist1d.data import get_dataset_args, make_dataset

CASES = [
    {},
    {"seed": 7, "num_samples": 300},
    {"num_samples": 200, "padding": [10, 30], "final_seq_length": 28, "max_translation": 20},
    {"num_samples": 250, "shuffle_seq": True, "train_split": 0.7},
    {"num_samples": 200, "corr_noise_scale": 0.1, "iid_noise_scale": 0.2, "shear_scale": 0.1, "scale_coeff": 0.9},
]


def flags(case):
    for name, value in case.items():
        yield "--" + name
        yield from map(str, value) if isinstance(value, list) else [str(value).lower()]


def main(program):
    worst = 0.0
    for case in CASES:
        args = get_dataset_args()
        for name, value in case.items():
            setattr(args, name, value)
        theirs = make_dataset(args)
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "m.npz")
            subprocess.run([program, "data", "mnist1d", *flags(case), "--out", out], check=True, capture_output=True)
            ours = np.load(out)
            for name in ["x", "x_test", "t"]:
                assert ours[name].shape == np.shape(theirs[name]), (case, name)
                assert ours[name].dtype == np.float64
                difference = np.abs(ours[name] - theirs[name]).max()
                worst = max(worst, difference)
                print(f"{case} {name}: {difference:.1e}")
            for name in ["y", "y_test"]:
                assert ours[name].dtype == np.int64
                assert (ours[name] == theirs[name]).all(), (case, name)
    print(f"largest difference {worst:.1e}")
    return 0 if worst <= 1e-12 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
