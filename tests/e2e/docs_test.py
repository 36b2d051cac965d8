#!/usr/bin/python3
"""Does every command that the documents show do what they say?
docs_test.py [BUILD]

All commands in blocks marked `sh' and in columns `command' of tables are typed,
page by page (desk.py), or listed here with the reason.  What the text names
beside them, `make' targets, our commands and their options, programs in the
tree, must exist.
"""

import concurrent.futures
import functools
import glob
import os
import re
import subprocess
import sys
import tempfile

import desk
from support import Score, need

import documents  # in tests/support, as support has seen to

NEEDS = ("ibv_rc_pingpong", "ib_write_bw", "tshark", "jq", "strace", "iperf3",
         "ip", "nsenter", "setpriv", "unshare")

# Commands that others run: where, and by which words there.
COVERED = {
    "make": (".ci/run", "make test"),
    "make setup": (".ci/run", "tools/setup.sh"),
    "make check": ("tools/run_tests.py", "tests/lint/*_test.py"),
    "make test": (".ci/run", "make test"),
    "make demo": (".github/workflows/ci.yml", "run: make demo"),
    "make stress": ("tools/run_tests.py", '"stress-run"'),
    "make interop": ("tools/run_tests.py", "tests/interop/run.py"),
    "make fuzz SECONDS=600": ("tests/fuzz/replay_test.py", "corpus"),
    "make soak": ("tools/run_tests.py", "tests/sim/sim"),
    "make soak SECONDS=600": ("tools/run_tests.py", "tests/sim/sim"),
    "make install": ("tests/lint/man_test.py", '"install", "PREFIX="'),
    "sudo make install": (".github/workflows/ci.yml",
                          "sudo make -C glassnic install"),
    "make BUILD=build-asan SAN=address,undefined check":
        ("tools/run_tests.py", '"SAN=address,undefined"'),
    "tools/setup.sh build demo labs": (".ci/run", "tools/setup.sh"),
    "tools/run_tests.py build fuzz": (".ci/run", "make test"),
    "tools/run_tests.py build asan sanitize": (".ci/run", "make test"),
    "build/tests/sim/sim --runs 30000": ("tools/run_tests.py", '"30000"'),
    "build/tests/sim/sim --teeth": ("tools/run_tests.py", '"--teeth"'),
    "glassnic peer --listen 192.0.2.1:18580":
        ("tests/interop/peers.py", "--listen"),
    "glassnic drill --live ip=192.0.2.2 --peer 192.0.2.1:18580 first.drill":
        ("tests/interop/peers.py", '"--live"'),
    "wireshark -X lua_script:wireshark/glassnic.lua b.pcapng":
        ("tests/oracle/wireshark_test.py", "lua_script:"),
    "wireshark -X lua_script:wireshark/glassnic.lua pcaps/loss_req.pcap":
        ("tests/oracle/wireshark_test.py", "lua_script:"),
}

# Commands that nobody runs for us.
NOT_RUN = {
    "docker run --rm -it -v \"$PWD\":/src -w /src debian:12 sh -c 'apt-get "
    "update && apt-get install -y make && make demo'": "fetches an image",
    "make browser-test": "Chromium is not installed by setup",
    "make interop FULL=1": "takes most of an hour",
    "tools/run_tests.py build NAME": "stands for any test",
    "/usr/bin/python3 tests/fuzz/run.py 600 engine": "takes ten minutes",
}

# What is typed if it is not listed.
TYPED = re.compile(
    r"((sudo )?(build/)?glassnic|build/tests/sim/sim|tshark|ib_\w+|cd|cat|echo|"
    r"printf|grep|awk|cc|for) ")

# Typed in another way.
INSTEAD = {"sudo ": "", "/home/": "home/"}

OURS = re.compile(r"^(sudo )?(build/)?glassnic( |$)")
MAKE = re.compile(r"^(sudo )?make( |$)")
IN_TREE = re.compile(r"^(build/)?(tests|tools)/\S+ ")
# What these pages quote `so'.
STORIES = sorted(glob.glob("pcaps/*.txt"))


def is_typed(command):
    return (command not in COVERED and command not in NOT_RUN and
            TYPED.match(command))


def to_type(command):
    for there, here in INSTEAD.items():
        command = command.replace(there, here)
    if command[:3] == "ib_":
        return f"build/glassnic run --nic port=hub:table -- {command}"
    return command


# ---- one page, inside ----

def played(page):
    """Its blocks, without what is listed; a command of a table is one."""
    text = documents.read(page)
    found = list(documents.blocks(text))
    found += [documents.Block(0, [c], []) for c in
              dict.fromkeys(documents.tabled(text))]
    for block in found:
        block.commands = [to_type(c) for c in block.commands
                          if is_typed(c)]
        block.shown = [to_type(line) for line in block.shown]
    return [block for block in found if block.commands]


def play(build, page, is_root):
    desk.furnish()
    score = Score()
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        place = desk.Desk(build, folder)
        for block in played(page):
            where = f"{page}:{block.line}" if block.line else page
            if not is_root and any("port=xdp" in c for c in block.commands):
                block.commands = [c for c in block.commands
                                  if "port=xdp" not in c]
                print(f"skip {where}: port=xdp (needs root)")
            for command, wrong in place.play(block):
                score.check(f"{where}: {command}", wrong)
    score.finish()


def play_inside(build, page):
    """What that prints."""
    words = [sys.executable, os.path.abspath(__file__), build, page,
             "root" if os.geteuid() == 0 else "user"]
    return subprocess.run(desk.inside(words), text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT).stdout


def take_over(score, page, printed):
    """Into our score."""
    *lines, last = printed.strip().splitlines() or [""]
    counts = re.fullmatch(r"(\d+) passed, (\d+) failed", last)
    print("\n".join(lines), flush=True)
    if counts:
        score.passed += int(counts[1])
        score.failed += int(counts[2])
    else:
        score.check(page, f"it was not played to its end: {last}")


# ---- what pages name ----

@functools.lru_cache(None)
def output(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    return None if done.returncode else done.stdout + "\n"


def missing_option(build, span):
    words = re.split(r" -- |[|>]", re.sub(r"\$\(.*\)", "", span))[0].split()
    words = words[words.index("glassnic") if "glassnic" in words else
                  words.index("build/glassnic"):]
    if len(words) < 2 or words[1] == "help":
        return ""
    text = output(f"{build}/glassnic", "help", words[1])
    if text is None:
        return f"there is no `glassnic {words[1]}'"
    for word in words[2:]:
        name = word.split("=")[0]
        if name[0] == "-" and not re.search(rf"{name}\b", text):
            return f"`glassnic help {words[1]}' does not know {name}"
    return ""


def missing(build, span):
    """What it names and is not there, or nothing."""
    if OURS.match(span):
        return missing_option(build, span)
    if MAKE.match(span):
        goals = span[span.index("make"):].split()[1:]
        if output("make", "-n", *goals) is None:
            return "make knows no such target"
    elif IN_TREE.match(span):
        program = span.split()[0]
        if not os.access(program.replace("build/", f"{build}/"), os.X_OK):
            return f"{program} is no program"
    return ""


def names_of(page):
    text = documents.read(page)
    if page in STORIES:
        return re.findall(r"`([^`']+)'", text)
    fenced = [c for block in documents.blocks(text) for c in block.commands]
    return documents.spans(text) + fenced


def check_names(score, build, page):
    wrong = [f"`{span}': {why}" for span in dict.fromkeys(names_of(page))
             for why in [missing(build, span)] if why]
    score.check(f"{page}: what it names", "; ".join(wrong))


def check_filters(score, page):
    """One of them that tshark does not know makes it fail."""
    found = list(documents.filters(documents.read(page)))
    if found:
        done = subprocess.run(
            ["tshark", "-X", "lua_script:wireshark/glassnic.lua", "-r",
             "pcaps/rc_send.pcapng", "-Y",
             " || ".join(f"({f})" for f in found)],
            capture_output=True, text=True)
        score.check(f"{page}: {len(found)} filters", done.stderr
                    if done.returncode else "")


def check_marks(score, page):
    """Commands in a block that is not marked `sh' are not found."""
    unmarked = [line for language, _, body in
                documents.fences(documents.read(page).splitlines())
                if not language for line in body
                if OURS.match(line) or MAKE.match(line)]
    score.check(f"{page}: blocks of commands are marked sh",
                "; ".join(unmarked))


def check_lists(score):
    shown = set()
    for page in documents.PAGES:
        text = documents.read(page)
        shown |= set(documents.tabled(text))
        for block in documents.blocks(text):
            shown |= set(block.commands)
    for command in [*COVERED, *NOT_RUN]:
        score.check(f"listed: {command}", "" if command in shown else
                    "no page shows it any more")
    for command in shown - {*COVERED, *NOT_RUN}:
        if not is_typed(command):
            score.check(command, "it is neither typed (TYPED) nor listed "
                        "(COVERED, NOT_RUN) in tests/e2e/docs_test.py")
    for command, (path, words) in COVERED.items():
        score.check(f"covered: {command}", "" if words in documents.read(path)
                    else f"{path} does not say `{words}'")


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    if len(sys.argv) > 2:
        play(build, sys.argv[2], sys.argv[3] == "root")
    need(*NEEDS)
    why = desk.cannot_be()
    if why:
        print(f"{sys.argv[0]}: no namespaces here: {why}", file=sys.stderr)
        sys.exit(77)
    score = Score()
    pages = [page for page in documents.PAGES if played(page)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        texts = pool.map(functools.partial(play_inside, build), pages)
        check_lists(score)
        for page in documents.PAGES + STORIES:
            check_names(score, build, page)
        for page in documents.PAGES:
            check_filters(score, page)
            check_marks(score, page)
        for page, text in zip(pages, texts):
            take_over(score, page, text)
    score.finish()


if __name__ == "__main__":
    main()
