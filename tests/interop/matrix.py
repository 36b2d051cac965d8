"""What programs are run, and how.

A case is a program with one choice of each factor: glassnic's role, what its
NIC is plugged into (a name of ends.PORTS), IP version and path MTU.  The quick
run is every program once, such that any two choices meet (pairwise); the full
run is the whole matrix.
"""

import collections
import itertools

ROLES = "client", "server"  # glassnic's
SMALL, LARGE = (256, 512), (1024, 2048, 4096)
EVERY_SIZE = ["-a", "-n", "5"]
ONE_SIZE = ["-s", "300001", "-n", "20"]

PATIENT = ["-u", "18"]  # a second for an acknowledgement: machines may be busy
LESS = ["-u", "16"]  # a quarter, where that is waited for again and again

# What sends little gets the small MTUs of the quick run.
SHORT = [
    ["ibv_rc_pingpong", "-c", "-n", "200"],
    ["ibv_srq_pingpong", "-q", "4", "-n", "200"],
    ["ib_atomic_bw", "-A", "FETCH_AND_ADD", *PATIENT, "-n", "100"],
    ["ib_atomic_lat", "-A", "CMP_AND_SWAP", *PATIENT, "-n", "100"],
    ["ibv_uc_pingpong", "-n", "200"],
]
# Datagrams fill the port's MTU; there is no choice.
DATAGRAMS = [
    ["ibv_ud_pingpong", "-s", "1024", "-n", "200"],
    ["ib_send_bw", "-c", "UD", *EVERY_SIZE],
    ["ib_send_lat", "-c", "UD", *EVERY_SIZE],
]
# What is acknowledged, on a network that loses packets on one way (as glassnic
# sees it).
LOSSY = [
    ["ib_send_bw", *LESS, "-s", "65536", "-n", "60"],
    # Its client leaves soon after its last answer: until then who has lost an
    # acknowledgement must have asked again.
    ["ib_write_lat", "-s", "5000", "-n", "100"],
    ["ib_read_bw", *LESS, "-s", "65536", "-n", "60"],
    ["ib_atomic_bw", *LESS, "-A", "FETCH_AND_ADD", "-n", "300"],
]
LOSSES = ["loss=0.01,faults=in", "loss=0.01,faults=out"]


def long(sizes):
    """What sends most."""
    programs = [[f"ib_{verb}_{what}"] for verb in ("send", "write", "read")
                for what in ("lat", "bw")]
    programs += [["ib_send_lat", "-c", "UC"], ["ib_send_bw", "-c", "UC"]]
    return [[*program, *PATIENT, *sizes] for program in programs]


class Case:
    """@command: the program and its options; @choice: of each factor ("mtu" is
    None for datagrams).
    """

    def __init__(self, command, choice, faults=None):
        self.command, self.choice, self.faults = command, choice, faults

    def may_lose(self):
        """Nobody sends again what a busy machine drops."""
        return bool({"UC", "UD", "ibv_uc_pingpong",
                     "ibv_ud_pingpong"} & set(self.command))

    def deserves_another_try(self):
        """A busy machine may make it fail: a pingpong waits but 67 ms for an
        acknowledgement, which no option changes.
        """
        return self.may_lose() or self.command[0].endswith("_pingpong")

    def name(self):
        words = [*self.command, f"IPv{self.choice['ip']}"]
        if self.choice["mtu"]:
            words.append(f"MTU {self.choice['mtu']}")
        if self.faults:
            words.append(self.faults)
        return f"{self.choice['port']}: glassnic as {self.choice['role']}: " \
            f"{' '.join(words)}"

    def words(self, gid, port):
        """The command for one side, with its GID's index."""
        program, *options = self.command
        if program.startswith("ibv_"):
            words = [program, "-g", str(gid), *options]
        else:
            words = [program, "-F", "-x", str(gid), *options]
        if self.choice["mtu"]:
            words += ["-m", str(self.choice["mtu"])]
        return [*words, "-p", str(port)]


def choices(ports, roles=ROLES, mtus=SMALL + LARGE):
    """All combinations."""
    return [dict(zip(("role", "port", "ip", "mtu"), values)) for values in
            itertools.product(roles, ports, (4, 6), mtus)]


def pairs_of(choice):
    return list(itertools.combinations(sorted(choice.items()), 2))


def never_meet(cases, ports):
    """Pairs of choices that no case has."""
    every = set().union(*map(pairs_of, choices(ports)))
    return every - set().union(*(pairs_of(c.choice) for c in cases))


def quick(ports):
    """Every program once, and losses on either way for either role; each with
    the choice whose pairs have been seen least.
    """
    cases, seen = [], collections.Counter()

    def add(command, faults=None, **limits):
        best = max(choices(ports, **limits),
                   key=lambda c: sum(0.01 ** seen[p] for p in pairs_of(c)))
        seen.update(pairs_of(best))
        cases.append(Case(command, best, faults))

    for command in long(EVERY_SIZE):
        # Latency takes twice the packets: both ways.
        add(command, mtus=LARGE if command[0].endswith("_bw") else LARGE[1:])
    for command in DATAGRAMS:
        add(command, mtus=[None])
    for command in SHORT:
        add(command, mtus=SMALL)
    for command, (role, faults) in zip(LOSSY,
                                       itertools.product(ROLES, LOSSES)):
        add(command, faults, roles=[role])
    return cases


def full(ports, slow):
    """@slow: each size only in as many combinations as in the quick run."""
    cases = quick(ports) if slow else []
    for command in long(ONE_SIZE if slow else EVERY_SIZE) + SHORT:
        cases += [Case(command, choice) for choice in choices(ports)]
    for command in DATAGRAMS:
        cases += [Case(command, choice)
                  for choice in choices(ports, mtus=[None])]
    for command, faults in itertools.product(LOSSY, LOSSES):
        cases += [Case(command, choice, faults) for choice in choices(ports)]
    return cases
