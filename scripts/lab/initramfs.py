"""A machine's operating system, in one megabyte.

A cpio archive of busybox, the virtio network modules of Debian's cloud kernel and one shell script
that takes an address by DHCP, says so on the serial console, phones home and powers off. It is
enough to prove that a real firmware went all the way through a rack.
"""

from __future__ import annotations

import gzip
import stat
from pathlib import Path

from lab.packages import Kernel

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


def build(kernel: Kernel, busybox: Path, path: Path) -> None:
    """Writes the compressed archive to `path`; the same inputs give the same bytes."""
    archive = Archive()
    for folder in ("bin", "dev", "etc", "lib", "proc", "sys", "tmp"):
        archive.folder(folder)
    # The kernel opens /dev/console before /init runs, so it must be in the archive.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.file("bin/busybox", busybox.read_bytes(), 0o755)
    archive.link("bin/sh", "busybox")
    for module in MODULES:
        archive.file(f"lib/{module}.ko", kernel.module(module))
    archive.file("lib/modules.order", "".join(f"{name}\n" for name in MODULES).encode())
    archive.file("etc/udhcpc.sh", LEASE_SCRIPT.read_bytes(), 0o755)
    archive.file("init", INIT.read_bytes(), 0o755)
    path.write_bytes(gzip.compress(archive.finished(), compresslevel=6, mtime=0))
