#!/usr/bin/python3
"""Makes the captures of pcaps/ that end in .pcapng: make_pcaps.py BUILD [OUT]

Each pcaps/drills/NAME.drill is played into OUT/NAME.pcapng (OUT: pcaps); what it
says of itself, and what `glassnic decode' says of its packets, becomes
OUT/NAME.txt.  The same drills give the same bytes.
"""

import glob
import os
import re
import subprocess
import sys

DRILLS = "pcaps/drills"

TEXT = """\
{story}

made	by `make pcaps' from {drill}: the NIC under test is
	glassnic{spec}, in memory and on a virtual clock; its peer is the script
licence	that of glassnic (see LICENSE)
check	{check}
frames	those that are not listed are ARP or ND, which find MAC addresses; "=> WORD"
	is why the NIC does not take a packet as new (docs/drill.md)

{packets}
"""


def fail(drill, why):
    sys.exit(f"make_pcaps: {drill}: {why}")


def run(drill, *command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        fail(drill, (done.stdout + done.stderr).strip())
    return done.stdout


class Drill:
    """What a drill says: its story, and for each packet which way it goes, the
    comment that stands before it, and its verdict.
    """

    def __init__(self, path):
        self.path, self.spec, self.packets = path, "", []
        with open(path) as f:
            lines = f.read().splitlines()
        head = next(i for i, line in enumerate(lines) if line[0] != "#")
        self.story = [line[1:].strip() for line in lines[:head]]
        comment = []
        for line in lines[head:]:
            if line.startswith("#"):
                comment.append(line[1:].strip())
            else:
                comment = self._statement(line, comment)

    def _statement(self, line, comment):
        """Returns what remains of @comment."""
        word = line.split()[0] if line.split() else ""
        if word == "nic":
            self.spec = " with " + line.split()[1]
        if word not in ("<", ">"):
            return comment
        times = re.search(r"\btimes=(\d+)", line)
        verdict = re.search(r" => \w+", line)
        for _ in range(int(times[1]) if times else 1):
            self.packets.append((word, comment,
                                 verdict[0] if verdict else ""))
            comment = []
        return comment


def annotate(drill, lines, nic):
    """decode's lines, each below its comment."""
    out = []
    packets = iter(drill.packets)
    for line, is_lost in lines:
        way = "<" if f" {nic} -> " in line else ">"
        if is_lost:
            out.append(f"{line} [lost behind here]")
            continue
        want, comment, verdict = next(packets, (None, None, None))
        if want != way:
            fail(drill.path, f"its statements are not in the order of its "
                 f"packets; {want} is not: {line}")
        if comment and out:
            out.append("")
        out += ["  " + c for c in comment]
        out.append(line + verdict)
    if next(packets, None):
        fail(drill.path, "it has more packets than the capture")
    return out


def lost_frames(capture):
    """Frames that a fault took on their way out; their remarks say so."""
    with open(capture, "rb") as f:
        data = f.read()
    lost, frame, at = set(), 0, 0
    while at < len(data):
        kind = int.from_bytes(data[at:at + 4], "little")
        size = int.from_bytes(data[at + 4:at + 8], "little")
        frame += kind == 6
        if kind == 6 and b"impair: lost" in data[at:at + size]:
            lost.add(frame)
        at += size
    return lost


def nic_address(drill):
    ip = re.search(r"ip=([^/,]+)", drill.spec)
    return ip[1] if ip else "10.0.0.1"


def make(glassnic, path, out):
    drill = Drill(path)
    name = os.path.basename(path)[:-len(".drill")]
    capture = os.path.join(out, name + ".pcapng")
    run(path, glassnic, "drill", "-q", "--capture", capture, path)
    lost = lost_frames(capture)
    lines = run(path, glassnic, "decode", capture).splitlines()
    lines = [(line, int(line.split()[0]) in lost) for line in lines]
    packets = annotate(drill, lines, nic_address(drill))
    check = "no violations"
    if os.path.exists(f"pcaps/{name}.expect"):
        check = f"what {name}.expect says, and no other violations"
    with open(os.path.join(out, name + ".txt"), "w") as f:
        f.write(TEXT.format(story="\n".join(drill.story), drill=path,
                            spec=drill.spec, check=check,
                            packets="\n".join(packets)))


def main():
    glassnic = os.path.join(sys.argv[1], "glassnic")
    out = sys.argv[2] if len(sys.argv) > 2 else "pcaps"
    drills = sorted(glob.glob(f"{DRILLS}/*.drill"))
    for path in drills:
        make(glassnic, path, out)
    print(f"{len(drills)} captures made in {out}")


if __name__ == "__main__":
    main()
