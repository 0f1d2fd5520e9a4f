internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
package import Settings
internal import Synchronization

/// `GET /healthz` and `/readyz` for watchdogs and load balancers that speak no gRPC: HTTP/1.1, one answer a
/// connection. It says a word and reads nothing but the request line, so it has no parser worth attacking.
package struct HealthListenerService: Service {
  private let addresses: [Endpoint]
  /// Why the service is not ready; `nil` when it is.
  private let obstacle: @Sendable () -> String?

  /// Connections the kernel queues.
  private static let backlogMax: Int32 = 16
  /// A connection that asks nothing is closed.
  private static let patience: TimeAmount = .seconds(5)

  /// - Parameters:
  ///   - addresses: Where to listen; loopback and unix sockets, for what is said here is said to everybody.
  ///   - obstacle: Why the service is not ready, in a line; `nil` when it is. Asked at each request.
  package init(addresses: [Endpoint], obstacle: @escaping @Sendable () -> String?) {
    self.addresses = addresses
    self.obstacle = obstacle
  }

  package func run() async throws {
    var channels: [any Channel] = []
    for address in addresses { channels.append(try await listen(address)) }
    do { try await gracefulShutdown() } catch is CancellationError {}
    for channel in channels { try await channel.close() }
  }

  private func listen(_ address: Endpoint) async throws -> any Channel {
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: Self.backlogMax)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { [obstacle] channel in
        channel.eventLoop.makeCompletedFuture {
          let handler = HealthHandler(obstacle: obstacle)
          try channel.pipeline.syncOperations.addHandler(handler)
          channel.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { channel.close(promise: nil) }
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

/// Reads up to the end of the request's head and answers.
private final class HealthHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let obstacle: @Sendable () -> String?
  private var head = ByteBuffer()

  /// Octets of a request's head; more is no probe.
  private static let headBytesMax = 4096

  init(obstacle: @escaping @Sendable () -> String?) {
    self.obstacle = obstacle
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var part = unwrapInboundIn(data)
    head.writeBuffer(&part)
    guard head.readableBytes <= Self.headBytesMax else { return context.close(promise: nil) }
    let text = String(buffer: head)
    guard text.contains("\r\n\r\n") || text.contains("\n\n") else { return }
    let (status, word) = answer(text)
    let response =
      "HTTP/1.1 \(status)\r\nContent-Type: text/plain\r\nContent-Length: \(word.utf8.count)\r\nConnection: close\r\n\r\n\(word)"
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: response))).whenComplete { _ in channel.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func answer(_ request: String) -> (status: String, word: String) {
    let words = request.prefix { !$0.isNewline }.split(separator: " ")
    guard words.count >= 2, words[0] == "GET" else { return ("405 Method Not Allowed", "GET only\n") }
    switch words[1] {
    case "/healthz": return ("200 OK", "ok\n")
    case "/readyz":
      guard let obstacle = obstacle() else { return ("200 OK", "ready\n") }
      return ("503 Service Unavailable", "\(obstacle)\n")
    default: return ("404 Not Found", "/healthz or /readyz\n")
    }
  }
}
