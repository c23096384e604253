#!/usr/bin/env bash
# The figures of docs/scale.md: the plan of a million trainings, the merge of 100 000, what sharing costs. Optional and long (a
# quarter of an hour on two idle processors); needs Python 3 for the memory.
#
#   tests/scale.sh            everything, with the release build
#   tests/scale.sh plan | merge | overhead
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${LDNN_PROGRAM:-}" ] || cargo build --quiet --release --package ldnn
ldnn=${LDNN_PROGRAM:-$PWD/target/release/ldnn}
work=${LDNN_SCALE_FOLDER:-$(mktemp -d)}
[ -n "${LDNN_SCALE_FOLDER:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
cd "$work"

# measured WHAT COMMAND...: seconds by the clock and of the processors, and the largest memory of one process.
measured() {
    python3 - "$@" <<'PYTHON'
import resource, subprocess, sys, time
begun = time.time()
code = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{sys.argv[1]}: {time.time() - begun:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processors, "
      f"{used.ru_maxrss / 1000:.0f} MB", flush=True)
sys.exit(code)
PYTHON
}

# Rows so few that a training takes a millisecond: what is left is what `ldnn` itself costs.
[ -e tiny.npz ] || "$ldnn" data mnist1d --num_samples 100 --out tiny.npz >/dev/null
# sweeping FILE SETTINGS RUNS...: classical networks of one neuron, SETTINGS rates.
sweeping() {
    cat >"$1" <<TOML
task = "tiny.npz"
[validate]
compare = ["relu", "tanh"]
runs = $3
[validate.train]
hidden = [1]
epochs = 20
every = 1
batch = 40
[sweep]
validate.train.lr = [$(seq -s, 1 "$2" | sed 's/\([0-9]*\)/\1e-7/g')]
TOML
}

plan() {
    sweeping million.toml 1000 500
    measured "plan of 1 000 000 trainings, 1000 settings" "$ldnn" run million.toml --plan
    measured "one of its 16 shards" "$ldnn" run million.toml --plan --shard 3/16
    sed -i '/^hidden/d; s/^runs = .*/runs = 1/' million.toml
    echo "validate.train.hidden = [$(seq -s, 1 500 | sed 's/\([0-9]*\)/[\1]/g')]" >>million.toml
    measured "plan of 1 000 000 trainings, 500 000 settings" "$ldnn" run million.toml --plan
}

merge() {
    sweeping hundred.toml 250 200
    if [ ! -e m/shards/15-of-16/state.json ]; then
        for i in $(seq 0 15); do "$ldnn" run hundred.toml --out m --shard "$i/16" --quiet >/dev/null; done
    fi
    echo "journals: $(cat m/shards/*/journals/trainings.jsonl | wc -l) lines, $(du -sm --apparent-size m/shards | cut -f1) MB"
    rm -rf merged
    measured "merge of 100 000 trainings of 16 shards, 250 settings" "$ldnn" merge m --out merged
    # Reading and writing as many bytes, and nothing else.
    measured "the same bytes copied" cp merged/trainings.jsonl copied
    [ "$(wc -l <merged/trainings.jsonl)" = 100000 ]
}

# seconds COMMAND...: of the processors, which other work on the machine changes less than the clock.
seconds() {
    local TIMEFORMAT="%U %S"
    { time "$@" >/dev/null; } 2>&1 | tail -n 1 | awk '{ print $1 + $2 }'
}

overhead() {
    cat >over.toml <<TOML
[validate]
compare = ["relu", "tanh"]
runs = 400
[validate.train]
epochs = 100
TOML
    local whole shared merged
    rm -rf ow os
    whole=$(seconds "$ldnn" run over.toml --out ow --jobs 1 --quiet)
    shards() { for i in $(seq 0 15); do "$ldnn" run over.toml --out os --jobs 1 --shard "$i/16" --quiet; done; }
    shared=$(seconds shards)
    idle=$(seconds shards)
    merged=$(seconds "$ldnn" merge os)
    diff -r -x .lock -x .files -x shards ow os
    awk -v w="$whole" -v s="$shared" -v i="$idle" -v m="$merged" 'BEGIN {
        printf "800 trainings in one process: %.1f s of processors; in 16 shards: %.1f s; merge: %.1f s\n", w, s, m
        printf "16 shards with nothing to do: %.1f s; with the merge %.2f %% of the work\n", i, 100 * (i + m) / w }'
}

if [ $# = 0 ]; then plan; merge; overhead; else "$1"; fi
