#!/bin/sh
# Installs by apt what is missing to build glassnic, to show it, to test it and to
# measure it.
#
#	tools/setup.sh [build] [demo] [labs] [test] [bench] [interop]	(default: the first four)
#
# Says what it does; does nothing, and needs no network, when all is there.
# Exits with 1 only if something is missing that the build cannot do without.
set -u

needed='gcc make pkg-config python3 libibverbs-dev'
build="$needed libisal-dev libpcap-dev libjansson-dev librdmacm-dev libxdp-dev libbpf-dev"
demo='ibverbs-utils perftest tshark'
labs='strace iperf3'
test='libcriterion-dev iproute2 ethtool qperf python3-scapy python3-pyverbs rdmacm-utils tcpdump clang libclang-rt-dev groff jq'
bench='perftest iperf3'
interop='qemu-system-x86 cpio binutils iproute2 util-linux'

say() { echo "setup: $*" >&2; }

is_installed() {
	case $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) in
	installed) return 0 ;;
	esac
	return 1
}

missing_of() {
	for p in "$@"; do
		is_installed "$p" || printf ' %s' "$p"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# tshark asks whether users may capture; nobody is there to answer.
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >&2; }

install_all() {
	say "installing by apt: $*"
	apt install -y --no-install-recommends "$@" && return
	say 'that failed; trying with a fresh list of packages'
	apt update
	apt install -y --no-install-recommends "$@" && return
	say 'that failed; trying one by one'
	for p in "$@"; do
		apt install -y --no-install-recommends "$p" ||
			say "$p cannot be installed"
	done
}

wanted=
for set in "${@:-build demo labs test}"; do
	for s in $set; do
		case $s in
		build) wanted="$wanted $build" ;;
		demo) wanted="$wanted $demo" ;;
		labs) wanted="$wanted $labs" ;;
		test) wanted="$wanted $test" ;;
		bench) wanted="$wanted $bench" ;;
		interop) wanted="$wanted $interop" ;;
		*)
			say "$s: no such set; there are build, demo, labs, test, bench and interop"
			exit 2
			;;
		esac
	done
done

if ! command -v dpkg-query >/dev/null; then
	say "this is no Debian: please see to these packages yourself:$wanted"
	exit 0
fi
# shellcheck disable=SC2086
missing=$(missing_of $wanted)
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; then
	# shellcheck disable=SC2086
	install_all $missing
else
	say "missing, and there is no sudo; as root: apt-get install$missing"
fi

# shellcheck disable=SC2086
missing=$(missing_of $wanted)
[ -n "$missing" ] && say "still missing:$missing"
# shellcheck disable=SC2086
[ -z "$(missing_of $needed)" ]
