#!/usr/bin/python3
"""Programs that end or pause in unusual ways: accidents_test.py [BUILD]

Who exits or becomes another program is gone for its peer, and its address is free
at once, even if it leaves a child behind.  Who forks, or is stopped for less than
the retries of its peer take, goes on.
"""

import re
import signal
import time

from led import check_all, two
from support import LIMIT, Score, await_port, finish, is_free, lab, need

# timeout, retry_cnt, rnr_retry: whose peer has no CPU for seconds does not
# take it for gone.
GONE = (18, 7, 7)  # 8 s and more
PATIENT = (19, 7, 7)  # 17 s and more
STOPPED = 3  # seconds


def is_given_back(nic):
    """Does its UDP port of the kernel's belong to nobody?"""
    ip = re.search(r"(?:local|ip)=([\d.]+)", nic)[1]
    return is_free(ip, 4789 if "vxlan" in nic else 4791)


def await_address(nic):
    until = time.monotonic() + LIMIT
    while not is_given_back(nic):
        if time.monotonic() > until:
            return f"its address is taken still: {nic}"
        time.sleep(0.01)
    return ""


def flowing(asker):
    asker.say("flow")
    asker.hear("flowing")


def flows_on(asker):
    asker.process.send_signal(signal.SIGUSR1)
    asker.hear("flowing")


def fails(asker):
    line = asker.hear("failed")
    return "" if line.startswith("failed 12 ") else line


def exits(place, kind):
    """Without closing anything."""
    with two(place, kind, GONE) as (asker, peer):
        flowing(asker)
        peer.process.stdin.close()
        status = peer.process.wait(LIMIT)
        peer.process.stdin = None
        wrong = "" if is_given_back(peer.nic) else "its address is taken still"
        return (f"exit {status}" if status else "") or wrong or fails(asker)


def becomes_another(place, kind):
    with two(place, kind, GONE) as (asker, peer):
        flowing(asker)
        peer.do("exec")
        wrong = await_address(peer.nic)
        alive = peer.process.poll() is None
        return wrong or fails(asker) or ("" if alive else "cat is gone, too")


def leaves_a_child(place, kind):
    with two(place, kind, GONE) as (asker, peer):
        flowing(asker)
        peer.do("leave")
        flows_on(asker)
        peer.process.kill()
        peer.process.wait(LIMIT)
        # Its child may have had no turn yet to let go of it.
        return await_address(peer.nic) or fails(asker)


def forks(place, kind, side):
    with two(place, kind, PATIENT) as pair:
        asker, peer = pair
        if side == "peer":
            flowing(asker)
            peer.do("fork")
            flows_on(asker)
        else:
            asker.do("fork")
            flowing(asker)
        return ""


def stops(place, kind, sides):
    """As Ctrl-Z does, and fg."""
    with two(place, kind, PATIENT) as pair:
        flowing(pair[0])
        for i in sides:
            pair[i].process.send_signal(signal.SIGSTOP)
        pair[0].process.send_signal(signal.SIGUSR1)
        time.sleep(STOPPED)
        for i in sides:
            pair[i].process.send_signal(signal.SIGCONT)
        pair[0].hear("flowing")
        return ""


def perftest_stops(place, kind, program, side):
    """In the middle of a long run; both must end well."""
    port, nics = place.port(), place.nics(kind)
    command = [program, "-F", "-x", "1", "-u", "19", "-n", "5000", "-p",
               str(port)]
    until = time.monotonic() + LIMIT
    pair = [place.start(command, nic=nics[0])]
    await_port(port, pair[0], until)
    pair.append(place.start(command + ["127.0.0.1"], nic=nics[1]))
    time.sleep(0.7)  # any moment will do
    pair[side].send_signal(signal.SIGSTOP)
    time.sleep(STOPPED)
    pair[side].send_signal(signal.SIGCONT)
    done = [finish(p, until) for p in pair]
    return " ".join(d.wrong(w) for d, w in zip(done, ("server", "client"))
                    ).strip()


def cases():
    for kind in "udp", "vxlan":
        yield f"{kind}: exits", exits, kind
        yield f"{kind}: becomes another program", becomes_another, kind
        yield f"{kind}: is killed and leaves a child", leaves_a_child, kind
        yield f"{kind}: the peer forks", forks, kind, "peer"
        yield f"{kind}: the asker forks", forks, kind, "asker"
        yield f"{kind}: the asker is stopped", stops, kind, [0]
        yield f"{kind}: the peer is stopped", stops, kind, [1]
        yield f"{kind}: both are stopped", stops, kind, [0, 1]
        for program in "ib_write_bw", "ib_send_bw", "ib_read_bw":
            for side, name in enumerate(("server", "client")):
                yield (f"{kind}: {program}'s {name} is stopped",
                       perftest_stops, kind, program, side)


def main():
    need("ib_write_bw", "ib_send_bw", "ib_read_bw")
    score = Score()
    with lab() as place:
        check_all(score, place, cases())
    score.finish()


if __name__ == "__main__":
    main()
