"""Checks of exercises in which the student completes a drill."""

import os
import re

from grade import GLASSNIC, Missing, run_until


def checks(home, name, steps):
    """For CHECKS of an exercise in folder @home: drill @name begins with what
    it was given as, succeeds, and holds the @steps: a title, patterns of
    statements in their order, and a hint.  What a drill that succeeds says is
    true, so that it need only be said.
    """
    with open(os.path.join(home, name)) as file:
        given = statements(file.read())
    return [lambda work: begins_with(work, name, given),
            lambda work: plays(work, name),
            *(lambda work, step=step: has_step(work, name, *step)
              for step in steps)]


def statements(text):
    rows = (re.sub(r"\s+", " ", row.split("#")[0]).strip()
            for row in text.splitlines())
    return [row for row in rows if row]


def begins_with(work, name, given):
    if statements(work.text(name))[:len(given)] == given:
        return ""
    return (f"{name}: its beginning was changed; hint: these stay as they "
            f"are: {'; '.join(given)}")


def plays(work, name):
    done = run_until(60, [GLASSNIC, "drill", "-q", work.file(name)], name)
    if not done.returncode:
        return ""
    rows = (done.stdout + done.stderr).splitlines()
    said = next((row for row in rows if f"{name}:" in row), rows[-1])
    return (f"{said[max(said.find(name), 0):]}; hint: glassnic drill -v "
            f"{name} shows each packet")


def has_step(work, name, title, patterns, hint):
    rows = statements(work.text(name))
    for pattern in patterns:
        at = next((i for i, row in enumerate(rows) if re.match(pattern, row)),
                  None)
        if at is None:
            raise Missing(f"{name}, step {title}: not done; hint: {hint}")
        rows = rows[at + 1:]
    return ""
