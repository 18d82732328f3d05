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

# lab_threads_cpu PID: "TID NAME USER SYSTEM" of each thread of it and its children, in ms so far.
lab_threads_cpu() {
	local pid
	for pid in "$1" $(cat "/proc/$1/task"/*/children 2>/dev/null); do
		cat "/proc/$pid/task"/*/stat 2>/dev/null
	done | awk -v tick="$(getconf CLK_TCK)" '
		match($0, /\(.*\)/) {
			name = substr($0, RSTART + 1, RLENGTH - 2)
			gsub(/ /, "_", name)
			split(substr($0, RSTART + RLENGTH + 1), field, " ")
			print $1, name, field[12] * 1000 / tick, field[13] * 1000 / tick
		}'
}

# lab_where BEFORE AFTER SECONDS: notes which threads used CPU between two files of lab_threads_cpu.
lab_where() {
	awk -v seconds="$3" '
		NR == FNR { user[$1] = $3; system_[$1] = $4; next }
		{ mine = $3 - user[$1]; kernel = $4 - system_[$1] }
		mine + kernel > 0 { printf "# thread %s: %.2f %% of a CPU, of it %.0f %% in the kernel\n",
			$2, (mine + kernel) / seconds / 10, 100 * kernel / (mine + kernel) }' "$1" "$2" | sort -rn -k 4
}
