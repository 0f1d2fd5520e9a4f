internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
package import Settings

/// `GET /healthz`, `/readyz` and `/metrics` for watchdogs, load balancers and collectors that speak no gRPC: HTTP/1.1, one
/// answer a connection. It reads nothing but the request line, so it has no parser worth attacking.
package struct HealthListenerService: Service {
  private let channels: [any Channel]
  private let metrics: MetricsPage
  private let scrapes: AsyncStream<Scrape>

  /// Connections the kernel queues.
  private static let backlogMax: Int32 = 16
  /// A connection that asks nothing, or takes no answer, is closed.
  package static let patience: Duration = .seconds(5)
  /// Whoever asks for metrics waits for those before; more than so many are turned away.
  private static let scrapesMax = 4

  /// Listens, so that an address in use is known before the program says that it is ready.
  ///
  /// - Parameters:
  ///   - addresses: Where to listen; loopback and unix sockets, for what is said here is said to everybody.
  ///   - patience: How long a connection may take from its first octet to its last.
  ///   - obstacle: Why the service is not ready, in a line; `nil` when it is. Asked at each request.
  package static func listening(
    on addresses: [Endpoint], metrics: MetricsPage, patience: Duration = patience,
    obstacle: @escaping @Sendable () -> String?
  ) async throws -> HealthListenerService {
    let (scrapes, continuation) = AsyncStream.makeStream(of: Scrape.self, bufferingPolicy: .bufferingOldest(scrapesMax))
    var channels: [any Channel] = []
    do {
      for address in addresses {
        channels.append(
          try await listen(address, patience: TimeAmount(patience)) {
            HealthHandler(obstacle: obstacle) { if case .enqueued = continuation.yield($0) { true } else { false } }
          })
      }
    } catch {
      for channel in channels { try await channel.close() }
      throw error
    }
    return HealthListenerService(channels: channels, metrics: metrics, scrapes: scrapes)
  }

  private init(channels: [any Channel], metrics: MetricsPage, scrapes: AsyncStream<Scrape>) {
    self.channels = channels
    self.metrics = metrics
    self.scrapes = scrapes
  }

  /// Where it listens, with the ports the system chose.
  var ports: [Int?] { channels.map { $0.localAddress?.port } }

  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // One after the other: measuring may ask the store, and collectors are patient.
      group.addTask { for await scrape in scrapes { scrape.answer(await metrics.text()) } }
      do { try await gracefulShutdown() } catch is CancellationError {}
      group.cancelAll()
    }
    for channel in channels { try await channel.close() }
  }

  private static func listen(
    _ address: Endpoint, patience: TimeAmount, handler: @escaping @Sendable () -> HealthHandler
  ) async throws -> any Channel {
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: Self.backlogMax)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(handler())
          channel.eventLoop.assumeIsolated().scheduleTask(in: patience) { channel.close(promise: nil) }
        }
      }
    do {
      switch address {
      case .tcp(let host, let port): return try await bootstrap.bind(host: host, port: Int(port)).get()
      case .unix(let path): return try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
      }
    } catch {
      throw CannotListen(address: address, reason: "\(error)")
    }
  }

  private struct CannotListen: Error, CustomStringConvertible {
    var address: Endpoint
    var reason: String
    var description: String { "cannot listen on \(address) for health: \(reason)" }
  }
}
