#!/usr/bin/python3
"""run.py [BUILD]: rdma-core's own test-suite, as python3-pyverbs installs it,
on the libraries in BUILD/lib (build by default).

It is run twice: on a port that carries Ethernet (port=vxlan with itself as its
peer), as root and with 64 huge pages where we may, and on port=udp as an
ordinary user.  Left out are tests of one vendor's hardware, and test_rdmacm,
which needs the connection manager.  The last line is "N passed, N failed"; the
exit status is 77 if the suite is not installed."""

import collections
import contextlib
import glob
import gzip
import json
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
INSTALLED = "/usr/share/doc/rdma-core/tests"
VENDOR = re.compile(r"test_(mlx5|efa|cuda)")
ASKS_KERNEL = {"test_get_pkey_index"}  # in rdma-core 50 and later
LATER = {"test_rdmacm": "needs rdma_cm, which glassnic does not have yet"}

# An address of this run's own: others may be at it on this machine.
SELF = f"127.31.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"
VXLAN = f"port=vxlan,vni=7,local={SELF},remote={SELF}"
UDP = "port=udp"

LIMIT = 600  # seconds for one file
CANNOT_RUN = 77
NOBODY = 65534
PAGES = "/proc/sys/vm/nr_hugepages"
PAGES_WANTED = 64

# Reasons to skip that another run would not have: the first word that fits.
ENVIRONMENT = [
    (r"huge pages", "lack of huge pages"),
    (r"root.*Ethernet|root.*link layer", "lack of root or of Ethernet"),
    (r"root|privilege|permission", "lack of root"),
    (r"Ethernet|link layer", "lack of Ethernet"),
]


def prepare(build, folder):
    """Copies suite, libraries and runner to where any user can read them."""
    tests = os.path.join(folder, "tests")
    os.mkdir(tests)
    for path in glob.glob(f"{INSTALLED}/*.py*"):
        name = os.path.basename(path)
        if name.endswith(".gz"):
            with gzip.open(path) as source, \
                    open(os.path.join(tests, name[:-3]), "wb") as to:
                shutil.copyfileobj(source, to)
        else:
            shutil.copy(path, tests)
    shutil.copytree(os.path.join(build, "lib"), os.path.join(folder, "lib"))
    shutil.copy(os.path.join(HERE, "one_file.py"), folder)
    put_rdma_tool(os.path.join(folder, "bin"))
    os.chmod(folder, 0o755)


def put_rdma_tool(folder):
    """The suite of rdma-core 50 and later asks iproute2's `rdma' for the net
    device behind ours; that asks the kernel, which knows nothing of us.
    """
    link = [{"ifindex": 0, "ifname": "glass0", "port": 1, "state": "ACTIVE",
             "physical_state": "LINK_UP", "netdev": "lo"}]
    os.mkdir(folder)
    path = os.path.join(folder, "rdma")
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\necho '{json.dumps(link)}'\n")
    os.chmod(path, 0o755)


def modules(folder):
    names = sorted(os.path.basename(path)[:-3] for path in
                   glob.glob(os.path.join(folder, "tests", "test_*.py")))
    return [name for name in names
            if not VENDOR.match(name) and name not in LATER]


@contextlib.contextmanager
def huge_pages():
    """Has PAGES_WANTED of them, if root can."""
    if os.geteuid() != 0:
        yield
        return
    with open(PAGES) as f:
        before = f.read()
    try:
        if int(before) < PAGES_WANTED:
            with open(PAGES, "w") as f:
                f.write(str(PAGES_WANTED))
    except OSError as e:
        print(f"no huge pages: {PAGES}: {e.strerror}")
    try:
        yield
    finally:
        with contextlib.suppress(OSError), open(PAGES, "w") as f:
            f.write(before)


def run_file(folder, module, spec, as_nobody):
    """{test: (verdict, why)} of one file of the suite."""
    command = [sys.executable, os.path.join(folder, "one_file.py"),
               os.path.join(folder, "tests"), module]
    env = dict(os.environ, GLASSNIC_NIC=spec, PYTHONDONTWRITEBYTECODE="1",
               PATH=f"{folder}/bin:{os.environ['PATH']}",
               LD_LIBRARY_PATH=os.path.join(folder, "lib"))
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} \
        if as_nobody else {}
    try:
        done = subprocess.run(command, env=env, cwd=folder, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              errors="replace", timeout=LIMIT, **user)
        out, err, how = done.stdout, done.stderr, status_text(done.returncode)
    except subprocess.TimeoutExpired as e:
        out, err = ((s or b"").decode(errors="replace")
                    for s in (e.stdout, e.stderr))
        how = f"still running after {LIMIT} s"
    found = verdicts(module, out, err, how)
    for test in (t for t in found if t.split()[0] in ASKS_KERNEL):
        if found[test][0] == "failed":
            found[test] = "skipped", "asks the kernel's own sysfs for the P_Key"
    return found


def status_text(code):
    return f"killed by signal {-code}" if code < 0 else f"exit status {code}"


def verdicts(module, out, err, how):
    """A test that was planned and has no verdict failed."""
    plan, found, started = [], {}, None
    for line in out.splitlines():
        what = json.loads(line)
        plan = what.get("plan", plan)
        started = what.get("start", started)
        if "end" in what:
            found[what["end"]] = what["verdict"], what["why"]
    if not plan:
        return {module: ("failed", f"{how}\n{err}")}
    for test in plan:
        why = f"{how}\n{err}" if test == started else f"not run ({how})"
        found.setdefault(test, ("failed", why))
    return found


def group_of(reason):
    for pattern, name in ENVIRONMENT:
        if re.search(pattern, reason, re.IGNORECASE):
            return name
    return None


def show_skips(skips):
    """@skips: {(module, reason): how many}"""
    here = collections.Counter()
    for (_, reason), n in skips.items():
        if group_of(reason):
            here[group_of(reason)] += n
    for name, n in sorted(here.items()):
        print(f"  {n:3} skipped for {name}")
    for (module, reason), n in sorted(skips.items()):
        if not group_of(reason):
            print(f"  {n:3} skipped: {reason} ({module})")


def run_pass(folder, title, spec, as_nobody):
    """Runs the whole suite once: how many passed and failed."""
    print(f"\n{title}: GLASSNIC_NIC={spec}")
    print(f"  {'':24} passed failed skipped")
    total, skips = collections.Counter(), collections.Counter()
    for module in modules(folder):
        found = run_file(folder, module, spec, as_nobody)
        count = collections.Counter(verdict for verdict, _ in found.values())
        total += count
        print(f"  {module:24} {count['passed']:6} {count['failed']:6} "
              f"{count['skipped']:7}", flush=True)
        for test, (verdict, why) in found.items():
            if verdict == "failed":
                print(f"FAIL {test}\n{why}")
            elif verdict == "skipped":
                skips[module, why] += 1
    print(f"  {'in all':24} {total['passed']:6} {total['failed']:6} "
          f"{total['skipped']:7}")
    show_skips(skips)
    return total["passed"], total["failed"]


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    if not os.path.isdir(INSTALLED):
        print(f"no {INSTALLED} (Debian: python3-pyverbs)")
        sys.exit(CANNOT_RUN)
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory(prefix="glassnic-conformance-") as folder:
        prepare(build, folder)
        for name, why in LATER.items():
            print(f"left out: {name} {why}")
        print("left out: tests of one vendor's hardware (mlx5, efa, cuda)")
        with huge_pages():
            first = run_pass(folder, "Ethernet, as root" if root else
                             "Ethernet, as an ordinary user", VXLAN, False)
        second = run_pass(folder, "UDP, as an ordinary user", UDP, root)
    passed, failed = (a + b for a, b in zip(first, second))
    print(f"\n{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
