#!/usr/bin/env bash
# Counts the instructions of a few kernels under valgrind, which is the same on every run, and fails when one needs 1.3 times
# what is written down in tests/golden/instructions.txt: a badly written tile once cost a factor 15 unnoticed.
#
#   LDNN_BLESS=1 tests/instructions.sh   writes the counts anew
set -euo pipefail
cd "$(dirname "$0")/.."

golden=tests/golden/instructions.txt
kernels="predict training-step hessian-product outer-step build"

if ! command -v valgrind >/dev/null; then
    echo "valgrind is missing: on Debian as root 'apt-get install valgrind'"
    exit 1
fi
cargo build --quiet --release --package ldnn-core --example instructions
program=${CARGO_TARGET_DIR:-target}/release/examples/instructions

# count KERNEL TIMES: instructions of the whole process.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 |
        awk '/Collected/ { print $NF }'
}

status=0
lines=""
for kernel in $kernels; do
    # Two calls against one: what setting up costs cancels.
    now=$(($(count "$kernel" 2) - $(count "$kernel" 1)))
    lines="$lines$kernel $now\n"
    then=$(awk -v k="$kernel" '$1 == k { print $2 }' "$golden" 2>/dev/null || true)
    if [ -n "${LDNN_BLESS:-}" ]; then
        echo "$kernel: $now"
    elif [ -z "$then" ]; then
        echo "$kernel: $now, not written down; run LDNN_BLESS=1 tests/instructions.sh"
        status=1
    elif [ $((now * 10)) -gt $((then * 13)) ]; then
        echo "$kernel: $now instructions, written down are $then: more than 1.3 times dearer"
        status=1
    else
        echo "$kernel: $now instructions, written down are $then"
    fi
done
[ -z "${LDNN_BLESS:-}" ] || printf "$lines" >"$golden"
exit $status
