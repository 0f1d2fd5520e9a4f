/// One method of a service with the code that answers it.
public struct MethodHandler: Sendable {
  public let method: MethodDescriptor
  let body: Body

  typealias Asynchronous = nonisolated(nonsending) @Sendable (ServerCall, ServerContext) async throws -> Void

  /// Reads, writes and ends a call; what it throws is for its caller to end the call with.
  enum Body: Sendable {
    /// Runs in a task, on the executor of whoever runs it.
    case asynchronous(Asynchronous)
    /// Runs on the connection's event loop and may not wait.
    case immediate(@Sendable (ServerCall, ServerContext) throws -> Void)
  }

  public static func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ handler: nonisolated(nonsending) @escaping @Sendable (Request, ServerContext) async throws -> Response
  ) -> MethodHandler {
    MethodHandler(
      method: method,
      body: .asynchronous { call, context in
        var request = Request()
        // A connection runs a unary handler once its request is there, so this rarely has to wait.
        if try !call.takeReady(into: &request) { request = try await call.receiveOnly(Request.self) }
        try call.sendLast(try await handler(request, context))
      })
  }

  /// A unary method that is answered where its request was read, without a task: for handlers that neither
  /// wait nor take long, since every connection of the event loop waits meanwhile. Interceptors that suspend
  /// cannot run before it, so a router with interceptors runs it in a task.
  public static func immediate<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ handler: @escaping @Sendable (Request, ServerContext) throws -> Response
  ) -> MethodHandler {
    MethodHandler(
      method: method,
      body: .immediate { call, context in
        try call.sendLast(try handler(try call.takeOnly(Request.self), context))
      })
  }

  public static func clientStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ handler: nonisolated(nonsending) @escaping @Sendable (RequestStream<Request>, ServerContext) async throws -> Response
  ) -> MethodHandler {
    MethodHandler(
      method: method,
      body: .asynchronous { call, context in
        try call.sendLast(try await handler(RequestStream(call: call), context))
      })
  }

  public static func serverStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor,
    _ handler: nonisolated(nonsending) @escaping @Sendable (Request, ResponseWriter<Response>, ServerContext) async throws
      -> Void
  ) -> MethodHandler {
    MethodHandler(
      method: method,
      body: .asynchronous { call, context in
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
      body: .asynchronous { call, context in
        try await handler(RequestStream(call: call), ResponseWriter(call: call), context)
        call.finish(.ok)
      })
  }
}
