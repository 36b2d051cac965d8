#!/usr/bin/python3
"""Real programs over a sanitized build of the drop-ins: programs_test.py BUILD

The programs know nothing of the sanitizers, so their runtimes are preloaded.  What
a program itself leaks is its own business: a leak counts if the memory was
allocated in our libraries.
"""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../e2e"))
from support import PERFTEST, Score, lab, need  # noqa: E402

RC = [["ibv_rc_pingpong", "-g", "1", "-c"],
      ["ibv_rc_pingpong", "-g", "1", "-e", "-s", "65536", "-n", "100"],
      ["ib_write_bw", "-n", "100"], ["ib_read_bw", "-n", "100"],
      ["ib_send_bw", "-n", "100", "--use-srq"], ["ib_atomic_bw", "-n", "100"],
      ["ib_write_lat", "-n", "100"]]
OTHERS = [["ibv_uc_pingpong", "-g", "1"], ["ibv_ud_pingpong", "-g", "1"],
          ["ibv_srq_pingpong", "-g", "1"],
          ["ib_send_bw", "-c", "UD", "-s", "1024", "-n", "100"],
          ["ib_write_bw", "-c", "XRC", "-n", "100"]]
# What perftest takes from us and never gives back.
THEIRS = re.compile(r" in ibv_get_device_list ")
OURS = re.compile(r"libglassnic\.so|libibverbs\.so\.1|verbs_shim/|nic/")
KINDS = {
    "asan": ("address,undefined", ["libasan.so", "libubsan.so"]),
    "tsan": ("thread", ["libtsan.so"]),
}


def build(folder, san):
    done = subprocess.run(["make", "-s", "--no-print-directory",
                           f"-j{os.cpu_count()}", f"BUILD={folder}",
                           f"SAN={san}", "all",
                           f"{folder}/tests/e2e/patient.so"])
    if done.returncode:
        print("0 passed, 1 failed")
        sys.exit(1)


def runtime(name):
    """Where the compiler has it."""
    path = subprocess.run(["cc", f"-print-file-name={name}"],
                          capture_output=True, text=True).stdout.strip()
    if not os.path.isabs(path):
        print(f"{name} not found; install gcc", file=sys.stderr)
        sys.exit(77)
    return os.path.realpath(path)


def environment(names):
    return {
        "LD_PRELOAD": ":".join(runtime(n) for n in names),
        "ASAN_OPTIONS": "exitcode=0:fast_unwind_on_malloc=0:"
                        "malloc_context_size=12",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "exitcode=0",
    }


def our_leaks(text):
    """The reports of leaks that one of our libraries allocated."""
    for report in re.split(r"\n\n", text):
        frames = re.findall(r"^ *#\d+ .*$", report, re.M)
        if ("leak of" in report and len(frames) > 1
                and OURS.search(frames[1]) and not THEIRS.search(frames[1])):
            yield report


def wrong_in(done):
    if re.search(r"runtime error:|ERROR: AddressSanitizer|WARNING: Thread",
                 done.err):
        return done.err[:4000]
    leaks = list(our_leaks(done.err))
    return "\n".join(leaks[:3])


def check(score, place, kind, port, command, env):
    extra = PERFTEST if command[0].startswith("ib_") else []
    name = f"{kind}, {port}: {' '.join(command)}"
    both = place.pair(command[:1] + extra + command[1:], place.nics(port),
                      env=env)
    wrong = [w for w in (both[0].wrong("server") or wrong_in(both[0]),
                         both[1].wrong("client") or wrong_in(both[1])) if w]
    score.check(name, "; ".join(wrong))


def main():
    need("ibv_rc_pingpong", "ib_write_bw")
    base = sys.argv[1] if len(sys.argv) > 1 else "build"
    score = Score()
    for kind, (san, names) in KINDS.items():
        sys.argv[1:] = [f"{base}-{kind}"]
        build(f"{base}-{kind}", san)
        env = environment(names)
        with lab() as place:
            for command in RC + OTHERS:
                check(score, place, kind, "udp", command, env)
            for command in RC[:1] + RC[2:3]:
                check(score, place, kind, "vxlan", command, env)
    score.finish()


if __name__ == "__main__":
    main()
