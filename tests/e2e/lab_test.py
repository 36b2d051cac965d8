#!/usr/bin/python3
"""The exercises of `glassnic lab': lab_test.py [BUILD]

Each solution passes, each wrong answer fails with what its file `expect' says,
and what a fresh run leaves has a right answer to every question.
"""

import os
import subprocess
import tempfile

from student import GLASSNIC, answer_all, grade, lab
from support import LIMIT, Score, need


def glassnic(*words):
    return subprocess.run([GLASSNIC, "lab", *words], text=True, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, capture_output=True)


def unlike(done, status, out):
    if done.returncode == status and done.stdout == out:
        return ""
    return f"exit {done.returncode}: {done.stdout}{done.stderr}"


def judge_solutions(score, n, home):
    done = glassnic("check", str(n), f"{home}/solution")
    score.check(f"{n}: solution", unlike(done, 0, f"exercise {n}: passed\n"))
    wrongs = sorted(os.listdir(f"{home}/wrong"))
    score.check(f"{n}: three wrong answers", "" if len(wrongs) >= 3 else
                f"there are {len(wrongs)}")
    for name in wrongs:
        folder = f"{home}/wrong/{name}"
        with open(f"{folder}/expect") as file:
            done = glassnic("check", str(n), folder)
            score.check(f"{n}: wrong/{name}",
                        unlike(done, 1, file.read()))


def judge_fresh_run(score, n, folder):
    done = glassnic("run", str(n), folder)
    score.check(f"{n}: run", done.returncode and done.stdout + done.stderr)
    if done.returncode:
        return
    done = glassnic("check", str(n), folder)
    rows = done.stdout.splitlines()
    bad = [row for row in rows if "hint: " not in row]
    score.check(f"{n}: nothing done yet", bad or
                ("" if rows and done.returncode == 1 else "it passes"))
    try:
        answer_all(n, folder)
    except grade.Missing as e:
        score.check(f"{n}: a fresh run can be answered", str(e))
        return
    done = glassnic("check", str(n), folder)
    score.check(f"{n}: a fresh run, answered",
                unlike(done, 0, f"exercise {n}: passed\n"))


def judge_usage(score, folder):
    for words, status in [(["list"], 0), (["--help"], 0), ([], 2),
                          (["run"], 2), (["run", "99"], 2),
                          (["chekc", "1"], 2), (["check", "1", "a", "b"], 2),
                          (["check", "1", f"{folder}/nowhere"], 1)]:
        done = glassnic(*words)
        lines = (done.stdout + done.stderr).splitlines()
        score.check(f"lab {' '.join(words)}",
                    "" if done.returncode == status and lines and
                    (not status or len(lines) == 1) else
                    f"exit {done.returncode}: {lines}")


def main():
    need("tshark", "ibv_rc_pingpong", "ib_write_bw", "strace", "iperf3")
    score = Score()
    with tempfile.TemporaryDirectory(prefix="glassnic-lab-") as folder:
        judge_usage(score, folder)
        for n, home in lab.folders().items():
            judge_solutions(score, n, home)
            judge_fresh_run(score, n, f"{folder}/{n}")
    score.finish()


if __name__ == "__main__":
    main()
