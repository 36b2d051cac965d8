import re

from grade import Missing, Question

TITLE = "ibv_post_send, from program to wire"
NEEDS = "tshark", "ib_write_bw", "ib_send_bw"
CAPTURES = ["write-client.pcapng", "send-client.pcapng"]


def run(scene):
    scene.pair("ib_write_bw -F -x 1 -n 5 -s 64", name="write")
    scene.pair("ib_send_bw -F -x 1 -n 5 -s 64", name="send")


def told(work, name, what, whose="remote"):
    """What the client of NAME printed of both sides."""
    text = work.text(f"{name}-client.txt")
    found = re.search(rf"{whose} address:.*?(?=address:|GID:|\Z)", text, re.S)
    number = re.search(rf"{what} (0x[0-9a-f]+)", found[0] if found else "")
    if not number:
        raise Missing(f"{name}-client.txt: no {what} in it; run the exercise "
                      "again")
    return int(number[1], 16)


def first(work, name):
    """The client's first request."""
    return work.capture(f"{name}-client.pcapng").first(
        "request", lambda p: p["opcode"].endswith(f"{name.upper()}_ONLY"))


def answer(work, name):
    """What acknowledges the last of the five."""
    requests = [p for p in work.capture(f"{name}-client.pcapng").packets
                if p["opcode"] == first(work, name)["opcode"]]
    return work.capture(f"{name}-client.pcapng").answer_to(requests[-1])


def headers(work, name):
    """Bytes between UDP and payload."""
    packet = first(work, name)
    rows = work.capture(f"{name}-client.pcapng").tshark(
        f"frame.number == {packet['frame']}", "udp.length")
    return int(rows[0][0]) - 8 - packet["payload"] - packet["pad"] - 4


QUESTIONS = [
    Question("told_addr", "write-client.txt: the address (VAddr) that the "
             "server told the client", lambda w: told(w, "write", "VAddr"),
             "the line \"remote address\" of what the client prints"),
    Question("told_rkey", "The key (RKey) that it told with it",
             lambda w: told(w, "write", "RKey"),
             "the same line: what ibv_reg_mr gave the server as rkey"),
    Question("wire_addr", "write-client.pcapng: the address in the first "
             "WRITE", lambda w: first(w, "write")["va"],
             "infiniband.reth.va: wr.rdma.remote_addr of the work request"),
    Question("wire_rkey", "The key in it", lambda w: first(w, "write")["rkey"],
             "infiniband.reth.r_key: wr.rdma.rkey of the work request"),
    Question("own_addr", "The client's own buffer: its address (VAddr), which "
             "is in no packet", lambda w: told(w, "write", "VAddr", "local"),
             "write-client.txt, \"local address\"; sg_list[0].addr and lkey "
             "are for the client's own NIC only"),
    Question("write_headers", "How many bytes of RDMA headers (between UDP "
             "and payload) a WRITE has", lambda w: headers(w, "write"),
             "BTH and RETH; udp.length counts its own 8 bytes, headers, "
             "payload and the ICRC's 4"),
    Question("send_headers", "send-client.pcapng: how many bytes of RDMA "
             "headers a SEND has", lambda w: headers(w, "send"),
             "a SEND does not say where it goes: no RETH"),
    Question("send_place", "Who says where a SEND's bytes go: sender or "
             "receiver", lambda w: "receiver",
             "ibv_post_recv names a buffer; the packet names none"),
    Question("write_place", "Who says where a WRITE's bytes go: sender or "
             "receiver", lambda w: "sender",
             "the RETH says it, and the receiver's program posts nothing"),
    Question("completes", "write-client.pcapng: the number of the frame that "
             "lets the last WRITE complete at the client",
             lambda w: answer(w, "write")["frame"],
             "a work request of an RC queue pair completes when it is "
             "acknowledged, not when it is sent"),
]
