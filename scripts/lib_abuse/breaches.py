"""What HTTP/2 does not allow, and header blocks that are small on the wire only."""

from __future__ import annotations

from lib_abuse import frames
from lib_abuse.attack import CALM, CLOSE_SECONDS, Attack, Target, closings, refusals
from lib_abuse.floods import BLOCK, stream

PROTOCOL = ("GOAWAY PROTOCOL_ERROR",)
CONTINUATIONS = 8
STREAMS_MAX = 256
HEADER_LIST_BYTES_MAX = 16_384
# A block with fewer fields than end a connection.
SMALL_BYTES = 8_000


def once(octets: bytes):
    """Sends something on a new connection and looks what comes of it."""

    def run(target: Target) -> str:
        with target.wire() as wire:
            wire.send(octets)
            return wire.read_until_closed(CLOSE_SECONDS)

    return run


def data_after_end() -> bytes:
    # Never ends by itself: the window of the response is zero.
    return (frames.settings({4: 0}) + frames.headers(1, BLOCK) + frames.data(1, frames.message(b"\x08\x01"), end_stream=True)
            + frames.data(1, bytes(10)))


def too_many_streams(target: Target) -> str:
    with target.wire() as wire:
        # Its acknowledgement leaves with the same read.
        wire.read(CLOSE_SECONDS, lambda wire: wire.has_settings)
        wire.send(b"".join(frames.headers(stream(index), BLOCK) for index in range(STREAMS_MAX + 1)))
        return wire.read_until_closed(CLOSE_SECONDS)


def too_many_streams_unacknowledged(target: Target) -> str:
    """Never acknowledges SETTINGS, so that the limit is not known to it: refusals, and in the end ENHANCE_YOUR_CALM."""
    with target.wire(acknowledges_settings=False) as wire:
        for start in range(0, 10_000, 100):
            if not wire.send(b"".join(frames.headers(stream(index), BLOCK) for index in range(start, start + 100))):
                break
        return wire.read_until_closed(CLOSE_SECONDS)


def continuation_flood(target: Target) -> str:
    with target.wire() as wire:
        # In one piece: an acknowledgement of SETTINGS between the frames of a block would be another breach.
        wire.send(frames.headers(1, BLOCK, end_headers=False) + frames.continuation(1, b"") * 10_000)
        return wire.read_until_closed(CLOSE_SECONDS)


def block_of_references(total_bytes: int) -> bytes:
    """One field of 4,000 octets enters the table; every further octet refers to it."""
    start = BLOCK + frames.indexed_literal(b"a", b"b" * 4000)
    return start + b"\xbe" * (total_bytes - len(start))


def in_frames(number: int, block: bytes) -> bytes:
    pieces = [block[at:at + frames.FRAME_BYTES_MAX] for at in range(0, len(block), frames.FRAME_BYTES_MAX)]
    last = len(pieces) - 1
    return b"".join(
        frames.headers(number, piece, end_stream=True, end_headers=last == 0) if index == 0
        else frames.continuation(number, piece, end_headers=index == last)
        for index, piece in enumerate(pieces))


def header_bomb(target: Target) -> str:
    """147 KB that would become 147,000 fields of 4 KB."""
    with target.wire() as wire:
        wire.send(in_frames(1, block_of_references((CONTINUATIONS + 1) * frames.FRAME_BYTES_MAX)))
        wire.read(CLOSE_SECONDS, lambda wire: 1 in wire.finished)
        return wire.outcome


def small_header_bombs(target: Target) -> str:
    """Dropped one by one, until they are too many."""
    with target.wire() as wire:
        for index in range(1_000):
            if not wire.send(in_frames(stream(index), block_of_references(SMALL_BYTES))):
                break
        return wire.read_until_closed(CLOSE_SECONDS)


def header_bomb_spares_the_table(target: Target) -> str:
    """After a bomb the compression's state is still right: the next call refers to the table and is answered."""
    with target.wire() as wire:
        wire.send(in_frames(1, block_of_references(SMALL_BYTES)))
        wire.send(frames.headers(3, BLOCK + b"\xbe") + frames.data(3, frames.message(b"\x08\x01"), end_stream=True))
        wire.read(CLOSE_SECONDS, lambda wire: {1, 3} <= wire.finished)
        return f"{wire.outcome} then grpc-status {wire.statuses.get(3, {}).get('grpc-status')}"


def header_list_a_little_too_large(target: Target) -> str:
    """Not a bomb: whoever sent it is told why."""
    with target.wire() as wire:
        wire.send(in_frames(1, block_of_references(HEADER_LIST_BYTES_MAX // 4000 + 4100)))
        wire.read(CLOSE_SECONDS, lambda wire: 1 in wire.finished)
        return f"HTTP {wire.statuses.get(1, {}).get(':status')}"


BOMBS_DROPPED = ('rpc_server_resets{code="ENHANCE_YOUR_CALM"}',)

BREACHES = [
    Attack("zero window increment", once(frames.headers(1, BLOCK) + frames.window_update(1, 0)), PROTOCOL,
           closings("protocol_error")),
    Attack("DATA after END_STREAM", once(data_after_end()), ("GOAWAY STREAM_CLOSED",), closings("stream_closed")),
    Attack("a frame too large", once(frames.raw(0, bytes(17_000), stream=1)), ("GOAWAY FRAME_SIZE_ERROR",),
           closings("frame_size_error")),
    Attack("streams beyond the limit", too_many_streams, PROTOCOL, closings("protocol_error")),
    Attack("streams beyond the limit, SETTINGS not acknowledged", too_many_streams_unacknowledged, CALM,
           closings("resets_made")),
    Attack("CONTINUATION", continuation_flood, CALM, closings("continuations")),
    Attack("a header bomb of 147 KB", header_bomb, ("RST ENHANCE_YOUR_CALM",), BOMBS_DROPPED),
    Attack("header bombs of 8 KB", small_header_bombs, CALM, closings("oversized_headers")),
    Attack("the call after a header bomb", header_bomb_spares_the_table, ("RST ENHANCE_YOUR_CALM then grpc-status 0",),
           BOMBS_DROPPED),
    Attack("a header list a little too large", header_list_a_little_too_large, ("HTTP 431",), refusals("header_list")),
    Attack("HPACK that cannot be", once(frames.headers(1, b"\xff\xff\xff\xff\x7f", end_stream=True)),
           ("GOAWAY COMPRESSION_ERROR",), closings("compression_error")),
]
