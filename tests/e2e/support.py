"""Runs real verbs programs on the built tree, in pairs, and keeps the score.

Every wait has a limit, and every pair has addresses and TCP ports of its own,
so that several suites can run at once.
"""

import contextlib
import glob
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../support"))
import score  # noqa: E402

NOBODY = 65534
LIMIT = 240  # seconds that a pair of programs may take, on a busy machine
# What perftest's programs are given, with a second to wait for an
# acknowledgement: machines may be busy.
PERFTEST = ["-F", "-x", "1", "-u", "18"]
# Otherwise tshark takes SENDs of nothing for malformed RPC over RDMA, and two
# bytes of payload for an EtherType, if they happen to be one.
TSHARK = ["tshark", "-n", "--disable-protocol", "rpcordma",
          "--disable-heuristic", "eth_over_ib"]


class Score(score.Score):
    """Says also what was right."""

    def check(self, name, wrong):
        super().check(name, wrong)
        if not wrong:
            print(f"ok   {name}", flush=True)


class Done:
    """How a program ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def wrong(self, who):
        if self.status is None:
            return f"{who} did not end in its time: {tail(self)}"
        if self.status < 0:
            name = signal.Signals(-self.status).name
            return f"{who} killed by {name}: {tail(self)}"
        if self.status:
            return f"{who} exits with {self.status}: {tail(self)}"
        return ""


def tail(done):
    return " / ".join((done.out + done.err).strip().splitlines()[-4:])


def patient(build, command, env):
    """@env, in which rdma-core's pingpongs do not give up a peer that has no CPU
    for a second or three: see patient.c.
    """
    if not command[0].endswith("_pingpong"):
        return env
    path = os.path.join(build, "tests/e2e/patient.so")
    if not os.path.exists(path):
        sys.exit(f"{path} not found; make test-programs builds it")
    others = env.get("LD_PRELOAD")
    return {**env, "LD_PRELOAD": f"{others}:{path}" if others else path}


def need(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        print(f"{sys.argv[0]}: {', '.join(missing)} not found; "
              "tools/setup.sh installs it", file=sys.stderr)
        sys.exit(77)


def listens(port):
    """Is this TCP port being listened on?"""
    for table in "/proc/net/tcp", "/proc/net/tcp6":
        with open(table) as rows:
            for row in rows:
                word = row.split()
                if word[3] == "0A" and word[1].endswith(f":{port:04X}"):
                    return True
    return False


class Lab:
    """A folder for captures, and the built tree as an ordinary user runs it."""

    def __init__(self, build):
        self.folder = tempfile.mkdtemp(prefix="glassnic-e2e-")
        self.build = os.path.abspath(build)
        if os.geteuid() == 0:
            self._copy_for_nobody()
        self.glassnic = os.path.join(self.build, "glassnic")
        self._ports = itertools.cycle(random.sample(range(20000, 32000), 4000))
        self._nets = itertools.cycle(random.sample(range(1, 65000), 4000))

    def _copy_for_nobody(self):
        """The tree may be where nobody cannot look."""
        os.chmod(self.folder, 0o755)
        copy = os.path.join(self.folder, "build")
        for part in "lib", "tests/e2e":
            if os.path.exists(os.path.join(self.build, part)):
                shutil.copytree(os.path.join(self.build, part),
                                os.path.join(copy, part))
        for program in "glassnic", "glassnic-peer":
            shutil.copy(os.path.join(self.build, program), copy)
        self.build = copy
        os.mkdir(os.path.join(self.folder, "captures"))
        os.chown(os.path.join(self.folder, "captures"), NOBODY, NOBODY)

    def path(self, name):
        """Where a program may write a file."""
        captures = os.path.join(self.folder, "captures")
        os.makedirs(captures, exist_ok=True)
        return os.path.join(captures, name)

    def program(self, name):
        """Where tests/e2e/NAME.c was built."""
        path = os.path.join(self.build, "tests/e2e", name)
        if not os.path.exists(path):
            sys.exit(f"{path} not found; make test-programs builds it")
        return path

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def port(self):
        """A TCP port that nobody listens on."""
        return next(p for p in self._ports if not listens(p))

    def hosts(self):
        """Two addresses of the loopback interface that nobody uses."""
        while True:
            net = next(self._nets)
            pair = [f"127.{net >> 8}.{net & 255}.{n}" for n in (1, 2)]
            if all(is_free(ip, udp) for ip in pair for udp in (4789, 4791)):
                return pair

    def nics(self, kind):
        """The specs of two NICs that reach each other."""
        a, b = self.hosts()
        if kind == "udp":
            return f"ip={a}/8", f"ip={b}/8"
        return (f"port=vxlan,local={a},remote={b},ip=10.7.0.1/24",
                f"port=vxlan,local={b},remote={a},ip=10.7.0.2/24")

    def start(self, command, nic=None, capture=None, env=None, launcher=True,
              stdin=subprocess.DEVNULL):
        words = [self.glassnic, "run"] if launcher else []
        if nic:
            words += ["--nic", nic]
        if capture:
            words += ["--capture", capture]
        if launcher:
            words += ["--"]
        user = {}
        if os.geteuid() == 0:
            user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        env = {**os.environ, "HOME": "/", **(env or {})}
        return subprocess.Popen(words + command, stdin=stdin, text=True,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, cwd="/",
                                env=patient(self.build, command, env), **user)

    def run(self, command, **how):
        return finish(self.start(command, **how), time.monotonic() + LIMIT)

    def pair(self, command, nics, captures=(None, None), client=None,
             peer="127.0.0.1", env=None, logged=False):
        """Runs @command as a server, then as the client (or @client) of it.
        "-p PORT" is added.  Returns both Dones.  @logged: with what NICs count.
        """
        port = self.port()
        if logged:
            env = {**(env or {}), "GLASSNIC_LOG": "info"}
        until = time.monotonic() + LIMIT
        server = self.start(command + ["-p", str(port)], nic=nics[0],
                            capture=captures[0], env=env)
        if not await_port(port, server, until):
            return finish(server, until), Done(0, "", "not started")
        other = self.start((client or command) + ["-p", str(port), peer],
                           nic=nics[1], capture=captures[1], env=env)
        there = finish(other, until)
        return finish(server, until), there

    def check_pair(self, score, name, *args, **how):
        """A pair must succeed; returns whether, and both Dones."""
        server, client = self.pair(*args, **how)
        wrong = [w for w in (client.wrong("client"), server.wrong("server"))
                 if w]
        score.check(name, "; ".join(wrong))
        return not wrong, server, client


def is_free(ip, udp):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.bind((ip, udp))
        except OSError:
            return False
    return True


def await_port(port, process, until):
    while not listens(port):
        if process.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def finish(process, until):
    """Waits for the end of @process, kills it if that does not come."""
    try:
        out, err = process.communicate(
            timeout=max(until - time.monotonic(), 1))
        return Done(process.returncode, out, err)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return Done(None, out, err)


def descriptors(pid):
    """What a process has open, by descriptor."""
    folder, found = f"/proc/{pid}/fd", {}
    with contextlib.suppress(OSError):
        for fd in os.listdir(folder):
            with contextlib.suppress(OSError):
                found[fd] = os.readlink(os.path.join(folder, fd))
    return found


def await_stopped(pid):
    """On a busy machine threads run for a while before they learn of it.  (One
    that has ended does not learn of it any more.)
    """
    until = time.monotonic() + LIMIT
    while time.monotonic() < until and not all(
            state_of(path) in "TZX" for path in glob.glob(f"/proc/{pid}/task/*")):
        time.sleep(0.001)


def state_of(task):
    try:
        with open(f"{task}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:  # it is gone
        return "X"


def sweep_up():
    """The XRC programs leave files of fixed names in /tmp; those of
    another user would stop it.
    """
    for path in glob.glob("/tmp/xrc_domain*"):
        with contextlib.suppress(OSError):
            os.unlink(path)


@contextlib.contextmanager
def lab():
    """The lab for the build folder that is the script's argument."""
    place = Lab(sys.argv[1] if len(sys.argv) > 1 else "build")
    try:
        yield place
    finally:
        place.close()
