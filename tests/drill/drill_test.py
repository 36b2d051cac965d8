#!/usr/bin/python3
"""Plays every drill: drill_test.py [BUILD]

Those in fail/ must fail, and complain with the words behind "# complaint:" in
them; each such line of theirs must be in what is printed.  All others must
pass, and together they must make the NIC do everything that `glassnic drill
--coverage' knows of.
"""

import glob
import os
import re
import subprocess
import sys

HERE = os.path.relpath(os.path.dirname(os.path.abspath(__file__)))


def play(glassnic, *args):
    # What drills do wrong on purpose is not warned of.
    return subprocess.run([glassnic, "drill", *args], text=True,
                          env=dict(os.environ, GLASSNIC_LOG="error"),
                          capture_output=True, timeout=300)


def play_good(glassnic):
    """How many runs passed and failed, and things were not covered."""
    drills = [p for p in glob.glob(f"{HERE}/**/*.drill", recursive=True)
              if "/fail/" not in p]
    done = play(glassnic, "-q", "--coverage", *sorted(drills))
    for line in done.stdout.splitlines():
        if not re.match(r"covered |\d+ passed,", line):
            print(line)
    print(done.stderr, end="")
    score = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    covered = len(re.findall(r"^covered ", done.stdout, re.M))
    missing = len(re.findall(r"^MISSING ", done.stdout, re.M))
    if not score:
        print(f"it ended with {done.returncode}")
        return 0, 1
    return int(score[1]) + covered, int(score[2]) + missing


def play_bad(glassnic, path):
    """What is wrong with how the drill fails, or nothing."""
    with open(path) as f:
        complaints = re.findall(r"^# complaint: (.*)$", f.read(), re.M)
    done = play(glassnic, path)
    if not complaints:
        return "it does not say how it must fail"
    if done.returncode != 1:
        return f"exit status {done.returncode}, not 1"
    for words in complaints:
        if words not in done.stdout:
            return f"no {words!r} in:\n{done.stdout}"
    return ""


def capture_refusals(glassnic):
    """What is wrong with how --capture refuses, or nothing."""
    one = f"{HERE}/sequence/a_psn_gap_draws_one_sequence_nak.drill"
    many = f"{HERE}/answers/a_cnp_is_counted_and_answers_nothing.drill"
    for words, path in (("it is played 2 times", many),
                        ("cannot create the capture", one)):
        done = play(glassnic, "--capture", "/nowhere/a.pcapng", path)
        if done.returncode != 1 or words not in done.stdout:
            return f"no {words!r} in:\n{done.stdout}"
    return ""


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    glassnic = os.path.join(build, "glassnic")
    passed, failed = play_good(glassnic)
    wrong = capture_refusals(glassnic)
    passed += not wrong
    failed += bool(wrong)
    if wrong:
        print(f"FAIL --capture: {wrong}")
    for path in sorted(glob.glob(f"{HERE}/fail/*.drill")):
        wrong = play_bad(glassnic, path)
        passed += not wrong
        failed += bool(wrong)
        if wrong:
            print(f"FAIL {path}: {wrong}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
