"""`scripts/bench rpc --instructions`: where a unary call's instructions go, by library.

Instructions do not depend on what else the machine does. Only the server's user-mode code is counted, not the kernel.
"""

from __future__ import annotations

import argparse
import collections
import pathlib
import re
import subprocess
import tempfile

from lib_bench import load, ours, packages, preload, servers
from lib_bench.errors import BenchError
from lib_bench.servers import Server

WARM_CALLS = 1024
CALLS = 4096


def run(repository: pathlib.Path, chosen: argparse.Namespace) -> int:
    packages.need(packages.LOAD + packages.CALLGRIND)
    known = ours.measured(repository, chosen)
    if "cpp" in chosen.peers:
        known.append(servers.cpp(repository))
    with tempfile.TemporaryDirectory(prefix="bench.") as scratch:
        folder = pathlib.Path(scratch)
        library = preload.build("steady_signals", folder)
        for server in known:
            print_table(server, count(without_debug_info(server, folder), library, folder))
    return 0


def without_debug_info(server: Server, folder: pathlib.Path) -> Server:
    """valgrind 3.19 cannot read the DWARF 5 that Swift writes."""
    program = folder / f"{server.name}-program"
    servers.run(["strip", "--strip-debug", "-o", str(program), str(server.program)])
    # Swift's libraries lie beside the toolchain, named by the program's own search path.
    return Server(server.name, server.version, program, server.arguments, server.environment)


def count(server: Server, library: pathlib.Path, folder: pathlib.Path) -> dict[str, float]:
    """Instructions a call, by library."""
    output = folder / f"{server.name}.callgrind"
    call = load.unary()
    with servers.started(server, under=("valgrind", "--tool=callgrind", f"--callgrind-out-file={output}"),
                         environment={"LD_PRELOAD": str(library)}) as running:
        load.measure(running, call, 8, 32, WARM_CALLS, folder)
        control(running.child.pid, "-z")
        load.measure(running, call, 8, 32, CALLS, folder)
        control(running.child.pid, "-d")
    dumped = output.with_name(output.name + ".1")
    if not dumped.exists():
        raise BenchError(f"callgrind wrote nothing for {server.name}")
    return {name: value / CALLS for name, value in by_library(dumped.read_text(errors="replace")).items()}


def control(pid: int, what: str) -> None:
    done = subprocess.run(["callgrind_control", what, str(pid)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"callgrind_control {what} failed: {done.stdout}{done.stderr}")


def by_library(text: str) -> collections.Counter[str]:
    """Adds up the self cost of callgrind's format; the line after `calls=` is a callee's and is skipped."""
    names: dict[str, str] = {}
    sums: collections.Counter[str] = collections.Counter()
    library = ""
    is_callee = False
    for line in text.splitlines():
        if match := re.match(r"c?ob=\((\d+)\)(?: (.*))?$", line):
            if match[2]:
                names[match[1]] = match[2].rsplit("/", 1)[-1]
            if line.startswith("ob="):
                library = names.get(match[1], "?")
        elif line.startswith("calls="):
            is_callee = True
        elif line and (line[0].isdigit() or line[0] in "+-*"):
            if not is_callee:
                sums[library] += int(line.split()[1])
            is_callee = False
    return sums


def print_table(server: Server, libraries: dict[str, float]) -> None:
    total = sum(libraries.values())
    print(f"\n{server.name} ({server.version}): {total:,.0f} instructions a unary call, 8x32")
    for name, value in sorted(libraries.items(), key=lambda item: -item[1]):
        if value >= total / 1000:
            print(f"  {value:8,.0f}  {value / total:6.1%}  {name}")
