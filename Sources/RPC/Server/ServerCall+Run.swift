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
  func runImmediately(
    _ body: MethodHandler.ImmediateBody, of handler: MethodHandler, observer: any ServerObserver
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
