"""Peers that take nothing, say nothing, or never finish: what they hold is bounded, and they are closed in time."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable

from lib_abuse import frames
from lib_abuse.attack import CLOSE_SECONDS, Attack, Target, closings, refusals
from lib_abuse.floods import BLOCK, stream
from lib_abuse.wire import Wire

PAYLOAD_BYTES = 1 << 20
# EchoRequest with a payload of 1 MiB, and StreamRequest for ever.
ECHO = frames.message(b"\x1a\x80\x80\x40" + bytes(PAYLOAD_BYTES))
STREAM_BLOCK = frames.request(b"/bench.Echo/ServerStream")
STREAM = frames.message(b"\x08\xff\xff\xff\xff\x0f\x12\x80\x08" + bytes(1024))
CALLS = 60


def paced(wire: Wire, number: int, body: bytes) -> bool:
    """A request as large as it likes, as its window opens."""
    return wire.send(frames.headers(number, BLOCK) + frames.data(number, body, end_stream=True))


def zero_window(target: Target) -> str:
    """Large responses to which the window never opens."""
    with target.wire(preface=frames.PREFACE + frames.settings({4: 0})) as wire:
        for index in range(CALLS):
            if not paced(wire, stream(index), ECHO):
                break
        return wire.read_until_closed(CLOSE_SECONDS)


def slow_read(target: Target) -> str:
    """All windows open, but nobody reads the socket. Pings prove that the peer lives."""
    with target.wire(receive_buffer=4096, preface=frames.PREFACE + frames.settings({4: frames.WINDOW_MAX})
                     + frames.window_update(0, frames.WINDOW_MAX - 65_535)) as wire:
        wire.send(b"".join(
            frames.headers(stream(index), STREAM_BLOCK) + frames.data(stream(index), STREAM, end_stream=True)
            for index in range(32)), reads=False)
        deadline = time.monotonic() + CLOSE_SECONDS
        while time.monotonic() < deadline and wire.is_open:
            wire.send(frames.ping(ack=True), reads=False, seconds=1)
            time.sleep(0.2)
        return wire.outcome


def crowd_that_does_not_read(target: Target) -> str:
    """Connections that each hold less than they may and together more than the server gives."""
    with contextlib.ExitStack() as stack:
        wires = [
            stack.enter_context(target.wire(preface=frames.PREFACE + frames.settings({4: 0})))
            for _ in range(target.size(10, 24))]
        # A round each, so that all of them hold something before the first is closed.
        for index in range(24):
            for wire in wires:
                if wire.is_open:
                    paced(wire, stream(index), ECHO)
        deadline = time.monotonic() + CLOSE_SECONDS
        for wire in wires:
            wire.read(max(0.0, deadline - time.monotonic()))
        return "closed" if any(not wire.is_open for wire in wires) else "open"


def unfinished_requests(target: Target) -> str:
    """Requests of which the last octet never comes: the connection's memory is the limit."""
    with target.wire() as wire:
        for index in range(200):
            if not wire.send(frames.headers(stream(index), BLOCK) + frames.data(stream(index), ECHO[:-1]), seconds=2):
                break
            if any(fields.get("grpc-status") == "8" for fields in wire.statuses.values()):
                break
        wire.read(2, lambda wire: any(fields.get("grpc-status") == "8" for fields in wire.statuses.values()))
        return "grpc-status 8" if any(fields.get("grpc-status") == "8" for fields in wire.statuses.values()) else wire.outcome


def half_open(target: Target) -> str:
    """A peer that went away without a word: its machine does not even acknowledge a ping."""
    with target.wire() as wire:
        wire.send(frames.headers(1, STREAM_BLOCK))
        wire.acknowledges_pings = False
        return wire.read_until_closed(CLOSE_SECONDS)


def idle_connections(target: Target) -> str:
    """Many connections that do nothing but answer pings."""
    count = min(target.size(500, 10_000), target.files_max - 500)
    with contextlib.ExitStack() as stack:
        poller = stack.enter_context(select.epoll())
        wires: dict[int, Wire] = {}
        while len(wires) < count:
            wire = stack.enter_context(target.wire())
            wires[wire.fileno()] = wire
            poller.register(wire, select.EPOLLIN)
            # Opening them takes longer than a server waits for the answer to a ping.
            if len(wires) % 50 == 0:
                answer(poller, wires, 0)
        deadline = time.monotonic() + target.size(2, 10)
        while time.monotonic() < deadline:
            answer(poller, wires, 0.1)
        alive = sum(wire.is_open for wire in wires.values())
        return "all open" if alive == count else f"{count - alive} of {count} closed"


def answer(poller: select.epoll, wires: dict[int, Wire], seconds: float) -> None:
    """Lets those read to whom something came within that time."""
    for number, _ in poller.poll(seconds):
        wires[number].read_what_is_there()
        if not wires[number].is_open:
            poller.unregister(number)


def silent(octets: bytes, tls: bool = False) -> Callable[[Target], str]:
    """Says so much and no more."""

    def run(target: Target) -> str:
        count = target.size(20, 200)
        with contextlib.ExitStack() as stack:
            peers = [
                stack.enter_context(contextlib.closing(socket.create_connection(
                    ("127.0.0.1", target.tls_port if tls else target.port)))) for _ in range(count)]
            for peer in peers:
                peer.sendall(octets)
            return _all_closed(peers)

    return run


def dribbled_preface(target: Target) -> str:
    """An octet of the preface at a time: each proves that the peer lives, none that it speaks HTTP/2."""
    with target.wire(preface=b"", acknowledges_settings=False) as wire:
        deadline = time.monotonic() + CLOSE_SECONDS
        for octet in frames.PREFACE:
            if time.monotonic() > deadline or not wire.send(bytes([octet])):
                break
            wire.read(0.4)
        return wire.outcome


def _all_closed(peers: list[socket.socket]) -> str:
    deadline = time.monotonic() + CLOSE_SECONDS
    for peer in peers:
        peer.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            while peer.recv(4096):
                pass
        except TimeoutError:
            return "open"
        except OSError:
            pass
    return "closed"


# The first 100 octets of a ClientHello that announces 512.
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(89)
HELD = refusals("connection_memory", "server_memory") + closings("stalled", "memory")

HOLDS = [
    Attack("zero window", zero_window, ("GOAWAY ENHANCE_YOUR_CALM",), HELD, holds_bytes=192 << 20),
    Attack("slow read", slow_read, ("closed", "GOAWAY ENHANCE_YOUR_CALM"), closings("stalled"), is_slow=True),
    Attack("a crowd that does not read", crowd_that_does_not_read, ("closed",), HELD, holds_bytes=192 << 20),
    Attack("requests that do not end", unfinished_requests, ("grpc-status 8",), HELD, is_slow=True, holds_bytes=192 << 20),
    Attack("half-open peer", half_open, ("closed",), closings("keepalive"), is_slow=True),
    Attack("idle connections", idle_connections, ("all open",), ("rpc_server_connections",), is_slow=True, holds_bytes=256 << 20),
    Attack("no preface", silent(b""), ("closed",), closings("establishing"), is_slow=True),
    Attack("preface octet by octet", dribbled_preface, ("closed",), closings("establishing"), is_slow=True),
    Attack("TLS handshake that dawdles", silent(CLIENT_HELLO, tls=True), ("closed",), closings("establishing"), is_slow=True,
           is_tls=True),
    Attack("TLS handshake of noise", silent(b"\0" * 64, tls=True), ("closed",), closings("tls_handshake"), is_tls=True),
    Attack("HTTP/1.1 instead of the preface", silent(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("closed",), closings("bad_preface")),
]
