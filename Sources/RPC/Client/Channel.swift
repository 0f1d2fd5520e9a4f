/// The client's way to a server. `RPCTransport.ClientChannel` is one over the network, `InMemoryChannel`
/// one without.
///
/// A conforming type only carries calls; the four kinds of call below are the same over every channel.
public protocol Channel: Sendable {
  /// The time that deadlines of calls count from. The machine's continuous clock, unless a channel has another.
  var now: ContinuousClock.Instant { get }

  /// Carries `call` to a server while `body` runs, and ends it when `body` returns or throws.
  ///
  /// - Throws: What `body` throws, or `RPCError(.unavailable)` with the reason when no server can be reached.
  func withCall<Result: Sendable>(
    _ call: ClientCall, _ body: @Sendable () async throws -> Result
  ) async throws -> Result
}

extension Channel {
  public var now: ContinuousClock.Instant { .now }

  /// One request, one response.
  ///
  /// - Throws: `RPCError` with the status of the call.
  public func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    request: Request,
    responseType: Response.Type = Response.self,
    options: CallOptions = CallOptions()
  ) async throws -> Response {
    try await unaryResponse(method, request: request, responseType: responseType, options: options).message
  }

  /// As `unary`, with the metadata that came along.
  public func unaryResponse<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    request: Request,
    responseType: Response.Type = Response.self,
    options: CallOptions = CallOptions()
  ) async throws -> UnaryResponse<Response> {
    let call = ClientCall(method: method, options: options, now: now)
    try call.sendLast(request)
    return try await withCall(call) {
      let message = try await call.receiveResponse(Response.self)
      return UnaryResponse(
        message: message, initialMetadata: call.initialMetadata, trailingMetadata: call.trailingMetadata)
    }
  }

  /// Many requests, one response. `requests` runs in a child task; when it returns, the server sees the end
  /// of the stream. It is cancelled when the server answers first.
  public func clientStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    responseType: Response.Type = Response.self,
    options: CallOptions = CallOptions(),
    requests: @escaping @Sendable (RequestWriter<Request>) async throws -> Void
  ) async throws -> Response {
    try await exchange(method, options: options, requests: requests) { call in
      try await call.receiveResponse(Response.self)
    }
  }

  /// One request, many responses.
  public func serverStreaming<Request: Message, Response: Message, Result: Sendable>(
    _ method: MethodDescriptor,
    request: Request,
    responseType: Response.Type = Response.self,
    options: CallOptions = CallOptions(),
    onResponses: @Sendable (ResponseStream<Response>) async throws -> Result
  ) async throws -> Result {
    let call = ClientCall(method: method, options: options, now: now)
    try call.sendLast(request)
    return try await withCall(call) {
      try await onResponses(ResponseStream(call: call))
    }
  }

  /// Many requests, many responses. `requests` runs in a child task; when it returns, the server sees the end
  /// of the requests. When `onResponses` returns, the call is over and `requests` is cancelled.
  public func bidirectional<Request: Message, Response: Message, Result: Sendable>(
    _ method: MethodDescriptor,
    responseType: Response.Type = Response.self,
    options: CallOptions = CallOptions(),
    requests: @escaping @Sendable (RequestWriter<Request>) async throws -> Void,
    onResponses: @Sendable (ResponseStream<Response>) async throws -> Result
  ) async throws -> Result {
    try await exchange(method, options: options, requests: requests) { call in
      try await onResponses(ResponseStream(call: call))
    }
  }

  private func exchange<Request: Message, Result: Sendable>(
    _ method: MethodDescriptor,
    options: CallOptions,
    requests: @escaping @Sendable (RequestWriter<Request>) async throws -> Void,
    responses: @Sendable (ClientCall) async throws -> Result
  ) async throws -> Result {
    let call = ClientCall(method: method, options: options, now: now)
    return try await withCall(call) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          do {
            try await requests(RequestWriter(call: call))
            call.finishRequests()
          } catch {
            // The response side reports why the call ended; an error of the caller's own closure ends it.
            call.cancel(RPCError(thrownByRequests: error))
          }
        }
        defer { group.cancelAll() }
        return try await responses(call)
      }
    }
  }
}

/// A response with the metadata around it.
public struct UnaryResponse<Message: RPC.Message>: Sendable {
  public var message: Message
  public var initialMetadata: Metadata
  public var trailingMetadata: Metadata
}
