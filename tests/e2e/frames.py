"""Captures as lists of frames, to be changed and written again."""

import struct
import zlib

ETHERNET, RAW, LINUX_SLL, LINUX_SLL2 = 1, 101, 113, 276
ETH, IPV4, IPV6, UDP = 14, 20, 40, 8
ROCE_PORT, VXLAN_PORT = 4791, 4789


def read_pcap(path):
    """Pairs of nanoseconds and an Ethernet frame, of a classic capture."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[0] in (0xd4, 0x4d) else ">"
    unit = 1 if struct.unpack(order + "I", data[:4])[0] == 0xa1b23c4d else 1000
    at, frames = 24, []
    while at < len(data):
        sec, part, kept, _ = struct.unpack(order + "IIII", data[at:at + 16])
        frames.append((sec * 10**9 + part * unit,
                       data[at + 16:at + 16 + kept]))
        at += 16 + kept
    return frames


def read_pcapng(path):
    """The same of a capture that a NIC of glassnic's has written."""
    with open(path, "rb") as f:
        data = f.read()
    at, frames = 0, []
    while at + 12 <= len(data):
        kind, size = struct.unpack_from("=II", data, at)
        if kind == 6:  # enhanced packet; its clock counts nanoseconds
            high, low, kept = struct.unpack_from("=III", data, at + 12)
            frames.append((high << 32 | low, data[at + 28:at + 28 + kept]))
        at += size
    return frames


def write_pcap(path, frames, linktype=ETHERNET, snaplen=65535):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535,
                            linktype))
        for nsec, frame in frames:
            f.write(struct.pack("<IIII", nsec // 10**9, nsec % 10**9,
                                min(len(frame), snaplen), len(frame)))
            f.write(frame[:snaplen])
    return path


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack(">H", total ^ 0xffff)


def icrc(ip, udp, data):
    """IBTA A17.3.3: what may change on the way counts as ones."""
    if ip[0] >> 4 == 4:
        ip = ip[:1] + b"\xff" + ip[2:8] + b"\xff" + ip[9:10] + b"\xff\xff" + \
            ip[12:]
    else:
        ip = b"\x6f\xff\xff\xff" + ip[4:7] + b"\xff" + ip[8:]
    udp = udp[:6] + b"\xff\xff"
    data = data[:4] + b"\xff" + data[5:]
    return struct.pack("<I", zlib.crc32(b"\xff" * 8 + ip + udp + data))


def is_roce(frame):
    return frame[12:14] == b"\x08\x00" and frame[23] == 17 and \
        frame[36:38] == struct.pack(">H", ROCE_PORT)


def seal(frame):
    """Its IPv4 checksum and ICRC made right."""
    ip, udp = frame[ETH:ETH + IPV4], frame[ETH + IPV4:ETH + IPV4 + UDP]
    data = frame[ETH + IPV4 + UDP:-4]
    ip = ip[:10] + b"\0\0" + ip[12:]
    ip = ip[:10] + checksum(ip) + ip[12:]
    return frame[:ETH] + ip + udp + data + icrc(ip, udp, data)


class Roce:
    """The RoCEv2 packet in an IPv4 frame."""

    def __init__(self, frame):
        self.data = frame[ETH + IPV4 + UDP:-4]
        self.opcode = self.data[0]
        self.psn = int.from_bytes(self.data[9:12], "big")


def change(frame, offset, new):
    """Bytes of its RoCEv2 packet, counted from the BTH."""
    at = ETH + IPV4 + UDP + offset
    return seal(frame[:at] + new + frame[at + len(new):])


def move(frame, net):
    """Its hosts to network @net.0.0.0/8."""
    ip = ETH + 12
    return seal(frame[:ip] + bytes([net]) + frame[ip + 1:ip + 4] +
                bytes([net]) + frame[ip + 5:]) if is_roce(frame) else frame


# ---- other links ----


def tagged(frame):
    return frame[:12] + b"\x81\x00\x00\x05" + frame[12:]


def in_vxlan(frame):
    inner = struct.pack(">II", 0x08000000, 77 << 8) + frame
    udp = struct.pack(">HHHH", 50000, VXLAN_PORT, UDP + len(inner), 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, IPV4 + len(udp) + len(inner), 0,
                     0, 64, 17, 0, bytes([192, 0, 2, 1]),
                     bytes([192, 0, 2, 2]))
    ip = ip[:10] + checksum(ip) + ip[12:]
    return frame[:12] + b"\x08\x00" + ip + udp + inner


def cooked(frame):
    return b"\0\0\0\1\0\6" + frame[6:12] + b"\0\0" + frame[12:]


def cooked2(frame):
    return frame[12:14] + b"\0\0\0\0\0\1\0\1\0\6" + frame[6:12] + b"\0\0" + \
        frame[14:]


def in_ipv6(frame):
    """The same packet between two hosts of fd00::/8."""
    udp, data = frame[ETH + IPV4:ETH + IPV4 + UDP], frame[ETH + IPV4 + UDP:-4]
    ends = [b"\xfd" + bytes(11) + frame[at:at + 4]
            for at in (ETH + 12, ETH + 16)]
    ip = struct.pack(">IHBB", 6 << 28, len(udp) + len(data) + 4, 17,
                     64) + ends[0] + ends[1]
    return frame[:12] + b"\x86\xdd" + ip + udp + data + icrc(ip, udp, data)


# ---- made from nothing ----


def packet(ends, bth, rest):
    """@ends: two IPv4 addresses; @bth: 12 bytes; ICRC and all."""
    data = bth + rest
    udp = struct.pack(">HHHH", 50000, ROCE_PORT, UDP + len(data) + 4, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, IPV4 + len(udp) + len(data) + 4,
                     0, 0x4000, 64, 17, 0, bytes(ends[0]), bytes(ends[1]))
    return seal(bytes(12) + b"\x08\x00" + ip + udp + data + bytes(4))


def bth(opcode, qpn, psn, ackreq=False):
    return struct.pack(">BBHII", opcode, 0x40, 0xffff, qpn,
                       ackreq << 31 | psn & 0xffffff)
