"""Both ends of a pair of programs: glassnic's here, rxe's in the guest."""

import itertools
import os
import subprocess
import sys
import tempfile
import time

import standstill
import vm

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "e2e"))
import support  # noqa: E402

LIMIT = 900  # seconds that a pair may take, on a busy machine
LOOK_EVERY = 2  # seconds, at what is under way
RXE_GID = {4: 1, 6: 2}  # 0 is the link-local one

# What glassnic's NIC is plugged into, on the tap: its spec, and the number of the
# first lane's host.
PORTS = {
    "udp": ("port=udp,ip={ip},foreign=yes", vm.KERNEL_FIRST),
    "packet": (f"port=packet:{vm.TAP},ip={{ip}}", 30),
    "xdp": (f"port=xdp:{vm.TAP},ip={{ip}}", 40),
}


class Ours:
    """A program under glassnic, under way."""

    def __init__(self, build, nic, words, capture=None, env=None):
        command = [f"{build}/glassnic", "run", "--nic", nic]
        if capture:
            command += ["--capture", capture]
        self.until = time.monotonic() + LIMIT
        self.process = subprocess.Popen([*command, "--", *words], text=True,
                                        env={**os.environ, **(env or {})},
                                        stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def await_port(self, port):
        return support.await_port(port, self.process, self.until)

    def ends_within(self, seconds):
        """Or its time is up."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return time.monotonic() > self.until
        return True

    def finish(self):
        return support.finish(self.process, self.until)

    def give_up(self):
        """As the other end has failed."""
        self.process.kill()


class Theirs:
    """A program on rxe, under way in the guest."""

    number = itertools.count()

    def __init__(self, guest, words, limit=LIMIT):
        self.guest = guest
        self.pid = f"/tmp/pid-{next(self.number)}"
        self.until = time.monotonic() + limit
        self.job = guest.start(
            f"echo $$ > {self.pid}; exec {' '.join(words)}", limit)

    def await_port(self, port):
        """False: it ended before it listened."""
        look = f"grep -q ':{port:04X} .* 0A ' /proc/net/tcp /proc/net/tcp6"
        until = min(self.until, time.monotonic() + LIMIT)
        while self.job.poll() is None and time.monotonic() < until:
            status, _ = self.guest.run(
                f"for i in $(seq 50); do {look} && exit; usleep 20000; done; "
                "exit 1")
            if status == 0:
                return True
        return False

    def give_up(self):
        """As the other end has failed."""
        self.guest.run(f"kill -KILL $(cat {self.pid})")

    def ends_within(self, seconds):
        """Or its time is up."""
        return self.job.ended.wait(seconds) or time.monotonic() > self.until

    def finish(self):
        self.job.ended.wait(max(self.until - time.monotonic(), 1) + 10)
        status = self.job.poll()
        late = status is None or status == vm.KILLED
        return support.Done(None if late else status, self.job.out, "")


class Lane:
    """What plays one thing at a time, beside the other lanes of a run: NICs
    with addresses of its own.
    """

    def __init__(self, number, build, guest, folder):
        self.number, self.build, self.guest = number, build, guest
        self.capture = f"{folder}/lane{number}.pcapng"
        self.runtime = tempfile.TemporaryDirectory(prefix="glassnic-interop-")
        self.tcp = itertools.cycle(range(20000 + number, 30000, vm.LANES))

    def address(self, port, ip):
        """glassnic's."""
        return vm.address(ip, PORTS[port][1] + self.number)

    def spec(self, port, ip, faults=None):
        own = vm.prefixed(self.address(port, ip))
        words = PORTS[port][0].format(ip=own)
        return f"{words},{faults}" if faults else words

    def pair(self, case):
        """Runs a pair of programs; both Dones: glassnic's, rxe's.
        standstill.StandsStill.
        """
        choice, tcp = case.choice, next(self.tcp)
        nic = self.spec(choice["port"], choice["ip"], case.faults)
        ours = case.words(1, tcp)
        theirs = case.words(RXE_GID[choice["ip"]], tcp)
        env = {"GLASSNIC_RUNTIME": self.runtime.name}
        if choice["role"] == "client":
            server = Theirs(self.guest, theirs)
            server.await_port(tcp)
            client = Ours(self.build, nic, [*ours, vm.GUEST[4]], self.capture,
                          env=env)
        else:
            server = Ours(self.build, nic, ours, self.capture, env=env)
            server.await_port(tcp)
            client = Theirs(self.guest, [*theirs, vm.HOST[4]])
        self.watch(client, server, case)
        done = client.finish()
        if done.status != 0:
            server.give_up()
        both = done, server.finish()
        return both if choice["role"] == "client" else both[::-1]

    def watch(self, client, server, case):
        """Until the client has ended; standstill.StandsStill ends both."""
        choice = case.choice
        ours = client if choice["role"] == "client" else server
        watch = standstill.Watch(
            [f"{self.build}/glassnic", "show", str(ours.process.pid), "--json"],
            self.runtime.name, self.guest,
            self.address(choice["port"], choice["ip"]), case.may_lose())
        try:
            while not client.ends_within(LOOK_EVERY):
                watch.look()
        except standstill.StandsStill:
            for end in client, server:
                end.give_up()
                end.finish()
            raise

    def why_no_xdp(self):
        """Nothing, or why this glassnic, or this kernel, has no port=xdp."""
        options = subprocess.run([f"{self.build}/glassnic", "options"],
                                 text=True, capture_output=True).stdout
        if "xdp:IFACE" not in options:
            return "this glassnic has none"
        probe = Ours(self.build, self.spec("xdp", 4), ["ibv_devinfo"]).finish()
        return probe.status and support.tail(probe)
