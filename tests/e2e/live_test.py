#!/usr/bin/python3
"""Drills against a real peer: live_test.py [BUILD]

Every drill of tests/drill is played over udp, and some of them in a tunnel,
against `glassnic peer' on glassnic's own NIC; none may fail, and most must not
be skipped.
"""

import contextlib
import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

from support import LIMIT, Score, await_port, finish, lab, need, tail

HERE = os.path.dirname(os.path.abspath(__file__))
EVERY = {"udp": 1, "vxlan": 6}  # so many drills are one that is played
PLAYED_MIN = 800  # runs of all drills that must not be skipped
SHARES = 4  # peers at a time
ALL_LIMIT = 600  # seconds for all drills over one kind of port
AGAIN = 20  # times that a drill may be played whose time was not kept

LONG = "qp q RC\n" + 90 * "nothing 1s\n"
NOT_SO = """qp q RC
mr buf 64
post_recv q id=1 sge=buf
> SEND_ONLY psn=0 payload=8 ackreq
< ACKNOWLEDGE psn=0 nak=remote_access
"""
PASSES = """qp q RC
mr buf 64
post_recv q id=1 sge=buf
> SEND_ONLY psn=0 payload=8 ackreq
< ACKNOWLEDGE psn=0 ack
wc id=1 len=8
mem buf:8 = count
"""

NONSENSE = [
    b"", b" ", b"mr", b"mr buf", b"mr buf 0", b"mr buf 99999999999999999999",
    b"mr " + b"x" * 300 + b" 8", b"qp", b"qp q", b"qp q QQ", b"qp q RC scq=no",
    b"qp q RC pmtu=7", b"qp q RC max_send_wr=4294967295", b"modify", b"modify q",
    b"modify nobody RTS", b"query", b"post_send", b"post_send q SEND",
    b"post_recv nobody", b"write", b"write buf 00", b"read buf:1", b"free",
    b"free pd", b"free cq", b"limit s 1", b"attach", b"attach q 1.2.3.4",
    b"srq s xrcd=x", b"mw w type=9", b"cq c cqe=0", b"\xff\xfe\x00\x01", b"=",
    b"mr buf 64 access=everything", b"mr a 64", b"read a+60:8",
    b"read a:99999999999", b"write a:4 0011223344", b"write a zz",
    b"qp u UD", b"post_send u SEND sge=a+64:99999 inline dqpn=1",
    b"post_send u SEND sge=a:8 dqpn=1 dgid=nowhere", b"post_send u BIND_MW",
    b"post_recv u sge=a times=99999999", b"%s%s%s%n", b"(((((", b"pd p", b"free p",
]


class Peer:
    """A peer on a host of its own, and the drills that talk to it."""

    def __init__(self, place, nics, launcher=True):
        self.place, self.nic, self.own = place, *nics
        self.port = place.port()
        self.process = place.start(
            [place.glassnic, "peer", "--listen", str(self.port)], nic=self.nic,
            env={"GLASSNIC_LOG": "error"}, launcher=launcher)
        self.is_there = await_port(self.port, self.process,
                                   time.monotonic() + LIMIT)

    def start(self, *words):
        return self.place.start(
            [self.place.glassnic, "drill", "--live", self.own, "--peer",
             f"127.0.0.1:{self.port}", *words], launcher=False)

    def drill(self, *words, limit=LIMIT):
        return finish(self.start(*words), time.monotonic() + limit)


@contextlib.contextmanager
def peer(place, kind="udp"):
    it = Peer(place, place.nics(kind))
    try:
        yield it
    finally:
        it.process.terminate()
        finish(it.process, time.monotonic() + LIMIT)


def write(place, name, text):
    path = place.path(name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o644)
    return path


def drills(place):
    """Where nobody can read them: those that must pass, and that must fail."""
    folder = os.path.join(place.folder, "drill")
    if not os.path.isdir(folder):
        shutil.copytree(os.path.join(HERE, "../drill"), folder)
    paths = sorted(glob.glob(f"{folder}/**/*.drill", recursive=True))
    return ([p for p in paths if "/fail/" not in p],
            [p for p in paths if "/fail/" in p])


def expect(score, name, done, status, *wanted):
    out = done.out + done.err
    wrong = ("" if done.status == status
             else f"exit {done.status}, not {status}: {tail(done)}")
    for words in wanted:
        if words not in out:
            wrong = wrong or f"no {words!r} in {out!r}"
    score.check(name, wrong)


def play_share(place, kind, share, paths, told):
    """Plays drills on a peer of its own.  The machine may have been too busy for
    the times of those that fail.  That makes nobody early, though: what came too
    soon fails at once.
    """
    with peer(place, kind) as it:
        capture = place.path(f"{kind}{share}.pcapng")
        done = it.drill("--capture", capture, *paths, limit=ALL_LIMIT)
        told["out"].append(done.out)
        told["captured"].append(os.path.getsize(capture))
        if done.status not in (0, 1):
            told["wrong"].append(done.wrong("drill"))
        if "time: expected after" in done.out:
            told["wrong"].append(done.out)
        told["again"] += [p for p in paths if f"FAIL {p}" in done.out]


def play_again(place, kind, told):
    """What has failed, alone: a few milliseconds of a CPU are had sometime."""
    for path in told["again"]:
        with peer(place, kind) as it:
            for _ in range(AGAIN):
                done = it.drill(path)
                if not done.status or "time: expected after" in done.out:
                    break
        if done.status:
            told["wrong"].append(done.out or done.wrong("drill"))


def play_all(score, place, kind):
    """Drills mostly wait, so several are played at a time."""
    good, bad = (d[::EVERY[kind]] for d in drills(place))
    told = {"out": [], "captured": [], "wrong": [], "again": []}
    shares = [threading.Thread(target=play_share, args=(
        place, kind, n, good[n::SHARES], told)) for n in range(SHARES)]
    for thread in shares:
        thread.start()
    for thread in shares:
        thread.join()
    play_again(place, kind, told)
    out = "".join(told["out"])
    played, skipped = (sum(int(n) for n in re.findall(
        rf"^(\d+) {word}", out, re.M)) for word in ("passed", "skipped"))
    score.check(f"{kind}: no drill fails", "\n".join(told["wrong"]))
    score.check(f"{kind}: {played} are played, {skipped} skipped",
                played * EVERY[kind] * 1.5 < PLAYED_MIN and "too few")
    score.check(f"{kind}: the captures hold the packets",
                min(told["captured"], default=0) < 500 and "one is empty")
    with peer(place, kind) as it:
        expect(score, f"{kind}: what must fail fails", it.drill(*bad), 1,
               "FAIL")


def play_both(score, place):
    drills(place)
    for kind in ("udp", "vxlan"):
        play_all(score, place, kind)


def accidents(score, place):
    long = write(place, "long.drill", LONG)
    passes = write(place, "passes.drill", PASSES)
    with peer(place) as it:
        expect(score, "a drill that is not so fails",
               it.drill(write(place, "not_so.drill", NOT_SO)), 1,
               "not_so.drill:5: syndrome: expected nak, got ack",
               "  actual:   < ")
        first, second = it.start(passes), it.start(passes)
        until = time.monotonic() + LIMIT
        for n, done in enumerate((finish(first, until), finish(second, until))):
            expect(score, f"two clients, number {n + 1}", done, 0, "1 passed")

        running = it.start("-v", long)
        line = running.stdout.readline()
        while line and "nothing" not in line:
            line = running.stdout.readline()
        it.process.kill()
        began = time.monotonic()
        done = finish(running, began + LIMIT)
        expect(score, "the peer dies in the middle", done, 1,
               "the peer has closed the connection")
        score.check("and the drill does not wait for it any more",
                    "" if time.monotonic() - began < 60 else "it did")
        finish(it.process, time.monotonic() + LIMIT)
        expect(score, "there is no peer", it.drill(passes), 77,
               f"glassnic drill: 127.0.0.1:{it.port}: Connection refused; "
               "does `glassnic peer' run there?")


def hostile(score, place):
    with peer(place) as it:
        with socket.create_connection(("127.0.0.1", it.port), LIMIT) as s:
            answers = s.makefile("rb")
            hello = answers.readline()
            s.sendall(b"\n".join(NONSENSE) + b"\n")
            got = [answers.readline() for _ in NONSENSE]
        score.check("a greeting", "" if hello.startswith(
            b"glassnic-peer 1 gid=127.") else hello)
        wrong = [(q[:40], a) for q, a in zip(NONSENSE, got) if not
                 re.match(rb"(ok|errno [A-Z]+|refused .+)\b.*\n", a)]
        score.check("every line is answered", wrong)
        with socket.create_connection(("127.0.0.1", it.port), LIMIT) as s:
            answers = s.makefile("rb")
            answers.readline()
            with contextlib.suppress(ConnectionError):
                s.sendall(b"x" * 100000)
                while answers.readline():
                    pass
        done = it.drill(write(place, "after.drill", PASSES))
        expect(score, "the peer lives on", done, 0, "1 passed")


def fake(lines, datagram_to=None, payload=b""):
    """A peer that says @lines, answers all with ok, and sends a datagram."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(LIMIT)

    def serve():
        with contextlib.suppress(OSError), server:
            s, _ = server.accept()
            with s:
                s.sendall(lines)
                for _ in s.makefile("rb"):
                    if datagram_to:
                        with socket.socket(type=socket.SOCK_DGRAM) as u:
                            u.sendto(payload, (datagram_to, 4791))
                    s.sendall(b"ok qpn=0x5 qkey=0x1\n")

    threading.Thread(target=serve, daemon=True).start()
    return server.getsockname()[1]


def bad_peers(score, place):
    _, own = place.hosts()
    long = write(place, "long.drill", LONG)

    def play(port):
        return place.run([place.glassnic, "drill", "--live", f"ip={own}",
                          "--peer", f"127.0.0.1:{port}", long], launcher=False)

    hello = b"glassnic-peer 1 gid=127.0.0.1 device=x library=glassnic\n"
    damaged = bytes([4, 0x40, 0xff, 0xff, 0, 0, 1, 0] + 8 * [0] + [1, 2, 3, 4])
    expect(score, "packets with a wrong ICRC fail the drill",
           play(fake(hello, own, damaged)), 1, "a packet came that is refused",
           "wrong ICRC")
    expect(score, "something else listens there",
           play(fake(b"SSH-2.0-OpenSSH\n")), 77, "it says \"SSH-2.0-OpenSSH\"")
    expect(score, "addresses of two kinds",
           play(fake(hello.replace(b"127.0.0.1", b"fd00::1"))), 77,
           "the peer is fd00::1 and the script 127.")


def mistakes(score, place):
    path = write(place, "passes.drill", PASSES)
    port = place.port()
    for words, status, line in (
            (["drill", "--live", "ip=127.0.0.9", path], 2,
             "glassnic drill: --live and --peer belong together"),
            (["drill", "--live", "pi=127.0.0.9", "--peer", "h:1", path], 77,
             "glassnic drill: pi: no such option; did you mean ip?"),
            (["drill", "--live", "ip=127.0.0.9", "--peer", "here", path], 77,
             "glassnic drill: here: write HOST:PORT"),
            (["drill", "--live"], 2,
             "glassnic drill: --live: no value behind it"),
            (["drill", "--capture", "x", path, path], 2,
             "glassnic drill: --capture: "),
            (["peer", "--help"], 0, "usage: glassnic peer"),
            (["peer", "--lisen", "1"], 2,
             "glassnic peer: --lisen: no such option"),
            (["peer", "--listen"], 2,
             "glassnic peer: --listen: no value behind it"),
            (["peer", "--listen", "host:0"], 2,
             "glassnic peer: --listen host:0: the port is to be 1 to 65535"),
            (["peer", "--gid-index", "x"], 2,
             "glassnic peer: --gid-index x: allowed: 0 to 255"),
            (["peer", "now"], 2, "glassnic peer: now: takes options only")):
        done = place.run([place.glassnic, *words], launcher=False)
        expect(score, "mistake: " + " ".join(words[:3]), done, status, line)
    for words, line in (
            (["--device", "mlx5_0"], "--device mlx5_0: no such device"),
            (["--gid-index", "200"], "--gid-index 200: glass0 has no RoCE v2"),
            (["--port", "9"], "--port 9: glass0 has no such port")):
        done = place.run([place.glassnic, "peer", "--listen", str(port),
                          *words])
        expect(score, "cannot run: " + " ".join(words), done, 77, line)
    with peer(place) as it:
        done = place.run([place.glassnic, "peer", "--listen", str(it.port)])
        expect(score, "cannot run: the TCP port is taken", done, 77,
               "Address already in use: end who listens there")


def system_library(score, place):
    """The same program on the loader's own libibverbs."""
    program = os.path.join(place.build, "glassnic-peer")
    done = subprocess.run(["ldd", program], text=True, capture_output=True)
    score.check("the peer needs no library of glassnic's",
                "libglassnic" in done.stdout and done.stdout)
    if glob.glob("/sys/class/infiniband/*"):
        return
    expect(score, "the system's libibverbs, without a device",
           place.run([program, "--listen", str(place.port())], launcher=False),
           77, "glassnic peer: there is no RDMA device: start it with")


def main():
    need("ldd")
    score = Score()
    with lab() as place:
        play_both(score, place)
        accidents(score, place)
        hostile(score, place)
        bad_peers(score, place)
        mistakes(score, place)
        system_library(score, place)
    score.finish()


if __name__ == "__main__":
    main()
