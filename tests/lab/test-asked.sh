#!/bin/bash
# The command where vmbalancerd runs: it asks, shows what it would show by itself, anybody may look, and
# only who may changes something.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 300 "$0" "$@"
source "$LAB_DIR/lib.sh"

log=/tmp/daemon.log
bus() { dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus."$1" "${@:2}" >/dev/null 2>&1; }
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups vmbalancer "$@" 2>&1; }
# The members of a document, without their values.
shape() { jq -c '[paths | map(if type == "number" then 0 else . end)] | unique'; }
home() {
	[[ "$(lab_affinity web 0)" =~ ^[0-3]$ ]] && [ "$(lab_share web "$(lab_affinity web 0)" | cut -d . -f 1)" -ge 98 ]
}

lab_guest web --memory 48 || exit 1
lab_scatter web 0 1,2,3 --free
before=$(lab_affinity web 0)
cp "$LAB_DIR/../../vmbalancer/data/org.vmbalancer1.conf" /etc/dbus-1/system.d/
bus ReloadConfig
vmbalancerd >$log 2>&1 </dev/null &
daemon=$!
lab_ok "the daemon is on the bus" lab_until 20 bus GetNameOwner string:org.vmbalancer1 || sed 's/^/# /' $log

there=$(vmbalancer status -o json | shape)
here=$(vmbalancer status -o json --no-daemon | shape)
lab_is "$there" "$here" "status has the same members either way"
lab_is "$(nobody status -o json | jq -r '.guests[].name')" web "anybody may look"
lab_is "$(nobody plan web -o json | jq -r '.schema')" vmbalancer.plan/1 "and plan"
said=$(nobody rebalance web)
lab_is "$?" 1 "but not rebalance"
lab_is "$(grep -c 'run it as root' <<<"$said") $(wc -l <<<"$said")" "1 1" "which is told in a line"
lab_note "$said"
lab_is "$(lab_affinity web 0)" "$before" "and nothing was done"

lab_is "$(vmbalancer rebalance web --wait -o json | jq -r '[.outcomes[].result] | unique[]')" "done" "root may: it is followed to its end"
lab_ok "the guest is home" home
lab_is "$(vmbalancer policy get web -o json | jq -r .guest)" web "policy get"
lab_ok "pause" vmbalancer pause
lab_ok "resume" vmbalancer resume
vmbalancer release web | sed 's/^/# /'
lab_is "$(lab_affinity web 0)" "$before" "release gives its pins back"

kill -9 $daemon
wait $daemon 2>/dev/null
lab_is "$(vmbalancer status -o json | shape)" "$here" "without the daemon the command does it itself"
vmbalancer pause 2>/dev/null
lab_is "$?" 5 "but what is for the daemon to do"
