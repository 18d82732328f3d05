#!/bin/bash
# A scattered guest of each backing is seen, explained, brought home, and released; looking and
# planning change nothing; the numbers agree with numa_maps. Hugepages that a pool lacks are borrowed.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 900 "$0" "$@"
source "$LAB_DIR/lib.sh"

guests="plain thp shared huge"

# What must not change: pins, XML, affinities, pages.
state() {
	local name
	for name in $guests; do
		virsh -q dumpxml "$name"
		lab_affinity "$name"
		lab_pages "$name"
	done
}

# status -o json against numa_maps: every node's share within the error that is stated.
agree() {
	local name pages verdict
	vmbalancer status -o json >/tmp/status.json
	for name in $guests; do
		read -r -a pages <<<"$(lab_pages "$name")"
		verdict=$(jq -r --arg name "$name" --argjson truth "$(printf '%s\n' "${pages[@]}" | jq -s .)" '
			.guests[] | select(.name == $name) | . as $guest | .cells[0] | .size as $size |
			[range(0; $truth | length) as $i | ((.by_node[$i] - $truth[$i]) / $size | fabs)] | max as $off |
			if $off <= $guest.locality_error + 0.002 then "agrees"
			else "off by \($off), stated \($guest.locality_error)" end' /tmp/status.json)
		lab_is "$verdict" agrees "$name: status agrees with numa_maps within its error"
	done
}

# Three leave most of their RAM alone once it is touched, and each page is as in the others: for the end of this.
lab_guest plain --memory 64 --walk bytes=16M --define || exit 1
lab_guest thp --memory 48 --walk bytes=16M --backing thp --define || exit 1
lab_guest shared --memory 48 --walk bytes=16M --backing memfd --define || exit 1
lab_guest huge --memory 32 --backing hugepages --define || exit 1
lab_scatter plain 0 1,2
lab_scatter thp 1 2,3 --free
lab_scatter shared 2 0
lab_scatter huge 3 0

agree
lab_at_most "$(jq '[.guests[] | select(.name == "plain")][0].locality' /tmp/status.json)" 0.05 \
	"a guest that runs away from its RAM shows as remote"
before=$(state)
for command in status plan "rebalance --dry-run"; do
	# shellcheck disable=SC2086  # words
	vmbalancer $command >/tmp/out 2>&1
	lab_is "$?" 0 "$command: succeeds"
done
lab_is "$(state)" "$before" "and they leave pins, XML and pages as they were"
lab_ok "the plan gives its reason" grep -q "of its RAM is there" /tmp/out

began=$EPOCHREALTIME
vmbalancer rebalance --wait -o json >/tmp/rebalance.json
lab_is "$?" 0 "rebalance --wait: done"
took=$((${EPOCHREALTIME%.*} - ${began%.*} + 1))
lab_is "$(jq -r '[.outcomes[].result] | unique | join(" ")' /tmp/rebalance.json)" "done" "each action is done"
lab_note "moved $(jq '[.outcomes[].bytes_moved] | add / 1048576 | floor' /tmp/rebalance.json) MiB in $took s"
declare -A home
for name in $guests; do
	home[$name]=$(jq -r --arg name "$name" '[.actions[] | select(.guest == $name and .kind == "pin")][0].to' /tmp/rebalance.json)
	lab_at_least "$(lab_share "$name" "${home[$name]}")" 99 "$name: its RAM is on its home, node ${home[$name]}"
	lab_is "$(lab_affinity "$name" 0)" "${home[$name]}" "$name: its vCPU is there"
	lab_at_most "$(lab_gap "$name" "$took")" 500000 "$name: never stood still for 0.5 s of its own time"
done
lab_is "$(vmbalancer history plain -o json | jq '[.entries[] | select(.kind == "move" and .cause == "manual" and .who == "command") | .bytes] | add')" \
	"$(jq '. as $all | [.outcomes[] | select($all.actions[.action].guest == "plain") | .bytes_moved] | add' /tmp/rebalance.json)" \
	"the history has the bytes that were moved"
agree
lab_is "$(jq -r '[.guests[].owner] | unique | join(" ")' /tmp/status.json)" ours "all are ours now"
lab_is "$(vmbalancer rebalance --wait -o json | jq '.actions | length')" 0 "a second rebalance has nothing to do"
before=$(lab_progress plain)
worked() { [ "$(lab_progress plain)" -gt "$before" ]; }
lab_ok "the guests work on" lab_until 30 worked

for name in $guests; do vmbalancer release "$name" >/tmp/out || lab_fail "release $name: $(cat /tmp/out)"; done
for name in $guests; do
	lab_is "$(lab_affinity "$name" 0)" 0-3 "$name: released, its vCPU may run anywhere again"
	lab_ok "$name: its configuration never saw a pin" bash -c "! virsh -q dumpxml --inactive $name | grep -q vcpupin"
done
lab_is "$(vmbalancer status -o json | jq -r '[.guests[].owner] | unique | join(" ")')" free "all are free again"
lab_is "$(find /var/lib/vmbalancer -name '*.json' | wc -l)" 0 "no undo record is left"

# Pins that were there before come back as they were.
virsh -q vcpupin plain 0 1-2 --live
vmbalancer rebalance plain --force --to 3 --wait >/tmp/out
lab_is "$?" 0 "a guest with a foreign pin moves when it is named and forced"
lab_is "$(lab_affinity plain 0)" 3 "it is home"
vmbalancer release plain >/tmp/out
lab_is "$(lab_affinity plain 0)" 1-2 "release gives the older pin back"

# Hugepages that the target's pool lacks are borrowed within the limit, travel with the guest, and come back with it.
pool() { echo "/sys/devices/system/node/node$1/hugepages/hugepages-2048kB/nr_hugepages"; }
pools() { cat "$(pool 0)" "$(pool 1)" "$(pool 2)" "$(pool 3)" | xargs; }
borrow() { printf '[limits]\nhugepages-borrow=%s\n' "$1" >/etc/vmbalancer.conf.d/pools.conf; }
near=${home[huge]} far=$(((home[huge] + 1) % 4))
mkdir -p /etc/vmbalancer.conf.d
echo 4 >"$(pool $far)"
before=$(pools)
lab_note "pools of hugepages: $before; the guest has 16 on node $near"
vmbalancer rebalance huge --to $far --wait >/tmp/out 2>&1
lab_is "$?" 1 "a pool with too few pages is refused"
lab_ok "with the numbers and the mend" grep -q "have 4 free hugepages of 2048 KiB, 16 needed.*hugepages-borrow=" <(tr -s ' \n' ' ' </tmp/out)
borrow 22MiB
vmbalancer rebalance huge --to $far --wait >/tmp/out 2>&1
lab_is "$?" 1 "and beyond the limit"
lab_ok "with what may be borrowed" grep -q "may borrow 11 more, 16 needed" <(tr -s ' \n' ' ' </tmp/out)
lab_is "$(pools)" "$before" "no pool was touched"
borrow 24MiB
vmbalancer rebalance huge --to $far --wait >/tmp/out 2>&1
lab_is "$?" 0 "within the limit it moves"
lab_at_least "$(lab_share huge $far)" 99 "its RAM is on node $far"
lab_is "$(cat "$(pool $far)")" 16 "that node's pool has 12 pages more"
lab_is "$(($(pools | tr ' ' '+')))" "$((${before// /+}))" "the host has as many as before"
vmbalancer rebalance huge --to "$near" --wait >/tmp/out 2>&1
lab_is "$(pools)" "$before" "home again, each pool is as it was"
vmbalancer rebalance huge --to $far --rate 4MiB/s --wait >/tmp/out 2>&1 &
borrowed() { [ "$(cat "$(pool $far)")" = 16 ]; }
lab_ok "pages are borrowed for a slow move" lab_until 60 borrowed
kill -KILL $!
wait $!
lab_note "killed with $(lab_share huge $far) % moved, pools $(pools)"
vmbalancer rebalance huge --to "$near" --wait >/tmp/out 2>&1
lab_is "$(pools)" "$before" "what a killed command had borrowed the next one gives back"
vmbalancer release huge >/tmp/out
lab_ok "nothing is owed any more" test ! -e /var/lib/vmbalancer/pools.json

# A balloon makes such a hole; a helper that serves the guest's devices touches what QEMU itself does not map.
present() { vmbalancer show "$1" --exact -o json | jq '.guests[0].cells[0].present'; }
# Bytes that are there but not mapped by QEMU, and their error: of NAME, further options of show
unmapped() { vmbalancer show "$@" -o json | jq -r '.guests[0].cells[0] | "\(.unmapped) \(.unmapped_error)"'; }
fd=$(find "/proc/$(lab_pid shared)/fd" -lname '/memfd:memory-backend*')
full=$(present shared)
fallocate -p -o 24M -l 16M "$fd"
dd if=/dev/zero of="$fd" bs=1M seek=24 count=8 conv=notrunc 2>/dev/null
lab_is "$(present shared)" $((full - (16 << 20))) "what a balloon has given back is absent, and what others touch is theirs"
blocks=$(stat -L -c %b "$fd")
lab_is "$(unmapped shared --exact)" "$((8 << 20)) 0" "which is told from what nobody has touched"
read -r bytes error <<<"$(unmapped shared)"
lab_ok "also by sampling" test "$bytes" -ge $(((8 << 20) - error)) -a "$bytes" -le $(((8 << 20) + error)) ||
	lab_note "$bytes bytes, stated $error"
lab_is "$(stat -L -c %b "$fd")" "$blocks" "to ask has made no page"
lab_ok "show tells of it" grep -q "Not mapped: 8 MiB" <(vmbalancer show shared --exact)

# What KSM has merged does not leave the other guest alone: it stays, is told of, and stays merged.
ksm=/sys/kernel/mm/ksm
merged() { [ "$(cat $ksm/pages_sharing)" -ge 4000 ]; }
others=()
for node in 0 1 2; do [ $node = "${home[thp]}" ] || others+=("$node"); done
echo 20000 >$ksm/pages_to_scan
echo 1 >$ksm/run
lab_ok "ksmd merges pages of two guests" lab_until 120 merged
echo 0 >$ksm/run
sharing=$(cat $ksm/pages_sharing)
vmbalancer rebalance thp --to "${others[0]}" --wait >/tmp/out 2>&1
lab_is "$?" 3 "one of them leaves: partly done"
lab_ok "as they are shared" grep -q "shared, as KSM merges" /tmp/out || sed 's/^/# /' /tmp/out
lab_is "$(cat $ksm/pages_sharing)" "$sharing" "they are merged as before"
vmbalancer doctor >/tmp/out
lab_ok "doctor tells of them" grep -q "merges pages across nodes" /tmp/out
echo 2 >$ksm/run

# What is swapped out is absent, not remote: what is left moves, and nobody brings the rest back.
modprobe zram
echo 256M >/sys/block/zram0/disksize
mkswap -q /dev/zram0 && swapon /dev/zram0
# What of QEMU itself is used least goes first.
swapped_out() {
	echo 8M | tee /sys/fs/cgroup/machine/qemu-*-plain.libvirt-qemu/memory.reclaim
	[ "$(awk '$1 == "VmSwap:" { print $2 }' "/proc/$(lab_pid plain)/status")" -ge 32768 ]
}
lab_until 60 swapped_out
left=$(present plain)
lab_at_most "$left" $((56 << 20)) "what is swapped out is not told as present"
vmbalancer doctor >/tmp/out
lab_ok "doctor tells of it" grep -q "guest plain: .* of its QEMU process are swapped out" /tmp/out
vmbalancer rebalance plain --to "${others[0]}" --force --wait >/tmp/out 2>&1
lab_is "$?" 0 "what is left moves" || sed 's/^/# /' /tmp/out
lab_at_least "$(lab_share plain "${others[0]}")" 99 "all of it"
# The guest itself uses 16 MiB, and may get some of these back.
lab_at_most "$(present plain)" $((left + (17 << 20))) "the rest is left where it is"
