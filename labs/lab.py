"""glassnic lab: exercises, each with a page, a scene and a check (docs/labs.md)."""

import importlib.util
import os
import shlex
import shutil
import signal
import sys

import scene
from grade import what_is_missing

HERE = os.path.dirname(os.path.abspath(__file__))
NO, USAGE, CANNOT_RUN = 1, 2, 77

HELP = """usage: glassnic lab list
       glassnic lab run N [DIR]
       glassnic lab check N [DIR]

Exercises on RDMA and RoCEv2.  `run' plays exercise N's scene and leaves its
page, captures and questions in DIR (labN if not given); `check' grades what is
in DIR, and says what is missing, a line for each thing.

The status is 0: passed, 1: something is missing, 2: wrong usage,
77: cannot run here.
"""


class Stopped(Exception):
    """By Ctrl-C, `kill', or a terminal that is gone."""

    def __init__(self, number):
        super().__init__()
        self.number = number


def say(text):
    print(f"glassnic lab: {text}", file=sys.stderr)


def folders():
    """Number to folder."""
    return {int(name.split("-")[0]): os.path.join(HERE, name)
            for name in sorted(os.listdir(HERE)) if name[:1].isdigit()}


def load(folder):
    spec = importlib.util.spec_from_file_location(
        "exercise", os.path.join(folder, "exercise.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def list_all():
    for n, folder in folders().items():
        print(f"{n:3} {load(folder).TITLE}")
    return 0


def lacks(exercise):
    missing = [p for p in exercise.NEEDS if not shutil.which(p)]
    if missing:
        say(f"{', '.join(missing)} not found; tools/setup.sh of glassnic's "
            "source installs what the exercises need")
    return bool(missing)


def run(n, exercise, home, folder):
    status = scene.play(exercise, folder, home)
    if not status:
        print(f"\nRead {folder}/page.md, do what it says in {folder}, then: "
              f"glassnic lab check {n} {shlex.quote(folder)}")
    return status


def printable(line):
    """What a student wrote does nothing to who grades it."""
    return "".join(c if c.isprintable() else "?" for c in line)


def check(n, exercise, home, folder):
    if not os.path.isdir(folder):
        say(f"{folder}: no such folder; `glassnic lab run {n} "
            f"{shlex.quote(folder)}' makes it")
        return NO
    missing = what_is_missing(exercise, folder)
    for line in missing:
        print(printable(line.replace("lab run N", f"lab run {n} "
                                     f"{shlex.quote(folder)}")))
    if not missing:
        print(f"exercise {n}: passed")
    return NO if missing else 0


def main(words):
    if words in (["--help"], ["-h"], ["help"]):
        print(HELP, end="")
        return 0
    if words == ["list"]:
        return list_all()
    verb = {"run": run, "check": check}.get(words[0] if words else "")
    if not verb or len(words) not in (2, 3):
        say("what to do? list, run N [DIR] or check N [DIR]")
        return USAGE
    home = folders().get(int(words[1]) if words[1].isdecimal() else 0)
    if not home:
        say(f"{words[1]}: no such exercise; `glassnic lab list' lists them")
        return USAGE
    n, exercise = int(words[1]), load(home)
    if lacks(exercise):
        return CANNOT_RUN
    try:
        return verb(n, exercise, home, words[2] if words[2:] else f"lab{n}")
    except OSError as e:
        say(f"{e.filename}: {e.strerror}")
        return CANNOT_RUN
    except Stopped as e:
        say("stopped; nothing of it runs any more")
        return 128 + e.number


def stop(number, frame):
    """Once: what is cleaned up is not stopped."""
    for other in scene.STOPS:
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(number)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for one in scene.STOPS:
        signal.signal(one, stop)
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
