#!/bin/bash
# The lab is what it says: nodes, distances, guests of every backing, scattering, counted pages,
# and exit statuses that pass through.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ -z "${LAB_INSIDE-}" ]; then
	failed=0
	for usage in "--nodes 0" "--nodes 2 --distances 10,21:21" "--distances 5,6" "--memory-per-node x" \
		"--wrong" "--timeout" "/no/such/script"; do
		# shellcheck disable=SC2086  # words
		"$here/run" $usage /dev/null 2>/dev/null
		[ $? -eq 2 ] || { echo "not ok - '$usage' is refused with status 2" && failed=1; }
	done
	out=$(mktemp -d)
	trap 'rm -rf "$out"' EXIT
	"$here/run" --timeout 600 --nodes 3 --distances 10,15,40:15,10,30:40,30,10 --cpus-per-node 1 \
		--memory-per-node 768M --out "$out" "${BASH_SOURCE[0]}" "an argument" "two  more" || failed=1
	[ "$(cat "$out/word")" = "from inside" ] || { echo "not ok - the out folder has what the script wrote" && failed=1; }
	echo 'echo out; echo err >&2; exit 7' >"$out/seven"
	text=$("$here/run" --timeout 300 --nodes 1 --memory-per-node 1G "$out/seven" 2>/dev/null)
	status=$?
	[ "$status,$text" = "7,out
err" ] || { echo "not ok - status 7 and the output pass through: $status,$text" && failed=1; }
	echo 'sleep 100' >"$out/slow"
	"$here/run" --timeout 5 --nodes 1 --memory-per-node 1G "$out/slow" 2>"$out/error"
	[ "$?,$(grep -c -- "--timeout" "$out/error")" = 124,1 ] ||
		{ echo "not ok - a slow script ends with status 124" && failed=1; }
	exit $failed
fi

source "$LAB_DIR/lib.sh"

lab_is "$*" "an argument two  more" "arguments reach the script"
lab_is "$(cat /sys/devices/system/node/online)" 0-2 "the host has its nodes"
lab_is "$(cat /sys/devices/system/node/node0/distance)" "10 15 40" "distances are as asked: node 0"
lab_is "$(cat /sys/devices/system/node/node2/distance)" "40 30 10" "distances are as asked: node 2"
lab_is "$(cat /sys/devices/system/node/node1/cpulist)" 1 "CPUs are on their nodes"
lab_is "$(cat /proc/sys/kernel/numa_balancing)" 0 "the kernel's own balancing is off"
lab_ok "libvirt answers" virsh -q list
lab_is "$(virsh -q list --all)" "" "the host has no guests of the outer machine"
lab_ok "the root file system takes writes" touch /usr/bin/lab-was-here
echo "from inside" >"$LAB_OUT/word"

expect_scattered() {
	local name=$1 bytes
	lab_ok "guest $name: scattered" lab_scatter "$name" 1 2
	bytes=$(lab_pages "$name" | awk '{ print $1 + $2 + $3 }')
	lab_at_least "$(lab_share "$name" 2)" 99.9 "guest $name: all its RAM is on node 2"
	lab_at_least "$bytes" $((31 * 1048576)) "guest $name: all its RAM is counted"
	lab_is "$(lab_affinity "$name" 0)" 1 "guest $name: its vCPU may use node 1 only"
}

lab_ok "a guest on plain pages starts" lab_guest plain --memory 32 --walk "bytes=8M"
expect_scattered plain
lab_ok "libvirt knows of no pin" bash -c '! virsh dumpxml plain | grep -q vcpupin'
lab_ok "a guest on a memfd starts" lab_guest shared --memory 32 --backing memfd --walk "duty=20"
expect_scattered shared
lab_ok "a guest with two cells starts" lab_guest cells --vcpus 2 --memory 64 --cells 2
lab_ok "it is scattered over two nodes" lab_scatter cells 2,0 0,1 --free
lab_is "$(lab_affinity cells 1)" 0-2 "its vCPUs are free again"
lab_at_most "$(lab_share cells 2)" 1 "its RAM is on the two nodes"

before=$(lab_progress plain)
worked() { [ "$(lab_progress plain)" -ge $((before + 10)) ]; }
lab_ok "a guest works on" lab_until 30 worked
lab_at_least "$(lab_progress cells 1)" 1 "its second vCPU works too"
heard() { awk -v got="$(lab_stall plain 3)" 'BEGIN { exit !(got != "" && got < 1.5) }'; }
lab_ok "a guest that runs is not silent for long" lab_until 60 heard
virsh -q suspend plain
sleep 2
lab_at_least "$(lab_stall plain 2)" 1.5 "a suspended guest is seen as silent"
lab_is "$(lab_guest wrong --walk "foo=1" 2>&1 | grep -c "not foo=1")" 1 "a bad word is told"
lab_ok "guests end" lab_stop plain shared cells wrong
