#!/bin/bash
# Every policy on the same scattered host under the real daemon, and beside them numad, the kernel's own
# balancing and pinning by hand: where the guests' loads and stores went, as the meter counts them, and
# the bytes that were moved for it.
#   LAB_WAYS="none home-node numad"  only these     LAB_ROUNDS=3  each so often, with new guests (1)
#   LAB_WATCH=75  seconds of each watch             LAB_RESULTS=DIR  what was measured (build/.../policies)
#   LAB_MEMORY=64 MiB and LAB_QUOTA=20 percent of a CPU of each guest; numad looks at no process with less
#   than 300 MB or half a CPU: 320 and 60 make it act, and all take several times as long
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Name, node of its vCPU, nodes of its RAM, and where somebody who pins by hand puts it. The first two
# could change places; of the others no node holds all.
guests="web 0 1 1
db 1 0 0
mail 2 3,0 3
batch 3 0,1,2 2"
names=$(cut -d ' ' -f 1 <<<"$guests" | tr '\n' ' ')
log=/tmp/way.log

each() { # COMMAND...: with each guest's words
	local words
	while read -r -a words <&3; do "$@" "${words[@]}" || return; done 3<<<"$guests"
}

start() { lab_guest "$1" --memory "$memory" --quota "$quota" --no-wait; }
await() { lab_ready "$1" 300; }
# place NAME NODES: its RAM.
place() {
	local start length
	while read -r start length; do
		"$LAB_BUILD/tests/lab/place" "$(lab_pid "$1")" "$start" "$length" "$2" || return
	done < <(lab_ranges "$1")
}
# Stopped meanwhile, behind libvirt's back: that is much quicker than asking it, and moves each page at once.
scatter() {
	local pid
	pid=$(lab_pid "$1") && kill -STOP "$pid" && taskset -acp "$2" "$pid" >/dev/null && place "$1" "$3"
}
resume() { kill -CONT "$(lab_pid "$1")"; }
let_loose() { taskset -acp 0-3 "$(lab_pid "$1")" >/dev/null; }
# Not with migratepages, which takes all of QEMU's memory and was seen to take six minutes for these four. A
# page that is in use just then needs another try.
by_hand() { virsh -q vcpupin "$1" 0 "$4" --live && { place "$1" "$4" || place "$1" "$4"; }; }

# Pages that anybody moved, the kernel included: the same measure for all.
moved() { awk '$1 == "pgmigrate_success" { printf "%.0f\n", $2 * 4096 }' /proc/vmstat; }
# How often the kernel, or a pin, has taken the guests' vCPUs to another CPU so far.
migrations() {
	each lab_threads | cut -d ' ' -f 2 | while read -r tid; do
		sed -n 's/^se\.nr_migrations *: *//p' "/proc/$tid/sched"
	done | awk '{ sum += $1 } END { print sum + 0 }'
}
# The latest reason of each guest not to be acted on; how many actions came to nothing.
why_not() {
	local failed
	failed=$(grep -c ': failed: ' $log)
	[ "$failed" = 0 ] || echo "failed: $failed "
	tac $log | sed -n 's/.*: guest \([^:]*\): not moved (\([a-z-]*\)).*/\1 \2/p' |
		awk '!seen[$1]++ { print $2 }' | sort | uniq -c | awk '{ printf "%s (%d) ", $2, $1 }'
}

begin_policy() {
	printf '[vmbalancer]\nreserve=64MiB\ndefault-policy=%s\n' "$1" >/etc/vmbalancer.conf
	vmbalancerd >$log 2>&1 </dev/null &
	daemon=$!
	lab_until 60 grep -q "connected to libvirt" $log
}
end_policy() {
	kill "$daemon"
	wait "$daemon"
	pins=$(grep ': guest .*: vcpu.* pinned to node' $log | grep -vc ': failed: ')
	note=$(why_not | tr -d '\n')
	rm -rf /var/lib/vmbalancer
}

begin_numad() {
	rm -f /var/log/numad.log
	numad -i 2:5 -H 0 -l 6 >/dev/null 2>&1 </dev/null
}
end_numad() {
	cp /var/log/numad.log $log
	numad -i 0 >/dev/null 2>&1 </dev/null
	lab_until 20 bash -c '! pidof numad'
	pins=$(grep -c 'moved to node' $log)
	note=$(grep -q 'Candidates: [1-9]' $log || echo "guests are below its threshold (300 MB, half a CPU)")
}

begin_kernel() { echo 1 >/proc/sys/kernel/numa_balancing; }
end_kernel() {
	echo 0 >/proc/sys/kernel/numa_balancing
	: >$log
	pins=0 note=''
}

begin_hand() { each by_hand >$log 2>&1; }
end_hand() {
	pins=4 note=''
}

# one WAY ROUND: scatters the guests, watches, and notes what was seen.
one() {
	local way=$1 kind from ready to before wandered pins note
	case $way in
	numad | kernel | hand) kind=$way ;;
	*) kind=policy ;;
	esac
	each scatter && each resume || return
	sleep 1
	each let_loose || return
	wandered=$(migrations) before=$(moved) from=$EPOCHREALTIME
	"begin_$kind" "$way" || return
	ready=$EPOCHREALTIME
	sleep "$(awk -v from="$from" -v now="$EPOCHREALTIME" -v watch="$watch" 'BEGIN { left = from + watch - now; print (left > 0 ? left : 0) }')"
	to=$EPOCHREALTIME before=$(($(moved) - before)) wandered=$(($(migrations) - wandered))
	"end_$kind"
	jq -cn --arg way "$way" --argjson round "$2" --argjson from "$from" --argjson ready "$ready" --argjson to "$to" \
		--argjson moved "$before" --argjson pins "$pins" --argjson wandered "$wandered" --arg note "$note" \
		'{way: $way, round: $round, from: $from, ready: $ready, to: $to, moved_bytes: $moved, pins: $pins, migrations: $wandered, note: $note}' \
		>>"$LAB_OUT/runs.jsonl"
	{ cat $log && each pages; } >"$LAB_OUT/$way-$2.log"
}
pages() { echo "# at the end: RAM of $1 by node: $(lab_pages "$1")"; }

if [ -n "${LAB_INSIDE-}" ]; then
	source "$LAB_DIR/lib.sh"
	watch=$1 rounds=$2 memory=$3 quota=$4
	shift 4
	[ $# -gt 0 ] || read -r -a all <<<"$(vmbalancer policy list -o json | jq -r '[.policies[].name] | join(" ")') numad kernel hand"
	[ $# -gt 0 ] || set -- "${all[@]}"
	for ((round = 1; round <= rounds; round++)); do
		each start && each await || exit 1
		for way in "$@"; do
			lab_ok "$way was watched" one "$way" $round
		done
		# shellcheck disable=SC2086  # names
		lab_stop $names
	done
	exit
fi

build=${LAB_BUILD:-$here/../../build/release}
results=${LAB_RESULTS:-$build/tests/lab/policies}
watch=${LAB_WATCH:-75} rounds=${LAB_ROUNDS:-1}
mkdir -p "$results" && rm -f "$results"/*.jsonl "$results"/*.log || exit 1
# shellcheck disable=SC2086  # ways
"$here/run" --timeout 10000 --nodes 4 --memory-per-node 1536M --meter "$results/meter" --out "$results" \
	"${BASH_SOURCE[0]}" "$watch" "$rounds" "${LAB_MEMORY:-64}" "${LAB_QUOTA:-20}" ${LAB_WAYS-} || exit 1
"$here/bench-table" "$results"
# The same host made up, and what becomes of it there.
for policy in none moron home-node balance; do
	for seed in 1 2 3 4 5 6 7 8 9 10; do
		"$build/vmbalancer/cli/vmbalancer" simulate "$here/lab-scattered.json" --policy $policy --seed $seed -o json \
			>"$results/simulated-$policy-$seed.json" || exit 1
	done
done
"$here/plot-calibration.py" "$results/calibration.svg" "$results" "$results"/simulated-{none,moron,home-node,balance}-*.json | sed 's/^/# /'
