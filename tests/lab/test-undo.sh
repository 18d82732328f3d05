#!/bin/bash
# Whose pins are whose: SIGKILL at every step of pinning and giving back, pins that travel with a guest
# into a saved image and to another host, and giving everything back before vmbalancer is removed.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 1200 "$0" "$@"
source "$LAB_DIR/lib.sh"

killer=$LAB_BUILD/tests/lab/libkillstep.so
second='qemu+unix:///system?socket=/run/second/libvirt-sock'
opt_in="<metadata><vmb:numa xmlns:vmb='urn:vmbalancer:domain:1.0' policy='home-node'><vmb:migrate cooldown='1s'/></vmb:numa></metadata>"

owner() { vmbalancer status -o json | jq -r ".guests[] | select(.name == \"$1\") | .owner"; }
xml() { virsh -q dumpxml "$1"; }
# steps COMMAND...: how many steps it takes.
steps() {
	rm -f /tmp/steps
	KILL_LOG=/tmp/steps LD_PRELOAD=$killer "$@" >/dev/null 2>&1
	wc -l </tmp/steps
}
# killed N COMMAND...: it was killed after its N-th step.
killed() {
	(KILL_AT=$1 LD_PRELOAD=$killer "${@:2}" >/dev/null 2>&1)
	[ $? -eq 137 ]
} 2>/dev/null
records() { find /var/lib/vmbalancer/guests -type f | wc -l; }
# exact NAME: every thread may run anywhere again, and nothing is left of it anywhere.
exact() {
	[ "$(lab_affinity "$1" 0)" = 0-3 ] &&
		[ "$(taskset -cp "$(lab_pid "$1")" | sed 's/.* //')" = 0-3 ] &&
		! xml "$1" | grep -q "pin .*cpuset='[0-3]'\|vmbpins" && [ "$(records)" = 0 ]
}

lab_guest one --memory 32 --define --xml-extra "$opt_in" || exit 1
lab_guest two --memory 32 --define --xml-extra "" --no-wait || exit 1
lab_guest fleeting --memory 32 --no-wait || exit 1
for name in two fleeting; do lab_ready $name || exit 1; done

# The one-shot command, killed at each step of a first home.
count=$(steps vmbalancer rebalance one --to 2)
lab_ok "a home takes the steps that are known ($(cut -d ' ' -f 2 /tmp/steps | tr '\n' ' '))" \
	grep -q "note.*pin-vcpu.*pin-emulator" <(tr '\n' ' ' </tmp/steps)
lab_is "$(owner one)" ours "its pins are ours"
back=$(steps vmbalancer release one)
lab_ok "release is exact (steps $(cut -d ' ' -f 2 /tmp/steps | tr '\n' ' '))" exact one
wrong=''
for ((n = 1; n <= count; n++)); do
	killed $n vmbalancer rebalance one --to 2 || wrong+=" $n:not-killed"
	[[ "$(owner one)" =~ ^(ours|free)$ ]] || wrong+=" $n:owner"
	vmbalancer release one >/dev/null 2>&1 || wrong+=" $n:release"
	exact one || wrong+=" $n:left"
done
lab_is "$wrong" "" "killed after any of the $count steps of a home: known, and released exactly"

# Of a second home; who comes next carries on.
vmbalancer rebalance one --to 1 >/dev/null
count=$(steps vmbalancer rebalance one --to 2)
wrong=''
for n in 2:1 4:1 5:1 8:3; do
	killed "${n%:*}" vmbalancer rebalance one --to "${n#*:}" || wrong+=" $n:not-killed"
	[ "$(owner one)" = ours ] || wrong+=" $n:owner"
done
vmbalancer rebalance one --to 2 >/dev/null || wrong+=" last"
[ "$(lab_affinity one 0)" = 2 ] || wrong+=" affinity"
vmbalancer release one >/dev/null
exact one || wrong+=" left"
lab_is "$wrong" "" "killed after some of the $count steps of a second home: ours all the time, and released exactly"

# Of giving back.
wrong=''
for ((n = 1; n < back; n++)); do
	vmbalancer rebalance one --to 2 >/dev/null
	killed $n vmbalancer release one || wrong+=" $n:not-killed"
	vmbalancer release one >/dev/null 2>&1 || wrong+=" $n:release"
	exact one || wrong+=" $n:left"
done
lab_is "$wrong" "" "killed before the last of the $back steps of release: the next release is exact"

# The daemon, killed between its note and its pins, and between its pins.
log=/tmp/daemon.log
for n in $((count > 5 ? 4 : 3)) 5; do
	: >$log
	KILL_AT=$n LD_PRELOAD=$killer vmbalancerd >>$log 2>&1 </dev/null &
	daemon=$!
	lab_until 60 eval "! kill -0 $daemon"
	wait $daemon 2>/dev/null
	lab_is "$?" 137 "the daemon is killed at step $n"
	# shellcheck disable=SC2016  # eval expands it
	lab_ok "$n: its guest is no stranger's" eval '[[ "$(owner one)" =~ ^(ours|free)$ ]]'
done
vmbalancerd >>$log 2>&1 </dev/null &
daemon=$!
# The killed one had come to the vCPU; the emulator's pin is the next one's work.
# shellcheck disable=SC2016  # eval expands it
lab_ok "the next daemon carries on" lab_until 60 eval \
	'[[ "$(lab_affinity one 0) $(taskset -cp "$(lab_pid one)" | sed "s/.* //")" =~ ^[0-3]\ [0-3]$ ]]'
kill -TERM $daemon && wait $daemon
lab_ok "and gives back exactly" exact one || sed 's/^/# /' $log
lab_is "$(grep -c foreign $log)" 0 "no pin was taken for somebody else's"

# Everything back, guests that do not run included.
for name in one two fleeting; do vmbalancer rebalance $name --to 2 >/dev/null; done
virsh -q destroy two >/dev/null
virsh -q destroy fleeting >/dev/null
lab_is "$(records)" 3 "three guests have records"
vmbalancer release --all -o json >/tmp/all.json
lab_is "$?" 0 "release --all"
lab_is "$(jq -c '[.releases[] | [.guest, .ended]] | sort' /tmp/all.json)" \
	'[["fleeting",true],["one",false],["two",true]]' "tells which have ended"
lab_ok "nothing is left" exact one
virsh -q start two >/dev/null
lab_is "$(owner two)" free "a guest that starts anew has no pins of ours"

# A saved guest comes back with its pins, when its record is long gone.
vmbalancer rebalance one --to 3 --wait >/dev/null
virsh -q managedsave one >/dev/null
vmbalancer release --all >/tmp/out
lab_is "$(records)" 0 "the record of a saved guest is void"
virsh -q start one >/dev/null
lab_is "$(xml one | grep -c "pin .*cpuset='3'")" 2 "a restored guest has its pins"
lab_is "$(owner one)" ours "and they are known as ours"
vmbalancer rebalance one --to 1 --wait >/dev/null
lab_is "$(lab_affinity one 0)" 1 "it is given another home"

# It goes to another host while its memory moves: a second libvirtd with nothing in common with the first.
mkdir -p /run/second
cat >/tmp/second.sh <<'X'
mount -t tmpfs tmpfs /run/libvirt && mount -t tmpfs tmpfs /var/lib/libvirt && mkdir -p /var/lib/libvirt/qemu
cp -a /etc/libvirt /tmp/second-etc && rm -f /tmp/second-etc/qemu/*.xml && mount --bind /tmp/second-etc /etc/libvirt
echo 'stdio_handler = "file"' >>/etc/libvirt/qemu.conf
printf '%s\n' 'unix_sock_dir = "/run/second"' 'auth_unix_rw = "none"' \
	'host_uuid = "00000000-1111-4222-8333-444444444444"' >/tmp/second.conf
exec libvirtd --config /tmp/second.conf --pid-file /run/second/pid
X
setsid unshare -m --propagation private bash /tmp/second.sh >/tmp/second.log 2>&1 </dev/null &
lab_until 60 virsh -q -c "$second" list || sed 's/^/# /' /tmp/second.log
printf '[vmbalancer]\nreserve=64MiB\nguest-rate=512KiB/s\n[node 1]\nreserved=yes\n' >/etc/vmbalancer.conf
: >$log
vmbalancerd >>$log 2>&1 </dev/null &
daemon=$!
moving() { [ "$(lab_share one 1 | cut -d . -f 1)" -le 95 ]; }
lab_ok "a slow move is under way" lab_until 60 moving
virsh migrate one "$second" --live --migrateuri tcp://127.0.0.1:49200 >/tmp/out 2>&1
lab_is "$?" 0 "it migrates" || sed 's/^/# /' /tmp/out
lab_ok "the move ended with it" lab_until 30 grep -q "guest one: .*moved from.*migrat\|guest one: .*migrating\|guest one: .*stopped by now" $log
kill -TERM $daemon && wait $daemon
sed 's/^/# /' $log
vmbalancer release --all >/tmp/out
lab_is "$(records)" 0 "no record is left where it was"
export LIBVIRT_DEFAULT_URI=$second VMBALANCER_STATE_DIR=/tmp/second-state RUNTIME_DIRECTORY=/run/second
stale=$(xml one | sed -n "s/.*vcpupin .*cpuset='\(.*\)'.*/\1/p")
lab_is "$(owner one)" ours "where it arrives its pins (to CPU $stale) are known as ours"
printf '[vmbalancer]\nreserve=64MiB\n[node %s]\nreserved=yes\n' "$stale" >/etc/vmbalancer.conf
: >$log
vmbalancerd >>$log 2>&1 </dev/null &
daemon=$!
elsewhere() {
	local pin
	pin=$(xml one | sed -n "s/.*vcpupin .*cpuset='\(.*\)'.*/\1/p")
	[[ "$pin" =~ ^[0-3]$ ]] && [ "$pin" != "$stale" ]
}
lab_ok "the daemon there gives it a new home" lab_until 60 elsewhere
kill -TERM $daemon && wait $daemon
lab_is "$(xml one | grep -c "pin .*cpuset='0-3'")" 2 "and gives it back as it was before all that"
lab_is "$(xml one | grep -c vmbpins)" 0 "without a note"
sed 's/^/# /' $log
kill "$(cat /run/second/pid)"
