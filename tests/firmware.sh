#!/usr/bin/env bash
# The firmware: its models are what `ldnn export` gives; it builds for every board; in QEMU it gives the bits of the host; and
# it needs no more instructions, code and RAM than is written down (10 % more fails).
#
#   tests/firmware.sh export | clippy | boards | costs   one part
#   tests/firmware.sh answers                      counts instructions an answer of many networks (half an hour; not part of all)
#   LDNN_BLESS=1 tests/firmware.sh costs           writes the costs anew; so with answers
#   LDNN_DEBIAN_TARGETS=1                          builds with Debian's compiler even if rustup has the targets
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
here=firmware-example
status=0
say() { printf '%s\n' "$*"; }
fail() { say "FAILED: $*"; status=1; }

# The commands that made firmware-example/src/model.
exported() {
    local out kept
    out=$(mktemp -d)
    [ -n "${LDNN_PROGRAM:-}" ] || cargo build --quiet --package ldnn || { fail "ldnn does not build"; return; }
    local ldnn="${LDNN_PROGRAM:-target/debug/ldnn} --quiet"
    local from="--what network --lr 0.1 --epochs 30"
    $ldnn export $here/activations.json $from --form pairs --knots 65 --name floats --format rust --with-rows 400 \
        --out "$out/floats" >/dev/null || fail "the export of real numbers"
    $ldnn export $here/activations.json $from --weights int8 --name integers --format rust,postcard --with-rows 200 \
        --out "$out/integers" >/dev/null || fail "the export of integers"
    for file in floats/floats.rs floats/floats_golden.rs integers/integers.rs integers/integers_golden.rs integers/integers.ldnn; do
        # What is generated is kept under a name that nobody edits.
        kept=$here/src/model/$(basename "${file/%.rs/.in}")
        if [ -n "${LDNN_BLESS:-}" ]; then
            cp "$out/$file" "$kept"
        elif ! cmp "$out/$file" "$kept"; then
            fail "$file is not what is committed"
        fi
    done
    for kind in floats integers; do
        LDNN_EXPORT=$out/$kind build mps2-an386 "" --features own --bin own || { fail "own does not build with $kind"; continue; }
        local text
        text=$(run mps2-an386 own)
        case $text in *"exit code"*) fail "own with $kind: $text" ;; *) say "own with $kind: $text" ;; esac
    done
    rm -rf "$out"
}

targets="thumbv6m-none-eabi thumbv7m-none-eabi thumbv7em-none-eabihf thumbv8m.main-none-eabihf"
if [ -z "${LDNN_DEBIAN_TARGETS:-}" ] && rustup target add $targets >/dev/null 2>&1; then
    how=rustup
else
    how=debian
fi

# build BOARD FLAGS CARGO-ARGUMENTS...
build() {
    local board=$1 flags="-C link-arg=-Tlink.x $2" target
    shift 2
    target=$(target_of "$board")
    if [ $how = rustup ]; then
        (cd $here && LDNN_BOARD=$board RUSTFLAGS=$flags cargo build --quiet --release --target "$target" --target-dir "$where" "$@")
    else
        local lld
        lld=$(find "$(rustc --print sysroot)/lib/rustlib" -name rust-lld 2>/dev/null | head -n 1)
        [ -n "$lld" ] || lld=$(command -v lld)
        (cd $here && LDNN_BOARD=$board RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTFLAGS="$flags -C linker=$lld" \
            /usr/bin/cargo build --quiet -Z build-std=core --release --target "$target" --target-dir "$where" "$@")
    fi
}

target_of() { sed -n 's/.*target: *\([^ ]*\).*/\1/p' $here/boards/$1.x; }
machine_of() { sed -n 's/.*QEMU machine: *\([^ ]*\).*/\1/p' $here/boards/$1.x; }
where=$root/$here/target/$how
# A machine with other work emulates slowly.
export LDNN_TIMEOUT=${LDNN_TIMEOUT:-1800}

# run BOARD PROGRAM [FOLDER]: its output; adds the exit code if it is not 0.
run() {
    LDNN_BOARD=$1 $here/run.sh "${3:-$where/$(target_of "$1")/release}/$2" 2>&1 || say "exit code $?"
}

# Where rustup's compiler is, and with it clippy.
lint() {
    [ $how = rustup ] || { say "not without rustup's targets"; return; }
    (cd $here && cargo clippy --quiet --release --lib --bins --target-dir "$where" -- -D warnings) || fail "clippy"
}

# compare BOARD FOLDER PROGRAM...: runs the programs of a board that were put into a folder.
compare() {
    local board=$1 folder=$2 bin text
    shift 2
    for bin in "$@"; do
        case $bin in bare | nopanic) continue ;; esac
        text=$(run "$board" "$bin" "$folder")
        case $text in *"exit code"*) fail "$board $bin: $text" ;; esac
        # Every line that the golden file has for this program.
        case $bin in
        learn) [ "$(grep -cxFf tests/golden/firmware.txt <<<"$text")" = 3 ] || fail "$board learns other bits: $text" ;;
        # The table of hashes that the host has too (tests/tests/bits.rs).
        bits) diff tests/golden/hashes.txt - <<<"$text" || fail "$board computes other bits" ;;
        esac
    done
    [ $status != 0 ] || say "$board: builds, runs, and gives the bits of the host"
    return $status
}

# One board is built while the one before runs.
boards() {
    local built job jobs=""
    built=$(mktemp -d)
    for file in $here/boards/*.x; do
        local board bins bin features=""
        board=$(basename "$file" .x)
        bins="infer learn update bits lookups bare nopanic"
        case $board in
        # 16 K of RAM are for inference. The proof, which is all of the library twice, has no room in its flash; rp2040 has it
        # for the same target.
        microbit) bins="infer bare" ;;
        # The same; mps2-an386 has the proof.
        stm32f411) bins="infer learn update bits lookups bare" ;;
        esac
        [ "$board" = rp2040 ] && features="--features rp2040"
        build "$board" "" $features $(printf -- '--bin %s ' $bins) || { fail "$board does not build"; continue; }
        [ -n "$(machine_of "$board")" ] || { say "$board: builds"; continue; }
        mkdir "$built/$board"
        for bin in $bins; do cp "$where/$(target_of "$board")/release/$bin" "$built/$board"; done
        (status=0; compare "$board" "$built/$board" $bins) &
        jobs="$jobs $!"
    done
    for job in $jobs; do wait "$job" || status=1; done
    rm -rf "$built"
    build mps2-an386 "" --no-default-features --features defmt --bin infer --bin learn || fail "defmt does not build"
}

# number TEXT WHAT: the number before WHAT.
number() { sed -n "s/^ *\([0-9]*\) $2.*/\1/p" <<<"$1"; }

section_of() { # ELF SYMBOL-PART: the sections that symbols with this in their names lie in
    readelf -sW "$1" | awk -v s="$2" '$4 == "OBJECT" && index($8, s) { print $7 }' | sort -u | while read -r i; do
        readelf -SW "$1" | sed -n "s/^ *\[ *$i\] \([^ ]*\).*/\1/p"
    done | sort -u | tr '\n' ' '
}

costs() {
    local lines="" flags name text golden=tests/golden/firmware-costs.txt
    for name in generic cortex-m4; do
        flags=""
        [ $name = cortex-m4 ] && flags="-C target-cpu=cortex-m4"
        build mps2-an386 "$flags" --bin infer --bin learn --bin lookups --bin bare || { fail "mps2-an386 does not build"; return; }
        text=$(run mps2-an386 infer)
        lines+="$name int8-inference $(number "$text" "instructions an inference" | sed -n 1p)\n"
        lines+="$name f32-inference $(number "$text" "instructions an inference" | sed -n 2p)\n"
        text=$(run mps2-an386 learn)
        lines+="$name step-frozen $(number "$text" "instructions a step" | sed -n 1p)\n"
        lines+="$name step-knots $(number "$text" "instructions a step" | sed -n 2p)\n"
        lines+="$(run mps2-an386 lookups | sed -n "s/^\([a-z0-9-]*\): \([0-9]*\) instructions for 1000.*/$name lookups-\1 \2\\\\n/p" | tr -d '\n')"
        lines+="$name step-direct $(number "$text" "instructions a step" | sed -n 3p)\n"
    done
    build mps2-an386 "" --bin infer --bin learn --bin lookups --bin bare || { fail "mps2-an386 does not build"; return; }
    local elf=$where/$(target_of mps2-an386)/release
    size() { echo $((0x0$(readelf -SW "$elf/bare" | awk -v s="$1" '{ sub(/^ *\[ *[0-9]+\] /, "") } $1 == s { print $5 }'))); }
    lines+="generic inference-code $(size .text)\n"
    lines+="generic inference-ram $(($(size .bss) + $(size .data)))\n"
    lines+="generic step-ram $(run mps2-an386 learn | sed -n 's/RAM of a step.*: \([0-9]*\) bytes/\1/p')\n"
    for pair in "bare THETA .rodata" "bare TABLE1 .rodata" "learn THETA .rodata .bss" "bare SCRATCH .bss" "learn ENTRIES .bss"; do
        set -- $pair
        for found in $(section_of "$elf/$1" "$2"); do
            case " ${*:3} " in *" $found "*) ;; *) fail "$2 of $1 lies in $found, not in ${*:3}" ;; esac
        done
        [ -n "$(section_of "$elf/$1" "$2")" ] || fail "$1 has no $2"
    done
    if [ -n "${LDNN_BLESS:-}" ]; then
        printf "$lines" >$golden
    fi
    printf "$lines" | while read -r build what now; do
        then=$(awk -v b="$build" -v w="$what" '$1 == b && $2 == w { print $3 }' $golden)
        if [ -z "$now" ] || [ -z "$then" ] || [ $((now * 10)) -gt $((then * 11)) ]; then
            say "$build $what: $now, written down is $then"
            exit 1
        fi
        say "$build $what: $now"
    done || status=1
}

# A table with INPUTS columns and a target: a smooth function of them, or one of CLASSES classes. No draw: the same bytes everywhere.
answer_table() { # INPUTS CLASSES, 1 for a regression
    awk -v n="$1" -v k="$2" 'BEGIN {
        for (i = 0; i < n; i++) printf "x%d,", i
        print "y"
        for (row = 0; row < 150; row++) {
            y = 0
            for (i = 0; i < n; i++) { x = sin(row * (i + 1) * 0.7 + i); y += x * (1 + i % 3) / n; printf "%.4f,", 10 + 3 * x }
            if (k == 1) printf "%.4f\n", 5 + sin(3 * y); else printf "c%d\n", row % 7 < 5 ? int((y + 2) / 4 * k) % k : row % k
        }
    }'
}

# What `own` counts for one network: hardly trained, as the work does not depend on what it has learned.
answer() { # INPUTS HIDDEN OUTPUTS KIND ACTIVATIONS WEIGHTS
    local inputs=$1 hidden=$2 outputs=$3 kind=$4 activations=$5 weights=$6 dir text tables classes=$3
    dir=$(mktemp -d)
    [ "$kind" = classes ] || classes=1
    answer_table "$inputs" "$classes" >"$dir/t.csv"
    local which=(--compare "$activations" --keep "$activations" --activations "$activations") target_kind=--regression
    [ "$activations" = learned ] && which=(--compare none)
    [ "$kind" = classes ] && target_kind=--classification
    local ldnn="${LDNN_PROGRAM:-target/debug/ldnn} --quiet"
    $ldnn train "$dir/t.csv" --target y $target_kind --hidden "${hidden//-/,}" "${which[@]}" --lr 0.01 --weight-decay 0 --epochs 5 --runs 2 \
        --out "$dir/m.ldnn" >/dev/null || { fail "the training for $*"; return; }
    $ldnn export "$dir/m.ldnn" --weights "$weights" --format rust --out "$dir/export" >/dev/null || { fail "the export for $*"; return; }
    LDNN_EXPORT=$dir/export build mps2-an386 "" --features own --bin own || { fail "own does not build for $*"; return; }
    text=$(run mps2-an386 own)
    case $text in *"exit code"*) fail "own for $*: $text"; return ;; esac
    tables=$(grep -o '"activations":\[.*\],"weights":' "$dir/export/model.json" |
        grep -o '"kind":"[a-z]*",\("name":"[a-z]*"\|"form":"[a-z]*","symmetry":"[a-z]*","base":"[a-z]*"\)\|"kind":"integer"' |
        sed 's/"kind":"base","name":"\(.*\)"/\1/; s/"kind":"compact","form":"\(.*\)","symmetry":"\(.*\)","base":"\(.*\)"/\1\/\2\/\3/; s/"kind":"integer"/i16/' |
        paste -sd, -)
    [ "$weights" = int8 ] && tables=$(grep -o '"table_inputs":\[[^]]*\]' "$dir/export/model.json" | tr ',' '\n' | sed 's/.*/i8/' | paste -sd, -)
    echo "$inputs-$hidden-$outputs $kind $weights $activations $tables $(number "$text" "instructions an answer")"
    rm -rf "$dir"
}

# The networks behind the estimates of `ldnn tune --pareto`: inputs, hidden layers, outputs, what they are, activations.
# The last ones, after "others", are not fitted: they tell how good the estimates are.
networks="
2 4 1 values relu
2 8 1 values relu
2 10 1 values relu
4 16 1 values relu
3 32 1 values relu
8 64 1 values relu
4 4 1 values tanh
4 8 1 values tanh
3 16 1 values tanh
2 32 1 values tanh
8 64 1 values tanh
16 24 1 values sine
4 8 1 values swish
4 32 1 values swish
9 64 1 values swish
3 4 1 values learned
2 8 1 values learned
4 16 1 values learned
8 32 1 values learned
4 64 1 values learned
20 50 1 values learned
4 8 2 values relu
6 12 3 values learned
4 8 3 classes relu
8 32 3 classes swish
16 16 5 classes tanh
12 40 10 classes learned
64 50 10 classes swish
1 4 1 values relu
1 8 1 values relu
1 16 1 values relu
1 32 1 values relu
1 64 1 values relu
3 4 1 values relu
3 8 1 values relu
3 16 1 values relu
3 32 1 values relu
3 64 1 values relu
5 4 1 values relu
5 8 1 values relu
5 16 1 values relu
5 32 1 values relu
5 64 1 values relu
12 4 1 values relu
12 8 1 values relu
12 16 1 values relu
12 32 1 values relu
12 64 1 values relu
2 4 1 values learned
2 16 1 values learned
2 32 1 values learned
2 64 1 values learned
6 4 1 values learned
6 8 1 values learned
6 16 1 values learned
6 32 1 values learned
6 64 1 values learned
4 5 1 values relu
4 15 1 values relu
4 20 1 values relu
4 25 1 values relu
4 30 1 values relu
4 100 1 values relu
5 10 1 values learned
5 20 1 values learned
5 40 1 values learned
6 8 3 classes swish
6 16 3 classes swish
6 32 3 classes swish
6 64 3 classes swish
6 16 6 classes swish
6 32 6 classes swish
6 20 4 classes swish
6 20 10 classes swish
6 32 10 classes swish
6 10 3 classes relu
6 16 3 classes relu
6 40 3 classes relu
5 16 2 values tanh
5 32 4 values tanh
5 20 3 values tanh
5 8 1 values tanh
5 16 1 values tanh
5 32 1 values tanh
5 64 1 values tanh
others
5 6 1 values tanh
3 12 1 values learned
7 20 1 values swish
10 48 1 values relu
6 100 1 values learned
6 20 4 classes tanh
30 30 7 classes learned
8 16-16 1 values learned
"

answers() {
    local inputs hidden outputs kind activations rest set=fitted weights lines="" line golden=tests/golden/answer-costs.txt
    [ -n "${LDNN_PROGRAM:-}" ] || cargo build --quiet --package ldnn || { fail "ldnn does not build"; return; }
    while read -r inputs hidden outputs kind activations; do
        [ -n "$inputs" ] || continue
        [ "$inputs" = others ] && { set=others; continue; }
        for weights in f32 int8; do
            # The emulator reads what it is given, and the list is not for it.
            line="$set $(answer "$inputs" "$hidden" "$outputs" "$kind" "$activations" "$weights" </dev/null)"
            say "$line"
            lines+="$line\n"
        done
    done <<<"$networks"
    if [ -n "${LDNN_BLESS:-}" ]; then printf "$lines" >$golden; else printf "$lines" | diff $golden - || fail "other counts than are written down"; fi
}

if ! command -v qemu-system-arm >/dev/null; then
    say "qemu-system-arm is missing: on Debian as root 'apt-get install qemu-system-arm'"
    exit 1
fi
case ${1:-all} in
export) exported ;;
boards) boards ;;
costs) costs ;;
clippy) lint ;;
answers) answers ;;
all) exported; lint; boards; costs ;;
*) fail "tests/firmware.sh export | clippy | boards | costs | answers" ;;
esac
exit $status
