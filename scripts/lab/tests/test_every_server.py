"""Health and reflection of every server of ours, as gRPC's own tools ask for them."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import tempfile
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2

from lab.programs import REPOSITORY
from lab.timeline import until

TOKEN = "a-token-of-the-tests"
CALL_SECONDS_MAX = 30.0
START_SECONDS_MAX = 30.0


def program(name: str) -> str:
    return str(Path(os.environ.get("MUSTER_BIN") or REPOSITORY / ".build/release") / name)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def running(command: list[str], target: str) -> Iterator[grpc.Channel]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        with grpc.insecure_channel(target) as channel:
            ready = grpc.channel_ready_future(channel)
            until(
                f"{command[0]} serves", lambda: ready.done() or process.poll() is not None, timeout=START_SECONDS_MAX)
            yield channel
    finally:
        process.terminate()
        process.communicate(timeout=START_SECONDS_MAX)


class EveryServer(unittest.TestCase):
    def test_the_region(self) -> None:
        with tempfile.TemporaryDirectory(prefix="server.") as folder:
            tokens = Path(folder, "tokens")
            tokens.write_text(f"tester viewer {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
            tokens.chmod(0o600)
            address = f"unix:{folder}/region.sock"
            command = [program("muster-region"), "--listen", address, "--health-listen", f"unix:{folder}/health.sock",
                       "--store-path", f"{folder}/region.db", "--auth-tokens-file", str(tokens)]
            with running(command, address) as channel:
                self.check(channel, ["muster.v1.NodeService", "muster.v1.SubnetService", "muster.v1.AgentService"])

    def test_the_benchmarks_server(self) -> None:
        port = free_port()
        with running([program("rpc-echo"), str(port)], f"127.0.0.1:{port}") as channel:
            self.check(channel, ["bench.Echo"])

    def check(self, channel: grpc.Channel, services: list[str]) -> None:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        watch = channel.unary_stream("/grpc.health.v1.Health/Watch")
        # An empty name is the server; each service has a name of its own. 1 is SERVING, 3 SERVICE_UNKNOWN.
        for name in ["", *services]:
            request = bytes([0x0A, len(name)]) + name.encode()
            self.assertEqual(check(request, timeout=CALL_SECONDS_MAX), b"\x08\x01", name)
            changes = watch(request, timeout=CALL_SECONDS_MAX)
            self.assertEqual(next(changes), b"\x08\x01", name)
            changes.cancel()
        with self.assertRaises(grpc.RpcError) as refused:
            check(b"\x0a\x04nope", timeout=CALL_SECONDS_MAX)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.NOT_FOUND)
        self.assertEqual(next(watch(b"\x0a\x04nope", timeout=CALL_SECONDS_MAX)), b"\x08\x03")
        for version in ("v1", "v1alpha"):
            self.reflect(channel, version, services)

    def reflect(self, channel: grpc.Channel, version: str, services: list[str]) -> None:
        """The two versions have the same messages under different names."""
        call = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
        expected = [*services, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                    "grpc.reflection.v1alpha.ServerReflection"]
        requests = [reflection_pb2.ServerReflectionRequest(list_services="")]
        requests += [reflection_pb2.ServerReflectionRequest(file_containing_symbol=name) for name in expected]
        listed, *files = call(iter(requests), timeout=CALL_SECONDS_MAX, metadata=[("authorization", f"Bearer {TOKEN}")])
        self.assertLessEqual(set(expected), {service.name for service in listed.list_services_response.service})
        for name, answer in zip(expected, files, strict=True):
            offered = {
                f"{file.package}.{service.name}"
                for octets in answer.file_descriptor_response.file_descriptor_proto
                for file in [descriptor_pb2.FileDescriptorProto.FromString(octets)] for service in file.service}
            self.assertIn(name, offered)


if __name__ == "__main__":
    unittest.main()
