#!/usr/bin/python3
"""What `glassnic run' makes of its process and its children: run_test.py
[BUILD]
"""

import glob
import os
import re
import subprocess
import time

from support import LIMIT, Score, finish, lab, need

SHOW = ["sh", "-c", "echo $GLASSNIC_NIC; read wait"]


def expect(score, name, done, want, status=0):
    wrong = "" if done.status == status else f"exit {done.status}: {done.err}"
    if not wrong and not re.search(want, done.out + done.err):
        wrong = f"no /{want}/ in {done.out + done.err!r}"
    score.check(name, wrong)


def environment(score, lab):
    show = ["sh", "-c", "echo $GLASSNIC_NIC $LD_LIBRARY_PATH"]
    a, b = lab.hosts()
    expect(score, "the spec is completed", lab.run(show),
           r"^name=glass0,ip=127\.[0-9.]+/8 ")
    expect(score, "several NICs in order",
           lab.run(show, nic=f"ip={a};name=x,ip={b},mtu=1500"),
           rf"^name=glass0,ip={a}/24;name=x,ip={b}/24,mtu=1500 ")
    expect(score, "the drop-ins' folder comes first",
           lab.run(show, env={"LD_LIBRARY_PATH": "/elsewhere"}),
           rf" {re.escape(lab.build)}/lib:/elsewhere$")
    expect(score, "specs from the environment",
           lab.run(show, env={"GLASSNIC_NIC": f"ip={a}"}), rf"ip={a}/24 ")
    expect(score, "a tunnel finds its own addresses",
           lab.run(show, nic=f"port=vxlan,vni=7,remote={b}"),
           rf"port=vxlan,ip=10\.0\.7\.[0-9]+/24,mac=02:.*,vni=7,"
           rf"local=127\.[0-9.]+,remote={b} ")


def status(score, lab):
    expect(score, "the program's status", lab.run(["sh", "-c", "exit 7"]), "",
           status=7)
    expect(score, "the address, for who wants to know",
           lab.run(["true"], env={"GLASSNIC_LOG": "info"}),
           r"^glassnic: glass0 is 127\.")
    expect(score, "nothing else is said", lab.run(["true"]), "^$")


def two_at_once(score, lab):
    """The claim lasts as long as the program, not longer."""
    until = time.monotonic() + LIMIT
    words = [lab.glassnic, "run", *SHOW]
    first = subprocess.Popen(words, text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    second = subprocess.Popen(words, text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    one, two = first.stdout.readline(), second.stdout.readline()
    finish(first, until)
    finish(second, until)
    score.check("two hosts have two addresses",
                "" if one and two and one != two else f"{one!r}, {two!r}")


def children(score, lab):
    done = lab.run(["sh", "-c", "ibv_devinfo -v && ibv_devinfo -v"])
    gids = re.findall(r"GID\[\s*1\]:\s+(\S+)", done.out)
    score.check("children are on the same host", done.wrong("it") or
                ("" if len(gids) == 2 and gids[0] == gids[1] else
                 f"GIDs {gids}: {done.err}"))
    done = lab.run([lab.glassnic, "run", "ibv_devinfo"])
    score.check("glassnic run under glassnic run", done.wrong("it"))


def captures(score, lab):
    devinfo = "ibv_devinfo > /dev/null"
    folder = os.path.dirname(lab.path("x"))

    path = lab.path("own.pcapng")
    with open(path, "w") as f:
        f.write("what was there before")
    os.chmod(path, 0o666)
    lab.run(["sh", "-c", f"{devinfo}; {devinfo}; {devinfo}"], capture=path)
    others = glob.glob(path + ".*")
    with open(path, "rb") as f:
        magic = f.read(4)
    score.check("the first process has the capture, others FILE.PID",
                "" if magic == b"\x0a\x0d\x0d\x0a" and len(others) == 2
                else f"{magic}, {others}")

    lab.run(["sh", "-c", f"{devinfo}; {devinfo}"],
            capture=lab.path("each-%p.pcapng"))
    names = [os.path.basename(p) for p in glob.glob(folder + "/each-*")]
    score.check("%p is the process's number",
                "" if len(names) == 2 and all(
                    re.fullmatch(r"each-\d+\.pcapng", n) for n in names)
                else str(names))

    done = lab.run(["sh", "-c", f"cd {folder} && {lab.glassnic} run --capture "
                    f"relative.pcapng sh -c 'cd / && {devinfo}'"])
    score.check("a relative path is where it was said", done.wrong("it") or
                ("" if os.path.getsize(lab.path("relative.pcapng")) > 50
                 else "it is empty"))


def main():
    need("ibv_devinfo")
    score = Score()
    with lab() as place:
        environment(score, place)
        status(score, place)
        two_at_once(score, place)
        children(score, place)
        captures(score, place)
    score.finish()


if __name__ == "__main__":
    main()
