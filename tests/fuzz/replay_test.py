#!/usr/bin/python3
"""Do the fuzz targets hold on every input that we know, and on mutations of them?
replay_test.py BUILD

They are built by the usual compiler with ASan and UBSan, in BUILD-asan; the
mutations are the same every time.
"""

import glob
import os
import subprocess
import sys

# As many as take two or three seconds.
MUTATIONS = {"engine": 3000, "stack": 250, "drill": 100, "spec": 8000, "capture": 8000, "capfile": 20000,
             "cm": 15000, "dissect": 10000, "expect": 8000, "replay": 30}
OTHERS = 100000
LIMIT = 300


def build(folder):
    done = subprocess.run(
        ["make", "-s", "--no-print-directory", f"-j{os.cpu_count()}",
         f"BUILD={folder}", "SAN=address,undefined", "fuzz-programs"])
    if done.returncode == 0:
        done = subprocess.run(
            [sys.executable, "tests/fuzz/make_corpus.py",
             f"{folder}/tests/oracle/frames", f"{folder}/fuzz-seeds"])
    if done.returncode:
        print("0 passed, 1 failed")
        sys.exit(1)


def wrong_with(name, folder):
    found = os.path.abspath(f"{folder}/fuzz-found")
    os.makedirs(found, exist_ok=True)
    inputs = [f for f in (f"tests/fuzz/corpus/{name}",
                          f"{folder}/fuzz-seeds/{name}") if os.path.isdir(f)]
    try:
        done = subprocess.run(
            [f"{folder}/tests/fuzz/{name}_fuzz",
             "-m", str(MUTATIONS.get(name, OTHERS)), *inputs],
            capture_output=True, text=True, errors="replace", timeout=LIMIT,
            env={**os.environ, "TMPDIR": found})
    except subprocess.TimeoutExpired:
        return f"still running after {LIMIT} s"
    if done.returncode == 0:
        print(f"ok   {name}: {done.stdout.strip()}", flush=True)
        return ""
    return (f"exits with {done.returncode}: {done.stdout}{done.stderr}\n"
            f"again: {folder}/tests/fuzz/{name}_fuzz {found}/{name}_fuzz.crash")


def main():
    folder = (sys.argv[1] if len(sys.argv) > 1 else "build") + "-asan"
    passed = failed = 0
    build(folder)
    for path in sorted(glob.glob("tests/fuzz/*_fuzz.c")):
        name = os.path.basename(path)[:-len("_fuzz.c")]
        wrong = wrong_with(name, folder)
        failed += bool(wrong)
        passed += not wrong
        if wrong:
            print(f"FAIL {name}: {wrong}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
