#!/bin/bash
# Every policy on the same misplaced guests under the real daemon, and beside them numad, the kernel's own
# balancing and pinning by hand: where the guests' loads and stores went, as the meter counts them, the
# bytes that were moved for it, and how long a guest stood still at worst.
#   LAB_SCENARIO=large  the guests of lab-large.json (scattered); numad looks at those, as they have more
#                       than 300 MB and half a CPU
#   LAB_WAYS="none home-node numad"  only these      LAB_ROUNDS=3  each so often, with new guests (1)
#   LAB_WATCH=75  seconds of each watch (as the scenario says)
#   LAB_RESULTS=DIR  what was measured (build/.../policies/SCENARIO)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
log=/tmp/way.log

# Of each guest: name, node of its vCPU, nodes of its RAM, where somebody who pins by hand puts it, its
# MiB and percent of a CPU. A scenario's file has all but the hand.
guests_of() { # SCENARIO
	local hand
	case $1 in
	scattered) hand="1 0 3 2" ;;
	large) hand="1 0 2" ;;
	*) return 1 ;;
	esac
	jq -r --arg hand "$hand" '($hand | split(" ")) as $hand | .guests | to_entries[] | . as {$key, value: $guest} |
		[$guest.name, $guest.ran_on, $guest.memory_on, $hand[$key], $guest.memory_mib, $guest.phases[0].busy * 100] |
		map(tostring) | join(" ")' "$here/lab-$1.json"
}

each() { # COMMAND...: with each guest's words
	local words
	while read -r -a words <&3; do "$@" "${words[@]}" || return; done 3<<<"$guests"
}
together() { # the same, all at once
	local words pid pids=() status=0
	while read -r -a words <&3; do
		"$@" "${words[@]}" 3<&- &
		pids+=($!)
	done 3<<<"$guests"
	for pid in "${pids[@]}"; do wait "$pid" || status=1; done
	return $status
}

start() { lab_guest "$1" --memory "$5" --quota "$6" --no-wait; }
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
# gap SECONDS NAME...: longest time in us that its vCPU went without a step, in so long.
gap() { lab_gap "$2" "$1"; }
# The latest reason of each guest not to be acted on; how many actions came to nothing.
why_not() {
	local failed
	failed=$(grep -c ': failed: ' $log)
	[ "$failed" = 0 ] || echo "failed: $failed "
	tac $log | sed -n 's/.*: guest \([^:]*\): not moved (\([a-z-]*\)).*/\1 \2/p' |
		awk '!seen[$1]++ { print $2 }' | sort | uniq -c | awk '{ printf "%s (%d) ", $2, $1 }'
}

stamp() { while IFS= read -r line; do printf '%s %s\n' "$EPOCHREALTIME" "$line"; done; }
begin_policy() {
	printf '[vmbalancer]\nreserve=64MiB\ndefault-policy=%s\n' "$1" >/etc/vmbalancer.conf
	vmbalancerd --verbose > >(stamp >$log) 2>&1 </dev/null &
	daemon=$!
	lab_until 60 grep -q "connected to libvirt" $log
}
end_policy() {
	kill "$daemon"
	wait "$daemon"
	pins=$(grep ': guest .*: vcpu.* pinned to node' $log | grep -vc ': failed: ')
	note=$(why_not | tr -d '\n')
	vmbalancer history --no-daemon --limit=1000 -o json >"$LAB_OUT/$1-$2.history"
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
	pins=$(wc -l <<<"$guests") note=''
}

# one WAY ROUND: scatters the guests, watches, and notes what was seen.
one() {
	local way=$1 kind from ready to before wandered stall pins note
	case $way in
	numad | kernel | hand) kind=$way ;;
	*) kind=policy ;;
	esac
	together scatter && each resume || return
	# Long enough that the time they stood is told before the watch.
	sleep 3
	each let_loose || return
	wandered=$(migrations) before=$(moved) from=$EPOCHREALTIME
	"begin_$kind" "$way" || return
	ready=$EPOCHREALTIME
	sleep "$(awk -v from="$from" -v now="$EPOCHREALTIME" -v watch="$watch" 'BEGIN { left = from + watch - now; print (left > 0 ? left : 0) }')"
	to=$EPOCHREALTIME before=$(($(moved) - before)) wandered=$(($(migrations) - wandered))
	stall=$(each gap "$((${to%.*} - ${from%.*}))" | sort -n | tail -n 1)
	"end_$kind" "$way" "$2"
	jq -cn --arg way "$way" --argjson round "$2" --argjson from "$from" --argjson ready "$ready" --argjson to "$to" \
		--argjson moved "$before" --argjson pins "$pins" --argjson wandered "$wandered" --argjson stall "$stall" --arg note "$note" \
		'{way: $way, round: $round, from: $from, ready: $ready, to: $to, moved_bytes: $moved, pins: $pins, migrations: $wandered, stall_us: $stall, note: $note}' \
		>>"$LAB_OUT/runs.jsonl"
	{ cat $log && each pages; } >"$LAB_OUT/$way-$2.log"
}
pages() { echo "# at the end: RAM of $1 by node: $(lab_pages "$1"), steps of its walk so far: $(lab_progress "$1")"; }

if [ -n "${LAB_INSIDE-}" ]; then
	source "$LAB_DIR/lib.sh"
	guests=$(guests_of "$1") watch=$2 rounds=$3
	names=$(cut -d ' ' -f 1 <<<"$guests" | tr '\n' ' ')
	shift 3
	[ $# -gt 0 ] || read -r -a all <<<"$(vmbalancer policy list -o json | jq -r '[.policies[].name] | join(" ")') numad kernel hand"
	[ $# -gt 0 ] || set -- "${all[@]}"
	for ((round = 1; round <= rounds; round++)); do
		each start && each await || exit 1
		# There and back, so that nobody has the best of it.
		order=("$@")
		[ $((round % 2)) = 1 ] || read -r -a order < <(printf '%s\n' "$@" | tac | tr '\n' ' ')
		for way in "${order[@]}"; do
			lab_ok "$way was watched" one "$way" $round
		done
		# shellcheck disable=SC2086  # names
		lab_stop $names
	done
	exit
fi

build=${LAB_BUILD:-$here/../../build/release}
scenario=${LAB_SCENARIO:-scattered}
guests_of "$scenario" >/dev/null || {
	echo "bench-policies: there is no scenario '$scenario'; there are scattered and large" >&2
	exit 2
}
results=${LAB_RESULTS:-$build/tests/lab/policies/$scenario}
watch=${LAB_WATCH:-$(jq .seconds "$here/lab-$scenario.json")} rounds=${LAB_ROUNDS:-1}
mkdir -p "$results" && rm -f "$results"/*.jsonl "$results"/*.log "$results"/*.json "$results"/*.history || exit 1
# shellcheck disable=SC2086  # ways
"$here/run" --timeout 10000 --nodes 4 --memory-per-node 1536M --meter "$results/meter" --out "$results" \
	"${BASH_SOURCE[0]}" "$scenario" "$watch" "$rounds" ${LAB_WAYS-} || exit 1
"$here/bench-table" "$results"
# The same host made up, and what becomes of it there.
for policy in $(jq -r .way "$results/runs.jsonl" | grep -vxE 'numad|kernel|hand' | awk '!seen[$0]++'); do
	for seed in 1 2 3 4 5 6 7 8 9 10; do
		"$build/vmbalancer/cli/vmbalancer" simulate "$here/lab-$scenario.json" --policy "$policy" --seed $seed -o json \
			>"$results/simulated-$policy-$seed.json" || exit 1
	done
done
"$here/plot-calibration.py" "$results/calibration.svg" "$results" "$results"/simulated-*.json | sed 's/^/# /'
