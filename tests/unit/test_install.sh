#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What "meson install" puts where, and that the units hang together with it and are hardened.
# test_install.sh BUILD PREFIX SBINDIR LIBEXECDIR UNIT-DIR SYSUSERS-DIR TMPFILES-DIR MOVER-SOCKET
set -u
build=$1 prefix=$2 sbin=$3 libexec=$4 units=$5 sysusers=$6 tmpfiles=$7 socket=$8
export LC_ALL=C.UTF-8
checks=0

ok() { # TEXT COMMAND...
	local text=$1
	shift
	checks=$((checks + 1))
	if "$@"; then echo "ok $checks - $text"; else echo "not ok $checks - $text"; fi
}

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
DESTDIR=$tree meson install -C "$build" --no-rebuild --quiet >"$tree.log" 2>&1 || sed 's/^/# /' "$tree.log"
rm -f "$tree.log"

there() { [ "$(stat -c %a "$tree$2")" = "$1" ]; }
while read -r mode path; do
	ok "$path is there, mode $mode" there "$mode" "$path"
done <<-END
	755 $prefix/bin/vmbalancer
	755 $sbin/vmbalancerd
	755 $libexec/vmbalancer-mover
	644 $units/vmbalancerd.service
	644 $units/vmbalancer-mover.socket
	644 $units/vmbalancer-mover@.service
	644 $sysusers/vmbalancer.conf
	644 $tmpfiles/vmbalancer.conf
	644 $prefix/share/dbus-1/system.d/org.vmbalancer1.conf
	644 $prefix/share/polkit-1/actions/org.vmbalancer1.policy
	644 $prefix/share/vmbalancer/vmbalancer-domain-1.0.rng
	644 $prefix/share/vmbalancer/scenarios/web.json
	644 $prefix/share/bash-completion/completions/vmbalancer
	644 $prefix/share/man/man1/vmbalancer.1
	644 $prefix/share/man/man5/vmbalancer.conf.5
	644 $prefix/share/man/man7/vmbalancer-policies.7
	644 $prefix/share/man/man5/vmbalancer-scenario.5
	644 $prefix/share/man/man7/vmbalancer-policy.7
	644 $prefix/share/man/man8/vmbalancerd.8
END

# value FILE KEY: of a unit
value() { sed -n "s|^$2=||p" "$tree$units/$1"; }
says() { [ "$(value "$1" "$2")" = "$3" ]; }
no_holes() { ! grep -nE '@[a-z_]+@' "$tree$units"/vmbalancer*; }
ok "nothing in the units was left to fill in" no_holes
ok "the service starts what was installed" says vmbalancerd.service ExecStart "$sbin/vmbalancerd"
ok "the mover's unit, too" says vmbalancer-mover@.service ExecStart "$libexec/vmbalancer-mover"
ok "the socket listens where the daemon connects" says vmbalancer-mover.socket ListenSequentialPacket "$socket"
ok "the daemon connects there" grep -qF "$socket" "$tree$sbin/vmbalancerd"
for user in vmbalancerd.service vmbalancer-mover@.service; do
	ok "the user of $user is made" grep -q "^u $(value $user User) " "$tree$sysusers/vmbalancer.conf"
done
# The DTD is polkitd's.
dtd=/usr/share/polkit-1/policyconfig-1.dtd
actions=$tree$prefix/share/polkit-1/actions/org.vmbalancer1.policy
valid() { xmllint --noout --nonet --nowarning ${dtd:+--dtdvalid "$dtd"} "$1" 2>/dev/null; }
[ -e $dtd ] || dtd=
ok "polkit's actions are valid" valid "$actions"
dtd=
ok "the bus's policy is well-formed" valid "$tree$prefix/share/dbus-1/system.d/org.vmbalancer1.conf"
user=$(value vmbalancerd.service User)
ok "the daemon's user may own the name" grep -q "<policy user=\"$user\">" "$tree$prefix/share/dbus-1/system.d/org.vmbalancer1.conf"
owned() { [ "$(grep -c '<action id=' "$actions")" -eq "$(grep -c "owner\">unix-user:$user<" "$actions")" ]; }
ok "and may ask polkit about each action" owned
ok "the socket is the daemon's user's" says vmbalancer-mover.socket SocketUser "$(value vmbalancerd.service User)"

# exposure UNIT MOST: in tenths, as "systemd-analyze security" counts.
exposure() {
	systemd-analyze security --no-pager --offline=true --root="$tree" --threshold="$2" "$1" >"$tree/said" 2>&1 && return 0
	grep -a '✗\|→\|rror' "$tree/said" | sed 's/^/# /'
	return 1
}
ok "the exposure of vmbalancerd.service is at most 2.0" exposure vmbalancerd.service 20
ok "the exposure of vmbalancer-mover@.service is at most 1.5" exposure vmbalancer-mover@.service 15
echo "1..$checks"
