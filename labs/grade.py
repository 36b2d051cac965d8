"""What a check knows of a student's folder: its captures and its answers.

The right answers are computed from the student's own captures: programs draw
their PSNs anew in each run.
"""

import json
import os
import subprocess

from answers import Answers, Unfit, fit_file, is_right, lacks_0x, text_of

GLASSNIC = os.environ.get("GLASSNIC_PROGRAM", "glassnic")
ANSWERS = "answers.txt"
# Otherwise tshark takes SENDs of nothing for malformed RPC over RDMA, and two
# bytes of payload for an EtherType, if they happen to be one.
TSHARK = ["tshark", "-n", "--disable-protocol", "rpcordma",
          "--disable-heuristic", "eth_over_ib"]


class Missing(Exception):
    """Something that a student has still to do: one line, with a hint."""


def run_until(seconds, command, what):
    """Of @what a student wrote, which may keep @command busy for ever."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True,
                              errors="replace", timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Missing(f"{what}: {os.path.basename(command[0])} was not done "
                      f"with it after {seconds} s") from None


class Question:
    """@right is a function of Work that returns the answer: a number, a word,
    or a list of them.
    """

    def __init__(self, key, asks, right, hint):
        self.key, self.asks, self.right, self.hint = key, asks, right, hint

    def judge(self, work):
        """One line on what is missing, or nothing."""
        given, right = work.answers.get(self.key, ""), self.right(work)
        if not given:
            return f"{self.key}: no answer in {ANSWERS}; hint: {self.hint}"
        if is_right(given, right):
            return ""
        mind = "hexadecimal numbers begin with 0x; " if lacks_0x(given) else ""
        return f"{self.key}: {given[:60]} is not right; hint: {mind}{self.hint}"


class Capture:
    """@packets are the objects that `glassnic decode --json' prints, of what
    could be decoded.
    """

    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)
        done = self._decode("--json")
        if done.returncode:
            why = last_line(done.stderr).split(f"{self.name} ", 1)[-1]
            raise Missing(f"{self.name}: {why}; hint: `glassnic lab run N' "
                          "makes it anew")
        rows = map(json.loads, done.stdout.splitlines())
        self.packets = [p for p in rows if "opcode" in p]
        if not self.packets:
            raise Missing(f"{self.name}: no RoCEv2 packet in it")

    def _decode(self, *options):
        return subprocess.run([GLASSNIC, "decode", self.path, *options],
                              capture_output=True, text=True)

    def all(self, what, test):
        """The packets that pass @test; at least one, or @what is missing."""
        found = [p for p in self.packets if test(p)]
        if not found:
            raise Missing(f"{self.name}: no {what} in it; run the exercise "
                          "again")
        return found

    def first(self, what, test):
        return self.all(what, test)[0]

    def answer_to(self, request):
        """The packet that acknowledges @request, and perhaps later ones."""
        return self.first(
            f"acknowledgement of frame {request['frame']}",
            lambda p: p["frame"] > request["frame"] and
            p.get("aeth") == "ack" and p["src"] == request["dst"] and
            before_or_at(request["psn"], p["psn"]))

    def violation(self):
        """What `glassnic decode --check' says, if the rules are broken."""
        done = self._decode("--check")
        if not done.returncode:
            return ""
        rows = (done.stdout + done.stderr).splitlines()
        return next((row for row in rows if " rule " in row), rows[-1])

    def tshark(self, shown, *fields):
        """Rows of the fields' values in the frames that @shown lets through."""
        words = [w for f in fields for w in ("-e", f)]
        done = subprocess.run([*TSHARK, "-r", self.path, "-Y", shown,
                               "-T", "fields", *words], capture_output=True,
                              text=True)
        return [row.split("\t") for row in done.stdout.splitlines()]


def before_or_at(psn, other):
    """PSNs count modulo 2^24."""
    return (other - psn) % (1 << 24) < 1 << 23


def last_line(text):
    return (text.strip().splitlines() or ["?"])[-1]


class Work:
    """A student's folder.  @keys: of the questions that they are to answer."""

    def __init__(self, folder, keys=()):
        self.folder, self.missing = folder, []
        self.answers = self._read_answers(keys) if keys else {}
        self._captures = {}

    def _read_answers(self, keys):
        """None: there are none to be judged."""
        try:
            answers = Answers(self.file(ANSWERS), list(keys))
        except (Missing, Unfit) as e:
            self.missing = [str(e)]
            return None
        self.missing = answers.odd[:1]  # the others are likely alike
        return answers

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name):
        """Its path, if it is there and can be read to its end."""
        if not os.path.exists(self.path(name)):
            raise Missing(f"{name}: not there; hint: `glassnic lab run N' "
                          "makes it")
        try:
            return fit_file(self.path(name))
        except Unfit as e:
            raise Missing(f"{e}; hint: remove it, and `glassnic lab run N' "
                          "makes it anew") from None

    def text(self, name):
        """A file that the run leaves, or that the student writes."""
        try:
            return text_of(self.file(name))
        except Unfit as e:
            raise Missing(str(e)) from None

    def capture(self, name):
        if name not in self._captures:
            self._captures[name] = Capture(self.file(name))
        return self._captures[name]


def what_is_missing(exercise, folder):
    """A line for each thing.  An exercise has QUESTIONS, CAPTURES that must
    keep the protocol's rules, and may have a check(work) that yields lines.
    """
    work = Work(folder, [q.key for q in exercise.QUESTIONS])
    steps = [lambda name=name: broken_rule(work.capture(name))
             for name in exercise.CAPTURES]
    if work.answers is not None:
        steps += [lambda q=q: q.judge(work) for q in exercise.QUESTIONS]
    steps += [lambda c=c: c(work) for c in getattr(exercise, "CHECKS", [])]
    missing = work.missing
    for step in steps:
        try:
            line = step()
        except Missing as e:
            line = str(e)
        except (LookupError, ValueError):
            line = ("these captures are not of this exercise; hint: "
                    "`glassnic lab run N' makes them")
        if line and line not in missing:
            missing.append(line)
    return missing


def broken_rule(capture):
    wrong = capture.violation()
    return wrong and (f"{capture.name}: breaks the protocol's rules: {wrong}; "
                      "hint: capture it anew")
