#!/usr/bin/python3
"""The other transports with real programs: transports_test.py [BUILD]"""

import re
import time

from support import (LIMIT, PERFTEST, Score, await_port, finish, lab, need,
                     sweep_up)

PINGPONGS = {
    "ibv_uc_pingpong": [[], ["-e"], ["-s", "65536", "-n", "200"]],
    "ibv_ud_pingpong": [[], ["-e"], ["-s", "1000", "-n", "500"]],
    "ibv_srq_pingpong": [[], ["-e"], ["-q", "4"]],
    "ibv_xsrq_pingpong": [[], ["-e"]],
}
# A receiver that has no turn loses what its socket's buffer does not hold, and
# perftest waits for that for ever: what nobody acknowledges is less.
FEW = ["-s", "1024", "-n", "100"]
PROGRAMS = [
    ["ib_send_bw", "-c", "UC", *FEW], ["ib_send_lat", "-c", "UC", "-s", "65536"],
    ["ib_write_bw", "-c", "UC"], ["ib_write_lat", "-c", "UC"],
    ["ib_send_bw", "-c", "UD", *FEW], ["ib_send_lat", "-c", "UD"],
    ["ib_send_bw", "-c", "UD", "-q", "4", "-s", "1024", "-n", "25"],
    ["ib_send_bw", "-c", "XRC"], ["ib_send_lat", "-c", "XRC"],
    ["ib_write_bw", "-c", "XRC"], ["ib_read_bw", "-c", "XRC"],
    ["ib_atomic_bw", "-c", "XRC"], ["ib_send_bw", "-c", "XRC", "-q", "4"],
    ["ib_send_bw", "--use-srq"], ["ib_send_bw", "--use-srq", "-q", "4"],
    ["ib_send_bw", "--use-srq", "-c", "UD", *FEW],
]
QPERF = """rc_bw rc_lat rc_bi_bw rc_rdma_read_bw rc_rdma_read_lat
    rc_rdma_write_bw rc_rdma_write_lat rc_rdma_write_poll_lat
    rc_compare_swap_mr rc_fetch_add_mr ver_rc_compare_swap ver_rc_fetch_add
    uc_bw uc_lat uc_bi_bw uc_rdma_write_bw uc_rdma_write_lat
    uc_rdma_write_poll_lat ud_bw ud_lat ud_bi_bw""".split()


def pingpongs(score, place, kind):
    nics = place.nics(kind)
    for program, ways in PINGPONGS.items():
        for way in ways:
            place.check_pair(score, " ".join([f"{kind}:", program, *way]),
                             [program, "-g", "1", *way], nics)


def perftest(score, place, kind):
    nics = place.nics(kind)
    for program in PROGRAMS:
        place.check_pair(score, " ".join([f"{kind}:", *program]),
                         [program[0], *PERFTEST, "-n", "200", *program[1:]], nics)


def qperf(score, place):
    """It knows no GIDs: see the option lids.  Its server forks for each test."""
    port, until = place.port(), time.monotonic() + LIMIT
    a, b = (f"{nic},lids=yes" for nic in place.nics("udp"))
    server = place.start(["qperf", "-lp", str(port)], nic=a)
    await_port(port, server, until)
    for test in QPERF:
        done = place.run(["qperf", "-lp", str(port), "-t", "1", "127.0.0.1",
                          test], nic=b)
        wrong = done.wrong("client")
        if not wrong and not re.search(r"(bw|latency|msg_rate)\s+=\s+[\d.]",
                                       done.out):
            wrong = f"no result: {done.out} {done.err}"
        score.check(f"udp: qperf {test}", wrong)
    server.terminate()
    finish(server, until + LIMIT)


def asyncwatch(score, place):
    program = place.start(["stdbuf", "-oL", "ibv_asyncwatch"],
                          nic=place.nics("udp")[0])
    line = program.stdout.readline()
    program.terminate()
    finish(program, time.monotonic() + LIMIT)
    score.check("ibv_asyncwatch", "" if "async event FD" in line else
                f"printed {line!r}")


def main():
    need("qperf", "ib_send_bw", "ibv_asyncwatch", *PINGPONGS)
    score = Score()
    sweep_up()
    with lab() as place:
        for kind in "udp", "vxlan":
            pingpongs(score, place, kind)
            perftest(score, place, kind)
        qperf(score, place)
        asyncwatch(score, place)
    sweep_up()
    score.finish()


if __name__ == "__main__":
    main()
