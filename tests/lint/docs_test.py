#!/usr/bin/python3
"""Do the documents say what is true?  docs_test.py BUILD

Links lead somewhere, the table of NIC options is the program's, every command
is in the manual page, which has no mistakes, replay's words are explained, and the
README's CI recipe is the one that CI runs.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

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


def manual_wrong(glassnic):
    if not shutil.which("groff"):
        return "groff not found; tools/setup.sh installs it"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["make", "-s", "install", "PREFIX=" + folder,
                               "BUILD=" + os.path.dirname(glassnic)],
                              capture_output=True, text=True)
        if done.returncode:
            return f"make install: {done.stderr}"
        done = subprocess.run(["groff", "-man", "-ww", "-z",
                               folder + "/share/man/man1/glassnic.1"],
                              capture_output=True, text=True)
        text = read(folder + "/share/man/man1/glassnic.1")
        devices = subprocess.run([folder + "/bin/glassnic", "run", "true"],
                                 capture_output=True, text=True)
    if done.stderr or done.returncode:
        return done.stderr
    if devices.returncode:
        return f"installed, it does not run: {devices.stderr}"
    for row in output(glassnic, "options", "--markdown").splitlines()[2:]:
        if f".B {row.split('`')[1]}\n" not in text:
            return f"no {row.split('`')[1]} in it"
    for command in re.findall(r"^  (\w+) ", output(glassnic, "help"), re.M):
        if command != "glassnic" and f".B glassnic {command}\n" not in text:
            return f"no command {command} in it"
    return ""


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
    score.check("man/glassnic.1, installed", manual_wrong(glassnic))
    score.finish()


if __name__ == "__main__":
    main()
