#!/usr/bin/env bash
# Every test there is. Installs what it needs (compiler targets, emulator, compilers) where it may, and says what is missing where it may not.
#
#   LDNN_DEBIAN_TARGETS=1 ./tests/all.sh   builds for Cortex-M with Debian's compiler even if rustup has the targets
set -uo pipefail
cd "$(dirname "$0")/.."

TARGETS="thumbv7em-none-eabihf thumbv6m-none-eabi"
passed=0
failed=0
failures=""
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# step NAME COMMAND...: runs a command; counts the tests that it reports, or itself as one.
step() {
    local name=$1
    shift
    printf '\n== %s\n' "$name"
    local count begun=$SECONDS
    if "$@" >"$log" 2>&1; then
        count=$(awk '/^test result: ok/ { n += $4 } END { print n + 0 }' "$log")
        [ "$count" -gt 0 ] || count=1
        passed=$((passed + count))
        grep '^skipped' "$log"
        printf 'ok (%s), %s s\n' "$count" $((SECONDS - begun))
    else
        failed=$((failed + 1))
        failures="$failures\n  $name"
        tail -n 60 "$log"
        printf 'FAILED: %s\n' "$name"
    fi
}

rustup_targets() {
    [ -z "${LDNN_DEBIAN_TARGETS:-}" ] && command -v rustup >/dev/null && rustup target add $TARGETS >/dev/null 2>&1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@"; else return 1; fi
}

# Debian's compiler with matching library sources; `core` is then built along.
debian_targets() {
    if [ ! -d /usr/lib/rustlib/src ]; then
        as_root apt-get update >/dev/null && as_root apt-get install -y rustc-web cargo-web rust-web-src >/dev/null
    fi
    [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ]
}

# cross TARGET FEATURES: builds core for a microcontroller.
cross() {
    local target=$1 features=$2
    if [ "$how" = rustup ]; then
        cargo build --release --package ldnn-core --target "$target" --features "$features"
    else
        RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo build -Z build-std=core --release --package ldnn-core \
            --target "$target" --features "$features" --target-dir target/debian
    fi
}

# Where it may: a tool that a step needs. The step itself says what is missing where it may not.
command -v valgrind >/dev/null || { as_root apt-get update && as_root apt-get install -y valgrind; } >/dev/null 2>&1
command -v qemu-system-arm >/dev/null || { as_root apt-get update && as_root apt-get install -y qemu-system-arm; } >/dev/null 2>&1
command -v arm-none-eabi-gcc >/dev/null || {
    as_root apt-get update && as_root apt-get install -y gcc-arm-none-eabi libnewlib-arm-none-eabi
} >/dev/null 2>&1
command -v parallel >/dev/null || { as_root apt-get update && as_root apt-get install -y parallel; } >/dev/null 2>&1
command -v chromium >/dev/null || { as_root apt-get update && as_root apt-get install -y chromium; } >/dev/null 2>&1

# The tutorial's last step needs it, and the firmware.
rustup_targets && how=rustup || how=none

step "format" cargo fmt --all --check
step "format of the fuzzer" cargo fmt --manifest-path fuzz/Cargo.toml --check
step "clippy" cargo clippy --workspace --all-targets -- -D warnings
step "clippy, micromath" cargo clippy --package ldnn-core --all-targets --features micromath -- -D warnings
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
step "tests" cargo test --workspace
# The program, as the tests have built it.
export LDNN_PROGRAM=$PWD/target/debug/ldnn-tested
step "tests, micromath" cargo test --package ldnn-core --features micromath --test micromath
step "same bits from every build" tests/bits.sh
step "supply chain" tests/supply.sh
step "core under Miri" tests/miri.sh
step "instruction counts" tests/instructions.sh
step "report in a browser" tests/browser.sh
step "shards by GNU parallel" tests/parallel.sh
step "kills, full disks, damaged files" tests/faults.sh
step "firmware, format" cargo fmt --manifest-path firmware-example/Cargo.toml --check
step "firmware, clippy" tests/firmware.sh clippy
step "firmware, the committed exports" tests/firmware.sh export
step "firmware, every board" tests/firmware.sh boards
step "firmware, costs" tests/firmware.sh costs

if [ "$how" != rustup ] && debian_targets; then
    how=debian
fi
if [ "$how" = none ]; then
    failed=$((failed + 1))
    failures="$failures\n  Cortex-M: no compiler for $TARGETS. Either 'rustup target add $TARGETS', or on Debian as root"
    failures="$failures\n  'apt-get update && apt-get install rustc-web cargo-web rust-web-src'; then run this again"
fi
if [ "$how" != none ]; then
    for target in $TARGETS; do
        step "core for $target ($how)" cross "$target" ""
        step "core for $target with micromath ($how)" cross "$target" micromath
    done
fi

[ "$failed" = 0 ] || printf '\nfailed:%b\n' "$failures"
printf '\n%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
