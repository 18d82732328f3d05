#!/bin/bash
# Inside the lab: the story that ./demo tells. Leaves what it measured in $LAB_OUT for the last table.
source "$LAB_DIR/lib.sh"
trap - EXIT # it tells a story; it checks nothing

guests="web db batch"
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
	printf '\033[2m$ %s\033[0m\n' "$*"
	"$@"
}
# Seconds during which the meter's counts are read off afterwards.
watch() {
	date +%s.%N >>"$LAB_OUT/from"
	sleep "$1"
	date +%s.%N >>"$LAB_OUT/to"
}
# For every guest: the CPU of its vCPU, locality as vmbalancer sees it, bytes by node as numa_maps has it.
note() {
	local name
	vmbalancer status -o json >"$LAB_OUT/$1.json" || return
	for name in $guests; do
		printf '%s %s %s\n' "$name" "$(lab_affinity "$name" 0)" "$(lab_pages "$name")"
	done >"$LAB_OUT/$1.pages"
}

say "Three guests start: web on plain pages, db on shared memory (memfd), batch on 2 MiB hugepages"
lab_guest web --memory 64 --suspend || exit 1
lab_guest db --memory 64 --backing memfd --suspend || exit 1
lab_guest batch --memory 32 --backing hugepages --suspend || exit 1

say "They are scattered: each one's vCPU on one node, its memory on others"
lab_scatter web 0 1,2
lab_scatter db 1 3,0
lab_scatter batch 2 0,1
for name in $guests; do virsh -q resume "$name" >/dev/null; done
show vmbalancer top --lines --count 1
watch 8
note before

say "What would vmbalancer do, and why?"
show vmbalancer plan

say "Bring them home"
show vmbalancer rebalance --wait || exit 1
show vmbalancer top --lines --count 1
watch 8
note after
say "Everything can be undone"
show vmbalancer release web
