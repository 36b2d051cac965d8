#!/usr/bin/python3
"""Do the documents say what is true?  docs_test.py BUILD

Links lead somewhere, named files are there, the table of NIC options is the
program's, replay's words are explained, and the README's CI recipe is the one that
CI runs.
"""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../support"))
from documents import PAGES, prose, read, spans  # noqa: E402
from score import Score  # noqa: E402

LINK = re.compile(r"\]\(([^)\s]+)\)")
FOLDERS = tuple(f"{name}/" for name in os.listdir(".")
                if os.path.isdir(name) and name[:5] != "build")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def anchors(path):
    """What links into a page may say behind `#'."""
    headings = [line.lstrip("# ").lower() for _, line in prose(read(path))
                if line[:1] == "#"]
    return [re.sub(r"[^\w -]", "", h).replace(" ", "-") for h in headings]


def is_dead(path, link):
    file, _, anchor = link.partition("#")
    target = os.path.join(os.path.dirname(path), file) if file else path
    return not os.path.exists(target) or (
        anchor and anchor not in anchors(target))


def dead_links(path):
    """Of pictures, too."""
    return [link for link in LINK.findall(read(path))
            if ":" not in link and is_dead(path, link)]


def lost_files(path):
    """Files of the tree that it names; NAME and NN stand for something."""
    names = [span.split()[0] for span in spans(read(path))
             if span.startswith(FOLDERS)]
    return [name for name in names if not re.search(r"[A-Z]{2}", name) and
            not glob.glob(name)]


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
    for path in PAGES:
        score.check(path, ", ".join(dead_links(path) + lost_files(path)))
    score.check("docs/nic-spec.md", "" if read("docs/nic-spec.md").endswith(
        output(glassnic, "options", "--markdown")) else
        "not what `glassnic options --markdown' prints")
    score.check("docs/replay.md", kinds_missing())
    score.check("README.md", recipe_wrong())
    score.finish()


if __name__ == "__main__":
    main()
