#!/usr/bin/python3
"""kill -9 of one side, or both, at any moment: kill_test.py [BUILD [SEED]]

The other side ends by itself, if what it has outstanding or its TCP connection
tells it that nobody is there.  Who waits for a message, or for a first client,
would wait for ever with any NIC: that one must still obey SIGTERM.  Nobody
crashes, nobody hangs; captures of both are readable, that of the survivor keeps
the protocol's rules; the next pair uses the same addresses at once; no files are
left.
"""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

from support import (LIMIT, Done, Score, await_port, finish, lab, listens,
                     need, sweep_up, tail)

KILLS = 100
WORKERS = 5  # pairs at a time
LATEST = 1.2  # seconds after the start of a pair; most have ended by then
SOON = 1.5  # seconds for who may wait to end all the same
PERIODS = 40  # of that length, in one of which who should sleep must do so

# -u: who has no CPU for a second or two is not given up.
PERFTEST = ["-F", "-x", "1", "-u", "16"]
SIDES = "server", "client"

# Signals that end a survivor as they should: ours, and that of a program which
# writes to the TCP connection of the killed.
ENDINGS = signal.SIGTERM, signal.SIGPIPE

# What runs, and which sides only wait for messages.
VICTIMS = [
    (["ib_write_bw", *PERFTEST, "-n", "5000"], ()),
    (["ib_write_bw", *PERFTEST, "-n", "3000", "-b", "-q", "4"], ()),
    (["ib_read_bw", *PERFTEST, "-n", "5000"], ()),
    (["ib_atomic_bw", *PERFTEST, "-n", "20000"], ()),
    (["ib_send_bw", *PERFTEST, "-n", "5000"], ("server",)),
    (["ib_send_bw", *PERFTEST, "-n", "3000", "-b"], SIDES),
    (["ib_send_bw", *PERFTEST, "-n", "3000", "-e"], ("server",)),
    (["ib_send_bw", *PERFTEST, "-n", "5000", "--use-srq"], ("server",)),
    (["ib_send_bw", *PERFTEST, "-n", "20000", "-c", "UD"], ("server",)),
    (["ib_send_bw", *PERFTEST, "-n", "5000", "-c", "XRC"], ("server",)),
    (["ib_write_bw", *PERFTEST, "-n", "5000", "-c", "XRC"], ()),
    (["ib_send_lat", *PERFTEST, "-n", "20000"], SIDES),
    (["ib_write_lat", *PERFTEST, "-n", "20000"], SIDES),
    (["ibv_rc_pingpong", "-g", "1", "-n", "10000"], SIDES),
    (["ibv_rc_pingpong", "-g", "1", "-n", "10000", "-e"], SIDES),
    (["ibv_uc_pingpong", "-g", "1", "-n", "10000", "-e"], SIDES),
    (["ibv_ud_pingpong", "-g", "1", "-n", "10000"], SIDES),
    (["ibv_srq_pingpong", "-g", "1", "-n", "10000", "-e"], SIDES),
    (["ibv_xsrq_pingpong", "-g", "1", "-n", "3000", "-e"], SIDES),
]
AGAIN = ["ibv_rc_pingpong", "-g", "1", "-c", "-n", "20"]


class Worker(threading.Thread):
    """Kills pairs at the same two addresses, one after the other."""

    def __init__(self, place, number, seed, env):
        super().__init__()
        self.place, self.number, self.env = place, number, env
        self.kind = ("udp", "vxlan")[number % 2]
        self.nics = place.nics(self.kind)
        self.chance = random.Random(f"{seed}, {number}")
        self.results = []  # name, what is wrong

    def run(self):
        for i in range(self.number, KILLS, WORKERS):
            command, waits = VICTIMS[i % len(VICTIMS)]
            who = self.chance.choice([*SIDES, *SIDES, "both"])
            name = f"{i}: {self.kind}: {' '.join(command)}: {who} killed"
            try:
                delay, wrong = self.kill(command, waits, who)
            except Exception as e:  # the others go on
                delay, wrong = 0, repr(e)
            self.results.append((f"{name} after {delay:.3f} s", wrong))

    def kill(self, command, waits, who):
        """Starts the pair until the kill finds it alive."""
        delay = self.chance.uniform(0, LATEST)
        sides = SIDES if who == "both" else [who]
        while True:
            pair = Pair(self, command)
            pair.start(delay, "client" in sides)
            killed = pair.kill(sides)
            wrong = pair.judge(killed, waits)
            if killed or wrong:
                break
            delay /= 2
        return delay, wrong or self.again()

    def again(self):
        done = self.place.pair(AGAIN, self.nics)
        return " ".join(d.wrong(f"then, a new {side}")
                        for side, d in zip(SIDES, done)).strip()


class Pair:
    def __init__(self, worker, command):
        self.place, self.worker = worker.place, worker
        self.port = self.place.port()
        self.command = command + ["-p", str(self.port)]
        self.captures = [self.place.path(f"{worker.number}-{side}.pcapng")
                         for side in SIDES]
        self.process = {}

    def start(self, delay, both):
        """Returns after @delay, whatever they do then: that of the client, if
        there must be one.
        """
        begin = time.monotonic()
        self._start("server", [], 0)
        if await_port(self.port, self.process["server"],
                      begin + (LIMIT if both else delay)):
            begin = time.monotonic() if both else begin
            self._start("client", ["127.0.0.1"], 1)
        time.sleep(max(0, begin + delay - time.monotonic()))

    def _start(self, side, words, i):
        self.process[side] = self.place.start(
            self.command + words, nic=self.worker.nics[i],
            capture=self.captures[i], env=self.worker.env)

    def kill(self, sides):
        """Who of them was still alive."""
        killed = [s for s in sides if s in self.process and
                  self.process[s].poll() is None]
        for side in killed:
            self.process[side].kill()
        return killed

    def judge(self, killed, waits):
        until = time.monotonic() + LIMIT
        for side in killed:
            finish(self.process[side], until)
        wrong = [self._judge_survivor(side, killed, waits)
                 for side in self.process if side not in killed]
        for side, path in zip(SIDES, self.captures):
            if os.path.exists(path):
                wrong.append(self._judge_capture(side, path, killed))
                os.unlink(path)
        return "; ".join(w for w in wrong if w)

    def _judge_survivor(self, side, killed, waits):
        process = self.process[side]
        spent = 0
        if killed and (side in waits or listens(self.port) or
                       "client" not in self.process):
            spent = end_waiting(process, "-e" in self.command)
        if "-e" in self.command and spent > SOON / 2:
            return f"{side} should sleep, and used the CPU for {spent} s"
        done = finish(process, time.monotonic() + LIMIT)
        if done.status is None:
            return done.wrong(side)
        if done.status < 0 and -done.status not in ENDINGS:
            return done.wrong(side)
        if not killed and done.status:
            return f"before any kill: {done.wrong(side)}"
        return ""

    def _judge_capture(self, side, path, killed):
        if not os.path.getsize(path):
            # SIGTERM may come before there is a NIC.
            early = self.process[side].returncode == -signal.SIGTERM
            return "" if side in killed or early else \
                f"{side}'s capture is empty"
        check = [] if side in killed else ["--check"]
        done = subprocess.run([self.place.glassnic, "decode", path, *check,
                               "--max", "1"], capture_output=True, text=True)
        if done.returncode:
            return f"{side}'s capture: {tail(Done(0, done.stdout, done.stderr))}"
        return ""


def end_waiting(process, sleeps):
    """It may end by itself; SIGTERM ends it otherwise.  Returns the seconds of
    CPU that it used meanwhile.  If it @sleeps, that begins when it has started,
    which takes CPU for as long as the machine likes.
    """
    for _ in range(PERIODS if sleeps else 1):
        if process.poll() is not None:
            return 0
        before = cpu_seconds(process.pid)
        try:
            process.wait(SOON)
            return 0
        except subprocess.TimeoutExpired:
            spent = cpu_seconds(process.pid) - before
        if spent <= SOON / 2:
            break
    process.terminate()
    return spent


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def sweep_sockets(place, env):
    """The killed leave a socket each, which `glassnic show' removes, and a file
    for each address, which keeps their QPNs from being used again soon; then
    the directory should be empty.
    """
    place.run([place.glassnic, "show"], env=env, launcher=False)
    folder = os.path.join(env["XDG_RUNTIME_DIR"], "glassnic")
    with contextlib.suppress(OSError):
        kept = [n for n in os.listdir(folder) if n.startswith("share-")]
        if len(kept) <= WORKERS * len(SIDES):
            for name in kept:
                os.unlink(os.path.join(folder, name))
        os.rmdir(folder)


def left_overs(folders):
    found = [os.path.join(f, name) for f in folders for name in os.listdir(f)]
    # Hubs are somebody else's: no victim is on one.
    found += [n for n in os.listdir("/dev/shm")
              if re.search("glass", n) and "glassnic-hub-" not in n]
    return f"left: {', '.join(found)}" if found else ""


def main():
    need("ib_send_bw", "ibv_rc_pingpong", "ibv_xsrq_pingpong")
    seed = sys.argv[2] if len(sys.argv) > 2 else str(random.getrandbits(32))
    print(f"seed {seed}")
    score = Score()
    sweep_up()
    with lab() as place:
        folders = [place.path("tmp"), place.path("runtime")]
        for folder in folders:
            os.mkdir(folder)
            os.chmod(folder, 0o777)
        env = {"TMPDIR": folders[0], "XDG_RUNTIME_DIR": folders[1]}
        workers = [Worker(place, n, seed, env) for n in range(WORKERS)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        for name, wrong in sum((w.results for w in workers), []):
            score.check(name, wrong)
        sweep_sockets(place, env)
        score.check("nothing is left", left_overs(folders))
    sweep_up()
    score.finish()


if __name__ == "__main__":
    main()
