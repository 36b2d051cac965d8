#!/usr/bin/env python3
"""check_pcaps_test.py [BUILD]: whether `glassnic decode` finds in the captures
under pcaps/ what the files beside them say: NAME.txt tells the story, and
NAME.expect, if there is one, the violations.  tshark counts the packets.
Prints "N passed, N failed"; exit status 1 if any failed."""

import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PCAPS = os.path.join(HERE, "..", "..", "pcaps")


def run(*command):
    return subprocess.run(command, text=True, capture_output=True, timeout=60,
                          check=False)


def check(program, path):
    """What is wrong, or nothing."""
    name = os.path.splitext(path)[0]
    expect = f"{name}.expect"
    command = [program, "decode", "--check", path]
    if os.path.exists(expect):
        command += ["--expect", expect]
    done = run(*command)
    if done.returncode:
        return done.stdout + done.stderr
    if not os.path.exists(f"{name}.txt"):
        return f"{name}.txt, which should tell its story, is missing"
    packets = int(re.search(r"^check: (\d+) packet", done.stdout, re.M)[1])
    if not shutil.which("tshark"):
        return ""
    seen = run("tshark", "-r", path, "-Y", "udp.dstport == 4791", "-T",
               "fields", "-e", "frame.number").stdout.split()
    if len(seen) != packets:
        return f"{packets} packets, tshark sees {len(seen)}"
    return ""


def check_lines(program, path):
    """Each packet is one line, in Wireshark's frame numbers."""
    lines = run(program, "decode", path).stdout.splitlines()
    numbers = [int(line.split()[0]) for line in lines]
    if numbers != sorted(numbers) or not lines:
        return f"{len(lines)} lines, numbers {numbers[:5]} ..."
    return ""


def main(build="build"):
    program = os.path.join(build, "glassnic")
    passed = failed = 0
    for path in sorted(glob.glob(os.path.join(PCAPS, "*.pcap*"))):
        for what in check, check_lines:
            wrong = what(program, path)
            passed += not wrong
            failed += bool(wrong)
            if wrong:
                print(f"FAIL {what.__name__} {os.path.basename(path)}: {wrong}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
