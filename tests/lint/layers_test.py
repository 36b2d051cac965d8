#!/usr/bin/python3
"""Does the tree keep its rules?  layers_test.py [BUILD]

Who may include whom, headers that stand alone, sizes and names of files.  What
the rules are for is in docs/architecture.md.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# A layer is a folder; what its files may include are paths, or folders
# (with "/" at the end).
LAYERS = {
    "wire": ["wire/"],
    "nic/base": ["wire/", "nic/base/"],
    "nic/port": ["wire/", "nic/base/", "nic/port/"],
    "nic/link": ["wire/", "nic/base/", "nic/link/", "nic/port/port.h"],
    "nic/impair": ["wire/", "nic/base/", "nic/impair/", "nic/link/link.h",
                   "nic/port/port.h"],
    "nic": ["wire/", "nic/base/", "nic/*.h", "nic/link/link.h",
            "nic/port/port.h"],
    "nic/host": ["wire/", "nic/", "overlay/"],
    "overlay": ["wire/", "nic/base/", "nic/link/link.h", "nic/port/port.h",
                "overlay/"],
    "trace": ["wire/", "trace/"],
    "drill": ["wire/", "nic/base/", "nic/*.h", "nic/host/spec.h",
              "nic/host/faults.h", "nic/host/spec_link.h",
              "nic/host/spec_engine.h", "nic/impair/",
              "nic/link/link.h", "nic/port/port.h", "nic/port/capture.h",
              "overlay/vxlan.h", "drill/"],
    "replay": ["wire/", "nic/base/", "trace/", "drill/bench.h",
               "drill/packet.h", "drill/words.h", "replay/"],
    "peer": ["drill/call.h", "drill/call_wr.h", "peer/"],
    "verbs_shim": ["nic/api.h", "verbs_shim/"],
    "cmd": ["wire/", "nic/base/", "nic/host/spec.h",
            "nic/host/runtime.h", "trace/", "drill/", "replay/",
            "cmd/"],
}

# The engine takes time and packets as arguments.
NO_IO = {"nic": r"sys/(socket|epoll|eventfd|timerfd|time|select)\.h|poll\.h|"
                r"time\.h|fcntl\.h"}

LINES_MAX, LINES_WARN = 600, 400

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)


class Score:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, wrong):
        self.passed += not wrong
        self.failed += bool(wrong)
        for line in wrong:
            print(f"FAIL {name}: {line}")


def layer_of(path):
    return os.path.dirname(path)


def sources():
    for layer in LAYERS:
        for name in sorted(os.listdir(layer)):
            if name.endswith((".c", ".h")):
                yield f"{layer}/{name}"


def allowed(layer, include):
    for rule in LAYERS[layer]:
        if rule.endswith("/*.h"):
            if os.path.dirname(include) == rule[:-4]:
                return True
        elif rule.endswith("/") and include.startswith(rule):
            return True
        elif include == rule:
            return True
    return False


def wrong_includes(path, text):
    layer = layer_of(path)
    for m in INCLUDE.finditer(text):
        line = text.count("\n", 0, m.start(1 if m[1] else 2)) + 1
        where = f"line {line} includes {m[1] or m[2]}"
        if m[1] and "/" not in m[1]:
            yield f"{where}: write the path from the root"
        elif m[1] and not allowed(layer, m[1]):
            yield (f"{where}; {layer} may include only "
                   f"{', '.join(LAYERS[layer])}")
        elif m[2] and re.fullmatch(NO_IO.get(layer, "$-"), m[2]):
            yield f"{where}; {layer} does no I/O and reads no clock"


def wrong_shape(path, text):
    name = os.path.basename(path)
    lines = text.count("\n")
    if not re.fullmatch(r"[a-z][a-z0-9_]*\.[ch]", name):
        yield "a file's name is small letters, digits and '_'"
    if re.fullmatch(r"(utils?|helpers?|misc|common)\.[ch]", name):
        yield "a helper lives with what it helps"
    if lines > LINES_MAX:
        yield f"{lines} lines; split it by concept (limit {LINES_MAX})"
    elif lines > LINES_WARN:
        print(f"note {path}: {lines} lines (aim: under {LINES_WARN})")
    if re.search(r"[ \t]$", text, re.M):
        yield "blanks at the end of a line"


def wrong_header(path):
    """Headers compile alone, and twice."""
    guard = re.sub(r"[/.]", "_", path).upper()
    with open(path) as f:
        if f"#ifndef {guard}\n#define {guard}\n" not in f.read():
            return [f"its guard is not {guard}"]
    done = subprocess.run(
        [os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-I.",
         "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror",
         "-fsyntax-only", "-x", "c", "-"],
        input=f'#include "{path}"\n#include "{path}"\n', text=True,
        capture_output=True)
    return done.stderr.splitlines()[:1] if done.returncode else []


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    score = Score()
    paths = list(sources())
    for path in paths:
        with open(path) as f:
            text = f.read()
        score.check(path, list(wrong_includes(path, text)))
        score.check(path, list(wrong_shape(path, text)))
    headers = [p for p in paths if p.endswith(".h")]
    with ThreadPoolExecutor(2) as pool:
        for path, wrong in zip(headers, pool.map(wrong_header, headers)):
            score.check(path, wrong)
    print(f"{score.passed} passed, {score.failed} failed")
    sys.exit(1 if score.failed else 0)


if __name__ == "__main__":
    main()
