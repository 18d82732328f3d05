#!/bin/bash
# vmbalancerd on a host that comes to rest: a guest that starts is placed before it touches its RAM,
# scattered guests of different policies come home, one changes its policy, one gets it wrong; then
# nothing happens any more, and that costs next to nothing.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 900 "$0" "$@"
source "$LAB_DIR/lib.sh"

log=/tmp/daemon.log
namespace=urn:vmbalancer:domain:1.0
metadata() { echo "<metadata><vmb:numa xmlns:vmb='$namespace' policy='$1'/></metadata>"; }
stamp() { while IFS= read -r line; do printf '%s %s\n' "$EPOCHREALTIME" "$line"; done; }
# at PATTERN: time of the first line, in us.
at() { grep -m 1 "$1" $log | cut -d ' ' -f 1 | tr -d .; }
actions() { grep ": guest .*\(pinned to node\|moved from\)" $log; }
# True if nothing was done for half a minute, which is two looks and more.
at_rest() {
	local before
	before=$(actions | wc -l)
	sleep 30
	[ "$(actions | wc -l)" = "$before" ]
}
home() {
	local node
	node=$(lab_affinity "$1" 0)
	[[ "$node" =~ ^[0-3]$ ]] && [ "$(lab_share "$1" "$node" | cut -d . -f 1)" -ge 98 ]
}
# moved NAME: bytes of it that were moved so far.
moved() {
	sed -n "s/.*guest $1: cell .*: \([0-9.]*\) \([KMG]\?\)i\?B moved.*/\1 \2/p" $log | awk '
		{ sum += $1 * ($2 == "K" ? 1024 : $2 == "M" ? 1048576 : $2 == "G" ? 1073741824 : 1) }
		END { printf "%.0f\n", sum }'
}
fullest() { lab_pages "$1" | awk '{ top = 1; for (i = 2; i <= NF; i++) if ($i > $top) top = i; print top - 1 }'; }

# Where a guest that nobody places touches its RAM; the next one's home is to be another node.
printf '[vmbalancer]\nreserve=64MiB\n' >/etc/vmbalancer.conf
lab_guest left --memory 48 --define --xml-extra "$(metadata none)" || exit 1
home=$(((2 + $(fullest left)) % 4))
lab_note "unplaced: $(lab_pages left); the next is to live on node $home"
for node in 0 1 2 3; do
	[ $node = $home ] || printf '[node %d]\nreserved=yes\n' $node
done >>/etc/vmbalancer.conf
for name in balance home flip; do
	case $name in
	balance) policy=balance ;;
	home) policy='home-node' ;;
	*) policy=none ;;
	esac
	lab_guest $name --memory 48 --define --suspend --xml-extra "$(metadata $policy)" || exit 1
done
lab_scatter balance 0 1,2,3 --free
lab_scatter home 1 3,0 --free
lab_scatter flip 3 1,2 --free
lab_scatter left 2 0,1 --free
left=$(lab_pages left; lab_affinity left; virsh -q dumpxml left)

vmbalancerd --verbose > >(stamp >$log) 2>&1 </dev/null &
daemon=$!
lab_until 30 grep -q "connected to libvirt" $log
sleep 3

# A guest that starts.
began=${EPOCHREALTIME/./}
virsh -q domstate left >/dev/null
call=$((${EPOCHREALTIME/./} - began))
lab_guest young --memory 96 --define --no-wait --xml-extra "$(metadata home-node)" || exit 1
lab_ready young
lab_ok "a guest that starts is pinned as it starts" grep -q "guest young: vcpu0 pinned to node $home .*chosen as it started" $log
# A second on a host that is not emulated; here how long each call takes decides, so what counts is whether
# it came in time: before the RAM was touched.
lab_note "from its start event to the pin: $(($(at 'guest young: vcpu0 pinned') - $(at 'guest young: event: started'))) us;" \
	"a call of virsh takes $call us here"
# The firmware's first pages are elsewhere before anybody hears of the guest; they follow later.
moved=$(moved young)
lab_note "moved since: $moved bytes"
lab_at_least "$(lab_pages young | awk -v node=$home -v moved="$moved" '
	{ for (i = 1; i <= NF; i++) all += $i; print 100 * ($(node + 1) - moved) / all }')" 90 "nine tenths of its RAM were touched at home, first"

# Scattered guests: those that opted in come home.
printf '[vmbalancer]\nreserve=64MiB\ndefault-policy=home-node\n' >/etc/vmbalancer.conf
kill -HUP $daemon
for name in balance home flip; do virsh -q resume $name >/dev/null; done
began=$SECONDS
lab_ok "within 60 s those that opted in are home" lab_until 60 eval 'home balance && home home'
lab_note "it took $((SECONDS - began)) s"

# One changes its mind, one makes a mistake: the host's default holds for it, which is its home.
virsh -q metadata young $namespace --key vmb --live --set "<numa policy='home-node'><hoem nodes='1'/></numa>" >/dev/null
virsh -q metadata flip $namespace --key vmb --live --config --set "<numa policy='home-node'/>" >/dev/null
began=$SECONDS
lab_ok "within 45 s of its metadata a guest is home" lab_until 45 home flip
lab_note "it took $((SECONDS - began)) s"
lab_ok "bad metadata is told" lab_until 30 grep -q "guest young: its metadata is ignored: .*<hoem>" $log

# All is well: nothing happens for three minutes, and that is cheap.
began=$SECONDS
lab_ok "all come to rest" lab_until 180 eval 'home young && at_rest'
lab_note "after $((SECONDS - began)) s"
before=$(actions | wc -l)
lab_idle $daemon 3 60
lab_is "$(actions | tail -n +$((before + 1)))" "" "for three minutes nothing is done"
for name in balance home flip young; do lab_ok "$name is home" home $name; done
lab_is "$(grep -c "its metadata is ignored" $log)" 1 "bad metadata was told once"
lab_is "$(lab_pages left; lab_affinity left; virsh -q dumpxml left)" "$left" "the guest of policy none is as it was"
lab_at_most "$(lab_memory $daemon VmHWM)" 65536 "the daemon never took more than 64 MiB"
kill $daemon
wait $daemon
sed 's/^/# /' $log
