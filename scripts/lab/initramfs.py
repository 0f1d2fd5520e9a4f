"""A machine's operating system, in one megabyte.

A cpio archive of busybox, the virtio network modules of Debian's cloud kernel and one shell script
that takes an address by DHCP, says so on the serial console, phones home and powers off. It is
enough to prove that a real firmware went all the way through a rack.
"""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

BUSYBOX = Path("/bin/busybox")

# In the order in which they must be inserted: each needs those before it.
MODULES = (
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "failover",
    "net_failover",
    "virtio_net",
)

INIT = Path(__file__).with_name("init.sh")
LEASE_SCRIPT = Path(__file__).with_name("udhcpc.sh")


@dataclass(frozen=True)
class Kernel:
    """A kernel image and the modules that belong to it."""

    release: str
    image: Path
    modules: Path

    def module(self, name: str) -> bytes:
        """The bytes of a module, decompressed. Raises FileNotFoundError when it is not there."""
        for suffix, decompress in ((".ko", bytes), (".ko.xz", lzma.decompress)):
            for path in self.modules.rglob(name + suffix):
                return decompress(path.read_bytes())
        raise FileNotFoundError(f"module {name} is not under {self.modules}")


def installed_kernel(root: Path = Path("/")) -> Kernel | None:
    """The newest cloud kernel under `root` that has its modules, or None."""
    for image in sorted((root / "boot").glob("vmlinuz-*-cloud-amd64"), reverse=True):
        release = image.name.removeprefix("vmlinuz-")
        for tree in (root / "lib/modules" / release, root / "usr/lib/modules" / release):
            if (tree / "kernel").is_dir() and os.access(image, os.R_OK):
                return Kernel(release, image, tree)
    return None


def cloud_kernel(cache: Path) -> Kernel:
    """Debian's cloud kernel: the installed one, else the package, downloaded and unpacked below `cache`.

    The package is unpacked and not installed: a kernel in /boot would change how the host starts.
    """
    kernel = installed_kernel() or installed_kernel(cache)
    if kernel is not None:
        return kernel
    depends = subprocess.run(
        ["apt-cache", "depends", "linux-image-cloud-amd64"],
        check=True, capture_output=True, text=True,
    ).stdout
    names = [line.split()[-1] for line in depends.splitlines() if "Depends: linux-image-" in line]
    if not names:
        raise FileNotFoundError("apt knows no linux-image-cloud-amd64; is this Debian 12?")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        # apt's sandbox user cannot write into a directory of root; it then says so and goes on as root.
        subprocess.run(
            ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", names[0]],
            cwd=folder, check=True, stdout=subprocess.DEVNULL,
        )
        package = next(Path(folder).glob("*.deb"))
        subprocess.run(["dpkg-deb", "-x", str(package), str(cache)], check=True)
    kernel = installed_kernel(cache)
    if kernel is None:
        raise FileNotFoundError(f"{names[0]} holds no cloud kernel")
    return kernel


class Archive:
    """A cpio archive in the `newc` form that the kernel unpacks (Documentation: initramfs buffer format)."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._inode = 0

    def add(self, name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
        self._bytes += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self._pad()
        self._bytes += content
        self._pad()

    def folder(self, name: str) -> None:
        self.add(name, stat.S_IFDIR | 0o755)

    def file(self, name: str, content: bytes, mode: int = 0o644) -> None:
        self.add(name, stat.S_IFREG | mode, content)

    def link(self, name: str, target: str) -> None:
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def finished(self) -> bytes:
        self.add("TRAILER!!!", 0)
        return bytes(self._bytes)

    def _pad(self) -> None:
        self._bytes += b"\0" * (-len(self._bytes) % 4)


def build(kernel: Kernel, path: Path) -> None:
    """Writes the compressed archive to `path`; the same inputs give the same bytes."""
    archive = Archive()
    for folder in ("bin", "dev", "etc", "lib", "proc", "sys", "tmp"):
        archive.folder(folder)
    # The kernel opens /dev/console before /init runs, so it must be in the archive.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.file("bin/busybox", BUSYBOX.read_bytes(), 0o755)
    archive.link("bin/sh", "busybox")
    for module in MODULES:
        archive.file(f"lib/{module}.ko", kernel.module(module))
    archive.file("lib/modules.order", "".join(f"{name}\n" for name in MODULES).encode())
    archive.file("etc/udhcpc.sh", LEASE_SCRIPT.read_bytes(), 0o755)
    archive.file("init", INIT.read_bytes(), 0o755)
    path.write_bytes(gzip.compress(archive.finished(), compresslevel=6, mtime=0))
