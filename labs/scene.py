"""Sets the scene of an exercise: two hosts on one Ethernet segment, in a network
namespace of their own, with the same addresses, QPNs and keys in every run.
"""

import contextlib
import ctypes
import fcntl
import glob
import os
import resource
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

from grade import ANSWERS, GLASSNIC, Capture

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
ADDR_NO_RANDOMIZE = 0x0040000
PR_SET_PDEATHSIG = 1
STOPS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
LIBC = ctypes.CDLL(None, use_errno=True)
LIMIT = 60  # seconds for a program
TRIES = 20
DRILLS = "drill.md"
HUBS = "/dev/shm/glassnic-hub-"
SERVER, CLIENT = "10.0.0.1", "10.0.0.2"


class Failed(Exception):
    """The scene cannot be played; one line."""


def leave_the_machine():
    """This process and its children get a network of their own, without root,
    and no randomized addresses.  Returns what was not possible, as lines.
    """
    cannot = []
    if LIBC.personality(ADDR_NO_RANDOMIZE) < 0:
        cannot.append("addresses in memory stay random here")
    if may_enter_namespace():
        enter_namespace()
    else:
        cannot.append("no network namespaces for users here: the machine's own "
                      "loopback is used")
    return cannot


def enter_namespace():
    user, group = os.getuid(), os.getgid()
    if LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"),
                       ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def may_enter_namespace():
    """Some kernels let one in and allow nothing there, and there is no way back:
    a child tries.
    """
    child = os.fork()
    if not child:
        try:
            enter_namespace()
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def end_with_parent(mask):
    """In a child, before it becomes its program: a process group to be killed
    as one, and by the kernel if this process is killed.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.setpgid(0, 0)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """18515 is what the programs use if nothing is said."""
    with socket.socket() as s:
        try:
            s.bind(("", 18515))
        except OSError:
            s.bind(("", 0))
        return s.getsockname()[1]


def listens(port):
    for table in "/proc/net/tcp", "/proc/net/tcp6":
        with open(table) as rows:
            for row in rows:
                word = row.split()
                if word[3] == "0A" and word[1].endswith(f":{port:04X}"):
                    return True
    return False


def has_repeats(capture):
    return any(p["kind"] == "again" for p in capture.packets)


class Scene:
    """What an exercise's run(scene) has to work with."""

    def __init__(self, folder, home, quiet=False):
        """@quiet: what it runs is not shown."""
        self.folder, self.home, self.quiet = folder, home, quiet
        self.hub = f"lab-{os.getpid()}"
        self.running = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        """A file for the student to look at; shown, too."""
        with open(self.path(name), "w") as file:
            file.write(text)
        print(f"# {name}:\n{text}", end="")

    def give(self, name):
        """A file of the exercise, for the student to read or change; one that is
        there stays.
        """
        if os.path.exists(self.path(name)):
            print(f"# {name} is there already and stays as it is")
        else:
            shutil.copyfile(os.path.join(self.home, name), self.path(name))
            print(f"# {name} is for you")

    def teach_drills(self):
        """The page on the language, which stands elsewhere once installed."""
        labs = os.path.dirname(self.home)
        for folder in f"{labs}/../docs", labs:
            if os.path.exists(f"{folder}/{DRILLS}"):
                shutil.copyfile(f"{folder}/{DRILLS}", self.path(DRILLS))
                print(f"# {DRILLS} teaches the language")

    def nic(self, ip, more=""):
        """The last number of the address is the seed."""
        return (f"port=hub:{self.hub},ip={ip}/24,seed={ip.split('.')[-1]}"
                f"{',' if more else ''}{more}")

    def pair(self, server, client=None, server_more="", client_more="",
             name="", nics=None, spoiled=has_repeats):
        """Runs @server, and @client (or @server again, pointed to it), as two
        hosts.  They leave (NAME-)server.pcapng, .txt and the client's.  It is
        played again if @spoiled says that the client's capture is no good to
        learn from, as on a machine that stopped a NIC for a while.
        """
        nics = nics or (self.nic(SERVER, server_more),
                        self.nic(CLIENT, client_more))
        name = f"{name}-" if name else ""
        commands = [
            ["glassnic", "run", "--nic", nic, "--capture",
             f"{name}{who}.pcapng", "--", *shlex.split(words)]
            for nic, who, words in zip(nics, ("server", "client"),
                                       (server, client or server))]
        for _ in range(TRIES):
            self.play(*commands, name=name)
            capture = Capture(self.path(f"{name}client.pcapng"))
            if not spoiled(capture) and not capture.violation():
                return
            print("# the machine was too busy for a clean capture; again")
        raise Failed("no clean capture: run it when the machine is less busy")

    def play(self, server, client, host=("127.0.0.1",), name=""):
        """Runs two commands, to which the port is added (-p), in the student's
        folder: the client as soon as the server listens.  Returns what the
        client has used (user and system seconds first, as in struct rusage).
        """
        port, until = str(free_port()), time.monotonic() + LIMIT
        listener = self._start([*server, "-p", port], name + "server", " &")
        try:
            while not listens(int(port)):
                if listener.poll() is not None or time.monotonic() > until:
                    raise Failed(self._why(name + "server"))
                time.sleep(0.01)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            asker = self._start([*client, "-p", port, *host],
                                name + "client")
            self._finish(asker, name + "client", until)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            self._finish(listener, name + "server", until)
        finally:
            self._end_all()
        return [b - a for a, b in zip(before, after)]

    def _start(self, command, name, background=""):
        if not self.quiet:
            print(f"$ {shlex.join(command)} >{name}.txt{background}",
                  flush=True)
        if command[0] == "glassnic":
            command = [GLASSNIC, *command[1:]]
        with open(self.path(name + ".txt"), "w") as out:
            # Nothing may stop this between the start and the note of it.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
            try:
                self.running.append(subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out,
                    stderr=subprocess.STDOUT, cwd=self.folder,
                    preexec_fn=lambda: end_with_parent(before)))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self.running[-1]

    def _end_all(self):
        """With what they started, as strace did."""
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running = []
        for path in glob.glob(f"{HUBS}{self.hub}*"):
            os.unlink(path)  # of NICs that were killed

    def _finish(self, process, name, until):
        try:
            status = process.wait(max(until - time.monotonic(), 1))
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} still ran after {LIMIT} s") from None
        if status:
            raise Failed(self._why(name))

    def _why(self, name):
        with open(self.path(name + ".txt")) as file:
            rows = file.read().strip().splitlines() or ["it said nothing"]
        return f"{name} failed: {rows[-1]}"


def play(exercise, folder, home):
    """Runs the scene into @folder; returns an exit status."""
    with contextlib.suppress(FileExistsError):
        os.makedirs(folder)
    alone = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"glassnic lab: {folder}: another run is at work in it; give "
              "this one another folder", file=sys.stderr)
        return 1
    for line in leave_the_machine():
        print(f"glassnic lab: {line}", file=sys.stderr)
    try:
        exercise.run(Scene(os.path.abspath(folder), home))
    except Failed as e:
        print(f"glassnic lab: {e}", file=sys.stderr)
        return 1
    shutil.copyfile(os.path.join(home, "page.md"), f"{folder}/page.md")
    if os.path.exists(f"{folder}/{ANSWERS}"):
        print(f"# {ANSWERS} is there already and stays as it is")
    elif exercise.QUESTIONS:
        write_answers(exercise, f"{folder}/{ANSWERS}")
    return 0


def write_answers(exercise, path):
    """For the student to fill in."""
    with open(path, "w") as file:
        for q in exercise.QUESTIONS:
            file.write(f"# {q.asks}\n{q.key}:\n\n")
