"""Debian packages that only a benchmark needs; scripts/setup does not install them."""

from __future__ import annotations

import os
import subprocess

from lib_bench.errors import BenchError

LOAD = ("nghttp2-client",)
CPP = ("g++", "pkg-config", "libgrpc++-dev", "libprotobuf-dev", "protobuf-compiler", "protobuf-compiler-grpc")
CALLGRIND = ("valgrind", "binutils")


def version(package: str) -> str | None:
    """The installed version, None when it is not installed."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package],
        capture_output=True, text=True, check=False)
    status, _, number = done.stdout.partition(" ")
    return number if status == "installed" else None


def need(packages: tuple[str, ...]) -> None:
    """Installs what is missing. Raises BenchError when that fails."""
    missing = [package for package in packages if version(package) is None]
    if not missing:
        return
    print(f"installing {' '.join(missing)}", flush=True)
    root = [] if os.geteuid() == 0 else ["sudo"]
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    subprocess.run([*apt, "update"], check=False, stdout=subprocess.DEVNULL)
    done = subprocess.run([*apt, "install", "-y", "--no-install-recommends", *missing], check=False,
                          stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise BenchError(f"these packages could not be installed: {' '.join(missing)}")
