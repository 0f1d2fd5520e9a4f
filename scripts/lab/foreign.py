"""Somebody else's gRPC client: Python's, which learns Muster's services by reflection alone.

Needs grpcio, grpcio-reflection and grpcio-status (scripts/test has them in its virtual environment).
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

CALL_SECONDS_MAX = 30.0


class _Details(
    collections.namedtuple("_Details", ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")),
    grpc.ClientCallDetails,
):
    """What an interceptor may change of a call."""


class _Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Adds the operator's token to every call, also to those of reflection."""

    def __init__(self, token: str) -> None:
        self._header = ("authorization", f"Bearer {token}")

    def _with_token(self, details: grpc.ClientCallDetails) -> _Details:
        metadata = [*(details.metadata or ()), self._header]
        return _Details(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready, details.compression)

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)

    def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return continuation(self._with_token(details), requests)


def violated_fields(error: grpc.RpcError) -> list[str]:
    """The fields that the `google.rpc.BadRequest` of an error names."""
    fields = []
    for detail in rpc_status.from_call(error).details:
        violations = error_details_pb2.BadRequest()
        if detail.Unpack(violations):
            fields += [violation.field for violation in violations.field_violations]
    return fields


class ForeignClient:
    """Calls any method of a server by name, with dictionaries for messages."""

    def __init__(self, target: str, token: str) -> None:
        self._channel = grpc.insecure_channel(target)
        self._intercepted = grpc.intercept_channel(self._channel, _Bearer(token))
        self._database = ProtoReflectionDescriptorDatabase(self._intercepted)
        self._pool = DescriptorPool(self._database)

    def __enter__(self) -> ForeignClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def services(self) -> list[str]:
        return sorted(self._database.get_services())

    def call(self, service: str, method: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
        """One unary call. Raises grpc.RpcError."""
        return self._dictionary(self.future(service, method, request).result())

    def future(self, service: str, method: str, request: dict[str, Any] | None = None) -> grpc.Future:
        """One unary call that goes on by itself; its result is a message."""
        descriptor = self._method(service, method)
        stub = self._intercepted.unary_unary(f"/{service}/{method}", *self._codecs(descriptor))
        return stub.future(self._message(descriptor, request), timeout=CALL_SECONDS_MAX)

    def stream(self, service: str, method: str, request: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """One server-streaming call."""
        descriptor = self._method(service, method)
        stub = self._intercepted.unary_stream(f"/{service}/{method}", *self._codecs(descriptor))
        for message in stub(self._message(descriptor, request), timeout=CALL_SECONDS_MAX):
            yield self._dictionary(message)

    def _method(self, service: str, method: str) -> MethodDescriptor:
        return self._pool.FindServiceByName(service).FindMethodByName(method)

    @staticmethod
    def _message(descriptor: MethodDescriptor, request: dict[str, Any] | None) -> Any:
        return json_format.ParseDict(request or {}, message_factory.GetMessageClass(descriptor.input_type)())

    @staticmethod
    def _codecs(descriptor: MethodDescriptor) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
        answer = message_factory.GetMessageClass(descriptor.output_type)
        return (lambda message: message.SerializeToString()), answer.FromString

    @staticmethod
    def _dictionary(message: Any) -> dict[str, Any]:
        return json_format.MessageToDict(message, preserving_proto_field_name=True)
