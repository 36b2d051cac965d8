#!/usr/bin/python3
"""Several programs on one address, that start, end and die in any order:
share_test.py [BUILD]
"""

import glob
import os
import random
import re
import subprocess
import time

from segment import PING, segment
from support import (LIMIT, NOBODY, PERFTEST, Done, Score, await_port, finish,
                     lab, need)

WRITE_BW = ["ib_write_bw", *PERFTEST, "-n", "300", "-s", "65536"]
PINGPONG = ["ibv_rc_pingpong", "-g", "1"]
QPN = re.compile(r"local address: .*?QPN 0x([0-9a-f]+).*GID (\S+)")


class Loopback:
    """Places on this host."""

    def __init__(self, lab):
        self.lab, self.port = lab, lab.port
        self.nics = lab.nics

    def start(self, words, nic):
        return self.lab.start(words, nic=nic, env=ENV)

    def address(self, nic):
        return "127.0.0.1"

    def await_port(self, nic, port, server, until):
        return await_port(port, server, until)


class Wire:
    """The two ends of a wire."""

    def __init__(self, wire, lab):
        self.wire, self.port = wire, lab.port

    def nics(self, kind):
        return [f"port=packet:{end.iface},ip=" +
                ("host" if kind == "host" else f"10.9.0.{i}/24")
                for i, end in ((1, self.wire.a), (2, self.wire.b))]

    def _end(self, nic):
        return self.wire.a if self.wire.a.iface in nic else self.wire.b

    def start(self, words, nic):
        return self._end(nic).glassnic(words, nic, env={**os.environ, **ENV})

    def address(self, nic):
        return self._end(nic).ip

    def await_port(self, nic, port, server, until):
        while not self._end(nic).listens(port):
            if server.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True


class Pair:
    """A server and a client that have been started."""

    def __init__(self, lab, command, nics):
        self.lab, self.command, self.nics = lab, command, nics
        self.port = lab.port()
        self.server = self.start(0)
        self.client = None

    def start(self, which, *more):
        words = self.command + ["-p", str(self.port), *more]
        return self.lab.start(words, self.nics[which])

    def connect(self):
        until = time.monotonic() + LIMIT
        if self.lab.await_port(self.nics[0], self.port, self.server, until):
            self.client = self.start(1, self.lab.address(self.nics[0]))

    def programs(self):
        return [p for p in (self.server, self.client) if p]

    def wrong(self):
        """Waits for both; what is wrong with them, or nothing."""
        until = time.monotonic() + LIMIT
        ends = [finish(p, until) for p in reversed(self.programs())]
        if len(ends) < 2:
            ends.append(Done(1, "", "not started"))
        self.out = [e.out for e in ends]
        return "; ".join(w for w in (ends[0].wrong("client"),
                                     ends[1].wrong("server")) if w)

    def kill(self):
        """The client first: its server fails by itself, or is killed."""
        for p in reversed(self.programs()):
            p.kill()
            p.communicate()


def four_pairs(score, lab, kind):
    nics = lab.nics(kind)
    pairs = [Pair(lab, WRITE_BW, nics) for _ in range(4)]
    for p in pairs:
        p.connect()
    for i, p in enumerate(pairs):
        score.check(f"{kind}: four pairs of ib_write_bw at once: pair {i}",
                    p.wrong())
    left_behind(score, nics, f"{kind}: after four pairs")


def one_address(score, lab, kind):
    nic = lab.nics(kind)[0]
    pairs = [Pair(lab, c, [nic, nic])
             for c in (WRITE_BW, PINGPONG, ["ibv_ud_pingpong", "-g", "1"],
                       ["ib_read_lat", *PERFTEST, "-n", "500"])]
    for p in pairs:
        p.connect()
    for p in pairs:
        score.check(f"{kind}: server and client on one address: "
                    f"{p.command[0]}",
                    p.wrong())


def together(score, place, kind):
    four_pairs(score, place, kind)
    one_address(score, place, kind)
    any_order(score, place, kind)
    deaths(score, place, kind)


def one_answers(score, wire):
    """Of three programs on one address one answers ARP and pings, and another
    when that is killed.
    """
    watch = [wire.b.glassnic(["stdbuf", "-oL", "ibv_asyncwatch"],
                             "ip=192.168.77.9/24", env={**os.environ, **ENV})
             for _ in range(3)]
    for w in watch:
        w.stdout.readline()
    for left in 3, 2, 1:
        with wire.a.tcpdump("arp[6:2] = 2 or icmp[0] = 0") as heard:
            done = wire.a.python(PING, "192.168.77.9")
        answers = [heard.text.count(w)
                   for w in ("Reply 192.168.77.9 ", "ICMP echo reply")]
        score.check(f"one of {left} answers", done.wrong("ping") or
                    ("" if answers == [1, 20] else f"{answers}: {heard.text}"))
        wire.a.run_ip("neigh", "flush", "dev", wire.a.iface)
        one = watch.pop(0)
        one.kill()
        one.communicate()  # who is dying has the answering still


def two_programs_one_run(score, lab):
    """Both under one launcher, which chooses the address."""
    port = lab.port()
    done = lab.run(["sh", "-c",
                    f"ibv_rc_pingpong -g 1 -p {port} & "
                    f"until ibv_rc_pingpong -g 1 -p {port} 127.0.0.1 "
                    "2> /dev/null; do kill -0 $! || exit; sleep .1; done; "
                    "wait $!"], env=ENV)
    gids = set(re.findall(r"GID (::ffff:\S+)", done.out))
    score.check("two programs under one launcher", done.wrong("it") or
                ("" if len(gids) == 1 else f"GIDs {gids}"))


def any_order(score, lab, kind):
    """Short programs come and go while a long pair runs.  One was there before
    all of them, with an open device and nothing else to do.
    """
    nics = lab.nics(kind)
    idle = lab.start(["stdbuf", "-oL", "ibv_asyncwatch"], nics[0])
    idle.stdout.readline()
    long = Pair(lab, ["ib_write_bw", *PERFTEST, "-s", "16384", "-D", "5"],
                nics)
    long.connect()
    running, wrong, numbers = [], [], []
    for i in range(16):
        side = [nics[0], random.choice(nics)]
        p = Pair(lab, PINGPONG + ["-n", str(random.choice((10, 3000)))], side)
        p.connect()
        running.append(p)
        if len(running) == 4:
            one = running.pop(random.randrange(4))
            wrong.append(one.wrong())
            numbers += QPN.findall("".join(one.out))
    for p in running:
        wrong.append(p.wrong())
        numbers += QPN.findall("".join(p.out))
    idle.kill()
    idle.communicate()
    score.check(f"{kind}: 16 short pairs in any order",
                "; ".join(filter(None, wrong)))
    score.check(f"{kind}: the long pair beside them", long.wrong())
    # The other address may be nobody's for a while, and then begins anew.
    gid = "::ffff:" + re.search(r"\bip=([0-9.]+)", nics[0])[1]
    here = [n for n in numbers if n[1] == gid]
    score.check(f"{kind}: as many QPNs as programs at one address",
                "" if len(numbers) == 32 and
                len(set(here)) == len(here) >= 16 else
                f"{len(set(here))} of {len(here)} of {len(numbers)}")
    last = Pair(lab, PINGPONG, nics)
    last.connect()
    score.check(f"{kind}: one more pair", last.wrong())
    left_behind(score, nics, f"{kind}: after all of these")


def deaths(score, lab, kind):
    """Up to 20 times a pair is killed in the middle; the others never notice.
    The first to die were there before them, so that their places change.
    """
    nics = lab.nics(kind)
    bw = ["ib_write_bw", *PERFTEST, "-s", "16384", "-D"]
    stay = [Pair(lab, bw + ["12"], nics),
            Pair(lab, ["ib_send_lat", *PERFTEST, "-D", "12"],
                 [nics[1], nics[1]])]
    victims = [Pair(lab, bw + ["60"], nics) for _ in range(3)]
    for p in victims + stay:
        p.connect()
    dead = 0
    while dead < 20 and all(p.server.poll() is None for p in stay):
        dead += 1
        time.sleep(random.random() / 5)  # dies in the middle of something
        victims.pop(random.randrange(2)).kill()
        victims.append(Pair(lab, bw + ["60"], [random.choice(nics),
                                               random.choice(nics)]))
        victims[-1].connect()
    late = Pair(lab, PINGPONG, nics)
    late.connect()
    score.check(f"{kind}: a pair that comes after deaths", late.wrong())
    for p in victims:
        p.kill()
    for p in stay:
        score.check(f"{kind}: {p.command[0]} beside {dead} deaths", p.wrong())


def numbers_of_the_dead(score, lab):
    """Whoever comes after a kill -9 has another QPN."""
    nic = lab.nics("udp")[0]
    seen = []
    for i in range(8):
        p = lab.start(["stdbuf", "-oL", *PINGPONG, "-p", str(lab.port())],
                      nic=nic + ",seed=7", env=ENV)
        seen += QPN.findall(p.stdout.readline())
        p.kill()
        p.communicate()
    score.check("no QPN of one just killed", "" if len(set(seen)) == 8
                else f"{seen}")


def forking_server(score, lab):
    """qperf forks for every test."""
    nics = [n + ",lids=yes" for n in lab.nics("udp")]
    port = lab.port()
    server = lab.start(["qperf", "-lp", str(port)], nic=nics[0], env=ENV)
    await_port(port, server, time.monotonic() + LIMIT)
    clients = [lab.start(["qperf", "-lp", str(port), "-t", "1", "127.0.0.1",
                          test], nic=nics[1], env=ENV)
               for test in ("rc_lat", "rc_bw", "ud_lat")]
    until = time.monotonic() + LIMIT
    for c in clients:
        score.check("qperf's children share an address",
                    finish(c, until).wrong("client"))
    server.kill()
    server.communicate()


def another_user(score, lab):
    if os.geteuid():
        print("skip: another user cannot join (needs root)")
        return
    nics = lab.nics("udp")
    p = Pair(Loopback(lab), PINGPONG, nics)
    await_port(p.port, p.server, time.monotonic() + LIMIT)
    done = subprocess.run(
        [lab.glassnic, "run", "--nic", nics[0], "--", "ibv_rc_pingpong", "-g",
         "1", "-p", str(lab.port())], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=LIMIT)
    line = next((w for w in done.stderr.splitlines()
                 if w.startswith("glassnic: ")), "")
    score.check("another user is refused, and told why",
                "" if done.returncode and f"user {NOBODY}" in line and
                nics[0][3:-2] in line else
                f"exit {done.returncode}: {done.stderr!r}")
    p.connect()
    score.check("which disturbs nobody", p.wrong())


def left_behind(score, nics, when):
    """Whoever is killed leaves a file, but the next that ends in order does not.
    """
    score.check(f"{when} nothing is left", " ".join(
        f for nic in nics
        for f in glob.glob(f"{RUNTIME}/share-*{FIRST_IP.search(nic)[1]}*")))


FIRST_IP = re.compile(r"(?:ip|local)=(host|[0-9.]+)")
ENV = {}
RUNTIME = ""


def new_runtime(place, name):
    """Another user needs another."""
    global RUNTIME
    RUNTIME = ENV["GLASSNIC_RUNTIME"] = place.path(name)


def main():
    need("ibv_asyncwatch", "ib_write_bw", "ib_read_lat", "ib_send_lat",
         "ibv_rc_pingpong", "ibv_ud_pingpong", "qperf", "tcpdump")
    score = Score()
    with lab() as place:
        new_runtime(place, "runtime")
        here = Loopback(place)
        for kind in "udp", "vxlan":
            together(score, here, kind)
        two_programs_one_run(score, place)
        numbers_of_the_dead(score, place)
        forking_server(score, place)
        another_user(score, place)
        if os.geteuid():
            print("skip: port=packet (needs root)")
        else:
            new_runtime(place, "root")
            with segment(place.build, place.folder) as wire:
                there = Wire(wire, place)
                together(score, there, "packet")
                four_pairs(score, there, "host")
                one_address(score, there, "host")
                one_answers(score, wire)
    score.finish()


if __name__ == "__main__":
    main()
