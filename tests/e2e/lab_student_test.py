#!/usr/bin/python3
"""What students do to `glassnic lab': lab_student_test.py [BUILD]

They write answers in their own way, leave things that are no files, interrupt
runs, lack programs, and all begin at once.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from support import LIMIT, Score, need

GLASSNIC = os.path.abspath(os.path.join(
    sys.argv[1] if len(sys.argv) > 1 else "build", "glassnic"))
CROWD = 10
SOLUTIONS = {int(name.split("-")[0]): f"labs/{name}/solution"
             for name in os.listdir("labs") if name[0].isdigit()}


# A program in front of that of its name, which does not end before there is a
# file "go" beside it.
SLOW = """#!/bin/sh
{program} "$@"
status=$?
case "$*" in *iperf3*) exit $status; esac
until [ -e "${{0%/*}}/go" ]; do sleep 0.05; done
exit $status
"""


def slow(folder, *names):
    """An environment in which programs wait for go(folder), so that a run is not
    over before.
    """
    os.mkdir(folder)
    for name in names:
        with open(f"{folder}/{name}", "w") as file:
            file.write(SLOW.format(program=shutil.which(name)))
        os.chmod(file.name, 0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def go(folder):
    with open(f"{folder}/go", "w"):
        pass


def glassnic(*words, **how):
    how = {"timeout": LIMIT, "stdin": subprocess.DEVNULL, **how}
    return subprocess.run([GLASSNIC, "lab", *words], text=True,
                          capture_output=True, **how)


def unlike(done, status, said):
    out = done.stdout + done.stderr
    if done.returncode == status and re.search(said, out):
        return "" if "Traceback" not in out else out
    return f"exit {done.returncode}: {out}"


class Answers:
    """A folder in which exercise 1 is solved, until something is done to it."""

    def __init__(self, score, folder):
        self.score, self.folder = score, folder
        shutil.copytree(SOLUTIONS[1], folder)
        self.path = f"{folder}/answers.txt"
        with open(self.path) as file:
            self.right = "".join(r for r in file if r[0] not in "#\n")

    def write(self, data):
        with open(self.path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())

    def judge(self, name, data, status=0, said="passed"):
        self.write(data)
        self.score.check(f"answers: {name}",
                         unlike(glassnic("check", "1", self.folder), status,
                                said))

    def one_by_one(self, change):
        """@change is a function of key and value."""
        rows = (row.split(": ") for row in self.right.splitlines())
        return "".join(f"{change(*row)}\n" for row in rows)

    def with_unit(self, key, value):
        unit = {"headers": "{} bytes", "last_payload": "{}B", "ack": "#{}",
                "first_request": "frame {}", "udp_port": "UDP {}.",
                "last_pad": "0{}", "opcodes": "{}"}.get(key, "{}")
        value = value.replace(" ", ", ")
        return f"  {key} :  {unit.format(value)}  # I think"


def judge_answers(score, folder):
    a = Answers(score, folder)
    a.judge("as given", a.right)
    a.judge("CRLF", a.right.replace("\n", "\r\n"))
    a.judge("UTF-8 with a mark", b"\xef\xbb\xbf" + a.right.encode())
    a.judge("UTF-16", a.right.encode("utf-16"))
    a.judge("units, blanks, commas", a.one_by_one(a.with_unit))
    a.judge("all in hexadecimal", a.one_by_one(
        lambda key, value: f"{key}: " + " ".join(
            hex(int(v, 0)).upper().replace("X", "x") for v in value.split())))
    a.judge("above the skeleton", a.right + a.one_by_one(
        lambda key, value: f"{key}:"))
    a.judge("no 0x", a.right.replace("0x", ""), 1,
            "last_icrc: .* hint: hexadecimal numbers begin with 0x")
    a.judge("= for :", a.right.replace(":", " ="), 1,
            'answers.txt:1: "first_request = .*" is no answer; hint: ')
    a.judge("a line below", a.right.replace(": ", ":\n"), 1,
            'answers.txt:2: ".*" is no answer; hint: ')
    a.judge("a question of one's own", "frist_request: 5\n" + a.right, 1,
            'answers.txt:1: "frist_request: 5" is no answer; hint: ')
    a.judge("nothing", "", 1, "first_request: no answer")
    a.judge("no text", bytes(range(256)) * 64, 1, "answers.txt:1: .* hint: ")
    a.judge("escapes", "msn: \x1b[2J\n", 1, r"msn: \?\[2J is not right")
    a.judge("too much", b"x" * (1 << 20), 1, "answers.txt: has 1048576 bytes")


def judge_files(score, folder):
    """That are no files, or not what they should be."""
    shutil.copytree(SOLUTIONS[1], folder)
    for name in "answers.txt", "client.pcapng":
        path = f"{folder}/{name}"
        for what, make in (("a folder", os.mkdir), ("a pipe", os.mkfifo),
                           ("without an end",
                            lambda p: os.symlink("/dev/zero", p))):
            os.unlink(path)
            make(path)
            done = glassnic("check", "1", folder)
            score.check(f"{name}: {what}", unlike(
                done, 1, f"^{name}: is not a file; hint: "))
            (os.rmdir if what == "a folder" else os.unlink)(path)
            shutil.copy(f"{SOLUTIONS[1]}/{name}", path)
    for n, name in (8, "thief.drill"), (10, "client.c"):
        os.mkfifo(f"{folder}/{name}")
        done = glassnic("check", str(n), folder)
        score.check(f"{name}: a pipe", unlike(done, 1, f"^{name}: is not a"))
    for name, data in ("nothing", b""), ("no capture", b"garbage" * 999):
        with open(f"{folder}/client.pcapng", "wb") as file:
            file.write(data)
        done = glassnic("check", "1", folder)
        score.check(f"client.pcapng: {name}", unlike(
            done, 1, r"^client.pcapng: is not a capture .*; hint: "))


def lefts(*names):
    """Hubs and processes of a run: who was killed may take a while to go."""
    until = time.monotonic() + LIMIT
    while True:
        found = [x for name in names for x in seen(name)]
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.01)


def seen(hub):
    found = [n for n in os.listdir("/dev/shm") if hub in n]
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if f"LAB_TEST={hub}".encode() in file.read():
                    found.append(pid)
        except OSError:
            pass
    return found


def begun(process, folder, name):
    """Has what writes @name?"""
    until = time.monotonic() + LIMIT
    while not os.path.exists(f"{folder}/{name}"):
        if process.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def judge_stop(score, folder, number, n, name, env):
    """The run of exercise @n is stopped once @name is there."""
    process = subprocess.Popen(
        [GLASSNIC, "lab", "run", str(n), folder], text=True,
        env={**env, "LAB_TEST": f"stop-{os.getpid()}"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True)
    if begun(process, folder, name):
        os.kill(process.pid, number)
    out, _ = process.communicate(timeout=LIMIT)
    hub = re.search(r"hub:(lab-\d+)", out)
    wrong = ""
    if process.returncode != 128 + number:
        wrong = f"exit {process.returncode}: {out}"
    elif not out.endswith("glassnic lab: stopped; nothing of it runs any "
                          "more\n") or "Traceback" in out:
        wrong = out
    left = lefts(f"stop-{os.getpid()}", *([hub[1]] if hub else []))
    score.check(f"run {n} stopped by {number.name}",
                wrong or (f"left behind: {left}" if left else ""))


def judge_stops(score, folder):
    env = slow(f"{folder}/slow", "ib_write_bw", "strace")
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        for n, name in (2, "write-client.txt"), (3, "rdma.strace"):
            judge_stop(score, f"{folder}/{n}-{number.name}", number, n, name,
                       env)


def judge_places(score, folder):
    odd = f"{folder}/my lab, 8"
    done = glassnic("run", "8", odd)
    score.check("a folder with blanks", unlike(
        done, 0, f"lab check 8 {re.escape(shlex.quote(odd))}\n"))
    with open(f"{folder}/file", "w"):
        pass
    for place, said in ((f"{folder}/file", "Not a directory"),
                        (f"{folder}/file/x", "Not a directory"),
                        ("/proc/x", "No such file or directory")):
        score.check(f"run in {place.removeprefix(folder)}", unlike(
            glassnic("run", "8", place), 77,
            rf"\Aglassnic lab: {place}: {said}\n\Z"))
    command = [GLASSNIC, "lab", "run", "2", f"{folder}/both"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                             env=slow(f"{folder}/slow", "ib_write_bw"))
    if begun(first, f"{folder}/both", "write-server.txt"):
        score.check("two at once in one folder", unlike(
            glassnic(*command[2:]), 1, "another run is at work in it"))
    go(f"{folder}/slow")
    score.check("and the first goes on", first.wait(LIMIT))


def judge_lacking(score, folder):
    """Programs that are not installed are named, in one line."""
    os.mkdir(f"{folder}/bin")
    os.symlink("/usr/bin/python3", f"{folder}/bin/python3")
    env = {"PATH": f"{folder}/bin"}
    for n, said in (1, "tshark, ibv_rc_pingpong"), (10, "cc"):
        done = glassnic("run", str(n), f"{folder}/{n}", env=env)
        score.check(f"run {n} without {said}", unlike(
            done, 77, rf"\Aglassnic lab: {said} not found; .*\n\Z"))
    done = glassnic("list", env={"PATH": "/nonexistent"})
    score.check("no python3", unlike(done, 77, r"\A.*: python3: .*\n\Z"))


def judge_installed(score, folder):
    """Pages and scenes are found, and what the pages speak of is there."""
    made = subprocess.run(["make", "-s", "install", f"PREFIX={folder}/usr",
                           f"BUILD={os.path.dirname(GLASSNIC)}"],
                          capture_output=True, text=True)
    score.check("make install", made.returncode and made.stderr)
    there = {**os.environ, "PATH": f"{folder}/usr/bin:{os.environ['PATH']}"}
    for n, name in (8, "thief.drill"), (10, "client.c"):
        for verb, said in ("run", ""), ("check", f"^exercise {n}: passed"):
            done = subprocess.run(["glassnic", "lab", verb, str(n)],
                                  cwd=folder, env=there, text=True,
                                  capture_output=True, timeout=LIMIT)
            score.check(f"installed: {verb} {n}", unlike(done, 0, said))
            shutil.copy(f"{SOLUTIONS[n]}/{name}", f"{folder}/lab{n}")
    score.check("installed: the drills' language", not os.path.exists(
        f"{folder}/lab8/drill.md") and "no drill.md")


def judge_crowd(score, folder):
    """A class begins."""
    runs = [subprocess.Popen([GLASSNIC, "lab", "run", "1", f"{folder}/{i}"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True) for i in range(CROWD)]
    for i, run in enumerate(runs):
        out, _ = run.communicate(timeout=LIMIT * 2)
        score.check(f"{i + 1} of {CROWD} at once", run.returncode and out)


def main():
    need("tshark", "ibv_rc_pingpong", "ib_write_bw", "strace", "iperf3")
    score = Score()
    with tempfile.TemporaryDirectory(prefix="glassnic-lab-") as folder:
        judge_answers(score, f"{folder}/answers")
        judge_files(score, f"{folder}/files")
        for judge in (judge_places, judge_lacking, judge_stops, judge_crowd,
                      judge_installed):
            os.mkdir(f"{folder}/{judge.__name__}")
            judge(score, f"{folder}/{judge.__name__}")
    score.finish()


if __name__ == "__main__":
    main()
