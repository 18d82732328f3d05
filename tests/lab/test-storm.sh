#!/bin/bash
# vmbalancerd where much goes wrong at a time: one guest of five does not answer, libvirtd restarts
# twenty times, and guests are paused, saved and snapshotted while their memory moves.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 1200 "$0" "$@"
source "$LAB_DIR/lib.sh"

log=/tmp/daemon.log
all='a b c d e'
numa() { echo "<numa policy='home-node'><migrate $1 cooldown='1s'/></numa>"; }
home() {
	local node
	node=$(lab_affinity "$1" 0)
	[[ "$node" =~ ^[0-3]$ ]] && [ "$(lab_share "$1" "$node" | cut -d . -f 1)" -ge 98 ]
}
homes() {
	local name
	for name in "$@"; do home "$name" || return; done
}
actions() { grep -c "^vmbalancerd: guest .*\(pinned to node\|moved from\)" $log; }
now_us() { echo "${EPOCHREALTIME/./}"; }

for name in $all; do
	lab_guest "$name" --memory 24 --define --no-wait --xml-extra "<metadata><vmb:numa \
xmlns:vmb='urn:vmbalancer:domain:1.0' policy='home-node'><vmb:migrate cooldown='1s'/></vmb:numa></metadata>" || exit 1
done
for name in $all; do lab_ready "$name" || exit 1; done
for name in $all; do lab_scatter "$name" 0 1,2,3 --free; done
pids=$(for name in $all; do lab_pid "$name"; done)

# One QEMU that is stopped: the others do not notice.
kill -STOP "$(lab_pid e)"
began=$SECONDS
vmbalancerd >>$log 2>&1 </dev/null &
daemon=$!
lab_ok "beside a stopped QEMU the four others come home" lab_until 120 homes a b c d
lab_note "after $((SECONDS - began)) s"
lab_scatter a - 0,1,2,3
began=$SECONDS
lab_ok "and are kept there: what is strewn comes back" lab_until 45 home a
lab_note "after $((SECONDS - began)) s"
lab_ok "nothing of the stopped one was moved" eval '! home e'
kill -CONT "$(lab_pid e)"
began=$SECONDS
lab_ok "once it goes on it comes home, too" lab_until 180 home e
lab_note "after $((SECONDS - began)) s"

# Twenty restarts of libvirtd, killed or ended in turn, as fast as it answers, while memory has to move.
began=$SECONDS
for ((i = 1; i <= 20; i++)); do
	case $i in
	3) lab_scatter a - 0,1,2,3 ;;
	8) lab_scatter b - 0,1,2,3 ;;
	13) lab_scatter c - 0,1,2,3 ;;
	esac
	pid=$(pidof libvirtd)
	kill -$((i % 2 ? 9 : 15)) "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
	libvirtd -d
	lab_until 60 virsh -q list
done
lab_note "20 restarts took $((SECONDS - began)) s"
lab_ok "after 20 restarts of libvirtd it lives" kill -0 "$daemon"
lab_is "$(for name in $all; do lab_pid "$name"; done)" "$pids" "so do all guests"
# shellcheck disable=SC2086  # names, apart
lab_ok "and all are home" lab_until 90 homes $all
for name in $all; do
	lab_is "$(grep "guest $name: vcpu0 pinned to node" $log | grep -vc "): \(called off\|failed\): ")" 1 \
		"$name was pinned once, not again"
done
lab_is "$(vmbalancer status -o json | jq -c '[.guests[].owner] | unique')" '["ours"]' "all are known as ours"
before=$(actions)
sleep 8
lab_is "$(actions)" "$before" "all at home: nothing is done"

# A slow move, and what ends it. interrupted WORDS COMMAND...: the daemon tells WORDS soon after the
# command's end, not once all has moved, and nothing moves from then on.
strewn() {
	virsh -q metadata a urn:vmbalancer:domain:1.0 --key vmb --live --config --set "$(numa "rate='512KiB/s'")" >/dev/null
	lab_scatter a - 0,1,2,3
	from=$(lab_share a "$node" | cut -d . -f 1)
	lab_until 45 moving
}
moving() { [ "$(lab_share a "$node" | cut -d . -f 1)" -ge $((from + 4)) ]; }
interrupted() {
	local words=$1 lines end
	shift
	lines=$(grep -c "guest a: .*: called off\|guest a: .*: partly done" $log)
	"$@" >/tmp/out 2>&1 || sed 's/^/# /' /tmp/out
	end=$(now_us)
	lab_ok "$words: the move ends" lab_until 20 eval "[ \$(grep -c 'guest a: .*: called off\|guest a: .*: partly done' $log) -gt $lines ]"
	lab_note "it took $(($(now_us) - end)) us"
	lab_ok "$words: for that reason" grep -q "$words" \
		<(grep "guest a: .*: called off\|guest a: .*: partly done" $log | tail -n +$((lines + 1)))
	before=$(actions)
}
still() { lab_is "$(actions) $(virsh -q domstate a | head -n 1)" "$before $2" "$1: nothing is begun meanwhile"; }
goes_on() {
	from=$(lab_share a "$node" | cut -d . -f 1)
	lab_ok "$1: then it goes on" lab_until 60 moving
}

node=$(lab_affinity a 0)
lab_ok "a slow move is under way" strewn
interrupted paused virsh -q suspend a
pages=$(lab_pages a)
sleep 4
lab_is "$(lab_pages a)" "$pages" "paused: no page moves"
still paused paused
virsh -q resume a >/dev/null
goes_on paused

interrupted "stopped\|paused\|save" virsh -q managedsave a
sleep 3
still "saved" "shut off"
virsh -q start a >/dev/null
lab_is "$(lab_affinity a 0)" "$node" "saved: it comes back with its pins"
lab_ok "saved: it comes home" lab_until 60 home a
lab_is "$(vmbalancer status -o json | jq -r '.guests[] | select(.name == "a") | .owner')" ours "saved: as ours"

lab_ok "a slow move is under way again" strewn
interrupted "paused" virsh -q snapshot-create-as a one --memspec file=/tmp/a.memory
goes_on snapshot

kill -TERM "$daemon"
wait "$daemon"
lab_is "$?" 0 "the daemon ends well"
for name in $all; do lab_is "$(lab_affinity "$name" 0)" 0-3 "$name may run anywhere again"; done
sed 's/^/# /' $log
