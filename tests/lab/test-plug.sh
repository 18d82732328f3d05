#!/bin/bash
# What a guest gets while it runs belongs to it like what it began with: memory, a vCPU, an iothread, and the
# kernel's thread that carries its network.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 600 --nodes 2 --cpus-per-node 2 --memory-per-node 1G "$0" "$@"
source "$LAB_DIR/lib.sh"

dimm_bytes=$((96 * 1048576))
# The vhost worker: a process of the kernel's own, from Linux 6.4 on a thread of QEMU's.
worker() { pgrep -w "^vhost-$pid\$"; }
# Each thread's CPUs, once each: QEMU's own and the vhost worker.
cpus() {
	local thread
	for thread in "/proc/$pid/task"/* "/proc/$(worker)"; do
		sed -n 's/^Cpus_allowed_list:\t//p' "$thread/status"
	done | sort -u | paste -sd ' '
}
# Where the DIMM's pages are, by numa_maps: "N0=24576".
dimm_pages() { sed -n "s/^$dimm_start .* \(N[0-9]=.*\) kernelpagesize.*/\1/p" "/proc/$pid/numa_maps"; }
# Where the mapping of that size begins.
mapping_of() {
	local range
	while read -r range _; do
		if [ $((16#${range#*-} - 16#${range%-*})) -eq "$1" ]; then echo "${range%-*}"; fi
	done <"/proc/$pid/maps"
}
iothreads() { jq -c '[.. | objects | (.name?, .thread?) | strings | select(startswith("iothread"))]' /tmp/show.json; }
show() { vmbalancer show web --exact -o json | jq '.guests[0]'; }
# A tap and a vhost device for QEMU, which may not open them here by itself: TUNSETIFF with IFF_TAP,
# IFF_NO_PI and IFF_VNET_HDR.
hand_over_network() {
	python3 - <<'END'
import fcntl, os, struct, subprocess
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"tap9", 0x5002))
for name, fd in (("tap", tap), ("vhost", os.open("/dev/vhost-net", os.O_RDWR))):
    subprocess.run(["virsh", "-q", "qemu-monitor-command", "web", "--pass-fds", str(fd),
                    '{"execute": "getfd", "arguments": {"fdname": "%s"}}' % name],
                   pass_fds=[fd], check=True, stdout=subprocess.DEVNULL)
END
}

modprobe -a tun vhost_net || exit 1
lab_guest web --vcpus 1 --plug 1 --cells 1 --memory 48 --xml-extra "<maxMemory slots='2' unit='MiB'>512</maxMemory>
	<memoryBacking><allocation mode='immediate'/></memoryBacking>" || exit 1
pid=$(lab_pid web)

cat >/tmp/dimm.xml <<END
<memory model='dimm'><target><size unit='b'>$dimm_bytes</size><node>0</node></target></memory>
END
lab_ok "a DIMM is plugged in" virsh -q attach-device web /tmp/dimm.xml
lab_ok "a vCPU" virsh -q setvcpus web 2 --live
lab_ok "an iothread" virsh -q iothreadadd web 1 --live
lab_ok "a network card that the kernel serves" hand_over_network
virsh -q qemu-monitor-command web '{"execute": "netdev_add", "arguments": {"type": "tap", "id": "n0",
	"fd": "tap", "vhost": true, "vhostfd": "vhost", "vhostforce": true}}' >/dev/null
virsh -q qemu-monitor-command web --hmp 'device_add virtio-net-pci,netdev=n0' >/dev/null
lab_ok "by a thread of its own" worker
before=$(cpus)
lab_is "$before" 0-3 "all run anywhere"

# The DIMM is where QEMU's thread ran that prepared it; from there to node 1, with the rest.
dimm_start=$(mapping_of $dimm_bytes)
lab_scatter web 0 1 --free
"$LAB_BUILD/tests/lab/place" "$pid" "$dimm_start" $dimm_bytes 1
show >/tmp/show.json
lab_is "$(jq -c '.cells | map(.size)' /tmp/show.json)" "[$((dimm_bytes + 48 * 1048576))]" "the DIMM is part of its cell"
lab_is "$(jq '.cells[0].by_node[1]' /tmp/show.json)" $((dimm_bytes + 48 * 1048576)) "and seen where it is"
lab_is "$(jq -c '[.vcpus[].id]' /tmp/show.json)" "[0,1]" "so is the vCPU"
lab_is "$(iothreads)" '["iothread1"]' "and the iothread"

vmbalancer rebalance web --to 0 --wait >/tmp/out 2>&1
lab_is "$?" 0 "it is brought to node 0" || sed 's/^/# /' /tmp/out
lab_is "$(dimm_pages)" "N0=$((dimm_bytes / 4096))" "with its DIMM"
lab_is "$(cpus)" 0-1 "with all its threads, the kernel's too"
# To unplug a vCPU or a DIMM the guest's system has to agree, and the lab's guest has none; an iothread goes at once.
lab_ok "the iothread is unplugged" virsh -q iothreaddel web 1 --live
show >/tmp/show.json
lab_is "$(iothreads)" "[]" "and no longer seen"
vmbalancer rebalance web --to 0 --wait -o json >/tmp/out
lab_is "$? $(jq -c .actions /tmp/out)" "0 []" "the rest stays where it is"
lab_ok "release" vmbalancer release web
lab_is "$(cpus)" 0-3 "gives all of them back"
