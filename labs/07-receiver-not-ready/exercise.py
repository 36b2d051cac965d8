from grade import Question

TITLE = "Receiver not ready"
NEEDS = "tshark", "ib_send_bw"
CAPTURES = ["client.pcapng"]


def run(scene):
    """The server has two receives; the client sends twenty messages at once."""
    scene.pair("ib_send_bw -F -x 1 -n 20 -s 64 -r 1",
               "ib_send_bw -F -x 1 -n 20 -s 64",
               server_more="credits=no", client_more="credits=no",
               spoiled=lambda c: not rnr_naks(c))


def rnr_naks(capture):
    return [p for p in capture.packets if p["kind"] == "rnr"]


def capture(work):
    return work.capture("client.pcapng")


def rnr(work):
    return capture(work).first("RNR NAK", lambda p: p["kind"] == "rnr")


def is_request(packet):
    return packet["opcode"].startswith("RC_SEND")


def refused(work):
    """The last time that the packet was sent before the RNR NAK."""
    return capture(work).all(
        "SEND that the RNR NAK is about",
        lambda p: is_request(p) and p["psn"] == rnr(work)["psn"] and
        p["frame"] < rnr(work)["frame"])[-1]


def again(work):
    return capture(work).first(
        "retransmission behind the RNR NAK",
        lambda p: is_request(p) and p["psn"] == rnr(work)["psn"] and
        p["frame"] > rnr(work)["frame"])


QUESTIONS = [
    Question("rnr_frame", "The number of the frame with the first RNR NAK",
             lambda w: rnr(w)["frame"],
             "the syndrome's upper three bits are 001: "
             "infiniband.aeth.syndrome.opcode == 1"),
    Question("refused_frame", "The number of the frame that it refuses",
             lambda w: refused(w)["frame"],
             "an RNR NAK bears the PSN of the packet that found no receive"),
    Question("msn", "How many messages the server had completed by then",
             lambda w: rnr(w)["msn"], "infiniband.aeth.msn in the RNR NAK"),
    Question("timer", "The timer code in the RNR NAK",
             lambda w: rnr(w)["rnr_code"],
             "the syndrome's lower five bits; the server set it as "
             "min_rnr_timer, going to RTR"),
    Question("wait_usec", "How many microseconds it tells the client to wait "
             "at least", lambda w: rnr(w)["rnr_usec"],
             "code 12 is 0.64 ms in the table of the standard; glassnic decode "
             "prints it, too"),
    Question("again_frame", "The number of the frame by which the client "
             "tries again", lambda w: again(w)["frame"],
             "the same PSN, behind the RNR NAK"),
    Question("waited_enough", "Did the client wait at least so long before? "
             "(yes or no)",
             lambda w: "yes" if (again(w)["time"] - rnr(w)["time"]) * 1e6 >=
             rnr(w)["rnr_usec"] else "no",
             "compare the times of rnr_frame and again_frame"),
    Question("rnr_naks", "How many RNR NAKs there are in all",
             lambda w: len(rnr_naks(capture(w))),
             "each time that the receives were used up; glassnic decode "
             "--stats counts them"),
    Question("sequence_naks", "How many NAKs for a PSN sequence error there "
             "are, though packets behind the refused one were thrown away",
             lambda w: len([p for p in capture(w).packets
                            if p["kind"] == "nak"]),
             "after an RNR NAK the responder is silent until the refused "
             "packet comes again: it needs no second NAK"),
]
