# Helper functions for scripts that run inside the lab; README.md lists them.
# shellcheck shell=bash source-path=SCRIPTDIR
if [ -z "${LAB_INSIDE-}" ]; then
	echo "lab: lib.sh is for scripts inside the lab; start them with tests/lab/run" >&2
	exit 2
fi
source "$LAB_DIR/lib/tap.sh"
source "$LAB_DIR/lib/idle.sh"
source "$LAB_DIR/lib/guest.sh"
source "$LAB_DIR/lib/place.sh"
source "$LAB_DIR/lib/serial.sh"
