internal import HTTP2
public import Logging
public import NIOCore
public import NIOPosix
internal import NIOSSL
public import RPC
internal import Synchronization

/// A gRPC server on TCP, TLS and unix sockets.
///
/// ```swift
/// let server = Server(router: router, listeners: [Listener(address: try .init("127.0.0.1:7610"))], logger: logger)
/// try await server.run()
/// ```
public final class Server: Sendable {
  /// Where handlers run.
  public enum HandlerExecution: Sendable {
    /// On the event loop of their connection: cheapest, for handlers that wait by `await` and never block.
    case eventLoop
    /// On Swift's global executor: for handlers that compute long or block.
    case globalExecutor
  }

  private let shared: ServerShared
  private let listeners: [Listener]
  private let group: any EventLoopGroup
  private let bound = Mutex(Bound.waiting([]))

  private enum Bound {
    case waiting([CheckedContinuation<[ListenAddress], any Error>])
    case done(Result<[ListenAddress], any Error>)
  }

  /// - Parameter eventLoopGroup: Outlives the server; each connection stays on one of its loops.
  public init(
    router: Router, listeners: [Listener], limits: ServerLimits = ServerLimits(),
    handlerExecution: HandlerExecution = .eventLoop,
    eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger
  ) {
    shared = ServerShared(
      router: router, limits: limits, runsHandlersOnLoop: handlerExecution == .eventLoop, group: eventLoopGroup,
      logger: logger)
    self.listeners = listeners
    self.group = eventLoopGroup
  }

  /// Where the server listens, with the ports the system chose. Waits until `run` has bound all listeners.
  public var boundAddresses: [ListenAddress] {
    get async throws {
      try await withCheckedThrowingContinuation { continuation in
        let known: Result<[ListenAddress], any Error>? = bound.withLock { bound in
          switch bound {
          case .done(let result): return result
          case .waiting(let others):
            bound = .waiting(others + [continuation])
            return nil
          }
        }
        if let known { continuation.resume(with: known) }
      }
    }
  }

  /// Serves until the task is cancelled, then ends gracefully: no new connections, GOAWAY in two phases, running calls
  /// get `drainTimeout`, then they are cancelled.
  ///
  /// - Throws: `ServerError` when a listener cannot be opened; none is left open then.
  public func run() async throws {
    LargeBlocks.standApart()
    var channels: [any NIOCore.Channel] = []
    do {
      for listener in listeners { channels.append(try await listen(listener)) }
    } catch {
      await close(channels)
      announce(.failure(error))
      throw error
    }
    let addresses = zip(listeners, channels).map { listener, channel in
      ListenAddress(bound: channel.localAddress, requested: listener.address)
    }
    announce(.success(addresses))
    shared.logger.info("listening", metadata: ["addresses": "\(addresses.map(\.description))"])

    await untilCancelled()
    await close(channels)
    await drain()
  }

  // MARK: Listening

  private func listen(_ listener: Listener) async throws -> any NIOCore.Channel {
    guard listener.tls != nil || listener.address.isLocal else {
      throw ServerError.cleartextNotLocal(listener.address)
    }
    let tls: NIOSSLContext?
    do {
      tls = try listener.tls?.context()
    } catch {
      throw ServerError.tls(reason: "\(error)")
    }
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: Int32(shared.limits.backlogMax))
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(.recvAllocator, value: Server.receiveBuffer)
      .childChannelOption(.writeBufferWaterMark, value: Server.writeWaterMark)
      .childChannelInitializer { [shared] channel in
        channel.eventLoop.makeCompletedFuture { try Server.initialize(channel, shared: shared, tls: tls) }
      }
    do {
      switch listener.address {
      case .tcp(let host, let port):
        return try await bootstrap.bind(host: host.isEmpty ? "::" : host, port: port).get()
      case .unix(let path):
        // A socket that a killed process left is replaced; one that somebody serves is not ours to take.
        if await Self.isServed(path, on: group) { throw IOError(errnoCode: EADDRINUSE, reason: "bind") }
        return try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
      }
    } catch {
      throw ServerError.cannotListen(listener.address, reason: describeConnectionError(error))
    }
  }

  private static func isServed(_ path: String, on group: any EventLoopGroup) async -> Bool {
    do {
      let channel = try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get()
      channel.close(promise: nil)
      return true
    } catch {
      return false
    }
  }

  private static func initialize(_ channel: any NIOCore.Channel, shared: ServerShared, tls: NIOSSLContext?) throws {
    let handler = ServerHandler(server: shared, loop: channel.eventLoop, usesTLS: tls != nil)
    guard shared.add(handler.link, closing: channel.closeFuture) else {
      shared.metrics.connectionClosing(.connectionsFull, peer: Peer(channel: channel))
      throw TooManyConnections()
    }
    if let doorkeeper = handler.doorkeeper { try channel.pipeline.syncOperations.addHandler(doorkeeper) }
    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
    try channel.pipeline.syncOperations.addHandler(handler)
  }

  // MARK: The end

  private func untilCancelled() async {
    let (stream, continuation) = AsyncStream<Never>.makeStream()
    await withTaskCancellationHandler {
      for await _ in stream {}
    } onCancel: {
      continuation.finish()
    }
  }

  private func drain() async {
    shared.beginShutdown()
    // The task is cancelled already, so the limit is kept by the event loop.
    let timer = group.next().scheduleTask(in: TimeAmount(shared.limits.drainTimeout)) { [shared] in shared.abort() }
    await shared.waitUntilDrained()
    timer.cancel()
    shared.endWorkers()
  }

  private func close(_ channels: [any NIOCore.Channel]) async {
    for channel in channels {
      do {
        try await channel.close()
      } catch {
        shared.logger.debug("a listener did not close", metadata: ["error": "\(error)"])
      }
    }
  }

  private func announce(_ result: Result<[ListenAddress], any Error>) {
    let waiting = bound.withLock { bound in
      defer { bound = .done(result) }
      if case .waiting(let continuations) = bound { return continuations }
      return []
    }
    for continuation in waiting { continuation.resume(with: result) }
  }

  /// NIO keeps a connection's last buffer for its next read. It grows with what arrives; an idle connection keeps little.
  private static let receiveBuffer = AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 256, maximum: readBytesMax)
  /// Octets that one connection may bring into a turn of its loop while others wait. With 64 KiB the turns of 24 connections
  /// that all send are twice as long, and CPU time per mebibyte is 5 % less.
  static let readBytesMax = 16 << 10
  /// Octets of a read behind which more is waiting, most likely; TLS takes its part of what can be read.
  static let fullReadBytesMin = readBytesMax / 4 * 3
  /// Octets in a connection's socket buffer on this side above which writing pauses, and below which it goes on.
  private static let writeWaterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 32 << 10, high: 64 << 10)
}

/// Closes a connection at its beginning.
private struct TooManyConnections: Error {}

extension ListenAddress {
  init(bound: SocketAddress?, requested: ListenAddress) {
    switch (requested, bound?.port) {
    case (.tcp(let host, _), let port?): self = .tcp(host: host, port: port)
    default: self = requested
    }
  }
}
