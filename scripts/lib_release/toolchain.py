"""Where Swift keeps what a profile needs. Debian's tools of the same names are too old for Swift's profiles."""

from __future__ import annotations

import json
import pathlib
import platform
from dataclasses import dataclass

from lib_bench import servers
from lib_bench.errors import BenchError


@dataclass(frozen=True)
class Toolchain:
    # Merges profiles.
    profdata: pathlib.Path
    # What an instrumented program writes its profile with.
    runtime: pathlib.Path


def find() -> Toolchain:
    """Raises BenchError when something is not where Swift's toolchains for Linux have it."""
    facts = json.loads(servers.run(["swift", "-print-target-info"], quiet=True))
    library = pathlib.Path(facts["paths"]["runtimeResourcePath"]).resolve().parent
    name = f"libclang_rt.profile-{platform.machine()}.a"
    runtimes = sorted(library.glob(f"clang/*/lib/linux/{name}"))
    profdata = library.parent / "bin" / "llvm-profdata"
    if not runtimes:
        raise BenchError(f"there is no {name} below {library}/clang; this toolchain cannot make profiles")
    if not profdata.is_file():
        raise BenchError(f"there is no {profdata}; this toolchain cannot read profiles")
    return Toolchain(profdata, runtimes[-1])
