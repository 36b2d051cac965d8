#!/usr/bin/python3
"""Do the documents say what is true?  docs_test.py BUILD

Links lead somewhere, the table of NIC options is the program's, replay's words are
explained, and the README's CI recipe is the one that CI runs.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../support"))
from score import Score  # noqa: E402

DOCUMENTS = ["README.md", "CONTRIBUTING.md"] + sorted(
    os.path.join(folder, name) for folder, _, names in os.walk("docs")
    for name in names if name.endswith(".md"))

LINK = re.compile(r"\]\(([^)#:]+)\)")


def read(path):
    with open(path) as f:
        return f.read()


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def dead_links(path):
    return [link for link in LINK.findall(read(path))
            if not os.path.exists(os.path.join(os.path.dirname(path), link))]


def steps(text):
    """Lines without indentation, comments and what is empty."""
    lines = (re.sub(r"\s+#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line and line[0] != "#"]


def recipe_wrong():
    script = steps(read("tests/ci_recipe.sh").split("set -eu\n")[1])
    readme = steps(read("README.md"))
    for i in range(len(readme)):
        if readme[i:i + len(script)] == script:
            return ""
    return "tests/ci_recipe.sh does not stand in it"


def kinds_missing():
    """Words that replay uses and its page does not explain."""
    words = re.findall(r'\bX\(\w+, "([\w-]+)"', read("replay/diff.h"))
    page = read("docs/replay.md")
    return ", ".join(w for w in words if f"`{w}`" not in page)


def main():
    glassnic = os.path.join(sys.argv[1], "glassnic")
    score = Score()
    for path in DOCUMENTS:
        score.check(path, ", ".join(dead_links(path)))
    score.check("docs/nic-spec.md", "" if read("docs/nic-spec.md").endswith(
        output(glassnic, "options", "--markdown")) else
        "not what `glassnic options --markdown' prints")
    score.check("docs/replay.md", kinds_missing())
    score.check("README.md", recipe_wrong())
    score.finish()


if __name__ == "__main__":
    main()
