#!/usr/bin/python3
"""NICs on real interfaces (port=packet), in two namespaces: packet_test.py
[BUILD]
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time

from segment import PING, frames_of_pcap, frames_of_pcapng, segment
from support import LIMIT, NOBODY, Score, finish, need

PINGPONGS = "rc", "uc", "ud", "srq", "xsrq"
PERFTEST = ["ib_send_bw", "ib_write_bw", "ib_read_bw", "ib_atomic_bw"]
OWN = "ip=10.9.0.1/24", "ip=10.9.0.2/24"
OWN6 = "ip=fd00:9::1/64", "ip=fd00:9::2/64"
HOST = "ip=host", "ip=host"
# A second to wait for an acknowledgement: machines may be busy.
PATIENT = ["-F", "-u", "18", "-x"]
WRITE = ["ib_write_bw", *PATIENT, "1"]

ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7777))
print("ready", flush=True)
while True:
    data, who = s.recvfrom(9000)
    s.sendto(data, who)
"""

ASK_ECHO = """
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(60)
for n in 1, 100, 1472, 4000:
    data = os.urandom(n)
    s.sendto(data, (sys.argv[1], 7777))
    assert s.recv(9000) == data
print("echoed")
"""

HOLD = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.168.77.1", 4791))
print("ready", flush=True)
time.sleep(600)
"""


def both(client, server):
    return "; ".join(w for w in (client.wrong("client"),
                                 server.wrong("server")) if w)


def check_pair(score, wire, name, words, nics, **how):
    client, server = wire.pair(words, nics, **how)
    score.check(name, both(client, server))
    return client, server


# ---- traffic ----

def exchange(score, wire, kind, nics, gid):
    for pingpong in PINGPONGS:
        options = ["-c"] if pingpong in ("rc", "srq", "xsrq") else []
        check_pair(score, wire, f"{kind}: ibv_{pingpong}_pingpong",
                   [f"ibv_{pingpong}_pingpong", "-g", str(gid)] +
                   (options if pingpong == "rc" else []), nics)
    for program in PERFTEST:
        check_pair(score, wire, f"{kind}: {program}",
                   [program, *PATIENT, str(gid), "-n", "300"], nics)


def everything(score, wire):
    exchange(score, wire, "own address", OWN, 1)
    exchange(score, wire, "link-local", OWN, 0)
    exchange(score, wire, "own IPv6 address", OWN6, 1)
    exchange(score, wire, "the host's", HOST, 1)
    for gid, what in (0, "link-local"), (1, "IPv4"), (2, "IPv6"):
        check_pair(score, wire, f"the host's {what} address",
                   ["ibv_rc_pingpong", "-c", "-g", str(gid)], HOST)
        nics = [f"{a},{b}" for a, b in zip(OWN, OWN6)]
        check_pair(score, wire, f"one of several: {what}",
                   ["ibv_rc_pingpong", "-c", "-g", str(gid)], nics)
    check_pair(score, wire, "own address to the host's",
               ["ibv_rc_pingpong", "-c", "-g", "1"],
               ("ip=192.168.77.9/24", "ip=host"))
    check_pair(score, wire, "no trains", WRITE,
               [n + ",gso=off" for n in OWN])
    check_pair(score, wire, "one side without trains",
               WRITE, (OWN[0] + ",gso=off", OWN[1]))
    # Its two ends wait for each other: an acknowledgement that is lost does
    # not find its peer gone.
    check_pair(score, wire, "faults", [*WRITE, "-n", "20"],
               (OWN[0] + ",loss=1%,seed=3", OWN[1]))


def tunnels(score, wire):
    for name, ends in (("own addresses", ("10.8.0.1", "10.8.0.2")),
                       ("the hosts' addresses", (wire.a.ip, wire.b.ip)),
                       ("IPv6", ("fd00:8::1", "fd00:8::2"))):
        nics = [f"port=vxlan,via=packet:{end.iface},local={ends[i]},"
                f"remote={ends[1 - i]},ip=10.7.0.{i + 1}/24"
                for i, end in enumerate((wire.a, wire.b))]
        for words in (["ibv_rc_pingpong", "-c", "-g", "1"], WRITE):
            check_pair(score, wire, f"VXLAN over {name}: {words[0]}", words,
                       nics)


def one_interface(score, wire):
    check_pair(score, wire, "two NICs of one interface",
               ["ibv_rc_pingpong", "-c", "-g", "1"],
               ("ip=10.9.0.1/24", "ip=10.9.0.3/24"), ends=(wire.a, wire.a))


def vlans(score, wire):
    with wire.a.tcpdump("vlan 5 and udp") as heard:
        check_pair(score, wire, "VLAN 5", ["ibv_rc_pingpong", "-c", "-g", "1"],
                   [n + ",vlan=5" for n in OWN])
    score.check("VLAN 5 on the wire", "" if "vlan 5" in heard.text else
                f"tcpdump sees no tag: {heard.text[:200]}")
    client, _ = wire.pair(["ibv_rc_pingpong", "-g", "1"],
                          (OWN[0] + ",vlan=6", OWN[1] + ",vlan=5"))
    score.check("VLANs are apart", "" if client.status else
                "VLAN 6 reaches VLAN 5")


def mtus(score, wire):
    for mtu, pmtu in (1500, 1024), (9000, 4096):
        for end in wire.a, wire.b:
            end.up(mtu)
        for nics in OWN, HOST:
            done = finish(wire.a.glassnic(["ibv_devinfo"], nics[0]),
                          time.monotonic() + LIMIT)
            got = re.search(r"active_mtu:\s+(\d+)", done.out)
            score.check(f"MTU {mtu}, {nics[0]}: PMTU {pmtu}", "" if got and
                        int(got[1]) == pmtu else done.out + done.err)
            check_pair(score, wire, f"MTU {mtu}, {nics[0]}: ib_write_bw",
                       WRITE + ["-m", str(pmtu), "-s", "1048576", "-n", "100"],
                       nics)
    for end in wire.a, wire.b:
        end.up(1500)


# ---- what else is on the wire ----

def beside_the_host(score, wire):
    """The host's stack keeps its own traffic, and says nothing about ours."""
    echo = wire.b.start([sys.executable, "-c", ECHO])
    echo.stdout.readline()
    answers = []

    def use_the_host():
        answers.append(wire.a.python(PING, wire.b.ip))
        answers.append(wire.a.python(ASK_ECHO, wire.b.ip))

    with wire.a.tcpdump("icmp[0] = 3 or icmp6[0] = 1") as heard:
        check_pair(score, wire, "the host's: beside other traffic",
                   WRITE + ["-n", "2000"], HOST,
                   before=use_the_host)
    echo.terminate()
    echo.communicate()
    for name, answer in zip(("ping", "UDP"), answers):
        score.check(f"the host's: its {name} works meanwhile",
                    answer.wrong("it"))
    score.check("the host's: no ICMP unreachable", "unreachable" in heard.text
                and heard.text)


def announcements(score, wire):
    with wire.a.tcpdump("arp or icmp6") as heard:
        check_pair(score, wire, "own address: seen from outside",
                   ["ibv_rc_pingpong", "-g", "1"], OWN)
    for name, want in {
            "probe": r"Request who-has 10\.9\.0\.2 tell 0\.0\.0\.0",
            "gratuitous ARP": r"Request who-has 10\.9\.0\.2 tell 10\.9\.0\.2",
            "question (of who connects first)": r"Request who-has 10\.9\.0\."
            r"(2 tell 10\.9\.0\.1|1 tell 10\.9\.0\.2)",
            "answer": r"Reply 10\.9\.0\.([12]) is-at 02:67:0a:09:00:0\1",
            "ND probe": r":: > ff02::1:ff09:2: ICMP6, neighbor solicitation",
            "ND announcement":
            r"> ff02::1: ICMP6, neighbor advertisement"}.items():
        score.check(f"own address: {name}", "" if
                    re.search(want, heard.text) else
                    f"no /{want}/ in {heard.text[:2000]}")
    with wire.a.tcpdump("arp[6:2] = 2 or icmp6[0] = 136") as heard:
        check_pair(score, wire, "the host's: seen from outside",
                   ["ibv_rc_pingpong", "-g", "1"], HOST)
    macs = re.findall(r"Reply 192\.168\.77\.2 is-at (\S+),", heard.text)
    score.check("the host's: the kernel alone answers", "" if
                len(macs) <= len(set(re.findall(r"^\S+", heard.text, re.M)))
                else heard.text)


def captures(score, wire):
    for nics, gid in (OWN, "1"), (OWN, "0"), (HOST, "1"):
        name = f"{nics[0]}, GID {gid}"
        nics = nics[0], nics[1] + ",gso=off"  # sees no tcpdump over there
        seen, own = wire.path("seen.pcap"), wire.path("own.pcapng")
        with wire.a.tcpdump("udp port 4791", seen):
            check_pair(score, wire, f"captured: {name}",
                       ["ibv_rc_pingpong", "-c", "-g", gid, "-n", "50"],
                       nics, captures=(own, None))
        theirs = frames_of_pcap(seen)[:-1]
        ours = [f for f in frames_of_pcapng(own)
                if b"\x12\xb7" in (f[36:38], f[56:58])]
        score.check(f"tcpdump sees what the NIC shows: {name}", "" if
                    theirs == ours and len(ours) > 200 else
                    f"{len(theirs)} frames, and {len(ours)} of ours")
        done = subprocess.run([wire.glassnic, "decode", "--check", seen],
                              capture_output=True, text=True)
        score.check(f"tcpdump's capture keeps the rules: {name}",
                    done.stdout[-300:] + done.stderr if done.returncode
                    else "")
    own = wire.path("trains.pcapng")
    check_pair(score, wire, "captured: trains",
               WRITE + ["-n", "100"], OWN,
               captures=(None, own))
    done = subprocess.run([wire.glassnic, "decode", "--check", own],
                          capture_output=True, text=True)
    score.check("trains that came in keep the rules", done.stdout[-300:] +
                done.stderr if done.returncode else "")


# ---- what goes wrong ----

def refused(score, name, done, want):
    text = done.out + done.err
    wrong = "" if re.search(want, text) else f"no /{want}/ in {text[-500:]!r}"
    if done.status is None:
        wrong = "it hangs"
    score.check(name, wrong)


def refused_at_last(score, name, ask, want):
    """As refused().  Who is asked may have had no turn in the time that a NIC
    listens before it takes its address: then it is asked again.
    """
    done, until = ask(), time.monotonic() + LIMIT
    while done.status == 0 and time.monotonic() < until:
        done = ask()
    refused(score, name, done, want)


def devinfo(end, nic, **how):
    return finish(end.glassnic(["ibv_devinfo"], nic, **how),
                  time.monotonic() + LIMIT)


def duplicates(score, wire):
    for nic, ip in (OWN[1], "10.9.0.2"), (OWN6[1], "fd00:9::2"):
        server = wire.b.glassnic(["ibv_rc_pingpong", "-g", "1", "-p", "20999"],
                                 nic)
        until = time.monotonic() + LIMIT
        while not wire.b.listens(20999) and time.monotonic() < until:
            time.sleep(0.02)
        refused_at_last(
            score, f"another host has {ip}", lambda: devinfo(wire.a, nic),
            rf"ip={ip}: 02:67:[0-9a-f:]+ on this segment has this address "
            r"already; give the NIC another")
        refused(score, f"another program has {ip}",
                devinfo(wire.b, nic + ",mac=02:00:00:00:00:99"),
                rf"ip={ip}: another glassnic of this host has it on wire1; "
                r"only programs of one user, with the same ip=, mac= and "
                r"vlan=, share an address")
        server.kill()
        server.communicate()
    for ip in "192.168.77.2", "fd00:77::2":
        refused(score, f"another kernel has {ip}",
                devinfo(wire.a, f"ip={ip}"),
                rf"ip={ip}: [0-9a-f:]+ on this segment has this address")
    refused(score, "this host has it", devinfo(wire.a, "ip=192.168.77.1"),
            r"ip=192\.168\.77\.1: this host's own address \(wire0\); take "
            r"ip=host")
    hold = wire.a.start([sys.executable, "-c", HOLD])
    hold.stdout.readline()
    refused(score, "port 4791 is taken", devinfo(wire.a, "ip=host"),
            r"UDP port 4791 of 192\.168\.77\.1 is taken: by rdma_rxe or "
            r"another glassnic")
    hold.kill()
    hold.communicate()


def bad_input(score, wire):
    for name, nic, want in (
            ("no such interface", "port=packet:nope,ip=10.9.0.1/24",
             r"port=packet:nope: no such interface; `ip link' lists them"),
            ("a name too long", f"port=packet:{'x' * 40},ip=10.9.0.1/24",
             r"no such interface"),
            ("no interface", "port=packet,ip=10.9.0.1/24", r"needs a colon"),
            ("no address", "port=packet:wire0",
             r"no ip=; allowed: ip=ADDRESS/LENGTH .*, ip=host"),
            ("an MTU too large", OWN[0] + ",mtu=2000",
             r"mtu=2000: this port carries at most 1500"),
            ("a MAC for the host", "ip=host,mac=02:00:00:00:00:01",
             r"mac=: not beside ip=host"),
            ("ip=host elsewhere", "port=udp,ip=host", r"needs port=packet")):
        refused(score, name, devinfo(wire.a, nic), want)
    refused(score, "no rights", finish(wire.a.start(
        ["setpriv", f"--reuid={NOBODY}", "--clear-groups", wire.open_glassnic,
         "run", "--nic", f"port=packet:wire0,{OWN[0]}", "--", "ibv_devinfo"]),
        time.monotonic() + LIMIT), r"CAP_NET_RAW\); run as root")
    wire.a.run_ip("link", "set", "dev", "wire0", "down")
    refused(score, "interface down", devinfo(wire.a, OWN[0]),
            r"port=packet:wire0: the interface is down; `ip link set dev "
            r"wire0 up'")
    wire.a.up(300)
    refused(score, "MTU too small", devinfo(wire.a, OWN[0]),
            r"its MTU is 300, and 576 is the least")
    wire.a.up(1500)
    wire.a.run_ip("address", "add", "fd00:77::1/64", "nodad", "dev", "wire0")
    wire.a.run_ip("link", "add", "bare0", "type", "veth", "peer", "bare1")
    for bare in "bare0", "bare1":
        wire.a.run_ip("link", "set", "dev", bare, "addrgenmode", "none", "up")
    refused(score, "no address at the host",
            devinfo(wire.a, "port=packet:bare0,ip=host"),
            r"ip=host: bare0 has no address; `ip addr add'")


def silence(score, wire):
    client, _ = wire.pair(["ibv_rc_pingpong", "-g", "1"],
                          (OWN[0], OWN[1] + ",loss=100%"))
    refused(score, "a peer that does not answer ARP", client,
            r"10\.9\.0\.2: nobody answers for this address")
    score.check("the program is told", "" if client.status else "exit 0")


def down_and_up(score, wire):
    def bounce():
        wire.b.run_ip("link", "set", "dev", "wire1", "down")
        wire.b.up(1500)

    _, server = check_pair(score, wire, "interface down and up again",
                           ["ibv_rc_pingpong", "-c", "-g", "1"], OWN,
                           before=bounce)
    refused(score, "it says so", server, r"wire1: .*until the interface is up")
    wire.b.run_ip("address", "add", "fd00:77::2/64", "nodad", "dev", "wire1")


def killed(score, wire):
    server = wire.b.glassnic(["ibv_rc_pingpong", "-g", "1", "-p", "20998"],
                             OWN[1])
    until = time.monotonic() + LIMIT
    while not wire.b.listens(20998) and time.monotonic() < until:
        time.sleep(0.02)
    before = wire.b.promiscuous()
    server.kill()
    server.communicate()
    while wire.b.promiscuous() and time.monotonic() < until:
        time.sleep(0.02)
    score.check("kill -9 leaves no promiscuous mode", "" if before == 1 and
                wire.b.promiscuous() == 0 else
                f"promiscuity {before}, then {wire.b.promiscuous()}")


def main():
    need("ip", "tcpdump", "ib_write_bw", "ibv_rc_pingpong", "setpriv")
    score = Score()
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    folder = tempfile.mkdtemp(prefix="glassnic-packet-")
    try:
        with segment(build, folder) as wire:
            wire.open_glassnic = open_copy(build, folder)
            for test in (everything, tunnels, one_interface, vlans, mtus,
                         beside_the_host, announcements, captures, duplicates,
                         bad_input, silence, down_and_up, killed):
                test(score, wire)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    score.finish()


def open_copy(build, folder):
    """Where nobody can run it."""
    subprocess.run(["chmod", "755", folder])
    shutil.copytree(f"{build}/lib", f"{folder}/build/lib")
    shutil.copy(f"{build}/glassnic", f"{folder}/build/glassnic")
    return f"{folder}/build/glassnic"


if __name__ == "__main__":
    main()
