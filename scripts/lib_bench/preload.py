"""Small C files that are loaded into a measured server."""

from __future__ import annotations

import os
import pathlib

from lib_bench import servers


def build(name: str, folder: pathlib.Path) -> pathlib.Path:
    """Compiles `lib_bench/NAME.c` as a library for LD_PRELOAD."""
    source = pathlib.Path(__file__).with_name(name + ".c")
    library = folder / (name + ".so")
    # The compiler of the Swift toolchain is there wherever Swift is.
    servers.run([os.environ.get("CC", "clang"), "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-shared", "-fPIC", str(source), "-o", str(library)])
    return library
