# Where a guest's memory and vCPUs are, and putting them elsewhere behind libvirt's back.
# shellcheck shell=bash

# "START BYTES" of every mapping that is guest RAM: by the backend's name, or by its exact size.
lab_ranges() {
	# shellcheck disable=SC2034  # the quota: lab_guest has a variable of that name
	local pid range path size memory cells quota
	pid=$(lab_pid "$1") || return
	# shellcheck disable=SC1090
	source "/run/lab/guests/$1" || return
	size=$((memory * 1048576 / (cells > 0 ? cells : 1)))
	while read -r range _ _ _ _ path; do
		case $path in
		*qemu_back_mem* | *memory-backend-memfd* | */libvirt/qemu/ram/* | '') ;;
		*) continue ;;
		esac
		[ $((16#${range#*-} - 16#${range%-*})) -eq "$size" ] && echo "${range%-*} $size"
	done <"/proc/$pid/maps"
	return 0
}

# lab_pages NAME: bytes of guest RAM on node 0, 1, ..., from numa_maps, on one line.
lab_pages() {
	local pid nodes starts
	pid=$(lab_pid "$1") || return
	nodes=$(find /sys/devices/system/node -maxdepth 1 -name 'node[0-9]*' | wc -l)
	starts=$(lab_ranges "$1" | cut -d ' ' -f 1 | tr '\n' ' ')
	[ -n "$starts" ] || lab_error "guest $1: found no mapping of its RAM's size" || return
	awk -v nodes="$nodes" -v starts="$starts" '
		BEGIN { split(starts, list, " "); for (i in list) ours[list[i]] = 1 }
		$1 in ours {
			page = 4
			for (i = 3; i <= NF; i++) if ($i ~ /^kernelpagesize_kB=/) page = substr($i, 19)
			for (i = 3; i <= NF; i++) if ($i ~ /^N[0-9]+=/) {
				split(substr($i, 2), part, "=")
				sum[part[1]] += part[2] * page * 1024
			}
		}
		END { for (i = 0; i < nodes; i++) printf "%.0f%s", sum[i], i + 1 < nodes ? " " : "\n" }
	' "/proc/$pid/numa_maps"
}

# lab_share NAME NODE[,NODE...]: percent of the guest's present RAM on these nodes.
lab_share() {
	lab_pages "$1" | awk -v list="$2" '
		{ n = split(list, node, ","); for (i = 1; i <= NF; i++) all += $i
		  for (i = 1; i <= n; i++) there += $(node[i] + 1)
		  printf "%.1f\n", all ? 100 * there / all : 0 }'
}

# lab_threads NAME: "VCPU TID" of every vCPU, by the threads' names.
lab_threads() {
	local pid task name
	pid=$(lab_pid "$1") || return
	for task in "/proc/$pid/task"/*; do
		read -r name <"$task/comm" || continue
		if [[ "$name" =~ ^CPU\ ([0-9]+)/ ]]; then echo "${BASH_REMATCH[1]} ${task##*/}"; fi
	done | sort -n
}

# lab_affinity NAME [VCPU]: "VCPU CPULIST" of every vCPU, or the list of one.
lab_affinity() {
	local vcpu tid list
	lab_threads "$1" | while read -r vcpu tid; do
		list=$(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$(lab_pid "$1")/task/$tid/status")
		if [ -z "${2-}" ]; then echo "$vcpu $list"; elif [ "$2" = "$vcpu" ]; then echo "$list"; fi
	done
}

# lab_scatter NAME VCPU-NODES RAM-NODES [--free]: puts vCPU i on the i-th node of a list (in turn)
# and the RAM on the nodes of the other, 2 MiB blocks in turn; "-" leaves either alone. Leaves no
# pins in libvirt. --free gives the vCPUs all CPUs again afterwards. The guest is suspended
# meanwhile: a page that is written to all the time is slow to move.
lab_scatter() {
	local name=$1 pid state vcpu tid nodes start length all failed=''
	pid=$(lab_pid "$name") && state=$(virsh -q domstate "$name") || return
	[ "$state" = paused ] || virsh -q suspend "$name" >/dev/null || return
	if [ "$2" != - ]; then
		IFS=, read -r -a nodes <<<"$2"
		while read -r vcpu tid; do
			taskset -cp "$(cat "/sys/devices/system/node/node${nodes[vcpu % ${#nodes[@]}]}/cpulist")" \
				"$tid" >/dev/null || failed=yes
		done < <(lab_threads "$name")
	fi
	if [ "$3" != - ]; then
		while read -r start length; do
			"$LAB_BUILD/tests/lab/place" "$pid" "$start" "$length" "$3" || failed=yes
		done < <(lab_ranges "$name")
	fi
	[ "$state" = paused ] || virsh -q resume "$name" >/dev/null || return
	if [ "${4-}" = --free ]; then
		all=$(cat /sys/devices/system/cpu/online)
		while read -r vcpu tid; do
			taskset -cp "$all" "$tid" >/dev/null || failed=yes
		done < <(lab_threads "$name")
	fi
	[ -z "$failed" ] || lab_error "guest $name: could not be scattered"
}
