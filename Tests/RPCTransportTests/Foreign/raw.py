"""Requests that no gRPC library sends, by hand-made HTTP/2: raw.py PORT. Prints PASS or FAIL lines."""
import socket
import sys
import traceback

import h2.config
import h2.connection
import h2.events
import h2.settings

PORT = int(sys.argv[1])
GRPC = [(":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", "/conformance.Test/Unary"),
        ("content-type", "application/grpc"), ("te", "trailers")]
EMPTY = b"\0\0\0\0\0"


class Client:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", PORT), timeout=5)
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8", validate_outbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, headers, body=EMPTY, end=True):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers, end_stream=body is None)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=end)
        self.flush()
        return stream

    def response(self, stream):
        """The headers and trailers of a stream as one dictionary, `reset` if it was reset, its data."""
        fields, data = {}, b""
        while True:
            octets = self.socket.recv(65536)
            if not octets:
                raise AssertionError(f"the connection was closed after {fields}")
            for event in self.h2.receive_data(octets):
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    fields.update(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    data += event.data
                elif isinstance(event, h2.events.StreamReset):
                    return {**fields, "reset": event.error_code}, data
                elif isinstance(event, h2.events.StreamEnded):
                    return fields, data
            self.flush()


def changed(**changes):
    result = [(name, changes.pop(name.strip(":").replace("-", "_"), value)) for name, value in GRPC]
    return result + [(name.replace("_", "-"), value) for name, value in changes.items()]


def check(name, headers, body=EMPTY, **expected):
    try:
        client = Client()
        fields, _ = client.response(client.request(headers, body))
        for field, value in expected.items():
            field = field.replace("_", "-") if field != "status" else ":status"
            assert fields.get(field) == value, f"{field} is {fields.get(field)!r}, not {value!r}: {fields}"
        print("PASS", name, flush=True)
    except Exception:
        print(f"FAIL {name}:", traceback.format_exc().replace("\n", " | "), flush=True)


check("a_call_by_hand", GRPC, status="200", grpc_status="0")
check("wrong_content_type", changed(content_type="text/plain"), status="415")
check("json_is_not_spoken", changed(content_type="application/grpc+json"), status="415")
check("content_type_with_a_format", changed(content_type="application/grpc+proto"), status="200", grpc_status="0")
check("no_content_type", [field for field in GRPC if field[0] != "content-type"], status="415")
check("wrong_method", changed(method="PUT"), status="405")
check("get", changed(method="GET"), None, status="405")
check("unknown_encoding", changed(grpc_encoding="snappy"), grpc_status="12", grpc_accept_encoding="identity,gzip")
check("malformed_timeout", changed(grpc_timeout="soon"), grpc_status="13")
check("timeout_of_nine_digits", changed(grpc_timeout="123456789S"), grpc_status="13")
check("timeout_of_eleven_millennia", changed(grpc_timeout="99999999H"), grpc_status="0")
check("malformed_binary", changed(x_thing_bin="*"), grpc_status="13")
check("path_that_is_none", changed(path="/"), grpc_status="12")
check("length_4_gib", GRPC, b"\0\xff\xff\xff\xff", grpc_status="8")
check("flag_2", GRPC, b"\2\0\0\0\0", grpc_status="13")
check("compressed_without_encoding", GRPC, b"\1\0\0\0\1x", grpc_status="13")
check("not_gzip", changed(grpc_encoding="gzip"), b"\1\0\0\0\1x", grpc_status="13")
check("short_message", GRPC, b"\0\0\0\0\5ab", grpc_status="13")
check("no_message", GRPC, None, grpc_status="13")
check("not_protobuf", GRPC, b"\0\0\0\0\1\xff", grpc_status="13")
check("headers_beyond_the_limit", changed(x_large="a" * 20000), status="431", grpc_status="8")
