#!/usr/bin/python3
"""Do the commands of docs/README.md's first hour do what they say?
first_hour_test.py [BUILD]

They are run as they stand, in a folder of their own with `build' in it; of a step
with two shells the first runs beside the second.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

from support import LIMIT, Done, Score, await_port, need, tail

PINGPONG_PORT = 18515
STEP = re.compile(r"^\*\*(\d)\. (.*?)\*\*.*?^```sh\n(.*?)^```", re.M | re.S)


def steps():
    with open("docs/README.md") as f:
        return [(name, commands.splitlines())
                for _, name, commands in STEP.findall(f.read())]


class Desk:
    """The folder in which they are typed."""

    def __init__(self, build, folder):
        self.folder = folder
        os.symlink(os.path.abspath(build), os.path.join(folder, "build"))

    def run(self, command):
        done = subprocess.run(["sh", "-c", command], cwd=self.folder, text=True,
                              capture_output=True, timeout=LIMIT,
                              stdin=subprocess.DEVNULL)
        return Done(done.returncode, done.stdout, done.stderr)

    def beside(self, server, client):
        """What is wrong with the two, or nothing."""
        first = subprocess.Popen(shlex.split(server), cwd=self.folder,
                                 text=True, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        try:
            if not await_port(PINGPONG_PORT, first, time.monotonic() + LIMIT):
                return f"`{server}' does not listen"
            done = self.run(client)
            first.communicate(timeout=LIMIT)
        finally:
            first.kill()
        return done.wrong(client) or (
            "" if first.returncode == 0 else f"`{server}' exits with "
            f"{first.returncode}")


def main():
    need("ibv_rc_pingpong", "tshark")
    score = Score()
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    found = steps()
    score.check("five steps", "" if len(found) == 5 else f"{found}")
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(build, folder)
        for name, commands in found:
            if "pingpong" in commands[0]:
                server, client = commands[:2]
                del commands[:2]
                score.check(f"{name}: {server}", desk.beside(server, client))
            for command in commands:
                done = desk.run(command)
                score.check(f"{name}: {command}", tail(done)
                            if done.status else "")
    score.finish()


if __name__ == "__main__":
    main()
