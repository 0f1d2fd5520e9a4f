"""The load that shows what the programs use.

Its shapes are those of gRPC clients in general: other numbers of connections, streams and octets than the benchmark's,
metadata and deadlines, TLS. A region gets what operators do to it.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from lib_bench import idle, load, packages, servers
from lib_bench.errors import BenchError
from lib_bench.load import Call
from lib_bench.servers import Server

# Programs that answer the load or make it.
PROGRAMS = ("rpc-echo", "muster-region", "muster", "muster-load")
METADATA = ("-H", "user-agent: grpc-python/1.51.1", "-H", "grpc-timeout: 5S", "-H", "x-request-id: 0a1b2c3d",
            "-H", "grpc-accept-encoding: identity, gzip")
START_SECONDS = 30.0
STOP_SECONDS = 30.0
NODES = 3000


@dataclass(frozen=True)
class Shape:
    call: Call
    connections: int
    streams: int
    calls: int


def echo(payload_bytes: int) -> Call:
    message = b"\x08\x2a\x12\x08rack7n12\x1a" + load.varint(payload_bytes) + b"z" * payload_bytes
    return Call("/bench.Echo/Unary", load.framed(message), load.framed(message))


SHAPES = (
    Shape(echo(100), 3, 20, 40_000),
    Shape(echo(20), 24, 6, 40_000),
    Shape(echo(400), 2, 1, 4_000),
    Shape(echo(4000), 5, 3, 8_000),
    Shape(load.stream(200, 100), 3, 2, 400),
)


def run(programs: dict[str, pathlib.Path], folder: pathlib.Path) -> list[pathlib.Path]:
    """Plays the load against instrumented programs. Returns the profiles that they left."""
    packages.need(packages.LOAD)
    profiles = folder / "raw"
    profiles.mkdir()
    environment = {"LLVM_PROFILE_FILE": str(profiles / "%p.profraw"), "SWIFT_BACKTRACE": "enable=no"}
    print("playing a load", flush=True)
    echoes(programs["rpc-echo"], environment, folder)
    region(programs, environment, folder)
    made = sorted(file for file in profiles.iterdir() if file.stat().st_size > 0)
    if not made:
        raise BenchError("the instrumented programs left no profile")
    return made


def echoes(program: pathlib.Path, environment: dict[str, str], folder: pathlib.Path) -> None:
    certificate, key = idle.certificate(folder)
    tls = ("--tls", str(certificate), str(key))
    for arguments in ((), ("--sync",), tls):
        server = Server("rpc-echo", "instrumented", program, arguments, environment)
        with servers.started(server) as running:
            for shape in SHAPES:
                load.measure(running, shape.call, shape.connections, shape.streams, shape.calls, folder,
                             headers=METADATA, uses_tls=arguments == tls)


def region(programs: dict[str, pathlib.Path], environment: dict[str, str], folder: pathlib.Path) -> None:
    with serving(programs["muster-region"], os.environ | environment, folder) as address:
        muster = str(programs["muster"])
        environment = environment | {"MUSTER_REGION": address}
        call([muster, "subnet", "add", "hall1", "10.1.0.0/16", "--gateway", "10.1.0.1"], environment)
        call([muster, "subnet", "add", "hall2", "10.2.0.0/16", "--gateway", "10.2.0.1"], environment)
        generator = [str(programs["muster-load"]), "--region", address, "--count", str(NODES)]
        for operation in ("add", "tag", "get"):
            call([*generator, "--operation", operation, "--subnet", "hall1"], environment)
        call([*generator, "--operation", "move", "--subnet", "hall2"], environment)
        for words in (["node", "list"], ["status"], ["subnet", "list"], ["event", "list"]):
            call([muster, *words], environment)
        call([*generator, "--operation", "remove", "--subnet", "hall2"], environment)


@contextlib.contextmanager
def serving(program: pathlib.Path, environment: dict[str, str], folder: pathlib.Path) -> Iterator[str]:
    """A region on a unix socket, with nothing in its database."""
    socket = folder / "region.sock"
    configuration = folder / "region.yaml"
    configuration.write_text(
        f'listen: ["unix:{socket}"]\nhealth: {{listen: "unix:{folder}/health.sock"}}\nstore: {{engine: sqlite, path: {folder}/region.db}}\n')
    with open(folder / "region.log", "w+", encoding="utf-8") as log:
        child = subprocess.Popen([str(program), "--config", str(configuration)], stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=subprocess.STDOUT, env=environment)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not socket.exists():
                if child.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise BenchError(f"the instrumented region does not serve:\n{log.read()[-2000:]}")
                time.sleep(0.05)
            yield f"unix:{socket}"
        finally:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def call(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)
    if done.returncode != 0:
        raise BenchError(f"'{' '.join(command[-6:])}' ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
