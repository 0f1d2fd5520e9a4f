/// One method of a service with the code that answers it.
public struct MethodHandler: Sendable {
  public let method: MethodDescriptor
  /// Reads, writes and ends a call in a task, on the executor of whoever runs it. What it throws is for its caller to end the
  /// call with.
  let body: Body
  /// The same on the connection's event loop, which may not wait; nil for handlers that may.
  let immediateBody: ImmediateBody?

  typealias Body = nonisolated(nonsending) @Sendable (ServerCall, ServerContext) async throws -> Void
  typealias ImmediateBody = @Sendable (ServerCall, ServerContext) throws -> ServerCallState.Errand

  private init(method: MethodDescriptor, immediateBody: ImmediateBody? = nil, body: @escaping Body) {
    self.method = method
    self.body = body
    self.immediateBody = immediateBody
  }

  public static func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ handler: nonisolated(nonsending) @escaping @Sendable (Request, ServerContext) async throws -> Response
  ) -> MethodHandler {
    MethodHandler(
      method: method,
      body: { call, context in
        var request = Request()
        // A connection runs a unary handler once its request is there, so this rarely has to wait.
        if try !call.takeReady(into: &request) { request = try await call.receiveOnly(Request.self) }
        let response = try await handler(request, context)
        try call.sendLast(response, encoded: await call.encodeElsewhere(response))
      })
  }

  /// A unary method that is answered where its request was read, without a task: for handlers that neither
  /// wait nor take long, since every connection of the event loop waits meanwhile. Interceptors that suspend
  /// cannot run before it, so a router with interceptors runs it in a task; so does a large request, which another thread
  /// decodes first.
  public static func immediate<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ handler: @escaping @Sendable (Request, ServerContext) throws -> Response
  ) -> MethodHandler {
    MethodHandler(
      method: method,
      immediateBody: { call, context in
        try call.answer(try handler(try call.takeOnly(Request.self), context))
      },
      body: { call, context in
        let response = try handler(try await call.receiveOnly(Request.self), context)
        try call.sendLast(response, encoded: await call.encodeElsewhere(response))
      })
  }

  public static func clientStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ handler: nonisolated(nonsending) @escaping @Sendable (RequestStream<Request>, ServerContext) async throws -> Response
  ) -> MethodHandler {
    MethodHandler(
      method: method,
      body: { call, context in
        let response = try await handler(RequestStream(call: call), context)
        try call.sendLast(response, encoded: await call.encodeElsewhere(response))
      })
  }

  public static func serverStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ handler: nonisolated(nonsending) @escaping @Sendable (Request, ResponseWriter<Response>, ServerContext) async throws
      -> Void
  ) -> MethodHandler {
    MethodHandler(
      method: method,
      body: { call, context in
        let request = try await call.receiveOnly(Request.self)
        try await handler(request, ResponseWriter(call: call), context)
        call.finish(.ok)
      })
  }

  public static func bidirectional<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ handler: nonisolated(nonsending) @escaping @Sendable (
      RequestStream<Request>, ResponseWriter<Response>, ServerContext
    ) async throws -> Void
  ) -> MethodHandler {
    MethodHandler(
      method: method,
      body: { call, context in
        try await handler(RequestStream(call: call), ResponseWriter(call: call), context)
        call.finish(.ok)
      })
  }
}
