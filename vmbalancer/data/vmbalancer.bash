# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for vmbalancer(1)
#
# Guest names are what guests' owners chose, so each goes onto the command line quoted for where it
# will stand, and one that cannot be quoted there is not offered.

# Running guests, one a line. virsh answers at once and without root; vmbalancer would look at the host first.
_vmbalancer_guests() {
	local connect=()
	[[ -n $1 ]] && connect=(-c "$1")
	timeout 2 virsh -q -r "${connect[@]}" list --name </dev/null 2>/dev/null
}

_vmbalancer_policies() {
	timeout 2 vmbalancer policy list </dev/null 2>/dev/null | while IFS=' ' read -r name rest; do
		[[ -n $rest && $name =~ ^[a-z][a-z0-9-]*$ ]] && printf '%s\n' "$name"
	done
}

# Offers words that need no quotes: $1, a list; those that begin with $2.
_vmbalancer_words() {
	local word
	for word in $1; do
		[[ $word == "$2"* ]] && COMPREPLY+=("$word")
	done
}

# Offers guest names that begin with what was typed ($1, as typed), by the URI $2.
_vmbalancer_offer_guests() {
	local typed=$1 quote='' name
	case $typed in
	\'*) quote=\' typed=${typed:1} ;;
	\"*) quote=\" typed=${typed:1} ;;
	esac
	if [[ $quote != \' ]]; then # the backslashes that were typed, undone
		typed=${typed//\\\\/$'\001'}
		typed=${typed//\\/}
		typed=${typed//$'\001'/\\}
	fi
	while IFS= read -r name; do
		[[ -z $name || $name == *[[:cntrl:]]* || $name != "$typed"* ]] && continue
		case $quote in
		\') [[ $name == *\'* ]] || COMPREPLY+=("$name") ;;
		\")
			[[ $name == *\!* ]] && continue # history expansion, which nothing stops in there
			name=${name//\\/\\\\}
			name=${name//\"/\\\"}
			name=${name//\$/\\\$}
			name=${name//\`/\\\`}
			COMPREPLY+=("$name")
			;;
		*)
			printf -v name '%q' "$name"
			name=${name//:/\\:} # else readline breaks the word there
			COMPREPLY+=("${name//=/\\=}")
			;;
		esac
	done < <(_vmbalancer_guests "$2")
}

_vmbalancer() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev='' verb='' action='' uri='' word i
	local common='-c --connect -o --output --config --qmp-passthrough --no-daemon --help'
	local verbs='status show top plan rebalance release advise policy history pause resume record replay simulate doctor'
	COMPREPLY=()
	# "--option=value" comes as three words
	((COMP_CWORD > 0)) && prev=${COMP_WORDS[COMP_CWORD - 1]}
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = ]] && ((COMP_CWORD > 1)); then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-c | --connect | -o | --output | --config | --to | --policy | --rate | --since | --limit | --for | --interval | --count | --page-size | --generate | --seed | --hosts | --report)
			((i++))
			[[ ${COMP_WORDS[i]} == = ]] && ((i++))
			# A URI comes in pieces, as ":" breaks words.
			[[ $word == -c || $word == --connect ]] && while [[ ${COMP_WORDS[i + 1]} == :* ]]; do ((i += 2)); done
			;;
		-*) ;;
		*) if [[ -z $verb ]]; then verb=$word; else action=${action:-$word}; fi ;;
		esac
	done
	if [[ $COMP_LINE =~ [[:space:]](-c|--connect)[[:space:]=]+([a-z0-9+]+:[^[:space:]\'\"\\\;\&\|\<\>\$\`]*)[[:space:]] ]]; then
		uri=${BASH_REMATCH[2]}
	fi

	case $prev in
	-o | --output) _vmbalancer_words 'table json' "$cur"; return ;;
	--config | --report) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--policy) _vmbalancer_words "$(_vmbalancer_policies)" "$cur"; return ;;
	--rate) _vmbalancer_words '64MiB/s 256MiB/s 1GiB/s max' "$cur"; return ;;
	--page-size) _vmbalancer_words '2MiB 1GiB' "$cur"; return ;;
	--to) _vmbalancer_words "$(cat /sys/devices/system/node/online 2>/dev/null)" "$cur"; return ;;
	-c | --connect) _vmbalancer_words 'qemu:///system' "$cur"; return ;;
	--since) _vmbalancer_words '1h 1d 7d' "$cur"; return ;;
	--generate) _vmbalancer_words 'web database wide diurnal square ping-pong full numa01 numa02 fleet' "$cur"; return ;;
	--for) _vmbalancer_words '10min 1h' "$cur"; return ;;
	--interval | --count | --limit | --seed | --hosts) return ;;
	esac

	local options=$common
	case $verb in
	'') _vmbalancer_words "$verbs $common --version" "$cur"; return ;;
	status) options+=' --exact' ;;
	show) options+=' --exact' ;;
	top) options+=' --interval --lines --count' ;;
	plan) options+=' --to --policy --force' ;;
	release) options+=' --all' ;;
	history) options+=' --since --limit' ;;
	record) options+=' --for --limit --force' ;;
	rebalance) options+=' --to --policy --rate --dry-run --wait --force' ;;
	advise) options+=' --page-size -v --verbose' ;;
	replay) options+=' --policy --report --seed' ;;
	simulate) options+=' --generate --policy --report --seed --hosts --scenario' ;;
	esac
	if [[ $cur == -* ]]; then
		_vmbalancer_words "$options" "$cur"
		return
	fi
	case $verb in
	show | plan | rebalance | release | history) _vmbalancer_offer_guests "$cur" "$uri" ;;
	record | replay | simulate) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	policy)
		if [[ -z $action ]]; then
			_vmbalancer_words 'list show get set unset' "$cur"
		elif [[ $action == show ]]; then
			_vmbalancer_words "$(_vmbalancer_policies)" "$cur"
		elif [[ $action != list ]]; then
			_vmbalancer_offer_guests "$cur" "$uri"
			[[ $action != set ]] || _vmbalancer_words "$(_vmbalancer_policies)" "$cur"
		fi
		;;
	esac
}

complete -F _vmbalancer vmbalancer
