#!/usr/bin/env bash
# Fuzzes one entry (see tests/src/entries.rs) with libFuzzer, on the stable compiler: the coverage instrumentation is LLVM's.
#
#   fuzz/run.sh ENTRY [SECONDS] [OPTION...]   options are libFuzzer's, e.g. -jobs=2
#   fuzz/run.sh                               every entry, a minute each
#
# Starts from the committed corpus and the regressions; new inputs go to fuzz/target/corpus/ENTRY. A finding is a file
# fuzz/target/findings/ENTRY-...: fix the cause, and put the file into fuzz/regressions/ENTRY/, where tests/tests/strangers.rs
# looks at it for ever. `fuzz/run.sh ENTRY minimise` adds to the committed corpus from what was found.
set -euo pipefail
cd "$(dirname "$0")"

passes="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/host: //p')
# With a target given, build scripts and macros are not instrumented.
RUSTFLAGS="${RUSTFLAGS:-} $(echo $passes)" cargo build --quiet --target "$host" --target-dir target
program=target/$host/debug/ldnn-fuzz

fuzz() {
    local entry=$1 seconds=$2
    shift 2
    mkdir -p "target/corpus/$entry" target/findings "corpus/$entry" "regressions/$entry"
    # What reserves memory by what a header says dies here.
    (
        ulimit -v 4000000
        LDNN_FUZZ_ENTRY=$entry "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1000 -max_len=4096 \
            -use_value_profile=1 -print_final_stats=1 -artifact_prefix="target/findings/$entry-" "$@" \
            "target/corpus/$entry" "corpus/$entry" "regressions/$entry"
    )
}

# Files with names of ours stay; of what was found, the smallest set with the same coverage, and of that at most FILES, of
# all sizes.
FILES=50
minimise() {
    local entry=$1 small=target/small/$1 count
    rm -rf "$small"
    mkdir -p "$small"
    LDNN_FUZZ_ENTRY=$entry "$program" -merge=1 -max_len=700 "$small" "corpus/$entry" "target/corpus/$entry"
    find "corpus/$entry" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
    count=$(find "$small" -type f | wc -l)
    (cd "$small" && ls -Sr) | awk -v n="$count" -v most="$FILES" 'n <= most || int(NR * most / n) > int((NR - 1) * most / n)' |
        while read -r name; do cmp -s "$small/$name" "corpus/$entry/$name" || cp "$small/$name" "corpus/$entry/"; done
}

if [ $# = 0 ]; then
    for entry in corpus/*/; do fuzz "$(basename "$entry")" 60; done
elif [ "${2:-}" = minimise ]; then
    minimise "$1"
else
    entry=$1
    seconds=${2:-600}
    shift $(($# < 2 ? $# : 2))
    fuzz "$entry" "$seconds" "$@"
fi
