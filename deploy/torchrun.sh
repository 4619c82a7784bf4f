#!/bin/sh
# A training as processes that torchrun starts. The command is given as to tsumugi, which must be on the PATH:
#   PROCESSES=2 sh deploy/torchrun.sh pretrain --config run.json --out run --resume
# On several machines the same on each, with an address and a free port of one of them:
#   NODES=2 MASTER=10.0.0.1:29400 PROCESSES=8 sh deploy/torchrun.sh pretrain --config run.json --out /shared/run --resume
set -eu
processes=${PROCESSES:-2}
if [ "${NODES:-1}" -eq 1 ]; then
  meet=--standalone
else
  meet="--rdzv-backend c10d --rdzv-endpoint $MASTER --rdzv-id $MASTER"
fi
threads=$(($(nproc) / processes))
export TSUMUGI_THREADS="${TSUMUGI_THREADS:-$((threads > 0 ? threads : 1))}"
# MASTER_PORT is for rank 0 to listen at; otherwise torchrun's agent keeps it for itself.
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
# shellcheck disable=SC2086
exec torchrun --nnodes "${NODES:-1}" --nproc-per-node "$processes" $meet --no-python tsumugi "$@"
