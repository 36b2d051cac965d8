#!/usr/bin/python3
"""Mistakes and accidents end in one clear line, never in a crash:
errors_test.py [BUILD]
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from support import LIMIT, Score, await_port, finish, lab, need

PINGPONG = ["ibv_rc_pingpong", "-g", "1"]

# What is wrong: arguments of glassnic, status, what stderr must be or hold.
MISTAKES = {
    "number": (["run", "--nic", "mtu=abc", "true"], 2,
               "glassnic: --nic: mtu=abc: not a number; "
               "allowed: 576 to 65535 bytes"),
    "range": (["run", "--nic", "port=vxlan,vni=16777216", "true"], 2,
              "glassnic: --nic: vni=16777216: out of range; "
              "allowed: 0 to 16777215"),
    "unknown key": (["run", "--nic", "mut=1500", "true"], 2,
                    "glassnic: --nic: mut: no such option; "
                    "did you mean mtu?"),
    "port kind": (["run", "--nic", "port=carrier-pigeon", "true"], 2,
                  "glassnic: --nic: port=carrier-pigeon: no such kind of port; "
                  "allowed: udp, vxlan, packet:IFACE, xdp:IFACE[:QUEUE], "
                  "hub:NAME, pcap:FILE"),
    "key of another port": (["run", "--nic", "remote=127.0.0.1", "true"], 2,
                            "glassnic: --nic: remote=127.0.0.1: not for "
                            "port=udp; it needs port=vxlan"),
    "command": (["rnu"], 2,
                "glassnic: rnu: no such command; did you mean run?"),
    "option": (["run", "--nci", "x", "true"], 2,
               "glassnic run: --nci: no such option; "
               "`glassnic help run' lists them"),
    "option, last": (["run", "--nci"], 2,
                     "glassnic run: --nci: no such option; "
                     "`glassnic help run' lists them"),
    "picture": (["decode", "pcaps/rnr.pcap", "--ladder", "x.png"], 2,
                "glassnic decode: of pcaps/rnr.pcap and x.png one is the "
                "capture; a ladder is drawn into NAME.svg or NAME.html"),
    "flow": (["replay", "pcaps/rnr.pcap", "--flow", "9"], 2,
             "glassnic replay: no flow 9: there is 1"),
    "nothing to run": (["run"], 2,
                       "glassnic run: no program to run; "
                       "try `glassnic run -- ibv_devinfo'"),
    "log level": (["run", "--log", "loud", "true"], 2,
                  "glassnic run: --log: loud: no such level; "
                  "allowed: error, warn, info, debug"),
    "no program": (["run", "/nowhere/program"], 127,
                   "glassnic run: /nowhere/program: no such program"),
    "not executable": (["run", "/etc/passwd"], 126,
                       "glassnic run: /etc/passwd: Permission denied"),
    "capture folder": (["run", "--capture", "/nowhere/x.pcapng", "true"], 77,
                       "glassnic run: --capture: /nowhere/x.pcapng: "
                       "No such file or directory"),
}


def judge_mistakes(score, lab):
    for name, (arguments, status, line) in MISTAKES.items():
        done = subprocess.run([lab.glassnic, *arguments], text=True,
                              capture_output=True, timeout=LIMIT)
        score.check(f"mistake: {name}",
                    "" if (done.returncode, done.stderr) == (status, line + "\n")
                    else f"exit {done.returncode}: {done.stderr!r}")


def bad_spec_in_environment(score, lab):
    env = {"GLASSNIC_NIC": "mtu=abc", "LD_LIBRARY_PATH": lab.build + "/lib"}
    done = lab.run(["ibv_devinfo"], env=env, launcher=False)
    line = "mtu=abc: not a number; allowed: 576 to 65535 bytes"
    score.check("GLASSNIC_NIC: bad spec, no launcher",
                complaint_wrong(done, line))


def complaint_wrong(done, *want):
    """The program fails by itself, and one line of glassnic's says why."""
    ours = [w for w in done.err.splitlines() if w.startswith("glassnic")]
    if done.status is None or done.status <= 0:
        return f"exit {done.status}: {done.err!r}"
    if len(ours) != 1:
        return f"{len(ours)} lines of glassnic's: {done.err!r}"
    missing = [w for w in want if w not in ours[0]]
    return f"no {missing} in {ours[0]!r}" if missing else ""


def no_gid_index(score, lab):
    """The commonest mistake of all: RoCE needs a GRH.  The server sees it
    first; the client may just find the connection closed.
    """
    server, _ = lab.pair(["ibv_rc_pingpong"], lab.nics("udp"))
    score.check("pingpong without -g names the cure",
                complaint_wrong(server, "-g 1"))


def taken(score, lab, kind, udp):
    nics = lab.nics(kind)
    ip = nics[0].split("local=" if kind == "vxlan" else "ip=")[1]
    ip = ip.split(",")[0].split("/")[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((ip, udp))
        done = lab.run(["ibv_devinfo"], nic=nics[0])
        done = done if done.status else lab.run(PINGPONG, nic=nics[0])
    score.check(f"{kind}: UDP port {udp} is taken",
                complaint_wrong(done, ip, str(udp)))


def address_of_others(score, lab):
    done = lab.run(PINGPONG, nic="ip=192.0.2.1/24")
    score.check("udp: the address is not this machine's",
                complaint_wrong(done, "192.0.2.1"))


HOLD_ALL = """
import fcntl, socket, struct, subprocess, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
up = struct.pack("16sH", b"lo", 1)  # IFF_UP
fcntl.ioctl(s, 0x8914, up)          # SIOCSIFFLAGS
s.bind(("0.0.0.0", 4791))
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


def all_taken(score, lab):
    """As rdma_rxe does, in a network of our own."""
    inside = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if not shutil.which("unshare") or subprocess.run(
            [*inside, "true"], capture_output=True).returncode:
        print("skip udp: port 4791 is taken everywhere (no unshare here)")
        return
    done = subprocess.run([*inside, sys.executable, "-c", HOLD_ALL,
                           lab.glassnic, "run", "ibv_devinfo"],
                          capture_output=True, text=True, timeout=LIMIT)
    ok = done.returncode == 77 and "4791" in done.stderr and \
        done.stderr.count("\n") == 1
    score.check("udp: port 4791 is taken everywhere",
                "" if ok else f"exit {done.returncode}: {done.stderr!r}")


def sends(lab, process, env):
    """Has its NIC sent anything yet?"""
    done = lab.run([lab.glassnic, "show", str(process.pid), "--json"],
                   env=env, launcher=False)
    return not done.status and json.loads(done.out)["counters"]["sent_pkts"]


def other_side_dies(score, lab, kind):
    """kill -9 of one side: the other ends, with an error.  It has to be one that
    sends: who only waits for a message cannot know.
    """
    port, until = lab.port(), time.monotonic() + LIMIT
    # -u: a server without CPU for a second or three is not dead.
    endless = ["ib_write_bw", "-F", "-x", "1", "-u", "17", "-n", "5000000",
               "-p", str(port)]
    nics, env = lab.nics(kind), {"GLASSNIC_RUNTIME": lab.path("runtime")}
    server = lab.start(endless, nic=nics[0], env=env)
    await_port(port, server, until)
    client = lab.start(endless + ["127.0.0.1"], nic=nics[1], env=env)
    while not sends(lab, client, env) and client.poll() is None and \
            time.monotonic() < until:
        time.sleep(0.05)
    early = server.poll() is not None or client.poll() is not None
    server.send_signal(signal.SIGKILL)
    finish(server, until)
    done = finish(client, until)
    wrong = "it ended before the kill" if early else ""
    if not wrong and (done.status is None or done.status <= 0):
        wrong = done.wrong("the other") or "the other exits with 0"
    if not wrong and "Completion with error" not in done.out + done.err:
        wrong = f"no completion says why: {done.out + done.err!r}"
    score.check(f"{kind}: the other side is killed", wrong)


def main():
    need("ibv_rc_pingpong", "ibv_devinfo")
    score = Score()
    with lab() as place:
        judge_mistakes(score, place)
        bad_spec_in_environment(score, place)
        no_gid_index(score, place)
        taken(score, place, "udp", 4791)
        taken(score, place, "vxlan", 4789)
        address_of_others(score, place)
        all_taken(score, place)
        for kind in "udp", "vxlan":
            other_side_dies(score, place, kind)
    score.finish()


if __name__ == "__main__":
    main()
