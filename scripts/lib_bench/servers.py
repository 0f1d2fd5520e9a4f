"""The servers: what they are built from, how they are started, what they cost."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from lib_bench import packages
from lib_bench.errors import BenchError
from lib_bench.processors import cores, pin

START_SECONDS = 30.0
STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Server:
    """A program that serves `bench.Echo` on `PORT`, with `--tls CERT KEY` if it can."""

    name: str
    version: str
    program: pathlib.Path
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def cpp(repository: pathlib.Path) -> Server:
    """gRPC C++ from Debian, its callback API."""
    packages.need(packages.CPP)
    build = repository / ".build" / "bench" / "cpp"
    source = repository / "scripts" / "bench-peers" / "cpp" / "echo.cc"
    proto = repository / "proto" / "bench"
    program = build / "echo"
    newest = max(source.stat().st_mtime, (proto / "bench.proto").stat().st_mtime)
    if not program.exists() or program.stat().st_mtime < newest:
        print("building the gRPC C++ peer", flush=True)
        build.mkdir(parents=True, exist_ok=True)
        run(["protoc", f"-I{proto}", f"--cpp_out={build}", f"--grpc_out={build}",
             "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin", "bench.proto"])
        flags = run(["pkg-config", "--cflags", "--libs", "grpc++", "protobuf"], quiet=True).split()
        run(["g++", "-std=c++17", "-O2", "-DNDEBUG", f"-I{build}", str(source), str(build / "bench.pb.cc"),
             str(build / "bench.grpc.pb.cc"), "-o", str(program), *flags])
    return Server("cpp", f"gRPC C++ {packages.version('libgrpc++-dev')}", program)


def swift(repository: pathlib.Path) -> Server:
    """grpc-swift-2 over its NIO transport, one event loop."""
    package = repository / "scripts" / "bench-peers" / "swift"
    scratch = repository / ".build" / "bench" / "swift"
    print("building the grpc-swift-2 peer (the first time takes several minutes)", flush=True)
    common = ["swift", "build", "--package-path", str(package), "--scratch-path", str(scratch), "-c", "release"]
    run([*common, "--product", "echo-peer"])
    folder = run([*common, "--show-bin-path"], quiet=True).strip()
    return Server("swift", "grpc-swift-2 2.4.3, grpc-swift-nio-transport 2.9.2", pathlib.Path(folder) / "echo-peer")


def run(command: list[str], quiet: bool = False) -> str:
    """Runs a tool. Raises BenchError with what it said when it fails."""
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE if quiet else subprocess.STDOUT)
    if done.returncode != 0:
        raise BenchError(f"'{' '.join(command[:6])} …' failed:\n{(done.stdout + (done.stderr or ''))[-4000:]}")
    return done.stdout


class Running:
    """A started server."""

    def __init__(self, server: Server, child: subprocess.Popen[bytes], port: int) -> None:
        self.server = server
        self.port = port
        self.child = child

    def cpu_seconds(self) -> float:
        """CPU time of all threads, also of those that ended, in nanosecond resolution."""
        # MAKE_PROCESS_CPUCLOCK of the kernel's posix-timers.h with CPUCLOCK_SCHED.
        return time.clock_gettime((~self.child.pid << 3) | 2)

    def resident_bytes(self) -> int:
        for line in pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise BenchError(f"{self.server.name} is gone")

    def require_alive(self) -> None:
        if self.child.poll() is not None:
            raise BenchError(f"the server '{self.server.name}' ended with status {self.child.returncode}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def started(server: Server, *arguments: str, under: tuple[str, ...] = (),
            environment: dict[str, str] | None = None) -> Iterator[Running]:
    """Runs a server for the length of a block. `under` is a program that runs it, such as valgrind."""
    port = free_port()
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            [*under, str(server.program), str(port), *server.arguments, *arguments], preexec_fn=pin(cores()[0], is_urgent=not under),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env=os.environ | server.environment | (environment or {}))
        running = Running(server, child, port)
        try:
            wait_for_port(running, log)
            yield running
            running.require_alive()
        finally:
            stop(child, STOP_SECONDS)


def stop(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Ends a child that was started here, by force when it takes longer than `seconds`."""
    child.terminate()
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def wait_for_port(running: Running, log) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and running.child.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", running.port), 1):
            return
        time.sleep(0.02)
    log.seek(0)
    said = log.read().decode(errors="replace")[-2000:]
    raise BenchError(f"the server '{running.server.name}' did not listen on port {running.port}:\n{said}")
