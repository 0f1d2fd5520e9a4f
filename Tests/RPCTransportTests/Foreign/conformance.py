"""grpcio against our server: conformance.py TARGET [CA CERT KEY]. Prints `PASS name` or `FAIL name: why`, a line each."""
import queue
import sys
import time
import traceback

import grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import messages as m

OPTIONS = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]
CASES = []


def case(function):
    CASES.append(function)
    return function


def fails(code, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} instead of {code}: {error.details()}"
        return error
    raise AssertionError(f"no error where {code} was expected")


@case
def empty_unary(stub, channel):
    assert stub.Unary(m.EchoRequest(), timeout=10) == m.EchoReply()


@case
def large_unary(stub, channel):
    reply = stub.Unary(m.EchoRequest(name="size:314159", payload=bytes(271828)), timeout=10)
    assert len(reply.payload) == 314159


@case
def client_streaming(stub, channel):
    reply = stub.ClientStream(iter(m.EchoRequest(payload=bytes(n)) for n in (27182, 8, 1828, 45904)), timeout=10)
    assert (reply.id, reply.name) == (4, "74922"), reply


@case
def server_streaming(stub, channel):
    sizes = [31415, 9, 2653, 58979]
    replies = list(stub.ServerStream(m.StreamRequest(sizes=sizes), timeout=10))
    assert [r.id for r in replies] == [0, 1, 2, 3] and [len(r.payload) for r in replies] == sizes


@case
def ping_pong(stub, channel):
    requests = queue.Queue()
    replies = stub.PingPong(iter(requests.get, None), timeout=10)
    for size in (31415, 9, 2653, 58979):
        requests.put(m.EchoRequest(id=size))
        assert len(next(replies).payload) == size
    requests.put(None)
    assert list(replies) == []


@case
def empty_stream(stub, channel):
    assert list(stub.PingPong(iter(()), timeout=10)) == []


@case
def custom_metadata(stub, channel):
    metadata = (("x-initial", "test_initial_metadata_value"), ("x-trailing-bin", b"\xab\xab\xab"))
    _, call = stub.Unary.with_call(m.EchoRequest(), metadata=metadata, timeout=10)
    assert ("x-initial", "test_initial_metadata_value") in call.initial_metadata()
    assert ("x-trailing-bin", b"\xab\xab\xab") in call.trailing_metadata()
    replies = stub.PingPong(iter([m.EchoRequest(id=1)]), metadata=metadata, timeout=10)
    assert len(list(replies)) == 1
    assert ("x-trailing-bin", b"\xab\xab\xab") in replies.trailing_metadata()


@case
def status_code_and_message(stub, channel):
    error = fails(grpc.StatusCode.UNKNOWN, lambda: stub.Unary(m.EchoRequest(name="status:2:test status message"), timeout=10))
    assert error.details() == "test status message"


@case
def special_status_message(stub, channel):
    text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    error = fails(grpc.StatusCode.UNKNOWN, lambda: stub.Unary(m.EchoRequest(name="status:2:" + text), timeout=10))
    assert error.details() == text, repr(error.details())


@case
def status_details(stub, channel):
    error = fails(grpc.StatusCode.FAILED_PRECONDITION,
                  lambda: stub.Unary(m.EchoRequest(name="status:9:x", payload=b"\x08\x09"), timeout=10))
    assert ("grpc-status-details-bin", b"\x08\x09") in error.trailing_metadata()
    assert ("x-failed", "yes") in error.trailing_metadata()


@case
def unimplemented_method_and_service(stub, channel):
    for path in ("/conformance.Test/Nope", "/nope.Service/Unary"):
        call = channel.unary_unary(path)
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: call(b"", timeout=10))


@case
def cancel_after_begin(stub, channel):
    call = stub.ClientStream.future(iter(queue.Queue().get, None))
    call.cancel()
    assert call.code() == grpc.StatusCode.CANCELLED


@case
def cancel_after_first_response(stub, channel):
    requests = queue.Queue()
    replies = stub.PingPong(iter(requests.get, None))
    requests.put(m.EchoRequest(id=31415))
    assert len(next(replies).payload) == 31415
    replies.cancel()
    fails(grpc.StatusCode.CANCELLED, lambda: next(replies))
    requests.put(None)


@case
def timeout_on_sleeping_server(stub, channel):
    def sleeps():
        list(stub.PingPong(iter([m.EchoRequest(name="sleep")]), timeout=0.5))

    before = stub.Unary(m.EchoRequest(name="cancelled"), timeout=10).id
    fails(grpc.StatusCode.DEADLINE_EXCEEDED, sleeps)
    # The deadline travelled: the server's handler was cancelled, too.
    while stub.Unary(m.EchoRequest(name="cancelled"), timeout=10).id == before:
        time.sleep(0.01)


@case
def message_of_32_mib(stub, channel):
    payload = bytes(range(256)) * (32 << 12)
    assert stub.Unary(m.EchoRequest(payload=payload), timeout=60).payload == payload


@case
def five_hundred_calls_at_once(stub, channel):
    calls = [stub.Unary.future(m.EchoRequest(id=n), timeout=60) for n in range(500)]
    assert sum(call.result().id for call in calls) == 499 * 250


@case
def gzip_both_ways(stub, channel):
    payload = b"a" * 100_000
    reply = stub.Unary(m.EchoRequest(payload=payload), metadata=(("x-gzip", "1"),), compression=grpc.Compression.Gzip, timeout=10)
    assert reply.payload == payload


@case
def unknown_compression(stub, channel):
    fails(grpc.StatusCode.UNIMPLEMENTED,
          lambda: stub.Unary(m.EchoRequest(payload=bytes(5000)), compression=grpc.Compression.Deflate, timeout=10))


@case
def slow_reader(stub, channel):
    replies = stub.ServerStream(m.StreamRequest(count=0, payload=bytes(10_000)))
    next(replies)
    time.sleep(0.3)
    for _ in range(100):
        next(replies)
    replies.cancel()


@case
def keepalive_pings(stub, channel):
    """A client that pings often, with calls and without, is neither closed nor told to calm down."""
    options = OPTIONS + [("grpc.keepalive_time_ms", 30), ("grpc.keepalive_timeout_ms", 20000),
                         ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0)]
    pinging = connect(options)
    states = []
    pinging.subscribe(states.append)
    requests = queue.Queue()
    replies = m.Stub(pinging).PingPong(iter(requests.get, None), timeout=60)
    for _ in range(5):
        requests.put(m.EchoRequest(id=1))
        next(replies)
        time.sleep(0.15)
    requests.put(None)
    assert list(replies) == []
    time.sleep(0.3)
    m.Stub(pinging).Unary(m.EchoRequest(), timeout=10)
    failures = [state for state in states if state == grpc.ChannelConnectivity.TRANSIENT_FAILURE]
    assert states.count(grpc.ChannelConnectivity.READY) == 1 and not failures, states
    pinging.close()


@case
def health(stub, channel):
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    assert check(b"", timeout=10) == b"\x08\x01"
    fails(grpc.StatusCode.NOT_FOUND, lambda: check(b"\x0a\x04nope", timeout=10))
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch")
    assert next(watch(b"\x0a\x04nope", timeout=10)) == b"\x08\x03"
    changes = watch(b"\x0a\x04test", timeout=30)
    assert next(changes) == b"\x08\x03"
    for status in (1, 2, 1):
        stub.Unary(m.EchoRequest(name=f"health:test:{status}"), timeout=10)
        assert next(changes) == bytes([8, status])
    changes.cancel()


@case
def reflection(stub, channel):
    for package in ("v1", "v1alpha"):
        call = channel.stream_stream(
            f"/grpc.reflection.{package}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
        requests = [reflection_pb2.ServerReflectionRequest(list_services=""),
                    reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health"),
                    reflection_pb2.ServerReflectionRequest(file_containing_symbol="nope.Nope")]
        listed, found, missing = call(iter(requests), timeout=10)
        assert "grpc.health.v1.Health" in [s.name for s in listed.list_services_response.service]
        assert "conformance.Test" in [s.name for s in listed.list_services_response.service]
        assert found.file_descriptor_response.file_descriptor_proto
        assert missing.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def connect(options):
    target = sys.argv[1]
    # A connection of its own, not one that another channel of this process has.
    options = options + [("grpc.use_local_subchannel_pool", 1)]
    if len(sys.argv) == 2:
        return grpc.insecure_channel(target, options)
    ca, certificate, key = (open(path, "rb").read() for path in sys.argv[2:5])
    options = options + [("grpc.ssl_target_name_override", "localhost")]
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, certificate), options)


def main():
    channel = connect(OPTIONS)
    stub = m.Stub(channel)
    for function in CASES:
        try:
            function(stub, channel)
            print("PASS", function.__name__, flush=True)
        except Exception:
            why = traceback.format_exc().replace("\n", " | ")
            print(f"FAIL {function.__name__}: {why}", flush=True)
    channel.close()


main()
