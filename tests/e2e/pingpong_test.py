#!/usr/bin/python3
"""rdma-core's own examples, unmodified: pingpong_test.py [BUILD]"""

import re

from support import Score, lab, need

MESSAGES = {  # what there is to send: options of ibv_rc_pingpong
    "plain": [],
    "events": ["-e"],
    "data checked": ["-c"],
    "events, data checked": ["-e", "-c"],
    "1 byte": ["-c", "-s", "1"],
    "4095 bytes": ["-c", "-s", "4095"],
    "4096 bytes": ["-c", "-s", "4096"],
    "65536 bytes": ["-c", "-s", "65536", "-n", "200"],
    "1 MiB": ["-c", "-s", "1048576", "-n", "40"],
    "1 MiB, small packets": ["-c", "-s", "1048576", "-n", "20", "-m", "256"],
    "one receive": ["-c", "-r", "1"],
}
MTUS = 256, 512, 1024, 2048, 4096


def look_at_the_device(score, lab, kind):
    nic = lab.nics(kind)[0]
    done = lab.run(["ibv_devices"], nic=nic)
    score.check(f"{kind}: ibv_devices", done.wrong("it") or
                ("" if "glass0" in done.out else f"no glass0: {done.out}"))
    done = lab.run(["ibv_devinfo", "-v"], nic=nic)
    wrong = done.wrong("it")
    for want in (r"hca_id:\s+glass0", r"state:\s+PORT_ACTIVE",
                 r"link_layer:\s+Ethernet", r"GID\[\s*1\].*::ffff:"):
        if not wrong and not re.search(want, done.out):
            wrong = f"no /{want}/ in its output"
    score.check(f"{kind}: ibv_devinfo -v", wrong)


def exchange(score, lab, kind):
    pingpong = ["ibv_rc_pingpong", "-g", "1"]
    nics = lab.nics(kind)
    for name, options in MESSAGES.items():
        lab.check_pair(score, f"{kind}: pingpong, {name}", pingpong + options,
                       nics)
    for mtu in MTUS:
        lab.check_pair(score, f"{kind}: pingpong, MTU {mtu}",
                       pingpong + ["-c", "-m", str(mtu)], nics)


def without_any_spec(score, lab):
    """The README's first example: each program finds an address itself."""
    lab.check_pair(score, "no spec: pingpong", ["ibv_rc_pingpong", "-g", "1"],
                   (None, None))


def with_environment_only(score, lab):
    """The same without the launcher."""
    env = {"LD_LIBRARY_PATH": lab.build + "/lib"}
    done = lab.run(["ibv_devinfo"], env=env, launcher=False)
    score.check("no launcher: ibv_devinfo", done.wrong("it") or
                ("" if "glass0" in done.out else f"no glass0: {done.out}"))


def main():
    need("ibv_rc_pingpong", "ibv_devinfo", "ibv_devices")
    score = Score()
    with lab() as place:
        for kind in "udp", "vxlan":
            look_at_the_device(score, place, kind)
            exchange(score, place, kind)
        without_any_spec(score, place)
        with_environment_only(score, place)
    score.finish()


if __name__ == "__main__":
    main()
