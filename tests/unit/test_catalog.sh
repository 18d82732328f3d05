#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The journal's catalogue: an entry for each kind of line that vmbalancerd writes, and for no other; what
# it quotes is written; journalctl can read it.
set -u
source=$1 catalog=$2 manual=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
number=0 failed=0
# is WHAT GOT EXPECTED
is() {
	number=$((number + 1))
	if [[ $2 == "$3" ]]; then
		echo "ok $number $1"
	else
		echo "not ok $number $1"
		printf 'got <%s>, expected <%s>\n' "$2" "$3" | sed 's/^/# /'
		failed=1
	fi
}

ids=$(grep -o '"[0-9a-f]\{32\}"' "$source" | tr -d '"' | sort)
[[ -n $ids ]] || failed=1
is 'each kind of line has an ID of its own' "$(uniq -d <<<"$ids")" ''
is 'each kind of line has its entry, and no other' "$(sed -n 's/^-- //p' "$catalog" | sort)" "$ids"
is 'the manual lists them' "$(grep -o '[0-9a-f]\{32\}' "$manual" | sort -u)" "$ids"
fields=$(grep -o '"VMBALANCER_[A-Z]*"' "$source" | tr -d '"' | sort -u)
is 'fields that are quoted are written' \
	"$(grep -o '@[A-Z_]*@' "$catalog" | tr -d @ | sort -u | comm -23 - <(echo "$fields"))" ''
is 'fields that are written are in the manual' \
	"$(comm -23 <(echo "$fields") <(grep -o 'VMBALANCER_[A-Z_]*' "$manual" | sort -u))" ''
is 'each entry has a subject and says whose it is' \
	"$(grep -c '^Subject: .' "$catalog") $(grep -c '^Defined-By: vmbalancer$' "$catalog")" \
	"$(wc -l <<<"$ids") $(wc -l <<<"$ids")"

if command -v journalctl >/dev/null; then
	mkdir -p "$dir/usr/lib/systemd/catalog" "$dir/var/lib/systemd/catalog"
	cp "$catalog" "$dir/usr/lib/systemd/catalog/"
	is 'journalctl takes it' "$(journalctl --root="$dir" --update-catalog 2>&1)" ''
	for id in $ids; do
		is "journalctl shows $id" "$(journalctl --root="$dir" --dump-catalog "$id" 2>/dev/null | head -n 1)" "-- $id"
	done
fi
echo "1..$number"
exit $failed
