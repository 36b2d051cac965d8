#!/usr/bin/python3
"""Hosts on a segment in shared memory: hub_test.py [BUILD]"""

import contextlib
import glob
import os
import random
import signal
import subprocess
import time

from support import (LIMIT, PERFTEST, Score, await_port, finish, lab, need,
                     patient)

PINGPONGS = {
    "ibv_rc_pingpong": [["-c"], ["-c", "-e"], ["-c", "-s", "1048576", "-n",
                                               "40"]],
    "ibv_uc_pingpong": [[], ["-e"]],
    "ibv_ud_pingpong": [[], ["-e"], ["-s", "1000", "-n", "500"]],
    "ibv_srq_pingpong": [[], ["-e"]],
    "ibv_xsrq_pingpong": [[], ["-e"]],
}
# A receiver that has no turn loses what does not fit into its ring (1 MiB), and
# perftest waits for that for ever: what nobody acknowledges is less.
PROGRAMS = [[f"ib_{what}_{how}"] for what in ("send", "write", "read", "atomic")
            for how in ("bw", "lat")] + [
    ["ib_send_lat", "-e"], ["ib_send_bw", "-a", "-n", "5"],
    ["ib_write_bw", "-q", "16", "-b"],
    ["ib_send_bw", "-c", "UC", "-s", "4096"],
    ["ib_send_lat", "-c", "UC", "-s", "65536"],
    ["ib_send_lat", "-c", "UD"], ["ib_send_bw", "-c", "UD", "-s", "1024"],
    ["ib_send_bw", "-c", "UD", "-g", "-x", "0", "-s", "1024"],  # multicast
]


def new_hub():
    return f"e2e-{os.getpid()}-{random.randrange(1 << 32):x}"


def files(hub):
    return sorted(glob.glob(f"/dev/shm/glassnic-hub-{hub}*"))


def left_over(hub):
    return f"left behind: {files(hub)}" if files(hub) else ""


def sweep(hub):
    """Behind programs that were killed when nobody else was there."""
    for path in files(hub):
        with contextlib.suppress(OSError):
            os.unlink(path)


def programs(score, place):
    hub = new_hub()
    nics = [f"port=hub:{hub}"] * 2
    for program, ways in PINGPONGS.items():
        for way in ways:
            place.check_pair(score, " ".join([program, *way]),
                             [program, "-g", "1", *way], nics)
    for program in PROGRAMS:
        place.check_pair(score, " ".join(program),
                         [program[0], *PERFTEST, "-n", "200",
                          *program[1:]], nics)
    score.check("the hub is gone", left_over(hub))


def mtu(score, place):
    nic = f"port=hub:{new_hub()}"
    done = place.run(["ibv_devinfo"], nic=nic)
    score.check("active_mtu is 4096", done.wrong("it") or
                ("" if "active_mtu:\t\t4096" in done.out else done.out))
    done = place.run(["ibv_devinfo"], nic=f"{nic},mtu=1500")
    score.check("mtu=1500: active_mtu is 1024", done.wrong("it") or
                ("" if "active_mtu:\t\t1024" in done.out else done.out))


def captured(score, place):
    paths = [place.path(f"hub-{side}.pcapng") for side in "ab"]
    fine, _, _ = place.check_pair(
        score, "captured", ["ibv_rc_pingpong", "-g", "1", "-n", "50"],
        [f"port=hub:{new_hub()}"] * 2, captures=paths)
    for path in paths if fine else []:
        done = subprocess.run([place.glassnic, "decode", "--check", path],
                              capture_output=True, text=True, timeout=LIMIT)
        score.check("decode --check", done.stdout[-300:] + done.stderr[-300:]
                    if done.returncode else "")


def start_pair(place, nic, command):
    """A server and its client; both Popen."""
    port, until = place.port(), time.monotonic() + LIMIT
    words = command + ["-p", str(port)]
    server = place.start(words, nic=nic)
    await_port(port, server, until)
    return server, place.start(words + ["127.0.0.1"], nic=nic)


def one_dies(score, place):
    """Four pairs at once; one server and, later, its client are killed."""
    hub, until = new_hub(), time.monotonic() + LIMIT
    nic = f"port=hub:{hub}"
    endless = ["ibv_rc_pingpong", "-g", "1", "-c", "-n", "100000000"]
    doomed = start_pair(place, nic, endless)
    pairs = [start_pair(place, nic, ["ibv_rc_pingpong", "-g", "1", "-c", "-n",
                                     "10000"]) for _ in range(3)]
    while len(files(hub)) < 9 and time.monotonic() < until:
        if any(p.poll() is not None for pair in pairs for p in pair):
            break  # a fast machine
        time.sleep(0.01)
    doomed[0].send_signal(signal.SIGKILL)
    finish(doomed[0], until)
    for i, pair in enumerate(pairs):
        for side, process in zip(("server", "client"), pair):
            score.check(f"one dies, pair {i}: {side}",
                        finish(process, until).wrong(side))
    doomed[1].send_signal(signal.SIGKILL)
    finish(doomed[1], until)
    done = place.run(["ibv_devinfo"], nic=nic)
    score.check("who comes next clears up", done.wrong("it") or
                left_over(hub))


def rights(score, place):
    """A hub of another user is closed; one that shares is open."""
    if os.geteuid():
        return
    for share, words in ("user", "belongs to user root"), ("all", ""):
        hub, port = new_hub(), place.port()
        nic = f"port=hub:{hub},share={share}"
        command = ["ibv_rc_pingpong", "-g", "1", "-p", str(port)]
        server = subprocess.Popen(
            [place.glassnic, "run", "--nic", nic, "--", *command],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd="/", env=patient(place.build, command, os.environ))
        until = time.monotonic() + LIMIT
        await_port(port, server, until)
        done = place.run(["ibv_rc_pingpong", "-g", "1", "-p", str(port),
                          "127.0.0.1"], nic=nic)
        if words:
            server.terminate()
            lines = done.err.strip().splitlines()
            score.check("share=user: another user", "" if done.status and
                        len(lines) == 1 and words in lines[0] else done.err)
        else:
            score.check("share=all: another user", done.wrong("client"))
        finish(server, until)
        sweep(hub)


def taken(score, place):
    hub, port = new_hub(), place.port()
    nic = f"port=hub:{hub},ip=10.1.2.3/24"
    server = place.start(["ibv_rc_pingpong", "-g", "1", "-p", str(port)],
                         nic=nic)
    await_port(port, server, time.monotonic() + LIMIT)
    done = place.run(["ibv_devinfo"], nic=nic)
    score.check("an address that is taken", "" if
                "ip=10.1.2.3: process" in done.err else done.err or done.out)
    server.terminate()
    finish(server, time.monotonic() + LIMIT)
    sweep(hub)


def own_folder(score, place):
    path = place.path("segment")
    place.check_pair(score, "a file of one's own",
                     ["ibv_rc_pingpong", "-g", "1"], [f"port=hub:{path}"] * 2)
    score.check("it is gone", "still there" if os.path.exists(path) else "")


def main():
    need("ibv_rc_pingpong", "ib_write_bw")
    score = Score()
    with lab() as place:
        programs(score, place)
        mtu(score, place)
        captured(score, place)
        one_dies(score, place)
        rights(score, place)
        taken(score, place)
        own_folder(score, place)
    score.finish()


if __name__ == "__main__":
    main()
