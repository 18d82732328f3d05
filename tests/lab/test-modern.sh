#!/bin/bash
# On the kernel of Debian's backports: what is scattered comes home, small pages, huge ones and shared ones,
# and a release gives everything back; hot-first=, which only such a kernel can serve, brings what the guest uses first.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --kernel 6.12 --timeout 600 --nodes 2 --cpus-per-node 2 "$0" "$@"
source "$LAB_DIR/lib.sh"

lab_ok "this is another kernel than Debian 12's ($(uname -r))" [ "$LAB_SERIES" != 6.1 ]
guests="thp shared hot"
lab_guest thp --memory 32 --walk bytes=16M --backing thp || exit 1
lab_guest shared --memory 32 --walk bytes=8M --backing memfd --no-wait || exit 1
# Two vCPUs use 4 MiB each: those behind the first 2, and those behind the first 32.
lab_guest hot --vcpus 2 --memory 64 --walk "bytes=4M spread stride=4096" --no-wait || exit 1
for name in shared hot; do lab_ready $name || exit 1; done
lab_scatter thp 1 0 --free
lab_scatter shared 0 1,0,1 --free
lab_scatter hot 0,1 1,0 --free
declare -A before
for name in $guests; do before[$name]=$(lab_affinity "$name"); done

vmbalancer rebalance --wait -o json >/tmp/all.json 2>/tmp/error
lab_is "$?" 0 "rebalance --wait: done" || sed 's/^/# /' /tmp/error
lab_is "$(jq -r '[.outcomes[].result] | unique | join(" ")' /tmp/all.json)" "done" "each action is done"
for name in $guests; do
	home=$(jq -r --arg name "$name" '[.actions[] | select(.guest == $name and .kind == "pin")][0].to' /tmp/all.json)
	lab_at_least "$(lab_share "$name" "$home")" 99 "$name: its RAM is on its home, node $home"
	lab_is "$(lab_affinity "$name" | cut -d ' ' -f 2 | sort -u)" "$(cat "/sys/devices/system/node/node$home/cpulist")" "$name: its vCPUs are there"
done
vmbalancer release --all >/tmp/out 2>&1
lab_is "$?" 0 "release --all: done" || sed 's/^/# /' /tmp/out
for name in $guests; do
	lab_is "$(lab_affinity "$name")" "${before[$name]}" "$name: released, its vCPUs may run where they could before"
done
lab_is "$(find /var/lib/vmbalancer -name '*.json' | wc -l)" 0 "no undo record is left"

# What is used behind the first 32 MiB comes home before what lies idle in front of it, which is first by address.
lab_stop thp shared
lab_scatter hot 0 1
pid=$(lab_pid hot)
read -r start _ <<<"$(lab_ranges hot)"
used="$(printf '%x' $((16#$start + (32 << 20)))) $((4 << 20))"
idle="$(printf '%x' $((16#$start + (8 << 20)))) $((22 << 20))"
# Looks at what is used first: what is idle by then was no more when that was home.
look() {
	# shellcheck disable=SC2086  # words
	read -r hot cold < <("$LAB_BUILD/tests/lab/onnode" "$pid" 0 $used $idle)
}
damon=/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds
printf '[vmbalancer]\nreserve=64MiB\nhot-first=16MiB\n' >/etc/vmbalancer.conf
vmbalancer rebalance hot --to 0 --rate 2MiB/s --wait >/tmp/out 2>&1 &
job=$!
hot=0 cold=0
while [ "$hot" -lt 99 ] && kill -0 $job 2>/dev/null; do look; done
lab_at_least "$hot" 99 "what the guest uses is home"
lab_at_most "$cold" 50 "while what lies idle in front of it is not"
lab_is "$(cat $damon)" 0 "DAMON is put away"
kill -INT $job
wait $job
lab_is "$?" 3 "the rest of a slow move may be cancelled" || sed 's/^/# /' /tmp/out
printf '[vmbalancer]\nreserve=64MiB\n' >/etc/vmbalancer.conf
vmbalancer rebalance hot --to 0 --wait >/tmp/out 2>&1
lab_at_least "$(lab_share hot 0)" 99 "and brought later"
lab_ok "it told of nothing that is amiss" bash -c '! grep -i "hot-first" /tmp/out'
