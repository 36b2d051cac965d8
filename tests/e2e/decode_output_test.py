#!/usr/bin/python3
"""glassnic decode's JSON, statistics, pictures, and captures that grow:
decode_output_test.py [BUILD]
"""

import glob
import json
import os
import re
import signal
import threading
import time
import xml.etree.ElementTree as xml

from support import (LIMIT, Score, await_port, descriptors, finish, lab,
                     need)

HERE = os.path.dirname(os.path.abspath(__file__))
PCAPS = sorted(glob.glob(os.path.join(HERE, "../../pcaps/*.pcap*")))
LONG = os.path.join(HERE, "../../pcaps/loss_req.pcap")
SVG = "{http://www.w3.org/2000/svg}"


class Wrong(Exception):
    pass


def must(true, what):
    if not true:
        raise Wrong(what)


class Decode:
    def __init__(self, place):
        self.place = place

    def start(self, *words, env=None):
        return self.place.start([self.place.glassnic, "decode",
                                 *map(str, words)], launcher=False, env=env)

    def run(self, *words, status=0, env=None):
        done = finish(self.start(*words, env=env), time.monotonic() + LIMIT)
        must(done.status == status,
             f"{words}: {done.wrong('decode') or done.out[-200:]}")
        return done

    def lines(self, *words):
        return self.run(*words).out.splitlines()

    def json(self, *words):
        return [json.loads(line) for line in self.lines(*words, "--json")]


# --- what is in a file --------------------------------------------------------

def json_says_what_lines_say(decode, path):
    lines, packets = decode.lines(path), decode.json(path)
    must(len(lines) == len(packets), f"{len(lines)} lines, "
         f"{len(packets)} objects")
    for line, packet in zip(lines, packets):
        frame, _, src, _, dst, *text = line.split()
        must((packet["frame"], packet["src"], packet["dst"]) ==
             (int(frame), src, dst), f"{line} is not {packet}")
        must(f"psn={packet['psn']}" in text, f"{line} is not {packet}")
        must(packet["opcode"] == text[0] or "undecodable" in packet,
             f"{line} is not {packet}")
        must(packet["kind"] in ("data", "ack", "nak", "rnr", "again", "cnp",
                                "copy", "bad"), f"kind {packet['kind']}")
        must(("[again]" in line) == (packet["kind"] == "again"), line)


def statistics_add_up(decode, path):
    packets = decode.json(path)
    connections = decode.json(path, "--stats")
    flows = [f for c in connections for f in c["flows"]]
    must(sum(f["packets"] for f in flows) ==
         sum(p["kind"] != "bad" for p in packets), "packets")
    must(sum(f["retransmissions"] for f in flows) ==
         sum(p["kind"] == "again" for p in packets), "retransmissions")
    must(sum(f["rnr_naks"] for f in flows) ==
         sum(p.get("aeth") == "rnr" for p in packets), "RNR NAKs")
    must(sum(f["sequence_naks"] + f["fatal_naks"] for f in flows) ==
         sum(p.get("aeth") == "nak" for p in packets), "NAKs")
    must(sum(f["bytes"] for f in flows) ==
         sum(p.get("payload", 0) for p in packets if p["kind"] != "bad"),
         "bytes")
    text = decode.run(path, "--stats").out
    must(len(re.findall(r"^(?:RC|UC|UD|XRC) ", text, re.M)) ==
         len(connections), "connections in the table")


def rows(path):
    return [g for g in xml.parse(path).iter(SVG + "g")
            if g.get("class", "").startswith("row ")]


def pictures_are_whole(decode, path):
    total = len(decode.lines(path))
    for form in "svg", "html":
        out = decode.place.path("ladder." + form)
        said = decode.run(path, "--ladder", out).err
        with open(out, encoding="utf-8") as f:
            text = f.read()
        drawn = text.count('<g class="row ')
        left = [int(n) for n in re.findall(
            r"not (?:the )?(\d+) ", said)]
        must(drawn + sum(left) == total, f"{drawn} drawn of {total}: {said}")
        must(f"draws {drawn} packets" in said, said)
        must(not re.search(r'(?:src|href)=|url\(|https?://(?!www\.w3\.org)',
                           text), "it would load something")
    svg = rows(decode.place.path("ladder.svg"))
    must(all(g.find(SVG + "title").text.startswith("frame ") for g in svg),
         "fields are missing")


def of_one_qp(decode, path):
    packets = decode.json(path)
    qpn = packets[-1]["dqpn"]
    some = decode.json(path, "--qp", qpn)
    must(some and len(some) <= len(packets), f"{len(some)} packets")
    to = [p for p in some if p["dqpn"] == qpn]
    must(len(to) == sum(p["dqpn"] == qpn for p in packets), "not all to it")
    froms = [p for p in some if p["dqpn"] != qpn]
    must(all(p["src"] == to[0]["dst"] for p in froms),
         "some are from another host")


def check_files(score, decode):
    for path in PCAPS:
        for what in (json_says_what_lines_say, statistics_add_up,
                     pictures_are_whole, of_one_qp):
            name = f"{os.path.basename(path)}: {what.__name__}"
            attempt(score, name.replace("_", " "), what, decode, path)


# --- usage --------------------------------------------------------------------

def limits_are_said(decode):
    path = LONG
    out = decode.place.path("few.svg")
    total = len(decode.lines(path))
    said = decode.run(path, "--ladder", out, "--max", 5).err
    must(f"draws 5 packets, not the {total - 5} after these (--max)" in said,
         said)
    text = " ".join(xml.parse(out).getroot().itertext())
    must(f"{total - 5} more are not drawn (--max)" in text, "in the picture")


def text_ladder_stays(decode):
    lines = decode.lines("--ladder", "--max", 3, LONG)
    must(len(lines) == 5 and "more packets are not shown" in lines[-1], lines)


def refusals_are_a_line(decode):
    for words in (["--ladder=out.png", LONG], ["--json", "--check",
                  LONG], ["--json", "--ladder", LONG],
                  ["--follow", "-"], ["--follow", "no such NIC"],
                  [LONG, "--ladder", "/nowhere/out.svg"]):
        done = decode.run(*words, status=2)
        must(len(done.err.splitlines()) == 1 and
             done.err.startswith("glassnic decode: "), done.err)


def odd_names_are_text(decode):
    odd = decode.place.path('<img src=x onerror="x">&\udcff\x01.pcap')
    with open(LONG, "rb") as f, open(os.fsencode(odd), "wb") as g:
        g.write(f.read())
    os.chmod(os.fsencode(odd), 0o644)
    for form in "svg", "html":
        out = decode.place.path("odd." + form)
        decode.run(odd, "--ladder", out)
        with open(out, encoding="utf-8") as f:
            must("<img" not in f.read(), "markup in a file's name")
    rows(decode.place.path("odd.svg"))


# --- growing ------------------------------------------------------------------

class Growing:
    """A capture that is written in small pieces."""

    def __init__(self, decode, *words):
        with open(LONG, "rb") as f:
            self.data = f.read()
        self.path = decode.place.path("growing.pcap")
        self.file = open(self.path, "wb", buffering=0)
        os.chmod(self.path, 0o644)
        self.decoder = decode.start("--follow", self.path, *words)
        self.limit = threading.Timer(LIMIT, self.decoder.kill)
        self.limit.daemon = True
        self.limit.start()

    def write(self, begin, end):
        for at in range(begin, end, 701):
            self.file.write(self.data[at:min(at + 701, end)])

    def stop(self):
        self.decoder.send_signal(signal.SIGINT)
        done = finish(self.decoder, time.monotonic() + LIMIT)
        self.limit.cancel()
        self.file.close()
        must(done.status == 0, done.wrong("decode --follow"))
        return done.out.splitlines()


def a_file_is_followed(decode):
    want = decode.lines(LONG)
    g = Growing(decode)
    half = len(g.data) // 2
    g.write(0, half)
    seen = [g.decoder.stdout.readline().rstrip("\n") for _ in range(20)]
    must(seen == want[:20], f"{seen}")
    g.write(half, len(g.data))
    seen += [g.decoder.stdout.readline().rstrip("\n")
             for _ in range(len(want) - 20)]
    must(seen == want, "not the same as of the whole file")
    must(g.stop() == [], "there was more")


def what_is_made_at_the_end_is_made_when_stopped(decode):
    g = Growing(decode, "--check", "--ladder",
                decode.place.path("growing.svg"))
    g.write(0, len(g.data))
    end = time.monotonic() + LIMIT
    while at_of(g.decoder.pid, g.path) < len(g.data):
        must(time.monotonic() < end, "the file is not read")
        time.sleep(0.02)
    must(any(line.startswith("check: ") for line in g.stop()), "no verdict")
    must(rows(decode.place.path("growing.svg")), "no picture")


def fd_of(pid, path):
    """By which a process has @path open, or nothing."""
    return next((fd for fd, what in descriptors(pid).items()
                 if what == os.path.realpath(path)), "")


def at_of(pid, path):
    """How far a process has read @path."""
    fd = fd_of(pid, path)
    if not fd:
        return 0
    with open(f"/proc/{pid}/fdinfo/{fd}") as f:
        return int(f.read().split()[1])


def a_nic_is_followed(decode):
    place = decode.place
    runtime = place.path("runtime")
    env = {"GLASSNIC_RUNTIME": runtime}
    a, b = place.nics("udp")
    port = str(place.port())
    words = ["ibv_rc_pingpong", "-g", "1", "-n", "500", "-p", port]
    capture = place.path("nic.pcapng")
    server = place.start(words, nic=a, env=env, capture=capture)
    until = time.monotonic() + LIMIT
    must(await_port(int(port), server, until), "the server does not start")
    follower = decode.start("--follow", server.pid, "--json", env=env)
    while not fd_of(follower.pid, capture) and follower.poll() is None:
        must(time.monotonic() < until, "it does not follow the server")
        time.sleep(0.01)
    client = finish(place.start(words + ["127.0.0.1"], nic=b, env=env), until)
    must(client.status == 0, client.wrong("client"))
    must(finish(server, until).status == 0, "the server fails")
    done = finish(follower, until)  # it ends with the program
    must(done.status == 0, done.wrong("decode --follow"))
    packets = [json.loads(line) for line in done.out.splitlines()]
    must(packets == decode.json(capture), "not all packets of the capture")
    must(len(packets) > 500, f"{len(packets)} packets")


def who_captures_nothing_is_told(decode):
    place = decode.place
    env = {"GLASSNIC_RUNTIME": place.path("runtime2")}
    a, _ = place.nics("udp")
    port = place.port()
    server = place.start(["ibv_rc_pingpong", "-g", "1", "-p", str(port)],
                         nic=a, env=env)
    until = time.monotonic() + LIMIT
    try:
        must(await_port(port, server, until), "the server does not start")
        said = decode.run("--follow", server.pid, status=2, env=env).err
        must("no capture" in said and "--capture" in said, said)
    finally:
        server.kill()
        server.communicate()


def attempt(score, name, what, *args):
    try:
        what(*args)
        score.check(name, "")
    except (Wrong, OSError, ValueError, xml.ParseError) as e:
        score.check(name, f"{type(e).__name__} {e}")


def main():
    need("ibv_rc_pingpong")
    score = Score()
    with lab() as place:
        decode = Decode(place)
        check_files(score, decode)
        for what in (limits_are_said, text_ladder_stays, refusals_are_a_line,
                     odd_names_are_text, a_file_is_followed,
                     what_is_made_at_the_end_is_made_when_stopped,
                     a_nic_is_followed, who_captures_nothing_is_told):
            attempt(score, what.__name__.replace("_", " "), what, decode)
    score.finish()


if __name__ == "__main__":
    main()
