from grade import Question

TITLE = "Anatomy of a RoCEv2 packet"
NEEDS = "tshark", "ibv_rc_pingpong"
CAPTURES = ["client.pcapng"]


def run(scene):
    scene.pair("ibv_rc_pingpong -g 1 -n 3 -s 3001 -m 1024")


def capture(work):
    return work.capture("client.pcapng")


def request(work, opcode="RC_SEND_FIRST"):
    """The client speaks first."""
    return capture(work).first(opcode, lambda p: p["opcode"] == opcode)


def last(work):
    return request(work, "RC_SEND_LAST")


def header_bytes(work):
    """Of the frame, before the payload."""
    frame = request(work)
    size = capture(work).tshark(f"frame.number == {frame['frame']}",
                                "frame.len")[0][0]
    return int(size) - frame["payload"] - frame["pad"] - 4


QUESTIONS = [
    Question("first_request",
             "The number of the frame with the first RoCEv2 packet",
             lambda w: request(w)["frame"],
             "ARP and neighbour discovery come before; filter: infiniband"),
    Question("udp_port", "The UDP port to which RoCEv2 packets go",
             lambda w: int(capture(w).tshark("infiniband",
                                             "udp.dstport")[0][0]),
             "the destination port says what is inside UDP; the source port "
             "differs between connections, for switches that spread load"),
    Question("server_qpn", "The number of the server's queue pair",
             lambda w: request(w)["dqpn"],
             "a BTH names only the destination's QP: look at what the client "
             "sends, infiniband.bth.destqp"),
    Question("opcodes",
             "The opcodes of the three packets of the first message, as "
             "numbers, in their order",
             lambda w: [request(w, f"RC_SEND_{part}")["opcode_number"]
                        for part in ("FIRST", "MIDDLE", "LAST")],
             "infiniband.bth.opcode; the upper three bits say RC, the lower "
             "five say which part of a SEND it is"),
    Question("headers", "How many bytes of headers stand before the payload "
             "of the first packet, Ethernet included",
             header_bytes,
             "Ethernet, IPv4, UDP and BTH; a SEND has no other header, and "
             "the ICRC stands behind the payload"),
    Question("last_payload", "How many bytes of the message the first "
             "message's last packet carries, without pad",
             lambda w: last(w)["payload"],
             "a message of 3001 bytes is cut at the path MTU, 1024"),
    Question("last_pad", "How many pad bytes that packet has",
             lambda w: last(w)["pad"],
             "infiniband.bth.padcnt: payload and pad are a multiple of 4 "
             "together"),
    Question("last_icrc", "Its invariant CRC (in hexadecimal with 0x)",
             lambda w: capture(w).tshark(
                 f"frame.number == {last(w)['frame']}",
                 "infiniband.invariant.crc")[0][0],
             "the last four bytes of the packet: infiniband.invariant.crc"),
    Question("ack", "The number of the frame that acknowledges this message",
             lambda w: capture(w).answer_to(last(w))["frame"],
             "opcode 17 with the PSN of the message's last packet, from the "
             "server"),
    Question("msn", "The message sequence number in that frame",
             lambda w: capture(w).answer_to(last(w))["msn"],
             "infiniband.aeth.msn: how many messages the server has "
             "completed, not a PSN"),
]
