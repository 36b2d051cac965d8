from collections import Counter

from grade import Question

TITLE = "Loss, NAK and go-back-N"
NEEDS = "tshark", "ib_write_bw"
CAPTURES = ["client.pcapng", "server.pcapng"]


def run(scene):
    scene.write("loss.rules", "# the client's NIC loses its fourth packet\n"
                "out drop psn=+3 once\n")
    scene.pair("ib_write_bw -F -x 1 -n 5 -s 8192 -m 1024",
               client_more="impair=loss.rules",
               spoiled=lost_more_than_one)


def lost_more_than_one(capture):
    """Or waited for a timer."""
    times = Counter(p["psn"] for p in requests(capture))
    return max(times.values()) != 2 or len(naks(capture)) != 1


def naks(capture):
    return [p for p in capture.packets if p["kind"] == "nak"]


def client(work):
    return work.capture("client.pcapng")


def server(work):
    return work.capture("server.pcapng")


def requests(capture):
    return capture.all("WRITE",
                       lambda p: p["opcode"].startswith("RC_WRITE"))


def lost(work):
    """The first PSN that the client sent and the server did not see in time."""
    expected = requests(client(work))[0]["psn"]
    for packet in requests(server(work)):
        if packet["psn"] != expected:
            return expected
        expected = (expected + 1) % (1 << 24)
    return server(work).first("gap in its PSNs", lambda p: False)


def sent(work, which):
    """The client's frame that bears the lost PSN, for the first or last time."""
    return [p for p in requests(client(work)) if p["psn"] == lost(work)][which]


def nak(work):
    return client(work).first("NAK", lambda p: p["kind"] == "nak")


def repeated(work):
    first = {}
    for p in requests(client(work)):
        first.setdefault(p["psn"], p["frame"])
    return [p for p in requests(client(work))
            if p["frame"] != first[p["psn"]]]


def unseen(work):
    """Packets that were sent once before the retransmission began, behind the
    lost one: what the server got and had to throw away.
    """
    return [p for p in requests(client(work))
            if sent(work, 0)["frame"] < p["frame"] < sent(work, -1)["frame"]]


QUESTIONS = [
    Question("lost_psn", "The PSN of the packet that was lost", lost,
             "it is in client.pcapng, and when it should have come, the next "
             "came to server.pcapng"),
    Question("lost_frame", "The number of its frame in client.pcapng, when it "
             "was sent first", lambda w: sent(w, 0)["frame"],
             "frame.comment contains \"impair\""),
    Question("noticed", "The number of the frame in server.pcapng by which "
             "the server notices",
             lambda w: server(w).first(
                 "packet beyond the lost one",
                 lambda p: p["psn"] == (lost(w) + 1) % (1 << 24))["frame"],
             "the first whose PSN is not the one that the server expects"),
    Question("nak_frame", "The number of the frame in client.pcapng with the "
             "NAK", lambda w: nak(w)["frame"],
             "the syndrome's upper three bits are 011: "
             "infiniband.aeth.syndrome == 0x60"),
    Question("nak_psn", "The PSN in the NAK", lambda w: nak(w)["psn"],
             "a PSN sequence error NAK names the packet that the server "
             "expects, not the one that came"),
    Question("naks", "How many NAKs there are",
             lambda w: len(naks(client(w))),
             "only the first packet beyond the gap draws one (IBTA 9.7.5.2)"),
    Question("again_frame", "The number of the frame in client.pcapng with "
             "which the client begins to send again",
             lambda w: sent(w, -1)["frame"],
             "the lost PSN, for the second time"),
    Question("thrown_away", "How many packets the client had sent between "
             "these two frames, which the server received and threw away",
             lambda w: len(unseen(w)),
             "all requests between lost_frame and again_frame: a go-back-N "
             "receiver keeps nothing that comes out of order"),
    Question("repeated", "How many packets were sent a second time, in all",
             lambda w: len(repeated(w)),
             "not only the lost one; glassnic decode --stats counts them as "
             "retransmissions"),
]
