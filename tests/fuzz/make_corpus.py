#!/usr/bin/python3
"""Makes inputs for the fuzzers to start from: make_corpus.py FRAMES OUT

From pcaps/, tests/drill/, and the frames of the program FRAMES
(tests/oracle/frames.c); each target NAME gets a folder OUT/NAME, in the format that tests/fuzz/NAME_fuzz.c
reads.  The same sources give the same files.
"""

import glob
import os
import random
import struct
import subprocess
import sys
import tempfile

ROCE_PORT, VXLAN_PORT = 4791, 4789
FRAMES_OF_ONE_CAPTURE = 24


def pcap_frames(data):
    """Frames of a classic capture of Ethernet."""
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") \
        else ">"
    at = 24
    while at + 16 <= len(data):
        kept = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        yield data[at + 16:at + 16 + kept]
        at += 16 + kept


def ip_of(frame):
    """The IP packet in @frame, or nothing."""
    kind = struct.unpack(">H", frame[12:14])[0]
    return frame[14:] if kind in (0x0800, 0x86dd) else b""


def udp_of(packet):
    """Destination port and payload of a UDP packet, or nothing."""
    if not packet:
        return 0, b""
    head = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
    protocol = packet[9] if packet[0] >> 4 == 4 else packet[6]
    if protocol != 17 or len(packet) < head + 8:
        return 0, b""
    return struct.unpack(">H", packet[head + 2:head + 4])[0], packet[head + 8:]


def roce_of(frame):
    """The UDP payload of a RoCEv2 frame without its ICRC, or nothing."""
    port, data = udp_of(ip_of(frame))
    if port == VXLAN_PORT:
        port, data = udp_of(ip_of(data[8:]))
    return data[:-4] if port == ROCE_PORT else b""


def pcapng(frames):
    """Section header, interface of Ethernet, one enhanced packet a frame."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + size + body + size

    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    out += block(1, struct.pack("<HHI", 1, 0, 0))
    for i, frame in enumerate(frames):
        out += block(6, struct.pack("<IIIII", 0, 0, i, len(frame),
                                    len(frame)) + frame)
    return out


ARP = bytes.fromhex("0001080006040001020000000002"
                    "0a000002" "000000000000" "0a000001")
ETH = bytes.fromhex("020000000001" "020000000002")
SOLICIT = bytes.fromhex("8700000000000000" "fe80000000000000"
                        "0000000000000001" "0101020000000002")
ADVERTISE = bytes.fromhex("8800000060000000" "fe80000000000000"
                          "0000000000000001" "0201020000000002")
VXLAN = bytes.fromhex("0800000000000700")
PING = bytes.fromhex("0800000000010001") + b"ping of some length"


def ipv6(protocol, payload, hops=255):
    return (bytes.fromhex("60000000") + struct.pack(">HBB", len(payload),
                                                    protocol, hops)
            + bytes.fromhex("fe80000000000000" "0000000000000002"
                            "fe80000000000000" "0000000000000001") + payload)


def ipv4(protocol, payload):
    return (struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0x4000, 64,
                        protocol, 0)
            + bytes([10, 0, 0, 2, 10, 0, 0, 1]) + payload)


def our_frames():
    """What an Ethernet host answers."""
    yield ETH + b"\x08\x06" + ARP
    yield ETH + b"\x08\x06" + ARP[:7] + b"\x02" + ARP[8:]
    yield ETH + b"\x86\xdd" + ipv6(58, SOLICIT)
    yield ETH + b"\x86\xdd" + ipv6(58, ADVERTISE)
    yield ETH + b"\x86\xdd" + ipv6(58, b"\x80" + PING[1:])
    yield ETH + b"\x08\x00" + ipv4(1, PING)
    yield ETH + b"\x81\x00\x00\x05\x08\x00" + ipv4(1, PING)


def ud_packet():
    """A datagram to the target's UD QP; the target fills in its number."""
    bth = bytes([0x64, 0x40, 0xff, 0xff]) + bytes(8)
    deth = struct.pack(">II", 5, 9)
    data = bth + deth + bytes(16) + bytes(4)
    return struct.pack(">HHHH", 0xc000, ROCE_PORT, 8 + len(data), 0) + data


def stack_input(frames, options):
    """A receive for every queue, then the frames, each as step 0."""
    out = bytes(options)
    for queue in range(4):
        out += bytes([7, queue]) + struct.pack("<H", 4000)
    for frame in frames:
        out += bytes([0, 0x0f, 0x02]) + struct.pack("<H", 8 + len(frame))
        out += VXLAN + frame
        out += bytes([6, 2])  # something of our own
    return out


def dissect_input(frames, linktype=0, flags=0):
    out = bytes([linktype, 80])
    for frame in frames:
        frame = frame[:0x3fff]
        out += struct.pack("<HH", len(frame) | flags << 14, 10) + frame
        if flags & 2:
            out += b"\x20\x00"
    return out


def engine_inputs(rnd):
    """Every type of QP in every state, and steps by a seed."""
    for kind in range(6):
        for state in range(7):
            for variant in range(2):
                head = bytes([kind, state, variant, rnd.randrange(256),
                              variant])
                yield (f"{kind}{state}{variant}",
                       head + rnd.randbytes(300 + 300 * variant))


SPECS = [
    "", "name=glass0,port=udp,ip=127.0.0.1/8,mtu=1500,foreign=yes",
    "port=vxlan,vni=100,local=127.0.0.1,remote=127.0.0.2,remote=127.0.0.3,"
    "ip=10.7.0.1/24,gateway=10.7.0.254,mac=02:00:00:00:00:01,vlan=5,learn=no,"
    "ageing=10", "ip=fe80::1/64,seed=7,rcvbuf=65536,migreq=no,credits=no,"
    "lids=yes;name=b,max_qp=5,max_cqe=16,max_msg_size=4096", "mtu=auto;;",
    "max_cq=1,max_mr=1,max_srq=1,max_qp_wr=1,max_srq_wr=1,max_sge=256,"
    "max_inline=0,max_rd_atomic=255", "prot=udp", "ip=1.2.3", "vni=16777216",
]


RULES = [
    "drop psn=7 once", "drop out opcode=ACKNOWLEDGE every 3",
    "hold in opcode=READ_RESPONSE_MIDDLE for 2ms", "mark next 10",
    "blackhole for 300ms after 1s", "dup chance 0.5", "loss 0.05",
    "corrupt chance 0.5 bits=3 icrc=fixed", "reorder chance 0.5",
    "truncate to 40 opcode=SEND_ONLY next 1", "rate 100Mbit limit=64KiB",
    "delay 1ms jitter=200us", "drop psn=+3 dqpn=5 skip 2 # a comment",
    "drop opcod=3", "in out drop",
]


MARKUP = [
    b"a.pcapng", b"<script>alert('x')</script>&amp;", b'" onload="x',
    "\u00e4 \u20ac \U0001f50d".encode(), b"\xff\xc0\xbc\xed\xa0\x80\xc3",
    b"\x01\x1b[m\n\t", b"]]>--><!--",
]


class Corpus:
    def __init__(self, out):
        self.out = out

    def put(self, target, name, data):
        folder = os.path.join(self.out, target)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


def put_frame(corpus, name, frame):
    """One frame, for all who look at one."""
    packet, roce = ip_of(frame), roce_of(frame)
    corpus.put("eth", name, frame)
    if packet:
        corpus.put("ip", name, b"\0" + packet)
    if roce:
        corpus.put("roce", name, b"\x60" + roce)


def put_capture(corpus, name, data):
    frames = list(pcap_frames(data))[:FRAMES_OF_ONE_CAPTURE]
    corpus.put("capture", name, data[:16000])
    corpus.put("capture", name + "ng", pcapng(frames[:8]))
    corpus.put("capfile", name, data[:16000])
    corpus.put("capfile", name + "ng", pcapng(frames[:8]))
    corpus.put("dissect", name, dissect_input(frames))
    corpus.put("replay", name, dissect_input(frames, flags=1))
    corpus.put("dissect", name + "-cut",
               dissect_input([f[:80] for f in frames], flags=3))
    corpus.put("dissect", name + "-ip",
               dissect_input([ip_of(f) for f in frames if ip_of(f)], 2, 1))
    corpus.put("stack", name, stack_input([f for f in frames[:6]
                                           if len(f) < 1400], (1, 0)))
    for i, frame in enumerate(frames[:12]):
        put_frame(corpus, f"{name}-{i}", frame)


def main():
    program, out = sys.argv[1:]
    corpus = Corpus(out)
    rnd = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "frames.pcap")
        subprocess.run([program, path], check=True, stdout=subprocess.DEVNULL)
        with open(path, "rb") as f:
            frames = list(pcap_frames(f.read()))
    for path in sorted(glob.glob("pcaps/*.pcap")):
        with open(path, "rb") as f:
            put_capture(corpus, os.path.basename(path)[:-5], f.read())
    for path in sorted(glob.glob("pcaps/*.pcapng")):
        with open(path, "rb") as f:
            corpus.put("capture", os.path.basename(path), f.read()[:16000])
    for path in sorted(glob.glob("pcaps/*.expect")):
        with open(path, "rb") as f:
            corpus.put("expect", os.path.basename(path), f.read())
    corpus.put("expect", "count", b"# a\npsn-skip x3\n\nicrc 4\npsn-skip 4\n")
    for i, frame in enumerate(frames):
        put_frame(corpus, f"frame-{i}", frame)
    for i in range(0, len(frames), 16):
        corpus.put("dissect", f"frames-{i}", dissect_input(frames[i:i + 16]))
        corpus.put("replay", f"frames-{i}",
                   dissect_input(frames[i:i + 16], flags=1))
    ours = list(our_frames())
    for i, frame in enumerate(ours):
        put_frame(corpus, f"ours-{i}", frame)
    for i, data in enumerate([ARP, SOLICIT, ADVERTISE, VXLAN,
                              b"02:00:5e:00:00:fF"]):
        corpus.put("eth", f"body-{i}", data)
    udp = ETH + b"\x08\x00" + ipv4(17, ud_packet())
    for flows in range(0, 256, 23):
        corpus.put("stack", f"flows-{flows}",
                   stack_input(ours + [udp, udp], (flows, flows)))
    for i, text in enumerate(SPECS):
        corpus.put("spec", str(i), text.encode())
    for i, text in enumerate(MARKUP):
        corpus.put("markup", str(i), text)
    for path in glob.glob("tests/drill/**/*.drill", recursive=True):
        with open(path, "rb") as f:
            corpus.put("drill", os.path.basename(path)[:-6], f.read())
    for i, rule in enumerate(RULES):
        corpus.put("impair", str(i), rule.encode() + b"\n" + RULES[
            (i * 7 + 3) % len(RULES)].encode() + b"\0" + rnd.randbytes(200))
    for i in range(16):
        corpus.put("cm", str(i), rnd.randbytes(200 + 50 * i))
    for name, data in engine_inputs(rnd):
        corpus.put("engine", name, data)
    for i in range(8):
        corpus.put("hub", str(i), rnd.randbytes(100 + 100 * i))


if __name__ == "__main__":
    main()
