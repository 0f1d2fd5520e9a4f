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
CALL_SECONDS = 120.0
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
    served = echoes(programs["rpc-echo"], environment, folder)
    served.append(region(programs, environment, folder))
    for child in served:
        profile = profiles / f"{child.pid}.profraw"
        if child.returncode != 0 or not profile.exists() or profile.stat().st_size == 0:
            name = pathlib.Path(str(child.args[0])).name
            raise BenchError(f"the instrumented {name} ended with status {child.returncode} or left no profile in {profile.name}")
    return sorted(file for file in profiles.iterdir() if file.stat().st_size > 0)


def echoes(program: pathlib.Path, environment: dict[str, str], folder: pathlib.Path) -> list[subprocess.Popen[bytes]]:
    served = []
    certificate, key = idle.certificate(folder)
    tls = ("--tls", str(certificate), str(key))
    for arguments in ((), ("--sync",), tls):
        server = Server("rpc-echo", "instrumented", program, arguments, environment)
        with servers.started(server) as running:
            served.append(running.child)
            for shape in SHAPES:
                load.measure(running, shape.call, shape.connections, shape.streams, shape.calls, folder,
                             headers=METADATA, uses_tls=arguments == tls)
    return served


def region(programs: dict[str, pathlib.Path], environment: dict[str, str], folder: pathlib.Path) -> subprocess.Popen[bytes]:
    # Whoever builds may have a region of their own, which is none of this.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")} | environment
    with serving(programs["muster-region"], environment, folder) as (child, address):
        muster = str(programs["muster"])
        (folder / "client.yaml").touch()
        environment |= {"MUSTER_REGION": address, "MUSTER_CONFIG": str(folder / "client.yaml")}
        call([muster, "subnet", "add", "hall1", "10.1.0.0/16", "--gateway", "10.1.0.1"], environment)
        call([muster, "subnet", "add", "hall2", "10.2.0.0/16", "--gateway", "10.2.0.1"], environment)
        generator = [str(programs["muster-load"]), "--region", address, "--count", str(NODES)]
        for operation in ("add", "tag", "get"):
            call([*generator, "--operation", operation, "--subnet", "hall1"], environment)
        call([*generator, "--operation", "move", "--subnet", "hall2"], environment)
        for words in (["node", "list"], ["status"], ["subnet", "list"], ["event", "list"]):
            call([muster, *words], environment)
        call([*generator, "--operation", "remove", "--subnet", "hall2"], environment)
    return child


@contextlib.contextmanager
def serving(program: pathlib.Path, environment: dict[str, str], folder: pathlib.Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
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
            yield child, f"unix:{socket}"
        finally:
            servers.stop(child, STOP_SECONDS)


def call(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=CALL_SECONDS)
    if done.returncode != 0:
        raise BenchError(f"'{' '.join(command[-6:])}' ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
