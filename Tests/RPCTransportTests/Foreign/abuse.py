"""Hostile peers against our server: abuse.py PORT [SCALE]. Prints PASS or FAIL lines.

Every attack must end with the offender's connection closed, by GOAWAY where HTTP/2 still allows one, while a bystander on
another connection keeps being served.
"""
import socket
import struct
import sys
import time
import traceback

PORT = int(sys.argv[1])
SCALE = float(sys.argv[2]) if len(sys.argv) > 2 else 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ENHANCE_YOUR_CALM, PROTOCOL_ERROR, STREAM_CLOSED = 11, 1, 5
# :method POST, :scheme http, :path /conformance.Test/<method>, :authority x, content-type application/grpc, te trailers
LITERAL = lambda name, value: b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def block(method=b"Unary"):
    path = b"/conformance.Test/" + method
    return (b"\x83\x86" + b"\x04" + bytes([len(path)]) + path + b"\x01\x01x"
            + LITERAL(b"content-type", b"application/grpc") + LITERAL(b"te", b"trailers"))


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(stream, method=b"Unary", end=False, extra=b""):
    return frame(1, 4 | end, stream, block(method) + extra)


class Peer:
    def __init__(self, settings=b"", preface=True):
        self.socket = socket.create_connection(("127.0.0.1", PORT), timeout=10)
        self.buffer = b""
        if preface:
            self.socket.sendall(PREFACE + frame(4, payload=settings))

    def send(self, octets):
        """False once the server closed."""
        try:
            self.socket.sendall(octets)
            return True
        except OSError:
            return False

    def frames(self, seconds=20):
        """What the server says until it closes or is silent."""
        self.socket.settimeout(seconds)
        while True:
            while len(self.buffer) >= 9:
                length = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) < 9 + length:
                    break
                head, payload = self.buffer[:9], self.buffer[9:9 + length]
                self.buffer = self.buffer[9 + length:]
                yield head[3], head[4], int.from_bytes(head[5:9], "big"), payload
            try:
                octets = self.socket.recv(65536)
            except (socket.timeout, OSError):
                return
            if not octets:
                return
            self.buffer += octets

    def end(self):
        """The code of the GOAWAY before the close, or None; raises if the server neither closes nor says GOAWAY."""
        code, before = None, time.monotonic()
        for kind, _, _, payload in self.frames(5):
            if kind == 7:
                code = int.from_bytes(payload[4:8], "big")
        if code is None and time.monotonic() - before > 4.5:
            raise AssertionError("the connection was left open")
        return code


class Bystander(Peer):
    """Calls Unary by hand and expects an answer each time."""

    def __init__(self):
        super().__init__()
        self.stream = 1

    def call(self):
        before = time.monotonic()
        self.send(headers(self.stream) + frame(0, 1, self.stream, b"\0\0\0\0\0"))
        for kind, flags, stream, _ in self.frames():
            if kind == 1 and stream == self.stream and flags & 1:
                self.stream += 2
                return time.monotonic() - before
        raise AssertionError("the bystander was not answered")


def flood(make, count, code=ENHANCE_YOUR_CALM, start=b""):
    peer = Peer()
    peer.send(start)
    count = int(count * SCALE)
    for first in range(0, count, 500):
        if not peer.send(b"".join(make(n) for n in range(first, min(first + 500, count)))):
            break
    got = peer.end()
    assert got in (code, None), f"GOAWAY {got} instead of {code}"


ATTACKS = {
    "rapid_reset": lambda: flood(lambda n: headers(2 * n + 1) + frame(3, 0, 2 * n + 1, struct.pack(">I", 8)), 10_000),
    "resets_we_are_made_to_send": lambda: flood(lambda n: headers(2 * n + 1) + frame(8, 0, 2 * n + 1, b"\x7f\xff\xff\xff"), 10_000),
    "data_after_end": lambda: flood(lambda n: headers(2 * n + 1, end=True) + frame(0, 0, 2 * n + 1, b"123456"), 10_000, STREAM_CLOSED),
    "settings_flood": lambda: flood(lambda n: frame(4), 10_000),
    "ping_flood": lambda: flood(lambda n: frame(6, payload=bytes(8)), 20_000),
    "priority_flood": lambda: flood(lambda n: frame(2, 0, 2 * n + 1, bytes(5)), 20_000),
    "window_update_flood": lambda: flood(lambda n: frame(8, 0, 0, struct.pack(">I", 1)), 50_000),
    "empty_data_flood": lambda: flood(lambda n: frame(0, 0, 1), 10_000, start=headers(1, b"ClientStream")),
    "tiny_data_flood": lambda: flood(lambda n: frame(0, 0, 1, b"\0"), 50_000, start=headers(1, b"ClientStream")),
    "unknown_frame_flood": lambda: flood(lambda n: frame(0xbe, payload=b"xx"), 10_000),
    "continuation_flood": lambda: flood(lambda n: frame(9, 0, 1), 10_000, start=frame(1, 0, 1, block())),
    "streams_over_the_limit": lambda: flood(lambda n: headers(2 * n + 1), 20_000),
    "stream_ids_backwards": lambda: flood(lambda n: headers(9999 - 2 * n, end=True), 4000),
    "zero_increment": lambda: flood(lambda n: headers(2 * n + 1) + frame(8, 0, 2 * n + 1, bytes(4)), 1000, PROTOCOL_ERROR),
}


def header_bomb():
    """One large field, then a reference to it in each octet: refused with 431, and the connection goes on."""
    peer = Peer()
    large = b"\x40\x01a\x7f\xa1\x1e" + b"b" * 4000
    peer.send(headers(1, end=True, extra=large + b"\xbe" * 4_000))
    peer.send(headers(3) + frame(0, 1, 3, b"\0\0\0\0\0"))
    answered = set()
    for kind, flags, stream, _ in peer.frames(2):
        if kind in (1, 3):
            answered.add(stream)
        if kind == 1 and stream == 3 and flags & 1:
            break
    assert answered >= {1, 3}, answered


def no_preface():
    peer = Peer(preface=False)
    peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    peer.end()


def silence():
    """A peer that connects and says nothing is closed by the server's patience, not ours."""
    peer = Peer(preface=False)
    before = time.monotonic()
    list(peer.frames(10))
    assert time.monotonic() - before < 8, "the silent peer was left open"


def zero_window():
    """A peer that takes nothing holds one window's worth and no more; it may stay."""
    peer = Peer(settings=struct.pack(">HI", 4, 0))
    for n in range(50):
        peer.send(headers(2 * n + 1, b"ServerStream") + frame(0, 1, 2 * n + 1, b"\0\0\0\x03\xeb\x12\xe8\x07" + bytes(1000)))
    time.sleep(0.5)
    peer.socket.close()


def idle_connections():
    peers = [Peer() for _ in range(int(1000 * SCALE))]
    for peer in peers:
        peer.socket.close()


def split_frames():
    peer = Peer()
    for octet in headers(1) + frame(0, 1, 1, b"\0\0\0\0\0"):
        peer.send(bytes([octet]))
    for kind, flags, stream, _ in peer.frames():
        if kind == 1 and stream == 1 and flags & 1:
            return
    raise AssertionError("no answer")


for function in (header_bomb, no_preface, silence, zero_window, idle_connections, split_frames):
    ATTACKS[function.__name__] = function

bystander = Bystander()
calm = sorted(bystander.call() for _ in range(50))[25]
for name, attack in ATTACKS.items():
    try:
        attack()
        bystander.call()
        print("PASS", name, flush=True)
    except Exception:
        print(f"FAIL {name}:", traceback.format_exc().replace("\n", " | "), flush=True)
print(f"PASS bystander calm {calm * 1e3:.2f} ms")
