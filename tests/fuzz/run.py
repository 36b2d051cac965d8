#!/usr/bin/python3
"""Runs every fuzzer for its share of SECONDS: run.py SECONDS [NAME]...

What is built, what the fuzzers learn (corpus/) and what they find (found/) is in
build-fuzz/.  Exits with 1 if they find something, and with 77 if there is no
libFuzzer.
"""

import glob
import os
import re
import subprocess
import sys
import time

BUILD = "build-fuzz"
FLAGS = [f"BUILD={BUILD}", "CC=clang", "LIBFUZZER=1",
         "SAN=fuzzer-no-link,address,undefined"]
# How often a target's share is that of the others.
WEIGHT = {"engine": 6, "stack": 3, "dissect": 2, "cm": 2}
# What is freed at the end of a run need not be remembered by ASan.
OPTIONS = {"stack": "quarantine_size_mb=2"}
SLOW_SEC, MEMORY_MB = 25, 2048  # of one input


def say(text):
    print(text, flush=True)


def have_libfuzzer():
    source = ("int LLVMFuzzerTestOneInput(const unsigned char *, unsigned "
              "long);\nint LLVMFuzzerTestOneInput(const unsigned char *p, "
              "unsigned long n) { return 0; }")
    try:
        done = subprocess.run(["clang", "-fsanitize=fuzzer", "-x", "c", "-",
                               "-o", "/dev/null"], input=source, text=True,
                              capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def build():
    say("building, with clang and its sanitizers, in " + BUILD)
    jobs = f"-j{os.cpu_count()}"
    if subprocess.run(["make", "-s", "--no-print-directory", jobs, *FLAGS,
                       "fuzz-programs"]).returncode:
        sys.exit(1)
    subprocess.run([sys.executable, "tests/fuzz/make_corpus.py",
                    f"{BUILD}/tests/oracle/frames", f"{BUILD}/seeds"],
                   check=True)


def fuzz(name, seconds):
    """The fuzzer's output and its status."""
    learned, found = f"{BUILD}/corpus/{name}", f"{BUILD}/found"
    seeds = [f for f in (f"tests/fuzz/corpus/{name}", f"{BUILD}/seeds/{name}")
             if os.path.isdir(f)]
    os.makedirs(learned, exist_ok=True)
    os.makedirs(found, exist_ok=True)
    done = subprocess.run(
        [f"{BUILD}/tests/fuzz/{name}_fuzz", f"-max_total_time={seconds}",
         f"-timeout={SLOW_SEC}", f"-rss_limit_mb={MEMORY_MB}",
         "-print_final_stats=1", f"-artifact_prefix={found}/{name}-",
         learned, *seeds],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, errors="replace",
        env={**os.environ, "ASAN_OPTIONS": OPTIONS.get(name, "")})
    with open(f"{BUILD}/{name}.log", "w") as f:
        f.write(done.stdout)
    return done.returncode, done.stdout


def last(pattern, text):
    every = re.findall(pattern, text)
    return int(every[-1]) if every else 0


def tell(name, text, took):
    execs = last(r"number_of_executed_units: (\d+)", text)
    edges = last(r"\bcov: (\d+)", text)
    inputs = last(r"corp: (\d+)/", text)
    crashes = re.findall(r"Test unit written to (\S+)", text)
    say(f"{name:10} {took:4.0f} s {execs:9} runs {execs / took:8.0f}/s "
        f"{edges:6} edges {inputs:5} inputs {len(crashes)} found")
    return crashes


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    if not have_libfuzzer():
        say("make fuzz needs clang and its libFuzzer: install clang and "
            "libclang-rt-dev (tools/setup.sh test does so)")
        sys.exit(77)
    names = sys.argv[2:] or sorted(
        os.path.basename(p)[:-len("_fuzz.c")]
        for p in glob.glob("tests/fuzz/*_fuzz.c"))
    build()
    parts = sum(WEIGHT.get(n, 1) for n in names)
    wrong = []
    for name in names:
        share = max(1, seconds * WEIGHT.get(name, 1) // parts)
        start = time.monotonic()
        status, text = fuzz(name, share)
        crashes = tell(name, text, time.monotonic() - start)
        wrong += [(name, path) for path in crashes]
        if status and not crashes:
            wrong.append((name, ""))
    for name, path in wrong:
        if path:
            say(f"FOUND {path}\n  again: {BUILD}/tests/fuzz/{name}_fuzz {path}")
        else:
            say(f"FAILED {name}: see {BUILD}/{name}.log")
    say(f"{len(names) - len({n for n, _ in wrong})} fuzzers found nothing, "
        f"{len({n for n, _ in wrong})} did")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
