"""What a run is made of: programs, talks and drills, played in lanes."""

import collections
import contextlib
import itertools
import os
import shutil
import threading
import time

import judge
import matrix
import peers
import standstill
import talk
from ends import Lane, support

HERE = os.path.dirname(os.path.abspath(__file__))
DRILLS = os.path.join(HERE, "..", "drill")
RXE_COUNTERS = "/sys/class/infiniband/rxe0/ports/1/hw_counters/*"
ONE_NIC = {"xdp"}  # ports that carry one at a time
TRIES = 5  # of a pair, as long as it stands still

# @play: called with a lane, says what went wrong.
Part = collections.namedtuple("Part", "name port play")


def wrong_of_capture(lane, port, ip):
    if not os.path.exists(lane.capture):
        return "there is no capture"
    return "; ".join(filter(None, (
        judge.wrong_in_check(f"{lane.build}/glassnic", lane.capture,
                             lane.address(port, ip)),
        judge.wrong_in_tshark(lane.capture))))


def moving_pair(lane, case):
    """As lane.pair(), again if it stood still and glassnic is not to blame."""
    for _ in range(TRIES - 1):
        try:
            return lane.pair(case)
        except standstill.StandsStill as e:
            print(f"again: {case.name()}: {e}", flush=True)
    return lane.pair(case)


def program(case):
    port, ip = case.choice["port"], case.choice["ip"]

    def play(lane):
        mine, other = moving_pair(lane, case)
        if case.deserves_another_try() and (
                mine.status != 0 or other.status != 0):
            print(f"again: {case.name()}", flush=True)
            mine, other = moving_pair(lane, case)
        return "; ".join(filter(None, (
            mine.wrong("glassnic's"), other.wrong("rxe's"),
            wrong_of_capture(lane, port, ip))))

    return Part(case.name(), port, play)


def one_talk(name, role, port, ip, keep):
    def play(lane):
        path = f"{keep}/{name}-{role}-{port}-{ip}.pcap"
        return "; ".join(filter(None, (
            peers.hold(name, lane, port, ip, role, path),
            wrong_of_capture(lane, port, ip))))

    return Part(f"{port}: glassnic as {role}: talk {name}, IPv{ip}", port, play)


def drill(name, port, ip):
    path = os.path.normpath(os.path.join(DRILLS, name))
    return Part(f"{port}: drill {name}, IPv{ip}", port,
                lambda lane: peers.drill(path, lane, port, ip))


def names_of_drills():
    with open(os.path.join(HERE, "rxe.drills")) as f:
        return [line.strip() for line in f if line[0] not in "#\n"]


def pairwise(cases, ports):
    return Part("any two choices meet", None,
                lambda _: str(matrix.never_meet(cases, ports) or ""))


def every(ports, full, slow, keep):
    """All parts.  @full: each over every port and IP version, and all of the
    matrix (see matrix.full() for @slow).
    """
    links = list(itertools.product(ports, (4, 6)))
    turn = itertools.cycle(links)
    cases = matrix.full(ports, slow) if full else matrix.quick(ports)
    parts = [pairwise(cases, ports), *(program(case) for case in cases)]
    for name in names_of_drills():
        parts += [drill(name, port, ip)
                  for port, ip in (links if full else [next(turn)])]
    for name, role in itertools.product(talk.TALKS, matrix.ROLES):
        parts += [one_talk(name, role, port, ip, keep)
                  for port, ip in (links if full else [next(turn)])]
    return parts


class Run:
    """Plays parts in lanes, from both ends of the list: programs are at one,
    what mostly waits at the other.
    """

    def __init__(self, parts, keep):
        self.parts, self.keep = list(parts), keep
        self.score = support.Score()
        self.lock = threading.Lock()
        self.taken = set()  # ports of ONE_NIC

    def take(self, lane):
        """The next part whose port is free; nothing is left for this lane
        otherwise.
        """
        with self.lock:
            rows = self.parts[::-1] if lane.number % 2 else self.parts
            part = next((p for p in rows if p.port not in self.taken), None)
            if part:
                self.parts.remove(part)
                self.taken |= {part.port} & ONE_NIC
        return part

    def play(self, lane, part):
        begin = time.monotonic()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(lane.capture)
        try:
            wrong = part.play(lane)
        except Exception as e:  # the part's failure, not the lane's
            wrong = repr(e)
        took = time.monotonic() - begin
        with self.lock:
            if wrong:
                wrong += f" ({self.remember(lane)})"
            self.taken.discard(part.port)
            print(f"[{took:5.1f} s] ", end="")
            self.score.check(part.name, wrong)

    def remember(self, lane):
        """Keeps what a failure leaves behind; where."""
        path = f"{self.keep}/failed-{self.score.failed + 1}"
        with contextlib.suppress(FileNotFoundError):
            shutil.copy(lane.capture, f"{path}.pcapng")
        with open(f"{path}.rxe", "w") as f:
            f.write(lane.guest.run(f"grep . {RXE_COUNTERS}")[1])
        return f"{path}.*"

    def work(self, lane):
        """What a lane does, to the end."""
        part = self.take(lane)
        while part:
            self.play(lane, part)
            if self.score.failed and not lane.guest.lives():
                with self.lock:
                    self.score.check("the guest lives", "it does not answer")
                    self.parts.clear()
            part = self.take(lane)

    def in_lanes(self, lanes):
        threads = [threading.Thread(target=self.work, args=(lane,))
                   for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
