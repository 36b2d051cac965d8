#!/bin/bash
# Two programs as two hosts, whose NICs talk RoCEv2 inside VXLAN VNI 100.
#
#	tools/demo.sh [BUILD]
#
# Nothing leaves the machine: the tunnel's ends are two addresses of the loopback
# interface.  Exits with 0 only if every part succeeded.
set -u

build=${1:-build}
out=$build/demo
limit=20	# seconds that a pair of programs may take
failed=0
pids=()

heading() { printf '\n\033[1m%s\033[0m\n\n' "$*"; }
[ -t 1 ] || heading() { printf '\n== %s ==\n\n' "$*"; }
fail() { echo "demo: $*" >&2; failed=1; }

room=$(mktemp -d) || exit 77
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
	[ ${#pids[@]} -gt 0 ] && kill "${pids[@]}" 2>/dev/null
	rm -rf "$room"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Root is not needed: when it is root who asks, nobody runs the programs, from a
# copy, because this folder may be closed to nobody.
as_user=()
glassnic=$build/glassnic
mkdir -p "$out" && rm -f "$out"/*.pcapng || exit 77
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	mkdir -p "$room/build"
	cp -r "$build/glassnic" "$build/lib" "$room/build/"
	glassnic=$room/build/glassnic
	chmod -R a+rX "$room"
fi
mkdir "$room/captures" && chmod 777 "$room/captures"

# ---- addresses and ports that nobody uses ----

in_use() { # TABLE... PATTERN of "address:port"
	local pattern=${*: -1}
	cat "${@:1:$#-1}" 2>/dev/null |
		awk -v p="$pattern" '$2 ~ p { found = 1 } END { exit !found }'
}

for ((net = $$ % 60000 + 256; ; net++)); do
	x=$((net >> 8)) y=$((net & 255))
	hex=$(printf '^0[12]%02X%02X7F:12B5$' $y $x)
	in_use /proc/net/udp "$hex" || break
done
a=127.$x.$y.1 b=127.$x.$y.2

listens() { # TCP PORT
	awk -v port="$(printf ':%04X$' "$1")" \
		'$2 ~ port && $4 == "0A" { found = 1 } END { exit !found }' \
		/proc/net/tcp /proc/net/tcp6 2>/dev/null
}

tcp=$((20000 + $$ % 10000))
free_port() {
	while listens $((++tcp)); do :; done
}

# ---- two hosts ----

run_host() { # LOCAL REMOTE CAPTURE PROGRAM...
	local nic="port=vxlan,vni=100,local=$1,remote=$2"
	local capture="$room/captures/$3"

	shift 3
	exec timeout $limit "${as_user[@]}" "$glassnic" run --nic "$nic" \
		--capture "$capture" -- "$@"
}

# perftest says much; what matters is its table, and what it ran with.
show() { # NAME FILE
	grep -vE '^[-* ]*$|Waiting for|Dual-port|ibv_wr|PCIe|^ *(rdma_cm|Data ex)' \
		"$2" | sed "s/^ */  $1 | /"
}

# Both run PROGRAM; B is told where A listens.
run_pair() { # NAME PROGRAM...
	local name=$1 server client status=0
	shift

	free_port
	echo "  host A \$ glassnic run --nic port=vxlan,vni=100,local=$a,remote=$b -- $*"
	echo "  host B \$ glassnic run --nic port=vxlan,vni=100,local=$b,remote=$a -- $* 127.0.0.1"
	echo
	(run_host "$a" "$b" "$name-a.pcapng" "$@" -p $tcp) >"$room/a" 2>&1 &
	server=$!
	pids+=("$server")
	for ((i = 0; i < 500; i++)); do
		listens $tcp && break
		kill -0 $server 2>/dev/null || break
		sleep 0.02
	done
	(run_host "$b" "$a" "$name-b.pcapng" "$@" -p $tcp 127.0.0.1) \
		>"$room/b" 2>&1 &
	client=$!
	pids+=("$client")
	wait $client || status=$?
	wait $server || status=$?
	pids=()
	show A "$room/a"
	show B "$room/b"
	[ $status = 0 ] || fail "$1 failed (exit status $status)"
	mv "$room/captures/$name"-[ab].pcapng "$out/" ||
		fail "$1 left no capture"
}

heading "1. ibv_rc_pingpong on two hosts, tunnel ends $a and $b"
run_pair pingpong ibv_rc_pingpong -g 1 -n 200 -s 6000

heading "2. ib_write_bw on the same two hosts"
run_pair write_bw ib_write_bw -F -x 1 -n 200

capture=$out/pingpong-b.pcapng

heading "3. The first messages, seen at host B (glassnic decode --ladder)"
"$glassnic" decode --ladder --max 12 "$capture" || fail 'decode failed'

heading "4. The same packets as tshark sees them"
if command -v tshark >/dev/null; then
	# Without the options tshark takes SENDs of nothing for malformed RPCs,
	# and two bytes of payload for an EtherType.
	tshark -n -r "$capture" --disable-protocol rpcordma \
		--disable-heuristic eth_over_ib \
		-Y infiniband.bth -c 40 -T fields -E occurrence=a \
		-e frame.number -e ip.src -e ip.dst -e vxlan.vni \
		-e infiniband.bth.psn -e _ws.col.Info 2>"$room/tshark" |
		awk -F'\t' '
		BEGIN {
			row = "  %-5s  %-13s > %-13s  %-3s  %-10s > %-10s  %s\n"
			printf row, "frame", "outer src", "outer dst", "VNI",
				"inner src", "inner dst", "BTH"
		}
		NR <= 12 {
			split($2, src, ","); split($3, dst, ",")
			printf row, $1, src[1], dst[1], $4, src[2], dst[2],
				$6 " PSN=" $5
			n++
		}
		END { exit !n }' || fail "tshark saw nothing: $(cat "$room/tshark")"
	bad=$(tshark -n -r "$capture" --disable-protocol rpcordma \
		--disable-heuristic eth_over_ib \
		-Y _ws.malformed 2>/dev/null | wc -l)
	echo
	echo "  malformed frames in the whole capture: $bad"
	[ "$bad" = 0 ] || fail "tshark calls $bad frames malformed"
else
	echo '  tshark is NOT INSTALLED, so nobody else has looked (Debian: tshark)'
fi

heading "5. Does every packet keep the rules? (glassnic decode --check)"
for f in "$out"/*.pcapng; do
	verdict=$("$glassnic" decode --check "$f" 2>&1) ||
		fail "$f: the check says no"
	echo "$verdict" | sed "s|^|  ${f##*/}: |"
done

heading '6. Look for yourself'
echo "  build/glassnic decode $capture | less"
echo "  wireshark --disable-protocol rpcordma $capture"
echo
if [ $failed = 0 ]; then
	echo 'demo: all parts succeeded'
else
	echo 'demo: FAILED' >&2
fi
exit $failed
