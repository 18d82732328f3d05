#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The bash completion, asked as readline asks it, beside a virsh and a vmbalancer of the test's own.
# shellcheck disable=SC2016  # what looks like a command must stay as it is
set -u
completion=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/virsh" <<'EOF'
#!/bin/bash
[[ $* == *"-c test:///x "* ]] && { echo other; exit; }
printf '%s\n' web1 web2 'two words' 'a"b' "it's" '$(touch owned)' 'semi;colon' 'co:lon' 'ba!ng' $'esc\033[31m' ''
EOF
cat >"$dir/vmbalancer" <<'EOF'
#!/bin/bash
printf '%s\n' 'home-node    which one node?' '  margin       a number (default 3)' 'none         nothing'
EOF
chmod +x "$dir/virsh" "$dir/vmbalancer"
PATH=$dir:$PATH
cd "$dir" || exit 1
# shellcheck disable=SC2317  # called by the completion
compopt() { :; }
# shellcheck source=/dev/null
source "$completion"

number=0 failed=0
# is WHAT EXPECTED WORD...: the last word is completed; the expected replies are joined by "|"; ":" and
# "=" are words of their own, as readline has them
is() {
	local what=$1 expected=$2 got
	shift 2
	COMP_WORDS=(vmbalancer "$@")
	COMP_CWORD=$#
	COMP_LINE="vmbalancer $*"
	COMP_LINE=${COMP_LINE// : /:}
	_vmbalancer
	got=$(IFS='|'; echo "${COMPREPLY[*]}")
	number=$((number + 1))
	if [[ $got == "$expected" ]]; then
		echo "ok $number $what"
	else
		echo "not ok $number $what: got <$got>, expected <$expected>"
		failed=1
	fi
}

is 'verbs' 'release' rel
is 'all verbs begin' 'show' sh
is 'guests' 'web1|web2' show web
is 'a space is escaped' 'two\ words' show two
is 'an escaped space is understood' 'two\ words' show 'two\ w'
is 'inside double quotes' 'two words' show '"two'
is 'inside single quotes' 'two words' show "'two"
is 'a double quote in double quotes' 'a\"b' show '"a'
is 'a single quote cannot stand in single quotes' '' show "'it"
is 'a single quote outside' "it\\'s" show it
is 'a command is not run' '\$\(touch\ owned\)' show '\$'
is 'a command in double quotes is not run' '\$(touch owned)' show '"$'
is 'a semicolon' 'semi\;colon' show semi
is 'a colon' 'co\:lon' show co
is 'history' 'ba\!ng' show ba
is 'history cannot stand in double quotes' '' show '"ba'
is 'control characters are not offered' '' show esc
is 'guests of several' 'web1|web2' plan web1 web
is 'guests behind options' 'web1|web2' rebalance --to 0-1 web
is 'guests of a connection' 'other' -c test : ///x show ''
is 'status takes no guest' '' status web
is 'options of a verb' '--dry-run' rebalance --dry
is 'release of all' '--all' release --al
is 'not those of another' '' status --dry
is 'how long ago' '7d' history --since 7
is 'guests of the history' 'web1|web2' history --limit 5 web
is 'sizes of hugepages' '2MiB' advise --page-size 2
is 'formats' 'json' -o j
is 'formats behind =' 'json' status --output = j
is 'policies' 'home-node' plan --policy h
is 'a verb for the daemon' 'pause' pau
is 'it takes no guest' '' pause web
is 'without the daemon' '--no-daemon' show --no
is 'files of replay' 'vmbalancer' replay vmb
is 'options of record' '--force' record --forc
is 'files of simulate' 'vmbalancer' simulate vmb
is 'kinds of worlds' 'numa01|numa02' simulate --generate nu
is 'policies to simulate' 'home-node' simulate --policy h
is 'files of --report' 'vmbalancer' simulate --report vmb
is 'options of replay' '--report' replay --rep
is 'times of record' '10min' record --for 10
is 'policy verbs' 'list|show|get|set|unset' policy ''
is 'policies to show' 'home-node' policy show h
[[ -e owned ]] && { echo "not ok a name was run"; failed=1; }
echo "1..$number"
exit $failed
