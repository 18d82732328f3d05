#!/bin/bash
# Per-guest policy: set by vmbalancer and by virsh, bad metadata, none, homes, memory that must stay,
# the administrator's limits and host files.
[ -n "${LAB_INSIDE-}" ] || exec "$(dirname "$0")/run" --timeout 900 "$0" "$@"
source "$LAB_DIR/lib.sh"

namespace=urn:vmbalancer:domain:1.0
json() { vmbalancer "$@" -o json 2>/tmp/error; }
of() { jq -r ".guests[] | select(.name == \"$1\") | $2" /tmp/status.json; }
declined() { jq -r ".declined[] | select(.guest == \"$1\") | $2" /tmp/all.json; }

printf '[vmbalancer]\nreserve=64MiB\n' >/etc/vmbalancer.conf
for name in none home stay bad; do
	lab_guest $name --memory 32 --define --no-wait || exit 1
done
for name in none home stay bad; do lab_ready $name || exit 1; done
lab_scatter none 0 1
lab_scatter home 0 0 --free
lab_scatter stay 0 3 --free
lab_scatter bad 0 2 --free

# Set by either tool, seen by status; virsh prints the element as the command left it.
vmbalancer policy set none none --live --config >/tmp/out 2>&1
lab_is "$?" 0 "a policy is set"
lab_ok "virsh sees the running guest's" bash -c "virsh metadata none $namespace | grep -q 'policy=\"none\"'"
lab_ok "virsh sees the configuration's" bash -c "virsh metadata none $namespace --config | grep -q 'policy=\"none\"'"
virsh -q metadata home $namespace --key vmb --live \
	--set '<numa policy="home-node"><home nodes="1-2"/><parameter name="confirm" value="1"/></numa>'
vmbalancer policy set stay home-node --migrate-memory no >/tmp/out 2>&1
lab_is "$?" 0 "memory is told to stay"
virsh -q metadata bad $namespace --key vmb --live --set '<numa policy="home-node"><hoem nodes="1"/></numa>'
json status >/tmp/status.json
lab_is "$(of none .policy)" none "status tells the policy that vmbalancer set"
lab_is "$(of home .policy)" home-node "status tells the policy that virsh set"
lab_is "$(of home '"\(.owner) \(.boundary | join(","))"')" "bounded 1,2" "the home is a boundary"
lab_is "$(of stay .asked.migrate_memory)" false "status tells what is asked"
lab_is "$(of bad .policy)" null "bad metadata counts as none"
lab_is "$(of bad .reason | grep -o 'its metadata is ignored' | wc -l)" 1 "with one reason"
lab_ok "that names the element" bash -c "jq -r '.guests[].reason' /tmp/status.json | grep -q '<hoem> in <numa>'"
lab_is "$(json policy get home | jq -r '"\(.policy) \(.asked.home.source)"')" "home-node metadata" "policy get tells the source"

# Each is treated as it asks.
before=$(virsh -q dumpxml none; lab_pages none; lab_affinity none)
json rebalance --wait >/tmp/all.json
lab_is "$?" 0 "all are rebalanced"
lab_is "$(jq '[.actions[] | select(.guest == "none")] | length' /tmp/all.json)" 0 "policy none plans nothing"
lab_ok "the guest is untouched" test "$before" = "$(virsh -q dumpxml none; lab_pages none; lab_affinity none)"
node=$(lab_affinity home 0)
lab_ok "it went home inside its boundary (node $node)" test "$node" = 1 -o "$node" = 2
lab_at_least "$(lab_share home "$node")" 99 "with its RAM"
lab_is "$(jq '[.actions[] | select(.guest == "stay" and .kind == "move")] | length' /tmp/all.json)" 0 "memory that must stay is not moved"
lab_is "$(lab_affinity stay 0)" 3 "its vCPU came to it"
lab_at_least "$(lab_share stay 3)" 99 "it lies where it was"
lab_ok "the guest with bad metadata got the default policy" bash -c "jq -e '.actions[] | select(.guest == \"bad\")' /tmp/all.json"
lab_note "declined: $(declined none .code) $(declined stay .code) $(declined bad .code)"

# The administrator's limits and files.
mkdir -p /etc/vmbalancer/domains.d
printf '[limits]\nallowed-nodes=2\n' >>/etc/vmbalancer.conf
json policy get home >/tmp/home.json
lab_is "$(jq -r .asked.home.value /tmp/home.json)" 2 "a limit narrows the home"
lab_is "$(jq '.notes | length' /tmp/home.json)" 1 "and is told"
printf '[domain bad]\npolicy=none\n' >/etc/vmbalancer/domains.d/bad.conf
lab_is "$(json policy get bad | jq -r '"\(.policy) \(.asked.policy.source)"')" "none host" "a host file speaks for a guest"
printf '[domain bad]\nrate=fast\n' >/etc/vmbalancer/domains.d/bad.conf
vmbalancer status >/tmp/out 2>&1
lab_is "$?" 2 "a bad host file is refused"
lab_ok "with file, group and value" grep -q "domains.d/bad.conf: \[domain bad\] rate=fast" /tmp/out
rm /etc/vmbalancer/domains.d/bad.conf

# Words of the command line.
vmbalancer policy set bad home-node --parameter tolerance=99999 >/tmp/out 2>&1
lab_is "$?" 2 "a parameter out of range is refused"
lab_ok "with name, value and range" grep -q '"tolerance"=99999: policy home-node takes 0 to 10000' /tmp/out
vmbalancer policy set no-such-guest none >/tmp/out 2>&1
lab_is "$?" 4 "no such guest: 4"
vmbalancer policy set bad home-node >/tmp/out 2>&1
lab_ok "set replaces what is bad" bash -c "vmbalancer policy get bad -o json | jq -e '.notes | length == 0'"
vmbalancer policy unset bad >/tmp/out 2>&1
lab_is "$(json policy get bad | jq -r .asked.policy.source)" default "unset takes it away"
