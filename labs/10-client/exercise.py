import os
import tempfile

import scene as scenes
from grade import Capture, Missing, run_until

TITLE = "Write the client"
NEEDS = ("cc",)
CAPTURES = []
QUESTIONS = []
STUDENT_WRITES = ["client.c"]
HOME = os.path.dirname(os.path.abspath(__file__))

# A WRITE that misses its place may hit what was sent: it is asked about first.
SAID = {"WRITE": "written by the client", "READ": "the secret",
        "SEND": "hello from the client"}
# By what the client's last words hold.
HINTS = {
    "TODO 1": "server.c shows INIT and RTR; man ibv_modify_qp has the rest",
    "TODO 2": "an ibv_sge, an ibv_send_wr, ibv_post_send, side_wait",
    "TODO 3": "as a SEND, and wr.rdma.remote_addr and wr.rdma.rkey",
    "TODO 4": "as a WRITE, the other way: sg_list says where the bytes go",
    "cannot go to": "which attributes the move requires, and their mask, is "
    "in man ibv_modify_qp",
    "SEND: transport retry": "nobody answers: dest_qp_num, the GID and the "
    "PSNs must be what the other side told; sq_psn is mine.psn, the server "
    "expects it",
    "remote access": "remote_addr and rkey are what the server told "
    "(s->theirs), plus the offset in struct memory",
    "local protection": "lkey is s->mr->lkey, and addr is in s->memory",
    "no completion": "is the queue pair in RTS, and was the request posted?",
}
# By what the server says.
PLACES = {
    "SEND": "copy SEND_TEXT to outbox, and let sg_list be outbox",
    "WRITE": "the slate is at s->theirs.addr + offsetof(struct memory, slate)",
    "READ": "the secret is at s->theirs.addr + offsetof(struct memory, "
    "secret), and comes to where sg_list says: s->memory->inbox",
}
HINT = "page.md says how to run it by hand"


def run(scene):
    for name in "side.h", "server.c", "client.c":
        scene.give(name)


def compile_in(folder, source, program):
    done = run_until(60, ["cc", "-Wall", "-I", HOME, "-o",
                          os.path.join(folder, program), source, "-libverbs"],
                     os.path.basename(source))
    if done.returncode:
        rows = [row for row in done.stderr.splitlines() if "error" in row]
        said = (rows or done.stderr.splitlines() or ["?"])[0]
        raise Missing(f"{os.path.basename(source)}: does not compile: "
                      f"{said.removeprefix(source + ':')}; hint: cc -Wall "
                      "client.c -libverbs")


def hint_for(said):
    return next((hint for words, hint in HINTS.items() if words in said), HINT)


def play(work, folder):
    """What the server says of the student's client, and the capture."""
    work.text("client.c")
    compile_in(folder, work.path("client.c"), "client")
    compile_in(folder, os.path.join(HOME, "server.c"), "server")
    scenes.leave_the_machine()
    stage = scenes.Scene(folder, HOME, quiet=True)
    try:
        stage.pair("./server", "./client", spoiled=lambda c: False)
    except scenes.Failed as e:
        raise Missing(f"client.c: {e}; hint: {hint_for(str(e))}") from None
    with open(os.path.join(folder, "server.txt")) as file:
        return file.read(), Capture(os.path.join(folder, "client.pcapng"))


def works(work):
    with tempfile.TemporaryDirectory(prefix="glassnic-lab-") as folder:
        said, capture = play(work, folder)
    rows = dict(row.split(": ", 1) for row in said.splitlines()
                if ": " in row)
    for verb, text in SAID.items():
        if rows.get(verb, "") != text:
            return (f"client.c: {verb}: the server has \"{rows.get(verb, '')}"
                    f"\", not \"{text}\"; hint: {PLACES[verb]}")
    for verb in SAID:
        capture.first(f"RDMA {verb}", lambda p: f"_{verb}_" in p["opcode"])
    return ""


CHECKS = [works]
