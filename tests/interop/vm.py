"""The guest in QEMU, and commands to it."""

import contextlib
import os
import socket
import subprocess
import threading
import time

TAP = "tap0"
LANES = 2  # what runs beside each other
NET = {4: "10.77.0.", 6: "fd77::"}
PREFIX = {4: 24, 6: 64}
KERNEL_FIRST = 20  # host number of the first of the kernel's addresses for NICs
MTU = 4300  # room for a path MTU of 4096 and all headers
KVM_PATIENCE = 60  # seconds
TCG_PATIENCE = 180
KILLED, GONE = 137, 255  # statuses of commands: too slow; with the guest
# A kernel that says nothing for so long hangs, if its CPU is not emulated.
SILENCE = {"kvm": 15, "tcg": TCG_PATIENCE}

OFFLOADS = "csum gso guest_csum guest_tso4 guest_tso6 guest_ecn guest_ufo " \
    "host_tso4 host_tso6 host_ecn host_ufo"
APPEND = "console=ttyS0 earlyprintk=ttyS0 loglevel=6 panic=-1 tsc=reliable " \
    "mitigations=off no_timer_check net.ifnames=0 random.trust_cpu=on audit=0"
ACCEL = {
    "kvm": ["-accel", "kvm", "-cpu", "host,-arch-capabilities"],
    "tcg": ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,la57=off"],
}


def address(ip, number):
    return f"{NET[ip]}{number}"


def prefixed(text):
    return f"{text}/{PREFIX[6 if ':' in text else 4]}"


HOST = {ip: address(ip, 1) for ip in NET}  # the tap's kernel end
GUEST = {ip: address(ip, 2) for ip in NET}


class CannotRun(Exception):
    """One line that says why."""


class Job:
    """A command under way in the guest."""

    def __init__(self):
        self.ended = threading.Event()
        self.status, self.out = None, ""

    def end(self, status, out):
        self.status, self.out = status, out
        self.ended.set()

    def poll(self):
        return self.status if self.ended.is_set() else None


def tap_up():
    """The tap, with the host's addresses; the namespace ends with us."""
    numbers = [1, *range(KERNEL_FIRST, KERNEL_FIRST + LANES)]
    for words in (["tuntap", "add", "dev", TAP, "mode", "tap"],
                  ["link", "set", "lo", "up"],
                  *(["addr", "add", prefixed(address(ip, n)), "dev", TAP,
                     *(["nodad"] if ip == 6 else [])]
                    for ip in NET for n in numbers),
                  ["link", "set", TAP, "mtu", str(MTU), "txqueuelen", "100000",
                   "up"]):
        done = subprocess.run(["ip", *words], capture_output=True, text=True)
        if done.returncode:
            raise CannotRun(f"ip {' '.join(words)}: {done.stderr.strip()}")


def qemu_words(kernel, initrd, accel, console, fd):
    """@console: the file of what the guest's kernel prints; @fd: a socket for
    commands.
    """
    off = ",".join(f"{word}=off" for word in OFFLOADS.split())
    return [
        "qemu-system-x86_64", *ACCEL[accel], "-machine", "pc", "-smp", "2",
        "-m", "1024", "-nodefaults", "-no-user-config", "-display", "none",
        "-no-reboot", "-kernel", kernel, "-initrd", initrd, "-append",
        f"{APPEND} mtu={MTU} ip4={prefixed(GUEST[4])} ip6={prefixed(GUEST[6])}",
        "-netdev", f"tap,id=n,ifname={TAP},script=no,downscript=no,vhost=off",
        "-device", f"virtio-net-pci,netdev=n,romfile=,{off}",
        "-chardev", f"socket,id=c,fd={fd}", "-device", "virtio-serial-pci",
        "-device", "virtserialport,chardev=c", "-serial", f"file:{console}"]


class Guest:
    """A running guest; obeys until close()."""

    def __init__(self, kernel, initrd, accel, console):
        self.accel, self.console = accel, console
        self.jobs, self.last = {}, 0
        self.lock = threading.Lock()
        self.gone = False
        self.socket, theirs = socket.socketpair()
        open(console, "w").close()
        self.qemu = subprocess.Popen(
            qemu_words(kernel, initrd, accel, console, theirs.fileno()),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT, pass_fds=[theirs.fileno()])
        theirs.close()
        self.hello = self.jobs["0"] = Job()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with self.socket.makefile("rb") as lines, \
                contextlib.suppress(OSError):
            while self.take_answer(lines):
                pass
        with self.lock:
            self.gone = True
            jobs = [*self.jobs.values()]
        for job in jobs:
            if job is not self.hello:
                job.end(GONE, "the guest is gone")

    def take_answer(self, lines):
        words = []
        while len(words) < 3:
            word = b""
            while not word.endswith(b" "):
                byte = lines.read(1)
                if not byte:
                    return False
                word += byte
            words.append(word[:-1].decode(errors="replace"))
        text = lines.read(int(words[2])).decode(errors="replace")
        with self.lock:
            job = self.jobs.pop(words[0])
        job.end(int(words[1]), text)
        return True

    def start(self, command, limit):
        """@command: for the shell, one line; killed after @limit seconds."""
        job = Job()
        with self.lock:
            self.last += 1
            self.jobs[str(self.last)] = job
            with contextlib.suppress(OSError):
                self.socket.sendall(f"{self.last} {limit} {command}\n".encode())
        if self.gone:
            job.end(GONE, "the guest is gone")
        return job

    def run(self, command, limit=30):
        """Status (None: no answer) and output."""
        job = self.start(command, limit)
        job.ended.wait(limit + 30)
        return job.status, job.out

    def lives(self):
        return self.run("true")[0] == 0

    def why_not_up(self, patience):
        """Waits for the first word; nothing, or why it does not come."""
        begin = heard = time.monotonic()
        silence, size = SILENCE[self.accel], 0
        while not self.hello.ended.wait(0.05):
            now = time.monotonic()
            if self.qemu.poll() is not None:
                return f"QEMU ended: {self.qemu.stdout.read().strip()[-200:]}"
            if os.path.getsize(self.console) != size:
                size, heard = os.path.getsize(self.console), now
            if now - heard > silence:
                return f"its kernel says nothing for {silence} s"
            if now - begin > patience:
                return f"it does not answer within {patience} s"
        return ""

    def close(self):
        self.qemu.kill()
        self.qemu.wait()
        self.socket.close()


class Kvm:
    """Whether KVM is worth a try: what hung once hangs until this machine is
    another, and a try takes its time.
    """

    def __init__(self, cache):
        self.note = os.path.join(cache, "kvm-hangs")
        with open("/proc/sys/kernel/random/boot_id") as f:
            self.now = f.read()

    def may_work(self):
        if not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return False
        if not os.path.exists(self.note):
            return True
        with open(self.note) as f:
            return f.read() != self.now

    def hangs(self):
        with open(self.note, "w") as f:
            f.write(self.now)


def boot(kernel, initrd, cache, logs, say):
    """A guest under KVM if that works, else TCG; CannotRun."""
    kvm = Kvm(cache)
    ways = [("kvm", KVM_PATIENCE)] if kvm.may_work() else []
    for accel, patience in ways + [("tcg", TCG_PATIENCE)]:
        begin = time.monotonic()
        guest = Guest(kernel, initrd, accel, f"{logs}/console-{accel}")
        why = guest.why_not_up(patience)
        if not why:
            took = time.monotonic() - begin
            say(f"the guest is up under {accel.upper()} after {took:.1f} s")
            return guest
        guest.close()
        say(f"no guest under {accel.upper()}: {why}")
        if accel == "kvm":
            kvm.hangs()
    raise CannotRun(f"no guest under TCG: {why}")
