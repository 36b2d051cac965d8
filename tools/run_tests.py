#!/usr/bin/python3
"""Runs every test of the tree: run_tests.py BUILD [PATTERN]...

A test is a program that ends with "N passed, N failed", or with Criterion's
synthesis.  A test that cannot run here (status 77) is skipped, but with CI set
in the environment that counts as a failure, unless it needs more than CI may
have (MAY_LACK).  What a test prints is kept in BUILD/test-logs/, and shown when
it fails.  The last line is the sum.
"""

import contextlib
import glob
import os
import re
import signal
import subprocess
import sys
import time

LIMIT = 3600  # seconds for one program, or a tree that is built for it
CANNOT_RUN = 77
INTEROP = "tests/interop/run.py"
MAY_LACK = [INTEROP]  # a tap, namespaces: containers seldom have them

CRITERION = re.compile(r"Synthesis: Tested: \d+ \| Passing: (\d+) \| "
                       r"Failing: (\d+) \| Crashing: (\d+)")
# All tests of a suite were skipped: they need root, as a rule.
NONE_RUN = re.compile(r"Synthesis: Tested: 0 .*Crashing: 0")
# Criterion does not look at how a test's process ends.
SANITIZER = re.compile(r"ERROR: (?:Address|Leak)Sanitizer|"
                       r"WARNING: ThreadSanitizer|: runtime error: ")
OURS = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)

# What a script gets instead of the build folder, within it.
ARGUMENT = {"tests/oracle/oracle_test.py": "tests/oracle/frames"}


def suites(build):
    """Name and command of each, the quick ones first."""
    for path in sorted(glob.glob("tests/lint/*_test.py")):
        yield path, [sys.executable, path, build]
    for path in sorted(glob.glob("tests/unit/*/*_test.c")):
        program = path.replace("tests/unit/", f"{build}/tests/")[:-2]
        yield path, [os.path.abspath(program)]
    for folder in "drill", "oracle", "e2e", "fuzz":
        for path in sorted(glob.glob(f"tests/{folder}/*_test.py")):
            argument = os.path.join(build, ARGUMENT.get(path, ""))
            yield path, [sys.executable, path, argument.rstrip("/")]
    sim = os.path.abspath(f"{build}/tests/sim/sim")
    yield "tests/sim", [sim, "--runs", "30000"]
    yield "tests/sim --teeth", [sim, "--teeth"]
    path = "tests/conformance/run.py"
    yield path, [sys.executable, path, build]
    yield "tests/unit (asan)", [
        "make", "-s", f"-j{os.cpu_count()}", "unit", f"BUILD={build}-asan",
        "SAN=address,undefined"]
    yield "tests/sim (asan)", [
        "make", "-s", f"-j{os.cpu_count()}", "sim-run", f"BUILD={build}-asan",
        "SAN=address,undefined"]
    path = "tests/sanitize/programs_test.py"
    yield path, [sys.executable, path, build]
    for name, san in ("tsan", "thread"), ("asan", "address,undefined"):
        yield f"tests/stress/threads.c ({name})", [
            "make", "-s", "stress-run", f"BUILD={build}-{name}", f"SAN={san}"]
    yield INTEROP, [sys.executable, INTEROP, build]


class Ahead:
    """Builds the trees with sanitizers while tests run that mostly wait: when
    nothing else wants a CPU.
    """

    NEEDED_BY = re.compile(r"tests/(fuzz|sanitize)/|\((a|t)san\)")

    def __init__(self, build):
        makes = [f"make -s -j2 BUILD={build}-{name} SAN={san} {name}-programs"
                 for name, san in (("asan", "address,undefined"),
                                   ("tsan", "thread"))]
        with open(log_of(build, "build-ahead"), "w") as log:
            self.make = subprocess.Popen(
                ["chrt", "--idle", "0", "sh", "-c", "; ".join(makes)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def await_for(self, path):
        """If it failed, the test's own make will tell."""
        while self.NEEDED_BY.search(path) and self.make.poll() is None:
            self.hurry()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.make.wait(1)

    def hurry(self):
        """Somebody waits: from now on it competes for the CPUs, if we may say
        so."""
        for pid in (int(p) for p in os.listdir("/proc") if p.isdigit()):
            with contextlib.suppress(OSError):
                if os.getpgid(pid) == self.make.pid:
                    os.sched_setscheduler(pid, os.SCHED_OTHER,
                                          os.sched_param(0))

    def end(self):
        if self.make.poll() is None:
            os.killpg(self.make.pid, signal.SIGTERM)
            self.make.wait()


def run(command):
    """Status (None: too slow or not there) and what it printed."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, errors="replace",
                              stderr=subprocess.STDOUT, timeout=LIMIT)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as e:
        out = (e.stdout or b"").decode(errors="replace")
        return None, f"{out}\nstill running after {LIMIT} s\n"
    except OSError as e:
        return None, f"{command[0]}: {e.strerror}: was it built?\n"


def count(status, text):
    """How many passed and failed."""
    passed = failed = 0
    for m in CRITERION.finditer(text):
        passed += int(m[1])
        failed += int(m[2]) + int(m[3])
    for m in OURS.finditer(text):
        passed += int(m[1])
        failed += int(m[2])
    failed += len(SANITIZER.findall(text))
    if status != 0 and not failed:
        failed = 1
    if not passed and not failed:
        return 0, 1  # a test that tests nothing
    return passed, failed


def log_of(build, path):
    name = re.sub(r"[^\w.-]+", "-", path.replace("tests/", "", 1))
    return os.path.join(build, "test-logs", name + ".log")


def save(build, path, text):
    with open(log_of(build, path), "w") as f:
        f.write(text)


def run_all(build, patterns, ahead):
    """How many passed and failed."""
    total_passed = total_failed = 0
    for path, command in suites(build):
        if patterns and not any(p in path for p in patterns):
            continue
        print(f"{path:40}", end=" ", flush=True)
        if ahead:
            ahead.await_for(path)
        start = time.monotonic()
        status, text = run(command)
        save(build, path, text)
        if status == 0 and NONE_RUN.search(text):
            status, text = CANNOT_RUN, f"{text}not one test can run here"
        if status == CANNOT_RUN and (path in MAY_LACK or
                                     not os.environ.get("CI")):
            print(f"SKIPPED: {text.strip()}", flush=True)
            continue
        passed, failed = count(status, text)
        took = time.monotonic() - start
        print(f"{passed:4} passed {failed:3} failed {took:6.1f} s", flush=True)
        if failed:
            print(text, flush=True)
        total_passed += passed
        total_failed += failed
    return total_passed, total_failed


def main():
    build, patterns = sys.argv[1], sys.argv[2:]
    begin = time.monotonic()
    os.makedirs(os.path.join(build, "test-logs"), exist_ok=True)
    ahead = None if patterns else Ahead(build)
    try:
        passed, failed = run_all(build, patterns, ahead)
    finally:
        if ahead:
            ahead.end()
    print(f"\nin {time.monotonic() - begin:.0f} s:")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
