#!/usr/bin/python3
"""glassnic show, with real programs: show_test.py [BUILD]

It lists what runs and only that, its JSON is JSON, what it shows moves; it ends
with the program that it watches; who connects and does not read, or connects
often, stops nothing; nobody else may look.
"""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import time

from led import two
from support import (LIMIT, PERFTEST, Score, await_port, await_stopped,
                     descriptors, finish, lab, need)

COLUMNS = 120
CROWD = 2000
BUSY = ["ib_write_bw", *PERFTEST, "-b", "-q", "2", "-D", "60"]


class Wrong(Exception):
    pass


def must(true, what):
    if not true:
        raise Wrong(what)


def until(condition, what):
    """Polls; returns what @condition returns when that is true."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise Wrong(f"waited in vain: {what}")


class Show:
    def __init__(self, place, folder):
        self.place, self.folder = place, folder

    def start(self, *words):
        return self.place.start([self.place.glassnic, "show", *map(str, words)],
                                launcher=False)

    def run(self, *words):
        return finish(self.start(*words), time.monotonic() + LIMIT)

    def text(self, *words):
        done = self.run(*words)
        must(done.status == 0, done.wrong("show"))
        wide = [line for line in done.out.splitlines() if len(line) > COLUMNS]
        must(not wide, f"wider than {COLUMNS} columns: {wide}")
        return done.out

    def json(self, *words):
        done = self.run("--json", *words)
        must(done.status == 0, done.wrong("show --json"))
        return json.loads(done.out)

    def pids(self):
        done = self.run("--json")
        if done.status:
            return set()
        views = json.loads(done.out)
        return {v["pid"] for v in ([views] if isinstance(views, dict)
                                   else views)}

    def files(self):
        """But those by which programs share an address."""
        if not os.path.exists(self.folder):
            return []
        return [n for n in os.listdir(self.folder) if n[:6] != "share-"]


@contextlib.contextmanager
def ended(*processes):
    try:
        yield
    finally:
        for p in processes:
            p.kill()
            p.communicate()


@contextlib.contextmanager
def busy_pair(place):
    port = ["-p", str(place.port())]
    nics = place.nics("udp")
    server = place.start(BUSY + port, nic=nics[0])
    with ended(server):
        must(await_port(int(port[1]), server, time.monotonic() + LIMIT),
             "ib_write_bw does not listen")
        client = place.start(BUSY + port + ["127.0.0.1"], nic=nics[1])
        with ended(client):
            yield server, client, nics


@contextlib.contextmanager
def crowd(place, what):
    p = place.start([place.program("crowd"), str(what)],
                    nic=place.nics("udp")[0], stdin=subprocess.PIPE)
    with ended(p):
        line = p.stdout.readline()
        must(line == "ready\n", f"crowd {what} says {line!r}")
        yield p


def send(process):
    process.stdin.write("\n")
    process.stdin.flush()
    line = process.stdout.readline()
    must(line == "sent\n", f"crowd says {line!r}")


def stop(process):
    process.send_signal(signal.SIGSTOP)
    await_stopped(process.pid)


def has_socket(process):
    return any(what.startswith("socket:")
               for what in descriptors(process.pid).values())


def leave(process):
    """As most programs do: without closing its device."""
    process.stdin.close()
    process.stdin = None
    must(process.wait(LIMIT) == 0, "crowd does not end well")


def nothing_runs(place, show):
    done = show.run()
    must(done.status == 1 and "no NIC of this user is running" in done.err and
         done.err.count("\n") == 1, f"{done.status}: {done.err}")


def moves(show, pid):
    """Two views of which the later has sent more."""
    def ready():
        if pid not in show.pids():
            return None
        view = show.json(pid)
        qps = view["qps"]
        return view if len(qps) == 2 and view["counters"]["sent_pkts"] and \
            all(q["state"] == "RTS" for q in qps) else None

    def later():
        view = show.json(pid)
        return view if all(
            a["requester"]["una"] != b["requester"]["una"] and
            a["responder"]["epsn"] != b["responder"]["epsn"]
            for a, b in zip(first["qps"], view["qps"])) else None

    first = until(ready, "two QPs in RTS")
    return first, until(later, "PSNs that move")


def check_views(first, later, nic):
    must(nic.split("/")[0] == f"ip={first['address']}", "another address")
    must(f"{nic}" in first["spec"], f"spec is {first['spec']}")
    must(later["uptime_usec"] > first["uptime_usec"], "time stands still")
    for name in "sent_pkts", "rcvd_bytes":
        must(later["counters"][name] > first["counters"][name],
             f"{name} does not grow")
    must("local_ack_timeout_err" in later["counters"] and
         "seq_gap" in later["drops"], "a counter is missing")
    must(later["memory"]["regions"] >= 1 and later["memory"]["bytes"] > 0 and
         later["cq_count"] >= 1, "no memory, or no CQ")
    for q in later["qps"]:
        must(q["type"] == "RC" and q["peer"]["window"] > 0 and
             q["requester"]["retry_left"] <= 7, f"a QP is {q}")


def a_pair(place, show):
    with busy_pair(place) as (server, client, nics):
        for p, nic in (server, nics[0]), (client, nics[1]):
            check_views(*moves(show, p.pid), nic)
        views = show.json()
        must({v["pid"] for v in views} == {server.pid, client.pid} and
             {v["program"] for v in views} == {"ib_write_bw"},
             "the list is another")
        a, b = (show.json(p.pid)["qps"] for p in (server, client))
        must({q["number"] for q in a} == {q["peer"]["qp"] for q in b},
             "they are not each other's peers")
        rows = show.text().splitlines()
        must(len(rows) == 3 and rows[0].split()[0] == "PID", f"list: {rows}")
        details = show.text(client.pid)
        must("sent_pkts" in details and details.count(" RTS ") == 2,
             f"details: {details}")
        must(show.text("ib_write_bw").count("\n") == 3, "by program: not both")
        must(show.text("glass0").count("\n") == 3, "by NIC: not both")
        watch = show.start("ib_write_bw", "--watch=0.1")
        with ended(watch):
            lines = [watch.stdout.readline() for _ in range(12)]
            must("SENT/s" in lines[0] and len(lines[0]) <= COLUMNS, lines[0])
        done = show.run("nobody")
        must(done.status == 1 and done.err.count("\n") == 1 and
             f"{client.pid} ib_write_bw glass0" in done.err, done.err)


def killed(place, show):
    with busy_pair(place) as (server, client, _):
        pair = {server.pid, client.pid}
        until(lambda: show.pids() == pair, "both in the list")
        server.kill()
        server.wait()
        until(lambda: show.pids() <= {client.pid}, "the killed one is gone")
        client.kill()
        client.wait()
        must(show.pids() == set(), "the dead are shown")
        must(not show.files(), f"left: {show.files()}")


def watched(place, show):
    with crowd(place, 2) as p:
        watch = show.start(p.pid, "--watch=0.1")
        as_json = show.start(p.pid, "--watch=0.1", "--json")
        with ended(watch, as_json):
            lines = [watch.stdout.readline() for _ in range(40)]
            must(any("packets/s" in line for line in lines), "no rates")
            for _ in range(3):
                must(json.loads(as_json.stdout.readline())["pid"] == p.pid,
                     "JSON of another")
            leave(p)
            end = time.monotonic() + LIMIT
            for w in watch, as_json:
                must(finish(w, end).status == 0, "--watch does not end well")
    must(not show.files(), f"an exit leaves {show.files()}")


def many_qps(place, show):
    with crowd(place, CROWD) as p:
        send(p)
        view = show.json()
        numbers = [q["number"] for q in view["qps"]]
        must(len(set(numbers)) == len(numbers) == CROWD,
             f"{len(numbers)} QPs are shown")
        must(all(q["state"] == "RTS" and q["responder"]["epsn"] == 1
                 for q in view["qps"]), "some are elsewhere")
        rows = [r for r in show.text().splitlines() if r.startswith("0x")]
        must(len(rows) == CROWD and rows == sorted(rows), "text: other QPs")


def connect(show, process):
    s = socket.socket(socket.AF_UNIX)
    s.setblocking(False)
    try:
        s.connect(os.path.join(show.folder, f"{process.pid}-glass0.sock"))
    except BlockingIOError:
        pass  # as many wait as may
    return s


def hostile(place, show):
    """Many who connect, and do not read what does not fit into a buffer."""
    with crowd(place, CROWD) as p, contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(show, p))
            send(p)
        for _ in range(300):
            connect(show, p).close()
        stack.close()
        must(len(show.json()["qps"]) == CROWD, "then it shows nothing")
        readers = [show.start("--json") for _ in range(8)]
        with ended(*readers):
            for r in readers:
                done = finish(r, time.monotonic() + LIMIT)
                must(done.status == 0 and json.loads(done.out)["pid"] == p.pid,
                     f"of several readers one fails: {done.err}")
        with connect(show, p):
            leave(p)


def without_qps(place, show):
    with crowd(place, "domain") as p:
        view = show.json()
        must(view["pid"] == p.pid and view["qps"] == [] and
             view["memory"]["domains"] == 1, f"shows {view}")
        must("QPs      0" in show.text(), "text: another number of QPs")
        p.kill()
        p.wait()
        must(show.pids() == set(), "the dead are shown")
    with crowd(place, "open"):
        must(not show.files(), "who only asks for devices is in the list")


def stopped(place, show):
    with crowd(place, 2) as p:
        stop(p)
        done = show.run()
        must(done.status == 1 and "does not answer" in done.out,
             "a stopped program answers")
        done = show.run("--json")
        must(done.status == 1 and not done.out and
             "does not answer" in done.err, "it answers with JSON")
        p.send_signal(signal.SIGCONT)
        must(show.json()["pid"] == p.pid, "it does not go on")


def stopped_itself(place, show):
    """Who stops it (Ctrl-Z) while it waits for an answer, and lets it go on, sees
    that.
    """
    def waits():
        """One that does; nothing: it has lost its patience already."""
        it = show.start("--json")
        until(lambda: it.poll() is not None or has_socket(it), "a socket")
        stop(it)
        if it.poll() is None:
            return it
        it.communicate()
        return None

    with crowd(place, 2) as p:
        stop(p)
        it = until(waits, "one that waits")
        with ended(it):
            p.send_signal(signal.SIGCONT)
            it.send_signal(signal.SIGCONT)
            done = finish(it, time.monotonic() + LIMIT)
            must(done.status == 0 and json.loads(done.out)["pid"] == p.pid,
                 f"it gives up: {done.err}")


def forked(place, show):
    """A child does not keep its parent's NIC in the list."""
    with two(place, "udp", (14, 7, 7)) as (a, b):
        a.do("leave")
        must(show.pids() == {a.process.pid, b.process.pid}, "not both")
        a.process.kill()
        a.process.wait()
        must(show.pids() == {b.process.pid}, "its child is in the list")


def number_again(place, show):
    """What a dead process of the same number left is not in the way."""
    script = """/usr/bin/python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1/$$-glass0.sock" &&
        exec "$2" 2"""
    p = place.start(["sh", "-c", script, "sh", show.folder,
                     place.program("crowd")], nic=place.nics("udp")[0],
                    stdin=subprocess.PIPE)
    with ended(p):
        must(p.stdout.readline() == "ready\n", "crowd is not ready")
        must(show.json()["pid"] == p.pid, "it is not shown")


def others_may_not(place, show):
    with crowd(place, 2):
        mode = os.stat(show.folder).st_mode
        must(stat.S_IMODE(mode) == 0o700, f"mode {mode:o}")
        env = {}
        if os.geteuid():
            env = {"GLASSNIC_RUNTIME": "/"}
        done = subprocess.run([place.glassnic, "show"], capture_output=True,
                              text=True, env={**os.environ, **env})
        must(done.returncode == 1 and "belongs to user" in done.stderr and
             done.stderr.count("\n") == 1, f"another user: {done.stderr}")


def no_directory(place, show):
    """A NIC that cannot be published runs."""
    env = {"GLASSNIC_RUNTIME": "/proc/none", "GLASSNIC_LOG": "info"}
    done = place.run([place.program("crowd"), "2"], env=env,
                     nic=place.nics("udp")[0])
    must(done.status == 0 and "will not see it" in done.err, done.err)


def bad_words(place, show):
    for words in (["--watch=x"], ["--watch=0"], ["--what"], ["1", "2"]):
        done = show.run(*words)
        must(done.status == 2 and done.err.count("\n") == 1,
             f"{words}: {done.status}: {done.err}")


CASES = [
    ("nothing runs", nothing_runs),
    ("two programs", a_pair),
    ("kill -9", killed),
    ("--watch", watched),
    (f"{CROWD} QPs", many_qps),
    ("readers that do not read", hostile),
    ("a NIC without QPs", without_qps),
    ("a stopped program", stopped),
    ("stopped itself", stopped_itself),
    ("a child", forked),
    ("a number that comes again", number_again),
    ("another user", others_may_not),
    ("no directory", no_directory),
    ("wrong words", bad_words),
]


def main():
    need("ib_write_bw")
    score = Score()
    with lab() as place:
        folder = place.path("runtime")
        os.environ["GLASSNIC_RUNTIME"] = folder
        show = Show(place, folder)
        for name, case in CASES:
            wrong = ""
            try:
                case(place, show)
            except (Wrong, OSError, ValueError, LookupError,
                    subprocess.TimeoutExpired) as e:
                wrong = f"{type(e).__name__}: {e}"
            score.check(name, wrong)
    score.finish()


if __name__ == "__main__":
    main()
