from grade import Question

TITLE = "WRITE, READ and atomics"
NEEDS = "tshark", "ib_write_bw", "ib_read_bw", "ib_atomic_bw"
CAPTURES = ["write-client.pcapng", "read-client.pcapng",
            "atomic-client.pcapng"]


def run(scene):
    scene.pair("ib_write_bw -F -x 1 -n 5 -s 3000 -m 1024", name="write")
    scene.pair("ib_read_bw -F -x 1 -n 5 -s 3000 -m 1024", name="read")
    scene.pair("ib_atomic_bw -F -x 1 -n 5 -A FETCH_AND_ADD", name="atomic")


def first(work, name, opcode):
    return work.capture(f"{name}-client.pcapng").first(
        opcode, lambda p: p["opcode"] == opcode)


def count(work, name, test):
    return len([p for p in work.capture(f"{name}-client.pcapng").packets
                if test(p)])


def responses(work):
    """Those to the first READ."""
    request = first(work, "read", "RC_READ_REQUEST")
    return [p["psn"] for p in work.capture("read-client.pcapng").packets
            if p["opcode"].startswith("RC_READ_RESPONSE") and
            (p["psn"] - request["psn"]) % (1 << 24) < 3]


def second_read(work):
    request = first(work, "read", "RC_READ_REQUEST")
    return work.capture("read-client.pcapng").first(
        "second READ", lambda p: p["opcode"] == "RC_READ_REQUEST" and
        p["psn"] != request["psn"])


def atomic_answer(work):
    request = first(work, "atomic", "RC_FETCH_ADD")
    return work.capture("atomic-client.pcapng").first(
        "answer to the first atomic",
        lambda p: p["opcode"] == "RC_ATOMIC_ACKNOWLEDGE" and
        p["psn"] == request["psn"])


QUESTIONS = [
    Question("write_va", "write-client.pcapng: the remote address in the "
             "first WRITE", lambda w: first(w, "write", "RC_WRITE_FIRST")["va"],
             "infiniband.reth.va in the WRITE First"),
    Question("write_rkey", "Its remote key",
             lambda w: first(w, "write", "RC_WRITE_FIRST")["rkey"],
             "infiniband.reth.r_key"),
    Question("write_len", "The length (DMALen) in it",
             lambda w: first(w, "write", "RC_WRITE_FIRST")["dma_len"],
             "infiniband.reth.dmalen is the whole message's, not the "
             "packet's"),
    Question("reths", "How many of the client's packets bear a RETH",
             lambda w: count(w, "write", lambda p: "dma_len" in p),
             "one in each message, in its first packet"),
    Question("write_acks", "How many ACKs the server sends for the five "
             "WRITEs", lambda w: count(w, "write",
                                       lambda p: p["kind"] == "ack"),
             "one ACK can be for several messages: look at AckReq and MSN"),
    Question("read_psns", "read-client.pcapng: the PSNs of the three "
             "responses to the first READ", responses,
             "the first response bears the request's PSN, the others count "
             "on from there"),
    Question("read_next", "The PSN of the second READ request",
             lambda w: second_read(w)["psn"],
             "a READ request uses up as many PSNs as it has responses"),
    Question("read_acks", "How many ACKs (opcode 17) the server sends for the "
             "READs", lambda w: count(
                 w, "read", lambda p: p["opcode"] == "RC_ACKNOWLEDGE"),
             "the responses are the acknowledgement: opcodes 13 and 15 have "
             "an AETH"),
    Question("atomic_va", "atomic-client.pcapng: the remote address in the "
             "first atomic",
             lambda w: first(w, "atomic", "RC_FETCH_ADD")["va"],
             "infiniband.reth.va of an atomic, as Wireshark calls it; it must be a "
             "multiple of 8"),
    Question("atomic_add", "The number that it adds",
             lambda w: first(w, "atomic", "RC_FETCH_ADD")["swap_add"],
             "infiniband.atomiceth.swapdt"),
    Question("atomic_orig", "What stood at that address before, as the "
             "client is told",
             lambda w: atomic_answer(w)["orig"],
             "infiniband.atomicacketh.origremdt in the answer (opcode 18) "
             "with the same PSN"),
]
