#!/bin/bash
# An odd host: uneven nodes, one without memory, one without CPUs, one that the administrator reserves, an
# isolated CPU and one that is offline. Guests live only where a guest can, and doctor names all of it.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 600 --shape 1x1G,3x768M,1x0,1x512M,0x768M \
	--distances 10,21,21,32,31:21,10,32,21,31:21,32,10,21,32:32,21,21,10,32:31,31,32,32,10 \
	--append isolcpus=2 "$0" "$@"
source "$LAB_DIR/lib.sh"

doctor() { grep -qE "$1" /tmp/doctor || { cat /tmp/doctor && false; }; }
refused() { ! vmbalancer rebalance web --to "$1" --wait >/tmp/out 2>&1 && grep -q "$2" /tmp/out; }

echo 0 >/sys/devices/system/cpu/cpu3/online
printf '[node 3]\nreserved=yes\n' >>/etc/vmbalancer.conf
lab_guest web --memory 48 || exit 1
lab_scatter web 0 3,4 --free

vmbalancer doctor >/tmp/doctor
lab_ok "doctor: the nodes that can be homes" doctor 'nodes 0-1(,3)? have CPUs and memory'
lab_ok "doctor: a node without CPUs" doctor 'node 4 lacks CPUs'
lab_ok "doctor: one without memory" doctor 'node 2 lacks memory'
lab_ok "doctor: they are uneven" doctor 'they are uneven'
lab_ok "doctor: the offline CPU" doctor 'offline: 3;'
lab_ok "doctor: the isolated CPU" doctor 'isolated .*: 2;'

vmbalancer show web --exact -o json | jq '.guests[0]' >/tmp/show.json
lab_is "$(jq '.cells[0].by_node | .[3] + .[4] == add' /tmp/show.json)" true "RAM is seen on nodes that are no homes"
lab_is "$(jq -c .boundary /tmp/show.json)" '[0,1,3]' "it may live on those that are"
lab_ok "not on one without memory" refused 2 'cannot be a home'
lab_ok "nor on one without CPUs" refused 4 'cannot be a home'
lab_ok "nor on the reserved one" refused 3 reserved
lab_is "$(lab_share web 3,4) $(lab_affinity web 0)" "100.0 0-2,4-5" "of which nothing was done"

vmbalancer rebalance web --wait >/tmp/out 2>&1
lab_is "$?" 0 "it is brought home" || sed 's/^/# /' /tmp/out
home=$(lab_affinity web 0)
lab_ok "to a CPU that is neither isolated nor offline" test "$home" = 0 -o "$home" = 1
lab_is "$(lab_share web "$home")" 100.0 "with its RAM, from the slow node, too"
lab_scatter web - 3,4
lab_ok "and to the larger node on request" vmbalancer rebalance web --to 1 --wait
lab_is "$(lab_share web 1) $(lab_affinity web 0)" "100.0 1" "on the one CPU of it that guests may use"
lab_is "$(vmbalancer advise 1:400MiB | head -n 1)" 0 "a new guest is advised to the node with room"
lab_is "$(vmbalancer advise 2:64MiB | head -n 1)" 0-1 "one of two vCPUs to two nodes: none has two CPUs for it"
