#!/usr/bin/env bash
# Same bits from every build: the table of hashes (firmware-example/src/bits.rs) after different optimisations and for other
# instructions of the compiler's own choice, against tests/golden/hashes.txt. Vector levels and threads are in
# tests/tests/bits.rs, the emulated devices in tests/firmware.sh.
set -uo pipefail
cd "$(dirname "$0")/.."

golden=tests/golden/hashes.txt
host=$(rustc -vV | sed -n 's/^host: //p')
out=${CARGO_TARGET_DIR:-target}/bits
# Not that of another compiler of this machine.
unset RUSTFLAGS CARGO_BUILD_RUSTFLAGS
status=0

# table NAME CARGO-ARGUMENTS...: builds, runs, compares. With `--target`, flags are not for what runs at compile time.
table() {
    local name=$1 now
    shift
    now=$(cargo run --quiet --manifest-path firmware-example/Cargo.toml --target "$host" --target-dir "$out" --example bits "$@") ||
        { echo "FAILED: $name does not build or run"; status=1; return; }
    if diff <(echo "$now") $golden; then
        echo "$name: all $(wc -l <$golden) hashes as recorded"
    else
        echo "FAILED: $name gives other bits than $golden"
        status=1
    fi
}

export CARGO_PROFILE_DEV_DEBUG=0
for level in 0 s 3; do
    CARGO_PROFILE_DEV_OPT_LEVEL=$level table "opt-level $level, with checks of overflow"
done
table "release" --release
if [ "${host%%-*}" = x86_64 ]; then
    for cpu in native; do
        CARGO_PROFILE_DEV_OPT_LEVEL=3 RUSTFLAGS="-C target-cpu=$cpu" table "opt-level 3 for $cpu"
    done
fi
exit $status
