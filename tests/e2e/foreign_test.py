#!/usr/bin/python3
"""Captures as others make them: foreign_test.py [BUILD]

The captures of soft-RoCE in pcaps/, as other NICs would have sent the packets
and other sniffers would have written them.  Whatever changes, nobody may be
blamed for what the sniffer did, and glassnic for nothing at all.
"""

import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import zlib

import frames as fr
from support import Score

PCAPS = "pcaps"
LIMIT = 120  # seconds
NAMES = "rc_read", "rdma_cm", "rnr", "pingpong_rc", "rxe_uc", "pingpong_ud"
BTH = fr.ETH + fr.IPV4 + fr.UDP
ACK, READ_REQUEST, SEND_ONLY = 0x11, 0x0c, 0x04


class Tool:
    def __init__(self, build, folder):
        self.glassnic, self.folder = os.path.join(build, "glassnic"), folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words):
        return subprocess.run([self.glassnic, *words], capture_output=True,
                              text=True, timeout=LIMIT)

    def tallies(self, path):
        """What replay counts for each flow and side, and what is wrong."""
        done = self.run("replay", path)
        found = re.findall(r"^flow \d+: .*? as (\w+) of .*?: "
                           r"(\d+ played, .*)$", done.stdout, re.M)
        wrong = "" if done.returncode == 0 else \
            f"replay exits {done.returncode}: {done.stdout[-600:]}" \
            f"{done.stderr[-300:]}"
        return sorted(found), wrong

    def violations(self, path):
        done = self.run("decode", "--check", path)
        wrong = "" if done.returncode in (0, 1) else \
            f"decode exits {done.returncode}: {done.stderr[-300:]}"
        return sorted(re.findall(r"^frame \d+: rule (\S+)", done.stdout,
                                 re.M)), wrong

    def account(self, *words):
        done = self.run(*words)
        return done.stdout + done.stderr


def pcap(name):
    return f"{PCAPS}/{name}.pcap"


def roce_of(name):
    """Pairs of nanoseconds and frame, IPv4 only."""
    return [(t, f) for t, f in fr.read_pcap(pcap(name)) if fr.is_roce(f)]


# ---- frames of other NICs ----

def with_ip(frame, offset, new):
    at = fr.ETH + offset
    return fr.seal(frame[:at] + new + frame[at + len(new):])


def bits(frame, offset, value):
    return fr.change(frame, offset, bytes([frame[BTH + offset] | value]))


def source_port(frame):
    """By a hash of destination and QPN, as some do it."""
    at = fr.ETH + fr.IPV4
    port = 0xc000 | zlib.crc32(frame[at - 4:at] + frame[BTH + 5:BTH + 8]) & \
        0x3fff
    return fr.seal(frame[:at] + struct.pack(">H", port) + frame[at + 2:])


def udp_checksum(frame):
    at = fr.ETH + fr.IPV4
    udp = frame[at:at + 6] + b"\0\0" + frame[at + 8:]
    pseudo = frame[at - 8:at] + b"\0\x11" + struct.pack(">H", len(udp))
    return frame[:at + 6] + fr.checksum(pseudo + udp + b"\0" *
                                        (len(udp) % 2)) + frame[at + 8:]


def in_ipv6_vxlan(frame):
    return fr.in_vxlan(fr.in_ipv6(frame))


def old_vxlan(frame):
    frame = fr.in_vxlan(frame)
    at = fr.ETH + fr.IPV4 + 2
    return frame[:at] + struct.pack(">H", 8472) + frame[at + 2:]


def tags(*tpids):
    def wrap(frame):
        return frame[:12] + b"".join(
            struct.pack(">HH", tpid, 5) for tpid in tpids) + frame[12:]
    return wrap


# What a side may do as it likes: the tallies are the same, but for words.
NICS = {
    "DSCP 26, ECT(0)": lambda f: with_ip(f, 1, b"\x6a"),
    "marked by a switch": lambda f: with_ip(f, 1, b"\x03"),
    "routed": lambda f: with_ip(f, 8, b"\x3e"),
    "no IP identification": lambda f: with_ip(f, 4, b"\0\0"),
    "hashed source ports": source_port,
    "UDP checksums": udp_checksum,
    "MigReq": lambda f: bits(f, 1, 0x40),
    "bits beside BECN": lambda f: bits(f, 4, 0x10),
    "FECN": lambda f: bits(f, 4, 0x80),
    "frames with FCS": lambda f: f + b"\x12\x34\x56\x78",
    "short frames padded": lambda f: f + bytes(max(0, 64 - len(f))),
    "802.1ad and 802.1Q": tags(0x88a8, 0x8100),
    "QinQ of old": tags(0x9100, 0x8100),
    "VXLAN on port 8472": old_vxlan,
    "IPv6 in VXLAN": in_ipv6_vxlan,
}

FREE = re.compile(r"legal .*?(?:\)|\d)(?=, loss)")


def without_freedoms(tallies):
    return [(side, FREE.sub("legal", text)) for side, text in tallies]


def other_nics(score, tool):
    for name in NAMES:
        plain = roce_of(name)
        if not plain:
            continue
        path = fr.write_pcap(tool.path("plain.pcap"), plain)
        want, rules = tool.tallies(path)[0], tool.violations(path)[0]
        for what, change in NICS.items():
            path = fr.write_pcap(tool.path("nic.pcap"),
                                 [(t, change(f)) for t, f in plain])
            got, wrong = tool.tallies(path)
            if not wrong and without_freedoms(got) != without_freedoms(want):
                wrong = f"{got}, not {want}"
            found, failed = tool.violations(path)
            if not wrong and found != rules:
                wrong = failed or f"violations {found}, not {rules}"
            score.check(f"{name}: {what}", wrong)


# ---- other sniffers ----

def twice(nsec):
    return lambda frames: [x for t, f in frames
                           for x in ((t, f), (t + nsec, f))]


def garbage(frames):
    rnd, out = random.Random(6), []
    for t, f in frames:
        body = rnd.randbytes(rnd.randrange(200))
        udp = struct.pack(">HHHH", 4000, fr.ROCE_PORT, 8 + len(body), 0)
        ip = struct.pack(">BBHHHBBH8s", 0x45, 0, 28 + len(body), 0, 0x4000,
                         64, 17, 0, f[26:34])
        ip = ip[:10] + fr.checksum(ip) + ip[12:]
        out += [(t, f), (t, f[:fr.ETH] + ip + udp + body), (t, f[:20]),
                (t, b""), (t, f[:12] + b"\x08\x06" + bytes(28))]
    return out


def congestion(frames):
    """CNPs to QPs that there are, and to others."""
    out = []
    for n, (t, f) in enumerate(frames):
        qpn = int.from_bytes(f[BTH + 5:BTH + 8], "big") + n % 2
        cnp = struct.pack(">BBHII", 0x81, 0, 0xffff, 0x40000000 | qpn, 0)
        out += [(t, f), (t + 300, fr.packet((f[30:34], f[26:30]), cnp,
                                            bytes(16)))]
    return out


def jitter(frames):
    rnd = random.Random(5)
    return [(t + rnd.randrange(-3000000, 3000000), f) for t, f in frames]


SNIFFERS = {
    "on both ports of a bridge": (twice(3000), 65535),
    "on both ports of a slow one": (twice(80000), 65535),
    "without a clock": (lambda frames: [(0, f) for _, f in frames], 65535),
    "with a coarse clock": (lambda frames: [(t // 10**7 * 10**7, f)
                                            for t, f in frames], 65535),
    "with a clock that jumps": (jitter, 65535),
    "that keeps 128 bytes": (list, 128),
    "that keeps 96 bytes": (list, 96),
    "that keeps 60 bytes": (list, 60),
    "that keeps 40 bytes": (list, 40),
    "with garbage between": (garbage, 65535),
    "in a congested network": (congestion, 65535),
}
# Of what such a sniffer shows, this is right to say.
MAY_SAY = {"with garbage between": {"icrc", "length", "ip-length"}}


def other_sniffers(score, tool):
    for name in NAMES:
        plain = roce_of(name)
        if not plain:
            continue
        rules = set(tool.violations(fr.write_pcap(tool.path("plain.pcap"),
                                                  plain))[0])
        for what, (change, snaplen) in SNIFFERS.items():
            path = fr.write_pcap(tool.path("sniffer.pcap"), change(plain),
                                 fr.ETHERNET, snaplen)
            _, wrong = tool.tallies(path)
            found, failed = tool.violations(path)
            more = set(found) - rules - MAY_SAY.get(what, set())
            if not wrong and (failed or more):
                wrong = failed or f"somebody is blamed: {more}"
            score.check(f"{name}, a sniffer {what}", wrong)


def rocev1(frame):
    data = frame[BTH:]
    grh = struct.pack(">IHBB", 6 << 28, len(data), 27, 64) + bytes(32)
    return frame[:12] + b"\x89\x15" + grh + data


def fragments(frame):
    out, body = [], frame[fr.ETH + fr.IPV4:]
    for at in range(0, len(body), 512):
        part = body[at:at + 512]
        more = at + 512 < len(body)
        ip = frame[fr.ETH:fr.ETH + 2] + struct.pack(
            ">HHHBBH", 20 + len(part), 7, more << 13 | at // 8, 64, 17, 0) + \
            frame[fr.ETH + 12:fr.ETH + 20]
        ip = ip[:10] + fr.checksum(ip) + ip[12:]
        out.append(frame[:fr.ETH] + ip + part)
    return out


def accounts(score, tool):
    """What cannot be used is said to be that."""
    plain = roce_of("rc_read")
    cases = {
        "RoCEv1": ([(t, rocev1(f)) for t, f in plain], 65535,
                   f"none of {len(plain)} frames has RoCEv2.*; {len(plain)} "
                   r"frames are RoCEv1"),
        "fragments": ([(t, part) for t, f in plain for part in fragments(f)],
                      65535, r"\d+ frames are fragments of IP packets"),
        "nothing": ([], 65535, "none of 0 frames has RoCEv2"),
    }
    for what, (frames, snaplen, words) in cases.items():
        path = fr.write_pcap(tool.path("odd.pcap"), frames, fr.ETHERNET,
                             snaplen)
        for command in (["replay"], ["decode", "--check"]):
            said = tool.account(*command, path)
            score.check(f"{what}, {command[0]}",
                        "" if re.search(words, said) else said)
    path = fr.write_pcap(tool.path("odd.pcap"), plain, fr.ETHERNET, 50)
    said = tool.account("replay", path)
    score.check("cut within the headers", "" if "cut by the sniffer within "
                "their headers" in said and "damaged" not in said else said)


# ---- files ----

def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(order, interfaces, frames):
    """@interfaces: link type, snaplen, digits of a second; @frames: interface,
    nanoseconds, frame.
    """
    data = block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1,
                                                0, -1))
    for link, snaplen, digits in interfaces:
        data += block(order, 1, struct.pack(order + "HHIHHB3xHH", link, 0,
                                            snaplen, 9, 1, digits, 0, 0))
    for i, nsec, frame in frames:
        _, snaplen, digits = interfaces[i]
        time = nsec * 10**digits // 10**9
        kept = frame[:snaplen]
        data += block(order, 6, struct.pack(
            order + "IIIII", i, time >> 32, time & 0xffffffff, len(kept),
            len(frame)) + kept)
    return data


def files(score, tool):
    """Interfaces that have nothing in common, one after the other."""
    plain = roce_of("rdma_cm")
    want, _ = tool.tallies(fr.write_pcap(tool.path("plain.pcap"), plain))
    interfaces = (fr.ETHERNET, 65535, 6), (fr.LINUX_SLL, 262144, 9), \
        (fr.LINUX_SLL2, 2000, 9), (fr.RAW, 9000, 6), (147, 100, 3)
    shapes = list, fr.cooked, fr.cooked2, lambda f: f[fr.ETH:], list
    for order, name in ("<", "little"), (">", "big"):
        mixed = [(n % 4, t, bytes(shapes[n % 4](f)))
                 for n, (t, f) in enumerate(plain)]
        mixed.insert(3, (4, 0, b"whatever"))
        path = tool.path("mixed.pcapng")
        with open(path, "wb") as f:
            f.write(pcapng(order, interfaces, mixed))
        got, wrong = tool.tallies(path)
        if not wrong and got != want:
            wrong = f"{got}, not {want}"
        score.check(f"interfaces of five kinds, {name}-endian", wrong)
        said = tool.account("decode", path)
        score.check(f"and what is not read is said, {name}-endian",
                    "" if "1 frames have link type 147" in said else said)
    with open(tool.path("x.gz"), "wb") as f:
        f.write(b"\x1f\x8b\x08" + bytes(20))
    for command in "replay", "decode":
        said = tool.account(command, tool.path("x.gz"))
        score.check(f"a compressed file, {command}",
                    "" if "unpack it first" in said else said)


# ---- who is blamed ----

def altered(tool, name, change):
    """@change gets the frames that came before, and the next; returns it."""
    out = []
    for t, f in roce_of(name):
        out.append((t, change(out, f)))
    return fr.write_pcap(tool.path("altered.pcap"), out)


def psn_of(frame):
    return int.from_bytes(frame[BTH + 9:BTH + 12], "big")


def with_psn(frame, psn):
    return fr.change(frame, 9, (psn & 0xffffff).to_bytes(3, "big"))


def overlap(before, frame):
    """The SEND after a READ of two packets takes the READ's second PSN."""
    if frame[BTH] == SEND_ONLY and before and any(
            f[BTH] == READ_REQUEST and psn_of(f) == psn_of(frame) - 2 and
            f[26:34] == frame[26:34] for _, f in before):
        return with_psn(frame, psn_of(frame) - 1)
    return frame


def of_before(before, frame):
    """The first ACK is for what was before the connection."""
    acks = [f for _, f in before if f[BTH] == ACK]
    return frame if acks or frame[BTH] != ACK else \
        with_psn(frame, psn_of(frame) - 1)


def blamed(score, tool):
    path = altered(tool, "rping", overlap)
    rules, _ = tool.violations(path)
    score.check("a SEND within a READ's PSNs", "" if "psn-overlap" in rules
                else f"{rules}")
    score.check("which is no fault of glassnic's", tool.tallies(path)[1])
    path = altered(tool, "rping", of_before)
    rules, _ = tool.violations(path)
    score.check("an ACK from before the connection",
                "" if "ack-unsent" in rules else f"{rules}")
    score.check("which is no fault of glassnic's, either",
                tool.tallies(path)[1])


def one_port(frame):
    at = fr.ETH + fr.IPV4
    return fr.seal(frame[:at] + b"\xc0\0" + frame[at + 2:])


def pairs(score, tool):
    """QPs that all begin at PSN 0, and are answered twice."""
    plain = roce_of("nccl_tree")
    want, wrong = tool.tallies(pcap("nccl_tree"))
    said = tool.account("replay", pcap("nccl_tree"))
    if not wrong and (len(want) != 8 or "not played" in said or
                      "left out" in said):
        wrong = said
    score.check("all are paired", wrong)
    for what, change in ("no hint", one_port), ("a wrong one", source_port):
        got, wrong = tool.tallies(fr.write_pcap(
            tool.path("ports.pcap"), [(t, change(f)) for t, f in plain]))
        if not wrong and got != want:
            wrong = f"{got}, not {want}"
        score.check(f"where ports give {what}", wrong)


def between_two(frames, qpns, begin):
    """The same between 10.0.0.1 and 10.0.0.2, with QPNs of its own."""
    first, start = frames[0][1], frames[0][0]
    psn = psn_of(first)
    for t, f in frames:
        ends = b"\x0a\0\0\1\x0a\0\0\2"
        if f[26:30] != first[26:30]:
            ends = ends[4:] + ends[:4]
        f = f[:26] + ends + f[34:BTH + 5] + bytes([qpns]) + f[BTH + 6:]
        yield begin + t - start, one_port(with_psn(f, psn_of(f) - psn))


def together(score, tool):
    """Several at once from PSN 0 on, with one port, of which much is lost: who
    answers whom is a riddle, but no answer to it is glassnic's fault.
    """
    all_of = {name: roce_of(name) for name in
              ("rc_read", "rnr", "rc_psn_wrap", "rdma_send_bw", "rc_atomic",
               "rdma_read_bw", "nak_bad_rkey_read")}
    may_say = {"nak-seq-rnr", "after-fatal"}  # it is in the captures
    wrong = ""
    for seed in range(60):
        rnd = random.Random(seed)
        frames = [x for k in range(rnd.randrange(2, 7)) for x in between_two(
            all_of[rnd.choice(sorted(all_of))], k,
            10**18 + rnd.randrange(3000000))]
        loss = rnd.choice((0, 0.02, 0.1, 0.3))
        kept = sorted(f for f in frames if rnd.random() >= loss)
        path = fr.write_pcap(tool.path("together.pcap"),
                             kept[rnd.randrange(20):])
        wrong = wrong or tool.tallies(path)[1]
        rules, failed = tool.violations(path)
        if failed or set(rules) - may_say:
            wrong = wrong or f"seed {seed}: {failed or rules}"
    score.check("several connections alike, with loss", wrong)


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    score = Score()
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(build, folder)
        for suite in (other_nics, other_sniffers, accounts, files, blamed,
                      pairs, together):
            suite(score, tool)
    score.finish()


if __name__ == "__main__":
    main()
