#!/usr/bin/env bash
# What a run survives: SIGKILL at random moments, SIGTERM, Ctrl-C twice, a full disk, a read-only folder, changed and cut bytes in
# its journals, a clock that is years off. After each it goes on, and the results are those of a run that nothing happened to,
# byte for byte.
#
#   tests/faults.sh                  a few kills, some seconds
#   LDNN_KILLS=200 tests/faults.sh   the long form
#   LDNN_SEED=7 tests/faults.sh      other moments
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${LDNN_PROGRAM:-}" ] || cargo build --quiet --package ldnn
ldnn=${LDNN_PROGRAM:-$PWD/target/debug/ldnn}
kills=${LDNN_KILLS:-8}
RANDOM=${LDNN_SEED:-1}
work=$(mktemp -d)
disk=$work/disk
trap 'umount "$disk" 2>/dev/null || true; rm -rf "$work"' EXIT
cp tests/study.toml "$work"
cd "$work"

fail() { echo "FAILED: $*"; exit 1; }
warnings=$work/warnings

meta=(meta --task digits --steps 60 --hidden 30 --units 10 --inner-steps 20 --outer-last 10 --snapshot-every 3)
validate=(validate --task digits --compare relu,tanh --hidden 20 --epochs 10 --runs 40)
study=(run study.toml)
reproduce=(reproduce family fig4 --preset smoke)

# same A B: all results; what was moved aside is none.
same() {
    diff -r -x .lock -x .files -x shards -x '*.damaged' "$1" "$2" >difference ||
        { head difference; fail "$2 differs from $1"; }
}
now() { date +%s%N; }

# whole NAME ARGUMENTS...: the run that nothing happens to, and how long it takes, in milliseconds.
declare -A took
whole() {
    local name=$1 begun
    shift
    begun=$(now)
    "$ldnn" "$@" --quiet --out "whole-$name" >/dev/null
    took[$name]=$((($(now) - begun) / 1000000))
}

# again NAME ARGUMENTS...: goes on to the end, and compares.
again() {
    local name=$1
    shift
    "$ldnn" "$@" --quiet --out "run-$name" >/dev/null 2>>"$warnings" || { tail -n 3 "$warnings"; fail "$name does not go on"; }
    same "whole-$name" "run-$name"
}

killed=0
# kill_at_random NAME COUNT ARGUMENTS...: kills the run so often, each time after a part of its time, and lets it end now and then.
kill_at_random() {
    local name=$1 count=$2 done=0 since=0 tries=0
    shift 2
    rm -rf "run-$name"
    while [ "$done" -lt "$count" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt $((20 * count + 100)) ] || fail "$name ends before it can be killed"
        "$ldnn" "$@" --quiet --out "run-$name" >/dev/null 2>>"$warnings" &
        local pid=$!
        # Squared: early moments are more frequent, so that a run needs several starts.
        sleep "$(awk "BEGIN { r = $RANDOM / 32768; print r * r * ${took[$name]} / 1000 }")"
        if kill -KILL "$pid" 2>/dev/null && ! wait "$pid" 2>/dev/null; then
            done=$((done + 1))
            since=$((since + 1))
        fi
        wait "$pid" 2>/dev/null || true
        if [ "$since" -ge 5 ] || [ "$done" -ge "$count" ]; then
            again "$name" "$@"
            rm -rf "run-$name"
            since=0
        fi
    done
    killed=$((killed + done))
    echo "$name: killed $done times; the same bits"
}

whole meta "${meta[@]}"
whole validate "${validate[@]}"
whole study "${study[@]}"
part=$((kills / 4))
[ "$part" -ge 1 ] || part=1
kill_at_random meta "$part" "${meta[@]}"
kill_at_random validate "$part" "${validate[@]}"
kill_at_random study "$part" "${study[@]}"
if [ -n "${LDNN_KILLS:-}" ]; then
    whole reproduce "${reproduce[@]}"
    kill_at_random reproduce $((kills - 3 * part)) "${reproduce[@]}"
fi
# Nothing of this damages a line: what a killed process leaves is whole lines and perhaps a cut one, which is dropped in silence.
[ ! -s "$warnings" ] || { cat "$warnings"; fail "a killed run warns of damage"; }

# SIGTERM: code 75, and it goes on. Ctrl-C twice: out at once, and it goes on.
for signals in TERM "INT INT"; do
    for name in meta validate; do
        declare -n arguments=$name
        rm -rf "run-$name"
        code=0
        # A process that a shell starts in the background ignores INT, unless it is told otherwise.
        env --default-signal=INT "$ldnn" "${arguments[@]}" --quiet --out "run-$name" >/dev/null 2>/dev/null &
        pid=$!
        sleep "$(awk "BEGIN { print ${took[$name]} / 4000 }")"
        for signal in $signals; do kill "-$signal" "$pid" 2>/dev/null || true; sleep 0.005; done
        wait "$pid" || code=$?
        case "$signals $code" in
            "TERM 75" | "INT INT 130" | "INT INT 75" | *" 0") ;;
            *) fail "$name after $signals ends with $code" ;;
        esac
        again "$name" "${arguments[@]}"
        rm -rf "run-$name"
    done
    echo "$signals: the same bits"
done

# Any byte of any journal, changed; any journal, cut off.
: >"$warnings"
for name in meta validate; do
    declare -n arguments=$name
    for how in change change change cut; do
        rm -rf "run-$name"
        cp -r "whole-$name" "run-$name"
        for file in trainings.jsonl history.jsonl snapshots.jsonl checkpoint.json; do
            path=run-$name/$file
            [ -e "$path" ] || continue
            size=$(stat -c %s "$path")
            at=$(((RANDOM * 32768 + RANDOM) % size))
            if [ "$how" = cut ]; then truncate -s "$at" "$path"; else
                byte=$(dd if="$path" bs=1 skip="$at" count=1 2>/dev/null | od -An -tu1 | tr -d ' ')
                # One bit of it.
                printf "\\$(printf %03o $((${byte:-10} ^ (1 << (RANDOM % 7)))))" | dd of="$path" bs=1 seek="$at" conv=notrunc 2>/dev/null
            fi
        done
        again "$name" "${arguments[@]}"
    done
done
grep -q "damaged" "$warnings" || fail "nobody was told of the damage"
echo "changed bits and cut files: told, and the same bits"

# A clock that is years off, and another one when the run goes on.
if command -v faketime >/dev/null; then
    rm -rf run-meta
    (timeout -s KILL "$(awk "BEGIN { print ${took[meta]} / 3000 }")" faketime '2001-01-01' "$ldnn" "${meta[@]}" --quiet --out run-meta || true) >/dev/null 2>&1
    faketime '1999-12-31' "$ldnn" "${meta[@]}" --quiet --out run-meta >/dev/null
    same whole-meta run-meta
    echo "a clock that goes back two years: the same bits"
else
    echo "skipped: a clock that goes back needs Debian's faketime"
fi

# A disk that is full, and one that may not be written to.
mkdir "$disk"
if mount -t tmpfs -o size=20k none "$disk" 2>/dev/null; then
    code=0
    "$ldnn" "${validate[@]}" --quiet --out "$disk/run" >/dev/null 2>full || code=$?
    [ "$code" = 1 ] || { cat full; fail "a full disk ends with $code"; }
    grep -q "cannot write\|cannot be written" full || { cat full; fail "a full disk is not told"; }
    lines=$(wc -l <"$disk/run/trainings.jsonl")
    mount -o remount,ro "$disk"
    code=0
    "$ldnn" "${validate[@]}" --quiet --out "$disk/run" >/dev/null 2>readonly || code=$?
    [ "$code" = 2 ] || { cat readonly; fail "a read-only folder ends with $code"; }
    grep -q "cannot be written to" readonly || { cat readonly; fail "a read-only folder is not told"; }
    mount -o remount,rw,size=50m "$disk"
    [ "$lines" = "$(wc -l <"$disk/run/trainings.jsonl")" ] || fail "a read-only folder has changed"
    "$ldnn" "${validate[@]}" --quiet --out "$disk/run" >/dev/null
    same whole-validate "$disk/run"
    echo "a full disk after $lines lines, a read-only one: told, and the same bits"
    umount "$disk"
else
    echo "skipped: a full disk needs root"
fi
echo "$killed kills; everything went on to the same bits"
