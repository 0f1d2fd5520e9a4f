"""One connection of a hostile peer: it sends what it likes and notes what comes back."""

from __future__ import annotations

import collections
import select
import socket
import ssl
import struct
import time

import hpack

from lib_abuse import frames

CONNECT_SECONDS = 10.0
READ_BYTES = 1 << 16


class Wire:
    """A socket that is read while it is written, so that neither side can block the other by accident."""

    def __init__(self, port: int, preface: bytes | None = None, tls: bool = False, receive_buffer: int | None = None,
                 acknowledges_settings: bool = True) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_SECONDS)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self._socket = context.wrap_socket(self._socket)
        self._socket.setblocking(False)
        self._buffer = bytearray()
        self._decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self.acknowledges_pings = True
        self.acknowledges_settings = acknowledges_settings
        self.is_open = True
        self._is_sending = False
        self.has_settings = False
        self.goaway: int | None = None
        self.resets: collections.Counter[int] = collections.Counter()
        self.statuses: dict[int, dict[str, str]] = {}
        self.data_bytes = 0
        self.finished: set[int] = set()
        self.pings = 0
        self._answers = bytearray()
        if preface is None:
            preface = frames.PREFACE + frames.settings()
        if preface:
            self.send(preface)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self.is_open = False
        self._socket.close()

    @property
    def outcome(self) -> str:
        """How the server ended it, in the words of the expectations."""
        if self.goaway:
            return f"GOAWAY {frames.code_name(self.goaway)}"
        if not self.is_open:
            return "closed"
        if self.resets:
            return f"RST {frames.code_name(self.resets.most_common(1)[0][0])}"
        return "open"

    def send(self, octets: bytes, reads: bool = True, seconds: float = 30.0) -> bool:
        """Sends everything unless the server closes first. Returns whether the connection is still open."""
        self._is_sending = True
        view = memoryview(octets)
        deadline = time.monotonic() + seconds
        while view and self.is_open and time.monotonic() < deadline:
            ready = self._poll(select.POLLOUT | (select.POLLIN if reads else 0), 0.2)
            if ready & ~select.POLLOUT:
                self._read()
            if ready & select.POLLOUT and self.is_open:
                try:
                    view = view[self._socket.send(view[:READ_BYTES]):]
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    continue
                except OSError:
                    self._drain()
        self._is_sending = False
        self._answer()
        return self.is_open

    def read(self, seconds: float, until=lambda wire: False) -> None:
        """Reads until the condition holds, the server closes or time is up."""
        deadline = time.monotonic() + seconds
        while self.is_open and not until(self):
            left = deadline - time.monotonic()
            if left <= 0:
                return
            if self._poll(select.POLLIN, min(left, 0.2)):
                self._read()

    def read_what_is_there(self) -> None:
        while self.is_open and self._poll(select.POLLIN, 0):
            self._read()

    def read_until_closed(self, seconds: float) -> str:
        self.read(seconds)
        return self.outcome

    def _poll(self, events: int, seconds: float) -> int:
        """What the socket is ready for; POLLIN too when it was closed."""
        poller = select.poll()
        poller.register(self._socket, events)
        return sum(found for _, found in poller.poll(seconds * 1000))

    def _drain(self) -> None:
        """What the server said before it closed."""
        try:
            while chunk := self._socket.recv(READ_BYTES):
                self._take(chunk)
        except OSError:
            pass
        self.is_open = False

    def _read(self) -> None:
        try:
            chunk = self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            self.is_open = False
            return
        if not chunk:
            self.is_open = False
            return
        self._take(chunk)
        self._answer()

    def _answer(self) -> None:
        """Acknowledges SETTINGS and PING, but never within something else that is being sent."""
        if not self._answers or self._is_sending or not self.is_open:
            return
        answers, self._answers = bytes(self._answers), bytearray()
        try:
            self._socket.send(answers)
        except OSError:
            pass

    def _take(self, chunk: bytes) -> None:
        self._buffer += chunk
        at = 0
        while len(self._buffer) - at >= 9:
            high, low, kind, flags, stream = struct.unpack_from(">HBBBI", self._buffer, at)
            length = high << 8 | low
            if len(self._buffer) - at < 9 + length:
                break
            self._frame(kind, flags, stream, bytes(self._buffer[at + 9:at + 9 + length]))
            at += 9 + length
        del self._buffer[:at]

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == frames.GOAWAY:
            self.goaway = struct.unpack_from(">I", payload, 4)[0]
        elif kind == frames.RST_STREAM:
            self.resets[struct.unpack(">I", payload)[0]] += 1
            self.finished.add(stream)
        elif kind == frames.HEADERS:
            fields = {str(name): str(value) for name, value in self._decoder.decode(payload)}
            self.statuses.setdefault(stream, {}).update(fields)
        elif kind == frames.DATA:
            self.data_bytes += len(payload)
        elif kind == frames.PING and not flags & frames.ACK:
            self.pings += 1
            if self.acknowledges_pings:
                self._answers += frames.ping(ack=True, payload=payload)
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self.has_settings = True
            if self.acknowledges_settings:
                self._answers += frames.settings(ack=True)
        if kind in (frames.DATA, frames.HEADERS) and flags & frames.END_STREAM:
            self.finished.add(stream)
