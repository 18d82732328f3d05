#!/bin/bash
# Guests with NUMA cells of their own: cells that look alike are said to be unknown, never guessed; QEMU
# tells them apart if it may be asked; named backings need no asking. A guest, or a cell, is spread where its vCPUs or its
# RAM fit on no node, as it starts, too, or where it asks for more nodes.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 900 --nodes 2 --cpus-per-node 2 --memory-per-node 1G "$0" "$@"
source "$LAB_DIR/lib.sh"

guest() { jq -c --arg name "$1" '.guests[] | select(.name == $name)' /tmp/status.json; }
tainted() { grep -c "tainted: custom-monitor" "/var/log/libvirt/qemu/$1.log"; }

lab_guest alike --vcpus 2 --memory 64 --cells 2 || exit 1
lab_guest named --vcpus 2 --memory 64 --cells 2 --backing hugepages || exit 1
lab_guest wide --vcpus 3 --memory 48 --quota 10 || exit 1
lab_scatter alike 0,1 1,0 --free
lab_scatter named 0 1 --free
lab_scatter wide 1 1 --free

vmbalancer status -o json >/tmp/status.json
lab_is "$(guest alike | jq '[.cells[].by_node] | unique == [null]')" true "cells that look alike are unknown, not guessed"
lab_is "$(guest alike | jq .locality)" null "and so is the guest's locality"
lab_is "$(tainted alike)" 0 "nobody asked QEMU"
lab_is "$(guest named | jq '[.cells[].by_node[1]] | unique == [33554432]')" true "cells with named backing are told apart"
vmbalancer rebalance alike >/tmp/out 2>&1
lab_is "$?" 1 "a guest that cannot be seen is not moved"
lab_ok "the mend is named" grep -q -- "--qmp-passthrough" /tmp/out

vmbalancer status --qmp-passthrough -o json >/tmp/status.json
lab_is "$(guest alike | jq '[.cells[].by_node | add] == [33554432, 33554432] or ([.cells[].present] | min > 30000000)')" true "QEMU tells which is which"
lab_at_least "$(tainted alike)" 1 "and libvirt notes that it was asked"
lab_is "$(tainted named)" 0 "a guest that needs no asking is not tainted"
lab_is "$(guest alike | jq '.vcpus | map(.cell) | unique | length')" 2 "each vCPU has its cell"

vmbalancer rebalance alike named --qmp-passthrough --wait -o json >/tmp/rebalance.json
lab_is "$?" 0 "both come home" ||
	jq -r '.outcomes[] | select(.result != "done") | "# action \(.action): \(.result), \(.error)"' /tmp/rebalance.json
for name in alike named; do
	node=$(jq -r --arg name "$name" '[.actions[] | select(.guest == $name and .kind == "pin")][0].to' /tmp/rebalance.json)
	lab_at_least "$(lab_share "$name" "$node")" 99 "$name: all its RAM is on node $node"
	cpus=$(cat "/sys/devices/system/node/node$node/cpulist")
	lab_is "$(lab_affinity "$name" 0) $(lab_affinity "$name" 1)" "$cpus $cpus" "$name: its vCPUs have the whole node, no single CPU"
done

# The third vCPU, or the first, is alone on its node: a third of the RAM goes there.
place() { jq -r --arg thread "vcpu$1" '[.actions[] | select(.kind == "pin" and .thread == $thread)][0].to' /tmp/wide.json; }
before=$(lab_affinity wide)
vmbalancer rebalance wide --wait -o json >/tmp/wide.json
lab_is "$?" 0 "a guest that fits on no node is spread"
lab_is "$(place 0) $(place 1) $(place 2) of $(jq -c '[.actions[] | select(.kind == "pin" and (.thread | startswith("vcpu"))).to] | unique' /tmp/wide.json)" \
	"$(place 0) $([ "$(place 0)" = 1 ] && echo 1 0 || echo 1 1) of [0,1]" "over both nodes, in ranges"
for vcpu in 0 1 2; do
	lab_is "$(lab_affinity wide $vcpu)" "$(cat "/sys/devices/system/node/node$(place $vcpu)/cpulist")" "wide: vCPU $vcpu has all of node $(place $vcpu)"
done
for node in 0 1; do
	part=$(for vcpu in 0 1 2; do place $vcpu; done | grep -c $node)
	lab_at_least "$(lab_share wide $node)" $((part * 100 / 3 - 5)) "wide: $part of 3 parts of its RAM are on node $node"
done
vmbalancer rebalance wide --wait -o json >/tmp/out
lab_is "$? $(jq -c .actions /tmp/out)" "0 []" "asked again it stays as it is"
vmbalancer doctor >/tmp/out
lab_ok "doctor tells of it" grep -q "guest wide: cell 0 fits on no node (3 vCPUs" /tmp/out
vmbalancer release wide >/dev/null
lab_is "$(lab_affinity wide)" "$before" "and release gives its vCPUs back"

# A cell that fits on no node, and a small one of the same guest, which has the CPU that is left.
lab_stop alike named wide
lab_guest split --vcpus 4 --split "3 1" --memory 96 --backing hugepages --quota 40 || exit 1
lab_scatter split 0,0,0,0 0 --free
vmbalancer rebalance split --wait -o json >/tmp/split.json
lab_is "$?" 0 "a cell that fits on no node is spread, too" || jq -r '.declined[].reason' /tmp/split.json
seats=$(jq -r '[.actions[] | select(.kind == "pin" and (.thread | startswith("vcpu")))] | sort_by(.thread) | map(.to) | join(" ")' /tmp/split.json)
vmbalancer status -o json >/tmp/status.json
# held CELL NODE: percent.
held() { guest split | jq --argjson cell "$1" --argjson node "$2" '.cells[$cell] | .by_node[$node] * 100 / .present'; }
lab_ok "three vCPUs on both nodes, and the fourth where one of them is: $seats" grep -qE "^(0 0 1 1|0 1 1 0|1 1 0 0|1 0 0 1)$" <<<"$seats"
for node in 0 1; do
	part=$(echo "${seats% *}" | grep -o $node | wc -l)
	lab_at_least "$(held 0 $node)" $((part * 100 / 3 - 7)) "of the wide cell $part of 3 parts are on node $node"
done
lab_at_least "$(held 1 "${seats##* }")" 99 "and the small one is all where its vCPU is"
lab_is "$(vmbalancer rebalance split --wait -o json | jq -c .actions)" "[]" "asked again it stays as it is"
lab_stop split

# As it starts, before it has touched its RAM.
vmbalancerd >/tmp/daemon.log 2>&1 </dev/null &
daemon=$!
lab_until 30 grep -q "connected to libvirt" /tmp/daemon.log
lab_guest broad --vcpus 3 --memory 48 --quota 10 --define --no-wait --xml-extra "<metadata><vmb:numa \
xmlns:vmb='urn:vmbalancer:domain:1.0' policy='balance'/></metadata>" || exit 1
lab_ready broad
lab_is "$(grep -c "guest broad: vcpu[0-2] pinned to node .*home 0-1, chosen as it started" /tmp/daemon.log)" 3 \
	"a guest that fits on no node is spread as it starts" || sed 's/^/# /' /tmp/daemon.log
lab_is "$(for vcpu in 0 1 2; do lab_affinity broad $vcpu; done | sort -u | tr '\n' ' ')" "0-1 2-3 " "each of its vCPUs has all of a node"
kill $daemon
wait $daemon
lab_stop broad

# More RAM than a node has, in huge pages to be there soon; and one that a node would hold, but is to use both nodes' bandwidth.
for node in 0 1; do echo 0 >/sys/devices/system/node/node$node/hugepages/hugepages-2048kB/nr_hugepages; done
lab_guest even --vcpus 2 --memory 32 --walk bytes=4M --define || exit 1
lab_guest large --vcpus 2 --memory 1040 --walk bytes=4M --backing thp || exit 1
lab_scatter even 0 0 --free
lab_scatter large 0 0,0,0,1 --free
lab_note "a node has $(awk '$3 == "MemTotal:" { print int($4 / 1024) }' /sys/devices/system/node/node0/meminfo) MiB, large $(lab_pages large), even $(lab_pages even)"
vmbalancer policy set even balance --parameter interleave=2 >/tmp/out 2>&1 || lab_fail "policy set: $(cat /tmp/out)"
before=$(lab_affinity large; lab_affinity even)
vmbalancer rebalance even large --wait -o json >/tmp/spread.json 2>/tmp/error
lab_is "$?" 0 "both are spread" || cat /tmp/error
for name in even large; do
	seats=$(jq -r --arg name "$name" '[.actions[] | select(.guest == $name and .kind == "pin" and (.thread | startswith("vcpu"))).to] | sort | join(" ")' /tmp/spread.json)
	lab_is "$seats" "0 1" "$name: a vCPU on each node"
	for node in 0 1; do
		lab_at_least "$(lab_share "$name" $node)" 45 "$name: half of its RAM is on node $node"
	done
done
vmbalancer rebalance --wait -o json >/tmp/out
lab_is "$? $(jq -c .actions /tmp/out)" "0 []" "asked again they stay as they are"
vmbalancer release --all >/tmp/out 2>&1
lab_is "$(lab_affinity large; lab_affinity even)" "$before" "and release gives their vCPUs back"
