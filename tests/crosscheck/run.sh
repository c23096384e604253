#!/usr/bin/env bash
# What we compute against programs that we did not write: PyTorch, PyHessian, SciPy, the original MNIST-1D generator. Prints
# a row a quantity with tolerance, what was measured, and the reason; fails if a row is beyond its tolerance. Installs from
# PyPI into a virtual environment. Not part of tests/all.sh. See docs/oracles.md.
#
#   tests/crosscheck/run.sh --sabotage    the other side computes something slightly else: fails unless every row notices
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
environment=$target/oracles
if [ ! -x "$environment/bin/python" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet torch numpy scipy pyhessian mnist1d
fi

cargo build --quiet --package ldnn
cargo build --quiet --package ldnn-tests --example oracle_dump
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
"$target/debug/examples/oracle_dump" "$results"
"$environment/bin/python" tests/crosscheck/oracles.py "$results" "$target/debug/ldnn" "$@"
[ "${1:-}" = --sabotage ] || "$environment/bin/python" tests/crosscheck/compare_mnist1d.py "$target/debug/ldnn"
