#!/usr/bin/python3
"""A NIC between capture files: pcap_test.py [BUILD]"""

import os
import struct
import time

from support import LIMIT, Score, await_port, finish, lab, need

PEER = bytes.fromhex("02000000000b")
NIC = bytes.fromhex("02000000000a")


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack(">H", total ^ 0xffff)


def arp(op, dst, src, src_ip, dst_mac, dst_ip):
    return (dst + src + bytes.fromhex("0806000108000604") +
            struct.pack(">H", op) + src + bytes(src_ip) + dst_mac +
            bytes(dst_ip))


def echo_request():
    icmp = b"\x08\0\0\0\0\x07\0\x01" + b"are you there?!!"
    icmp = icmp[:2] + checksum(icmp) + icmp[4:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(icmp), 1, 0x4000, 64, 1,
                     0) + bytes([10, 0, 0, 9, 10, 0, 0, 1])
    ip = ip[:10] + checksum(ip) + ip[12:]
    return NIC + PEER + b"\x08\0" + ip + icmp


def write_pcap(path, frames):
    """Frames 100 ms apart."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(frames):
            f.write(struct.pack("<IIII", 1700000000, i * 100000, len(frame),
                                len(frame)) + frame)
    os.chmod(path, 0o644)


def bytes_of(path):
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as f:
        return f.read()


def answers(score, place, pace):
    """Who asks by ARP and pings is answered, in the output."""
    source, out = place.path(f"{pace}-in.pcap"), place.path(f"{pace}.pcapng")
    write_pcap(source, [arp(1, b"\xff" * 6, PEER, [10, 0, 0, 9], bytes(6),
                            [10, 0, 0, 1]), echo_request()])
    want = {
        "ARP reply": arp(2, PEER, NIC, [10, 0, 0, 1], PEER, [10, 0, 0, 9]),
        "echo reply": b"\0\0" + checksum(
            b"\0\0\0\0\0\x07\0\x01are you there?!!") +
        b"\0\x07\0\x01are you there?!!",
        "what it received": echo_request(),
    }
    port, until = place.port(), time.monotonic() + LIMIT
    server = place.start(
        ["ibv_rc_pingpong", "-g", "1", "-p", str(port)],
        nic=f"port=pcap:{out},in={source},mac=02:00:00:00:00:0a,after=50ms,"
            f"pace={pace}")
    await_port(port, server, until)
    while time.monotonic() < until and server.poll() is None and \
            not all(w in bytes_of(out) for w in want.values()):
        time.sleep(0.02)
    for name, frame in want.items():
        score.check(f"pace={pace}: {name}", "" if frame in bytes_of(out) else
                    "not in the output")
    server.kill()
    finish(server, until)
    done = place.run([place.glassnic, "decode", out], launcher=False)
    score.check(f"pace={pace}: the output is readable", done.wrong("decode"))


def mistakes(score, place):
    """One line each."""
    out = place.path("none.pcapng")
    for nic, words in ((f"port=pcap:{out},in=/nowhere", "/nowhere: cannot "
                        "read: No such file"),
                       (f"port=pcap:{out},in=/bin/sh", "/bin/sh: neither "
                        "pcap nor pcapng"),
                       ("port=pcap:/nowhere/x", "/nowhere/x: cannot create")):
        done = place.run(["ibv_devinfo"], nic=nic)
        score.check(words, "" if words in done.err else done.err or done.out)


def main():
    need("ibv_rc_pingpong", "ibv_devinfo")
    score = Score()
    with lab() as place:
        for pace in "recorded", "fast":
            answers(score, place, pace)
        mistakes(score, place)
    score.finish()


if __name__ == "__main__":
    main()
