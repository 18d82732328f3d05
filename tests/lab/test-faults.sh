#!/bin/bash
# What breaks in mid-move: the guest is destroyed, stopped, paused; libvirtd stops; the user stops.
# One clear error, the right exit status, no crash, no stray pin.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 900 "$0" "$@"
source "$LAB_DIR/lib.sh"

# slowly NAME NODE [RATE]: rebalance in the background; returns once pages move.
slowly() {
	before=$(lab_share "$1" "$2" | cut -d . -f 1)
	vmbalancer rebalance "$1" --to "$2" --rate "${3-4MiB/s}" --wait >/tmp/out 2>&1 &
	job=$!
	lab_until 40 moving "$1" "$2"
}
moving() { [ "$(lab_share "$1" "$2" | cut -d . -f 1)" -ge $((before + 2)) ]; }
# The status of the background job, and that it did not crash.
ended() {
	wait "$job"
	status=$?
	lab_ok "$1: no crash" test "$status" -lt 128
}
tells() { lab_ok "$1" grep -qi "$2" /tmp/out || sed 's/^/# /' /tmp/out; }

lab_guest one --memory 96 --define || exit 1
lab_guest two --memory 96 --define || exit 1
lab_guest three --memory 96 --define || exit 1
lab_scatter one 0 1 --free
lab_scatter two 0 1 --free
lab_scatter three 0 1 --free

slowly one 3
lab_ok "a slow move is under way" moving one 3
kill -INT "$job"
ended "interrupted"
lab_is "$status" 3 "interrupted: partly done"
tells "interrupted: says so" "cancelled: stopped after the current batch"
moved=$(lab_share one 3)
sleep 1
lab_is "$(lab_share one 3)" "$moved" "interrupted: no page moves afterwards"
vmbalancer release one >/dev/null
lab_is "$(lab_affinity one 0)" 0-3 "interrupted: release is exact"

slowly one 3
virsh -q suspend one
ended "paused"
lab_is "$status" 3 "paused: partly done"
tells "paused: says so" "paused"
virsh -q resume one
vmbalancer release one >/dev/null

slowly one 2
kill -STOP "$(lab_pid one)"
ended "stopped process"
lab_is "$status" 3 "stopped process: partly done"
tells "stopped process: says so" "SIGSTOP"
kill -CONT "$(lab_pid one)"
vmbalancer release one >/dev/null
lab_is "$(lab_affinity one 0)" 0-3 "stopped process: release is exact"

slowly two 3
virsh -q destroy two
ended "destroyed"
lab_is "$status" 3 "destroyed: partly done"
tells "destroyed: says so" "ended"
virsh -q start two
lab_is "$(virsh -q dumpxml two | grep -c vcpupin)" 0 "destroyed: no pin is left for its next start"
lab_is "$(vmbalancer status -o json | jq -r '.guests[] | select(.name == "two") | .owner')" free "destroyed: it starts free"
vmbalancer release two >/tmp/out
tells "destroyed: release has nothing left to do" "0 threads\|nothing"

# A short absence is borne; a long one ends the move.
slowly three 3 1MiB/s
libvirtd=$(pidof libvirtd)
kill -STOP "$libvirtd"
ended "libvirtd stopped"
lab_is "$status" 3 "libvirtd stopped: partly done"
tells "libvirtd stopped: says so" "libvirt"
vmbalancer status >/tmp/out 2>&1
lab_is "$?" 5 "libvirtd stopped: status cannot reach it"
lab_is "$(wc -l </tmp/out)" 1 "libvirtd stopped: one line tells why"
kill -CONT "$libvirtd"
lab_until 20 virsh -q list >/dev/null
vmbalancer release three >/tmp/out
lab_is "$(lab_affinity three 0)" 0-3 "libvirtd stopped: release is exact afterwards"
lab_is "$(find /var/lib/vmbalancer -name '*.json' | wc -l)" 0 "no undo record is left"

slowly three 2
pkill -x vmbalancer-move
ended "mover killed"
lab_is "$status" 3 "mover killed: partly done"
tells "mover killed: says so" "mover"
vmbalancer release three >/tmp/out
lab_is "$(lab_affinity three 0)" 0-3 "mover killed: release is exact"
