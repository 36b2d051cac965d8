"""Pairs of tests/e2e/led.c, which do what they are told."""

import contextlib
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from support import LIMIT

AT_ONCE = 6  # pairs; they hardly do anything but wait


class Program:
    """A led, and its lines.  It does not outlive the limit."""

    def __init__(self, place, nic, settings, **how):
        words = [place.program("led"), *map(str, settings)]
        self.nic = nic
        self.process = place.start(words, nic=nic, stdin=subprocess.PIPE, **how)
        self.watch = threading.Timer(LIMIT, self.process.kill)
        self.watch.start()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self, want=""):
        line = self.process.stdout.readline().strip()
        if not line or want not in line:
            raise Wrong(f"said {line!r}, not {want!r}: "
                        f"{'' if line else self.close()}")
        return line

    def do(self, what):
        self.say(what)
        self.hear("done")

    def close(self):
        """What it complained of."""
        self.watch.cancel()
        self.process.kill()
        return self.process.communicate()[1].strip()


class Wrong(Exception):
    pass


@contextlib.contextmanager
def two(place, kind, settings):
    with contextlib.ExitStack() as stack:
        pair = []
        for nic in place.nics(kind):
            pair.append(Program(place, nic, settings))
            stack.callback(pair[-1].close)
        lines = [p.hear() for p in pair]
        for program, line in zip(pair, reversed(lines)):
            program.say(line)
        for program in pair:
            program.hear("ready")
        yield pair


def check_all(score, place, cases):
    """@cases: name, function of the lab that returns what is wrong, arguments.
    """
    def run(function, arguments):
        try:
            return function(place, *arguments)
        except (Wrong, OSError, subprocess.TimeoutExpired) as e:
            return str(e)

    place.program("led")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [(name, pool.submit(run, function, arguments))
                   for name, function, *arguments in cases]
        for name, future in futures:
            score.check(name, future.result())
