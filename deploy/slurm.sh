#!/bin/bash
# A training over the tasks of a Slurm job, one process each. The command is given as to tsumugi, which must be on the PATH of every node:
#   sbatch --nodes 2 deploy/slurm.sh pretrain --config run.json --out /shared/run --resume
#SBATCH --job-name=tsumugi
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=1
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
# Three minutes before the time is up, all save and end.
#SBATCH --signal=TERM@180

MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_ADDR
# Jobs that share a node meet at ports of their own.
export MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))
export WORLD_SIZE=$SLURM_NTASKS
export LOCAL_WORLD_SIZE=$SLURM_NTASKS_PER_NODE
export TSUMUGI_THREADS=$SLURM_CPUS_PER_TASK

# Slurm starts the ranks itself: a signal reaches each of them once. When one has ended, the others have five minutes to do so.
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" --cpu-bind=cores --kill-on-bad-exit=0 --wait=300 \
  bash -c 'RANK=$SLURM_PROCID LOCAL_RANK=$SLURM_LOCALID exec tsumugi "$@"' tsumugi "$@"
code=$?

# Saved because a signal asked for it (the time is up, another job comes first): the job stands in the queue again, and --resume goes on.
if [ "$code" -eq 143 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
