#!/usr/bin/python3
"""Does wireshark/glassnic.lua say of packets what they are? wireshark_test.py BUILD

tshark runs it on a frame of every opcode (tests/oracle/frames.c says what went
in), and on the captures in pcaps/, whole and damaged, where `glassnic decode`
says the same of each.
"""

import glob
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "../../wireshark/glassnic.lua")
PCAPS = sorted(glob.glob(os.path.join(HERE, "../../pcaps/*.pcap*")))
FIELDS = ["icrc", "icrc_expected", "opcode", "fecn", "becn", "cnp", "srqn",
          "flush", "va", "rkey", "dma_len", "atomic_write", "rnr_usec",
          "credits", "nak", "payload", "again", "copy", "late", "missing",
          "message", "message_first", "message_bytes", "answers",
          "answer_time", "not_malformed"]
CREDITS_UNLIMITED = 31


class Score:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, got, want):
        self.passed += got == want
        self.failed += got != want
        if got != want:
            print(f"FAIL {name}: got {got!r}, expected {want!r}")


def run_tshark(*words):
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            ["tshark", "-n", "-X", f"lua_script:{SCRIPT}", *words],
            env={"HOME": home, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            capture_output=True, text=True, timeout=300)
    complaints = [line for line in done.stderr.splitlines()
                  if "Running as user" not in line]
    return done.stdout, complaints


def plugin_rows(score, path, *words):
    """What it says of each frame that has RoCEv2; and the Info column."""
    wanted = [w for name in FIELDS for w in ("-e", f"glassnic.{name}")]
    out, complaints = run_tshark("-r", path, *words, "-T", "fields", "-e",
                                 "frame.number", "-e", "_ws.col.Info",
                                 *wanted)
    score.check(f"{path}: complaints", complaints, [])
    rows = {}
    for line in out.splitlines():
        number, info, *cells = line.split("\t")
        row = {k: v for k, v in zip(FIELDS, cells) if v}
        if row:
            rows[int(number)] = {**row, "info": info}
    return rows


def decode(glassnic, path):
    done = subprocess.run([glassnic, "decode", "--json", path], text=True,
                          capture_output=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- every opcode ---------------------------------------------------------------

def flag(text):
    return int(text in ("1", "True"))


def check_frame(score, told, row):
    name = f"{told['name']} over IPv{told['ip']}" + \
        (" in VXLAN" if told["vxlan"] else "")
    said = row.get("opcode", "").upper().replace(" ", "_")

    score.check(f"{name}, ICRC", row.get("icrc"), "good")
    score.check(f"{name}, transport", said.split("_")[0],
                told["name"].split("_")[0])
    for bit in "fecn", "becn":
        score.check(f"{name}, {bit}", flag(row.get(bit)), told[f"bth.{bit}"])
    score.check(f"{name}, CNP", flag(row.get("cnp")),
                int(told["bth.opcode"] == 0x81))
    score.check(f"{name}, payload", int(row["payload"]),
                len(told["payload"]) // 2)
    check_headers(score, name, told, row)
    check_aeth(score, name, told, row)


def check_headers(score, name, told, row):
    """Those of opcodes that Wireshark 4.0 does not know."""
    opcode = told["bth.opcode"]
    if opcode not in (0x1c, 0x1d) and not 0xa0 <= opcode < 0xc0:
        return
    for key, mine in (("xrceth.srqn", "srqn"), ("reth.va", "va"),
                      ("reth.rkey", "rkey"), ("reth.len", "dma_len")):
        if key in told:
            score.check(f"{name}, {key}", int(row.get(mine, "-1"), 0),
                        told[key])
    if opcode & 0x1f == 0x1c:
        score.check(f"{name}, flush", row.get("flush"),
                    "persistence of the whole region")
    if opcode & 0x1f == 0x1d:
        score.check(f"{name}, value", row.get("atomic_write"),
                    told["payload"])


def check_aeth(score, name, told, row):
    kind, value = told.get("aeth.kind"), told.get("aeth.value")
    score.check(f"{name}, RNR timer", "rnr_usec" in row, kind == 1)
    score.check(f"{name}, NAK", "nak" in row, kind == 3)
    score.check(f"{name}, credits", "credits" in row,
                kind == 0 and value != CREDITS_UNLIMITED)


def check_opcodes(score, frames, folder):
    path = os.path.join(folder, "frames.pcap")
    out = subprocess.run([frames, path], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    rows = plugin_rows(score, path)
    for number, line in enumerate(out.splitlines(), 1):
        check_frame(score, json.loads(line), rows.get(number, {"payload": 0}))


# --- captures -------------------------------------------------------------------

def is_again(row):
    return "again" in row or flag(row.get("late")) == 1


def check_capture(score, glassnic, path):
    rows = plugin_rows(score, path)
    name = os.path.basename(path)
    for p in decode(glassnic, path):
        row = rows.get(p["frame"], {})
        where = f"{name} frame {p['frame']}"
        if p.get("segments"):
            continue
        score.check(f"{where}, ICRC", row.get("icrc"),
                    {"ok": "good", "bad": "bad"}.get(
                        p["icrc"], "not all of the packet was captured"))
        score.check(f"{where}, RNR", row.get("rnr_usec"),
                    str(p["rnr_usec"]) if "rnr_usec" in p else None)
        score.check(f"{where}, NAK", row.get("nak"), p.get("nak"))
        score.check(f"{where}, credits", row.get("credits"),
                    str(p["credits"]) if "credits" in p else None)
        score.check(f"{where}, FECN", flag(row.get("fecn")), int(p["fecn"]))
        if p["kind"] in ("again", "data"):
            score.check(f"{where}, again", is_again(row),
                        p["kind"] == "again")
        if p["kind"] != "bad":
            score.check(f"{where}, malformed",
                        "Malformed" in row.get("info", ""), False)


def check_messages(score, glassnic, path):
    """The last packet of a message says how long it is, and where it began."""
    rows = plugin_rows(score, path)
    length = {}
    for p in decode(glassnic, path):
        row = rows[p["frame"]]
        if "message" not in row:
            continue
        first = int(row["message_first"])
        if p["opcode"].split("_")[2] in ("FIRST", "ONLY"):
            score.check("a message begins", first, p["frame"])
            length[first] = 0
        length[first] += p.get("payload", 0)
        score.check(f"{os.path.basename(path)} frame {p['frame']}, message",
                    int(row["message_bytes"]), length[first])


def check_answers(score, glassnic, path):
    """An ACK names the request whose PSN it has."""
    rows = plugin_rows(score, path)
    packets = {p["frame"]: p for p in decode(glassnic, path)}
    named = 0
    for frame, row in rows.items():
        if "answers" not in row:
            continue
        asked, answer = packets[int(row["answers"])], packets[frame]
        named += 1
        score.check(f"frame {frame} answers", asked["src"], answer["dst"])
        score.check(f"frame {frame} answers, time",
                    abs(float(row["answer_time"]) -
                        (answer["time"] - asked["time"])) < 1e-5, True)
    score.check(f"{os.path.basename(path)}: answers are found", named > 3,
                True)


def pcap_frames(path):
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        kept, _ = struct.unpack("<II", data[at + 8:at + 16])
        yield data[at:at + 16], data[at + 16:at + 16 + kept]
        at += 16 + kept


def write_pcap(path, source, frames):
    with open(source, "rb") as f, open(path, "wb") as out:
        out.write(f.read(24))
        for head, frame in frames:
            out.write(head[:8] + struct.pack("<II", len(frame), len(frame)) +
                      frame)


def check_damaged(score, glassnic, folder):
    """A bit of each frame is wrong, somewhere behind Ethernet."""
    rnd = random.Random(1)
    source = os.path.join(HERE, "../../pcaps/loss_req.pcap")
    path = os.path.join(folder, "damaged.pcap")
    frames = []
    for head, frame in pcap_frames(source):
        spoiled = bytearray(frame)
        spoiled[rnd.randrange(42, len(frame))] ^= 1 << rnd.randrange(8)
        frames.append((head, bytes(spoiled)))
    write_pcap(path, source, frames)
    rows = plugin_rows(score, path)
    bad = 0
    for p in decode(glassnic, path):
        got = rows.get(p["frame"], {}).get("icrc")
        bad += p["icrc"] == "bad"
        score.check(f"damaged frame {p['frame']}", got,
                    {"ok": "good", "bad": "bad"}[p["icrc"]])
    score.check("damage is seen", bad > 200, True)


def check_tagged(score, folder):
    """VLAN tags, one and two, in front."""
    source = os.path.join(HERE, "../../pcaps/rc_read.pcap")
    path = os.path.join(folder, "tagged.pcap")
    tags = bytes.fromhex("88a80007" "81000005")
    write_pcap(path, source, [(h, f[:12] + tags + f[12:])
                              for h, f in pcap_frames(source)])
    rows = plugin_rows(score, path)
    score.check("tagged frames", [r["icrc"] for r in rows.values()],
                ["good"] * len(list(pcap_frames(source))))


def check_hostile(score, folder):
    """No frame, however odd, makes the script fail."""
    rnd = random.Random(2)
    source = os.path.join(HERE, "../../pcaps/rc_read.pcap")
    path = os.path.join(folder, "hostile.pcap")
    frames = []
    for _ in range(40):
        for head, frame in pcap_frames(source):
            spoiled = bytearray(frame[:rnd.randrange(30, len(frame) + 1)])
            for _ in range(rnd.randrange(4)):
                spoiled[rnd.randrange(14, len(spoiled))] = rnd.randrange(256)
            if len(spoiled) > 42 and rnd.randrange(2):
                spoiled[42] = rnd.randrange(256)  # the opcode
            frames.append((head, bytes(spoiled)))
    write_pcap(path, source, frames)
    out, complaints = run_tshark("-r", path, "-V")
    score.check("hostile frames: complaints", complaints, [])
    score.check("hostile frames: Lua errors", "Lua Error" in out, False)


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    glassnic = os.path.join(build, "glassnic")
    score = Score()
    if not shutil.which("tshark"):
        print("tshark not found; tools/setup.sh installs it", file=sys.stderr)
        sys.exit(77)
    if "with Lua" not in subprocess.run(["tshark", "--version"], text=True,
                                        capture_output=True).stdout:
        print("this tshark has no Lua", file=sys.stderr)
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        check_opcodes(score, os.path.join(build, "tests/oracle/frames"), folder)
        for path in PCAPS:
            check_capture(score, glassnic, path)
        check_messages(score, glassnic, os.path.join(
            HERE, "../../pcaps/pingpong_rc.pcap"))
        for name in "rc_read", "rdma_cm":
            check_answers(score, glassnic,
                          os.path.join(HERE, f"../../pcaps/{name}.pcap"))
        check_damaged(score, glassnic, folder)
        check_tagged(score, folder)
        check_hostile(score, folder)
    print(f"{score.passed} passed, {score.failed} failed")
    sys.exit(1 if score.failed else 0)


if __name__ == "__main__":
    main()
