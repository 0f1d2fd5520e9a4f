"""An honest client beside the attacks: unary calls at a steady pace on a connection of its own, each timed.

Runs as a process of its own, and ahead of the attackers on the processor they share, so that their work is not counted as
the server's. On a line of standard input it
begins a new measurement and writes the last one as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lib_abuse import frames
from lib_abuse.wire import Wire

PACE_SECONDS = 0.004
CALL_SECONDS_MAX = 10.0
PAYLOAD_BYTES = 64


def percentile(sorted_values: list[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))] if sorted_values else 0.0


class Measurement:
    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.failures = 0

    def report(self) -> dict[str, float]:
        values = sorted(self.seconds)
        return {
            "calls": len(values), "failures": self.failures, "p50_ms": percentile(values, 0.50) * 1000,
            "p99_ms": percentile(values, 0.99) * 1000}


class Caller:
    """Unary calls of `bench.Echo`, one after the other."""

    def __init__(self, port: int, tls: bool) -> None:
        self._port = port
        self._tls = tls
        self._wire = Wire(port, tls=tls)
        self._stream = 1
        # EchoRequest: id 1, payload.
        body = frames.message(b"\x08\x01\x1a" + bytes([PAYLOAD_BYTES]) + bytes(PAYLOAD_BYTES))
        self._block = frames.request(b"/bench.Echo/Unary")
        self._body = body

    def call(self) -> bool:
        stream, self._stream = self._stream, self._stream + 2
        wire = self._wire
        if not wire.is_open:
            self._wire, self._stream = Wire(self._port, tls=self._tls), 1
            return False
        wire.send(frames.headers(stream, self._block) + frames.data(stream, self._body, end_stream=True))
        wire.read(CALL_SECONDS_MAX, lambda wire: stream in wire.finished)
        wire.finished.discard(stream)
        wire.send(frames.window_update(0, PAYLOAD_BYTES + 5 + 4))
        return wire.statuses.pop(stream, {}).get("grpc-status") == "0"


class Bystander:
    """The process, as the attacks' runner holds it."""

    def __init__(self, port: int, prepare: Callable[[], None], tls: bool = False) -> None:
        """`prepare` is done by the child before it becomes the program."""
        self._child = subprocess.Popen(
            [sys.executable, "-m", "lib_abuse.bystander", str(port), *(["tls"] if tls else [])], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1], preexec_fn=prepare)
        assert self._child.stdout is not None
        if self._child.stdout.readline() != "ready\n":
            raise RuntimeError("the bystander's first call failed")

    def mark(self) -> dict[str, float]:
        """What was measured since the last mark."""
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        return json.loads(self._child.stdout.readline())

    def stop(self) -> None:
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.close()
        try:
            self._child.wait(CALL_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()


def main() -> None:
    caller = Caller(int(sys.argv[1]), tls=sys.argv[2:] == ["tls"])
    if not caller.call():
        print("failed", flush=True)
        return
    print("ready", flush=True)
    current = Measurement()
    ends = threading.Event()

    def answer() -> None:
        nonlocal current
        for _ in sys.stdin:
            finished, current = current, Measurement()
            print(json.dumps(finished.report()), flush=True)
        ends.set()

    threading.Thread(target=answer, daemon=True).start()
    while not ends.is_set():
        measurement = current
        began = time.perf_counter()
        try:
            succeeded = caller.call()
        except OSError:
            succeeded = False
        if succeeded:
            measurement.seconds.append(time.perf_counter() - began)
        else:
            measurement.failures += 1
            ends.wait(0.1)
        ends.wait(PACE_SECONDS)


if __name__ == "__main__":
    main()
