#!/bin/bash
# The meter says the same as numa_maps: a process that is bound to one node's CPU and another
# node's memory shows accesses there and nowhere else; and a guest that is moved changes its share.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ -n "${LAB_INSIDE-}" ]; then
	source "$LAB_DIR/lib.sh"
	walkers=()
	for node in 0 1 2 3; do
		numactl --membind=$node --physcpubind=$(((node + 1) % 4)) "$LAB_BUILD/tests/lab/walk" 16 &
		walkers+=($!)
	done
	sleep 3
	date +%s.%N >>"$LAB_OUT/from"
	sleep 3
	date +%s.%N >>"$LAB_OUT/to"
	for node in 0 1 2 3; do
		lab_ok "numa_maps: the walker's memory is on node $node" \
			grep -q "anon=40[0-9][0-9] .*N$node=40[0-9][0-9] " "/proc/${walkers[node]}/numa_maps"
	done
	kill "${walkers[@]}"
	lab_guest guest --memory 32 --suspend
	lab_scatter guest 2 3
	virsh -q resume guest
	sleep 1
	date +%s.%N >>"$LAB_OUT/from"
	sleep 3
	date +%s.%N >>"$LAB_OUT/to"
	lab_scatter guest 2 2
	sleep 1
	date +%s.%N >>"$LAB_OUT/from"
	sleep 3
	date +%s.%N >>"$LAB_OUT/to"
	lab_ok "the guest was moved" test "$(lab_share guest 2)" = 100.0
	exit
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$here/run" --timeout 600 --nodes 4 --memory-per-node 768M --meter "$out/meter" --out "$out" "${BASH_SOURCE[0]}" ||
	exit 1
mapfile -t from <"$out/from"
mapfile -t to <"$out/to"
failed=0

check() {
	if awk -v got="$1" -v least="$2" -v most="$3" 'BEGIN { exit !(got != "" && got + 0 >= least && got + 0 <= most) }'; then
		echo "ok - $4: $1 %"
	else
		echo "not ok - $4: $1 % is not from $2 to $3" && failed=1
	fi
}

# Percent of a CPU's accesses in a span that reached a node.
reached() {
	awk -v from="$1" -v to="$2" -v cpu="$3" -v node="$4" '
		$1 < from || $1 > to || $2 != cpu || $3 != "all" { next }
		{ sum = 0; for (i = 4; i <= NF; i++) sum += $i }
		!seen { seen = 1; first = sum; there = $(4 + node) }
		{ last = $(4 + node) }
		END { if (sum > first) printf "%.1f\n", 100 * (last - there) / (sum - first) }
	' "$out/meter"
}

for node in 0 1 2 3; do
	check "$(reached "${from[0]}" "${to[0]}" $(((node + 1) % 4)) $node)" 95 100 \
		"memory bound to node $node is counted there"
done
check "$("$here/meter/read" --sum --from "${from[1]}" --to "${to[1]}" "$out/meter" | cut -d ' ' -f 3)" 0 1 \
	"a guest whose RAM is elsewhere has no near accesses"
check "$("$here/meter/read" --sum --from "${from[2]}" --to "${to[2]}" "$out/meter" | cut -d ' ' -f 3)" 99 100 \
	"a guest whose RAM came home has near accesses only"
exit $failed
