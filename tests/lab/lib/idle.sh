# What a process that should do next to nothing costs.
# shellcheck shell=bash

# lab_cpu PID: microseconds of CPU that it and its children, those that ended too, have used so far.
lab_cpu() {
	local pid total=0 fields
	for pid in "$1" $(cat "/proc/$1/task"/*/children 2>/dev/null); do
		read -r -a fields < <(sed 's/.*) //' "/proc/$pid/stat") || continue
		total=$((total + fields[11] + fields[12] + fields[13] + fields[14]))
	done
	echo $((total * 1000000 / $(getconf CLK_TCK)))
}

# lab_memory PID FIELD: KiB, of VmRSS or VmHWM.
lab_memory() {
	awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"
}

# lab_idle PID WINDOWS SECONDS: watches it for so many windows of so many seconds; notes the CPU of
# each, mean and spread, and the memory at the end.
lab_idle() {
	local window before after began list=()
	for ((window = 0; window < $2; window++)); do
		before=$(lab_cpu "$1") began=${EPOCHREALTIME/./}
		sleep "$3"
		after=$(lab_cpu "$1")
		list+=($(((after - before) * $3 * 1000 / (${EPOCHREALTIME/./} - began))))
	done
	printf '%s\n' "${list[@]}" | awk -v seconds="$3" '
		{ sum += $1; if (NR == 1 || $1 < low) low = $1; if ($1 > high) high = $1 }
		END { printf "# idle: %.0f ms of CPU in %d s, movers included (%d windows: %.0f to %.0f ms), %.2f %% of a CPU\n",
			sum / NR, seconds, NR, low, high, sum / NR / seconds / 10 }'
	lab_note "memory: $(lab_memory "$1" VmRSS) KiB resident, $(lab_memory "$1" VmHWM) KiB at most"
}
