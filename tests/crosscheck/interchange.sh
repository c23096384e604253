#!/usr/bin/env bash
# The files for other programs, read by those programs: ONNX by its checker and onnxruntime, safetensors by PyTorch (with the
# example of the docs), archives by NumPy, samples by what the authors' program does with them; and weights of PyTorch by
# `ldnn import`. Prints a row a comparison and fails if one is beyond its tolerance. Installs from PyPI into a virtual
# environment, or uses the Python in $PYTHON. Not part of tests/all.sh. See docs/interchange.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
if [ -z "${PYTHON:-}" ]; then
    PYTHON=$target/interchange/bin/python
    if [ ! -x "$PYTHON" ]; then
        python3 -m venv "$target/interchange"
        "$target/interchange/bin/pip" install --quiet torch numpy safetensors onnx onnxruntime
    fi
fi

[ -n "${LDNN_PROGRAM:-}" ] || cargo build --quiet --package ldnn
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" tests/crosscheck/interchange.py "$(realpath "${LDNN_PROGRAM:-$target/debug/ldnn}")" "$work"
