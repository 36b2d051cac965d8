"""A desk with the shells at which a reader types what a document shows.

It stands in namespaces of its own: ports, addresses, hubs and processes are
nobody else's, and nothing of it remains.  There are two machines with an
interface eth0, on one segment; shells are at the first, but those of clients
that reach the server by that segment.
"""

import contextlib
import os
import re
import signal
import subprocess
import time

from student import answer_all
from support import LIMIT

PROGRAM = re.compile(r"(?:^|-- )(?:ibv?_\w+(?:pingpong|bw|lat)|"
                     r"\./(?:server|client))\b")
INTERFACE = re.compile(r"(packet|xdp):eth0")
ADDRESS = re.compile(r" (\d+\.){3}\d+$")
CUT_OFF = 128 + signal.SIGPIPE  # the status of who writes too much for head
HERE, THERE = "192.168.77.1", "192.168.77.2"
SEE_NIC = re.compile(r"glassnic show\b|--follow ib_write_bw")
READ = re.compile(r"^(tshark|(build/)?glassnic decode)\b(?!.*(html|svg|>))")
LAB_RUN = re.compile(r"glassnic lab run (\d+)(?: (\S+))?$")


def inside(words):
    """@words in namespaces of their own, as their root.  All that is in them
    ends with them, and with us.
    """
    mapped = ["--map-root-user"] if os.geteuid() else []
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *mapped, "--net",
            "--mount", "--pid", "--fork", "--mount-proc", "--kill-child",
            *words]


def furnish():
    """Inside: memory for hubs and (/run) for files, which ends with us; the
    segment; and Ctrl-C for all that starts.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for command in (
            "mount -t tmpfs none /dev/shm", "mount -t tmpfs none /run",
            "mkdir /run/netns", "ip netns add other",
            "ip link set dev lo up",
            "ip link add eth0 numrxqueues 4 numtxqueues 4 type veth peer name "
            "eth0 numrxqueues 4 numtxqueues 4 netns other",
            f"ip address add {HERE}/24 dev eth0", "ip link set dev eth0 up",
            f"ip -n other address add {THERE}/24 dev eth0",
            "ip -n other link set dev eth0 up"):
        subprocess.run(command.split(), check=True)


def role(command):
    if re.search(r" --(watch|follow)\b", command):
        return "watcher"
    if " peer --listen" in command:
        return "server"
    if PROGRAM.search(command):
        return "client" if ADDRESS.search(command) else "server"
    return ""


def partner(server):
    """What belongs beside a server that the page leaves alone."""
    address = HERE if INTERFACE.search(server) else "127.0.0.1"
    return f"{server.replace('ip=10.9.0.1/', 'ip=10.9.0.2/')} {address}"


def listeners():
    found = set()
    for table in "/proc/net/tcp", "/proc/net/tcp6":
        with open(table) as rows:
            found |= {row.split()[1] for row in rows if row.split()[3] == "0A"}
    return found


class Shell:
    """In which a command runs."""

    def __init__(self, desk, command):
        self.command = command
        words = ["bash", "-o", "pipefail", "-c", command]
        if role(command):
            words[-1] = "exec " + command
        if role(command) == "client" and INTERFACE.search(command):
            words[:0] = ["nsenter", "--net=/run/netns/other"]
        self.paths = [desk.new_path() for _ in range(2)]
        with open(self.paths[0], "w") as out, open(self.paths[1], "w") as err:
            self.process = subprocess.Popen(
                words, cwd=desk.cwd, env=desk.env, stdout=out, stderr=err,
                stdin=subprocess.DEVNULL)

    def text(self, which):
        with open(self.paths[which], errors="replace") as file:
            return file.read()

    def await_that(self, condition):
        """Is it met before the command ends?"""
        until = time.monotonic() + LIMIT
        while not condition():
            if self.process.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def end(self):
        """Its status; None: it does not come to an end."""
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            return None

    def interrupt(self):
        """As Ctrl-C does, of which a program may die."""
        self.process.send_signal(signal.SIGINT)
        status = self.end()
        return 0 if status == -signal.SIGINT else status

    def kill(self):
        self.process.kill()
        self.process.wait()

    def said(self):
        lines = (self.text(0) + self.text(1)).strip().splitlines()
        return " / ".join(lines[-4:])


class Desk:
    def __init__(self, build, folder):
        self.cwd = os.path.join(folder, "clone")
        self.logs = os.path.join(folder, "logs")
        self.count = 0
        os.mkdir(self.cwd)
        os.mkdir(self.logs)
        for name in os.listdir("."):
            if name[0] != "." and not name.startswith("build"):
                self._link(os.path.abspath(name), name)
        self._link(os.path.abspath(build), "build")
        os.makedirs(os.path.join(self.cwd, "home/ada"))
        self._link("../../lab1", "home/ada/lab1")
        self.env = {**os.environ,
                    "PATH": f"{os.path.abspath(build)}:{os.environ['PATH']}",
                    "GLASSNIC_RUNTIME": os.path.join(folder, "runtime")}

    def _link(self, to, name):
        os.symlink(to, os.path.join(self.cwd, name))

    def new_path(self):
        self.count += 1
        return os.path.join(self.logs, str(self.count))

    @contextlib.contextmanager
    def traffic(self):
        """Programs that run, to look into."""
        words = "-- ib_write_bw -F -u 18 -x 1 -s 1024 -t 4 -D 300"
        run = "build/glassnic run --nic rate=10Mbit"
        server = Shell(self, f"{run} --capture traffic.pcapng {words}")
        server.await_that(listeners)
        client = Shell(self, f"build/glassnic run {words} 127.0.0.1")

        def both_are_seen():
            show = Shell(self, "build/glassnic show")
            return show.end() == 0 and show.text(0).count("ib_write_bw") == 2

        try:
            if not client.await_that(both_are_seen):
                raise OSError(f"no traffic to look into: {server.said()}; "
                              f"{client.said()}")
            yield
        finally:
            client.kill()
            server.kill()

    def play(self, block):
        """[(command, what is wrong with it)].  Programs that talk wait half a
        second for each other, as the page has it: what a busy machine has
        spoiled is played a second time.
        """
        found = list(self._play(block))
        wrong = [f"{command}: {why}" for command, why in found if why]
        if wrong and any(map(role, block.commands)):
            print("again:", "; ".join(wrong))
            found = list(self._play(block))
        return found

    def _play(self, block):
        servers = [c for c in block.commands if role(c) == "server"]
        sees = any(SEE_NIC.search(c) for c in block.commands)
        with (self.traffic() if sees and not servers else
              contextlib.nullcontext()):
            yield from Play(self).play(block)


class Play:
    """One block, as it is played."""

    def __init__(self, desk):
        self.desk = desk
        self.server, self.watchers, self.shells = None, [], []

    def play(self, block):
        try:
            for command in block.commands:
                yield from self._type(command)
            yield from self._leave_server()
            yield from self._leave_watchers()
            if block.shown:
                yield "what the page shows below", self._unlike(block.shown)
        finally:
            for shell in self.shells:
                shell.kill()

    def _type(self, command):
        kind = role(command)
        if command[:3] == "cd ":
            self.desk.cwd = os.path.join(self.desk.cwd, command[3:])
        elif kind == "server":
            yield from self._leave_server()
            yield from self._start_server(command)
            if "port=pcap:" in command:  # nobody comes
                yield from self._leave_server()
        elif kind == "watcher":
            yield from self._watch(command)
        else:
            yield self._ended(self._open(command))
            lab = LAB_RUN.search(command)
            if lab:
                self._answer(lab[1], lab[2] or f"lab{lab[1]}")
        if kind == "client":
            yield from self._leave_server()

    def _open(self, command):
        shell = Shell(self.desk, command)
        self.shells.append(shell)
        return shell

    def _ended(self, shell):
        return shell.command, self._judged(shell, shell.end())

    def _judged(self, shell, status):
        if status is None:
            return f"it does not end: {shell.said()}"
        if status and not (status == CUT_OFF and "| head" in shell.command):
            return f"exit {status}: {shell.said()}"
        if READ.search(shell.command) and not shell.text(0):
            return "it shows nothing"
        return ""

    def _start_server(self, command):
        before = listeners()
        self.server = self._open(command)
        if not self.server.await_that(lambda: listeners() - before):
            yield command, f"it does not listen: {self.server.said()}"
            self.server = None

    def _leave_server(self):
        """Its client has come, or comes now, or there is none."""
        server, self.server = self.server, None
        if not server:
            return
        command = server.command
        files = re.search(r"port=pcap:([^,]+),", command)
        if files:
            server.await_that(lambda: self._holds_packets(files[1]))
        if files or " peer --listen" in command:
            yield command, self._judged(server, server.interrupt())
            return
        if not any(role(s.command) == "client" and s.process.poll() is not None
                   for s in self.shells[self.shells.index(server):]):
            yield self._ended(self._open(partner(command)))
        yield self._ended(server)

    def _holds_packets(self, path):
        decode = Shell(self.desk, f"build/glassnic decode {path}")
        return decode.end() == 0 and decode.text(0)

    def _watch(self, command):
        shell = self._open(command)
        # With a server, nothing comes before the client.
        if shell.await_that(lambda: shell.text(0) or
                            self.server and shell.text(1)):
            self.watchers.append((shell, self.server is not None))
        else:
            yield command, f"it shows nothing: {shell.said()}"

    def _leave_watchers(self):
        for shell, ends in self.watchers:
            yield shell.command, self._judged(
                shell, shell.end() if ends else shell.interrupt())

    def _answer(self, n, folder):
        """What follows is for a student who has found all."""
        answer_all(n, os.path.join(self.desk.cwd, folder))

    def _unlike(self, shown):
        """A line that nothing printed; "..." stands for anything."""
        printed = " ".join(" ".join(s.text(0) + s.text(1)
                                    for s in self.shells).split())
        for line in shown:
            pattern = re.escape(" ".join(line.split())).replace(
                r"\.\.\.", ".*")
            if not re.search(pattern, printed):
                return f"nothing prints `{line}'"
        return ""


def cannot_be():
    """Why not, or nothing."""
    done = subprocess.run(inside(["true"]), capture_output=True, text=True)
    return done.stderr.strip()
