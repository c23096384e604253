#!/usr/bin/env bash
# A study by GNU parallel, as on a lab server: one of its jobs is killed, `--resume-failed` does that one again, and the merged
# results are those of one process, byte for byte. Needs Debian's `parallel`; takes some seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v parallel >/dev/null || { echo "GNU parallel is missing: apt-get install parallel"; exit 1; }
[ -n "${LDNN_PROGRAM:-}" ] || cargo build --quiet --package ldnn
ldnn=${LDNN_PROGRAM:-$PWD/target/debug/ldnn}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp tests/study.toml "$work"
cd "$work"
export ldnn

"$ldnn" run study.toml --quiet --out whole >/dev/null

# The first time shard 2 is killed as by a machine that runs out of memory; the others wait for its activations or not.
cat >task.sh <<'TASK'
#!/usr/bin/env bash
if [ "$1" = learn ] && [ "$2" = 2 ] && [ ! -e killed ]; then
    "$ldnn" run study.toml --quiet --out shared --stage learn --shard "$2/4" --jobs 1 &
    until [ -s "$(echo shared/shards/2-of-4/kept/learned/*/history.jsonl)" ]; do sleep 0.002; done
    kill -KILL $!
    touch killed
    wait $!
    exit $?
fi
exec "$ldnn" run study.toml --quiet --out shared --stage "$1" --shard "$2/4" --jobs 1
TASK
chmod +x task.sh

for stage in learn train; do
    again=0
    until parallel --jobs 2 --joblog "$stage.log" --resume-failed ./task.sh "$stage" ::: 0 1 2 3 >/dev/null; do
        again=$((again + 1))
        [ "$again" -lt 5 ] || { echo "stage $stage fails again and again"; cat "$stage.log"; exit 1; }
        # What is missing is known before it is done again.
        [ "$stage" != learn ] || { ! "$ldnn" merge shared 2>missing || exit 1; grep -q "are missing" missing; }
    done
    [ "$stage" != learn ] || [ "$again" -ge 1 ] || { echo "nothing was killed"; exit 1; }
done
"$ldnn" status shared | grep -q " 0 are missing"
"$ldnn" merge shared >/dev/null

# Everything but the lock and the shards' own folders.
diff -r -x .lock -x .files -x shards whole shared
echo "GNU parallel: the merged results are those of one process"
