#!/bin/bash
# A guest of plain QEMU, by its QMP socket: seen, planned for, moved, given back, without libvirtd, and
# brought home by vmbalancerd as its host file asks.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 600 "$0" "$@"
source "$LAB_DIR/lib.sh"

log=/tmp/daemon.log
socket=/run/vm/solo.qmp
status() { vmbalancer status -o json 2>/tmp/error | jq -r ".guests[] | select(.name == \"solo\") | $1"; }
home() { [ "$(lab_affinity solo 0)" = "$1" ] && [ "$(lab_share solo "$1" | cut -d . -f 1)" -ge 98 ]; }
freed() { [ "$(lab_affinity solo 0)" = 0-3 ]; }
# CPUs of the vhost worker: a process of the kernel's own, from Linux 6.4 on a thread of QEMU's.
worker_cpus() { sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$(pgrep -w "^vhost-$(lab_pid solo)\$")/status"; }
# The helpers of the lab know a guest by its pid file and its size.
scatter() {
	local start length
	taskset -cp 1 "$(lab_threads solo | cut -d ' ' -f 2)" >/dev/null
	while read -r start length; do
		"$LAB_BUILD/tests/lab/place" "$(lab_pid solo)" "$start" "$length" "$1"
	done < <(lab_ranges solo)
	taskset -cp 0-3 "$(lab_threads solo | cut -d ' ' -f 2)" >/dev/null
}

# As root's script would start it.
mkdir -p /run/vm /run/lab/guests
modprobe -a tun vhost_net || exit 1
echo never >$lab_thp
printf 'memory=48\ncells=0\nquota=0\n' >/run/lab/guests/solo
qemu-system-x86_64 -name solo,debug-threads=on -machine pc,accel=tcg -m 48 -smp 1 -nodefaults -display none \
	-kernel "$lab_walker" -append "vcpus=1 duty=20" -serial file:/var/log/lab/solo.serial \
	-netdev tap,id=n0,ifname=tap9,script=no,downscript=no,vhost=on -device virtio-net-pci,netdev=n0,romfile= \
	-qmp unix:$socket,server=on,wait=off -pidfile /run/libvirt/qemu/solo.pid -daemonize </dev/null >/tmp/qemu.log 2>&1
lab_is "$?" 0 "QEMU starts"
lab_ready solo || exit 1
printf '[qemu]\nsockets=/run/vm/*.qmp\n' >>/etc/vmbalancer.conf

# Beside libvirt.
lab_is "$(status .owner)" free "it appears beside libvirt's guests"
lab_is "$(status .pid)" "$(lab_pid solo)" "with its process"
lab_is "$(status '.vcpus[0].tid')" "$(lab_threads solo | cut -d ' ' -f 2)" "and its vCPU's thread"
lab_at_least "$(status '.cells[0].present')" $((40 << 20)) "and its RAM"

# Without it.
pkill -x libvirtd
lab_until 30 eval "! pgrep -x libvirtd"
rm -f /run/libvirt/libvirt-sock*
scatter 2,3
lab_is "$(status .name)" solo "no libvirtd is no error"
vmbalancer plan solo --policy home-node -o json >/tmp/plan.json 2>/tmp/error
lab_at_least "$(jq '.actions | length' /tmp/plan.json)" 2 "the plan pins and moves"
vmbalancer rebalance solo --to 1 --wait >/tmp/out 2>&1
lab_is "$?" 0 "rebalance succeeds" || cat /tmp/out
lab_ok "its vCPU and its RAM are at home" home 1
lab_is "$(worker_cpus)" 1 "so is the vhost worker that serves its network card"
lab_is "$(status .owner)" ours "its pins are ours"
vmbalancer policy set solo home-node >/tmp/out 2>&1
lab_ok "metadata it has none: the host's file is named" grep -q domains.d /tmp/out
vmbalancer release solo >/tmp/out 2>&1
lab_is "$?" 0 "release succeeds"
lab_ok "its vCPU runs everywhere again" freed
lab_is "$(worker_cpus)" 0-3 "and its vhost worker"
taskset -cp 3 "$(lab_threads solo | cut -d ' ' -f 2)" >/dev/null
lab_is "$(status .owner)" hands-off "who else pins it owns it"
lab_ok "with the reason" test -n "$(status .reason)"
taskset -cp 0-3 "$(lab_threads solo | cut -d ' ' -f 2)" >/dev/null

# The daemon, by the host's file.
scatter 0,1
mkdir -p /etc/vmbalancer/domains.d
printf '[domain solo]\npolicy=home-node\nhome=2\n' >/etc/vmbalancer/domains.d/solo.conf
vmbalancerd >$log 2>&1 &
daemon=$!
lab_ok "vmbalancerd brings it home" lab_until 90 home 2
lab_is "$(grep -c "libvirt is not there" $log)" 1 "and tells of the missing libvirt once"
kill -TERM $daemon
wait $daemon
lab_is "$?" 0 "it stops"
lab_ok "and gives the pins back" freed
cat $log
