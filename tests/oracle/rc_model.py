"""A small model of RC queue pairs that keep the rules, of a network that loses
and doubles packets, and of a sniffer in it that misses some.  Written from the
protocol, not from glassnic: what it says on the wire is correct by another
reading of the same text.

Time is in nanoseconds.  A scenario is a pure function of its seed.
"""

import heapq
import random
import struct
import zlib

PSN_MASK = 0xffffff
SEND, WRITE = "send", "write"
READ, CAS, FAA, ATOMIC_WRITE = 0x0c, 0x13, 0x14, 0x1d
ACK, ATOMIC_ACK, READ_ONLY, READ_MIDDLE = 0x11, 0x12, 0x10, 0x0e
ANSWERED = READ, CAS, FAA, ATOMIC_WRITE  # by more than an ACK
NAK_SEQUENCE, NAK_ACCESS, RNR_640_USEC = 0x60, 0x62, 0x2c
UNLIMITED = 0x1f


def psn_diff(a, b):
    d = (a - b) & PSN_MASK
    return d - (1 << 24) if d & 0x800000 else d


# --- bytes -----------------------------------------------------------------

def icrc(ip, udp, data):
    ip, udp, data = bytearray(ip), bytearray(udp), bytearray(data)
    ip[1] = ip[8] = ip[10] = ip[11] = 0xff
    udp[6] = udp[7] = data[4] = 0xff
    return zlib.crc32(b"\xff" * 8 + ip + udp + data)


def frame(src, dst, sport, ident, data):
    udp = struct.pack(">HHHH", sport, 4791, 12 + len(data), 0)
    ip = bytearray(struct.pack(">BBHHHBBH4s4s", 0x45, 2, 32 + len(data), ident,
                               0x4000, 64, 17, 0, src, dst))
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip[10:12] = struct.pack(">H", ~(total + (total >> 16)) & 0xffff)
    return (b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + udp + data +
            struct.pack("<I", icrc(ip, udp, data)))


def packet(opcode, dqpn, psn, headers=b"", payload=0, ackreq=0):
    pad = -payload % 4
    bth = struct.pack(">BBHII", opcode, 0x40 | pad << 4, 0xffff, dqpn,
                      ackreq << 31 | psn)
    return bth + headers + bytes(payload + pad)


# --- the network -----------------------------------------------------------

class Network:
    """One sniffer between A and B; what it sees is in self.seen."""

    def __init__(self, rnd):
        pick = rnd.choice
        self.rnd, self.now, self.events, self.count = rnd, 0, [], 0
        self.loss_before = pick([0, 0, .01, .1])
        self.loss_behind = pick([0, 0, .01, .1])
        self.doubles_before = pick([0, 0, 0, .1])
        self.doubles_behind = pick([0, 0, .05])
        self.misses = pick([0, 0, 0, .02, .2])
        self.delay = {"A": pick([2000, 10000, 2000000]),
                      "B": pick([2000, 10000, 50000])}
        self.delay_behind = {"A": pick([2000, 50000]),
                             "B": pick([2000, 50000])}
        self.idents, self.ports = pick(["zero", "up", "gso"]), pick(
            ["same", "own", "fixed"])
        self.ident = {"A": rnd.randrange(65536), "B": rnd.randrange(65536)}
        self.free = {}  # when a link is free again: packets stay in order
        self.starts = pick([0, 0, 50000, 300000, 3000000])
        self.seen = []

    def at(self, time, call, *args):
        self.count += 1
        heapq.heappush(self.events, (time, self.count, call, args))

    def run(self, most):
        while self.events and self.count < most:
            self.now, _, call, args = heapq.heappop(self.events)
            call(*args)

    def in_order(self, link, time):
        self.free[link] = time = max(time, self.free.get(link, 0) + 1)
        return time

    def ident_of(self, side):
        if self.idents == "zero":
            return 0
        if self.idents == "gso":
            return self.rnd.randrange(8)
        self.ident[side] = (self.ident[side] + 1) & 0xffff
        return self.ident[side]

    def send(self, qp, data):
        port = {"same": 50000 + qp.number, "own": qp.qpn,
                "fixed": 49152}[self.ports]
        address = {"A": b"\x0a\0\0\1", "B": b"\x0a\0\0\2"}
        whole = frame(address[qp.side], address[qp.peer.side], port,
                      self.ident_of(qp.side), data)
        for i in range(2 if self.rnd.random() < self.doubles_before else 1):
            if self.rnd.random() >= self.loss_before:
                time = self.now + self.delay[qp.side] + i * 100
                time += self.rnd.randrange(500)
                self.at(self.in_order((qp.side, 1), time), self.pass_sniffer,
                        qp, data, whole)

    def pass_sniffer(self, qp, data, whole):
        if self.rnd.random() >= self.misses and self.now >= self.starts:
            self.seen.append((self.now, whole))
        for i in range(2 if self.rnd.random() < self.doubles_behind else 1):
            if self.rnd.random() >= self.loss_behind:
                time = self.now + self.delay_behind[qp.side] + i * 300
                self.at(self.in_order((qp.side, 2), time), qp.peer.receive,
                        data)


# --- a queue pair ----------------------------------------------------------

class Request:
    """A request packet."""

    def __init__(self, psn, opcode, headers=b"", payload=0, ackreq=1, span=1,
                 length=0):
        self.psn, self.opcode, self.headers = psn, opcode, headers
        self.payload, self.ackreq, self.span = payload, ackreq, span
        self.length, self.got = length, 0  # READ

    def end(self):
        return (self.psn + self.span) & PSN_MASK


class QueuePair:
    def __init__(self, network, side, number, psn, habits):
        self.net, self.side, self.number, self.h = network, side, number, habits
        self.qpn = (0x11 if side == "A" else 0x31) + number
        self.closed = self.stopped = self.failed = False
        # The requester: sent but not acknowledged starts at una.
        self.first = self.una = self.current = self.next = psn
        self.requests, self.busy, self.tries = [], False, 0
        self.timer, self.wait_until, self.when_idle = 0, 0, None
        # The responder.
        self.msn, self.expected, self.naked, self.not_ready = 0, None, False, 0
        self.answers, self.answering, self.saved = [], False, {}

    # The requester.

    def post(self, kind, length, imm):
        if kind in (SEND, WRITE):
            self.post_message(kind, length, imm)
        elif kind == READ:
            span = max(1, -(-length // self.h.mtu))
            self.append(Request(self.next, READ, span=span, length=length))
        elif kind == ATOMIC_WRITE:
            reth = struct.pack(">QII", 0x4000, 7, 8)
            self.append(Request(self.next, kind, reth, 8))
        else:
            eth = struct.pack(">QIQQ", 0x4000, 7, self.net.rnd.randrange(99), 1)
            self.append(Request(self.next, kind, eth))

    def append(self, request):
        self.requests.append(request)
        self.next = request.end()

    def post_message(self, kind, length, imm):
        n = max(1, -(-length // self.h.mtu))
        base = 6 if kind == WRITE else 0
        for i in range(n):
            last, headers = i == n - 1, b""
            opcode = base + (1 if i else 0) if not last else \
                base + (4 if n == 1 else 2) + imm
            if kind == WRITE and i == 0:
                headers += struct.pack(">QII", 0x1000, 7, length)
            if last and imm:
                headers += b"\0\0\0\7"
            payload = length - i * self.h.mtu if last else self.h.mtu
            often = self.h.ack_every and i % self.h.ack_every == 0
            self.append(Request(self.next, opcode, headers, payload,
                                int(last or often)))

    def find(self, psn):
        for r in self.requests:
            if 0 <= psn_diff(psn, r.psn) < r.span:
                return r
        return None

    def kick(self):
        if not self.busy and not self.stopped:
            self.busy = True
            start = max(self.net.now, self.wait_until)
            self.net.at(start + self.net.rnd.randrange(200, 1500),
                        self.transmit)

    def transmit(self):
        self.busy = False
        r = self.find(self.current)
        if self.stopped or self.closed or not r or \
                psn_diff(self.current, self.una) >= self.h.window:
            return
        if self.net.now < self.wait_until:
            self.kick()
            return
        headers, psn = r.headers, self.current
        if r.opcode == READ:
            done = psn_diff(psn, r.psn) * self.h.mtu
            headers = struct.pack(">QII", 0x2000 + done, 7, r.length - done)
        self.current = r.end()
        self.net.send(self, packet(r.opcode, self.peer.qpn, psn, headers,
                                   r.payload, r.ackreq))
        self.arm()
        self.kick()

    def arm(self):
        self.timer += 1
        self.net.at(self.net.now + self.h.timeout, self.timed_out, self.timer)

    def timed_out(self, timer):
        if timer != self.timer or self.una == self.next or self.closed:
            return
        self.tries += 1
        self.stopped |= self.tries > 7
        self.go_back(self.una)
        self.arm()

    def go_back(self, psn):
        self.current = psn
        self.kick()

    def acknowledged(self, psn):
        """All below @psn is."""
        if psn_diff(psn, self.una) <= 0:
            return
        self.una, self.tries = psn, 0
        self.arm()
        if psn_diff(self.current, psn) < 0:
            self.current = psn
        self.requests = [r for r in self.requests
                         if psn_diff(r.end(), psn) > 0]
        self.kick()
        if self.una == self.next and self.when_idle:
            self.when_idle()

    def skipped(self, psn):
        """The READ or atomic whose answers an answer to @psn jumps over."""
        for r in self.requests:
            if r.opcode in ANSWERED and psn_diff(r.end(), psn) <= 0:
                return r
        return None

    def hear_answer(self, opcode, psn, syndrome):
        outside = psn_diff(psn, self.una) < 0 or \
            psn_diff(psn, self.current) >= 0
        if self.stopped or outside:
            return
        r = self.skipped(psn)
        if r:  # an implied NAK
            self.acknowledged((r.psn + r.got) & PSN_MASK)
            self.go_back(self.una)
        elif syndrome < 0x20:
            self.hear_ack(opcode, psn)
        else:
            self.hear_nak(psn, syndrome)

    def hear_ack(self, opcode, psn):
        r = self.find(psn)
        if r.opcode in ANSWERED:
            place = psn_diff(psn, r.psn)
            if opcode == ACK or place < r.got:
                return
            if place > r.got:
                self.acknowledged((r.psn + r.got) & PSN_MASK)
                self.go_back(self.una)
                return
            r.got += 1
        self.acknowledged((psn + 1) & PSN_MASK)

    def hear_nak(self, psn, syndrome):
        self.acknowledged(psn)
        if syndrome == RNR_640_USEC:
            self.wait_until = self.net.now + 641000
        if syndrome in (RNR_640_USEC, NAK_SEQUENCE):
            self.go_back(psn)
        else:
            self.stopped = True

    # The responder.

    def receive(self, data):
        opcode, psn = data[0], int.from_bytes(data[9:12], "big")
        if self.closed:
            return
        if 0x0d <= opcode <= 0x12:
            self.hear_answer(opcode, psn,
                             0 if opcode == READ_MIDDLE else data[12])
            return
        if self.expected is None:
            self.expected = self.peer.first
        ahead = psn_diff(psn, self.expected)
        if self.failed:
            return
        if ahead > 0:
            if not self.not_ready and not self.naked:
                self.naked = True
                self.answer(ACK, self.expected, NAK_SEQUENCE)
        elif ahead < 0:
            self.repeat(opcode, psn, data)
        else:
            self.naked = self.not_ready = False
            self.execute(opcode, psn, data)

    def repeat(self, opcode, psn, data):
        if opcode == READ:
            self.answer_read(psn, data)
        elif opcode in ANSWERED:
            if psn in self.saved:
                self.answers.append(self.saved[psn])
                self.pump()
        else:
            self.answer(ACK, (self.expected - 1) & PSN_MASK)

    def execute(self, opcode, psn, data):
        rnd = self.net.rnd
        if opcode in (0, 4, 5, 0x0b) and rnd.random() < self.h.not_ready:
            self.not_ready = True
            self.answer(ACK, psn, RNR_640_USEC)
            return
        if opcode in (6, 0x0a, READ) and rnd.random() < self.h.refused:
            self.failed = True
            self.answer(ACK, psn, NAK_ACCESS)
            return
        if opcode not in (0, 1, 6, 7):
            self.msn += 1
        self.expected = (psn + 1) & PSN_MASK
        if opcode == READ:
            self.expected = (psn + self.answer_read(psn, data)) & PSN_MASK
        elif opcode in ANSWERED:
            kind = READ_ONLY if opcode == ATOMIC_WRITE else ATOMIC_ACK
            self.saved[psn] = (kind, psn, UNLIMITED, self.msn_now(), 0)
            self.answer(kind, psn)
        elif data[8] >> 7 or rnd.random() < .02:
            self.answer(ACK, psn)

    def msn_now(self):
        """As it is now, or when the answer leaves: both is done."""
        return self.msn if self.h.msn_early else None

    def answer(self, opcode, psn, syndrome=UNLIMITED):
        self.answers.append((opcode, psn, syndrome, self.msn_now(), 0))
        self.pump()

    def answer_read(self, psn, data):
        """Returns how many packets it takes."""
        length = int.from_bytes(data[24:28], "big")
        n = max(1, -(-length // self.h.mtu))
        for i in range(n):
            opcode = 0x10 if n == 1 else 0x0d if i == 0 else \
                0x0f if i == n - 1 else READ_MIDDLE
            payload = min(self.h.mtu, length - i * self.h.mtu)
            self.answers.append((opcode, (psn + i) & PSN_MASK, UNLIMITED,
                                 self.msn_now(), payload))
        self.pump()
        return n

    def pump(self):
        if self.answers and not self.answering:
            self.answering = True
            self.net.at(self.net.now + self.net.rnd.randrange(200, 2000),
                        self.answer_next)

    def answer_next(self):
        self.answering = False
        if self.closed or not self.answers:
            return
        now = self.answers.pop(0)
        while self.h.coalesces and self.answers and self.is_newer_ack(now):
            now = self.answers.pop(0)
        opcode, psn, syndrome, msn, payload = now
        msn = self.msn if msn is None else msn
        headers = b"" if opcode == READ_MIDDLE else \
            struct.pack(">I", syndrome << 24 | msn)
        if opcode == ATOMIC_ACK:
            headers += bytes(8)
        self.net.send(self, packet(opcode, self.peer.qpn, psn, headers,
                                   payload))
        self.pump()

    def is_newer_ack(self, now):
        after = self.answers[0]
        return now[0] == after[0] == ACK and \
            now[2] == after[2] == UNLIMITED and psn_diff(after[1], now[1]) >= 0


# --- scenarios -------------------------------------------------------------

class Habits:
    """What both sides of a scenario do alike."""

    def __init__(self, rnd, network):
        pick = rnd.choice
        self.mtu = pick([256, 512, 1024, 4096])
        self.window = pick([4, 16, 64])
        self.ack_every = pick([0, 0, 1, 4])
        self.timeout = pick([500000, 4000000, 67000000])
        there_and_back = sum(network.delay.values()) + \
            sum(network.delay_behind.values())
        if self.timeout < 2 * there_and_back + 400000:
            self.timeout = 67000000
        self.not_ready = pick([0, 0, .05, .3])
        self.refused = pick([0, 0, 0, .03])
        self.msn_early = pick([False, True])
        self.coalesces = pick([False, True])


class Scenario:
    def __init__(self, seed):
        self.rnd = random.Random(seed)
        self.net = Network(self.rnd)
        self.habits = Habits(self.rnd, self.net)
        self.same_psns = self.rnd.random() < .3
        self.pairs = self.rnd.choice([1, 1, 2, 4])
        kinds = [SEND, SEND, WRITE, WRITE, READ, CAS, FAA, ATOMIC_WRITE]
        self.kinds = self.rnd.sample(kinds, self.rnd.randrange(1, 8))
        self.open = []
        self.connect(self.rnd.choice([0, 0, 1]))
        self.net.run(40000)
        self.frames = self.net.seen

    def connect(self, more):
        """@more: how often the QPNs are used again afterwards."""
        for number in range(self.pairs):
            a, b = (QueuePair(self.net, side, number,
                              same if self.same_psns else
                              self.rnd.randrange(1 << 24), self.habits)
                    for side, same in (("A", 256), ("B", 512)))
            a.peer, b.peer = b, a
            self.open += [a, b]
            self.work(a, self.rnd.randrange(1, 12))
            if self.rnd.random() < .4:
                self.work(b, self.rnd.randrange(1, 12))
        if more:
            quiet = self.rnd.choice([30000000, 150000000, 2000000000])
            self.net.at(self.net.now + quiet, self.reconnect, more - 1)

    def reconnect(self, more):
        for qp in self.open:
            qp.closed = True
        pause = self.rnd.choice([120000000, 3000000000])
        self.net.at(self.net.now + pause, self.connect, more)

    def work(self, qp, left):
        def post():
            nonlocal left
            for _ in range(min(left, self.rnd.choice([1, 1, 3]))):
                left -= 1
                mtu = self.habits.mtu
                length = self.rnd.choice([0, 1, 8, mtu - 1, mtu, mtu + 1,
                                          3 * mtu + 5, 8 * mtu])
                qp.post(self.rnd.choice(self.kinds), length,
                        self.rnd.randrange(2))
            qp.kick()

        qp.when_idle = post
        self.net.at(self.net.now + self.rnd.randrange(1000, 100000), post)


def write_pcap(path, frames):
    """Nanosecond pcap of (time, bytes)."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHIIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
        for time, whole in frames:
            out.write(struct.pack("<IIII", 1000 + time // 10**9, time % 10**9,
                                  len(whole), len(whole)) + whole)
