#!/bin/bash
# vmbalancerd keeps the guests that opted in at home by itself, leaves others alone, and survives
# what happens on a host: libvirtd restarts, an operator's pins, its own stop and its own death.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 900 "$0" "$@"
source "$LAB_DIR/lib.sh"

log=/tmp/daemon.log
metadata() { echo "<metadata><vmb:numa xmlns:vmb='urn:vmbalancer:domain:1.0' policy='$1'/></metadata>"; }
daemon() {
	vmbalancerd >>$log 2>&1 </dev/null &
	daemon=$!
	lab_until 30 grep -q "connected to libvirt" $log
}
# home NAME: its vCPU is held by one node, and 98 % of its RAM is there.
home() {
	local node
	node=$(lab_affinity "$1" 0)
	[[ "$node" =~ ^[0-3]$ ]] && [ "$(lab_share "$1" "$node" | cut -d . -f 1)" -ge 98 ]
}
nl=$'\n'
pinned() { virsh -q dumpxml "$1" | grep -c '<vcpupin' || true; }
# replays FILE CUT DECISIONS: with at least so many, bit for bit; CUT: whether its writer was killed.
replays() {
	vmbalancer replay "$1" -o json >/tmp/replay.json || return 1
	jq -e ".same and .cut == $2 and .decisions >= $3 and .lines > 3" /tmp/replay.json >/dev/null
}
actions() { grep -c "^vmbalancerd: guest .*\(pinned to node\|moved from\)" $log; }
restart_libvirtd() {
	kill "$(pidof libvirtd)"
	lab_until 20 bash -c '! pidof libvirtd'
	libvirtd -d
	lab_until 30 virsh -q list
}

for name in one two three; do
	lab_guest $name --memory 64 --define --xml-extra "$(metadata home-node)" || exit 1
done
lab_guest left --memory 48 --define --xml-extra "$(metadata none)" || exit 1
lab_scatter one 0 1,2,3 --free
lab_scatter two 1 3,0 --free
lab_scatter left 2 0,1 --free
lab_scatter three 3 1,2 --free
left=$(lab_pages left; lab_affinity left)

printf '[record]\nfile=/tmp/recording\n' >>/etc/vmbalancer.conf
daemon
lab_ok "within 60 s the guests that opted in are home" lab_until 60 eval 'home one && home two' ||
	sed 's/^/# /' $log
lab_ok "so is the third, in 45 s more" lab_until 45 home three
lab_ok "the history names the daemon, its cause, its reason and the bytes" lab_until 20 eval \
	"vmbalancer history one -o json | jq -e '[.entries[] | select(.who == \"daemon\" and .kind == \"move\" and .cause == \"locality\" and .reason != \"\" and .bytes > 0)] | length > 0'"
vmbalancer history one | sed 's/^/# /'
lab_is "$(vmbalancerd 2>&1 | grep -c "another vmbalancerd")" 1 "a second daemon is refused"

# libvirtd restarts; nothing is done twice.
before=$(actions)
for try in 1 2 3; do
	restart_libvirtd
	lab_until 40 eval "[ \$(grep -c 'connected to libvirt\$' $log) -gt $try ]"
done
vmbalancer record /tmp/watched --no-daemon --for 15s -o json >/tmp/watched.json &
sleep 20
wait $!
lab_is "$(jq -r .reason /tmp/watched.json)" null "beside it one who only watches records, too"
lab_ok "which replays to the same" replays /tmp/watched false 2
lab_ok "it survives three restarts of libvirtd" kill -0 "$daemon"
lab_is "$(grep -c 'vmbalancerd: connected to libvirt$' $log)" 4 "and connected again each time"
lab_is "$(actions)" "$before" "all at home: no further action"
lab_ok "all are still home" eval 'home one && home two && home three'
lab_is "$(lab_pages left; lab_affinity left; pinned left)" "$left${nl}0" "the guest of policy none is as before"

# An operator's pin is never overwritten.
other=$((($(lab_affinity two 0) + 1) % 4))
virsh -q vcpupin two 0 $other --live >/dev/null
lab_ok "an operator's pin is noticed" lab_until 20 grep -q "guest two: not moved (foreign-pin)" $log
sleep 5
lab_is "$(lab_affinity two 0)" $other "and left as it is"

# A reload with a bad configuration changes nothing.
printf '[vmbalancer]\nreserve=64MiB\non-stop=perhaps\n' >/etc/vmbalancer.conf
kill -HUP "$daemon"
lab_ok "a bad configuration is refused" lab_until 30 grep -q "stays as it was: .*on-stop=perhaps" $log
printf '[vmbalancer]\nreserve=64MiB\n' >/etc/vmbalancer.conf

# Killed, and started again: it knows what is its own.
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null
lab_is "$(vmbalancer status -o json | jq -r '.guests[] | select(.name == "one") | .owner')" ours "after SIGKILL its pins are known as its own"
vmbalancer release three >/dev/null
lab_is "$(lab_affinity three 0)" 0-3 "and release is exact"
mv $log $log.1 && : >$log
printf '[record]\nfile=/tmp/recording\n' >>/etc/vmbalancer.conf
daemon
lab_ok "a new start brings home again what was released" lab_until 60 home three
lab_is "$(grep -c "guest one: .*\(pinned to node\|moved from\)" $log)" 0 "and does nothing again to one that is home"

lab_ok "the recording of the one that was killed replays bit for bit" replays /tmp/recording.old true 10 ||
	vmbalancer replay /tmp/recording.old 2>&1 | sed 's/^/# /'
lab_note "$(jq -r '"\(.seconds) s, \(.looks) looks, \(.guests) guests, \(.placements) placements"' /tmp/replay.json)," \
	"$(stat -c %s /tmp/recording.old) bytes:" \
	"$(jq --argjson size "$(stat -c %s /tmp/recording.old)" '$size / .seconds * 60 | floor' /tmp/replay.json) bytes a minute"

# SIGTERM gives everything back, and leaves the operator's pin.
kill -TERM "$daemon"
wait "$daemon"
lab_is "$?" 0 "SIGTERM: it ends well"
lab_ok "SIGTERM: the recording has its end, and replays" replays /tmp/recording false 2
for name in one three; do
	lab_is "$(lab_affinity $name 0)" 0-3 "SIGTERM: $name may run anywhere again"
done
lab_is "$(lab_affinity two 0)" $other "SIGTERM: the operator's pin stays"
lab_is "$(find /var/lib/vmbalancer -name '*.json' | wc -l)" 0 "SIGTERM: no undo record is left"
cat $log.1 $log | sed 's/^/# /'
