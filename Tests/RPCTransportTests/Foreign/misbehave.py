"""A gRPC server that does on purpose what gRPC C++ cannot be made to do: misbehave.py. Prints `listening PORT`.

The behaviour stands in the request's `x-behave`; the answer is always one empty message, if there is one. Ends when its
standard input does.
"""
import os
import socket
import struct
import sys
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]
EMPTY = b"\0\0\0\0\0"
UNFINISHED = b"\0\0\0\0\x64" + b"\x12\x62" + b"x" * 20
BEHAVIOURS = {}
# Calls refused or dropped so far, by the request's `x-key`.
SEEN = {}
LOCK = threading.Lock()


def behaviour(function):
    BEHAVIOURS[function.__name__.replace("_", "-")] = function
    return function


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def is_first(fields):
    """Whether no call with this `x-key` was seen before."""
    with LOCK:
        key = fields.get("x-key", "")
        SEEN[key] = SEEN.get(key, 0) + 1
        return SEEN[key] == 1


class Connection:
    def __init__(self, sock, streams_max):
        self.socket = sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False,
            validate_inbound_headers=True))
        self.h2.local_settings = h2.settings.Settings(
            client=False, initial_values={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: streams_max})
        self.requests = {}
        self.held = []
        self.open = self.most = 0
        self.acknowledged = 0

    def serve(self):
        self.h2.initiate_connection()
        # Requests may be as large as they like.
        self.h2.increment_flow_control_window(1 << 24)
        self.flush()
        while octets := self.receive():
            for event in self.h2.receive_data(octets):
                if isinstance(event, h2.events.RequestReceived):
                    self.requests[event.stream_id] = dict(event.headers)
                    self.open += 1
                    self.most = max(self.most, self.open)
                elif isinstance(event, h2.events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    fields = self.requests.get(event.stream_id, {})
                    BEHAVIOURS[fields.get("x-behave", "answer")](self, event.stream_id, fields)
                elif isinstance(event, h2.events.StreamReset):
                    self.open -= 1
                elif isinstance(event, h2.events.PingAckReceived):
                    self.acknowledged += 1
                    if self.acknowledged == 10:
                        for stream in self.held:
                            self.answer(stream)
            self.flush()
        self.socket.close()

    def receive(self):
        try:
            return self.socket.recv(65536)
        except OSError:
            return b""

    def flush(self):
        self.raw(self.h2.data_to_send())

    def raw(self, octets):
        """Past h2, after what it wanted to say."""
        waiting = self.h2.data_to_send() if octets else b""
        try:
            self.socket.sendall(waiting + octets)
        except OSError:
            pass

    def answer(self, stream, message=EMPTY, trailers=OK):
        self.h2.send_headers(stream, HEADERS)
        self.h2.send_data(stream, message)
        self.h2.send_headers(stream, trailers, end_stream=True)
        self.open -= 1

    def reset(self, stream, code):
        self.h2.reset_stream(stream, code)
        self.open -= 1


@behaviour
def answer(peer, stream, fields):
    peer.answer(stream)


@behaviour
def reset_before_headers(peer, stream, fields):
    peer.reset(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)


@behaviour
def reset_after_headers(peer, stream, fields):
    peer.h2.send_headers(stream, HEADERS)
    peer.reset(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)


@behaviour
def reset_within_message(peer, stream, fields):
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, UNFINISHED)
    peer.reset(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)


@behaviour
def reset_after_message(peer, stream, fields):
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, EMPTY)
    peer.reset(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)


@behaviour
def reset_after_trailers(peer, stream, fields):
    """What a server does that wants no more requests (RFC 9113, 8.1): the answer counts."""
    peer.answer(stream)
    peer.raw(frame(3, 0, stream, struct.pack(">I", 0)))


@behaviour
def end_within_message(peer, stream, fields):
    peer.answer(stream, UNFINISHED)


@behaviour
def end_without_trailers(peer, stream, fields):
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, EMPTY, end_stream=True)
    peer.open -= 1


@behaviour
def no_message(peer, stream, fields):
    peer.answer(stream, b"")


@behaviour
def two_messages(peer, stream, fields):
    peer.answer(stream, EMPTY + EMPTY)


@behaviour
def message_of_4_gib(peer, stream, fields):
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, b"\0\xff\xff\xff\xff")


@behaviour
def not_protobuf(peer, stream, fields):
    peer.answer(stream, b"\0\0\0\0\1\xff")


@behaviour
def unknown_status(peer, stream, fields):
    peer.answer(stream, b"", [("grpc-status", "77"), ("grpc-message", "what%20is %this")])


@behaviour
def status_that_is_no_number(peer, stream, fields):
    peer.answer(stream, b"", [("grpc-status", "fine")])


@behaviour
def not_grpc(peer, stream, fields):
    peer.h2.send_headers(stream, [(":status", "200"), ("content-type", "text/html")])
    peer.h2.send_data(stream, b"<html>", end_stream=True)


@behaviour
def early_hints(peer, stream, fields):
    """Informational responses before the real one."""
    for _ in range(3):
        peer.h2.send_headers(stream, [(":status", "103"), ("link", "</a>")])
    peer.answer(stream)


@behaviour
def octet_by_octet(peer, stream, fields):
    """Every octet of the answer in a segment of its own, padded frames and empty ones among them."""
    peer.h2.send_headers(stream, HEADERS)
    peer.flush()
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in EMPTY:
        peer.h2.send_data(stream, bytes([octet]), pad_length=3)
        peer.h2.send_data(stream, b"")
    peer.h2.send_headers(stream, OK, end_stream=True)
    for octet in peer.h2.data_to_send():
        peer.raw(bytes([octet]))
    peer.open -= 1


@behaviour
def pings_between(peer, stream, fields):
    """The answer comes once the client acknowledged ten pings."""
    peer.held.append(stream)
    for number in range(10):
        peer.h2.ping(struct.pack(">Q", number))


@behaviour
def refuse_once(peer, stream, fields):
    if is_first(fields):
        peer.reset(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
    else:
        peer.answer(stream)


@behaviour
def refuse_always(peer, stream, fields):
    peer.reset(stream, h2.errors.ErrorCodes.REFUSED_STREAM)


@behaviour
def goaway_before(peer, stream, fields):
    """The first connection says that it never saw the call, and closes; the next one serves it."""
    if is_first(fields):
        peer.raw(frame(7, 0, 0, struct.pack(">II", 0, 0)))
        peer.socket.shutdown(socket.SHUT_WR)
    else:
        peer.answer(stream)


@behaviour
def goaway_then_answer(peer, stream, fields):
    """The call that runs is served after the GOAWAY that names it the last."""
    peer.raw(frame(7, 0, 0, struct.pack(">II", stream, 0)))
    peer.answer(stream)


@behaviour
def goaway_in_two_phases(peer, stream, fields):
    peer.raw(frame(7, 0, 0, struct.pack(">II", 0x7fffffff, 0)))
    peer.raw(frame(6, 0, 0, bytes(8)))
    peer.raw(frame(7, 0, 0, struct.pack(">II", stream, 0)))
    peer.answer(stream)


@behaviour
def close_within_message(peer, stream, fields):
    peer.h2.send_headers(stream, HEADERS)
    peer.h2.send_data(stream, UNFINISHED)
    peer.flush()
    peer.socket.shutdown(socket.SHUT_WR)


@behaviour
def break_http2(peer, stream, fields):
    """DATA on stream 0."""
    peer.raw(frame(0, 0, 0, b"x"))


@behaviour
def most_streams(peer, stream, fields):
    """The most streams that this connection ever had open, as `id` of the reply."""
    peer.answer(stream, bytes([0, 0, 0, 0, 2, 8, peer.most]))


def listen(streams_max):
    server = socket.create_server(("127.0.0.1", 0), backlog=100)
    print("listening", server.getsockname()[1], flush=True)

    def accept():
        while True:
            threading.Thread(target=Connection(server.accept()[0], streams_max).serve, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


listen(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
sys.stdin.buffer.read()
os._exit(0)
