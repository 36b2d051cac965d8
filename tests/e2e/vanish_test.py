#!/usr/bin/python3
"""A peer that vanishes is reported in the time that the QP's settings promise:
vanish_test.py [BUILD]

The promise (IBTA 9.7.6.1.3): a request is tried 1 + retry_cnt times, and each
time given up after 1 to 4 times 4.096 us * 2^timeout.  What a busy machine adds
is allowed for, so the upper limits are wide; the lower ones are strict.
"""

import signal
import time

from led import check_all, two
from support import LIMIT, Score, await_stopped, lab

SLACK = 10e6  # usec that a busy machine may add
RETRY_EXC, RNR_RETRY_EXC = "12", "13"  # enum ibv_wc_status
RNR_WAIT = 40960  # usec, as tests/e2e/led.c tells its peer to wait
SENDS, RECEIVES = "4", "3"  # that it has outstanding beside the first to fail

SETTINGS = [  # timeout, retry_cnt
    (8, 7), (10, 3), (12, 0), (12, 7), (14, 0), (14, 1), (14, 7), (15, 4),
    (16, 1), (16, 2), (17, 0),
]
# Four seconds for a peer that has not vanished: it may have to wait for a CPU.
PATIENT = 17, 7, 7
WAYS = {  # how the peer vanishes
    "killed": signal.SIGKILL, "stopped": signal.SIGSTOP,
    "QP destroyed": "destroy", "QP in error": "error",
}


def vanish(program, way):
    if isinstance(way, str):
        program.do(way)
    else:
        program.process.send_signal(way)
    if way == signal.SIGSTOP:
        await_stopped(program.process.pid)


def judge(line, settings, status=RETRY_EXC, tries=None, each=None):
    """The report, and whether it came in time."""
    timeout, retries, _, *srq = settings
    tries = 1 + retries if tries is None else tries
    soonest = tries * (each or 4.096 * 2 ** timeout)
    _, code, usec, sends, receives, state, events = line.split(" ", 6)
    if code != status:
        return f"its status is {code}, not {status}"
    if not soonest <= int(usec) <= 4 * soonest + SLACK:
        return f"after {usec} us; the earliest allowed are {soonest:.0f}"
    want = [SENDS, "0" if srq else RECEIVES, "ERR",
            "last WQE reached" if srq else "none"]
    if [sends, receives, state, events] != want:
        return f"flushed sends and receives, state, events: {line}"
    return ""


def before_anything(place, kind, way, settings):
    with two(place, kind, settings) as (asker, peer):
        vanish(peer, way)
        asker.say("flow")
        return judge(asker.hear("failed"), settings)


def in_the_middle(place, kind, way, settings):
    with two(place, kind, settings) as (asker, peer):
        asker.say("flow")
        asker.hear("flowing")
        vanish(peer, way)
        return judge(asker.hear("failed"), settings)


def never_ready(place, kind, settings):
    """The peer has no receives: its RNR NAKs are counted apart."""
    with two(place, kind, settings) as (asker, _):
        asker.say("send")
        return judge(asker.hear("failed"), settings, RNR_RETRY_EXC,
                     settings[2], RNR_WAIT)


def gone_while_not_ready(place, kind, settings):
    """RNR retries of 7 have no end, until nobody answers any more."""
    with two(place, kind, settings) as (asker, peer):
        asker.say("send")
        time.sleep(8 * 2 * RNR_WAIT / 1e6)  # more than eight tries take
        vanish(peer, signal.SIGKILL)
        return judge(asker.hear("failed"), settings)


def comes_back(place, kind, settings):
    """Stopped for less than that, it is as if it had been slow."""
    with two(place, kind, settings) as (asker, peer):
        asker.say("flow")
        asker.hear("flowing")
        vanish(peer, signal.SIGSTOP)
        asker.process.send_signal(signal.SIGUSR1)
        time.sleep(1)
        vanish(peer, signal.SIGCONT)
        asker.hear("flowing")
        vanish(peer, "destroy")
        return judge(asker.hear("failed"), settings)


def waits_for_ever(place, kind, settings):
    """Timeout 0: no timer runs (and the program can still be ended)."""
    with two(place, kind, settings) as (asker, peer):
        vanish(peer, signal.SIGKILL)
        asker.say("flow")
        time.sleep(1)
        asker.process.terminate()
        if asker.process.wait(LIMIT) != -signal.SIGTERM:
            return f"it ended: {asker.process.stdout.read()}"
        return ""


def cases():
    """Name, function, arguments."""
    for timeout, retries in SETTINGS:
        yield (f"timeout {timeout}, retries {retries}", before_anything,
               "udp", signal.SIGKILL, (timeout, retries, 7))
    for way, how in WAYS.items():
        for kind in "udp", "vxlan":
            yield (f"{kind}: {way} before", before_anything, kind, how,
                   (14, 3, 7))
            yield (f"{kind}: {way} in the middle", in_the_middle, kind, how,
                   PATIENT)
    yield ("with a shared receive queue", in_the_middle, "udp", signal.SIGKILL,
           (*PATIENT, "srq"))
    for rnr_retries in 0, 1, 6:
        yield (f"not ready, RNR retries {rnr_retries}", never_ready, "udp",
               (*PATIENT[:2], rnr_retries))
    yield ("killed while not ready", gone_while_not_ready, "udp", (14, 3, 7))
    yield "stopped for a while", comes_back, "udp", PATIENT
    yield "timeout 0", waits_for_ever, "udp", (0, 1, 7)


def main():
    score = Score()
    with lab() as place:
        check_all(score, place, cases())
    score.finish()


if __name__ == "__main__":
    main()
