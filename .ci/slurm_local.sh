#!/usr/bin/env bash
# A Slurm of one node on this machine, for tests: .ci/slurm_local.sh start|stop|status   (root; no systemd, no cgroups)
# Needs: apt-get install --no-install-recommends slurm-wlm munge
# Environment: SLURM_LOCAL_DIR (default /tmp/hpcpot-slurm), SLURM_LOCAL_PORT (default 16817; the next one is used too),
# SLURM_LOCAL_CPUS (default 8, oversubscribed on purpose).
# Programs find it with SLURM_CONF=$SLURM_LOCAL_DIR/slurm.conf, which `start` prints.
set -euo pipefail
DIR=${SLURM_LOCAL_DIR:-/tmp/hpcpot-slurm}
CPUS=${SLURM_LOCAL_CPUS:-8}
PORT=${SLURM_LOCAL_PORT:-16817}
HOST=$(hostname -s)
export SLURM_CONF=$DIR/slurm.conf

configure() {
  mkdir -p "$DIR"/{state,log,run,spool,tmp}
  chmod 755 "$DIR" "$DIR"/*
  local memory=$(( $(awk '/MemTotal/{print int($2/1024)}' /proc/meminfo) * 9 / 10 ))
  cat > "$SLURM_CONF" <<CONF
ClusterName=hpcpot
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort=$PORT
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool
TmpFS=$DIR/tmp
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
KillWait=2
InactiveLimit=0
MinJobAge=60
SlurmctldTimeout=30
SlurmdTimeout=60
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
DefMemPerCPU=512
NodeName=n1 NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((PORT + 1)) CPUs=$CPUS Boards=1 SocketsPerBoard=1 CoresPerSocket=$CPUS ThreadsPerCore=1 RealMemory=$memory State=UNKNOWN
PartitionName=debug Nodes=n1 Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
}

idle() { sinfo -h -N -t idle 2>/dev/null | grep -q n1; }

case "${1:-}" in
start)
  configure
  slurmctld -f "$SLURM_CONF" -c        # -c: the last run's state is forgotten
  slurmd -f "$SLURM_CONF" -N n1
  for _ in $(seq 600); do idle && break; sleep 0.2; done
  idle || { tail -20 "$DIR"/log/*.log >&2; "$0" stop; exit 1; }
  echo "export SLURM_CONF=$SLURM_CONF" ;;
stop)
  scancel -u "$(id -un)" 2>/dev/null || true
  sleep 1
  for file in "$DIR"/run/slurmd.pid "$DIR"/run/slurmctld.pid; do
    if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
  done ;;
status) sinfo; squeue ;;
*) echo "usage: $0 start|stop|status" >&2; exit 2 ;;
esac
