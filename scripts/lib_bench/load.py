"""The load: h2load, and proof that what it measured were good replies.

h2load counts HTTP statuses, and a gRPC error travels as 200. So one call is looked at in full before anything is
measured, and under load the octets of reply data must be exactly what so many good replies have: an error has none.
"""

from __future__ import annotations

import pathlib
import re
import struct
import subprocess
from dataclasses import dataclass

from lib_bench.errors import BenchError
from lib_bench.processors import cores, pin
from lib_bench.servers import Running

PREFIX_BYTES = 5
HEADERS = ("-H", "content-type: application/grpc", "-H", "te: trailers")
LOAD_SECONDS = 120


def varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def framed(message: bytes) -> bytes:
    """A message with gRPC's prefix: uncompressed, and its length."""
    return struct.pack(">BI", 0, len(message)) + message


@dataclass(frozen=True)
class Call:
    """One method with its request, and all octets of its right answer."""

    path: str
    request: bytes
    reply: bytes
    # What one call counts as: a stream is measured by its messages.
    messages: int = 1


def unary() -> Call:
    """An `EchoRequest` of a name and 32 octets; the reply is the same message."""
    message = b"\x08\x07\x12\x05hello\x1a\x20" + b"p" * 32
    return Call("/bench.Echo/Unary", framed(message), framed(message))


def stream(count: int = 1000, payload_bytes: int = 64) -> Call:
    """A `StreamRequest` for `count` replies of `payload_bytes`; a reply's id is its number, 0 is left out."""
    payload = varint(payload_bytes) + b"x" * payload_bytes
    request = b"\x08" + varint(count) + b"\x12" + payload
    replies = b"".join(
        framed((b"\x08" + varint(number) if number else b"") + b"\x1a" + payload) for number in range(count))
    return Call("/bench.Echo/ServerStream", framed(request), replies, count)


@dataclass(frozen=True)
class Measurement:
    """One run of load against one server."""

    calls: int
    messages: int
    seconds: float
    cpu_seconds: float
    p50_us: float
    p99_us: float

    @property
    def calls_per_second(self) -> float:
        return self.calls / self.seconds

    @property
    def cpu_us(self) -> float:
        """Server CPU microseconds a message; a unary call is one."""
        return self.cpu_seconds / self.messages * 1e6


def check_one(running: Running, call: Call, folder: pathlib.Path) -> None:
    """Makes one call and looks at status and octets. BenchError when they are not right."""
    body = folder / "request"
    body.write_bytes(call.request)
    url = f"http://127.0.0.1:{running.port}{call.path}"
    talk = subprocess.run(["nghttp", "-nv", "--no-dep", "-d", str(body), *HEADERS, url], capture_output=True, check=False,
                          timeout=LOAD_SECONDS).stdout.decode(errors="replace")
    reply = subprocess.run(["nghttp", "--no-dep", "-d", str(body), *HEADERS, url], capture_output=True, check=False,
                           timeout=LOAD_SECONDS).stdout
    status = re.findall(r"grpc-status: (\d+)", talk)
    if status != ["0"]:
        raise BenchError(f"{running.server.name} answered {call.path} with grpc-status {status}:\n{talk[-2000:]}")
    if reply != call.reply:
        raise BenchError(f"{running.server.name} answered {call.path} with {len(reply)} octets, not the {len(call.reply)} expected")


def measure(running: Running, call: Call, connections: int, streams: int, calls: int, folder: pathlib.Path,
            headers: tuple[str, ...] = (), uses_tls: bool = False) -> Measurement:
    """Loads a server with so many calls. BenchError when one failed."""
    body, log = folder / "request", folder / "times"
    body.write_bytes(call.request)
    log.unlink(missing_ok=True)
    before = running.cpu_seconds()
    done = subprocess.run(
        ["h2load", "-n", str(calls), "-c", str(connections), "-m", str(streams), "-d", str(body),
         f"--log-file={log}", *HEADERS, *headers,
         f"http{'s' if uses_tls else ''}://127.0.0.1:{running.port}{call.path}"],
        capture_output=True, text=True, check=False, timeout=LOAD_SECONDS, preexec_fn=pin(cores()[1]))
    cpu = running.cpu_seconds() - before
    running.require_alive()
    good = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", done.stdout)
    data = re.search(r"\((\d+)\) data", done.stdout)
    time = re.search(r"finished in ([\d.]+)(us|ms|s)", done.stdout)
    if not (good and data and time):
        raise BenchError(f"h2load said nothing useful about {running.server.name}:\n{done.stdout}{done.stderr}")
    expected = calls * len(call.reply)
    if [int(number) for number in good.groups()] != [calls, 0, 0] or int(data[1]) != expected:
        raise BenchError(
            f"{running.server.name} did not answer {calls} calls of {call.path} well: {good[0]}, "
            f"{data[1]} octets of replies where {expected} were expected")
    seconds = float(time[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1}[time[2]]
    times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    return Measurement(
        calls=calls, messages=calls * call.messages, seconds=seconds, cpu_seconds=cpu,
        p50_us=times[len(times) // 2], p99_us=times[min(len(times) - 1, len(times) * 99 // 100)])
