#!/usr/bin/python3
"""Are the captures in pcaps/ what their drills make, and is everything in them?
corpus_test.py BUILD

Made again, they are the same to the byte. Their ICRCs are computed by scapy, and by
oracle_test.py's own code where scapy cannot; and together they have every opcode,
NAK, and kind of packet that a reader of captures should have seen.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile

from oracle_test import OPCODES, icrc, roce

from scapy.layers.l2 import Ether

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../support"))
from score import Score  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PCAPS = os.path.join(HERE, "../../pcaps")
CAPTURES = sorted(glob.glob(os.path.join(PCAPS, "*.pcapng")))

# Of which there must be at least one packet.
WANTED = {
    "a sequence NAK": lambda p: p.get("nak_code") == 0,
    "an invalid request NAK": lambda p: p.get("nak_code") == 1,
    "a remote access NAK": lambda p: p.get("nak_code") == 2,
    "a remote operational NAK": lambda p: p.get("nak_code") == 3,
    "an RNR NAK": lambda p: p.get("aeth") == "rnr",
    "a retransmission": lambda p: p["kind"] == "again",
    "limited credits": lambda p: p.get("credits", 0) > 0,
    "unlimited credits": lambda p: p.get("credit_code") == 31,
    "IPv6": lambda p: ":" in p["src"],
    "IPv4 in VXLAN": lambda p: "vni" in p and "." in p["src"],
    "IPv6 in VXLAN": lambda p: "vni" in p and ":" in p["src"],
    "an IPv4 group": lambda p: p["dst"].startswith("239."),
    "an IPv6 group": lambda p: p["dst"].startswith("ff"),
    "ECT(0)": lambda p: p["ecn"] == "ect0",
    "CE": lambda p: p["ecn"] == "ce",
    "FECN": lambda p: p.get("fecn"),
    "BECN": lambda p: p.get("becn"),
    "a solicited event": lambda p: p.get("se"),
    "pad": lambda p: p.get("pad", 0) > 0,
    "a wrong ICRC": lambda p: p["icrc"] == "bad",
    "an unknown opcode": lambda p: p.get("undecodable") == "opcode",
    "a PSN of 0 after the highest": lambda p: p["psn"] == 0xffffff,
}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def check_again(score, build):
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run([sys.executable, "tools/make_pcaps.py", build,
                               out], capture_output=True, text=True)
        score.check("make_pcaps.py", done.returncode and done.stderr)
        made = set(os.listdir(out))
        there = {os.path.basename(p) for p in CAPTURES}
        score.check("which there are",
                    {n for n in made if n.endswith(".pcapng")} ^ there)
        for name in sorted(made):
            path = os.path.join(PCAPS, name)
            score.check(f"{name}, made again", "it differs: make pcaps, and "
                        "look at what changed"
                        if not os.path.exists(path) or
                        read(path) != read(os.path.join(out, name)) else "")


def bth_places(raw):
    """Where the innermost IP header and its BTH begin; -1: nowhere."""
    at = 0
    while True:
        kind = int.from_bytes(raw[at + 12:at + 14], "big")
        ip = at + 14
        if kind == 0x8100:
            kind = int.from_bytes(raw[at + 16:at + 18], "big")
            ip += 4
        if kind not in (0x0800, 0x86dd):
            return -1, -1
        udp = ip + (20 if kind == 0x0800 else 40)
        port = int.from_bytes(raw[udp + 2:udp + 4], "big")
        if port == 4791:
            return ip, udp + 8
        if port != 4789:
            return -1, -1
        at = udp + 16  # a frame inside VXLAN


def check_icrcs(score, path, packets):
    """As two others compute them."""
    name = os.path.basename(path)
    for number, raw in enumerate(raw_frames(path), 1):
        ip, bth = bth_places(raw)
        if number not in packets:
            score.check(f"{name} frame {number}", ip >= 0 and "not decoded")
            continue
        told = packets[number]["icrc"]
        want = icrc(raw[ip:bth - 8], raw[bth - 8:-4])
        score.check(f"{name} frame {number}, ICRC",
                    (want == raw[-4:]) != (told == "ok") and
                    f"decode says {told}")
        frame = Ether(raw)
        if raw[ip] >> 4 == 4 and roce.BTH in frame:
            computed = frame[roce.BTH].compute_icrc(None)
            score.check(f"{name} frame {number}, scapy",
                        computed != want and f"{computed.hex()}, not "
                        f"{want.hex()}")


def raw_frames(path):
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at < len(data):
        kind = int.from_bytes(data[at:at + 4], "little")
        size = int.from_bytes(data[at + 4:at + 8], "little")
        if kind == 6:
            kept = int.from_bytes(data[at + 20:at + 24], "little")
            yield data[at + 28:at + 28 + kept]
        at += size


def main(build):
    score = Score()
    glassnic = os.path.join(build, "glassnic")
    everything = []
    check_again(score, build)
    for path in CAPTURES:
        out = subprocess.run([glassnic, "decode", "--json", path], text=True,
                             capture_output=True).stdout
        packets = [json.loads(line) for line in out.splitlines()]
        everything += packets
        check_icrcs(score, path, {p["frame"]: p for p in packets})
    seen = {p.get("opcode_number") for p in everything}
    for opcode in OPCODES:
        score.check(f"opcode {opcode:#x}", opcode not in seen and
                    "in no capture")
    for what, is_it in WANTED.items():
        score.check(what, not any(map(is_it, everything)) and
                    "in no capture")
    tagged = [f for p in CAPTURES for f in raw_frames(p)
              if f[12:14] == b"\x81\x00"]
    score.check("VLAN tags", not tagged and "in no capture")
    score.finish()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "build")
