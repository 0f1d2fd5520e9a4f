"""Our own server: which build of it is measured."""

from __future__ import annotations

import argparse
import pathlib

from lib_bench import servers
from lib_bench.errors import BenchError
from lib_bench.servers import Server
from lib_release import build


def measured(repository: pathlib.Path, chosen: argparse.Namespace, for_tests: bool = False) -> list[Server]:
    """rpc-echo, with its handler in a task and on the event loop.

    What is measured is built as for hosts. `for_tests` takes the build of scripts/test, which is there in a moment.
    """
    if chosen.program is not None:
        program = chosen.program.resolve()
        if not program.is_file():
            raise BenchError(f"{program} is missing")
        kind = str(program)
    elif for_tests:
        kind = "the build of scripts/test"
        program = plain(repository, ["-Xswiftc", "-enable-testing"])
    elif chosen.plain:
        kind = "a plain build"
        program = plain(repository, ["--static-swift-stdlib", "--scratch-path", str(repository / ".build" / "bench" / "muster")])
    else:
        kind = "a build by scripts/release"
        program = build.programs(repository, ("rpc-echo",))["rpc-echo"]
    # A crash is reported by its status; the backtracer would take a core for seconds.
    quiet = {"SWIFT_BACKTRACE": "enable=no"}
    revision = servers.run(["git", "-C", str(repository), "rev-parse", "--short", "HEAD"], quiet=True).strip()
    return [
        Server("async", f"muster {revision}, {kind}", program, (), quiet),
        Server("loop", f"muster {revision}, {kind}", program, ("--sync",), quiet),
    ]


def plain(repository: pathlib.Path, flags: list[str]) -> pathlib.Path:
    print("building rpc-echo", flush=True)
    command = ["swift", "build", "--package-path", str(repository), "-c", "release", *flags]
    servers.run([*command, "--product", "rpc-echo"])
    return pathlib.Path(servers.run([*command, "--show-bin-path"], quiet=True).strip()) / "rpc-echo"
