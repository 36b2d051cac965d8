#!/usr/bin/env python3
"""abi_test.py [BUILD]: whether BUILD/lib's drop-in libraries (build by default)
export exactly what rdma-core's libraries do, and whether real programs load
with them.  Prints "N passed, N failed"; exit status 1 if any failed."""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../support"))
from score import Score  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALLED = "/usr/lib/x86_64-linux-gnu/libibverbs.so.1"
V56_LIST = os.path.join(HERE, "abi_v56.list")

# Command, and what must be in its output.
PROGRAMS = [
    (["ibv_devices"], "node GUID"),
    (["ibv_devinfo", "--list"], "HCA"),
    (["ibv_rc_pingpong", "--help"], "Usage"),
    (["ibv_uc_pingpong", "--help"], "Usage"),
    (["ibv_ud_pingpong", "--help"], "Usage"),
    (["ibv_srq_pingpong", "--help"], "Usage"),
    (["ibv_xsrq_pingpong", "--help"], "Usage"),
    (["ibv_asyncwatch", "--help"], ""),
    (["ib_write_bw", "--version"], "Version"),
    (["ib_send_lat", "--help"], "Usage"),
    (["ib_atomic_bw", "--help"], "Usage"),
    (["rping", "-h"], ""),
    (["qperf", "--version"], "qperf"),
    (["fio", "--enghelp=rdma"], ""),
    (["fi_info", "--version"], "libfabric"),
    (["/usr/bin/python3", "-c",
      "import pyverbs.device, pyverbs.pd, pyverbs.cq, pyverbs.qp, pyverbs.mr, "
      "pyverbs.srq, pyverbs.providers.mlx5.mlx5dv; print('loaded')"],
     "loaded"),
]
# What the loader says when a library lacks something.
LOADER_COMPLAINS = re.compile(
    r"symbol lookup error|undefined symbol|version .* not found|"
    r"cannot open shared object|ImportError")


def exports(library):
    """{"name@@NODE" or "name@NODE": "FUNC 16"-like kind} of a library."""
    out = subprocess.run(["readelf", "-W", "--dyn-syms", library], check=True,
                         capture_output=True, text=True).stdout
    rows = (line.split() for line in out.splitlines())
    return {r[7]: r[3] for r in rows
            if len(r) >= 8 and r[6] not in ("UND", "ABS", "Ndx")
            and r[4] in ("GLOBAL", "WEAK") and "@" in r[7]}


def nodes(library):
    """{node: its parent or None} from the version definitions."""
    out = subprocess.run(["readelf", "-W", "-V", library], check=True,
                         capture_output=True, text=True).stdout
    found, last = {}, None
    for line in out.splitlines():
        if "Version needs" in line:
            break
        if m := re.search(r"Flags: none .*Name: (\S+)", line):
            last = m[1]
            found[last] = None
        elif m := re.search(r"Parent 1: (\S+)", line):
            found[last] = m[1]
    return found


def compare(score, ours):
    v56 = {line.strip() for line in open(V56_LIST)
           if line.strip() and not line.startswith("#")}
    mine = exports(ours)
    known = set(v56)
    for symbol in sorted(v56):
        score.check(f"export {symbol}",
                    "" if symbol in mine else "missing (v56 has it)")
    if os.path.exists(INSTALLED):
        theirs = exports(INSTALLED)
        known |= set(theirs)
        for symbol, kind in sorted(theirs.items()):
            score.check(f"export {symbol} as installed",
                        "" if mine.get(symbol) == kind else
                        f"is {mine.get(symbol, 'missing')}, should be {kind}")
        for node, parent in nodes(INSTALLED).items():
            have = nodes(ours).get(node, "missing")
            score.check(f"node {node}", "" if have == parent else
                        f"parent is {have}, should be {parent}")
    else:
        print(f"skipped: {INSTALLED} is not installed (libibverbs1)")
    extra = sorted(set(mine) - known)
    score.check("no other exports", ", ".join(extra))


def run(score, libs, command, expect):
    name = "load " + " ".join(command)[:60]
    if not shutil.which(command[0]):
        print(f"skipped: {name}: not installed")
        return
    env = dict(os.environ, LD_LIBRARY_PATH=libs, LD_BIND_NOW="1")
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True,
                              timeout=60)
    except subprocess.TimeoutExpired:
        score.check(name, "still running after 60 s")
        return
    text = done.stdout + done.stderr
    complaint = LOADER_COMPLAINS.search(text)
    if complaint:
        line = text[text.rfind("\n", 0, complaint.start()) + 1:]
        score.check(name, line.splitlines()[0])
    elif done.returncode < 0:
        score.check(name, f"killed by signal {-done.returncode}")
    else:
        score.check(name, "" if expect in text else
                    f"no {expect!r} in its output: {text[:200]!r}")


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    libs = os.path.abspath(os.path.join(build, "lib"))
    score = Score()
    compare(score, os.path.join(libs, "libibverbs.so.1"))
    for command, expect in PROGRAMS:
        run(score, libs, command, expect)
    score.finish()


if __name__ == "__main__":
    main()
