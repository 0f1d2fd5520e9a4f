extension ServerCall {
  /// Runs interceptors and handler, and ends the call with what they return or throw.
  nonisolated(nonsending) func run(_ handler: MethodHandler, interceptors: [any ServerInterceptor], observer: any ServerObserver) async {
    do {
      var context = ServerContext(call: self)
      for interceptor in interceptors { try await interceptor.intercept(&context) }
      try await handler.body(self, context)
    } catch {
      finish(error, of: handler, observer: observer)
    }
  }

  /// Runs a handler that does not wait.
  ///
  /// - Returns: What the connection has to do; nil when the handler may wait.
  func runImmediately(_ handler: MethodHandler, _ observer: any ServerObserver) -> ServerCallState.Errand? {
    do {
      return try handler.immediateBody?(self, ServerContext(call: self))
    } catch {
      finish(error, of: handler, observer: observer)
      return withState { $0.errand() }
    }
  }

  private func finish(_ error: any Error, of handler: MethodHandler, observer: any ServerObserver) {
    let error = RPCError(thrownByHandler: error) { observer.handlerFailed(handler.method, $0) }
    finish(error.status, trailingMetadata: error.metadata)
  }
}
