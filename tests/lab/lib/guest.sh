# Starting guests. What a guest was started with is kept in /run/lab/guests/NAME.
# shellcheck shell=bash
lab_walker=$LAB_BUILD/tests/lab/walker.elf
lab_thp=/sys/kernel/mm/transparent_hugepage/enabled

lab_error() {
	echo "lab: $*" >&2
	return 1
}

# lab_guest NAME [OPTION...]: starts a guest and waits until it has touched all its memory.
#   --vcpus N (1)  --plug N (0), more that may be plugged in later  --memory MiB (64)
#   --backing anonymous|thp|memfd|file|locked|hugepages|gigantic, the last in pages of 1 GiB that are there
#   --cells N (0), alike  --split "N N...", as many cells, with so many vCPUs
#   --walk "bytes=SIZE shared|private spread stride=N duty=PERCENT"  --quota PERCENT (20; 0: none)
#   --xml-extra XML, put into <domain>  --define, persistent  --suspend, once it is ready  --no-wait
lab_guest() {
	local name=$1 vcpus=1 plug=0 memory=64 cells=0 backing=anonymous walk='' quota=20 extra='' split=()
	local verb=create suspend='' wait=yes
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--define) verb=define && shift && continue ;;
		--suspend) suspend=yes && shift && continue ;;
		--no-wait) wait='' && shift && continue ;;
		esac
		[ $# -ge 2 ] || { lab_error "lab_guest: $1 needs a value" && return; }
		case $1 in
		--vcpus) vcpus=$2 ;;
		--plug) plug=$2 ;;
		--memory) memory=$2 ;;
		--cells) cells=$2 ;;
		--split) read -r -a split <<<"$2" && cells=${#split[@]} ;;
		--backing) backing=$2 ;;
		--walk) walk=$2 ;;
		--quota) quota=$2 ;;
		--xml-extra) extra=$2 ;;
		*) lab_error "lab_guest: unknown option '$1'" || return ;;
		esac
		shift 2
	done
	[ -f "$lab_walker" ] ||
		lab_error "the guest's kernel $lab_walker is not built; run 'meson compile -C $LAB_BUILD'" || return
	[ "$cells" -le 1 ] || walk="spread $walk"
	mkdir -p /run/lab/guests
	printf 'memory=%d\ncells=%d\nquota=%d\n' "$memory" "$cells" "$quota" >"/run/lab/guests/$name"
	lab_prepare_backing "$backing" "$memory" || return
	rm -f "/var/log/lab/$name.serial" "/var/log/lab/$name.times"
	lab_guest_xml >"/run/lab/guests/$name.xml" || return
	if [ $verb = define ]; then
		virsh -q define "/run/lab/guests/$name.xml" && virsh -q start "$name" || return
	else
		virsh -q create "/run/lab/guests/$name.xml" || return
	fi
	lab_serial_follow "$name"
	lab_tell_meter
	[ -z "$wait$suspend" ] || lab_ready "$name" || return
	if [ "$backing" = thp ]; then echo never >$lab_thp; fi
	[ -z "$suspend" ] || virsh -q suspend "$name"
}

# The quota holds only once the memory is touched, or that takes most of a test's time. libvirt
# keeps its own record of it, which is right again afterwards.
lab_quota() {
	local limit=$2 file
	[ "$limit" != 0 ] || limit=max
	for file in /sys/fs/cgroup/machine/qemu-*-"$1".libvirt-qemu/{libvirt/,}vcpu*/cpu.max; do
		[ ! -e "$file" ] || echo "$limit 100000" >"$file" || return
	done
}

# The kernel gives 2 MiB pages to whoever asks, and QEMU always asks: so they are off but while a
# guest of that backing touches its memory. Huge pages come from pools with room on every node.
lab_prepare_backing() {
	local node pool
	echo never >$lab_thp
	case $1 in
	anonymous | memfd | file | locked | gigantic) ;;
	thp) echo always >$lab_thp ;;
	hugepages)
		for node in /sys/devices/system/node/node[0-9]*; do
			pool=$node/hugepages/hugepages-2048kB
			[ "$(cat "$pool/free_hugepages")" -ge $(($2 / 2)) ] && continue
			echo $(($(cat "$pool/nr_hugepages") + $2 / 2)) >"$pool/nr_hugepages"
			[ "$(cat "$pool/free_hugepages")" -ge $(($2 / 2)) ] ||
				lab_error "${node##*/} has no $2 MiB for huge pages; give more with --memory-per-node" || return
		done
		;;
	*) lab_error "lab_guest: unknown backing '$1'" || return ;;
	esac
}

# Reads lab_guest's variables.
# shellcheck disable=SC2154
lab_guest_xml() {
	local i next first=0 all=$((vcpus + plug))
	echo "<domain type='qemu'><name>$name</name>"
	echo "<memory unit='MiB'>$memory</memory><vcpu current='$vcpus'>$((vcpus + plug))</vcpu>"
	case $backing in
	memfd) echo "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>" ;;
	file) echo "<memoryBacking><source type='file'/><access mode='shared'/></memoryBacking>" ;;
	locked) echo "<memoryBacking><locked/></memoryBacking><memtune><hard_limit unit='GiB'>4</hard_limit></memtune>" ;;
	hugepages) echo "<memoryBacking><hugepages/></memoryBacking>" ;;
	gigantic) echo "<memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages></memoryBacking>" ;;
	esac
	echo "<os><type arch='x86_64' machine='pc'>hvm</type><kernel>$lab_walker</kernel>"
	echo "<cmdline>vcpus=$vcpus $walk</cmdline></os>"
	echo "<features><acpi/><tcg><tb-cache unit='MiB'>8</tb-cache></tcg></features>"
	if [ "$quota" -gt 0 ]; then
		echo "<cputune><period>100000</period><quota>$((quota * 1000))</quota></cputune>"
	fi
	if [ "$cells" -gt 0 ]; then
		echo "<cpu><numa>"
		for ((i = 0; i < cells; i++)); do
			next=$((${#split[@]} > 0 ? first + ${split[i]:-0} : all * (i + 1) / cells))
			echo "<cell id='$i' cpus='$first-$((next - 1))' memory='$((memory / cells))' unit='MiB'/>"
			first=$next
		done
		echo "</numa></cpu>"
	fi
	echo "<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>"
	echo "<serial type='file'><source path='/var/log/lab/$name.serial'/></serial>"
	echo "<controller type='usb' model='none'/><memballoon model='none'/></devices>"
	echo "$extra</domain>"
}

# Tells the meter which addresses are guest RAM, of all guests that run.
lab_tell_meter() {
	local file
	for file in /run/lab/guests/*.xml; do
		file=${file##*/}
		[ ! -e "/run/libvirt/qemu/${file%.xml}.pid" ] || lab_ranges "${file%.xml}"
	done >/run/lab/job/ranges.new
	mv /run/lab/job/ranges.new /run/lab/job/ranges
}

# lab_ready NAME [SECONDS]: waits until the guest runs its walk, and lets it run free until then; tells
# why if it never does.
lab_ready() {
	local quota=0
	# shellcheck disable=SC1090
	source <(grep '^quota=' "/run/lab/guests/$1") || return
	lab_quota "$1" max
	lab_await "$@" 9<> <(:) || return
	lab_quota "$1" $((quota * 1000))
}

# Starts no process as long as it waits (file 9 never has a line): that would take the time that the
# guests need.
lab_await() {
	local serial=/var/log/lab/$1.serial end=$((SECONDS + ${2:-120})) text
	while :; do
		text=''
		[ ! -r "$serial" ] || text=$'\n'$(<"$serial")
		[[ "$text" != *$'\n'ready* ]] || break
		[[ "$text" != *$'\nwalker: error'* ]] ||
			lab_error "guest $1: $(grep '^walker: error' "$serial")" || return
		[ -e "/run/libvirt/qemu/$1.pid" ] ||
			lab_error "guest $1 died: $(tail -n 3 "/var/log/libvirt/qemu/$1.log")" || return
		[ $SECONDS -lt $end ] || lab_error "guest $1 is not ready after ${2:-120} s" || return
		read -r -t 0.1 -u 9 || :
	done
}

# lab_pid NAME: the process of its QEMU.
lab_pid() {
	cat "/run/libvirt/qemu/$1.pid" 2>/dev/null || lab_error "guest $1 does not run"
}

# lab_stop NAME...: ends guests at once, defined ones for good.
lab_stop() {
	local name
	for name in "$@"; do
		virsh -q destroy "$name" >/dev/null || return
		virsh -q undefine "$name" >/dev/null 2>&1
		[ ! -e "/run/lab/guests/$name.follower" ] || kill -- "-$(cat "/run/lab/guests/$name.follower")" 2>/dev/null
		rm -f "/run/lab/guests/$name" "/run/lab/guests/$name".*
	done
	lab_tell_meter
}
