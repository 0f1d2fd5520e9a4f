/// A channel whose server runs in the caller's own task tree: the same handlers, interceptors, encoding,
/// back-pressure, cancellation, deadlines and metadata as over the network, and no HTTP/2.
///
/// It starts no thread and no unstructured task, so it works inside a single-threaded executor with a
/// clock of its own.
public struct InMemoryChannel: Channel {
  private let router: Router
  private let peer: Peer
  private let clock: any Clock<Duration>
  private let observer: any ServerObserver

  /// - Parameters:
  ///   - peer: Who the server sees.
  ///   - clock: Measures timeouts. `ServerContext.deadline` stays an instant of the continuous clock.
  public init(
    router: Router, peer: Peer = .inMemory, clock: any Clock<Duration> = ContinuousClock(),
    observer: any ServerObserver = NullServerObserver()
  ) {
    self.router = router
    self.peer = peer
    self.clock = clock
    self.observer = observer
  }

  public func withCall<Result: Sendable>(
    _ call: ClientCall, _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    var path = call.method.path
    guard let route = path.withUTF8({ router.route(path: UnsafeRawBufferPointer($0)) })?.takeUnretainedValue() else {
      call.end(router.unimplemented(path: path))
      return try await body()
    }
    let server = ServerCall(peer: peer)
    let link = InMemoryLink(client: call, server: server)
    server.begin(
      method: route.handler.method, metadata: call.options.metadata, deadline: call.deadline,
      compression: call.options.compression, driver: link)
    server.withState { $0.acceptsGzip = true }
    call.withStreams { $0.attach(to: link) }

    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await server.run(route.handler, interceptors: router.interceptors, observer: observer)
      }
      if let timeout = call.options.timeout {
        group.addTask { [clock] in
          try await clock.sleep(for: timeout)
          server.expire()
          call.expire()
        }
      }
      link.move()
      defer {
        call.cancel(RPCError(.cancelled, "the caller left the call"))
        server.fail(RPCError(.cancelled, "the client cancelled the call"))
        // A link would keep both ends, and they it.
        call.withStreams { $0.detach() }
        server.withStreams { $0.detach() }
        group.cancelAll()
      }
      return try await body()
    }
  }
}
