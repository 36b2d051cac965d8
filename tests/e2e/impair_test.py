#!/usr/bin/python3
"""Real programs on a network that loses, doubles, reorders and damages packets,
and faults that a script puts in: impair_test.py [BUILD]
"""

import contextlib
import glob
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from support import Score, lab, need

FAULTS = "loss=0.05,dup=0.02,reorder=0.05,corrupt=0.01"
# They agree on the end over TCP, after the last packet.
PERFTEST = [[f"ib_{verb}_{what}", *how] for how in ([], ["-c", "XRC"])
            for verb in ("send", "write", "read", "atomic")
            for what in ("bw", "lat")
            if (verb, what) != ("write", "lat") and (verb == "send" or not how)]
# A lost last packet is missed when the timeout of 4 us * 2^u is over; eight of
# them should outlive two lost ARP requests, which take 400 ms, and a peer that
# has no CPU for a second or two.
PERFTEST_ARGUMENTS = ["-F", "-x", "1", "-n", "30", "-u", "16"]
# The client of these is gone soon after its last answer, and so is whoever could
# repeat its last ACK.  Here faults come to an end before.
ENDING = """drop chance 0.05 next 8
dup chance 0.02 next 4
reorder chance 0.05 next 8
corrupt chance 0.01 next 1
"""
LEAVING = [
    ["ib_write_lat", "-F", "-x", "1", "-n", "300", "-u", "16"],
    ["ibv_rc_pingpong", "-g", "1", "-c", "-n", "200"],
    # With more QPs it ends while what was lost on some of them is still missing.
    ["ibv_srq_pingpong", "-g", "1", "-c", "-n", "300", "-q", "1"],
    ["ibv_xsrq_pingpong", "-g", "1", "-c", "1", "-n", "300"],
]
THREADS = 8  # most of the time is waiting


def sweep_up():
    """See transports_test.py."""
    for path in glob.glob("/tmp/xrc_domain*"):
        with contextlib.suppress(OSError):
            os.unlink(path)


def write(place, name, text):
    path = place.path(name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o644)
    return path


def counters(done):
    """What a NIC said at its end."""
    last = re.findall(r"^glassnic: glass0: (.*=.*)$", done.err, re.M)[-1:]
    return {key: int(value) for line in last
            for key, value in re.findall(r"([\w.]+)=(\d+)", line)}


# ---- at random ----

def noisy_jobs(place):
    """Rows of programs that may run beside each other: XRC's may not."""
    ending = write(place, "ending", ENDING)
    rows = {}
    for kind in "udp", "vxlan":
        for command in PERFTEST:
            row = "XRC" if "XRC" in command else (kind, command[0])
            rows.setdefault(row, []).append(
                (kind, [command[0], *PERFTEST_ARGUMENTS, *command[1:]],
                 [f"{nic},{FAULTS},seed=5" for nic in place.nics(kind)]))
        for command in LEAVING:
            row = "XRC" if "xsrq" in command[0] else (kind, command[0])
            rows.setdefault(row, []).append(
                (kind, command, [f"{nic},impair={ending},seed=5"
                                 for nic in place.nics(kind)]))
    return rows.values()


def run_noisy(place, row):
    return [(kind, command, place.pair(command, nics, logged=True))
            for kind, command, nics in row]


# A short run may meet none of one kind; all of them together meet each.
MET = ("impair_lost", "impair_duplicated", "impair_reordered",
       "impair_corrupted", "retransmitted_pkts")


def noisy(score, place):
    met = dict.fromkeys(MET, 0)
    with ThreadPoolExecutor(THREADS) as pool:
        for row in pool.map(lambda r: run_noisy(place, r), noisy_jobs(place)):
            for kind, command, (server, client) in row:
                score.check(f"{kind}, with faults: {' '.join(command)}",
                            client.wrong("client") or server.wrong("server"))
                for key in MET:
                    met[key] += sum(counters(done).get(key, 0)
                                    for done in (server, client))
    score.check("faults of every kind, and packets sent again",
                "" if all(met.values()) else f"{met}")
    print(met)


# ---- scripted ----

def comments(path):
    done = subprocess.run(["tshark", "-n", "-r", path, "-Y", "frame.comment",
                           "-T", "fields", "-e", "frame.comment"],
                          capture_output=True, text=True, timeout=120)
    return [line for line in done.stdout.splitlines() if "impair:" in line]


def wrong_script(place, path, client, want):
    said = counters(client)
    if said.get("impair_lost") != 1 or not said.get("retransmitted_pkts"):
        return f"the log says {said}"
    check = subprocess.run([place.glassnic, "decode", "--check", path],
                           capture_output=True, text=True, timeout=120)
    if check.returncode:
        return f"decode --check: {check.stdout} {check.stderr}"
    if not shutil.which("tshark"):
        return "tshark not found; tools/setup.sh installs it"
    if comments(path) != [want]:
        return f"comments are {comments(path)}"
    return ""


def scripted(score, place, kind):
    """One packet is lost, on purpose, and everything tells of it."""
    rules = write(place, "fourth", "# the fourth packet\ndrop psn=+3 once\n")
    path = place.path(f"fourth-{kind}.pcapng")
    nics = place.nics(kind)
    server, client = place.pair(
        ["ibv_rc_pingpong", "-g", "1", "-c", "-n", "20"],
        [nics[0], f"{nics[1]},impair={rules}"], captures=(None, path),
        logged=True)
    wrong = client.wrong("client") or server.wrong("server")
    score.check(f"{kind}: drop psn=+3 once", wrong or wrong_script(
        place, path, client, "impair: lost by rule 1 (drop psn=+3 once)"))


def refused(score, place):
    """Rules that are none, and no rules: one line says so."""
    bad = write(place, "bad", "drop once\ndorp psn=3\n")
    for rules, says in [
            (bad, "line 2: dorp: no such action; did you mean drop?"),
            ("/nowhere", "cannot read the rules: No such file or directory")]:
        done = place.run(["ibv_devinfo"], nic=f"impair={rules}")
        lines = done.err.splitlines()
        score.check(f"impair={os.path.basename(rules)} is refused",
                    "" if done.status and
                    any(f"impair={rules}: {says}" in x for x in lines)
                    else f"exit {done.status}: {done.err}")


def main():
    need("ibv_rc_pingpong", "ibv_xsrq_pingpong", "ib_send_bw", "ibv_devinfo")
    score = Score()
    sweep_up()
    with lab() as place:
        for kind in "udp", "vxlan":
            scripted(score, place, kind)
        refused(score, place)
        noisy(score, place)
    sweep_up()
    score.finish()


if __name__ == "__main__":
    main()
