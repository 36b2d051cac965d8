#!/usr/bin/python3
"""Does tshark read the connection manager's messages as we do?  cm_test.py BUILD

Of random messages of each kind that tshark 4.0 takes apart, and of those in
pcaps/, what `glassnic decode --json` says is what tshark says.
"""

import glob
import json
import logging
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../support"))
from score import Score  # noqa: E402

logging.getLogger("scapy").setLevel(logging.ERROR)
try:
    from scapy.contrib import roce
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.utils import wrpcap
except ImportError:
    print("scapy not found; tools/setup.sh installs it")
    sys.exit(77)

KINDS = {"REQ": 0x10, "REJ": 0x12, "REP": 0x13, "RTU": 0x14, "DREQ": 0x15,
         "DREP": 0x16}
EACH = 20
# tshark's fields of each kind, by our keys.
FIELDS = {
    "REQ": {"cm_id": "cm.req", "cm_qpn": "cm.req.localqpn",
            "cm_psn": "cm.req.startpsn", "cm_qkey": "cm.req.localqkey",
            "cm_resources": "cm.req.responderres",
            "cm_depth": "cm.req.initdepth", "cm_retry": "cm.req.retrcount",
            "cm_rnr_retry": "cm.req.rnrretrcount",
            "cm_ack_timeout": "cm.req.prim_localacktout",
            "cm_mtu": "cm.req.pppmtu", "cm_transport": "cm.req.transpsvctype",
            "cm_dport": "cm.req.serviceid.dport",
            "cm_sport": "cm.req.ip_cm.sport"},
    "REP": {"cm_id": "cm.rep", "cm_remote_id": "cm.rep.remotecommid",
            "cm_qpn": "cm.rep.localqpn", "cm_psn": "cm.rep.startpsn",
            "cm_qkey": "cm.rep.localqkey", "cm_resources": "cm.rep.respres",
            "cm_depth": "cm.rep.initdepth",
            "cm_rnr_retry": "cm.rep.rnrretrcount"},
    "RTU": {"cm_id": "cm.rtu.localcommid",
            "cm_remote_id": "cm.rtu.remotecommid"},
    "REJ": {"cm_id": "cm.rej.localcommid",
            "cm_remote_id": "cm.rej.remotecommid", "cm_about": "cm.rej.msgrej"},
    "DREQ": {"cm_id": "cm.dreq.localcommid",
             "cm_remote_id": "cm.dreq.remotecommid",
             "cm_qpn": "cm.req.remoteqpneecn"},
    "DREP": {"cm_id": "cm.drsp.localcommid",
             "cm_remote_id": "cm.drsp.remotecommid"},
}
ADDRESSES = [("cm_src", ("sip4", "sip6")), ("cm_dst", ("dip4", "dip6"))]
CODES = {"cm_transport": ["RC", "UC", "RD", "other"],
         "cm_about": ["REQ", "REP", "other", "other"],
         "cm_mtu": [0, 256, 512, 1024, 2048, 4096] + [0] * 10}


def message(dice, kind):
    mad = bytearray(dice.randbytes(256))
    mad[:4] = 1, 7, 2, 3
    mad[16:18] = KINDS[kind].to_bytes(2, "big")
    if kind == "REQ":  # for IPv4 or IPv6, by RDMA_PS_TCP
        mad[32:38] = 0, 0, 0, 0, 1, 6
        mad[165] = dice.choice((0x40, 0x60))
    return bytes(mad)


def frame(mad, psn):
    deth = bytes.fromhex("8001000000000001")
    return (Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") /
            IP(src="10.0.0.1", dst="10.0.0.2", flags="DF") /
            UDP(sport=50000, dport=4791) /
            roce.BTH(opcode=0x64, dqpn=1, psn=psn) / (deth + mad))


def random_capture(path):
    dice = random.Random(7)
    kinds = [kind for kind in KINDS for _ in range(EACH)]
    wrpcap(path, [frame(message(dice, kind), i)
                  for i, kind in enumerate(kinds)])
    return kinds


def fields_of_tshark():
    """Those that this version has, of all that are named above."""
    names = {f"infiniband.{name}" for kind in FIELDS.values()
             for name in kind.values()} | {
        f"infiniband.cm.req.ip_cm.{name}" for _, both in ADDRESSES
        for name in both}
    known = {line.split("\t")[2] for line in subprocess.run(
        ["tshark", "-G", "fields"], capture_output=True, text=True,
        check=True).stdout.splitlines()}
    for name in sorted(names - known):
        print(f"this tshark has no {name}: not compared")
    return sorted(names & known)


def tshark(path, names):
    """Of each frame, a field's name and value."""
    out = subprocess.run(
        ["tshark", "-n", "--disable-protocol", "rpcordma", "-r", path, "-T",
         "fields", "-e", "frame.number",
         *(word for name in names for word in ("-e", name))],
        capture_output=True, text=True, check=True).stdout
    rows = (line.split("\t") for line in out.splitlines())
    return {int(row[0]): dict(zip(names, row[1:])) for row in rows}


def ours(build, path):
    out = subprocess.run([build + "/glassnic", "decode", path, "--json"],
                         capture_output=True, text=True, check=True).stdout
    return [row for row in map(json.loads, out.splitlines()) if "cm" in row]


def differ(we, they):
    for key, name in FIELDS[we["cm"]].items():
        if f"infiniband.{name}" not in they:
            continue
        said = int(they[f"infiniband.{name}"] or "-1", 0)
        want = CODES[key][said] if key in CODES else said
        if we.get(key) != want:
            return f"{key} is {we.get(key)}, tshark's {name} {said}"
    for key, both in ADDRESSES if we["cm"] == "REQ" else []:
        said = "".join(they.get(f"infiniband.cm.req.ip_cm.{name}", "")
                       for name in both)
        if we.get(key) != said:
            return f"{key} is {we.get(key)}, tshark's {said}"
    return ""


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    score, names = Score(), fields_of_tshark()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cm.pcap")
        kinds = random_capture(path)
        score.check("kinds of random messages", "" if kinds == [
            row["cm"] for row in ours(build, path)] else "not those made")
        for path in [path, *sorted(glob.glob("pcaps/*.pcap*"))]:
            rows = ours(build, path)
            they = tshark(path, names) if rows else {}
            for row in rows:
                score.check(f"{path} frame {row['frame']}",
                            differ(row, they[row["frame"]]))
    score.finish()


if __name__ == "__main__":
    main()
