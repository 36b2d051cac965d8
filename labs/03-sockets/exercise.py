import re

from answers import Answers
from grade import Missing, Question

TITLE = "Sockets against RDMA, counted"
NEEDS = "strace", "iperf3", "ib_write_bw"
CAPTURES = []
MIB = 32
BLOCK = 65536
COUNT = MIB * 2**20 // BLOCK


def run(scene):
    """As many bytes in each: under strace, which counts calls, and without it, which
    would be most of the time.
    """
    rdma = ["ib_write_bw", "-F", "-x", "1", "-n", str(COUNT), "-s",
            str(BLOCK)]
    tcp = ["iperf3", "-n", f"{MIB}M", "-l", str(BLOCK)]
    ends = {
        "tcp": (["iperf3", "-s", "-1"], [], [*tcp, "-c", "127.0.0.1"]),
        "rdma": (["glassnic", "run", "--nic", scene.nic("10.0.0.1"), "--",
                  *rdma], ["glassnic", "run", "--nic",
                           scene.nic("10.0.0.2"), "--"], rdma),
    }
    for name, (server, launch, client) in ends.items():
        host = ["127.0.0.1"] if name == "rdma" else []
        strace = ["strace", "-f", "-s", "0", "-o", f"{name}.strace"]
        scene.play(server, [*launch, *strace, *client], host, f"{name}-")
        before = softirqs()
        used = scene.play(server, [*launch, *client], host, f"{name}-")
        scene.write(f"{name}.usage", f"user_usec: {used[0] * 1e6:.0f}\n"
                    f"sys_usec: {used[1] * 1e6:.0f}\n"
                    f"net_rx: {softirqs() - before}\n")


def softirqs():
    """How often the machine's kernel has handled received packets."""
    with open("/proc/softirqs") as file:
        row = next(row for row in file if row.strip().startswith("NET_RX:"))
    return sum(map(int, row.split()[1:]))


# With -f a call may be in two rows, of which the second has the result.
CALL = re.compile(r" = ")
GIVEN = re.compile(r"\b(?:write|writev|sendto|sendmsg)(?:\(| resumed).*= "
                   r"(\d+)$")


def calls(work, name):
    rows = work.text(f"{name}.strace").splitlines()
    return sum(1 for row in rows if CALL.search(row))


def given(work, name):
    """Bytes that the client's process gave to the kernel."""
    rows = work.text(f"{name}.strace").splitlines()
    return sum(int(m[1]) for m in map(GIVEN.search, rows) if m)


def usage(work, name, key):
    value = Answers(work.file(f"{name}.usage")).get(key, "")
    if not value.isdecimal():
        raise Missing(f"{name}.usage: no {key} in it; run the exercise again")
    return int(value)


def cpu(work, name):
    """Nanoseconds a KiB."""
    usec = usage(work, name, "user_usec") + usage(work, name, "sys_usec")
    return usec * 1000 // (MIB * 1024)


def more(work, key):
    tcp, rdma = (usage(work, name, key) for name in ("tcp", "rdma"))
    return "tcp" if tcp > rdma else "rdma"


SUM = ("sum up the results of write, writev, sendto and sendmsg; the page has "
       "the awk command")

QUESTIONS = [
    Question("tcp_bytes", "tcp.strace: how many bytes the client gave to the "
             "kernel, in all", lambda w: given(w, "tcp"), SUM),
    Question("rdma_bytes", "rdma.strace: the same of the RDMA client, its "
             "NIC included", lambda w: given(w, "rdma"), SUM),
    Question("tcp_calls", "tcp.strace: how many system calls there are",
             lambda w: calls(w, "tcp"), "grep -c ' = ' tcp.strace"),
    Question("rdma_calls", "rdma.strace: how many system calls there are, the "
             "NIC's included", lambda w: calls(w, "rdma"),
             "grep -c ' = ' rdma.strace"),
    Question("tcp_copies", "How often the kernel copies each byte between "
             "programs and itself, sender and receiver together, over a "
             "socket", lambda w: 2,
             "write copies from the sender's memory, read into the "
             "receiver's"),
    Question("rdma_copies", "How often it does for a byte of an RDMA WRITE",
             lambda w: 0,
             "compare rdma_bytes with the 32 MiB that were written: whose "
             "system call carried them?"),
    Question("tcp_cpu", "How many nanoseconds of CPU time (user and system) "
             "the TCP client used for each KiB, rounded down",
             lambda w: cpu(w, "tcp"),
             "tcp.usage has microseconds; 32 MiB are 32768 KiB"),
    Question("rdma_cpu", "How many the RDMA client used, rounded down",
             lambda w: cpu(w, "rdma"),
             "rdma.usage; the NIC is software here and counts, too"),
    Question("interrupts", "In which run the kernel handled received packets "
             "more often (tcp or rdma)", lambda w: more(w, "net_rx"),
             "net_rx in tcp.usage and rdma.usage"),
]
