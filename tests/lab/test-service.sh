#!/bin/bash
# The service as it is shipped: what "meson install" installs, on a host that systemd runs. The daemon has
# no privileges, movers come from their socket, and real pages move under the hardening of the units.
if [ -z "${LAB_INSIDE-}" ]; then
	here=$(dirname "$0")
	tree=$(mktemp -d)
	trap 'rm -rf "$tree"' EXIT
	DESTDIR=$tree meson install -C "${LAB_BUILD:-$here/../../build/release}" --no-rebuild --quiet >"$tree.log" 2>&1 ||
		{ cat "$tree.log" && exit 1; }
	rm "$tree.log"
	"$here/run" --init systemd --timeout 600 "$0" "$tree"
	exit
fi
source "$LAB_DIR/lib.sh"

# home NAME: its vCPU is held by one node, and 98 % of its RAM is there.
home() {
	local node
	node=$(lab_affinity "$1" 0)
	[[ "$node" =~ ^[0-3]$ ]] && [ "$(lab_share "$1" "$node" | cut -d . -f 1)" -ge 98 ]
}
# of UNIT PROPERTY
of() { systemctl show --value -p "$2" "$1"; }
settled() { [ "$(of vmbalancerd StatusText)" = "1 guests, 1 kept at home, 0 on their way" ]; }
restarted() { [ "$(of vmbalancerd NRestarts,ActiveState | paste -s -d ' ')" = "1 active" ]; }
log() { journalctl -b -q --no-pager -o cat "$@"; }
# bus COMMAND ARGUMENT...: as user nobody, of the service on the system bus
bus() { setpriv --reuid 65534 --regid 65534 --clear-groups busctl "$1" org.vmbalancer1 /org/vmbalancer1 org.vmbalancer1.Host "${@:2}" 2>&1; }
# What kernel, systemd and the programs tell of a refusal; the first line of systemd names its features.
denials() { log | grep -iE 'seccomp|type=1326|SIGSYS|not permitted|denied' | grep -v '^systemd .*+SECCOMP'; }
# As user nobody: what the mover's socket says to it.
stranger() {
	setpriv --reuid 65534 --regid 65534 --clear-groups python3 - <<-'END' 2>&1 | tail -n 1
		import socket
		mover = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		mover.connect("/run/vmbalancer-mover.socket")
		mover.settimeout(30)
		print("hung up" if mover.recv(8) == b"" else "answered")
	END
}

lab_guest web --memory 48 --walk bytes=16M --backing memfd --define \
	--xml-extra "<metadata><vmb:numa xmlns:vmb='urn:vmbalancer:domain:1.0' policy='home-node'/></metadata>" || exit 1
lab_scatter web 0 1,2,3 --free
install -D -m 600 /dev/null /var/lib/vmbalancer/guests/of-root

# As README.md says.
(cd "$1" && tar -c -- *) | tar -x -C / --keep-directory-symlink --no-overwrite-dir
# Bus and polkit look in /usr alone, and the build may have another prefix.
for folder in dbus-1/system.d polkit-1/actions; do
	cp -n "$1"/usr/*/share/$folder/* /usr/share/$folder/ 2>/dev/null
done
systemd-sysusers vmbalancer.conf
systemd-tmpfiles --create vmbalancer.conf
systemctl daemon-reload
systemctl reload dbus
lab_is "$(id -nG vmbalancer | tr ' ' '\n' | grep -x libvirt)" libvirt "the daemon's user may manage guests"
lab_is "$(stat -c %U:%a /var/lib/vmbalancer /var/lib/vmbalancer/guests/of-root | paste -s -d ' ')" \
	"vmbalancer:700 vmbalancer:600" "records of root are the service's now"
rm -f /var/lib/vmbalancer/guests/of-root

systemctl start numad
lab_is "$(of numad ActiveState)" active "numad runs"
lab_ok "the service starts" systemctl -q enable --now vmbalancer-mover.socket vmbalancerd
lab_is "$(of numad ActiveState)" inactive "which ends numad"
daemon=$(of vmbalancerd MainPID)
lab_is "$(stat -c %U "/proc/$daemon") $(sed -n 's/^CapEff:\t//p' "/proc/$daemon/status")" "vmbalancer 0000000000000000" \
	"the daemon runs as a user of its own, without privileges"
lab_ok "its guest comes home" lab_until 60 home web || log -u 'vmbalancer*' | sed 's/^/# /'
lab_share web "$(lab_affinity web 0)" | sed 's/^/# percent at home: /'
lab_at_least "$(of vmbalancer-mover.socket NAccepted)" 1 "movers came from the socket"
lab_ok "systemctl shows what it does" lab_until 30 settled || of vmbalancerd StatusText | sed 's/^/# /'
lab_is "$(of vmbalancerd WatchdogUSec)" 1min "systemd watches over it"
lab_at_least "$(journalctl -b -q -u vmbalancerd VMBALANCER_GUEST=web -o json | jq -r 'select(.VMBALANCER_REASON != "") | .MESSAGE' |
	grep -c 'moved from node')" 1 "the journal has each action, by guest, with its reason"
lab_ok "reload" systemctl reload vmbalancerd
lab_ok "reads the configuration" lab_until 30 eval 'log -u vmbalancerd | grep -q "configuration read anew"'

# The bus lets the daemon's user have the name, and polkit answers it.
lab_is "$(bus get-property Guests)" "u 1" "another user may read on the bus"
lab_is "$(bus call Pause | grep -c 'you may not do that (org.vmbalancer1.pause)')" 1 "and may not pause the service"
lab_is "$(bus get-property Paused)" "b false" "which goes on"

# Nobody else gets a mover; not even where somebody opens the socket to all.
lab_is "$(stranger)" "PermissionError: [Errno 13] Permission denied" "another user cannot connect to the mover"
chmod 666 /run/vmbalancer-mover.socket
lab_is "$(stranger)" "hung up" "and where the socket is open to all, the mover turns it away"
lab_ok "and says so" lab_until 30 eval 'log -u "vmbalancer-mover@*" | grep -q "client of user 65534 was turned away"'
chmod 600 /run/vmbalancer-mover.socket

# What others touch of its shared memory, which the mover asks QEMU's own file about, under its hardening.
fd=$(find "/proc/$(lab_pid web)/fd" -lname '/memfd:memory-backend*')
fallocate -p -o 24M -l 8M "$fd"
dd if=/dev/zero of="$fd" bs=1M seek=24 count=8 conv=notrunc 2>/dev/null
unmapped() { vmbalancer show web -o json | jq -e '.guests[0].cells[0].unmapped >= 4194304' >/dev/null; }
lab_ok "what QEMU has not mapped of shared memory is told from what is absent" lab_until 60 unmapped ||
	vmbalancer show web -o json | jq -c '.guests[0].cells' | sed 's/^/# /'

# Killed: started anew, it knows its own pins, and has nothing to do.
systemctl kill -s KILL vmbalancerd
lab_ok "killed, it is started again" lab_until 30 restarted
daemon=$(of vmbalancerd MainPID)
lab_ok "and looks after the guest" lab_until 30 settled
lab_ok "which is still at home" home web
lab_is "$(log -u vmbalancerd _PID="$daemon" | grep -c 'guest web: ')" 0 "and has nothing to do to it"

for unit in "vmbalancerd.service 20" "vmbalancer-mover@lab.service 15"; do
	read -r name most <<<"$unit"
	exposure=$(systemd-analyze security --no-pager --threshold="$most" "$name")
	lab_is $? 0 "$name: ${exposure##*→ }: at most $((most / 10)).$((most % 10))"
done
lab_ok "stop" systemctl stop vmbalancerd
lab_is "$(lab_affinity web 0)" 0-3 "gives the pins back"
lab_is "$(find /var/lib/vmbalancer -name '*.json' | wc -l)" 0 "and leaves no record"
lab_is "$(of vmbalancerd Result) $(of vmbalancerd ActiveState)" "success inactive" "and ended well"
lab_is "$(denials)" "" "nothing was denied"
lab_is "$(systemctl list-units --failed --no-legend 'vmbalancer*')" "" "and nothing has failed"
log -u 'vmbalancer*' | sed 's/^/# /'
lab_note "the host ran for $(cut -d ' ' -f 1 /proc/uptime) s"
