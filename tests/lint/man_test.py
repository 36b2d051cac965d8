#!/usr/bin/python3
"""Do the manual pages say what the program says?  man_test.py BUILD

Installed, they have no mistakes; each command has one, with the options of its
help; what they refer to is there; the NIC spec's has every key.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../support"))
from score import Score  # noqa: E402

HELPED = re.compile(r"^ +(?:-\w, )?--([a-z-]+)", re.M)
TAGGED = re.compile(r"^\.TP\n(.*)", re.M)
REFERRED = re.compile(r"\b(glassnic(?:-\w+)?) \((\d)\)")
DOCUMENT = re.compile(r"\bdocs/[\w-]+\.md")


def read(path):
    with open(path) as f:
        return f.read()


def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def mistakes(path):
    done = subprocess.run(["groff", "-man", "-ww", "-z", path],
                          capture_output=True, text=True)
    return done.stderr or ("" if done.returncode == 0 else "groff fails")


def options_of(page):
    section = page.split(".SH OPTIONS\n")[1].split("\n.SH ")[0]
    tags = " ".join(TAGGED.findall(section)).replace("\\-", "-")
    return set(re.findall(r"--([a-z-]+)", tags))


def command_wrong(glassnic, folder, command):
    path = f"{folder}/man1/glassnic-{command}.1"
    if not os.path.exists(path):
        return f"no {os.path.basename(path)}"
    wanted = set(HELPED.findall(output(glassnic, command, "--help")))
    differ = options_of(read(path)) ^ (wanted | {"help"})
    return f"only in one of help and page: {sorted(differ)}" if differ else ""


def overview_wrong(glassnic, page, command):
    text = output(glassnic, command, "--help")
    return "" if text and re.search(
        rf"^(\.B |\\fB){command}\b", page, re.M) else "not in glassnic.1"


def dead_references(share, page):
    dead = [f"{name}({section})" for name, section in REFERRED.findall(page)
            if not os.path.exists(f"{share}/man/man{section}/{name}.{section}")]
    return dead + [path for path in DOCUMENT.findall(page)
                   if not os.path.exists(f"{share}/doc/glassnic/{path}")]


def keys_missing(glassnic, page):
    table = output(glassnic, "options", "--markdown").splitlines()[2:]
    return [row.split("`")[1] for row in table
            if f".B {row.split('`')[1]}\n" not in page]


def main():
    score = Score()
    build = sys.argv[1]
    if not shutil.which("groff"):
        score.check("groff", "not found; tools/setup.sh installs it")
        score.finish()
    with tempfile.TemporaryDirectory() as prefix:
        done = subprocess.run(["make", "-s", "install", "PREFIX=" + prefix,
                               "BUILD=" + build], capture_output=True,
                              text=True)
        score.check("make install", done.stderr if done.returncode else "")
        glassnic, share = f"{prefix}/bin/glassnic", f"{prefix}/share"
        done = subprocess.run([glassnic, "run", "true"], capture_output=True,
                              text=True)
        score.check("installed, it runs",
                    done.stderr if done.returncode else "")
        pages = {os.path.basename(path): path
                 for path in sorted(glob.glob(f"{share}/man/man?/*"))}
        for name, path in pages.items():
            score.check(name, mistakes(path) or ", ".join(
                dead_references(share, read(path))))
        overview = read(pages["glassnic.1"])
        for command in re.findall(r"^  (\w+) ", output(glassnic, "help"),
                                  re.M):
            if command == "glassnic":  # an example
                continue
            score.check(command, overview_wrong(glassnic, overview, command) or
                        ("" if command in ("help", "version") else
                         command_wrong(glassnic, f"{share}/man", command)))
        score.check("keys of a NIC spec", ", ".join(keys_missing(
            glassnic, read(pages["glassnic-nic.5"]))))
    score.finish()


if __name__ == "__main__":
    main()
