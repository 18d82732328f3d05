#!/bin/bash
# Who else places guests: operator pins, boundaries, full nodes, hugepage pools, rival balancers.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 900 "$0" "$@"
source "$LAB_DIR/lib.sh"

json() { vmbalancer "$@" -o json 2>/tmp/error; }

lab_guest pinned --memory 32 --define --no-wait || exit 1
lab_guest bound --memory 32 --define --no-wait \
	--xml-extra "<numatune><memory mode='restrictive' nodeset='1-2'/></numatune>" || exit 1
lab_guest big --memory 128 --define --no-wait || exit 1
for name in pinned bound big; do lab_ready $name || exit 1; done
virsh -q vcpupin pinned 0 2 --config --live
lab_scatter pinned - 0
lab_scatter big 0 3 --free

lab_is "$(json status | jq -r '.guests[] | select(.name == "bound") | .owner')" bounded "numatune is a boundary"

# Operator pins in the inactive XML.
before=$(virsh -q dumpxml pinned; lab_pages pinned)
json rebalance --wait >/tmp/all.json
lab_is "$(jq -r '[.actions[] | select(.guest == "pinned")] | length' /tmp/all.json)" 0 "an operator's guest is not touched"
lab_is "$(jq -r '.declined[] | select(.guest == "pinned") | .code' /tmp/all.json)" vcpupin "the reason has its code"
lab_ok "the guest is as before" test "$before" = "$(virsh -q dumpxml pinned; lab_pages pinned)"
vmbalancer rebalance pinned --wait >/tmp/out 2>&1
lab_is "$?" 1 "naming it is refused"
lab_ok "the refusal says who and what to do" grep -q -- "--force" /tmp/out
vmbalancer rebalance pinned --force --to 1 --wait >/tmp/out 2>&1
lab_is "$?" 0 "--force does it all the same"
lab_is "$(lab_affinity pinned 0)" 1 "it is where it was told to be"
vmbalancer release pinned >/tmp/out
lab_is "$(lab_affinity pinned 0)" 2 "release gives the operator's pin back"

# <numatune nodeset> is a boundary.
vmbalancer rebalance bound --to 3 --wait >/tmp/out 2>&1
lab_is "$?" 1 "a home outside the boundary is refused"
lab_ok "with the nodes in question" grep -q "1-2" /tmp/out
home=$(lab_affinity bound 0)
lab_ok "it lives inside its boundary (node $home)" test "$home" = 1 -o "$home" = 2
lab_at_least "$(lab_share bound "$home")" 96 "its RAM is on that node, but for what is less than a MiB"

# A full target is refused up front with the numbers.
printf '[vmbalancer]\nreserve=64MiB\n[node 2]\nreserve=10GiB\n' >/etc/vmbalancer.conf
vmbalancer rebalance big --to 2 --wait >/tmp/out 2>&1
lab_is "$?" 1 "a full node is refused"
lab_ok "with what is needed and what is kept" grep -q "10240 MiB stay in reserve" /tmp/out
lab_note "$(tr -s ' \n' ' ' </tmp/out)"
lab_is "$(lab_share big 2)" 0.0 "nothing was moved"
printf '[vmbalancer]\nreserve=64MiB\n[node 2]\nreserved=yes\n' >/etc/vmbalancer.conf
lab_is "$(json plan big | jq '[.actions[].to] | index(2)')" null "a reserved node is no home"
printf '[vmbalancer]\nreserve=banana\n' >/etc/vmbalancer.conf
vmbalancer status >/tmp/out 2>&1
lab_is "$?" 2 "a bad configuration is refused"
lab_ok "with file, key and value" grep -q "vmbalancer.conf.*reserve=banana" /tmp/out
printf '[vmbalancer]\nreserve=64MiB\n' >/etc/vmbalancer.conf

# A rival balancer.
vmbalancer release big >/dev/null
numad -i 0 >/dev/null 2>&1
numad -i 15 >/run/lab/numad.log 2>&1
lab_until 30 pgrep -x numad >/dev/null
vmbalancer rebalance big --wait >/tmp/out 2>&1
lab_is "$?" 1 "beside numad nothing is moved"
lab_ok "it names numad" grep -q numad /tmp/out
lab_ok "doctor does, too" bash -c 'vmbalancer doctor | grep -q "blocks.*numad"'
pkill -x numad

# Words of the command line.
vmbalancer rebalance no-such-guest >/tmp/out 2>&1
lab_is "$?" 4 "no such guest: 4"
vmbalancer rebalance --to 7 big >/tmp/out 2>&1
lab_is "$?" 2 "no such node: 2"
vmbalancer rebalance --policy wizard >/tmp/out 2>&1
lab_is "$?" 2 "no such policy: 2"
vmbalancer rebalance --rate fast >/tmp/out 2>&1
lab_is "$?" 2 "no such rate: 2"
vmbalancer frobnicate >/tmp/out 2>&1
lab_is "$?" 2 "no such command: 2"
vmbalancer -c qemu:///nowhere status >/tmp/out 2>&1
lab_is "$?" 5 "no such connection: 5"
lab_is "$(wc -l </tmp/out)" 1 "one line tells why"
