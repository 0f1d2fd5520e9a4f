"""What gRPC's framing and protobuf do not allow: only the call ends, with its status."""

from __future__ import annotations

import gzip
from collections.abc import Callable

from lib_abuse import frames
from lib_abuse.attack import CLOSE_SECONDS, Attack, Target, errors, refusals
from lib_abuse.floods import PATH, stream

FINE = frames.message(b"\x08\x07\x12\x03abc\x1a\x02\x00\x01")
GZIP = frames.literal(b"grpc-encoding", b"gzip")


def call(body: bytes, extra: bytes = b"", **request: bytes) -> Callable[[Target], str]:
    """One call and its status."""
    return calls([body], extra, **request)


def calls(bodies: list[bytes], extra: bytes = b"", **request: bytes) -> Callable[[Target], str]:
    """Calls one after the other on a connection, all of which should end alike."""

    def run(target: Target) -> str:
        with target.wire() as wire:
            outcomes = set()
            for index, body in enumerate(bodies):
                number = stream(index)
                wire.send(frames.headers(number, frames.request(PATH, extra, **request))
                          + frames.data(number, body, end_stream=True))
                wire.read(CLOSE_SECONDS, lambda wire: number in wire.finished)
                outcomes.add(status(wire.statuses.get(number, {})))
            return ", ".join(sorted(outcomes)) if wire.is_open else wire.outcome

    return run


def status(fields: dict[str, str]) -> str:
    if fields.get(":status", "200") != "200":
        return f"HTTP {fields[':status']}"
    return f"grpc-status {fields.get('grpc-status')}"


def split_everywhere(target: Target) -> str:
    """The same call as often as it has octets, each time cut at another into two frames."""
    with target.wire() as wire:
        outcomes = set()
        for cut in range(1, len(FINE)):
            number = stream(cut)
            wire.send(frames.headers(number, frames.request(PATH)) + frames.data(number, FINE[:cut])
                      + frames.data(number, FINE[cut:], end_stream=True))
            wire.read(CLOSE_SECONDS, lambda wire: number in wire.finished)
            outcomes.add(status(wire.statuses.get(number, {})))
        return ", ".join(sorted(outcomes))


def header(name: bytes, *values: bytes) -> Callable[[Target], str]:
    """Calls that differ in one header, all of which should end alike."""

    def run(target: Target) -> str:
        outcomes = {call(FINE, frames.literal(name, value))(target) for value in values}
        return ", ".join(sorted(outcomes))

    return run


FINE_ENDS, INVALID, EXHAUSTED, INTERNAL = ("grpc-status 0",), ("grpc-status 3",), ("grpc-status 8",), ("grpc-status 13",)
NO_TEXT = errors("INVALID_ARGUMENT")
MALFORMED = errors("INTERNAL")
TOO_MUCH = errors("RESOURCE_EXHAUSTED")
SERVED = ('rpc_server_call_seconds_count{method="bench.Echo/Unary"}',)
RATIO_BOMB = gzip.compress(b"\x1a\x80\x80\xc0\x01" + bytes(3 << 20))
# 811 octets that become 400,000 unknown fields: within every limit.
SMALL_BOMB = gzip.compress(b"\x78\x01" * 400_000)
CAP_BOMB = gzip.compress(b"\x1a\x80\x80\x80\x08" + bytes(16 << 20), compresslevel=1)
# Field 15, which bench.EchoRequest does not have: many small ones, a large one, and what a newer contract might nest.
UNKNOWN_FIELDS = (
    b"\x78\x01" * 50_000, b"\x7a\x80\x80\x40" + bytes(1 << 20),
    b"".join(b"\x7a" + bytes([left]) for left in range(126, -1, -2)),
)

MESSAGES = [
    Attack("a length of 4 GiB", call(frames.message(b"x", length=0xFFFF_FFFF)), EXHAUSTED, TOO_MUCH),
    Attack("a length of 0", call(frames.message(b"")), FINE_ENDS, SERVED),
    # The call is answered by its first message; what follows may come too late to matter.
    Attack("a length that is too short", call(frames.message(b"\x08\x07\x08", length=2)), FINE_ENDS + INTERNAL, SERVED),
    Attack("a length that is too long", call(frames.message(b"\x08\x07", length=9)), INTERNAL, MALFORMED),
    Attack("a request cut at every octet", split_everywhere, FINE_ENDS, SERVED),
    Attack("flags from 2 to 255", calls([frames.message(b"\x08\x07", flag=flag) for flag in range(2, 256)]), INTERNAL, MALFORMED),
    Attack("a gzip bomb by its ratio", call(frames.message(RATIO_BOMB, flag=1), GZIP), EXHAUSTED, TOO_MUCH),
    Attack("a gzip bomb by its size", call(frames.message(CAP_BOMB, flag=1), GZIP), EXHAUSTED, TOO_MUCH),
    Attack("gzip bombs of 811 octets", calls([frames.message(SMALL_BOMB, flag=1)] * 8, GZIP), FINE_ENDS, SERVED),
    Attack("compressed without an encoding", call(frames.message(b"\x08\x07", flag=1)), INTERNAL, MALFORMED),
    Attack("what is not gzip", calls([frames.message(octets, flag=1) for octets in (b"", b"\x1f\x8b", b"\x1f\x8b\x08" + bytes(99))],
                                     GZIP), INTERNAL, MALFORMED),
    Attack("an unknown encoding", header(b"grpc-encoding", b"brotli", b"x" * 4000), ("grpc-status 12",), refusals("encoding")),
    Attack("grpc-timeout malformed", header(b"grpc-timeout", b"", b"S", b"1", b"-1S", b"123456789S", b"1.5S", b"1x", b"S1"),
           INTERNAL, refusals("malformed_timeout")),
    Attack("-bin malformed", header(b"x-bin", b"!", b"a", b"abc$", b"YQ==YQ"), INTERNAL, refusals("malformed_metadata")),
    Attack("not gRPC", call(FINE, content_type=b"text/plain"), ("HTTP 415",), refusals("content_type")),
    Attack("NUL in a string", call(frames.message(b"\x12\x03a\x00b")), INVALID, NO_TEXT),
    Attack("a string that is not UTF-8", calls([frames.message(b"\x12\x02" + two) for two in (b"\xff\xfe", b"\xc3\x28", b"a\xe2")]),
           INVALID, NO_TEXT),
    Attack("varints without an end", calls([frames.message(octets) for octets in (b"\x80", b"\x08", b"\x08\x80", b"\x08" + b"\xff" * 11)]),
           INTERNAL, MALFORMED),
    Attack("wrong wire types", calls([frames.message(octets) for octets in (b"\x0a\x00", b"\x10\x01", b"\x0d\0\0\0\0", b"\x1b", b"\x00")]),
           INTERNAL, MALFORMED),
    # They are kept for as long as the message, whose memory is bounded with them.
    Attack("unknown fields", calls([frames.message(octets) for octets in UNKNOWN_FIELDS]), FINE_ENDS, SERVED),
    Attack("two million unknown fields", call(frames.message(b"\x78\x01" * 2_000_000)), EXHAUSTED, TOO_MUCH),
    Attack("two million fields", call(frames.message(b"\x1a\x00" * 2_000_000)), EXHAUSTED, TOO_MUCH),
]
