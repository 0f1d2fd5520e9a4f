"""Files of Debian packages that need not be installed: the machines' kernel and their busybox.

Installing a kernel would change how the host starts, and busybox-static would displace its busybox; so their packages
are downloaded and unpacked below a cache when the host does not have them already.
"""

from __future__ import annotations

import lzma
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


class PackageMissing(Exception):
    """apt could not bring a package, or it does not hold what it should."""


@dataclass(frozen=True)
class Kernel:
    """A kernel image and the modules that belong to it."""

    release: str
    image: Path
    modules: Path

    def module(self, name: str) -> bytes:
        """The bytes of a module, decompressed. Raises PackageMissing when it is not there."""
        for suffix, decompress in ((".ko", bytes), (".ko.xz", lzma.decompress)):
            for path in self.modules.rglob(name + suffix):
                return decompress(path.read_bytes())
        raise PackageMissing(f"module {name} is not under {self.modules}")


def cloud_kernel(cache: Path) -> Kernel:
    """Debian's cloud kernel, the installed one or one unpacked below `cache`."""
    kernel = _kernel(Path("/")) or _kernel(cache)
    if kernel is None:
        depends = _apt_cache_depends("linux-image-cloud-amd64")
        names = [name for name in depends if name.startswith("linux-image-")]
        if not names:
            raise PackageMissing("apt knows no linux-image-cloud-amd64; is this Debian 12 with its package lists?")
        unpack(names[0], cache)
        kernel = _kernel(cache)
    if kernel is None:
        raise PackageMissing("the package of the cloud kernel holds no kernel")
    return kernel


def busybox(cache: Path) -> Path:
    """A busybox that needs no library, the installed one or one unpacked below `cache`."""
    listed = subprocess.run(["dpkg-query", "-L", "busybox-static"], capture_output=True, text=True, check=False)
    roots = [Path("/")] if listed.returncode == 0 else []
    if not roots and _busybox(cache) is None:
        unpack("busybox-static", cache)
    for root in (*roots, cache):
        if found := _busybox(root):
            return found
    raise PackageMissing("the package busybox-static holds no busybox")


def unpack(package: str, cache: Path) -> None:
    """Downloads `package` from Debian and unpacks it below `cache`, without running anything of it."""
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        # apt's sandbox user cannot write into a folder of root; this says so beforehand.
        done = subprocess.run(
            ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package],
            cwd=folder, capture_output=True, text=True, check=False)
        files = list(Path(folder).glob("*.deb"))
        if done.returncode != 0 or not files:
            raise PackageMissing(f"apt-get download {package}: {done.stderr.strip() or 'nothing came'}")
        subprocess.run(["dpkg-deb", "-x", str(files[0]), str(cache)], check=True)
    # What sudo made in somebody's build folder belongs to that somebody.
    if owner := os.environ.get("SUDO_UID"):
        subprocess.run(["chown", "-R", owner, str(cache)], check=True)


def _kernel(root: Path) -> Kernel | None:
    for image in sorted((root / "boot").glob("vmlinuz-*-cloud-amd64"), reverse=True):
        release = image.name.removeprefix("vmlinuz-")
        for modules in (root / "lib/modules" / release, root / "usr/lib/modules" / release):
            if (modules / "kernel").is_dir() and os.access(image, os.R_OK):
                return Kernel(release, image, modules)
    return None


def _busybox(root: Path) -> Path | None:
    paths = (root / "bin/busybox", root / "usr/bin/busybox")
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _apt_cache_depends(package: str) -> list[str]:
    shown = subprocess.run(["apt-cache", "depends", package], capture_output=True, text=True, check=False)
    return [line.split()[-1] for line in shown.stdout.splitlines() if "Depends:" in line]
