"""Two network namespaces and the wire between them, for programs whose NICs are
on real interfaces.  Needs root.
"""

import contextlib
import itertools
import os
import re
import signal
import struct
import subprocess
import sys
import time

from support import LIMIT, Done, finish, patient

MAC = re.compile(r"link/ether ([0-9a-f:]+)")


def sh(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True)
    if check and done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def cannot(why):
    print(f"{sys.argv[0]}: {why}", file=sys.stderr)
    sys.exit(77)


class End:
    """A namespace with one interface of the wire in it."""

    def __init__(self, segment, name, iface, ip):
        self.segment, self.name = segment, name
        self.iface, self.ip = iface, ip

    def run_ip(self, *words):
        return sh("ip", "-n", self.name, *words)

    def up(self, mtu):
        self.run_ip("link", "set", "dev", self.iface, "mtu", str(mtu), "up")

    def start(self, words, **how):
        return subprocess.Popen(["ip", "netns", "exec", self.name, *words],
                                stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, cwd="/",
                                stderr=subprocess.PIPE, **how)

    def glassnic(self, words, nic, capture=None, log=None, **how):
        """@nic: what follows port=packet:IFACE in its spec."""
        spec = f"port=packet:{self.iface},{nic}" if nic[:5] != "port=" else nic
        command = [self.segment.glassnic, "run", "--nic", spec]
        command += ["--capture", capture] if capture else []
        command += ["--log", log] if log else []
        how["env"] = patient(self.segment.build, words,
                             how.get("env") or os.environ)
        return self.start([*command, "--", *words], **how)

    def python(self, code, *args):
        """Runs @code to its end; returns what it prints."""
        until = time.monotonic() + LIMIT
        return finish(self.start([sys.executable, "-c", code, *args]), until)

    def listens(self, port):
        rows = sh("ip", "netns", "exec", self.name, "cat", "/proc/net/tcp",
                  "/proc/net/tcp6").splitlines()
        return any(f":{port:04X} " in row.split(":", 1)[1][:16] and
                   row.split()[3] == "0A" for row in rows if ":" in row)

    def promiscuous(self):
        shown = self.run_ip("-d", "link", "show", "dev", self.iface)
        return int(re.search(r"promiscuity (\d+)", shown)[1])

    @contextlib.contextmanager
    def tcpdump(self, what, path=None):
        """Captures into @path while the block runs, or as text.  A packet of
        ours is the last, so that nothing is missing before it.
        """
        words = ["tcpdump", "-n", "--immediate-mode", "-s", "2048",
                 "-B", "16384", "--nano", "-i", self.iface]
        words += ["-U", "-w", path] if path else ["-l", "-e", "-A"]
        out = path or self.segment.path("heard")
        with open(os.devnull if path else out, "w") as file:
            dump = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *words,
                 f"udp port 9999 or ({what})"], stdin=subprocess.DEVNULL,
                stdout=file, stderr=subprocess.PIPE, text=True)
        for line in dump.stderr:
            if "listening on" in line:
                break
        heard = Heard()
        try:
            yield heard
            until = time.monotonic() + LIMIT
            self.python(LAST, self.iface)
            while b"the last one" not in read(out) and \
                    time.monotonic() < until:
                time.sleep(0.02)
            heard.text = read(out).decode(errors="replace").split(".9999:")[0]
        finally:
            dump.terminate()
            dump.communicate(timeout=LIMIT)
        if path:
            sort_pcap(path)


# Twenty pings of an IPv4 address.
PING = """
import os, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.settimeout(5)
for i in range(20):
    body = struct.pack(">BBHHH", 8, 0, 0, 7, i)
    check = 0xffff - sum(struct.unpack(">4H", body)) % 0xffff
    s.sendto(struct.pack(">BBHHH", 8, 0, check, 7, i), (sys.argv[1], 0))
    while True:
        answer = s.recv(100)
        if answer[20] == 0 and struct.unpack(">H", answer[26:28])[0] == i:
            break
print("answered")
"""

# A broadcast, to which nobody answers that the port is closed.
LAST = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
s.sendto(b"the last one", ("255.255.255.255", 9999))
"""


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Heard:
    text = ""


class Segment:
    def __init__(self, build, folder):
        self.build = os.path.abspath(build)
        self.glassnic = os.path.join(self.build, "glassnic")
        self.folder = folder
        tag = f"gn{os.getpid()}"
        self.a = End(self, f"{tag}a", "wire0", "192.168.77.1")
        self.b = End(self, f"{tag}b", "wire1", "192.168.77.2")
        self._ports = itertools.count(21000)

    def make(self):
        for end in self.a, self.b:
            sh("ip", "netns", "add", end.name)
            end.run_ip("link", "set", "dev", "lo", "up")
        sh("ip", "link", "add", self.a.iface, "netns", self.a.name, "type",
           "veth", "peer", "name", self.b.iface, "netns", self.b.name)
        for end in self.a, self.b:
            end.run_ip("address", "add", end.ip + "/24", "dev", end.iface)
            end.run_ip("address", "add", f"fd00:77::{end.ip[-1]}/64", "nodad",
                       "dev", end.iface)
            end.up(1500)

    def remove(self):
        for end in self.a, self.b:
            sh("ip", "netns", "delete", end.name, check=False)

    def path(self, name):
        return os.path.join(self.folder, name)

    def pair(self, words, nics, client=None, captures=(None, None),
             ends=None, log="info", before=None):
        """As Lab.pair: @words as a server in b, then in a; both Dones."""
        port = str(next(self._ports))
        here, there = ends or (self.b, self.a)
        until = time.monotonic() + LIMIT
        server = here.glassnic(words + ["-p", port], nics[1],
                               capture=captures[1], log=log)
        while not here.listens(int(port)):
            if server.poll() is not None or time.monotonic() > until:
                return Done(0, "", "not started"), finish(server, until)
            time.sleep(0.02)
        if before:
            before()
        words = (client or words) + ["-p", port, here.ip]
        other = there.glassnic(words, nics[0], capture=captures[0], log=log)
        done = finish(other, until)
        if done.status:
            server.terminate()
        return done, finish(server, until)


@contextlib.contextmanager
def segment(build, folder):
    if os.geteuid():
        cannot("not root: namespaces and AF_PACKET sockets need it")
    place = Segment(build, folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        try:
            place.make()
        except OSError as e:
            cannot(f"no network namespaces here: {e}")
        yield place
    finally:
        place.remove()


# ---- captures ----

def sort_pcap(path):
    """By time: the kernel shows a frame to one socket after the other, and the
    first may have answered before the second sees it.
    """
    data = read(path)
    records = sorted(records_of_pcap(data), key=lambda r:
                     struct.unpack_from("=II", r))
    with open(path, "wb") as file:
        file.write(data[:24] + b"".join(records))


def frames_of_pcap(path):
    return [r[16:] for r in records_of_pcap(read(path))]


def records_of_pcap(data):
    at, records = 24, []
    while at + 16 <= len(data):
        n = struct.unpack_from("=I", data, at + 8)[0]
        records.append(data[at:at + 16 + n])
        at += 16 + n
    return records


def frames_of_pcapng(path):
    data = read(path)
    at, frames = 0, []
    while at + 12 <= len(data):
        kind, size = struct.unpack_from("=II", data, at)
        if kind == 6:
            n = struct.unpack_from("=I", data, at + 20)[0]
            frames.append(data[at + 28:at + 28 + n])
        at += size
    return frames
