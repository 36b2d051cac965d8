"""Builds the guest: Debian's own kernel, and an initramfs of what rdma_rxe and
verbs programs need, out of Debian's packages alone.  Nothing is installed, no
maintainer script runs.

    guest/KEY/vmlinuz, initrd     KEY: a digest of the packages' names and
                                  versions, and of guest.py and init

What apt offers decides the key, so that a machine whose lists of packages are
fresh builds a guest with the newest ones.
"""

import glob
import hashlib
import lzma
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
META = "linux-image-amd64"
PACKAGES = ["busybox-static", "iproute2", "ibverbs-utils", "ibverbs-providers",
            "perftest"]
PROGRAMS = ["rdma", "ibv_devinfo", "ibv_rc_pingpong", "ibv_uc_pingpong",
            "ibv_ud_pingpong", "ibv_srq_pingpong", "ib_send_bw", "ib_send_lat",
            "ib_write_bw", "ib_write_lat", "ib_read_bw", "ib_read_lat",
            "ib_atomic_bw", "ib_atomic_lat"]
# rxe asks the kernel's crypto API for "crc32"; no modprobe is there to see it.
MODULES = ["virtio_pci", "virtio_console", "virtio_net", "crc32_generic",
           "ib_uverbs", "rdma_rxe"]
TIME = 300  # seconds that apt may take to fetch
FOLDERS = ["bin", "dev", "proc", "sys", "tmp", "lib/modules"]


class CannotBuild(Exception):
    """One line that says why."""


def run(*command, **how):
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=TIME, **how)
    except OSError as e:
        raise CannotBuild(f"{command[0]}: {e.strerror}") from e
    except subprocess.TimeoutExpired as e:
        raise CannotBuild(f"{command[0]}: not done in {TIME} s") from e
    if done.returncode:
        line = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotBuild(f"{' '.join(command[:2])}: {line}")
    return done.stdout


class Apt:
    """apt on a system where nothing is installed, so that it names all that a
    package needs.
    """

    def __init__(self, folder):
        self.folder, self.lists = folder, []
        self.archives = os.path.join(folder, "archives")
        empty = os.path.join(folder, "empty")
        for place in self.archives, empty:
            os.makedirs(os.path.join(place, "partial"), exist_ok=True)
        nothing = os.path.join(folder, "nothing-installed")
        with open(nothing, "w"):
            pass
        self.options = [
            "-qq", "-y", "--no-install-recommends", "-o", "Debug::NoLocking=1",
            "-o", f"Dir::State::status={nothing}", "-o",
            f"Dir::Cache::archives={self.archives}", "-o",
            "APT::Sandbox::User=root", "-o", "Dir::Cache::pkgcache=",
            "-o", "Dir::Cache::srcpkgcache="]
        # What is in the archives has no URI any more.
        self.ask = [*self.options, "-o", f"Dir::Cache::archives={empty}",
                    "--print-uris"]

    def update(self):
        """Fetches lists of packages of its own: the system's are missing (as in
        images of containers), or too old.
        """
        lists = os.path.join(self.folder, "lists")
        os.makedirs(os.path.join(lists, "partial"), exist_ok=True)
        self.lists = ["-o", f"Dir::State::lists={lists}"]
        run("apt-get", *self.options, *self.lists, "update")

    def asked(self, *words):
        return run("apt-get", *self.ask, *self.lists, *words)

    def plan(self):
        """The packages' files."""
        lines = self.asked("install", *PACKAGES).splitlines()
        return [line.split()[1] for line in lines if line.startswith("'")]

    def fetch(self):
        run("apt-get", *self.options, *self.lists, "--download-only", "install",
            *PACKAGES)

    def kernel(self):
        """Name of the kernel's package, and of its file."""
        found = re.search(r"Depends: (linux-image-\d\S*)",
                          run("apt-cache", *self.lists, "depends", META))
        if not found:
            raise CannotBuild(f"apt knows no {META}")
        line = self.asked("download", found[1])
        return found[1], line.split()[1]

    def fetch_kernel(self, package):
        run("apt-get", *self.options, *self.lists, "download", package,
            cwd=self.archives)


# ---- programs and their libraries ----

def resolve(root, path):
    """@path of the unpacked tree, its links followed within the tree."""
    for _ in range(16):
        full = root + path
        if not os.path.islink(full):
            return full if os.path.isfile(full) else None
        path = os.path.normpath(os.path.join(os.path.dirname(path),
                                             os.readlink(full)))
    return None


def find(root, name):
    """A program or library called @name."""
    folders = ["/bin", "/sbin", "/usr/bin", "/usr/sbin",
               "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
               "/lib64", "/usr/lib64"]
    for folder in folders:
        path = resolve(root, f"{folder}/{name}")
        if path:
            return path
    raise CannotBuild(f"{name}: in none of the packages")


def needed_by(path):
    """The libraries that an ELF file asks for; and the loader."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]|interpreter: /\S*/(\S*)\]",
                      run("readelf", "-d", "-l", path))


def copy_programs(root, tree):
    """Programs into /bin, what they need into /lib."""
    providers = "/usr/lib/x86_64-linux-gnu/libibverbs"
    rxe = glob.glob(f"{root}{providers}/librxe-*.so")
    if not rxe:
        raise CannotBuild("ibverbs-providers holds no librxe")
    todo = [(find(root, p), f"bin/{p}") for p in ["busybox", *PROGRAMS]]
    todo += [(rxe[0], f"{providers[1:]}/{os.path.basename(rxe[0])}")]
    todo += [(f"{root}/etc/libibverbs.d/rxe.driver",
              "etc/libibverbs.d/rxe.driver")]
    done = set()
    while todo:
        source, target = todo.pop()
        if target in done:
            continue
        done.add(target)
        place = os.path.join(tree, target)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copy(source, place)
        if target.endswith(".driver"):
            continue
        for library, loader in needed_by(source):
            name = library or loader
            folder = "lib64" if name.startswith("ld-") else "lib"
            todo.append((find(root, name), f"{folder}/{name}"))


# ---- kernel modules ----

def module_text(path):
    with (lzma.open if path.endswith(".xz") else open)(path, "rb") as f:
        return f.read()


def copy_modules(root, tree):
    """MODULES and what they depend on, and their order; what the kernel has
    built in is left out.
    """
    files = {}
    for path in glob.glob(f"{root}/**/modules/*/kernel/**/*.ko*",
                          recursive=True):
        name = os.path.basename(path).split(".")[0].replace("-", "_")
        files[name] = path
    order = []

    def add(name):
        if name in order or name not in files:
            return
        text = module_text(files[name])
        for needed in re.search(rb"\0depends=([^\0]*)\0",
                                text)[1].decode().split(","):
            add(needed.replace("-", "_"))
        order.append(name)
        with open(f"{tree}/lib/modules/{name}.ko", "wb") as f:
            f.write(text)

    for name in MODULES:
        add(name)
    if "rdma_rxe" not in order:
        raise CannotBuild("the kernel's package holds no rdma_rxe")
    with open(f"{tree}/lib/modules/order", "w") as f:
        f.write("".join(f"{name}\n" for name in order))


# ---- all together ----

def digest(names):
    text = "\n".join(sorted(names)).encode()
    for name in "guest.py", "init":
        with open(os.path.join(HERE, name), "rb") as f:
            text += f.read()
    return hashlib.sha256(text).hexdigest()[:16]


def pack(tree, path):
    """Not compressed: an emulated CPU would take seconds to unpack it."""
    names = sorted(os.path.relpath(os.path.join(folder, name), tree)
                   for folder, folders, files in os.walk(tree)
                   for name in folders + files)
    with open(path, "wb") as f:
        done = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet",
                               "-R", "0:0"], cwd=tree, stdout=f,
                              input="\n".join(names), text=True)
    if done.returncode:
        raise CannotBuild("cpio failed")


def assemble(apt, names, kernel, place):
    work = place + ".new"
    shutil.rmtree(work, ignore_errors=True)
    root, kroot, tree = (f"{work}/{n}" for n in ("root", "kernel", "tree"))
    for folder in FOLDERS:
        os.makedirs(f"{tree}/{folder}")
    apt.fetch()
    apt.fetch_kernel(kernel[0])
    for name in names:
        where = kroot if name == kernel[1] else root
        os.makedirs(where, exist_ok=True)
        run("dpkg-deb", "-x", os.path.join(apt.archives, name), where)
    copy_programs(root, tree)
    copy_modules(kroot, tree)
    shutil.copy(os.path.join(HERE, "init"), f"{tree}/init")
    os.chmod(f"{tree}/init", 0o755)
    pack(tree, f"{work}/initrd")
    shutil.copy(glob.glob(f"{kroot}/boot/vmlinuz-*")[0], f"{work}/vmlinuz")
    for folder in root, kroot, tree:
        shutil.rmtree(folder)
    shutil.rmtree(place, ignore_errors=True)
    os.rename(work, place)


def newest(cache):
    """What was built last."""
    built = glob.glob(f"{cache}/guest/*/initrd")
    return os.path.dirname(max(built, key=os.path.getmtime)) if built else None


def offered(apt, cache, say):
    """The guest of what apt offers, built if it is another than the last."""
    kernel = apt.kernel()
    names = apt.plan() + [kernel[1]]
    place = f"{cache}/guest/{digest(names)}"
    if not os.path.exists(f"{place}/initrd"):
        say(f"building a guest with {kernel[0]}")
        assemble(apt, names, kernel, place)
        for old in glob.glob(f"{cache}/guest/*"):
            if old != place:
                shutil.rmtree(old)
    return place


def build(cache, say):
    """The folder with vmlinuz and initrd; CannotBuild."""
    os.makedirs(f"{cache}/guest", exist_ok=True)
    apt = Apt(cache)
    try:
        return offered(apt, cache, say)
    except CannotBuild as e:
        say(f"{e}; fetching fresh lists of packages")
    try:
        apt.update()
        return offered(apt, cache, say)
    except CannotBuild as e:
        place = newest(cache)
        if not place:
            raise
        say(f"{e}; the guest of an earlier run is taken")
        return place
