#!/bin/bash
# vmbalancerd on the system bus: what it shows, who may do what by polkit's word, and a rebalance that
# was asked for by busctl.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 300 "$0" "$@"
source "$LAB_DIR/lib.sh"

name=org.vmbalancer1 host=/org/vmbalancer1 log=/tmp/daemon.log
data=$LAB_DIR/../../vmbalancer/data
install -m 644 "$data/org.vmbalancer1.conf" /usr/share/dbus-1/system.d/
install -m 644 "$data/org.vmbalancer1.policy" /usr/share/polkit-1/actions/
cat >/etc/polkit-1/rules.d/10-lab.rules <<-'END'
	polkit.addRule(function(action, subject) {
		if (action.id == "org.vmbalancer1.pause" && subject.user == "daemon")
			return polkit.Result.YES;
	});
END
busctl call org.freedesktop.DBus / org.freedesktop.DBus ReloadConfig
/usr/lib/polkit-1/polkitd --no-debug >/tmp/polkitd.log 2>&1 </dev/null &

as() { setpriv --reuid "$1" --regid nogroup --clear-groups "${@:2}"; }
call() { busctl --timeout 30 call $name "$@" 2>&1; }
value() { busctl get-property $name "$@" 2>&1; }
is() { [ "$(value "$1" $name."$2" "$3")" = "$4" ]; } # PATH INTERFACE PROPERTY VALUE
can_introspect() { busctl introspect $name $host | grep -q "^.Rebalance .*method"; }
nobody_sees() { as nobody busctl call $name $host $name.Host GetStatus "a{sv}" 0 | grep -q "$1"; }

lab_guest web --memory 48 || exit 1
lab_scatter web 0 1,2,3 --free
vmbalancerd -v >$log 2>&1 </dev/null &
lab_ok "it has the name" lab_until 20 busctl status $name
lab_ok "it sees the guest" lab_until 30 is $host Host Guests "u 1"
lab_ok "busctl introspects it" can_introspect
guest=$(busctl tree --list $name | grep "^$host/guest/")
lab_is "$(value "$guest" $name.Guest Name)" 's "web"' "the guest is an object"
lab_until 20 busctl status org.freedesktop.PolicyKit1

# Anyone may read.
lab_is "$(as nobody busctl get-property $name $host $name.Host Connected)" "b true" "nobody reads a property"
lab_ok "nobody reads the status" nobody_sees web

# Nobody may write.
before=$(lab_affinity web; lab_pages web; virsh -q dumpxml web)
count=0 refused=0
while read -r action path interface call; do
	count=$((count + 1))
	# shellcheck disable=SC2086  # the arguments are words
	said=$(as nobody busctl call $name "$path" $name.$interface $call 2>&1)
	if [[ "$said" = *"($name.$action)"* ]]; then refused=$((refused + 1)); else lab_note "$call: $said"; fi
done <<-END
	rebalance $host Host Rebalance asa{sv} 1 web 0
	release $host Host Release s web
	set-policy $host Host SetPolicy sa{ss}a{sv} web 1 policy home-node 0
	set-policy $host Host UnsetPolicy sa{sv} web 0
	pause $host Host Pause
	pause $host Host Resume
	record $host Host StopRecording
	rebalance $guest Guest Rebalance a{sv} 0
	release $guest Guest Release
END
lab_is "$refused" "$count" "nobody is refused each write, with the action's name"
lab_is "$(lab_affinity web; lab_pages web; virsh -q dumpxml web)" "$before" "and nothing happened to the guest"
lab_is "$(value $host $name.Host Paused)" "b false" "nor to the daemon"
as daemon busctl call $name $host $name.Host Pause
lab_is "$(value $host $name.Host Paused)" "b true" "whom polkit lets may pause it"
call $host $name.Host Resume

# A rebalance.
job=$(call $host $name.Host Rebalance "asa{sv}" 1 web 1 policy s home-node | sed -n 's/^o "\(.*\)"$/\1/p')
lab_ok "root begins a rebalance" test -n "$job"
lab_ok "it ends well" lab_until 60 is "$job" Job State 's "done"' ||
	lab_note "$(value "$job" $name.Job State ErrorMessage Result)"
node=$(lab_affinity web 0)
lab_at_least "$(lab_share web "$node" | cut -d . -f 1)" 98 "the guest's RAM is at home on node $node"
lab_is "$(value "$job" $name.Job GuestsDone)" "u 1" "the job tells so"
lab_ok "its object shows its home" lab_until 20 is "$guest" Guest Home "au 1 $node"

call $host $name.Host SetPolicy "sa{ss}a{sv}" web 1 policy home-node 1 live b true
lab_ok "its policy is set" lab_until 20 is "$guest" Guest OptedIn "b true"
call $host $name.Host Release s web
sleep 5
lab_is "$(lab_affinity web 0)" 0-3 "released, it is left alone"

# The bus goes away and comes back.
kill "$(pidof dbus-daemon)"
lab_until 30 bash -c '! pidof dbus-daemon'
rm -f /run/dbus/pid
dbus-daemon --system --fork
lab_ok "it outlives the bus, and is on the next one" lab_until 60 is $host Host Guests "u 1"
sed 's/^/# /' $log
