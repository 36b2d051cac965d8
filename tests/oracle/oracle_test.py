#!/usr/bin/python3
"""Do other people's decoders see in our packets what we put in?

    oracle_test.py FRAMES       FRAMES: the program built from frames.c

FRAMES writes a capture with a frame of every opcode, over IPv4 and IPv6, plain
and inside VXLAN, and says what it put into each.  tshark and scapy read the
capture; whatever they know of a frame must be what was put in.

What a tool does not know is in GAPS, and must really be unknown to it: when a
newer tool learns it, this test fails until the row goes.  The bytes that
fall into a gap are compared with BEHIND_BTH and FECN_BECN, which were written
by hand from the standard.
"""

import json
import logging
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import namedtuple

try:
    # inet6 and vxlan are imported for the layers that they bind.
    import scapy
    from scapy.contrib import roce
    from scapy.layers import inet6, vxlan  # noqa: F401
    from scapy.layers.l2 import Ether
    from scapy.packet import NoPayload, Raw
    from scapy.utils import RawPcapReader
except ImportError as error:
    print(f"oracle_test: {error} (Debian: python3-scapy)", file=sys.stderr)
    sys.exit(77)

# scapy warns of each IPv6 frame; GAPS says the same.
logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

VNI = 0xabcdef
VXLAN_STACK = 14 + 20 + 8 + 8  # outer Ethernet, IPv4, UDP; VXLAN

# One frame: @told is what went in, @raw the bytes, @ip and @data the offsets
# of the (inner) IP header and of the BTH.
Frame = namedtuple("Frame", "number told raw ip data")


def opcode(frame):
    return frame.told["bth.opcode"]


def behind_bth(frame):
    return frame.raw[frame.data + 12:]


# --- from the standard, by hand -----------------------------------------------

XRCETH = "00 5c0001"  # IBTA vol. 1, Annex A14: reserved 8, XRC SRQ 24
FETH = "000000 12"  # Annex A19: reserved 26, selectivity 2 (MR), type 4 (2)
RETH = "3132333435363738 41424344 51525354"  # 9.3.3: VA, R_Key, DMA length
ATOMICETH = ("6162636465666768 71727374"  # 9.3.4: VA, R_Key, swap, compare
             "8182838485868788 9192939495969798")
AETH = "{syndrome} a1a2a3"  # 9.3.5: syndrome 8, MSN 24
ATOMICACK = "b1b2b3b4b5b6b7b8"  # 9.5.3
IMMDT = "c1c2c3c4"  # 9.3.6
IETH = "e1e2e3e4"  # 9.3.7
FULL = "d0d1d2d3d4d5d6d7"
PAD1, PAD2, PAD3 = "d0d1d2d3d4d5d6 00", "d0d1d2d3d4d5 0000", "d0d1d2d3d4 000000"

# BTH end to ICRC.  Which headers: 9.2.1 table 38, A14 (XRCETH first, requests
# only), A19 (FLUSH: FETH, RETH; ATOMIC WRITE: RETH, 8 bytes), A17.9.3 (CNP: 16
# reserved bytes).
BEHIND_BTH = {
    0x1c: FETH + RETH,
    0x1d: RETH + FULL,
    0x81: "00000000 00000000 00000000 00000000",
    0xa0: XRCETH + FULL,
    0xa1: XRCETH + FULL,
    0xa2: XRCETH + PAD3,
    0xa3: XRCETH + IMMDT + PAD2,
    0xa4: XRCETH + PAD1,
    0xa5: XRCETH + IMMDT + PAD3,
    0xa6: XRCETH + RETH + FULL,
    0xa7: XRCETH + FULL,
    0xa8: XRCETH + PAD3,
    0xa9: XRCETH + IMMDT + PAD2,
    0xaa: XRCETH + RETH + PAD1,
    0xab: XRCETH + RETH + IMMDT + PAD3,
    0xac: XRCETH + RETH,
    0xad: AETH + FULL,
    0xae: FULL,
    0xaf: AETH + PAD2,
    0xb0: AETH + PAD1,
    0xb1: AETH,
    0xb2: AETH + ATOMICACK,
    0xb3: XRCETH + ATOMICETH,
    0xb4: XRCETH + ATOMICETH,
    0xb6: XRCETH + IETH + PAD1,
    0xb7: XRCETH + IETH + PAD3,
    0xbc: XRCETH + FETH + RETH,
    0xbd: XRCETH + RETH + FULL,
}

# BTH byte 4 (9.2): FECN is its highest bit, BECN the next, six are reserved.
FECN_BECN = {(0, 0): 0x00, (1, 0): 0x80, (0, 1): 0x40, (1, 1): 0xc0}

# 9.7.5.1.2, tables 45 to 47: ACK 31, RNR NAK 12, NAK 2, ACK 5, as frames.c
# gives them to (IP version, inside VXLAN).
SYNDROME = {(4, False): "1f", (6, False): "2c",
            (4, True): "62", (6, True): "05"}

# 9.2.1 table 38 and the annexes.  0x15 is RESYNC, which RD alone has.
RC = [*range(0x15), 0x16, 0x17, 0x1c, 0x1d]
OPCODES = [*RC, *range(0x20, 0x2c), 0x64, 0x65, 0x81, *(0xa0 | op for op in RC)]


def icrc(ip, udp_on):
    """A17.3.3: ones for the LRH, then all but what changes on the way."""
    head, udp = bytearray(ip), bytearray(udp_on)
    if head[0] >> 4 == 4:
        for at in (1, 8, 10, 11):  # TOS, TTL, checksum
            head[at] = 0xff
    else:
        head[0] |= 0x0f
        for at in (1, 2, 3, 7):  # traffic class, flow label, hop limit
            head[at] = 0xff
    for at in (6, 7, 12):  # UDP checksum, FECN and BECN
        udp[at] = 0xff
    return struct.pack("<I", zlib.crc32(bytes(8 * [0xff]) + head + udp))


# --- what the tools do not know -----------------------------------------------

Gap = namedtuple("Gap", "tool applies keys why")

TSHARK_UNKNOWN = set(BEHIND_BTH)
ECN = r"bth\.[fb]ecn"
BEHIND = r"(?!bth\.|icrc).*"  # extension headers and payload

GAPS = [
    Gap("tshark", lambda f: True, ECN, "4.0 has no field for FECN and BECN"),
    Gap("tshark", lambda f: opcode(f) in TSHARK_UNKNOWN, BEHIND + "|icrc",
        "4.0: 'Vendor Specific or Unknown Header Sequence'"),
    Gap("scapy", lambda f: opcode(f) not in (0x11, 0x81), BEHIND,
        "2.5 knows no other extension header than an Acknowledge's AETH"),
    Gap("scapy", lambda f: f.told["ip"] == 6, "icrc",
        "2.5: 'TODO support IPv6'"),
]


# What GAPS says of; a later version may have learnt a thing, and must be right.
PINNED = {"tshark": r"4\.0\.", "scapy": r"2\.5\."}


def is_pinned(tool):
    text = scapy.__version__ if tool == "scapy" else subprocess.run(
        ["tshark", "--version"], capture_output=True, text=True).stdout
    return bool(re.search(rf"\b{PINNED[tool]}", text))


def is_gap(tool, frame, key):
    return any(g.tool == tool and g.applies(frame) and re.fullmatch(g.keys, key)
               for g in GAPS)


# --- tshark -------------------------------------------------------------------

# Key to field; of several fields the one that is there (AETH values).
TSHARK = {
    "bth.opcode": "infiniband.bth.opcode",
    "bth.se": "infiniband.bth.se",
    "bth.migreq": "infiniband.bth.m",
    "bth.pad": "infiniband.bth.padcnt",
    "bth.tver": "infiniband.bth.tver",
    "bth.pkey": "infiniband.bth.p_key",
    "bth.dqpn": "infiniband.bth.destqp",
    "bth.ackreq": "infiniband.bth.a",
    "bth.psn": "infiniband.bth.psn",
    "deth.qkey": "infiniband.deth.q_key",
    "deth.sqpn": "infiniband.deth.srcqp",
    "reth.va": "infiniband.reth.va",
    "reth.rkey": "infiniband.reth.r_key",
    "reth.len": "infiniband.reth.dmalen",
    "atomiceth.va": "infiniband.reth.va",
    "atomiceth.rkey": "infiniband.reth.r_key",
    "atomiceth.swap_add": "infiniband.atomiceth.swapdt",
    "atomiceth.compare": "infiniband.atomiceth.cmpdt",
    "aeth.kind": "infiniband.aeth.syndrome.opcode",
    "aeth.value": ("infiniband.aeth.syndrome.credit_count",
                   "infiniband.aeth.syndrome.timer",
                   "infiniband.aeth.syndrome.error_code"),
    "aeth.msn": "infiniband.aeth.msn",
    "atomicack.orig": "infiniband.atomicacketh.origremdt",
    "immdt.imm": "infiniband.immdt",
    "ieth.rkey": "infiniband.ieth",
    "payload": "data.data",
    "icrc": "infiniband.invariant.crc",
}
IN_HEX = {"immdt.imm", "ieth.rkey"}
EXTRA = ["infiniband.vendor", "infiniband.reserved", "vxlan.vni",
         "ip.checksum.status", "udp.checksum.status", "_ws.malformed",
         "_ws.expert.message"]


def fields_of(key):
    fields = TSHARK[key]
    return (fields,) if isinstance(fields, str) else fields


def tshark(*args):
    """tshark with its factory settings, whatever the user's are."""
    with tempfile.TemporaryDirectory() as home:
        return subprocess.run(
            ["tshark", *args], check=True, text=True,
            env={"HOME": home, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def tshark_ecn_fields():
    """Names that a tshark without GAPS' first row would have."""
    return re.findall(r"\tinfiniband\.bth\.\S*(?:fecn|becn)\t",
                      tshark("-G", "fields"))


def tshark_rows(path):
    """One {field: set of its values} per frame.

    RPC over RDMA is off because its heuristic claims any short SEND.
    """
    fields = sorted({f for key in TSHARK for f in fields_of(key)} | set(EXTRA))
    out = tshark("-r", path, "--disable-protocol", "rpcordma",
                 "-o", "ip.check_checksum:TRUE",
                 "-o", "udp.check_checksum:TRUE", "-T", "fields",
                 *[arg for f in fields for arg in ("-e", f)])
    for line in out.splitlines():
        cells = line.split("\t")
        yield {f: set(cell.split(",")) - {""}
               for f, cell in zip(fields, cells)}


def number(text, base):
    """tshark before 4.2 writes a flag as 0 or 1, later ones as False or True."""
    flags = {"False": 0, "True": 1}
    return flags[text] if text in flags else int(text, base)


def tshark_sees(frame, row):
    """The keys that tshark decodes, in the form of frame.told."""
    seen = {}
    for key in frame.told:
        texts = set().union(*[row[f] for f in fields_of(key)]
                            if key in TSHARK else [])
        if not texts:
            continue
        text = " or ".join(sorted(texts))
        if key != "payload" and len(texts) == 1:
            seen[key] = number(text, 16 if key in IN_HEX else 0)
        else:
            seen[key] = text
    return seen


# --- scapy --------------------------------------------------------------------

SCAPY_BTH = {
    "bth.opcode": "opcode", "bth.se": "solicited", "bth.migreq": "migreq",
    "bth.pad": "padcount", "bth.tver": "version", "bth.pkey": "pkey",
    "bth.fecn": "fecn", "bth.becn": "becn", "bth.dqpn": "dqpn",
    "bth.ackreq": "ackreq", "bth.psn": "psn",
}


def scapy_sees(frame):
    bth = Ether(frame.raw)[roce.BTH]
    behind = bth.payload
    seen = {key: getattr(bth, name) for key, name in SCAPY_BTH.items()}
    computed = bth.compute_icrc(None)
    if computed != bytes(4):
        seen["icrc"] = int.from_bytes(computed, "big")
    if isinstance(behind, roce.AETH):
        seen["aeth.kind"] = behind.syndrome >> 5
        seen["aeth.value"] = behind.syndrome & 31
        seen["aeth.msn"] = behind.msn
    elif isinstance(behind, roce.CNPPadding):
        seen["payload"] = f"{behind.reserved1:016x}{behind.reserved2:016x}"
    elif not isinstance(behind, (Raw, NoPayload)):
        for key in frame.told.keys() - seen.keys():
            seen[key] = f"something in {behind.name}"
    return seen


# --- the test -----------------------------------------------------------------

class Score:
    def __init__(self):
        self.passed = self.failed = 0
        self.pinned = {tool for tool in PINNED if is_pinned(tool)}

    def expect(self, got, want, frame, what):
        if got == want:
            self.passed += 1
            return
        self.failed += 1
        name = f"frame {frame.number} ({frame.told['name']}): " if frame else ""
        print(f"FAIL {name}{what}: got {got!r}, expected {want!r}")


def shown(value):
    return f"{value:#x}" if isinstance(value, int) else value


def check_tool(score, tool, frame, seen):
    """Each key of what went in: either the tool agrees, or it is blind."""
    for key, want in frame.told.items():
        if key in ("name", "ip", "vxlan"):
            continue
        if is_gap(tool, frame, key) and (tool in score.pinned or
                                         key not in seen):
            score.expect(shown(seen.get(key)), None, frame,
                         f"{tool} has learnt {key}, take it out of GAPS")
        else:
            score.expect(shown(seen.get(key)), shown(want), frame,
                         f"{tool} on {key}")


def check_tshark(score, frame, row):
    unknown = opcode(frame) in TSHARK_UNKNOWN
    vendor = {behind_bth(frame).hex()} if unknown else set()
    statuses = row["ip.checksum.status"] | row["udp.checksum.status"]

    check_tool(score, "tshark", frame, tshark_sees(frame, row))
    shown_raw = {v for v in row["infiniband.vendor"] if len(v) > 8}
    if "tshark" in score.pinned or shown_raw:
        score.expect(shown_raw, vendor, frame,
                     "tshark on bytes of an unknown opcode")
    score.expect(f"{frame.raw[frame.data + 4]:02x}" in
                 row["infiniband.reserved"], True, frame,
                 "tshark on the byte of FECN and BECN")
    score.expect(statuses, {"1"}, frame, "tshark on IP and UDP checksums")
    score.expect(row["vxlan.vni"],
                 {str(VNI)} if frame.told["vxlan"] else set(), frame,
                 "tshark on the VNI")
    score.expect(row["_ws.malformed"] | row["_ws.expert.message"], set(),
                 frame, "tshark complains")


def check_standard(score, frame):
    """What falls into a gap, and the ICRC of all."""
    told, raw = frame.told, frame.raw
    score.expect(raw[frame.data + 4],
                 FECN_BECN[told["bth.fecn"], told["bth.becn"]], frame,
                 "byte of FECN and BECN")
    score.expect(raw[-4:].hex(),
                 icrc(raw[frame.ip:frame.data - 8],
                      raw[frame.data - 8:-4]).hex(), frame, "ICRC")
    if opcode(frame) in BEHIND_BTH:
        syndrome = SYNDROME[told["ip"], told["vxlan"]]
        want = BEHIND_BTH[opcode(frame)].format(syndrome=syndrome)
        score.expect(behind_bth(frame)[:-4].hex(), want.replace(" ", ""),
                     frame, "bytes behind the BTH")


def check_own_icrc(score):
    """icrc() itself on vectors of others: scapy's test/contrib/roce.uts."""
    v4 = bytes.fromhex("45010040047840004011b4d5c0a80007c0a80007")
    v6 = bytes.fromhex("6e21face002c11ff20220000000000000000000000001023"
                       "20230000000000000000000000001024")
    udp_on = bytes.fromhex("c00012b7002caca22460ffff000000d300cf1710"
                           "4630818be28935d90e9a95505401be885e500000")
    score.expect(icrc(v4, udp_on).hex(), "78f353f3", None, "scapy on IPv4")
    score.expect(icrc(v6, udp_on).hex(), "3e5b743b", None, "scapy on IPv6")


def whole_payload(told):
    """Both tools count the pad to the payload.  None if there is neither."""
    return told["payload"] + "00" * told["bth.pad"] or None


def read_frames(program, path):
    """Runs @program; the frames of its capture with what it says of them."""
    out = subprocess.run([program, path], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    raws = [raw for raw, _ in RawPcapReader(path)]
    for number, (line, raw) in enumerate(zip(out.splitlines(), raws,
                                             strict=True), 1):
        told = json.loads(line)
        ip = 14 + (VXLAN_STACK if told["vxlan"] else 0)
        data = ip + (20 if told["ip"] == 4 else 40) + 8
        told["payload"] = whole_payload(told)
        told["icrc"] = int.from_bytes(raw[-4:], "big")
        yield Frame(number, told, raw, ip, data)


def main(program):
    score = Score()
    check_own_icrc(score)
    if "tshark" in score.pinned:
        score.expect(tshark_ecn_fields(), [], None,
                     "tshark has learnt FECN and BECN, add them to TSHARK")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/frames.pcap"
        frames = list(read_frames(program, path))
        rows = list(tshark_rows(path))
    score.expect([opcode(f) for f in frames[::4]], OPCODES, None, "opcodes")
    for frame, row in zip(frames, rows, strict=True):
        check_tshark(score, frame, row)
        check_tool(score, "scapy", frame, scapy_sees(frame))
        check_standard(score, frame)
    print(f"{score.passed} passed, {score.failed} failed")
    return 1 if score.failed or not frames else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: oracle_test.py FRAMES", file=sys.stderr)
        sys.exit(2)
    if not shutil.which("tshark"):
        print("oracle_test: no tshark (Debian: tshark)", file=sys.stderr)
        sys.exit(77)
    sys.exit(main(sys.argv[1]))
