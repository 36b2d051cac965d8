#!/usr/bin/python3
"""glassnic replay on captures as they are, and changed: replay_test.py [BUILD]

The captures of pcaps/ hold no fault of glassnic's, from either side, in whatever
link layer.  Then something is changed, in the capture or in the NIC, and replay
must say what it is.
"""

import glob
import os
import random
import re
import subprocess
import sys
import tempfile

import frames as fr
from support import Score

SIDES = ("responder", "requester")
PCAPS = "pcaps"
LIMIT = 120  # seconds

SEND_FIRST, SEND_ONLY, READ_MIDDLE, ACK = 0x00, 0x04, 0x0e, 0x11
AETH = 12


class Replay:
    def __init__(self, build, folder):
        self.glassnic, self.folder = os.path.join(build, "glassnic"), folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, capture, *options):
        return subprocess.run([self.glassnic, "replay", capture, *options],
                              capture_output=True, text=True, timeout=LIMIT)

    def write(self, name, frames, *args):
        return fr.write_pcap(self.path(name), frames, *args)


def pcap(name):
    return f"{PCAPS}/{name}.pcap"


def named(name):
    """Of whatever kind."""
    return glob.glob(f"{PCAPS}/{name}.pcap*")[0]


def tallies(done):
    """For each flow and side what was counted, without who it was."""
    return sorted(re.findall(r"^flow \d+: .* as (\w+) of [^:]*(?:::\S*)?.*?: "
                             r"(\d+ played, .*)$", done.stdout, re.M))


def sum_of(done, word):
    return sum(int(n) for n in re.findall(rf"\b{word} (\d+)", done.stdout))


def complaint(done, status=0):
    if done.returncode != status:
        return (f"exit {done.returncode}, not {status}: "
                f"{(done.stdout + done.stderr)[-600:]}")
    return ""


def expect(done, status, *words):
    """What is wrong, if it does not end so, or does not say these."""
    missing = [w for w in words if not re.search(w, done.stdout, re.M)]
    return complaint(done, status) or (
        f"it does not say {missing}: {done.stdout[-800:]}" if missing else "")


# ---- as they are ----


def corpus():
    return sorted(glob.glob(f"{PCAPS}/*.pcap*"))


# Of which nothing can be compared, and what replay says of it.
LEFT_OUT = {
    ("xrc_initiator.pcapng", "responder"):
        "^  played no further: glassnic has no key that a SEND to an XRC QP "
        "could invalidate$",
}


def whole(score, tool):
    for path in corpus():
        name = os.path.basename(path)
        for side in SIDES:
            done = tool.run(path, "--as", side)
            wrong = expect(done, 0, "^replay: .* 0 violations by glassnic$",
                           LEFT_OUT.get((name, side), ""))
            if bool(sum_of(done, "same")) == ((name, side) in LEFT_OUT):
                wrong = wrong or f"nothing or too much: {done.stdout}"
            score.check(f"{name} as {side}", wrong)


def account(score, tool):
    """What soft-RoCE is known to do wrong is its own fault, not glassnic's."""
    done = tool.run(pcap("rnr"), "-v", "--as", "responder")
    score.check("a sequence NAK after an RNR NAK is the captured side's fault",
                expect(done, 0, r"^frame 4: rule \(captured\): .*nak-seq-rnr",
                       r"^frame 9: rule \(captured\)", "captured 2 "))
    done = tool.run(pcap("nak_bad_rkey_write"), "-v", "--as", "requester")
    score.check("so is a request after a NAK that ends the connection",
                expect(done, 0, r"\(captured\): .*after-fatal"))


def links(score, tool):
    shapes = {
        "VLAN": (fr.tagged, fr.ETHERNET),
        "VXLAN": (fr.in_vxlan, fr.ETHERNET),
        "VLAN in VXLAN in VLAN": (
            lambda f: fr.tagged(fr.in_vxlan(fr.tagged(f))), fr.ETHERNET),
        "Linux cooked": (fr.cooked, fr.LINUX_SLL),
        "Linux cooked v2": (fr.cooked2, fr.LINUX_SLL2),
        "IPv6": (fr.in_ipv6, fr.ETHERNET),
        "IP alone": (lambda f: f[fr.ETH:], fr.RAW),
    }
    for name in "rc_read", "rdma_cm", "rnr":
        plain = [(t, f) for t, f in fr.read_pcap(pcap(name)) if fr.is_roce(f)]
        want = tallies(tool.run(tool.write("plain.pcap", plain)))
        for shape, (wrap, linktype) in shapes.items():
            done = tool.run(tool.write(
                "link.pcap", [(t, wrap(f)) for t, f in plain], linktype))
            wrong = complaint(done) or (
                "" if want and tallies(done) == want else
                f"{tallies(done)}, not {want}")
            score.check(f"{name} in {shape}", wrong)


def together(score, tool):
    """All connections at once, more than are played at a time."""
    names = ["rc_read", "rdma_cm", "rnr", "pingpong_rc", "loss_req"] * 5
    everything, want = [], []
    for net, name in enumerate(names, 20):
        frames = fr.read_pcap(pcap(name))
        start = frames[0][0]
        everything += [(t - start + 10**18, fr.move(f, net))
                       for t, f in frames]
        want += tallies(tool.run(pcap(name)))
    done = tool.run(tool.write("all.pcap", sorted(everything,
                                                  key=lambda x: x[0])))
    wrong = complaint(done)
    if not wrong and tallies(done) != sorted(want):
        wrong = f"{len(tallies(done))} tallies differ from {len(want)}"
    score.check(f"{len(want)} flows and sides in one capture", wrong)


def passes(tool, path, side, flow):
    """What is wrong with one flow's drill."""
    done = tool.run(path, "--as", side, "--flow", flow, "--as-drill")
    drill = tool.path("replayed.drill")
    with open(drill, "w") as f:
        f.write(done.stdout)
    played = subprocess.run([tool.glassnic, "drill", drill],
                            capture_output=True, text=True, timeout=LIMIT)
    wrong = complaint(done) or complaint(played)
    if not re.search("^[<>] ", done.stdout, re.M):
        wrong = wrong or "a drill without packets"
    return wrong and f"flow {flow} as {side}: {wrong}"


def is_refused(tool, path, side, flow):
    """What is wrong where there is nothing of which a drill could be made."""
    done = tool.run(path, "--as", side, "--flow", flow, "--as-drill")
    wrong = complaint(done, 2)
    words = f"flow {flow}, as {side}: nothing to write: "
    if words not in done.stderr:
        wrong = wrong or f"it does not say '{words}': {done.stderr}"
    return wrong


def drills(score, tool):
    nothing = 0
    for path in corpus():
        wrong = ""
        for side in SIDES:
            listed = tool.run(path, "--as", side).stdout
            for flow, what in re.findall(
                    r"^flow (\d+): .* (not|\d+) played", listed, re.M):
                if what in ("not", "0"):
                    wrong = wrong or is_refused(tool, path, side, flow)
                    nothing += 1
                else:
                    wrong = wrong or passes(tool, path, side, flow)
        score.check(f"{os.path.basename(path)} as drills, which pass", wrong)
    score.check("some have nothing of which a drill could be made",
                "" if nothing else "all have something")
    done = tool.run(pcap("pingpong_rc"), "--as-drill")
    score.check("a drill is of one flow and side", complaint(done, 2))


# ---- broken captures ----


def middles(score, tool):
    """However late it begins, and whatever it lost: no fault of glassnic's."""
    rnd = random.Random(4)
    for path in corpus():
        read = fr.read_pcapng if path.endswith("ng") else fr.read_pcap
        frames = read(path)
        wrong = ""
        for first in range(1, min(len(frames), 40), 3):
            done = tool.run(tool.write("late.pcap", frames[first:]))
            wrong = wrong or complaint(done)
        name = os.path.basename(path)
        score.check(f"{name} from the middle on", wrong)
        wrong = ""
        for lost in (0.05, 0.2, 0.5) * 4:
            kept = [f for f in frames if rnd.random() > lost]
            done = tool.run(tool.write("lossy.pcap", kept))
            wrong = wrong or complaint(done)
        score.check(f"{name} with frames missing", wrong)


def cut_short(score, tool):
    with open(pcap("rc_read"), "rb") as f:
        data = f.read()
    path = tool.path("short.pcap")
    with open(path, "wb") as f:
        f.write(data[:-300])
    score.check("a file that ends within a frame",
                expect(tool.run(path), 0, "not whole: .*middle of frame"))
    frames = fr.read_pcap(pcap("rc_read"))
    score.check("frames that the sniffer cut",
                complaint(tool.run(tool.write("cut.pcap", frames, fr.ETHERNET,
                                              90))))
    frames[2] = (frames[2][0], frames[2][1][:-1] + b"\x55")
    score.check("a wrong ICRC",
                expect(tool.run(tool.write("bad.pcap", frames)), 0,
                       "^left out: 1 packets: damaged$"))
    with open(path, "wb") as f:
        f.write(b"not a capture at all")
    for name, target in ("no capture", path), ("no file", path + ".none"), \
            ("standard input", "-"):
        score.check(name, complaint(tool.run(target), 2))


# ---- what differs is told apart ----


def altered(tool, name, which, change):
    """The capture with the first frame for which @which holds as @change makes
    it; nothing: without it.
    """
    frames = fr.read_pcap(pcap(name))
    for i, (nsec, frame) in enumerate(frames):
        if fr.is_roce(frame) and which(fr.Roce(frame)):
            new = change(frame)
            frames[i:i + 1] = [(nsec, new)] if new else []
            return tool.write("altered.pcap", frames)
    raise AssertionError(f"{name} has no such packet")


def differences(score, tool):
    path = altered(tool, "pingpong_rc", lambda p: p.opcode == ACK and
                   p.data[15] == 2,
                   lambda f: fr.change(f, AETH + 1, b"\0\0\x09"))
    score.check("an MSN that is wrong in the capture is the capture's fault",
                expect(tool.run(path, "-v"), 0, r"\(captured\): .*: msn: "))

    path = altered(tool, "rdma_cm", lambda p: p.opcode == 0x06,
                   lambda f: fr.change(f, 1, bytes([0xc0])))
    score.check("a solicited event where glassnic sends none is a violation",
                expect(tool.run(path), 1,
                       r"differs \(violation\): .* as requester: se: "
                       "expected 1, got 0", "^replay: .* 1 violations"))

    path = altered(tool, "pingpong_rc", lambda p: p.opcode == ACK,
                   lambda f: b"")
    score.check("an ACK less is legal",
                expect(tool.run(path, "--as", "responder"), 0,
                       r"ack-pace 1\b"))

    path = altered(tool, "rc_read", lambda p: p.opcode == READ_MIDDLE,
                   lambda f: b"")
    score.check("an answer less is loss",
                expect(tool.run(path, "--as", "responder"), 0,
                       r"loss 1 \(lost-answer 1\)"))

    path = altered(tool, "pingpong_rc", lambda p: p.opcode == SEND_ONLY and
                   p.psn == 8633961, lambda f: b"")
    score.check("a request less is loss",
                expect(tool.run(path), 0, r"lost-request [1-9]"))


def faulty_nic(score, tool):
    """A NIC that is made to break rules is found out."""
    cases = [
        ("another MSN", "pingpong_rc", "responder",
         "out corrupt byte=15 icrc=fixed opcode=ACKNOWLEDGE skip 2",
         r"differs \(violation\): .*: msn: expected"),
        ("another MSN in a READ's second answer", "lost_read_response",
         "responder", "out corrupt byte=15 icrc=fixed "
         "opcode=READ_RESPONSE_LAST skip 1",
         r"differs \(violation\): .* as responder: msn: expected 2, got "),
        ("other READ data", "rc_read", "responder",
         "out corrupt byte=40 icrc=fixed opcode=READ_RESPONSE_MIDDLE once",
         r"differs \(violation\): .*: data\[28\]: "),
        ("other data", "rdma_cm", "requester",
         "out corrupt byte=60 icrc=fixed opcode=WRITE_MIDDLE once",
         r"differs \(violation\): .*: data\[48\]: "),
        ("no acknowledgement", "pingpong_rc", "responder",
         "out drop opcode=ACKNOWLEDGE", r"missing \(violation\)"),
        ("no READ response", "rc_read", "responder",
         "out drop opcode=READ_RESPONSE_LAST", r"missing \(violation\)"),
        ("a request too few", "pingpong_rc", "requester",
         "out drop opcode=SEND_ONLY once", r"missing \(violation\)"),
        ("a good request refused", "rdma_cm", "responder",
         "in corrupt byte=22 icrc=fixed opcode=WRITE_FIRST once",
         r"refuses \(violation\)"),
        ("a request lost on its way in", "pingpong_rc", "responder",
         "in drop opcode=SEND_ONLY once", r"refuses \(violation\)"),
        ("a NAK without a gap", "pingpong_rc", "responder",
         "out corrupt byte=12 bits=8 icrc=fixed opcode=ACKNOWLEDGE once",
         r"\(violation\)"),
        ("a good answer refused", "rc_read", "requester",
         "in truncate to 500 icrc=fixed opcode=READ_RESPONSE_MIDDLE once",
         r"fails \(violation\): .*BAD_RESP"),
        ("deaf to NAKs", "loss_req", "requester",
         "in drop aeth=nak", r"missing \(violation\): .*does not go back"),
        ("deaf to RNR NAKs", "rnr", "requester",
         "in drop aeth=rnr", r"missing \(violation\): .*does not go back"),
    ]
    rules = tool.path("nic.rules")
    for name, capture, side, rule, words in cases:
        with open(rules, "w") as f:
            f.write(rule + "\n")
        done = tool.run(named(capture), "--as", side, "--nic",
                        f"impair={rules}")
        score.check(f"a NIC with faults: {name}", expect(done, 1, words))


# ---- long captures ----


def long_capture(path, messages, answered):
    """SENDs of one packet; the first @answered are acknowledged."""
    a, b = [10, 0, 0, 1], [10, 0, 0, 2]
    data = bytes(range(256)) * 2

    def frames():
        for i in range(messages):
            yield i * 2000, fr.packet((a, b), fr.bth(SEND_ONLY, 7, i, True),
                                      data)
            if i < answered:
                yield i * 2000 + 900, fr.packet(
                    (b, a), fr.bth(ACK, 9, i),
                    b"\x1f" + (i + 1 & 0xffffff).to_bytes(3, "big"))

    return fr.write_pcap(path, frames())


def peak_memory(tool, path):
    """KiB, of a replay of it."""
    with subprocess.Popen([tool.glassnic, "replay", path],
                          stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss


def memory(score, tool):
    for name, answered in ("answers", 50000), ("requests only", 0), \
            ("answers that cease", 100):
        few, many = (peak_memory(tool, long_capture(tool.path("long.pcap"), n,
                                                    answered))
                     for n in (10000, 50000))
        wrong = f"exits {few[0]}, {many[0]}" if few[0] or many[0] else ""
        if not wrong and many[1] > few[1] + 4096:
            wrong = f"{few[1]} KiB for a fifth, {many[1]} KiB for all"
        score.check(f"memory does not grow with the capture: {name}", wrong)


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    score = Score()
    with tempfile.TemporaryDirectory() as folder:
        tool = Replay(build, folder)
        for suite in (whole, account, links, together, drills, middles,
                      cut_short, differences, faulty_nic, memory):
            suite(score, tool)
    score.finish()


if __name__ == "__main__":
    main()
