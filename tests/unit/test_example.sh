#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is installed is all that a policy of one's own needs: policies/example is built with nothing but the
# installed headers and pkg-config, and then loaded, asked and told of.
# test_example.sh BUILD PREFIX INCLUDEDIR LIBDIR VMBALANCER VMBALANCERD TEST-MODULES EXAMPLE SCENARIO
set -u
build=$1 prefix=$2 include=$3 lib=$4 vmbalancer=$5 vmbalancerd=$6 test_modules=$7 example=$8 scenario=$9
export LC_ALL=C.UTF-8
checks=0

ok() { # TEXT COMMAND...
	local text=$1
	shift
	checks=$((checks + 1))
	if "$@" >"$tree/said" 2>&1; then
		echo "ok $checks - $text"
	else
		echo "not ok $checks - $text"
		sed 's/^/# /' "$tree/said"
	fi
}

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
DESTDIR=$tree meson install -C "$build" --no-rebuild --quiet >"$tree/said" 2>&1 || sed 's/^/# /' "$tree/said"

headers=$tree$prefix/$include/vmbalancer
ok 'the headers are there' test -e "$headers/module.h"
alone() { # each can be included by itself
	local header cflags
	cflags=$(pkg-config --cflags glib-2.0)
	for header in "$headers"/*.h; do
		# shellcheck disable=SC2086  # several words
		cc -fsyntax-only -Wall -Werror $cflags -I"$tree$prefix/$include" -x c - \
			<<<"#include <vmbalancer/${header##*/}>" || return 1
	done
}
ok 'they need nothing that is not installed' alone
kept_back() { ! test -e "$headers/registry.h"; }
ok 'but what only vmbalancer itself does' kept_back

declared() { cat "$headers"/*.h | grep -oE '\bvb_[a-z0-9_]+\(' | tr -d '(' | sort -u; }
exported() { nm -D --defined-only "$1" | sed -n 's/.* [A-Z] \(vb_.*\)/\1/p' | sort -u; }
offers() { diff <(declared) <(exported "$1"); }
ok 'vmbalancer has what they declare, and nothing else' offers "$vmbalancer"
ok 'vmbalancerd, too' offers "$vmbalancerd"

# Nothing else is found in the tree, so that its place is told to pkg-config in the file itself.
pc=$tree$prefix/$lib/pkgconfig/vmbalancer-policy.pc
ok 'pkg-config has its file' test -e "$pc"
sed -i "s|^prefix=.*|prefix=$tree$prefix|" "$pc"
export PKG_CONFIG_PATH=$tree$prefix/$lib/pkgconfig
abi() { [ "$(pkg-config --variable=abi vmbalancer-policy)" = "$(sed -n 's/^#define VB_POLICY_ABI //p' "$headers/module.h")" ]; }
ok 'which tells the ABI' abi

cp -r "$example" "$tree/example"
unset CFLAGS LDFLAGS DESTDIR
ok 'the example is set up' meson setup "$tree/example/build" "$tree/example" --prefix "$tree$prefix"
ok 'the example is built' meson compile -C "$tree/example/build"
ok 'the example is installed' meson install -C "$tree/example/build"
module=$tree$prefix/$lib/vmbalancer/policies/example.so
ok 'where modules go' test -e "$module"
ok 'it is loaded by the configuration, and acts' env VB_EXAMPLE_MODULE="$module" "$test_modules"

# The program itself takes root's files alone, so that this is for root, in a file system of its own.
told() { # COMMAND...: with the module in /mnt, as an administrator would name it
	# shellcheck disable=SC2016  # expanded by the inner shell
	unshare --mount bash -c 'mount -t tmpfs -o mode=755 policies /mnt && install -m 644 "$1" /mnt/example.so &&
		printf "[vmbalancer]\npolicy-modules=/mnt/example.so\n" >/mnt/conf && shift && "$@"' - "$module" "$@"
}
if [ "$(id -u)" -eq 0 ] && unshare --mount mount -t tmpfs none /mnt 2>/dev/null; then
	said() { told "$vmbalancer" --config /mnt/conf "$@"; }
	shows() { said policy show example | grep -q 'share: of a guest.* default 7500 bp (75 %)'; }
	lists() { said policy list | grep -q '^example  *does one node'; }
	ok 'vmbalancer policy show tells of it' shows
	ok 'vmbalancer policy list has it' lists
	acts() { said simulate "$scenario" --policy example -o json | grep -q '"policy" *: *"example"'; }
	ok 'vmbalancer simulate tries it' acts
	# shellcheck disable=SC2016  # expanded by the inner shell
	refuses() {
		told bash -c 'chmod g+w /mnt/example.so; "$1" --config /mnt/conf policy show example' - "$vmbalancer" 2>&1 |
			grep -q 'policy module /mnt/example.so: /mnt/example.so can be written by others'
	}
	ok 'one that others can write is refused' refuses
else
	for text in show list simulate refused; do
		checks=$((checks + 1))
		echo "ok $checks - $text # SKIP needs root and a mount namespace"
	done
fi
echo "1..$checks"
