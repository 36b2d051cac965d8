#!/usr/bin/python3
"""What the NICs captured, judged by `glassnic decode --check' and by tshark:
capture_test.py [BUILD]
"""

import os
import shutil
import signal
import subprocess
import time

from led import Program
from support import (LIMIT, PERFTEST, TSHARK, Score, await_port, finish, lab,
                     need)

TRAFFIC = {
    "pingpong": ["ibv_rc_pingpong", "-g", "1", "-c", "-n", "50", "-s", "10000"],
    "ib_send_bw": ["ib_send_bw", *PERFTEST, "-n", "50"],
    "ib_write_bw": ["ib_write_bw", *PERFTEST, "-n", "50"],
    "ib_read_bw": ["ib_read_bw", *PERFTEST, "-n", "50"],
    "ib_atomic_bw": ["ib_atomic_bw", *PERFTEST, "-n", "50"],
}
KILLED_LEN = 100000  # bytes of a capture before its program is killed
LARGEST_BLOCK = 1500  # bytes of pcapng for a packet with a path MTU of 1024
PARTING = 2 * 40  # packets of a led that parts, and as many answers


def tshark(path, shown, *fields):
    """The fields' values in the frames that the filter @shown lets through."""
    words = [w for f in fields for w in ("-e", f)]
    done = subprocess.run([*TSHARK, "-r", path, "-Y", shown, "-T", "fields",
                           *words], capture_output=True, text=True,
                          timeout=120)
    return [line.split("\t") for line in done.stdout.splitlines()]


def wrong_in_tshark(path, kind):
    frames = tshark(path, "infiniband.bth", "frame.protocols", "udp.dstport")
    stack = "vxlan:eth:ethertype:ip:udp:infiniband"
    ports = "4789,4791" if kind == "vxlan" else "4791"
    bad = tshark(path, "_ws.malformed", "frame.number")
    if bad:
        return f"tshark calls frame {bad[0][0]} malformed"
    if len(frames) < 50:
        return f"tshark sees only {len(frames)} RoCEv2 packets"
    for protocols, dport in frames:
        if kind == "vxlan" and stack not in protocols:
            return f"a frame's stack is {protocols}"
        if dport != ports:
            return f"a frame's UDP ports are {dport}"
    return ""


def wrong_in_check(lab, path):
    done = subprocess.run([lab.glassnic, "decode", "--check", path],
                          capture_output=True, text=True, timeout=120)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        return f"exit {done.returncode}: {' / '.join(lines[:3])}"
    return ""


def judge_traffic(score, lab, kind):
    for name, command in TRAFFIC.items():
        files = [lab.path(f"{kind}-{name}-{side}.pcapng") for side in "ab"]
        fine, _, _ = lab.check_pair(score, f"{kind}: {name} captured", command,
                                    lab.nics(kind), captures=files)
        if not fine:
            continue
        for side, path in zip("ab", files):
            what = f"{kind}: {name}, capture of {side}"
            score.check(f"{what}, decode --check", wrong_in_check(lab, path))
            if shutil.which("tshark"):
                score.check(f"{what}, tshark", wrong_in_tshark(path, kind))


def outlives_a_kill(score, lab):
    """A killed program leaves a readable file; a kill in the middle of a write
    may cut the last packet.
    """
    path, port = lab.path("killed-%p.pcapng"), lab.port()
    until = time.monotonic() + LIMIT
    command = ["ibv_rc_pingpong", "-g", "1", "-n", "100000000", "-p", str(port)]
    nics = lab.nics("udp")
    server = lab.start(command, nic=nics[0], capture=path)
    await_port(port, server, until)
    client = lab.start(command + ["127.0.0.1"], nic=nics[1])
    path = path.replace("%p", str(server.pid))
    while not (os.path.exists(path) and os.path.getsize(path) > KILLED_LEN):
        if time.monotonic() > until:
            break
        time.sleep(0.02)
    server.send_signal(signal.SIGKILL)
    client.send_signal(signal.SIGKILL)
    finish(server, until)
    finish(client, until)
    done = subprocess.run([lab.glassnic, "decode", path], capture_output=True,
                          text=True, timeout=120)
    lines = len(done.stdout.splitlines())
    fine = lines >= KILLED_LEN // LARGEST_BLOCK and done.returncode == 0
    score.check("capture of a killed program is readable", "" if fine else
                f"exit {done.returncode}, {lines} lines: {done.stderr[-200:]}")


def survives_an_exit(score, lab):
    """Who closes nothing has all packets in his capture, and each once."""
    path = lab.path("left.pcapng")
    led = Program(lab, lab.nics("udp")[0], (22, 7, 7), capture=path)
    led.say(led.hear())  # to itself
    led.hear("ready")
    led.say("part")
    try:
        status = led.process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        status = "never"
    wrong = led.close()
    done = subprocess.run([lab.glassnic, "decode", path], capture_output=True,
                          text=True, timeout=120)
    lines = done.stdout.splitlines()
    got = [sum(word in line for line in lines)
           for word in ("WRITE_ONLY", "ACKNOWLEDGE")]
    score.check("capture of a program that exits is complete",
                "" if not status and got == [PARTING, PARTING] else
                f"exit {status}, {wrong} {got} of {PARTING} WRITEs and ACKs, "
                "each out and in")


def main():
    need("ibv_rc_pingpong", "ib_write_bw")
    score = Score()
    if not shutil.which("tshark"):
        score.check("tshark", "not found; tools/setup.sh installs it")
    with lab() as place:
        for kind in "udp", "vxlan":
            judge_traffic(score, place, kind)
        outlives_a_kill(score, place)
        survives_an_exit(score, place)
    score.finish()


if __name__ == "__main__":
    main()
