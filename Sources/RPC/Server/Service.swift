/// A set of methods that a server offers. Generated protocols refine it and provide `methods`.
public protocol Service: Sendable {
  var methods: [MethodHandler] { get }
}

/// Runs before a handler, in the handler's task; authentication is the usual one.
public protocol ServerInterceptor: Sendable {
  /// Looks at the request's metadata and peer, and may leave values in the context for the handler.
  ///
  /// - Throws: `RPCError` to end the call with that status; the handler then does not run.
  func intercept(_ context: inout ServerContext) async throws
}
