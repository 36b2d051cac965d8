#!/usr/bin/python3
"""glassnic against the kernel's soft-RoCE, over a wire: run.py BUILD [1]
[--only WORD]...

The kernel is Debian's, in a guest of QEMU (guest.py, vm.py); the wire is a tap
in a network namespace of the run, which ends with it, however it ends.  Without
the 1 it is what CI has time for.  Exit status: 0, 1 (something failed), 77 (no
guest can run here; it says why).
"""

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys

import ends
import guest
import parts
import peers
import vm

CANNOT_RUN = 77
INSIDE = "GLASSNIC_INTEROP_GUEST"  # set: we are in the namespace


def say(text):
    print(f"interop: {text}", flush=True)


def cannot_run(why):
    say(f"cannot run here: {why}")
    sys.exit(CANNOT_RUN)


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("full", nargs="?", type=int, default=0)
    p.add_argument("--only", action="append", default=[])
    return p.parse_args()


# ---- outside ----

def unshare():
    """Words that run a command in namespaces of its own: all it starts ends
    with it.  Without root, as the root of a user namespace.
    """
    words = ["unshare", "--net", "--pid", "--fork", "--kill-child",
             "--mount-proc"]
    return words if os.geteuid() == 0 else [*words, "--map-root-user"]


def why_no_tap():
    try:
        done = subprocess.run([*unshare(), "ip", "tuntap", "add", "dev", "tap0",
                               "mode", "tap"], capture_output=True, text=True)
    except OSError as e:
        return f"{e.filename}: {e.strerror}; tools/setup.sh installs it"
    if done.returncode:
        return f"no tap in a namespace: {done.stderr.strip()}"
    return ""


def outside(cache):
    if os.uname().machine != "x86_64":
        cannot_run("the guest is for x86_64")
    why = why_no_tap()
    if why:
        cannot_run(why)
    for program in "qemu-system-x86_64", "cpio", "dpkg-deb", "readelf":
        if not shutil.which(program):
            cannot_run(f"{program} not found; `tools/setup.sh build interop' "
                       "installs it")
    os.makedirs(cache, exist_ok=True)
    lock = os.open(cache, os.O_RDONLY)  # another run may use the folder
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        place = guest.build(cache, say)
    except guest.CannotBuild as e:
        cannot_run(f"no guest: {e}")
    sys.exit(enter(place))


def enter(place):
    """Runs inside the namespaces, and takes them down when it is told to end.
    (unshare ignores signals; setpriv is for when we are killed.)
    """
    inner = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *unshare(),
                              sys.executable, *sys.argv],
                             env={**os.environ, INSIDE: place})
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        signal.signal(number, lambda *_: inner.kill())
    status = inner.wait()
    return status if status >= 0 else 128 - status


# ---- inside ----

def boot(options, cache, place, logs, work):
    """The guest, its device lent to us; CannotRun."""
    vm.tap_up()
    peers.add_peer(options.build, f"{place}/initrd", f"{work}/initrd")
    machine = vm.boot(f"{place}/vmlinuz", f"{work}/initrd", cache, logs, say)
    peers.lend(machine)
    return machine


def ports_of(lane):
    why = lane.why_no_xdp()
    if why:
        say(f"port=xdp is left out: {why}")
    return ["udp", "packet"] + ([] if why else ["xdp"])


def inside(options, cache, place):
    logs, work = f"{cache}/logs", f"{cache}/work"
    for folder in logs, work:
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
    try:
        machine = boot(options, cache, place, logs, work)
    except vm.CannotRun as e:
        cannot_run(e)
    lanes = [ends.Lane(n, os.path.abspath(options.build), machine, work)
             for n in range(vm.LANES)]
    every = parts.every(ports_of(lanes[0]), options.full,
                        machine.accel == "tcg", logs)
    run = parts.Run([part for part in every if all(
        word in part.name for word in options.only)], logs)
    run.in_lanes(lanes)
    machine.close()
    shutil.rmtree(work)
    run.score.finish()


def main():
    options = parse()
    cache = os.path.abspath(os.path.join(options.build, "interop"))
    place = os.environ.pop(INSIDE, None)
    if place:
        inside(options, cache, place)
    else:
        outside(cache)


if __name__ == "__main__":
    main()
