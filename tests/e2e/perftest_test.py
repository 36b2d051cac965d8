#!/usr/bin/python3
"""perftest, unmodified, over every kind of port: perftest_test.py [BUILD]"""

import subprocess

from support import PERFTEST, Score, lab, need

PROGRAMS = ["ib_send_bw", "ib_send_lat", "ib_write_bw", "ib_write_lat",
            "ib_read_bw", "ib_read_lat", "ib_atomic_bw", "ib_atomic_lat"]
MTUS = 256, 512, 1024, 2048, 4096

# What to try: the letter by which a program's help knows the option (programs
# without it are not asked), and the options.
WAYS = {
    "plain": ("n", ["-n", "500"]),
    "all sizes": ("a", ["-a", "-n", "5"]),
    "both directions": ("b", ["-b", "-n", "200"]),
    "16 QPs": ("q", ["-q", "16", "-n", "50"]),
    "16 QPs, both directions": ("q", ["-q", "16", "-b", "-n", "50"]),
    "events": ("e", ["-e", "-n", "200"]),
    **{f"MTU {mtu}": ("m", ["-m", str(mtu), "-n", "100"]) for mtu in MTUS},
}


def options_of(program):
    done = subprocess.run([program, "--help"], capture_output=True, text=True)
    return {line.split()[0][1] for line in done.stdout.splitlines()
            if line.startswith("  -") and line.strip()[2:3] == ","}


def has_results(out):
    """The table's rows begin with the number of bytes."""
    rows = [line.split() for line in out.splitlines()]
    return any(len(r) > 3 and r[0].isdigit() and r[1].isdigit() for r in rows)


def main():
    need(*PROGRAMS)
    score = Score()
    with lab() as place:
        for kind in "udp", "vxlan":
            nics = place.nics(kind)
            for program in PROGRAMS:
                known = options_of(program)
                for way, (letter, options) in WAYS.items():
                    if letter not in known:
                        continue
                    name = f"{kind}: {program}, {way}"
                    command = [program, *PERFTEST, *options]
                    server, client = place.pair(command, nics)
                    wrong = client.wrong("client") or server.wrong("server")
                    if not wrong and not has_results(client.out):
                        wrong = "no row of results: " + client.out[-200:]
                    if not wrong and letter == "m" and \
                            f": {options[1]}[B]" not in client.out:
                        wrong = "another MTU was used"
                    score.check(name, wrong)
    score.finish()


if __name__ == "__main__":
    main()
