#!/usr/bin/python3
"""glassnic replay to a real peer: replay_live_test.py [BUILD]

The captures of pcaps/ are played to `glassnic peer' on glassnic's own NIC, over udp
and in a tunnel: no faults.  A peer that loses what it sends is found out.
"""

import glob
import os
import re
import shutil
import time

from live_test import Peer, peer
from support import LIMIT, Score, finish, lab, tail


def play(place, it, capture, *options):
    path = place.path(os.path.basename(capture))
    shutil.copy(capture, path)
    os.chmod(path, 0o644)
    return place.run([place.glassnic, "replay", "--live", it.own, "--peer",
                      f"127.0.0.1:{it.port}", path, *options],
                     launcher=False)


def wrong(done, status, words):
    if done.status != status:
        return f"exit {done.status}, not {status}: {tail(done)}"
    return "" if re.search(words, done.out, re.M) else \
        f"it does not say {words!r}: {tail(done)}"


def plays(score, place, kind, captures):
    with peer(place, kind) as it:
        for capture in captures:
            done = play(place, it, capture)
            score.check(f"{os.path.basename(capture)} over {kind}", wrong(
                done, 0, "^replay: .* 0 violations by the NIC$") or (
                    "nothing was compared: " + tail(done)
                    if not re.search("same [1-9]", done.out) else ""))


def faulty(score, place):
    rules = place.path("peer.rules")
    with open(rules, "w") as f:
        f.write("out drop opcode=ACKNOWLEDGE\n")
    os.chmod(rules, 0o644)
    nic, own = place.nics("udp")
    it = Peer(place, (f"{nic},impair={rules}", own))
    done = play(place, it, "pcaps/pingpong_rc.pcap", "--as", "responder",
                "--flow", "1")
    it.process.terminate()
    finish(it.process, time.monotonic() + LIMIT)
    score.check("a peer that does not acknowledge",
                wrong(done, 1, r"missing \(violation\)"))


def mistakes(score, place):
    capture = "pcaps/rnr.pcap"
    for name, status, options in (
            ("--live without --peer", 2, ["--live", ""]),
            ("--nic with --live", 2, ["--live", "", "--peer", "127.0.0.1:1",
                                      "--nic", "credits=no"]),
            ("nobody there", 77, ["--live", "ip=" + place.hosts()[0],
                                  "--peer", f"127.0.0.1:{place.port()}"])):
        done = place.run([place.glassnic, "replay",
                          os.path.abspath(capture), *options], launcher=False)
        score.check(name, "" if done.status == status else
                    f"exit {done.status}, not {status}: {tail(done)}")


def main():
    score = Score()
    with lab() as place:
        captures = sorted(glob.glob("pcaps/*.pcap"))
        plays(score, place, "udp", captures)
        plays(score, place, "vxlan", ["pcaps/rc_read.pcap"])
        faulty(score, place)
        mistakes(score, place)
    score.finish()


if __name__ == "__main__":
    main()
