"""Too much of something that is allowed: each flood ends with ENHANCE_YOUR_CALM."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from lib_abuse import frames
from lib_abuse.attack import CALM, CLOSE_SECONDS, Attack, Target, closings
from lib_abuse.wire import Wire

PATH = b"/bench.Echo/Unary"
BLOCK = frames.request(PATH)
# Frames that are sent before anybody looks whether the server still listens.
BATCH = 500
FLOOD_FRAMES_MAX = 200_000


def streams() -> Iterator[int]:
    return itertools.count(1, 2)


def flood(first: Callable[[Wire], None] | None, frame: Callable[[int], bytes], batch: int = BATCH,
          answers: Callable[[Wire], int] | None = None) -> Callable[[Target], str]:
    """Sends `frame(0)`, `frame(1)` … until the server has enough.

    With `answers` each batch waits until the server answered as many as were sent.
    """

    def run(target: Target) -> str:
        with target.wire() as wire:
            if first:
                first(wire)
            for start in range(0, FLOOD_FRAMES_MAX, batch):
                if not wire.send(b"".join(frame(index) for index in range(start, start + batch))):
                    break
                if answers:
                    wire.read(CLOSE_SECONDS, lambda wire: answers(wire) >= start + batch)
            return wire.read_until_closed(CLOSE_SECONDS)

    return run


def same(octets: bytes) -> Callable[[int], bytes]:
    return lambda _: octets


def opened(wire: Wire) -> None:
    """One call whose request does not end."""
    wire.send(frames.headers(1, BLOCK))


def incomplete(wire: Wire) -> None:
    """One call whose message is long and does not end."""
    wire.send(frames.headers(1, BLOCK) + frames.data(1, frames.message(b"", length=1 << 20)))


def gone(wire: Wire) -> None:
    """One call that was reset."""
    wire.send(frames.headers(1, BLOCK) + frames.reset(1))


def far(wire: Wire) -> None:
    """One call with a large id."""
    wire.send(frames.headers(1_000_001, BLOCK, end_stream=True))


def zero_window(wire: Wire) -> None:
    """A response that waits for the window of its stream."""
    body = frames.message(b"\x08\x01\x1a\x80\x80\x04" + bytes(65_536))
    wire.send(frames.settings({4: 0}) + frames.headers(1, BLOCK) + frames.data(1, body, end_stream=True))


def stream(index: int) -> int:
    return 2 * index + 1


def resets(wire: Wire) -> int:
    return wire.resets.total()


def data_octets(wire: Wire) -> int:
    return wire.data_bytes


FLOODS = [
    Attack("rapid reset", flood(None, lambda i: frames.headers(stream(i), BLOCK) + frames.reset(stream(i))), CALM,
           closings("resets_received")),
    Attack("resets by window overflow",
           flood(None, lambda i: frames.headers(stream(i), BLOCK) + frames.window_update(stream(i), frames.WINDOW_MAX),
                 batch=100, answers=resets), CALM,
           closings("resets_made")),
    Attack("resets by malformed requests", flood(None, lambda i: frames.headers(stream(i), b"\x83\x86", end_stream=True), batch=100,
                                                 answers=resets), CALM,
           closings("resets_made")),
    Attack("SETTINGS", flood(None, same(frames.settings())), CALM, closings("settings")),
    Attack("PING", flood(None, same(frames.ping())), CALM, closings("pings")),
    Attack("acknowledgements of no PING", flood(None, same(frames.ping(ack=True))), CALM, closings("pings")),
    Attack("PRIORITY", flood(None, lambda i: frames.priority(stream(i))), CALM, closings("priorities")),
    Attack("WINDOW_UPDATE", flood(None, same(frames.window_update(0, 1))), CALM, closings("window_updates")),
    Attack("empty DATA", flood(opened, same(frames.data(1, b""))), CALM, closings("empty_data")),
    Attack("DATA of one octet", flood(incomplete, same(frames.data(1, b"\0"))), CALM, closings("tiny_data")),
    Attack("DATA of padding", flood(incomplete, same(frames.padded_data(1, 100))), CALM, closings("tiny_data")),
    Attack("DATA for closed streams", flood(gone, same(frames.data(1, bytes(100)))), CALM, closings("ignored_frames")),
    Attack("unknown frames", flood(None, same(frames.raw(0xBE, b"x"))), CALM, closings("unknown_frames")),
    Attack("GOAWAY", flood(opened, same(frames.goaway())), CALM, closings("goaways")),
    Attack("ids that go backwards", flood(far, lambda i: frames.headers(999_999 - 2 * i, BLOCK, end_stream=True)), CALM,
           closings("stray_headers")),
    # Whichever it reaches first: so many small frames, or too little taken for too long.
    Attack("window opened octet by octet", flood(zero_window, same(frames.window_update(1, 1)), batch=1, answers=data_octets), CALM,
           closings("window_dribbles", "stalled")),
]
