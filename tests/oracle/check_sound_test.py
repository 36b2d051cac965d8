#!/usr/bin/env python3
"""check_sound_test.py [BUILD [FIRST [N]]]: whether `glassnic decode --check`
blames nobody for captures of correct traffic over a bad network, as seen by a
sniffer that misses frames (rc_model.py; scenarios FIRST .. FIRST + N - 1).
Prints "N passed, N failed"; exit status 1 if any failed."""

import os
import subprocess
import sys
import tempfile

import rc_model


def blamed(program, frames, folder):
    """What the checker says against anybody, or how it failed."""
    path = os.path.join(folder, "scenario.pcap")
    rc_model.write_pcap(path, frames)
    done = subprocess.run([program, "decode", "--check", path], text=True,
                          capture_output=True, timeout=60, check=False)
    if done.returncode not in (0, 1):
        return f"status {done.returncode}: {done.stderr.strip()}"
    return "\n     ".join(line for line in done.stdout.splitlines()
                          if line.startswith("frame "))


def main(build="build", first="0", n="60"):
    program = os.path.join(build, "glassnic")
    passed = failed = packets = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(int(first), int(first) + int(n)):
            frames = rc_model.Scenario(seed).frames
            packets += len(frames)
            wrong = blamed(program, frames, folder)
            if wrong:
                failed += 1
                print(f"FAIL scenario {seed}: {wrong}", flush=True)
            else:
                passed += 1
    print(f"{packets} packets")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not packets else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
