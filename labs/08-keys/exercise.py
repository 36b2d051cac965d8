import os
import re
import subprocess

from grade import GLASSNIC, Missing

TITLE = "Keys and protection: what a thief can do"
NEEDS = ()
CAPTURES = []
QUESTIONS = []
STUDENT_WRITES = ["thief.drill"]
DRILL = "thief.drill"

# What the drill must hold, step by step, and a hint.
STEPS = [
    ("1", [r"> WRITE_ONLY .*src=10\.0\.0\.66\b.*=> peer_addr$"],
     "write with src=10.0.0.66, and behind => the word that the drill says "
     "it got"),
    ("2", [r"> WRITE_ONLY .*psn=5100\b.*=> seq_gap$",
           r"< ACKNOWLEDGE .*nak=psn_sequence\b"],
     "the same with psn=5100 and without src=; then a < line for the NAK"),
    ("3", [r"> WRITE_ONLY .*data=00000bad\b(?!.*=>)", r"nothing 1s$",
           r"mem open:4 = 00000bad$"],
     "psn=5000, data=00000bad and no => : the packet is accepted; then "
     "nothing 1s, and mem"),
    ("4", [r"> READ_REQUEST .*va=shown\b(?!.*=>)",
           r"< READ_RESPONSE_ONLY .*data=5ec2e700$"],
     "READ_REQUEST with va=shown rkey=shown len=4; the < line says data="),
    ("5", [r"> WRITE_ONLY .*rkey=shown\b.*=> rights$",
           r"event QP_ACCESS_ERR victim$",
           r"< ACKNOWLEDGE .*nak=remote_access\b",
           r"query victim state=ERR$"],
     "the verdict is a word, then event, the NAK, and query victim "
     "state=ERR"),
    ("6", [r"> WRITE_ONLY .*dqpn=other\b.*=> rkey$",
           r"event QP_ACCESS_ERR other$", r"query other state=ERR$"],
     "dqpn=other psn=9000 and a number as rkey=; it ends as step 5 did"),
]


def run(scene):
    scene.give(DRILL)


def statements(text):
    rows = (re.sub(r"\s+", " ", row.split("#")[0]).strip()
            for row in text.splitlines())
    return [row for row in rows if row]


def victim_is_whole(work):
    with open(os.path.join(os.path.dirname(__file__), DRILL)) as file:
        victim = statements(file.read())
    if statements(work.text(DRILL))[:len(victim)] != victim:
        return (f"{DRILL}: the victim was changed; hint: begin with the first "
                f"{len(victim)} statements as `glassnic lab run 8' writes "
                "them")
    return ""


def plays(work):
    done = subprocess.run([GLASSNIC, "drill", "-q", work.path(DRILL)],
                          capture_output=True, text=True)
    if not done.returncode:
        return ""
    rows = (done.stdout + done.stderr).splitlines()
    said = next((row for row in rows if f"{DRILL}:" in row), rows[-1])
    return (f"{said[max(said.find(DRILL), 0):]}; hint: glassnic drill -v "
            f"{DRILL} shows each packet")


def has_step(step, patterns, hint):
    def check(work):
        rows = statements(work.text(DRILL))
        for pattern in patterns:
            at = next((i for i, row in enumerate(rows)
                       if re.match(pattern, row)), None)
            if at is None:
                raise Missing(f"step {step}: not done; hint: {hint}")
            rows = rows[at + 1:]
    return check


CHECKS = [victim_is_whole, plays, *(has_step(*step) for step in STEPS)]
