#!/usr/bin/env bash
# A study on a real Slurm: one controller and two nodes, all on this machine. Of an array of four tasks one is killed, one is
# cancelled by its time limit, and one node's daemon is killed; after that the merged results are those of one process, byte for
# byte. Optional; as root on Debian, where it installs what it needs (slurm-wlm, munge). Starts and stops its own daemons.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "skipped: this must run as root"; exit 0; }
command -v slurmctld >/dev/null && command -v munged >/dev/null || {
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y slurm-wlm munge; } >/dev/null 2>&1 ||
        { echo "skipped: apt-get install slurm-wlm munge does not work here"; exit 0; }
}
[ -n "${LDNN_PROGRAM:-}" ] || cargo build --quiet --package ldnn
ldnn=${LDNN_PROGRAM:-$PWD/target/debug/ldnn}
work=$(mktemp -d /tmp/slurm-test.XXXXXX)
export SLURM_CONF=$work/slurm.conf
export LDNN=$ldnn

daemons() { cat "$work"/*.pid 2>/dev/null || true; }
finish() {
    code=$?
    [ "$code" = 0 ] || { tail -n 15 "$work"/*.log "$work"/r-logs/*.log 2>/dev/null; squeue 2>/dev/null; } >&2
    scancel --user root --quiet 2>/dev/null || true
    sleep 1
    for pid in $(daemons); do kill "$pid" 2>/dev/null || true; done
    sleep 1
    for pid in $(daemons); do kill -KILL "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

# Munge: the key is the package's.
if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
    mkdir -p /run/munge /var/log/munge /var/lib/munge
    chown munge: /run/munge /var/log/munge /var/lib/munge
    chmod 755 /run/munge
    runuser -u munge -- munged --pid-file=/run/munge/munged-test.pid
    sleep 1
    cp /run/munge/munged-test.pid "$work/munged.pid"
    munge -n | unmunge >/dev/null
fi

host=$(hostname -s)
mkdir -p "$work/state" "$work/spool-n1" "$work/spool-n2"
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
SlurmdTimeout=10
KillWait=5
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=1
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
SlurmdSpoolDir=$work/spool-%n
StateSaveLocation=$work/state
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=26818 CPUs=2 RealMemory=4000
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=26819 CPUs=2 RealMemory=4000
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=60 State=UP
CONF
slurmctld
slurmd -N n1
slurmd -N n2
for _ in $(seq 50); do [ "$(sinfo -h -o %T)" = idle ] && break; sleep 0.2; done
sinfo

cp tests/study.toml "$work"
cd "$work"
"$ldnn" run study.toml --quiet --out whole >/dev/null

# The program, but slow where the test wants to come in time, and only the first time.
cat >slow.sh <<'SLOW'
#!/usr/bin/env bash
# run STUDY --out OUT --stage STAGE --shard auto/N ...
mark=/dev/null
[ "${5:-}" = --stage ] && [ "$6" = train ] && mark=$SLURM_CONF.first-$SLURM_ARRAY_TASK_ID
if [ "$mark" != /dev/null ] && [ ! -e "$mark" ]; then
    touch "$mark"
    case $SLURM_ARRAY_TASK_ID in
        # Killed in the midst of its work, as by a machine that runs out of memory.
        1)
            "$LDNN" "$@" &
            until [ -s "$4/shards/1-of-4/journals/trainings.jsonl" ]; do sleep 0.002; done
            kill -KILL $!
            wait $!
            exit $?
            ;;
        # As if it had hours to go: it stands still in the midst of its work until TERM comes before the time limit, and ends
        # by itself.
        2)
            "$LDNN" "$@" &
            child=$!
            until [ -s "$4/shards/2-of-4/journals/trainings.jsonl" ]; do sleep 0.002; done
            kill -STOP $child
            trap 'kill -TERM $child; kill -CONT $child' TERM
            wait $child
            trap '' TERM
            wait $child
            exit $?
            ;;
        # On the node whose daemon dies.
        3) sleep 5 ;;
    esac
fi
exec "$LDNN" "$@"
SLOW
chmod +x slow.sh

"$ldnn" slurm study.toml --out r --tasks 4 --program "$work/slow.sh" >study.sh
# A minute is the shortest limit there is; TERM 50 s before its end is 10 s after the start.
sed -i 's/B:TERM@60/B:TERM@50/; s/--mem=[0-9]*/--mem=100/; s/--time=[0-9]*/--time=1/' study.sh
bash study.sh | tee jobs
train=$(sed -n 's/^train: job //p' jobs)

state() { scontrol -o show job "$1" 2>/dev/null | sed 's/.*JobState=\([A-Z_]*\).*/\1/'; }
until [ -e "$SLURM_CONF.first-3" ]; do sleep 0.1; done
# One node's daemon dies. Its tasks live on; the controller finds out.
kill -KILL "$(cat "$work/slurmd-n2.pid")"
echo "killed the daemon of n2"

# The task whose time was up has put itself back into the queue, to begin in two minutes; the test does not wait so long.
for _ in $(seq 300); do
    scontrol -o show job "${train}_2" 2>/dev/null | grep -q "Restarts=1" && break
    sleep 0.1
done
scontrol -o show job "${train}_2" | grep -q "Restarts=1" || { echo "task 2 was not given back"; exit 1; }
grep -qE "Reason=BeginTime|JobState=(PENDING|RUNNING)" <<<"$(scontrol -o show job "${train}_2")"
scontrol update "jobid=${train}_2" starttime=now || true
slurmd -N n2
echo "task 2 had its time, and comes again; n2 is back"

for _ in $(seq 600); do
    [ -z "$(squeue -h)" ] && break
    sleep 0.1
done
[ -z "$(squeue -h)" ] || { echo "jobs hang"; exit 1; }

# The killed task has left something undone: merge has said so, and the same script does the rest.
cat r-logs/merge.log
grep -q "are missing" r-logs/merge.log || { echo "merge did not notice the killed task"; exit 1; }
"$ldnn" status r
bash study.sh
for _ in $(seq 600); do
    [ -z "$(squeue -h)" ] && break
    sleep 0.1
done
diff -r -x .lock -x .files -x shards whole r
echo "Slurm: the merged results are those of one process"
