#!/usr/bin/python3
"""Does clang build everything without a warning, as gcc does?  clang_test.py
BUILD
"""

import os
import shutil
import subprocess
import sys


def main():
    if not shutil.which("clang"):
        print("clang not found; tools/setup.sh installs it", file=sys.stderr)
        sys.exit(77)
    build = os.path.join(sys.argv[1], "clang")
    done = subprocess.run(["make", "--no-print-directory", "-k", "-j2",
                           "CC=clang", "BUILD=" + build, "all"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    wrong = [line for line in done.stderr.splitlines()
             if "error:" in line or "warning:" in line]
    for line in wrong:
        print(f"FAIL {line}")
    failed = len(wrong) or int(done.returncode != 0)
    print(f"{int(not failed)} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
