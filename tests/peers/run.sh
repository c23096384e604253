#!/usr/bin/env bash
# One outer step of the paper's setting here, in PyTorch and in JAX, in one run on this machine, with the ratios. Installs
# PyTorch and JAX from PyPI into a virtual environment. Not part of tests/all.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment=${CARGO_TARGET_DIR:-target}/peers
if [ ! -d "$environment" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet torch jax
fi

ours() {
    cargo bench --quiet --package ldnn --bench kernels -- "outer step, 100" |
        awk -F'|' '/outer step, 100/ { split($3, t, " "); print (t[2] == "us") ? t[1] / 1e6 : t[1] / 1e3 }'
}

first=$(ours)
torch=$("$environment/bin/python" tests/peers/torch_outer_step.py)
jax=$("$environment/bin/python" tests/peers/jax_outer_step.py)
second=$(ours)
awk -v a="$first" -v b="$second" -v torch="$torch" -v jax="$jax" 'BEGIN {
    ours = (a < b) ? a : b
    printf "ldnn     %.4f s (one thread)\n", ours
    printf "PyTorch  %.4f s (all threads), %.1f times ours\n", torch, torch / ours
    printf "JAX      %.4f s (all threads), %.1f times ours\n", jax, jax / ours
}'
