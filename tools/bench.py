#!/usr/bin/python3
"""How fast is it?  bench.py BUILD [-r RUNS] [-k WORD] [-a OTHER_BUILD]

Each row compares ways to do one thing.  The ways take turns, one run each, so
that whatever else the machine does meets all of them alike; then come medians,
the lowest and the highest run, and the ratio of each median to the row's first.
Writes BUILD/bench.json with every run.  -k: only rows that have WORD in their
name.  -a: compares with another build, too.  This is no test: nothing fails
because it is slow.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../tests/e2e"))

from support import Lab, need  # noqa: E402

MIB = 1 << 20
BW, LAT = "MiB/s", "us"
COLUMN = {BW: 3, LAT: 4}  # of perftest's row: average, typical
RCVBUF = "rcvbuf=212992"

# Name, unit, the command, and what the ways add to the NICs' specs.
WRITE = ["ib_write_bw", "-s", str(MIB), "-n", "1000"]
TRAINS = {"trains": "gso=on", "singles": "gso=off"}
SMALL = {"trains": f"gso=on,{RCVBUF}", "singles": f"gso=off,{RCVBUF}"}
ROWS = [
    ("WRITE 1 MiB", BW, WRITE, TRAINS),
    ("WRITE 64 KiB", BW, ["ib_write_bw", "-n", "10000"], TRAINS),
    ("WRITE 64 KiB, MTU 1024", BW,
     ["ib_write_bw", "-n", "4000", "-m", "1024"], TRAINS),
    ("WRITE 64 KiB, 16 QPs", BW,
     ["ib_write_bw", "-n", "500", "-q", "16"], TRAINS),
    ("READ 1 MiB", BW, ["ib_read_bw", "-s", str(MIB), "-n", "500"], TRAINS),
    ("READ 64 KiB", BW, ["ib_read_bw", "-n", "10000"], TRAINS),
    ("SEND 1 MiB", BW, ["ib_send_bw", "-s", str(MIB), "-n", "500"], TRAINS),
    ("SEND 64 KiB", BW, ["ib_send_bw", "-n", "10000"], TRAINS),
    ("WRITE 1 MiB, small buffers", BW, WRITE, SMALL),
    ("READ 1 MiB, small buffers", BW,
     ["ib_read_bw", "-s", str(MIB), "-n", "500"], SMALL),
    ("SEND latency", LAT, ["ib_send_lat", "-n", "5000"], TRAINS),
    ("WRITE latency", LAT, ["ib_write_lat", "-n", "5000"], TRAINS),
    ("READ latency", LAT, ["ib_read_lat", "-n", "5000"], TRAINS),
]


def perftest(place, kind, spec, command, unit):
    nics = [f"{nic},{spec}" if spec else nic for nic in place.nics(kind)]
    server, client = place.pair([*command, "-F", "-x", "1"], nics)
    wrong = client.wrong("client") or server.wrong("server")
    if wrong:
        print(f"bench: {' '.join(command)}: {wrong}", file=sys.stderr)
        return None
    rows = [line.split() for line in client.out.splitlines()]
    rows = [r for r in rows if len(r) > COLUMN[unit] and r[0].isdigit()]
    return float(rows[-1][COLUMN[unit]])


def iperf3(place):
    """One TCP stream between two addresses of lo, for a second."""
    there, here = place.hosts()
    port = str(place.port())
    server = subprocess.Popen(["iperf3", "-s", "-1", "-B", there, "-p", port],
                              stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            done = subprocess.run(["iperf3", "-c", there, "-B", here, "-p",
                                   port, "-t", "1", "-J"],
                                  capture_output=True, text=True, check=False)
            end = json.loads(done.stdout or "{}").get("end")
            if end:
                return end["sum_received"]["bits_per_second"] / 8 / MIB
            time.sleep(0.05)
    finally:
        server.kill()
        server.wait()
    return None


def blaster(place, build, size):
    """Raw UDP trains of @size bytes a datagram on RoCEv2's port."""
    here, there = place.hosts()
    done = subprocess.run([f"{build}/tests/bench/blaster", here, there, "4791",
                           str(size), "1"], capture_output=True, text=True,
                          check=False)
    return float(done.stdout) if done.returncode == 0 else None


def rows_of(args, place, other):
    """Name, unit, {way: a function that measures once}."""
    for name, unit, command, specs in ROWS:
        for kind in "udp", "vxlan":
            if kind == "vxlan" and not name.startswith("WRITE 1 MiB"):
                continue
            ways = {way: (place, spec) for way, spec in specs.items()}
            if other:
                ways["other"] = (other, "")
            ways = {way: lambda where=where, spec=spec, kind=kind:
                    perftest(where, kind, spec, command, unit)
                    for way, (where, spec) in ways.items()}
            if command is WRITE and specs is TRAINS and kind == "udp":
                if shutil.which("iperf3"):
                    ways["iperf3 TCP"] = lambda: iperf3(place)
                ways["raw UDP"] = lambda: blaster(place, args.build, 4112)
            yield f"{name} ({kind})", unit, ways


def measure(ways, runs):
    samples = {way: [] for way in ways}
    for _ in range(runs):
        for way, once in ways.items():
            value = once()
            if value is not None:
                samples[way].append(value)
    return samples


def show(name, unit, samples):
    first = None
    print(name)
    for way, values in samples.items():
        if not values:
            print(f"  {way:12} failed")
            continue
        median = statistics.median(values)
        first = first or median
        print(f"  {way:12} {median:9.1f} {unit:6} "
              f"{min(values):9.1f} to {max(values):<9.1f} "
              f"{median / first:6.2f}", flush=True)


def machine():
    return {"kernel": platform.release(), "cpus": os.cpu_count(),
            "load": os.getloadavg(), "when": time.strftime("%F %T")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", nargs="?", default="build")
    parser.add_argument("-r", "--runs", type=int, default=5)
    parser.add_argument("-k", "--only", default="")
    parser.add_argument("-a", "--against")
    args = parser.parse_args()
    need("ib_write_bw", "ib_read_bw", "ib_send_bw", "ib_send_lat")
    place = Lab(args.build)
    other = Lab(args.against) if args.against else None
    result = {"begin": machine(), "runs": args.runs, "rows": []}
    try:
        for name, unit, ways in rows_of(args, place, other):
            if args.only not in name:
                continue
            samples = measure(ways, args.runs)
            show(name, unit, samples)
            result["rows"].append(
                {"name": name, "unit": unit, "samples": samples})
            result["end"] = machine()
            with open(os.path.join(args.build, "bench.json"), "w") as f:
                json.dump(result, f, indent=1)
    finally:
        place.close()
        if other:
            other.close()
    print("load: %.1f at the beginning, %.1f at the end" %
          (result["begin"]["load"][0], machine()["load"][0]))


if __name__ == "__main__":
    main()
