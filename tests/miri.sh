#!/usr/bin/env bash
# Core's own tests and the examples of its documentation under Miri, which sees undefined behaviour. Core forbids `unsafe`, so what
# could be wrong is in its dependencies. Needs the nightly compiler, which is installed where it may.
set -uo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly miri --version >/dev/null 2>&1; then
    rustup toolchain install nightly --profile minimal --component miri --component rust-src >/dev/null 2>&1 ||
        rustup component add miri rust-src --toolchain nightly >/dev/null 2>&1
fi
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "skipped: Miri is missing: 'rustup component add miri rust-src --toolchain nightly'"
    exit 0
fi
# Miri cannot run the inline assembly by which libm has a root on x86-64, so the roots are std's, as in the host. The statistics
# of the random numbers are slow there.
export MIRIFLAGS="-Zmiri-deterministic-floats"
cargo +nightly miri test --quiet --package ldnn-core --features image,std --target-dir "${CARGO_TARGET_DIR:-target}/miri" -- --skip uniform_draws
