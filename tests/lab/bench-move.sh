#!/bin/bash
# How fast memory moves, and how long a process that writes to it stands still meanwhile: the move engine beside
# migrate_pages(2), which numad and migratepages call, and a write to cpuset.mems, which a live numatune makes.
#   LAB_KERNEL=6.12  the kernel to boot (6.1)        LAB_MEMORY=128  MiB of each process
#   LAB_ROUNDS=5, as far as LAB_SECONDS=420 allow    LAB_WHAT=rate   only these rows of the table
#   LAB_RESULTS=DIR  what was measured (build/.../move)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ -n "${LAB_INSIDE-}" ]; then
	source "$LAB_DIR/lib.sh"
	export VMBALANCER_MOVER=$LAB_BUILD/vmbalancer/mover/vmbalancer-mover
	# Hugepages for those that ask.
	echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
	began=$SECONDS
	taskset -c 0,1 "$LAB_BUILD/tests/lab/bench-move" "$LAB_BUILD/tests/lab/qemu-system-writer" "$@" >"$LAB_OUT/runs.jsonl"
	lab_is "$?" 0 "moves were measured on Linux $(uname -r)"
	lab_note "in $((SECONDS - began)) s"
	exit
fi

load() { cut -d ' ' -f 1 /proc/loadavg; }

results=${LAB_RESULTS:-${LAB_BUILD:-$here/../../build/release}/tests/lab/move}/${LAB_KERNEL:-6.1}
mkdir -p "$results" && rm -f "$results"/*.jsonl || exit 1
before=$(load)
"$here/run" --nodes 2 --cpus-per-node 2 --memory-per-node 768M --timeout 1200 --out "$results" "${BASH_SOURCE[0]}" \
	"${LAB_MEMORY:-128}" "${LAB_ROUNDS:-5}" "${LAB_SECONDS:-420}" ${LAB_WHAT:+"$LAB_WHAT"} || exit 1
"$here/move-table" "$results/runs.jsonl" "${LAB_KERNEL:-6.1}"
echo "# load of this machine before: $before, after: $(load); it has $(nproc) CPUs. More load than CPUs makes stalls of its own."
