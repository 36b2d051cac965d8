"""Talks: verbs at glassnic's NIC and at rxe, step by step, by way of two
`glassnic peer's (docs/drill.md has their verbs).  Each talk is held twice, each
side asking once.
"""

import collections
import socket
import struct
import threading
import time

import vm

PATIENCE = 90  # seconds for what must come
ETH_P_ALL = 3


class Surprise(Exception):
    """What did not come as it must."""


class Verbs:
    """A session with a peer.  @nic: what `glassnic show' says of its NIC, if it
    is glassnic's.
    """

    def __init__(self, name, address, port, nic=None):
        self.name, self.nic = name, nic
        self.socket = socket.create_connection((address, port), PATIENCE)
        self.socket.settimeout(PATIENCE)
        self.lines = self.socket.makefile("r")
        self.waiting = {"wc": collections.deque(),
                        "event": collections.deque()}
        hello = self.lines.readline().split()
        self.gid = dict(w.split("=") for w in hello[2:])["gid"]

    def close(self):
        self.socket.close()

    def next_line(self):
        try:
            line = self.lines.readline()
        except TimeoutError:
            return ""
        words = line.split()
        if words and words[0] in self.waiting:
            self.waiting[words[0]].append(words[1:])
        return line

    def do(self, line):
        """The values of the answer."""
        self.socket.sendall(f"{line}\n".encode())
        while True:
            words = self.next_line().split()
            if not words or words[0] in ("errno", "refused"):
                raise Surprise(f"{self.name}: {line}: {' '.join(words)}")
            if words[0] == "ok":
                return dict(w.split("=", 1) for w in words[1:] if "=" in w)

    def take(self, what):
        until = time.monotonic() + PATIENCE
        while not self.waiting[what]:
            if time.monotonic() > until or not self.next_line():
                raise Surprise(f"{self.name}: no {what} came")
        return self.waiting[what].popleft()

    def wc(self, wr_id, status="SUCCESS", **values):
        got = dict(w.split("=") for w in self.take("wc") if "=" in w)
        want = {"id": str(wr_id), "status": status,
                **{k: str(v) for k, v in values.items()}}
        if any(got.get(k) != v for k, v in want.items()):
            raise Surprise(f"{self.name}: completion {got}, not {want}")

    def event(self, kind):
        got = self.take("event")
        if got[0] != kind:
            raise Surprise(f"{self.name}: event {got}, not {kind}")

    def await_rnr(self):
        """Until somebody was not ready to receive."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            counters = self.nic()["counters"]
            if counters["rcvd_rnr_err"] or counters["send_rnr_err"]:
                return
            time.sleep(0.02)
        raise Surprise("no RNR NAK came")

    def expect(self, line, key, value):
        """What @line answers under @key comes to be @value."""
        until = time.monotonic() + PATIENCE
        got = self.do(line)[key]
        while got != value:
            if time.monotonic() > until:
                raise Surprise(f"{self.name}: {line}: {key}={got}, "
                               f"not {value}")
            time.sleep(0.02)
            got = self.do(line)[key]


class Sniffer:
    """What is on the tap to and from an address (what goes by AF_XDP is not
    seen here).
    """

    HEAD = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)

    def __init__(self, address):
        self.address = socket.inet_pton(
            socket.AF_INET6 if ":" in address else socket.AF_INET, address)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                    socket.htons(ETH_P_ALL))
        self.socket.bind((vm.TAP, 0))
        self.socket.settimeout(0.1)
        self.frames, self.stopped = [], False
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while not self.stopped:
            try:
                frame = self.socket.recv(65535)
            except TimeoutError:
                continue
            if self.address in frame[14:54] and self.roce(frame):
                self.frames.append((time.time(), frame))

    @staticmethod
    def roce(frame):
        """BTH and what follows, or nothing."""
        ip = {b"\x08\x00": 20, b"\x86\xdd": 40}.get(frame[12:14], 0)
        udp = frame[14 + ip:]
        return udp[8:] if ip and udp[2:4] == b"\x12\xb7" else b""

    def stop(self):
        self.stopped = True
        self.thread.join()
        self.socket.close()

    def save(self, path):
        with open(path, "wb") as f:
            f.write(self.HEAD)
            for when, frame in self.frames:
                f.write(struct.pack("<IIII", int(when), int(when % 1 * 1e6),
                                    len(frame), len(frame)) + frame)


TO_RTR = "pmtu", "min_rnr_timer"
SLOW = 19  # two seconds, eight times, for an acknowledgement: machines are busy


def connect(a, b, kind="RC", **attributes):
    """A QP "q" at each, connected; and a region "m" of each."""
    if kind == "RC":
        attributes = {"timeout": SLOW, **attributes}
    rtr, rts = (" ".join(f"{k}={v}" for k, v in attributes.items()
                         if (k in TO_RTR) == early) for early in (True, False))
    number = {e: e.do(f"qp q {kind} state=INIT")["qpn"] for e in (a, b)}
    for one, other in ((a, b), (b, a)):
        one.do(f"modify q RTR dgid={other.gid} dqpn={number[other]} {rtr}")
        one.do(f"modify q RTS {rts}")
    return a.do("mr m 65536"), b.do("mr m 65536")


# ---- the talks: @a asks, @b answers ----

def bad_rkey(opcode):
    def talk(a, b):
        _, there = connect(a, b)
        b.do("post_recv q id=9 sge=m:100")
        wrong = int(there["rkey"], 0) ^ 0x4000
        a.do(f"post_send q {opcode} id=1 sge=m:8 va={there['va']} "
             f"rkey={wrong}")
        a.wc(1, "REM_ACCESS_ERR")
        b.wc(9, "WR_FLUSH_ERR")
        for end in a, b:
            end.expect("query q", "state", "ERR")
    return talk


def no_right(a, b):
    connect(a, b)
    there = b.do("mr readonly 4096 access=remote_read")
    words = f"va={there['va']} rkey={there['rkey']}"
    a.do(f"post_send q RDMA_READ id=1 sge=m:3000 {words}")
    a.wc(1)
    a.do(f"post_send q RDMA_WRITE id=2 sge=m:3000 {words}")
    a.wc(2, "REM_ACCESS_ERR")


def past_the_end(a, b):
    _, there = connect(a, b)
    va = int(there["va"], 0) + 65536 - 2000
    words = f"rkey={there['rkey']}"
    a.do(f"post_send q RDMA_WRITE id=1 sge=m:2000 va={va} {words}")
    a.wc(1)
    a.do(f"post_send q RDMA_READ id=2 sge=m:2000 va={va + 1} {words}")
    a.wc(2, "REM_ACCESS_ERR")


def receiver_not_ready(a, b):
    connect(a, b, min_rnr_timer=12)
    a.do("write m:3000 count")
    a.do("post_send q SEND id=1 sge=m:3000")
    a.do("post_send q SEND_IMM id=2 sge=m:10 imm=0x1234")
    (a if a.nic else b).await_rnr()
    b.do("post_recv q id=8 sge=m:4096")
    b.do("post_recv q id=9 sge=m+4096:4096")
    a.wc(1)
    a.wc(2)
    b.wc(8, len=3000)
    b.wc(9, len=10, imm="0x1234")
    b.expect("read m+2560:4", "data", "00010203")


def never_ready(a, b):
    connect(a, b, min_rnr_timer=10, rnr_retry=3)
    a.do("post_send q SEND id=1 sge=m:100")
    a.do("post_send q SEND id=2 sge=m:100")
    a.wc(1, "RNR_RETRY_EXC_ERR")
    a.wc(2, "WR_FLUSH_ERR")
    b.expect("query q", "state", "RTS")


def too_long(a, b):
    """rxe has other names for this error than the rule (IBTA 9.7.5.2.7)."""
    connect(a, b)
    b.do("post_recv q id=9 sge=m:100")
    a.do("post_send q SEND id=1 sge=m:1500")
    rxe = b.name == "rxe"
    a.wc(1, "REM_OP_ERR" if rxe else "REM_INV_REQ_ERR")
    b.wc(9, "LOC_QP_OP_ERR" if rxe else "LOC_LEN_ERR")


def every_request(a, b):
    here, there = connect(a, b, pmtu=256)
    words = f"va={there['va']} rkey={there['rkey']}"
    for n in range(1, 4):
        b.do(f"post_recv q id={n} sge=m+8192:2048")
    a.do("write m:2048 count")
    a.do(f"post_send q RDMA_WRITE id=11 sge=m:1000 {words}")
    a.do(f"post_send q RDMA_WRITE_IMM id=12 sge=m:600 {words} imm=7")
    a.do("post_send q SEND_IMM id=13 sge=m:700 imm=8")
    a.do(f"post_send q FETCH_ADD id=14 sge=m+4096:8 {words} add=1")
    a.do(f"post_send q CMP_SWAP id=15 sge=m+4104:8 {words} "
         "compare=0x0706050403020101 swap=5")
    a.do(f"post_send q RDMA_READ id=16 sge=m+5000:999 {words}")
    a.do("post_send q SEND id=17 sge=m:0")
    for n in range(11, 18):
        a.wc(n)
    b.wc(1, len=600, imm="0x7")
    b.wc(2, len=700, imm="0x8")
    b.wc(3, len=0)
    a.expect("read m+4096:8", "data", "0001020304050607")
    a.expect("read m+4104:8", "data", "0101020304050607")
    a.expect("read m+5000:10", "data", "05000000000000000809")


def invalidate(a, b):
    """rxe does not tell programs which key has gone."""
    connect(a, b)
    b.do("mr open 4096 access=local_write,remote_write,mw_bind")
    b.do("mw w type=2")
    window = b.do("post_send q BIND_MW id=1 mw=w mr=open access=remote_write")
    b.wc(1)
    words = f"va={window['va']} rkey={window['rkey']}"
    b.do("post_recv q id=2 sge=m+8192:100")
    a.do(f"post_send q RDMA_WRITE id=3 sge=m:2000 {words}")
    a.wc(3)
    a.do(f"post_send q SEND_INV id=4 sge=m:8 inv_rkey={window['rkey']}")
    a.wc(4)
    told = {} if b.name == "rxe" else {"inv_rkey": window["rkey"]}
    b.wc(2, len=8, **told)
    a.do(f"post_send q RDMA_WRITE id=5 sge=m:8 {words}")
    a.wc(5, "REM_ACCESS_ERR")


def unreliable(a, b):
    _, there = connect(a, b, "UC")
    for n in range(1, 4):
        b.do(f"post_recv q id={n} sge=m+8192:4096")
    a.do("write m:3000 count")
    words = f"va={there['va']} rkey={there['rkey']}"
    a.do("post_send q SEND id=11 sge=m:3000")
    a.do("post_send q SEND_IMM id=12 sge=m:1 imm=9")
    a.do(f"post_send q RDMA_WRITE_IMM id=13 sge=m:3000 {words} imm=10")
    for n in range(11, 14):
        a.wc(n)
    b.wc(1, len=3000)
    b.wc(2, len=1, imm="0x9")
    b.wc(3, len=3000, imm="0xa")
    b.expect("read m+2816:3", "data", "000102")


def datagrams(a, b):
    for end in a, b:
        end.do("mr m 8192")
    a.do("qp q UD")
    there = b.do("qp q UD")
    for n in range(1, 4):
        b.do(f"post_recv q id={n} sge=m:1100")
    words = f"dqpn={there['qpn']} dgid={b.gid}"
    a.do("write m:1024 count")
    a.do(f"post_send q SEND id=11 sge=m:1024 {words} qkey=0x11111111")
    a.do(f"post_send q SEND id=12 sge=m:8 {words} qkey=0x22222222")
    a.do(f"post_send q SEND_IMM id=13 sge=m:9 {words} imm=3 "
         "qkey=0x11111111")
    for n in range(11, 14):
        a.wc(n)
    b.wc(1, len=1064)
    b.wc(2, len=49, imm="0x3")


TALKS = {
    "bad_rkey_write": bad_rkey("RDMA_WRITE"),
    "bad_rkey_read": bad_rkey("RDMA_READ"),
    "bad_rkey_atomic": bad_rkey("FETCH_ADD"),
    **{talk.__name__: talk for talk in (
        no_right, past_the_end, receiver_not_ready, never_ready, too_long,
        every_request, invalidate, unreliable, datagrams)},
}
