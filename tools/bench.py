#!/usr/bin/python3
"""How fast is it?  bench.py BUILD [-r RUNS] [-k WORD] [-a OTHER_BUILD]

Each row compares ways to do one thing.  The ways take turns, one run each, so
that whatever else the machine does meets all of them alike; then come medians,
the lowest and the highest run, and the ratio of each median to the row's first.
Writes BUILD/bench.json with every run.  -k: only rows that have WORD in their
name.  -a: compares with another build, too.  As root also over interfaces: two
network namespaces and a veth between them.  This is no test: nothing fails
because it is slow.
"""

import argparse
import contextlib
import functools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../tests/e2e"))

from segment import Segment  # noqa: E402
from support import Lab, need  # noqa: E402

MIB = 1 << 20
BW, LAT = "MiB/s", "us"
COLUMN = {BW: 3, LAT: 4}  # of perftest's row: average, typical
SEGMENT = 4112  # bytes of a full packet's UDP payload
MTU = 9000

# Name, unit, the command, and what the ways add to the NICs' specs.
WRITE = ["ib_write_bw", "-s", str(MIB), "-n", "1000"]
TRAINS = {"trains": "gso=on", "singles": "gso=off"}
SMALL = {"trains": "gso=on,rcvbuf=212992", "singles": "gso=off,rcvbuf=212992"}
ROWS = [
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


# ---- where ----

class Loopback:
    """Two addresses of lo."""

    def __init__(self, lab, build):
        self.lab, self.build = lab, build

    def pair(self, kind, spec, words):
        nics = [",".join(filter(None, (n, spec))) for n in self.lab.nics(kind)]
        return self.lab.pair(words, nics)

    def iperf3(self):
        there, here = self.lab.hosts()
        port = str(self.lab.port())
        return iperf3(lambda words: subprocess.Popen(words, **QUIET),
                      ["-s", "-1", "-B", there, "-p", port],
                      ["-c", there, "-B", here, "-p", port])

    def raw(self):
        """UDP sockets: trains on RoCEv2's port."""
        here, there = self.lab.hosts()
        return printed(f"{self.build}/tests/bench/blaster", here, there, "4791",
                       str(SEGMENT), "1")


class Wire:
    """Two namespaces with a veth between them."""

    def __init__(self, segment, build):
        self.segment, self.build = segment, build
        for end in segment.a, segment.b:
            end.up(MTU)

    def pair(self, kind, spec, words):
        nics = [",".join(filter(None, (f"port={kind}:{end.iface}",
                                       f"ip=10.9.0.{i}/24", spec)))
                for i, end in ((1, self.segment.a), (2, self.segment.b))]
        return reversed(self.segment.pair(words, nics, log=None))

    def iperf3(self):
        b = self.segment.b
        return iperf3(lambda words: (b if "-s" in words else
                                     self.segment.a).start(words),
                      ["-s", "-1"], ["-c", b.ip])

    def raw(self):
        """AF_PACKET sockets: trains to nobody."""
        program = f"{self.build}/tests/bench/frame_blaster"
        a, b = self.segment.a, self.segment.b
        sender = a.start([program, "send", a.iface, str(SEGMENT)])
        try:
            out = b.start([program, "receive", b.iface, "1"]).communicate()[0]
            return float(out) if out else None
        finally:
            sender.kill()
            sender.communicate()


@contextlib.contextmanager
def wire_of(build, folder):
    """None where there can be none."""
    segment = Segment(build, folder)
    try:
        segment.make()
        yield Wire(segment, os.path.abspath(build))
    except OSError as e:
        print(f"bench: nothing over interfaces: {e}", file=sys.stderr)
        yield None
    finally:
        segment.remove()


# ---- one run ----

QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
         "stderr": subprocess.PIPE, "text": True}


def perftest(place, kind, spec, command, unit):
    server, client = place.pair(kind, spec, [*command, "-F", "-x", "1"])
    wrong = client.wrong("client") or server.wrong("server")
    if wrong:
        print(f"bench: {' '.join(command)}: {wrong}", file=sys.stderr)
        return None
    rows = [line.split() for line in client.out.splitlines()]
    rows = [r for r in rows if len(r) > COLUMN[unit] and r[0].isdigit()]
    return float(rows[-1][COLUMN[unit]])


def iperf3(start, server, client):
    """One TCP stream for a second."""
    listening = start(["iperf3", *server])
    try:
        for _ in range(100):
            out = start(["iperf3", *client, "-t", "1", "-J"]).communicate()[0]
            end = json.loads(out or "{}").get("end")
            if end:
                return end["sum_received"]["bits_per_second"] / 8 / MIB
            time.sleep(0.05)
    finally:
        listening.kill()
        listening.communicate()
    return None


def printed(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


# ---- rows ----

def ways_of(place, kind, unit, command, specs, other=None):
    ways = {way: functools.partial(perftest, place, kind, spec, command, unit)
            for way, spec in specs.items()}
    if other:
        ways["other"] = functools.partial(perftest, other, kind, "", command,
                                          unit)
    return ways


def beside(place, ways):
    """What else the same path carries."""
    if shutil.which("iperf3"):
        ways["iperf3 TCP"] = place.iperf3
    ways["raw socket"] = place.raw
    return ways


def rows_of(here, wire, other, xdp):
    """Name, unit, {way: a function that measures once}."""
    yield "WRITE 1 MiB (udp)", BW, beside(
        here, ways_of(here, "udp", BW, WRITE, TRAINS, other))
    if wire:
        yield "WRITE 1 MiB (packet, veth)", BW, beside(
            wire, ways_of(wire, "packet", BW, WRITE, TRAINS))
    if wire and xdp:
        yield "WRITE 1 MiB (xdp, veth)", BW, ways_of(
            wire, "xdp", BW, WRITE, {"xdp": ""})
    yield "WRITE 1 MiB (vxlan)", BW, ways_of(here, "vxlan", BW, WRITE, TRAINS,
                                             other)
    for name, unit, command, specs in ROWS:
        yield f"{name} (udp)", unit, ways_of(here, "udp", unit, command, specs,
                                             other)


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


def has_xdp(build):
    return "xdp:" in subprocess.run([f"{build}/glassnic", "options"],
                                    capture_output=True, text=True,
                                    check=False).stdout


def bench(args, here, wire, other):
    result = {"begin": machine(), "runs": args.runs, "rows": []}
    for name, unit, ways in rows_of(here, wire, other, has_xdp(args.build)):
        if args.only not in name:
            continue
        samples = measure(ways, args.runs)
        show(name, unit, samples)
        result["rows"].append({"name": name, "unit": unit, "samples": samples})
        result["end"] = machine()
        with open(os.path.join(args.build, "bench.json"), "w") as f:
            json.dump(result, f, indent=1)
    print("load: %.1f at the beginning, %.1f at the end" %
          (result["begin"]["load"][0], machine()["load"][0]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", nargs="?", default="build")
    parser.add_argument("-r", "--runs", type=int, default=5)
    parser.add_argument("-k", "--only", default="")
    parser.add_argument("-a", "--against")
    args = parser.parse_args()
    need("ib_write_bw", "ib_read_bw", "ib_send_bw", "ib_send_lat")
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(contextlib.closing(Lab(args.build)))
        other = args.against and stack.enter_context(
            contextlib.closing(Lab(args.against)))
        wire = stack.enter_context(wire_of(args.build, lab.folder))
        bench(args, Loopback(lab, args.build), wire,
              other and Loopback(other, args.against))


if __name__ == "__main__":
    main()
