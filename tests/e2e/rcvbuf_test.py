#!/usr/bin/python3
"""Receive buffers of Debian's default size, and no loss but what they cause: all
reliable transports end well, and few packets are sent again: rcvbuf_test.py
[BUILD]

Both kinds of port are tried at the same time, so that each has half of the
machine.

The bounds come from five runs of both kinds beside two busy loops on two cores.
Nine of ten runs repeated at most 1.6 % of their packets (atomics 2.3 %, READs
2.7 %).  The worst were 3.3 % (WRITEs), 3.8 % (READs), 2.9 % (atomics) and, in a short run,
393 of 7725 packets (SENDs over XRC): hence the window's worth beside the share.
"""

import re
import threading

from support import LIMIT, Score, lab, need, sweep_up

RCVBUF = 212992  # net.core.rmem_default: about 50 packets of 4 KiB
PMTU = 4096
SENT_AGAIN = 0.05  # of all packets
A_WINDOW = 100  # packets: what one go-back costs

# Half a second to wait for an acknowledgement: not to be heard is no loss.
PERFTEST = ["-F", "-x", "1", "-u", "17"]
WRITES_AND_SENDS = [
    ["-n", "1000"], ["-n", "500", "-b"], ["-n", "100", "-q", "16"],
    ["-n", "100", "-q", "16", "-b"], ["-n", "100", "-s", "1048576"],
    ["-n", "300", "-m", "256"],
]
READS = WRITES_AND_SENDS
OTHERS = [
    ["ib_write_bw", *PERFTEST, "-n", "500", "-c", "XRC"],
    ["ib_send_bw", *PERFTEST, "-n", "500", "-c", "XRC"],
    ["ib_send_bw", *PERFTEST, "-n", "100", "-c", "XRC", "-q", "4"],
    ["ib_send_bw", *PERFTEST, "-n", "500", "--use-srq"],
    ["ib_send_bw", *PERFTEST, "-n", "100", "--use-srq", "-q", "4"],
    ["ib_atomic_bw", *PERFTEST, "-n", "5000"],
    ["ib_atomic_bw", *PERFTEST, "-n", "1000", "-q", "16"],
    ["ib_send_lat", *PERFTEST, "-n", "200", "-s", "1048576"],
    ["ibv_rc_pingpong", "-g", "1", "-c"],
    ["ibv_rc_pingpong", "-g", "1", "-c", "-s", "1048576", "-n", "100"],
    ["ibv_rc_pingpong", "-g", "1", "-c", "-e", "-s", "262144", "-m", "256",
     "-n", "100"],
    ["ibv_srq_pingpong", "-g", "1", "-q", "16", "-s", "65536", "-n", "500"],
    ["ibv_xsrq_pingpong", "-g", "1", "-n", "100"],
]


def programs():
    for options in WRITES_AND_SENDS:
        yield ["ib_write_bw", *PERFTEST, *options]
        yield ["ib_send_bw", *PERFTEST, *options]
    for options in [*READS, ["-n", "500", "-c", "XRC"]]:
        yield ["ib_read_bw", *PERFTEST, *options]
    yield from OTHERS


def counters(done):
    """What a NIC printed when it was closed."""
    line = re.search(r"glassnic: \w+:( .*=.*)", done.err)
    return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", line[1])} \
        if line else None


def read_packets(command):
    """Packets that the READs of both sides take: a request, and its answers."""
    def option(letter, default):
        return int(command[command.index(letter) + 1]) \
            if letter in command else default

    answers = -(-option("-s", 65536) // option("-m", PMTU))
    sides = 2 if "-b" in command else 1
    return sides * option("-n", 0) * option("-q", 1) * (1 + answers)


def sent_again(command, sides):
    """How many packets, of how many.  Answers of READs are not counted by who
    repeats them, and ACKs are none of READs' business.
    """
    sent = sum(c["sent_pkts"] for c in sides)
    if command[0] == "ib_read_bw":
        return sent - read_packets(command), sent
    return sum(c.get("retransmitted_pkts", 0) for c in sides), sent


def judge(place, nics, command):
    """What to tell of it, and what is wrong."""
    done = place.pair(command, nics, env={"GLASSNIC_LOG": "info"})
    wrong = [w for w in (done[1].wrong("client"), done[0].wrong("server"))
             if w]
    if wrong:
        return "", "; ".join(wrong)
    sides = [counters(d) for d in done]
    if None in sides:
        return "", "a NIC printed no counters"
    again, sent = sent_again(command, sides)
    lost = sum(c.get("rcvbuf_overflow", 0) for c in sides)
    late = sum(c.get("local_ack_timeout_err", 0) for c in sides)
    # Nothing was lost when the program had no receive ready, but it costs as
    # much.
    windows = 1 + sum(c.get("rcvd_rnr_err", 0) for c in sides)
    told = (f"{again} of {sent} packets sent again ({again / sent:.2%}), "
            f"{lost} lost, {late} timeouts")
    return told, told if again > A_WINDOW * windows + SENT_AGAIN * sent else ""


def run(place, kind, results):
    nics = [f"{nic},rcvbuf={RCVBUF}" for nic in place.nics(kind)]
    for command in programs():
        told, wrong = judge(place, nics, command)
        results.append((f"{kind}: {' '.join(command)}: {told}", wrong))


def main():
    need("ib_write_bw", "ibv_rc_pingpong", "ibv_xsrq_pingpong")
    score = Score()
    sweep_up()
    with lab() as place:
        results = {"udp": [], "vxlan": []}
        threads = [threading.Thread(target=run, args=(place, kind, into))
                   for kind, into in results.items()]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for name, wrong in sum(results.values(), []):
            score.check(name, wrong)
    sweep_up()
    score.finish()


if __name__ == "__main__":
    main()
