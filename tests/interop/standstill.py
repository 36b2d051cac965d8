"""Whether a pair of programs waits for what rxe will never do.

rxe's requester pauses while more than 64 packets of a QP are with the network
driver.  It reads their number first and then says that it wants to be woken
(need_req_skb in rxe_req.c): if the driver is done with all of them in between,
nobody wakes it.  Its retransmission timer does if something is unacknowledged;
but a responder may acknowledge all that it has got, and then rxe stands still
for ever, in the midst of a message.  Seen with Linux 6.1, over every port.

Only what is proved to be that is taken for it: see Watch.look.
"""

import json
import os
import re
import subprocess
import time

# Many times what rxe waits for an acknowledgement (matrix.PATIENT) before it
# sends again.
QUIET = 20
LOST = 60  # seconds without a packet: what was waited for is lost
PATIENCE = 60
QP = re.compile(r"\brqpn (\d+) .*\bsq-psn (\d+)")


class StandsStill(Exception):
    """One line: what is no fault of glassnic's."""


class Watch:
    """Looks at a pair under way.  @show: the command for glassnic's NIC, to be
    found in @runtime; @address: that NIC's; @may_lose: nobody sends again what
    a busy machine drops.
    """

    def __init__(self, show, runtime, guest, address, may_lose):
        self.show, self.env = show, {**os.environ, "GLASSNIC_RUNTIME": runtime}
        self.guest, self.address = guest, address
        self.may_lose = may_lose
        self.packets, self.since = None, 0

    def nic(self):
        """What `glassnic show' says of it; None: there is none (any more)."""
        try:
            done = subprocess.run(self.show, env=self.env, text=True,
                                  capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return None
        return json.loads(done.stdout) if done.returncode == 0 else None

    def next_psns(self):
        """Of rxe's QPs, by glassnic's QP at the other end: the PSN after the
        last packet sent.
        """
        text = self.guest.run("rdma resource show qp")[1]
        return {int(qpn): int(psn) for qpn, psn in QP.findall(text)}

    def reaches(self):
        """Whether packets pass in both directions, through the NIC's port."""
        command = f"ping -c 1 -W {PATIENCE // 2} {self.address}"
        return self.guest.run(command, PATIENCE)[0] == 0

    def look(self):
        """To be called every now and then.  StandsStill."""
        nic, now = self.nic(), time.monotonic()
        packets = nic and packets_of(nic)
        if not packets or packets != self.packets:
            self.packets, self.since = packets, now
        elif now - self.since > (LOST if self.may_lose else QUIET):
            self.since = now  # if there is no evidence: not at once again
            if self.may_lose and self.reaches() and self.still():
                raise StandsStill(f"one packet is missed, and no other has "
                                  f"come for {LOST} s; pings pass")
            if not self.may_lose:
                self.search(nic)

    def search(self, nic):
        """For evidence: there has been no packet, although rxe is in the midst
        of a message; all that it has sent was executed; and pings pass.  If rxe
        missed an acknowledgement, it would have sent again, and been heard.
        """
        sent = self.next_psns()
        for qp in nic["qps"]:
            if is_owed(qp, sent) and self.reaches() and self.still():
                raise StandsStill(evidence(qp))

    def still(self):
        nic = self.nic()
        return nic and packets_of(nic) == self.packets


def packets_of(nic):
    return [nic["counters"][n] for n in ("sent_pkts", "rcvd_pkts")]


def is_owed(qp, sent):
    """Whether the rest of a message is to come, and nothing is on its way."""
    responder = qp.get("responder", {})
    return qp["type"] == "RC" and responder.get("message") != "none" and \
        sent.get(qp["number"]) == responder.get("epsn")


def evidence(qp):
    return f"rxe stands still in the midst of a {qp['responder']['message']}: " \
        f"all up to PSN {qp['responder']['epsn'] - 1 & 0xffffff}, its last, " \
        f"was executed, pings pass, and it has sent nothing for {QUIET} s"
