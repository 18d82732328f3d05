#!/bin/bash
# The rarer ways to have RAM: in a file, locked, and in one page of 1 GiB. Each is seen, comes home, and
# is given back. (Small pages, transparent and other hugepages, and memfd: test-rebalance.sh.)
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 600 --nodes 2 --cpus-per-node 2 \
	--memory-per-node 2560M --append "hugepagesz=1G hugepages=2" "$0" "$@"
source "$LAB_DIR/lib.sh"

guests="file locked gigantic"
pool() { cat "/sys/devices/system/node/node$1/hugepages/hugepages-1048576kB/$2_hugepages"; }

# libvirt looks for places of hugepages as it begins.
mkdir -p /dev/hugepages1G && mount -t hugetlbfs -o pagesize=1G hugetlbfs /dev/hugepages1G || exit 1
kill "$(pidof libvirtd)"
lab_until 30 eval '! pidof libvirtd >/dev/null'
libvirtd -d
lab_until 60 virsh -q list
lab_is "$(pool 0 nr) $(pool 1 nr)" "1 1" "each node has a page of 1 GiB"

lab_guest file --memory 48 --walk bytes=16M --backing file || exit 1
lab_guest locked --memory 48 --walk bytes=16M --backing locked || exit 1
lab_guest gigantic --memory 1024 --walk bytes=4M --backing gigantic || exit 1
where=$([ "$(pool 0 free)" = 0 ] && echo 0 || echo 1)
lab_scatter file 0 1 --free
lab_scatter locked 0 1 --free
lab_scatter gigantic $((1 - where)) - --free
lab_at_least "$(awk '$1 == "VmLck:" { print $2 }' "/proc/$(lab_pid locked)/status")" 49152 "the locked one is locked"

vmbalancer status -o json >/tmp/status.json
for name in $guests; do
	read -r -a pages <<<"$(lab_pages "$name")"
	lab_at_most "$(jq --arg name "$name" --argjson truth "$(printf '%s\n' "${pages[@]}" | jq -s .)" '.guests[] | select(.name == $name) |
		.cells[0].by_node as $seen | [range(0; 2) as $i | $seen[$i] - $truth[$i] | fabs] | max' /tmp/status.json)" 262144 \
		"$name: status has its pages as numa_maps has them, within what it touched meanwhile"
done
lab_is "$(jq -c '[.guests[] | select(.name == "gigantic")][0].cells[0].page_size' /tmp/status.json)" 1073741824 "in one page"

vmbalancer doctor >/tmp/out
lab_ok "doctor tells what moving that means" grep -q "guest gigantic: cell 0 is in pages of 1 GiB" /tmp/out

# By name, so that the RAM follows, whatever it costs.
vmbalancer rebalance file locked --to 0 --wait -o json >/tmp/rebalance.json
lab_is "$? $(jq -c '[.outcomes[].result] | unique' /tmp/rebalance.json)" '0 ["done"]' "they come home"
for name in file locked; do lab_at_least "$(lab_share $name 0)" 99 "$name: all its RAM is there"; done
lab_at_least "$(awk '$1 == "VmLck:" { print $2 }' "/proc/$(lab_pid locked)/status")" 49152 "and the locked one is locked as before"
vmbalancer rebalance gigantic --to $((1 - where)) --wait -o json >/tmp/rebalance.json
lab_is "$? $(jq -c '[.outcomes[] | .result] | unique' /tmp/rebalance.json)" '0 ["done"]' "a page of 1 GiB moves"
lab_is "$(jq '[.outcomes[].bytes_moved // 0] | add' /tmp/rebalance.json)" 1073741824 "all of it"
lab_note "in $(jq '[.outcomes[].seconds // 0] | max' /tmp/rebalance.json) s"
lab_is "$(pool "$where" free) $(pool $((1 - where)) free)" "1 0" "its old place is free, its new one taken"
before=$(lab_progress gigantic)
worked() { [ "$(lab_progress gigantic)" -gt "$before" ]; }
lab_ok "and the guest works on" lab_until 30 worked
for name in $guests; do vmbalancer release "$name" >/dev/null || lab_fail "release $name"; done
lab_is "$(for name in $guests; do lab_affinity "$name" 0; done | sort -u)" 0-3 "released, all may run anywhere again"
