"""A `glassnic peer' at each end of the wire, for talks and drills."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

import ends
import support
import talk
import vm

PORT = {4: 18580, 6: 18581}  # of the guest's peer on the address of that kind
OURS = 18590  # of glassnic's, in the first lane
UP = 180
FOREVER = 1000000


def add_peer(build, initrd, path):
    """@path becomes @initrd with the peer's program in it."""
    with tempfile.TemporaryDirectory() as tree:
        os.mkdir(f"{tree}/bin")
        shutil.copy(f"{build}/glassnic-peer", f"{tree}/bin/")
        shutil.copy(initrd, path)
        with open(path, "ab") as f:
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"],
                           cwd=tree, stdout=f, check=True, text=True,
                           input="bin\nbin/glassnic-peer\n")


def lend(guest):
    """rxe's device, at both addresses, for as long as the guest lives."""
    for ip, port in PORT.items():
        server = ends.Theirs(guest, [
            "glassnic-peer", "--listen", f"{vm.GUEST[4]}:{port}", "--device",
            "rxe0", "--gid-index", str(ends.RXE_GID[ip])], FOREVER)
        if not server.await_port(port):
            raise vm.CannotRun(f"glassnic-peer in the guest: {server.job.out}")


@contextlib.contextmanager
def ours(build, nic, tcp, capture, runtime):
    """A peer on glassnic's NIC."""
    peer = ends.Ours(build, nic, [f"{build}/glassnic-peer", "--listen",
                                  f"127.0.0.1:{tcp}"], capture,
                     env={"GLASSNIC_RUNTIME": runtime})
    try:
        if not peer.await_port(tcp):
            raise talk.Surprise(f"glassnic: {peer.finish().wrong('the peer')}")
        yield
    finally:
        peer.process.terminate()
        support.finish(peer.process, time.monotonic() + UP)


def shown(build, runtime):
    """What `glassnic show' says of the only NIC there."""
    done = subprocess.run([f"{build}/glassnic", "show", "--json"], text=True,
                          env={**os.environ, "GLASSNIC_RUNTIME": runtime},
                          capture_output=True, timeout=UP)
    if done.returncode:
        raise talk.Surprise(done.stderr.strip())
    return json.loads(done.stdout)


def hold(name, lane, port, ip, role, wire_file):
    """The talk @name, with glassnic as @role ("client" asks); what went wrong.
    @wire_file: where to keep what was on the tap.
    """
    tcp, build = OURS + lane.number, lane.build
    wire = talk.Sniffer(lane.address(port, ip))
    try:
        with tempfile.TemporaryDirectory() as runtime, \
                ours(build, lane.spec(port, ip), tcp, lane.capture, runtime):
            mine = talk.Verbs("glassnic", "127.0.0.1", tcp,
                              lambda: shown(build, runtime))
            other = talk.Verbs("rxe", vm.GUEST[4], PORT[ip])
            with contextlib.closing(mine), contextlib.closing(other):
                talk.TALKS[name](*((mine, other) if role == "client" else
                                   (other, mine)))
    except (talk.Surprise, OSError) as e:
        return str(e)
    finally:
        wire.stop()
        wire.save(wire_file)
    return ""


def drill(path, lane, port, ip):
    """Plays a drill against rxe; what went wrong.  Once more if it fails, as
    the machine may have been too busy for its times.
    """
    command = [f"{lane.build}/glassnic", "drill", "-q", "--live",
               lane.spec(port, ip), "--peer", f"{vm.GUEST[4]}:{PORT[ip]}", path]
    for again in False, True:
        if again:
            print(f"again: {path}", flush=True)
        try:
            done = subprocess.run(command, text=True, capture_output=True,
                                  timeout=UP)
        except subprocess.TimeoutExpired:
            return f"still running after {UP} s"
        if done.returncode == 0 and "\n0 passed" not in "\n" + done.stdout:
            return ""
    return f"exit {done.returncode}: {(done.stdout + done.stderr)[-300:]}"
