#!/usr/bin/python3
"""NICs on real interfaces through AF_XDP (port=xdp), in two namespaces:
xdp_test.py [BUILD]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from packet_test import (ASK_ECHO, ECHO, PATIENT, PING, WRITE, check_pair,
                         devinfo, open_copy, refused)
from segment import cannot, segment
from support import LIMIT, NOBODY, Score, finish, need

PINGPONGS = "rc", "uc", "ud", "srq", "xsrq"
OWN = "ip=10.9.0.1/24", "ip=10.9.0.2/24"
OWN6 = "ip=fd00:9::1/64", "ip=fd00:9::2/64"
HOST = "ip=host", "ip=host"
MODES = "auto", "native", "generic"

# An AF_XDP socket of somebody else on a queue, who has no program there.
HOLD_QUEUE = """
import ctypes, mmap, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
s = socket.socket(44, socket.SOCK_RAW)
memory = mmap.mmap(-1, 64 * 4096)
at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
s.setsockopt(283, 4, struct.pack("QQIIII", at, 64 * 4096, 4096, 0, 0, 0))
for ring in 5, 6, 2:
    s.setsockopt(283, ring, 64)
name = struct.pack("HHIII", 44, 2, socket.if_nametoindex(sys.argv[1]), 0, 0)
if libc.bind(s.fileno(), name, len(name)):
    sys.exit(f"bind: {ctypes.get_errno()}")
print("ready", flush=True)
time.sleep(600)
"""


def xdp(nics, more=""):
    more = "," + more if more else ""
    return [f"port=xdp:{iface},{nic}{more}"
            for iface, nic in zip(("wire0", "wire1"), nics)]


def has_program(end):
    return " xdp" in end.run_ip("link", "show", "dev", end.iface)


def until_true(what):
    until = time.monotonic() + LIMIT
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def waiting_server(end, nic, port, **how):
    server = end.glassnic(["ibv_rc_pingpong", "-g", "1", "-p", str(port)], nic,
                          **how)
    until_true(lambda: end.listens(port) or server.poll() is not None)
    return server


def end_it(process):
    process.kill()
    process.communicate()


def can_it(wire):
    """Ends the test where AF_XDP cannot be had at all."""
    done = devinfo(wire.a, xdp(OWN)[0])
    text = done.out + done.err
    if "this kernel has no AF_XDP" in text or "built without" in text:
        cannot(text.strip())
    if "no right" in text:
        cannot(f"root, but {text.strip()}")


# ---- traffic ----

def modes(score, wire):
    for mode in MODES:
        for kind, nics in ("own address", OWN), ("the host's", HOST):
            name = f"{mode}, {kind}"
            both = xdp(nics, f"xdpmode={mode}")
            done, _ = check_pair(score, wire, f"{name}: ibv_rc_pingpong",
                                 ["ibv_rc_pingpong", "-c", "-g", "1"], both,
                                 log="info")
            want = "generic XDP" if mode == "generic" else "native XDP"
            score.check(f"{name}: says what it runs on", "" if want in done.err
                        and "queue 0" in done.err else done.err)
            programs = "ib_write_bw", "ib_read_bw", "ib_send_lat"
            for program in programs if mode != "auto" else ():
                check_pair(score, wire, f"{name}: {program}",
                           [program, *PATIENT, "1", "-m", "1024", "-n",
                            "300"], both)


def everything(score, wire):
    for kind, nics, gid in (("own address", OWN, "1"),
                            ("link-local", OWN, "0"),
                            ("own IPv6 address", OWN6, "1"),
                            ("the host's", HOST, "1"),
                            ("the host's link-local one", HOST, "0"),
                            ("the host's IPv6", HOST, "2")):
        for pingpong in PINGPONGS if gid == "1" else ("rc", "ud"):
            check_pair(score, wire, f"{kind}: ibv_{pingpong}_pingpong",
                       [f"ibv_{pingpong}_pingpong", "-g", gid], xdp(nics))
    check_pair(score, wire, "VLAN 5", ["ibv_rc_pingpong", "-c", "-g", "1"],
               xdp(OWN, "vlan=5"))
    # Its two ends wait for each other: an acknowledgement that is lost does
    # not find its peer gone.
    check_pair(score, wire, "faults", [*WRITE, "-n", "20"],
               (xdp(OWN, "loss=1%,seed=3")[0], xdp(OWN)[1]))
    check_pair(score, wire, "a small buffer",
               [*WRITE, "-n", "300"], xdp(OWN, "rcvbuf=262144"))


def tunnels(score, wire):
    write = [*WRITE, "-n", "300"]
    for name, ends in (("own addresses", ("10.8.0.1", "10.8.0.2")),
                       ("the hosts' addresses", (wire.a.ip, wire.b.ip)),
                       ("IPv6", ("fd00:8::1", "fd00:8::2"))):
        for mode in "native", "generic":
            nics = [f"port=vxlan,via=xdp:{end.iface},xdpmode={mode},"
                    f"local={ends[i]},remote={ends[1 - i]},"
                    f"ip=10.7.0.{i + 1}/24"
                    for i, end in enumerate((wire.a, wire.b))]
            for words in (["ibv_rc_pingpong", "-c", "-g", "1"], write):
                check_pair(score, wire,
                           f"{mode}: VXLAN over {name}: {words[0]}", words,
                           nics)
            by_packet = nics[0].replace(f"via=xdp:wire0,xdpmode={mode}",
                                        "via=packet:wire0")
            check_pair(score, wire,
                       f"{mode}: VXLAN over {name}: from via=packet", write,
                       (by_packet, nics[1]))


def with_others(score, wire):
    """Peers that reach the wire in other ways, which leave checksums and the
    cutting of trains to whoever comes last.
    """
    words = [*WRITE, "-n", "300"]
    for mode in "native", "generic":
        for kind, nics in ("own address", OWN), ("the host's", HOST):
            x, p = xdp(nics, f"xdpmode={mode}"), nics
            for name, pair in ("to port=packet", (x[0], p[1])), \
                              ("from port=packet", (p[0], x[1])):
                check_pair(score, wire, f"{mode}, {kind}: {name}", words, pair)
                check_pair(score, wire, f"{mode}, {kind}: {name}, short ones",
                           [*WRITE, "-n", "5000", "-s", "64"], pair)
        x = xdp(HOST, f"xdpmode={mode},foreign=yes")
        for name, pair in (
                ("to", (x[0], "port=udp,ip=192.168.77.2/24,foreign=yes")),
                ("from", ("port=udp,ip=192.168.77.1/24,foreign=yes", x[1]))):
            check_pair(score, wire, f"{mode}: {name} port=udp", words, pair)
            check_pair(score, wire, f"{mode}: {name} port=udp, pingpong",
                       ["ibv_rc_pingpong", "-c", "-g", "1"], pair)
    check_pair(score, wire, "own address to the host's", words,
               ("port=xdp:wire0,ip=192.168.77.9/24", xdp(HOST)[1]))


def mtus(score, wire):
    for mtu, pmtu in (1500, 1024), (3000, 2048), (9000, 4096):
        for end in wire.a, wire.b:
            end.up(mtu)
        for mode in "native", "generic":
            for nics in OWN, HOST:
                both = xdp(nics, f"xdpmode={mode}")
                name = f"MTU {mtu}, {mode}, {nics[0]}"
                done = devinfo(wire.a, both[0])
                got = re.search(r"active_mtu:\s+(\d+)", done.out)
                score.check(f"{name}: PMTU {pmtu}", "" if got and
                            int(got[1]) == pmtu else done.out + done.err)
                check_pair(score, wire, f"{name}: ib_write_bw",
                           [*WRITE, "-m", str(pmtu), "-s", "1048576", "-n",
                            "20"], both)
            check_pair(score, wire, f"MTU {mtu}, {mode}: from port=packet",
                       [*WRITE, "-m", str(pmtu), "-s", "1048576", "-n",
                        "20"],
                       (OWN[0], xdp(OWN, f"xdpmode={mode}")[1]))
    for end in wire.a, wire.b:
        end.up(1500)


# ---- what else is on the wire ----

def beside_the_host(score, wire):
    echo = wire.b.start([sys.executable, "-c", ECHO])
    echo.stdout.readline()
    for kind, nics in ("own address", OWN), ("the host's", HOST):
        for mode in "native", "generic":
            answers = []

            def use_the_host():
                wire.a.run_ip("neighbour", "flush", "dev", "wire0")
                answers.append(wire.a.python(PING, wire.b.ip))
                answers.append(wire.a.python(ASK_ECHO, wire.b.ip))

            name = f"{mode}, {kind}"
            check_pair(score, wire, f"{name}: beside other traffic",
                       [*WRITE, "-n", "2000"], xdp(nics, f"xdpmode={mode}"),
                       before=use_the_host)
            for what, answer in zip(("ping", "UDP"), answers):
                score.check(f"{name}: the host's {what} works meanwhile",
                            answer.wrong("it"))
    end_it(echo)


def answers_ping(score, wire):
    """An address of our own answers to who is on the wire, and to nobody who
    asks for another.
    """
    server = waiting_server(wire.b, xdp(OWN)[1], 20997)
    wire.a.run_ip("address", "add", "10.9.0.99/24", "dev", "wire0")
    score.check("own address: answers the peer's ping",
                wire.a.python(PING, "10.9.0.2").wrong("it"))
    wire.a.run_ip("address", "delete", "10.9.0.99/24", "dev", "wire0")
    end_it(server)


def captures(score, wire):
    for nics in OWN, HOST:
        own = wire.path("xdp.pcapng")
        check_pair(score, wire, f"captured: {nics[0]}",
                   ["ibv_rc_pingpong", "-c", "-g", "1", "-n", "50"], xdp(nics),
                   captures=(own, None))
        done = subprocess.run([wire.glassnic, "decode", "--check", own],
                              capture_output=True, text=True)
        score.check(f"the capture keeps the rules: {nics[0]}",
                    done.stdout[-300:] + done.stderr if done.returncode
                    else "")


def shown(score, wire):
    env = {**os.environ, "GLASSNIC_RUNTIME": wire.path("run")}
    for what, nic in (("xdp", xdp(OWN, "xdpmode=native")[1]),
                      ("vxlan", "port=vxlan,via=xdp:wire1,xdpmode=native,"
                       "local=10.8.0.2,loss=1%"),
                      ("packet", f"port=packet:wire1,{OWN[1]}")):
        server = waiting_server(wire.b, nic, 20994, env=env)
        view, text = (subprocess.run([wire.glassnic, "show", *json],
                                     capture_output=True, text=True,
                                     env=env).stdout
                      for json in (["--json"], []))
        want = '"queue 0, native XDP, copies"'
        want = "null" if what == "packet" else want
        score.check(f"glassnic show says what port={what} runs on",
                    "" if f'"runs_on":{want}' in view.replace(": ", ":") and
                    (f"{what} on {want[1:-1]}, MTU" in text) ==
                    (what != "packet") else view[:600] + text[:600])
        end_it(server)


# ---- what goes wrong ----

def busy(score, wire):
    server = waiting_server(wire.b, xdp(OWN)[1], 20996)
    refused(score, "another glassnic is on it",
            devinfo(wire.b, "port=xdp:wire1,ip=10.9.0.3/24"),
            r"port=xdp:wire1: another XDP program \(id [1-9]\d*\) is on it.*"
            r"or take port=packet:wire1")
    refused(score, "another glassnic has the address",
            devinfo(wire.b, xdp(OWN)[1]),
            r"ip=10\.9\.0\.2: another glassnic of this host has it on wire1")
    end_it(server)
    hold = wire.a.start([sys.executable, "-c", HOLD_QUEUE, "wire0"])
    ready = hold.stdout.readline()
    refused(score, "the queue is busy", devinfo(wire.a, xdp(OWN)[0]),
            r"port=xdp:wire0: queue 0 is used by another AF_XDP socket; end "
            r"that, or choose another queue \(port=xdp:wire0:1\)")
    score.check("the queue was busy", "" if ready else hold.communicate()[1])
    end_it(hold)
    check_pair(score, wire, "and is free again",
               ["ibv_rc_pingpong", "-g", "1"], xdp(OWN))


def bad_input(score, wire):
    for name, nic, want in (
            ("no such interface", "port=xdp:nope,ip=10.9.0.1/24",
             r"port=xdp:nope: no such interface; `ip link' lists them"),
            ("no interface", "port=xdp,ip=10.9.0.1/24", r"needs a colon"),
            ("no address", "port=xdp:wire0",
             r"port=xdp:wire0: no ip=; allowed: ip=ADDRESS/LENGTH .*, ip=host"),
            ("no such queue", "port=xdp:wire0:7,ip=10.9.0.1/24",
             r"port=xdp:wire0:7: no such queue; it has \d+, from 0 on"),
            ("not a queue", "port=xdp:wire0:x,ip=10.9.0.1/24",
             r"port=xdp:wire0:x: not an interface and a queue's number; "
             r"allowed: .*xdp:IFACE\[:QUEUE\]"),
            ("no such mode", xdp(OWN, "xdpmode=fast")[0],
             r"xdpmode=fast: not one of these; allowed: auto, zerocopy, "
             r"native or generic"),
            ("a mode elsewhere", "port=udp,xdpmode=native",
             r"xdpmode=native: not for port=udp; it needs port=vxlan or xdp"),
            ("a driver without zero-copy", xdp(OWN, "xdpmode=zerocopy")[0],
             r"port=xdp:wire0: its queue 0 takes no AF_XDP socket: .*; "
             r"port=packet:wire0 works"),
            ("a driver without XDP", "port=xdp:lo,ip=10.9.0.1/24,"
             "xdpmode=native", r"port=xdp:lo: no XDP program can be attached"),
            ("an MTU too large", xdp(OWN, "mtu=2000")[0],
             r"mtu=2000: this port carries at most 1500")):
        refused(score, name, devinfo(wire.a, nic), want)
        score.check(f"{name}: nothing is left behind",
                    "a program" if has_program(wire.a) else "")
    refused(score, "a fall-back is told", devinfo(wire.a,
            "port=xdp:lo,ip=10.9.0.1/24"), r"port=xdp:lo: its driver does not "
            r"do it \(.*\): the kernel does \(generic XDP\), which is slower")
    wire.a.run_ip("link", "set", "dev", "wire0", "down")
    refused(score, "interface down", devinfo(wire.a, xdp(OWN)[0]),
            r"port=xdp:wire0: the interface is down; `ip link set dev wire0 "
            r"up'")
    wire.a.up(300)
    refused(score, "MTU too small", devinfo(wire.a, xdp(OWN)[0]),
            r"port=xdp:wire0: its MTU is 300, and 576 is the least")
    wire.a.up(1500)
    wire.a.run_ip("address", "add", "fd00:77::1/64", "nodad", "dev", "wire0")


def as_nobody(wire, nic, rights):
    rights = "".join(f",+{r}" for r in rights)
    return finish(wire.a.start(
        ["setpriv", f"--reuid={NOBODY}", "--clear-groups",
         f"--inh-caps=-all{rights}", f"--ambient-caps=-all{rights}",
         wire.open_glassnic, "run", "--log", "info", "--nic", nic, "--",
         "ibv_devinfo"]), time.monotonic() + LIMIT)


def rights(score, wire):
    need_all = ["net_raw", "net_admin", "bpf"]
    for nics in OWN, HOST:
        for mode in "native", "generic":
            nic = xdp(nics, f"xdpmode={mode}")[0]
            done = as_nobody(wire, nic, need_all + ["ipc_lock"])
            score.check(f"with rights, but not root: {nics[0]}, {mode}",
                        done.wrong("ibv_devinfo"))
        for lacking in ["all"], *([r] for r in need_all):
            have = [] if lacking == ["all"] else \
                [r for r in need_all if r not in lacking]
            refused(score, f"without right: {nics[0]}, {lacking[0]}",
                    as_nobody(wire, xdp(nics)[0], have),
                    r"port=xdp:wire0: no right .*; run as root")
    refused(score, "no memory to lock", as_nobody(
        wire, xdp(OWN, "rcvbuf=268435456")[0], need_all),
        r"port=xdp:wire0: 264 MiB of memory cannot be locked; raise `ulimit "
        r"-l', or give a smaller rcvbuf=")


def set_queues(end, n):
    """False: the kernel is not done yet with the socket of one."""
    return not subprocess.run(["ip", "netns", "exec", end.name, "ethtool",
                               "-L", end.iface, "rx", str(n), "tx", str(n)],
                              stderr=subprocess.DEVNULL).returncode


def queues(score, wire):
    """What arrives at queues that are not ours is not lost."""
    if not shutil.which("ethtool"):
        print("skip several queues: no ethtool")
        return
    for end in wire.a, wire.b:
        end.run_ip("link", "set", "dev", end.iface, "down")
    set_queues(wire.b, 2)
    for end in wire.a, wire.b:
        end.up(1500)
        end.run_ip("address", "replace", f"fd00:77::{end.ip[-1]}/64", "nodad",
                   "dev", end.iface)
    for where in "wire1", "wire1:1":
        for nics in OWN, HOST:
            _, server = check_pair(
                score, wire, f"two queues, {where}, {nics[0]}",
                [*WRITE, "-n", "300"],
                (f"port=packet:wire0,{nics[0]}", f"port=xdp:{where},{nics[1]}"))
            refused(score, f"two queues, {where}, {nics[0]}: it says so",
                    server, r"port=xdp:wire1: only queue [01] of 2 is read")
    score.check("a queue is free when its NIC has ended", "" if
                until_true(lambda: set_queues(wire.b, 1)) else "it is not")


# ---- what happens meanwhile ----

def busy_pair(wire, nics, port):
    """Two that write to each other until they are ended."""
    words = [*WRITE, "-b", "-D", "600", "-p", str(port)]
    server = wire.b.glassnic(words, nics[1])
    until_true(lambda: wire.b.listens(port) or server.poll() is not None)
    client = wire.a.glassnic(words + [wire.b.ip], nics[0])
    return server, client


def moves(end, iface):
    """Whether bytes arrive there."""
    path = f"/sys/class/net/{iface}/statistics/rx_bytes"

    def arrived():
        return int(end.python("print(open(%r).read())" % path).out or 0)

    before = arrived()
    return until_true(lambda: arrived() > before + 1000000)


def down_and_up(score, wire):
    for mode in "native", "generic":
        pair = busy_pair(wire, xdp(OWN, f"xdpmode={mode}"), 20993)
        moving = moves(wire.b, "wire1")
        wire.b.run_ip("link", "set", "dev", "wire1", "down")
        wire.b.up(1500)
        again = moves(wire.b, "wire1")
        score.check(f"{mode}: the interface goes down and up in traffic",
                    "there was none" if not moving else
                    "" if again else "nothing moves any more")
        for process in pair:
            end_it(process)
    wire.b.run_ip("address", "replace", "fd00:77::2/64", "nodad", "dev",
                  "wire1")


def gone(score, wire):
    """The interface goes away under NICs: they do not hang."""
    for mode in "native", "generic":
        wire.b.run_ip("link", "add", "gone0", "type", "veth", "peer", "gone1",
                      "netns", wire.a.name)
        for end, name in (wire.a, "gone1"), (wire.b, "gone0"):
            end.run_ip("link", "set", "dev", name, "up")
        nics = [f"port=xdp:{name},ip=10.8.0.{i}/24,xdpmode={mode}"
                for i, name in enumerate(("gone1", "gone0"), 1)]
        pair = busy_pair(wire, nics, 20995)
        moving = moves(wire.b, "gone0")
        wire.b.run_ip("link", "delete", "gone0")
        for process in pair:
            process.terminate()
        done = [finish(p, time.monotonic() + LIMIT) for p in pair]
        score.check(f"{mode}: the interface goes away in traffic",
                    "there was none" if not moving else "it hangs" if
                    None in [d.status for d in done] else "")


def killed(score, wire):
    for mode in "native", "generic":
        nics = xdp(OWN, f"xdpmode={mode}")
        server, client = busy_pair(wire, nics, 20998)
        moving = moves(wire.b, "wire1")
        end_it(server)
        left = not until_true(lambda: not has_program(wire.b))
        end_it(client)
        score.check(f"{mode}: kill -9 in traffic leaves no program",
                    "it is there" if left else "" if moving else
                    "there was no traffic")
        check_pair(score, wire, f"{mode}: and another NIC takes its place",
                   ["ibv_rc_pingpong", "-g", "1"], nics)
    score.check("an exit leaves no program", "" if
                until_true(lambda: not has_program(wire.a)) else
                "it is there")
    score.check("no promiscuous mode is left", "" if
                until_true(lambda: not wire.b.promiscuous()) else
                f"promiscuity {wire.b.promiscuous()}")


def main():
    need("ip", "ib_write_bw", "ibv_rc_pingpong", "setpriv")
    score = Score()
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    folder = tempfile.mkdtemp(prefix="glassnic-xdp-")
    try:
        with segment(build, folder) as wire:
            wire.open_glassnic = open_copy(build, folder)
            can_it(wire)
            for test in (modes, everything, tunnels, with_others, mtus,
                         beside_the_host, answers_ping, captures, shown, busy,
                         bad_input, rights, queues, down_and_up, gone, killed):
                test(score, wire)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    score.finish()


if __name__ == "__main__":
    main()
