import os
import re

import drilled
from grade import Missing, Question

TITLE = "States and PSNs of a queue pair"
NEEDS = "tshark", "ibv_rc_pingpong"
CAPTURES = ["client.pcapng"]
STUDENT_WRITES = ["states.drill"]


def run(scene):
    scene.pair("ibv_rc_pingpong -g 1 -n 3 -s 3000 -m 1024")
    scene.give("states.drill")
    scene.teach_drills()


def psn_told(work, whose):
    """As the client's program prints it: "local" or "remote"."""
    found = re.search(rf"{whose} address:.* PSN (0x[0-9a-f]+)",
                      work.text("client.txt"))
    if not found:
        raise Missing("client.txt: no addresses in it; run the exercise again")
    return int(found[1], 16)


def requests(work, src):
    return work.capture("client.pcapng").all(
        f"SEND of {src}", lambda p: p["src"] == src and
        p["opcode"].startswith("RC_SEND"))


def client(work):
    return requests(work, "10.0.0.2")


def server(work):
    return requests(work, "10.0.0.1")


def first_ack(work):
    """The server's, which is of the client's first message."""
    end = [p for p in client(work) if p["opcode"] == "RC_SEND_LAST"][0]
    return work.capture("client.pcapng").answer_to(end)


QUESTIONS = [
    Question("client_sq_psn", "With which sq_psn the client's QP went to RTS",
             lambda w: psn_told(w, "local"),
             "client.txt: each program draws its own and tells the other "
             "over TCP"),
    Question("client_rq_psn", "With which rq_psn it had gone to RTR",
             lambda w: psn_told(w, "remote"),
             "what the server told it: the client must expect what the "
             "server sends"),
    Question("first_psn", "client.pcapng: the PSN of the client's first "
             "request", lambda w: client(w)[0]["psn"],
             "compare it with what the programs print"),
    Question("server_first_psn", "The PSN of the server's first request",
             lambda w: server(w)[0]["psn"],
             "the first SEND from 10.0.0.1: each direction counts for itself"),
    Question("ack_psn", "The PSN of the server's first ACK",
             lambda w: first_ack(w)["psn"],
             "an answer bears the PSN of what it answers, of the other "
             "side's counting"),
    Question("next_psn", "The PSN that the client's next request would bear, "
             "after the last in the capture",
             lambda w: (client(w)[-1]["psn"] + 1) % (1 << 24),
             "one PSN a packet, not a message: three messages of three "
             "packets; it counts modulo 2^24"),
]

STEPS = [
    ("1", [r"post_send q .*=> EINVAL$", r"post_recv q .*=> EINVAL$"],
     "post_send q SEND sge=buf:8 => EINVAL, and post_recv likewise"),
    ("2", [r"modify q RTS\b.*=> EINVAL$"],
     "modify q RTS with => EINVAL behind it"),
    ("3", [r"modify q INIT\b(?!.*=>)", r"post_recv q .*id=1\b(?!.*=>)"],
     "modify q INIT; post_recv q id=1 sge=buf:8"),
    ("4", [r"modify q INIT\b(?!.*=>)", r"> SEND_ONLY .*psn=700\b.*=> qp_state$",
           r"modify q RTR\b"],
     "write the > line, and the word that the drill says it got behind =>"),
    ("5", [r"modify q RTR .*rq_psn=700\b", r"> SEND_ONLY .*psn=700\b(?!.*=>)",
           r"< ACKNOWLEDGE .*psn=700\b", r"wc id=1\b"],
     "a < ACKNOWLEDGE line with its psn=, and wc id=1"),
    ("6", [r"modify q RTS .*sq_psn=300\b", r"post_send q .*id=2\b",
           r"< SEND_ONLY .*psn=300\b", r"> ACKNOWLEDGE .*psn=300\b",
           r"wc id=2\b", r"query q .*sq_psn=301 rq_psn=701"],
     "after wc id=2: query q sq_psn=... rq_psn=..., the next of each"),
    ("7", [r"post_recv q .*id=3\b", r"modify q ERR\b",
           r"wc WR_FLUSH_ERR .*id=3\b", r"modify q RESET\b"],
     "ERR flushes what is posted: wc WR_FLUSH_ERR id=3"),
]

CHECKS = drilled.checks(os.path.dirname(__file__), "states.drill", STEPS)
