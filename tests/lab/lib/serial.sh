# What a guest tells on its serial line: /var/log/lab/NAME.serial, and with the time of arrival of
# every line, NAME.times ("1700000000.123456 beat 7 vcpu 0 pass 123 gap 45 ...").
# shellcheck shell=bash

lab_serial_follow() {
	local serial=/var/log/lab/$1.serial
	# A session of its own, so that lab_stop can end both halves of the pipe; it holds none of the
	# caller's files.
	# shellcheck disable=SC2016  # expanded by the inner shell
	setsid bash -c 'echo $$ >"$2"; tail -n +1 -s 0.1 -F "$0" |
		while IFS= read -r line; do printf "%s %s\n" "$EPOCHREALTIME" "$line"; done >>"$1"' \
		"$serial" "/var/log/lab/$1.times" "/run/lab/guests/$1.follower" </dev/null >/dev/null 2>&1 &
}

# lab_progress NAME [VCPU]: steps done so far, of all vCPUs together or of one.
lab_progress() {
	grep '^beat .*[0-9]$' "/var/log/lab/$1.serial" | tail -n 1 | awk -v vcpu="${2-}" '
		{ for (i = 3; i + 3 <= NF; i += 6) if (vcpu == "" || $(i + 1) == vcpu) sum += $(i + 3) }
		END { print sum + 0 }'
}

# lab_stall NAME [SECONDS]: the longest time in seconds without a line, in the last so many seconds
# or since the guest was ready, up to now.
lab_stall() {
	awk -v now="$EPOCHREALTIME" -v window="${2:-1000000}" '
		$1 < now - window { last = now - window; next }
		last && $1 - last > worst { worst = $1 - last }
		last || $2 == "ready" { last = $1 }
		END { if (last && now - last > worst) worst = now - last; printf "%.3f\n", worst }
	' "/var/log/lab/$1.times"
}

# lab_gap NAME [SECONDS]: the longest time in microseconds that a vCPU went without a step, by the
# guest's own clock (which stands while the guest is suspended).
lab_gap() {
	awk -v from="$((${EPOCHREALTIME%.*} - ${2:-1000000}))" '
		$1 >= from && $2 == "beat" { for (i = 9; i <= NF; i += 6) if ($i > worst) worst = $i }
		END { print worst + 0 }' "/var/log/lab/$1.times"
}
