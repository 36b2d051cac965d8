from grade import Question

TITLE = "RDMA in a VXLAN tunnel"
NEEDS = "tshark", "ibv_rc_pingpong"
CAPTURES = ["blue-client.pcapng", "red-client.pcapng"]
NETS = {"blue": 100, "red": 200}


def nic(vni, n, local, remote):
    return (f"port=vxlan,vni={vni},local={local},remote={remote},"
            f"ip=10.0.0.{n}/24,seed={n}")


def run(scene):
    """Two tenants with the same addresses on the same tunnel ends."""
    for name, vni in NETS.items():
        scene.pair("ibv_rc_pingpong -g 1 -n 2 -s 1000", name=name,
                   nics=(nic(vni, 1, "127.0.0.1", "127.0.0.2"),
                         nic(vni, 2, "127.0.0.2", "127.0.0.1")))


def first(work, name="blue"):
    """The client's first SEND."""
    return work.capture(f"{name}-client.pcapng").first(
        "SEND", lambda p: p["opcode"] == "RC_SEND_ONLY")


def ports(work, field):
    """Of the first SEND: outer and inner."""
    rows = work.capture("blue-client.pcapng").tshark(
        f"frame.number == {first(work)['frame']}", field)
    return [int(port) for port in rows[0][0].split(",")]


def tunnel_bytes(work):
    """The frame without what an Ethernet frame of this packet would have."""
    packet = first(work)
    rows = work.capture("blue-client.pcapng").tshark(
        f"frame.number == {packet['frame']}", "frame.len")
    return int(rows[0][0]) - (14 + 20 + 8 + 12 + packet["payload"] +
                              packet["pad"] + 4)


def largest_pmtu(work):
    """Of a RoCEv2 packet with a RETH, where the outer network carries 1500."""
    room = 1500 - tunnel_bytes(work) - (20 + 8 + 12 + 16 + 4)
    return max(m for m in (256, 512, 1024, 2048, 4096) if m <= room)


QUESTIONS = [
    Question("frame", "blue-client.pcapng: the number of the frame with the "
             "client's first SEND", lambda w: first(w)["frame"],
             "infiniband.bth.opcode == 4; ARP comes before, inside the tunnel"),
    Question("inner_dst", "The IP address of the RDMA host that it goes to",
             lambda w: first(w)["dst"],
             "the second IP header: RDMA programs know nothing of the first"),
    Question("outer_dst", "The IP address of the tunnel's other end",
             lambda w: first(w)["outer_dst"],
             "the first IP header of the frame"),
    Question("ports", "The UDP destination ports, the outer and the inner",
             lambda w: ports(w, "udp.dstport"),
             "IANA gave VXLAN 4789 and RoCEv2 4791; which is outside?"),
    Question("source_ports", "The UDP source ports, the outer and the inner",
             lambda w: ports(w, "udp.srcport"),
             "the outer one is made of the inner headers, so that routers "
             "outside spread connections that they cannot see"),
    Question("tunnel_bytes", "How many bytes the tunnel adds to the frame",
             tunnel_bytes,
             "outer Ethernet, IPv4, UDP and the VXLAN header"),
    Question("largest_pmtu", "Which path MTU (256, 512, 1024, 2048, 4096) is "
             "the largest that still fits if the outer network carries IP "
             "packets of 1500 bytes", largest_pmtu,
             "1500 less the tunnel (its outer Ethernet is not IP, but the "
             "inner one is payload), less IPv4, UDP, BTH, RETH and ICRC"),
    Question("vnis", "The network identifiers of blue and of red",
             lambda w: [first(w, name)["vni"] for name in NETS],
             "vxlan.vni"),
    Question("qpns", "The QP numbers to which the client sends in blue and in "
             "red", lambda w: [first(w, name)["dqpn"] for name in NETS],
             "infiniband.bth.destqp of each capture: they may be the same"),
]
