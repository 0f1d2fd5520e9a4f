"""HTTP/2 frames made by hand, right and wrong (RFC 9113 §4, §6). Nothing here keeps state: header blocks use no table."""

from __future__ import annotations

import struct

from hyperframe.frame import (
    ContinuationFrame, DataFrame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame, SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW_MAX = 2**31 - 1
FRAME_BYTES_MAX = 16_384

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4

CODES = (
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
)


def code_name(code: int) -> str:
    return CODES[code] if code < len(CODES) else f"error {code}"


def raw(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    """Any frame, also those that no library would write."""
    return struct.pack(">HBBBI", len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload


def settings(values: dict[int, int] | None = None, ack: bool = False) -> bytes:
    return SettingsFrame(0, settings=values or {}, flags=["ACK"] if ack else []).serialize()


def headers(stream: int, block: bytes, end_stream: bool = False, end_headers: bool = True) -> bytes:
    flags = (["END_STREAM"] if end_stream else []) + (["END_HEADERS"] if end_headers else [])
    return HeadersFrame(stream, block, flags=flags).serialize()


def continuation(stream: int, block: bytes, end_headers: bool = False) -> bytes:
    return ContinuationFrame(stream, block, flags=["END_HEADERS"] if end_headers else []).serialize()


def data(stream: int, payload: bytes, end_stream: bool = False) -> bytes:
    """As many DATA frames as it takes."""
    pieces = [payload[at:at + FRAME_BYTES_MAX] for at in range(0, len(payload), FRAME_BYTES_MAX)] or [b""]
    return b"".join(
        DataFrame(stream, piece, flags=["END_STREAM"] if end_stream and index == len(pieces) - 1 else []).serialize()
        for index, piece in enumerate(pieces))


def padded_data(stream: int, padding: int) -> bytes:
    """DATA that holds nothing but padding."""
    return DataFrame(stream, b"", pad_length=padding, flags=["PADDED"]).serialize()


def reset(stream: int, code: int = 8) -> bytes:
    return RstStreamFrame(stream, error_code=code).serialize()


def window_update(stream: int, increment: int) -> bytes:
    return raw(WINDOW_UPDATE, struct.pack(">I", increment), stream=stream)


def ping(ack: bool = False, payload: bytes = bytes(8)) -> bytes:
    return PingFrame(0, payload, flags=["ACK"] if ack else []).serialize()


def priority(stream: int) -> bytes:
    return PriorityFrame(stream, depends_on=0, stream_weight=10).serialize()


def goaway() -> bytes:
    return GoAwayFrame(0, last_stream_id=0, error_code=0).serialize()


def literal(name: bytes, value: bytes) -> bytes:
    """A header field without indexing (RFC 7541 §6.2.2), so that no block depends on another."""
    return b"\x00" + _string(name) + _string(value)


def indexed_literal(name: bytes, value: bytes) -> bytes:
    """A header field that enters the table (RFC 7541 §6.2.1)."""
    return b"\x40" + _string(name) + _string(value)


def request(path: bytes, extra: bytes = b"", content_type: bytes = b"application/grpc") -> bytes:
    """The header block of a gRPC request."""
    # :method POST, :scheme http.
    return (b"\x83\x86" + literal(b":path", path) + literal(b":authority", b"abuse") + literal(b"te", b"trailers")
            + literal(b"content-type", content_type) + extra)


def message(payload: bytes, flag: int = 0, length: int | None = None) -> bytes:
    """gRPC's framing."""
    return struct.pack(">BI", flag, len(payload) if length is None else length) + payload


def _string(octets: bytes) -> bytes:
    # A length with a prefix of seven bits (RFC 7541 §5.1).
    if len(octets) < 127:
        return bytes([len(octets)]) + octets
    rest, length = len(octets) - 127, b"\x7f"
    while rest >= 128:
        length += bytes([rest & 127 | 128])
        rest >>= 7
    return length + bytes([rest]) + octets
