"""Judges captures: `glassnic decode --check', and tshark."""

import re
import shutil
import subprocess

from ends import support

VIOLATION = re.compile(r"^frame \d+: rule [\w-]+ \(.*?\): (\S+) .*", re.M)
TIME = 300


def wrong_in_check(glassnic, path, side):
    """What the NIC of the address @side did wrong."""
    done = subprocess.run([glassnic, "decode", "--check", path], text=True,
                          capture_output=True, timeout=TIME)
    if done.returncode > 1 or "\ncheck: " not in done.stdout:
        return f"decode --check: exit {done.returncode}: {done.stderr.strip()}"
    ours = [m[0] for m in VIOLATION.finditer(done.stdout) if m[1] == side]
    return f"decode --check: {ours[0]}" + \
        (f", and {len(ours) - 1} more" if ours[1:] else "") if ours else ""


def wrong_in_tshark(path):
    if not shutil.which("tshark"):
        return "tshark not found; tools/setup.sh installs it"
    done = subprocess.run([*support.TSHARK, "-r", path, "-Y", "_ws.malformed", "-T",
                           "fields", "-e", "frame.number"], text=True,
                          capture_output=True, timeout=TIME)
    if done.returncode:
        return f"tshark: exit {done.returncode}: {done.stderr[-200:]}"
    bad = done.stdout.split()
    return f"tshark: frame {bad[0]} is malformed" if bad else ""
