#!/usr/bin/env bash
# The progression of Fig. 1 on fresh draws of MNIST-1D: on each, activations are learned anew and settings chosen anew.
#   tests/recipes/draws.sh             prints the accuracy of each kind of layer and each claim, draw by draw and in the mean
# What is finished is not done again. DRAWS="1 2 3" names the seeds of the generator, PRESET=paper takes longer.
source "$(dirname "$0")/common.sh"
results=$place/draws
preset=${PRESET:-default}
draws=${DRAWS:-1 2 3 4 5}
mkdir -p "$results"

for draw in $draws; do
    [ -f "$results/$draw.npz" ] || ldnn data mnist1d --seed "$draw" --out "$results/$draw.npz" --quiet >/dev/null
    # The part at equal training is not what this is about.
    ldnn reproduce fig1 --preset "$preset" --data "$results/$draw.npz" --out "$results/$preset-$draw" --quiet \
        --set progression_equal.train.epochs=50 --set progression_equal.runs=1 --set stages.0.meta.steps=1 >/dev/null
done

python3 tests/recipes/bench/draws.py "$results/$preset" $draws
