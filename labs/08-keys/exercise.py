import os

import drilled

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
    scene.teach_drills()


CHECKS = drilled.checks(os.path.dirname(__file__), DRILL, STEPS)
