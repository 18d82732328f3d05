# Checks that print TAP lines. A script that sourced lib.sh ends with the plan, and with status 1
# when a check failed or none ran.
# shellcheck shell=bash
lab_checks=0 lab_failures=0

lab_note() {
	printf '# %s\n' "$*"
}

# lab_ok TEXT [COMMAND...]: holds if the command succeeds; without one it holds.
lab_ok() {
	local text=$1 output
	shift
	lab_checks=$((lab_checks + 1))
	if [ $# -eq 0 ] || output=$("$@" 2>&1); then
		printf 'ok %d - %s\n' "$lab_checks" "$text"
		return 0
	fi
	lab_failures=$((lab_failures + 1))
	printf 'not ok %d - %s\n' "$lab_checks" "$text"
	lab_note "failed: $*"
	[ -z "$output" ] || printf '%s\n' "$output" | sed 's/^/#   /'
	return 1
}

lab_fail() {
	lab_ok "$1" false
}

# lab_is GOT EXPECTED TEXT
lab_is() {
	lab_ok "$3" test "$1" = "$2"
}

# lab_at_least GOT LEAST TEXT, lab_at_most GOT MOST TEXT: decimal numbers.
lab_at_least() {
	lab_ok "$3" awk -v got="$1" -v least="$2" 'BEGIN { exit !(got != "" && got + 0 >= least + 0) }'
}

lab_at_most() {
	lab_ok "$3" awk -v got="$1" -v most="$2" 'BEGIN { exit !(got != "" && got + 0 <= most + 0) }'
}

# lab_until SECONDS COMMAND...: tries again until the command succeeds; false after so long.
lab_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# shellcheck disable=SC2317  # called by the trap
lab_end() {
	local status=$?
	echo "1..$lab_checks"
	if [ "$status" -eq 0 ] && { [ "$lab_failures" -gt 0 ] || [ "$lab_checks" -eq 0 ]; }; then
		status=1
	fi
	exit "$status"
}

[[ $- == *i* ]] || trap lab_end EXIT
