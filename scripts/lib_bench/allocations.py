"""`scripts/bench rpc --allocations`: mallocs a call in steady state, against checked-in ceilings."""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import struct
import tempfile

from lib_bench import load, ours, packages, preload, servers
from lib_bench.errors import BenchError
from lib_bench.servers import Server

CEILINGS = pathlib.Path(__file__).with_name("ceilings.json")
# One connection, so that what belongs to connections is small; enough calls that it disappears.
STREAMS = 32
CALLS = 2000
# What a new ceiling leaves above the measurement, in mallocs a call: how reads fall together varies.
SLACK = 0.5


def run(repository: pathlib.Path, chosen: argparse.Namespace) -> int:
    packages.need(packages.LOAD)
    known = ours.measured(repository, chosen, for_tests=True)
    with tempfile.TemporaryDirectory(prefix="bench.") as scratch:
        folder = pathlib.Path(scratch)
        library = preload.build("malloc_count", folder)
        counted = {server.name: count(server, library, folder) for server in known}
    if chosen.update:
        CEILINGS.write_text(json.dumps({name: round_up(value + SLACK) for name, value in counted.items()}, indent=2) + "\n")
    ceilings = json.loads(CEILINGS.read_text())
    status = 0
    for name, value in counted.items():
        verdict = "ok" if value <= ceilings[name] else "TOO MANY"
        status |= verdict != "ok"
        print(f"{name:8}{value:8.2f} mallocs a unary call, ceiling {ceilings[name]}: {verdict}")
    return int(status)


def round_up(value: float) -> float:
    return math.ceil(value * 10) / 10


def count(server: Server, library: pathlib.Path, folder: pathlib.Path) -> float:
    """The difference between a long and a short run cancels what a connection takes."""
    counter = folder / "count"
    counter.write_bytes(bytes(8))
    environment = {"LD_PRELOAD": str(library), "MALLOC_COUNT_FILE": str(counter)}
    call = load.unary()

    def taken(calls: int) -> int:
        before = struct.unpack("=Q", counter.read_bytes())[0]
        load.measure(running, call, 1, STREAMS, calls, folder)
        return struct.unpack("=Q", counter.read_bytes())[0] - before

    with servers.started(server, environment=environment) as running:
        load.check_one(running, call, folder)
        taken(CALLS)
        short, long = taken(CALLS), taken(3 * CALLS)
    if short == 0:
        raise BenchError("no malloc was counted")
    return (long - short) / (2 * CALLS)
