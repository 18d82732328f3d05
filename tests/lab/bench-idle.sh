#!/bin/bash
# What vmbalancerd costs on a host where five guests are settled: CPU in windows of a minute, memory,
# and which threads take it.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 900 "$0" "$@"
source "$LAB_DIR/lib.sh"

settled() { [ "$(vmbalancer --no-daemon status -o json | jq '[.guests[] | select(.locality >= 0.98 and .owner == "ours")] | length')" = 5 ]; }

printf '[vmbalancer]\nreserve=64MiB\ndefault-policy=home-node\n' >/etc/vmbalancer.conf
vmbalancerd >/tmp/daemon.log 2>&1 </dev/null &
daemon=$!
lab_until 30 grep -q "connected to libvirt" /tmp/daemon.log
for guest in 1 2 3 4 5; do
	lab_guest guest$guest --memory 64 --quota 10 || exit 1
done
lab_ok "five guests are settled" lab_until 120 settled
# Until it looks as seldom as it does when all is well.
sleep 30
began=$SECONDS
lab_threads_cpu $daemon >/tmp/before
lab_idle $daemon 5 60
lab_threads_cpu $daemon >/tmp/after
lab_where /tmp/before /tmp/after $((SECONDS - began))
