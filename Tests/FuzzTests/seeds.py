"""Writes the hand-made seeds of the corpus: seeds.py. Needs hpack and protobuf, as scripts/test installs them.

Fuzzers find frames by themselves, but not quickly; these are calls and messages as they should be, and some that should
not, for mutations to begin with.
"""
import gzip
import pathlib
import struct
import subprocess
import tempfile

import hpack
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
CORPUS = HERE / "Corpus"
# The largest of ours; the others are parts of them.
MUSTER_MESSAGES = {"AgentMessage", "RegionMessage", "Chunk", "Hello", "Node", "Subnet", "BatchWriteNodesRequest",
                   "ImportNodesRequest", "ExplainNodeResponse", "Event", "GetStatusResponse"}
END_STREAM, END_HEADERS, PADDED, PRIORITY = 1, 4, 8, 32


def seed(target, name, octets):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(octets)


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def data(stream, payload, flags=0):
    return frame(0, flags, stream, payload)


def message(payload=b"\x08\x07", flag=0):
    return struct.pack(">BI", flag, len(payload)) + payload


def u32(value):
    return struct.pack(">I", value)


class Block:
    """A header block of one connection, huffman-coded and with a dynamic table."""

    def __init__(self):
        self.encoder = hpack.Encoder()

    def request(self, method, *extra, **changed):
        fields = {":method": "POST", ":scheme": "http", ":path": f"/f/{method}", ":authority": "x",
                  "content-type": "application/grpc", "te": "trailers"}
        fields.update({name.replace("_", "-"): value for name, value in changed.items()})
        return self.encoder.encode([*fields.items(), *extra], huffman=method != "I")

    def fields(self, *fields):
        return self.encoder.encode(list(fields))


def headers(stream, block, flags=END_HEADERS):
    return frame(1, flags, stream, block)


def server_seeds():
    def put(name, *frames, mode=0):
        seed("server", name, bytes([mode]) + b"".join(frames))

    for method in "UISCB":
        for mode, way in ((0, "whole"), (1, "octets"), (0x89, "shutdown")):
            put(f"call-{method}-{way}", headers(1, Block().request(method)), data(1, message(), END_STREAM), mode=mode)
    block = Block()
    put("two-calls", headers(1, block.request("U", ("x-a", "b" * 40))), headers(3, block.request("U", ("x-a", "b" * 40))),
        data(1, message(), END_STREAM), data(3, message(), END_STREAM))
    stream = message(b"\x08\xff\x01\x12\x40" + b"p" * 64)
    put("stream-with-windows", frame(4, payload=struct.pack(">HI", 4, 100)), headers(1, Block().request("S")),
        data(1, stream, END_STREAM), *(frame(8, 0, 1, u32(500)) + frame(8, 0, 0, u32(500)) for _ in range(8)))
    put("stream-and-reset", headers(1, Block().request("S")), data(1, stream, END_STREAM), frame(3, 0, 1, u32(8)), mode=9)
    many = b"".join(message(b"\x1a\x10" + b"x" * 16) for _ in range(20))
    put("client-stream", headers(1, Block().request("C")), data(1, many), data(1, message(), END_STREAM), mode=17)
    put("echo-stream", headers(1, Block().request("B")), data(1, many), data(1, b"", END_STREAM), mode=33)
    put("trailers", headers(1, Block().request("C")), data(1, message()), headers(1, Block().fields(("x-t", "1")), 5))
    split = Block().request("U", ("x-long", "v" * 60))
    put("continuation", frame(1, 0, 1, split[:9]), frame(9, 0, 1, split[9:30]), frame(9, END_HEADERS, 1, split[30:]),
        data(1, message(), END_STREAM))
    put("padded", frame(1, END_HEADERS | PADDED | PRIORITY, 1, b"\x03\0\0\0\0\x0f" + Block().request("U") + bytes(3)),
        data(1, b"\x05" + message() + bytes(5), END_STREAM | PADDED))
    put("gzip", headers(1, Block().request("U", grpc_encoding="gzip", grpc_accept_encoding="gzip")),
        data(1, message(gzip.compress(b"\x1a\x20" + b"a" * 32, mtime=0), 1), END_STREAM))
    put("gzip-answer", headers(1, Block().request("I", grpc_accept_encoding="identity,gzip")), data(1, message(), END_STREAM))
    put("error", headers(1, Block().request("U", x_thing_bin="q6ur")), data(1, message(b"\x12\x01e\x1a\x01d"), END_STREAM))
    put("timeout", headers(1, Block().request("C", grpc_timeout="100m")), data(1, message()), frame(6, payload=bytes(8)), mode=0x44)
    for name, changed in {
        "method": {":method": "PUT"}, "path": {":path": "/f/None"}, "type": {"content-type": "text/html"},
        "encoding": {"grpc-encoding": "snappy"}, "timeout": {"grpc-timeout": "1x"}, "binary": {"x-bin": "*"},
        "large": {"x-large": "l" * 1100},
    }.items():
        put(f"refused-{name}", headers(1, Block().request("U", **changed)), data(1, message(), END_STREAM))
    for name, body in {"flag": b"\2\0\0\0\0", "length": b"\0\xff\xff\xff\xff", "short": b"\0\0\0\0\5ab", "none": b"",
                       "two": message() + message(), "bad": message(b"\xff")}.items():
        put(f"body-{name}", headers(1, Block().request("U")), data(1, body, END_STREAM))
    put("control", frame(4, 1), frame(4, payload=struct.pack(">HIHI", 1, 0, 5, 20000)), frame(6, 0, 0, b"12345678"),
        frame(6, 1, 0, b"12345678"), frame(2, 0, 5, bytes(5)), frame(8, 0, 0, u32(1)), frame(0xbe, payload=b"x"),
        frame(16, payload=bytes(4) + b"u=1"), frame(7, 0, 0, u32(1) + u32(0)))
    put("over-the-limit", *(headers(n, Block().request("C")) for n in range(1, 23, 2)))
    put("resets", *(headers(n, Block().request("B")) + frame(3, 0, n, u32(8)) for n in range(1, 61, 2)))
    put("zero-increment", headers(1, Block().request("U")), frame(8, 0, 1, u32(0)))
    put("held", *(headers(n, Block().request("U")) + data(n, b"\0\0\0\x0f\xff" + bytes(3000)) for n in range(1, 15, 2)))


def client_seeds():
    def put(name, *frames, mode=0):
        seed("client", name, bytes([mode]) + b"".join(frames))

    head = (":status", "200"), ("content-type", "application/grpc")
    block = Block()
    calls = [headers(n, block.fields(*head, ("x-a", "b"))) + data(n, message()) + headers(n, block.fields(("grpc-status", "0")), 5)
             for n in (1, 3, 5, 7, 9)]
    put("answers", *calls)
    put("answers-by-octets", *calls, mode=1)
    put("trailers-only", *(headers(n, Block().fields(*head, ("grpc-status", "9"), ("grpc-message", "n%c3%b6"),
                                                     ("grpc-status-details-bin", "CAk")), 5) for n in (1, 3, 5)))
    put("many-messages", headers(3, Block().fields(*head)), *(data(3, message()) for _ in range(30)), mode=40)
    put("gzip", headers(3, Block().fields(*head, ("grpc-encoding", "gzip"))),
        data(3, message(gzip.compress(b"\x08\x07", mtime=0), 1)), headers(3, Block().fields(("grpc-status", "0")), 5))
    for name, fields in {"html": ((":status", "200"), ("content-type", "text/html")), "404": ((":status", "404"),),
                         "hints": ((":status", "103"),), "encoding": (*head, ("grpc-encoding", "br"))}.items():
        put(f"head-{name}", headers(1, Block().fields(*fields)), data(1, message(), END_STREAM))
    put("end-without-trailers", headers(1, Block().fields(*head)), data(1, message(), END_STREAM))
    put("end-within-message", headers(1, Block().fields(*head)), data(1, b"\0\0\0\0\x09ab", END_STREAM))
    for code in (0, 2, 7, 8, 11):
        put(f"reset-{code}", *(frame(3, 0, n, u32(code)) for n in (1, 3, 5)))
    put("goaway", frame(7, 0, 0, u32(0x7fffffff) + u32(0)), frame(6, 0, 0, bytes(8)), frame(7, 0, 0, u32(3) + u32(0) + b"bye"))
    put("goaway-all", frame(7, 0, 0, u32(0) + u32(11) + b"too_many_pings"))
    put("windows", frame(4, payload=struct.pack(">HIHI", 3, 2, 4, 10)), frame(8, 0, 5, u32(70000)), frame(8, 0, 0, u32(70000)),
        frame(4, payload=struct.pack(">HI", 4, 1 << 20)))
    put("push", frame(5, END_HEADERS, 1, u32(2) + Block().request("U")))
    put("control", frame(4, 1), frame(6, 0, 0, bytes(8)), frame(2, 0, 1, bytes(5)), frame(0xbe), frame(10, 0, 0, bytes(4)))


def framing_seeds():
    echo = b"\x08\x07\x12\x02ab\x1a\x03xyz"
    for mode in (0, 1, 7, 0x40, 0x81):
        seed("framing", f"messages-{mode:02x}", bytes([mode]) + message(echo) + message(b"") + message(echo))
    packed = gzip.compress(echo * 20, mtime=0)
    seed("framing", "gzip", b"\x40" + message(packed, 1) + message(echo))
    seed("framing", "gzip-of-nothing", b"\x40" + message(gzip.compress(b"", mtime=0), 1))
    seed("framing", "gzip-bomb", b"\x40" + message(gzip.compress(bytes(100_000), mtime=0), 1))
    seed("framing", "gzip-twice", b"\x40" + message(packed + packed, 1))
    seed("framing", "gzip-cut", b"\x41" + message(packed[:-4], 1))
    seed("framing", "compressed-without-encoding", b"\0" + message(packed, 1))
    for name, body in {"flag": b"\2\0\0\0\0", "length": b"\0\xff\xff\xff\xff", "short": b"\0\0\0\0\5ab", "empty": b"\0\0\0\0\0",
                       "not-a-message": message(b"\x0f"), "too-large": message(bytes(9000))}.items():
        seed("framing", name, b"\x03" + body)


def fields_seeds():
    seed("fields", "request", b":method: POST\n:path: /bench.Echo/Unary\ncontent-type: application/grpc+proto;x=1\n"
         b"grpc-timeout: 100m\ngrpc-encoding: gzip\ngrpc-accept-encoding: identity, gzip\nx-a-bin: q6ur,AA==\nx-b: c".replace(b": ", b":"))
    seed("fields", "response", b":status:200\ngrpc-status:5\ngrpc-message:n%C3%B6%25%zz%\ngrpc-status-details-bin:CAk\nx:y")
    for unit in "HMSmun":
        seed("fields", f"timeout-{unit}", b"99999999" + unit.encode())
    seed("fields", "percent", " \t\n☺😈% ".encode())
    seed("fields", "base64", b"-_+/AAAA==")


def fill(made, depth=0):
    """Every field, lists with two elements, of a choice the last."""
    for field in made.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if field.cpp_type == field.CPPTYPE_MESSAGE:
            if depth > 3:
                continue
            inner = [getattr(made, field.name).add() for _ in range(2)] if is_list(field) else [getattr(made, field.name)]
            for part in inner:
                part.SetInParent()
                fill(part, depth + 1)
            continue
        value = {field.CPPTYPE_STRING: "né" if field.type == field.TYPE_STRING else b"\0\xff", field.CPPTYPE_BOOL: True,
                 field.CPPTYPE_FLOAT: 1.5, field.CPPTYPE_DOUBLE: -2.5}.get(field.cpp_type, 1)
        if is_list(field):
            getattr(made, field.name).extend([value, value])
        else:
            setattr(made, field.name, value)


def is_list(field):
    return field.is_repeated


def message_seeds():
    roots = {REPOSITORY / "proto": "", REPOSITORY / "Tests/RPCMessageTests/Protos": ""}
    for root in roots:
        names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.proto"))
        with tempfile.NamedTemporaryFile() as target:
            subprocess.run(["protoc", f"-I{root}", "-I/usr/include", "--include_imports", f"--descriptor_set_out={target.name}",
                            *names], check=True)
            files = descriptor_pb2.FileDescriptorSet.FromString(target.read())
        pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            pool.Add(file)
        for file in files.file:
            for kind in file.message_type:
                name = f"{file.package}.{kind.name}"
                if file.package == "muster.v1" and kind.name not in MUSTER_MESSAGES:
                    continue
                made = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()
                fill(made)
                octets = made.SerializeToString(deterministic=True)
                if len(octets) < 1500:
                    seed("message", name, name.encode() + b"\0" + octets)
    bad = {"truncated": b"\x0a\x05a", "tag-0": b"\0\0", "group": b"\x0b\x0c", "varint-11": b"\x10" + b"\xff" * 10 + b"\1",
           "not-utf8": b"\x0a\1\xff", "nul": b"\x0a\1\0", "unknown": b"\xfa\x07\3abc", "length": b"\x0a\xff\xff\xff\xff\x0f"}
    for name, octets in bad.items():
        seed("message", f"bad-{name}", b"everything.Inner\0" + octets)


def configuration_seeds():
    for path in sorted((REPOSITORY / "cluster").rglob("*.yaml")):
        seed("configuration", "-".join(path.relative_to(REPOSITORY).with_suffix("").parts), path.read_bytes())
    seed("configuration", "wrong", b"listen: {a: b}\nlisten: 1\nnope: [1, {x: *y}]\n? [a]\n: b\nlog: {level: loud}\n")
    seed("configuration", "alias", b"a: &x [1, 2]\nlisten: *x\nb: &y {<<: *y}\n")
    seed("configuration", "deep", b"[" * 200)
    seed("configuration", "tags", b"%YAML 1.1\n---\n!!binary x: !!float .nan\n--- |\n text\n...\n")


for write in (server_seeds, client_seeds, framing_seeds, fields_seeds, message_seeds, configuration_seeds):
    write()
