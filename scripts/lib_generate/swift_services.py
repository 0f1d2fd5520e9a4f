"""`<file>.services.swift`: method descriptors, server protocols and client stubs."""

from .source import Source


def write(file):
    if not file.services:
        return None
    access = file.unit.access
    source = Source(file, *file.unit.rpc_import)
    for service in file.services:
        _protocol(source, file, service, access)
        _methods(source, file, service, access)
        _client(source, file, service, access)
    return source.text()


def _protocol(source, file, service, access):
    source.gap()
    source.open(f"extension {file.namespace} {{")
    source.doc(service.comment)
    source.open(f"{access} protocol {service.name}: RPC.Service {{")
    for method in service.methods:
        source.doc(method.comment)
        source.call(f"nonisolated(nonsending) func {method.swift}", _server_arguments(method), f" async throws{_server_result(method)}")
    source.close()
    source.close()
    source.gap()
    descriptors = f"{file.namespace}.{service.name}Methods"
    source.open(f"extension {file.namespace}.{service.name} {{")
    source.line("/// What a router needs to know of the service.")
    source.open(f"{access} var methods: [RPC.MethodHandler] {{")
    source.open("[")
    for method in service.methods:
        source.block(f".{method.kind}({descriptors}.{method.swift}) {{", _registration(method), "},")
    source.close("]")
    source.close()
    source.close()


def _server_arguments(method):
    arguments = [
        f"_ requests: RPC.RequestStream<{method.request}>" if method.client_streaming
        else f"_ request: {method.request}"
    ]
    if method.server_streaming:
        arguments.append(f"responses: RPC.ResponseWriter<{method.response}>")
    return arguments + ["context: RPC.ServerContext"]


def _server_result(method):
    return "" if method.server_streaming else f" -> {method.response}"


def _registration(method):
    if method.server_streaming:
        return f"try await self.{method.swift}($0, responses: $1, context: $2)"
    return f"try await self.{method.swift}($0, context: $1)"


def _methods(source, file, service, access):
    source.gap()
    source.open(f"extension {file.namespace} {{")
    source.line(f"/// The methods of `{service.full_name}`.")
    source.open(f"{access} enum {service.name}Methods {{")
    for method in service.methods:
        source.call(
            f"{access} static let {method.swift} = RPC.MethodDescriptor",
            [f'service: "{service.full_name}"', f'method: "{method.name}"', f"kind: .{method.kind}"],
            "",
        )
    source.gap()
    source.items(f"{access} static let all = ", [method.swift for method in service.methods])
    source.close()
    source.close()


def _client(source, file, service, access):
    source.gap()
    source.open(f"extension {file.namespace} {{")
    source.line(f"/// Calls `{service.full_name}` over a channel.")
    source.open(f"{access} struct {service.name}Client: Sendable {{")
    source.line(f"{access} let channel: any RPC.Channel")
    source.gap()
    source.open(f"{access} init(channel: any RPC.Channel) {{")
    source.line("self.channel = channel")
    source.close()
    for method in service.methods:
        source.gap()
        source.doc(method.comment)
        _client_method(source, f"{file.namespace}.{service.name}Methods", method, access)
    source.close()
    source.close()


def _client_method(source, descriptors, method, access):
    requests = f"requests: @escaping @Sendable (RPC.RequestWriter<{method.request}>) async throws -> Void"
    responses = f"onResponses: @Sendable (RPC.ResponseStream<{method.response}>) async throws -> Result"
    options = "options: RPC.CallOptions = .init()"
    descriptor = f"{descriptors}.{method.swift}"
    generic = "<Result: Sendable>" if method.server_streaming else ""
    arguments, passed = {
        "unary": ([f"_ request: {method.request}", options], ["request: request", "options: options"]),
        "clientStreaming": ([options, requests], ["options: options", "requests: requests"]),
        "serverStreaming": (
            [f"_ request: {method.request}", options, responses],
            ["request: request", "options: options", "onResponses: onResponses"],
        ),
        "bidirectional": (
            [options, requests, responses],
            ["options: options", "requests: requests", "onResponses: onResponses"],
        ),
    }[method.kind]
    result = "Result" if method.server_streaming else method.response
    source.call(f"{access} func {method.swift}{generic}", arguments, f" async throws -> {result} {{")
    source.depth += 1
    source.call(f"try await channel.{method.kind}", [descriptor, *passed], "")
    source.close()
