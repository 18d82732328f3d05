#!/bin/bash
# What the agent costs a host of many guests (tests/bench/bench_agent.c) beside numad, which does nothing on a host of one
# node: in the lab. LAB_GUESTS=150
[ -n "${LAB_INSIDE-}" ] ||
	exec "$(dirname "$0")/run" --nodes 2 --cpus-per-node 2 --memory-per-node 1792M --timeout 1200 "$0" "${LAB_GUESTS:-150}"
source "$LAB_DIR/lib.sh"

export VMBALANCER_MOVER=$LAB_BUILD/vmbalancer/mover/vmbalancer-mover
# What the stand-in for the guests' cgroup says is that their RAM is on node 0.
numactl --membind=0 "$LAB_BUILD/tests/bench/bench-agent" "$LAB_BUILD/tests/bench/qemu-system-bench" "$1" >/tmp/agent.log 2>&1
status=$?
grep '^#' /tmp/agent.log
lab_is "$status" 0 "what $1 guests cost was measured"
