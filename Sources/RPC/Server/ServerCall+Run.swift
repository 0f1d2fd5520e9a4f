extension ServerCall {
  /// Runs interceptors and handler, and ends the call with what they return or throw.
  nonisolated(nonsending) func run(_ handler: MethodHandler, interceptors: [any ServerInterceptor], observer: any ServerObserver) async {
    do {
      var context = ServerContext(call: self)
      for interceptor in interceptors { try await interceptor.intercept(&context) }
      switch handler.body {
      case .asynchronous(let body): try await body(self, context)
      case .immediate(let body): try body(self, context)
      }
    } catch {
      finish(error, of: handler, observer: observer)
    }
  }

  /// Runs a handler that does not wait.
  func runImmediately(
    _ body: @Sendable (ServerCall, ServerContext) throws -> Void, of handler: MethodHandler, observer: any ServerObserver
  ) {
    do {
      try body(self, ServerContext(call: self))
    } catch {
      finish(error, of: handler, observer: observer)
    }
  }

  private func finish(_ error: any Error, of handler: MethodHandler, observer: any ServerObserver) {
    let error = RPCError(thrownByHandler: error) { observer.handlerFailed(handler.method, $0) }
    finish(error.status, trailingMetadata: error.metadata)
  }
}

/// Hears what a server's connections do, for metrics and logs. Called on the connection's thread; must be quick.
public protocol ServerObserver: Sendable {
  /// A call ended: with this status, so many nanoseconds after its headers were read.
  ///
  /// - Parameter method: The index in `Router.methods`, or nil for a path that leads nowhere.
  func callEnded(method: Int?, code: StatusCode, nanoseconds: Int64)

  /// A handler threw an error that is not meant for callers; they were told `internal error`.
  func handlerFailed(_ method: MethodDescriptor, _ error: any Error)

  /// A peer broke a limit and its connection is being closed.
  func violation(_ name: String, peer: Peer)
}
