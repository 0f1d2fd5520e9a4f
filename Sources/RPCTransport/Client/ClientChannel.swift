public import Logging
public import NIOCore
public import NIOPosix
public import RPC
internal import Synchronization

/// A client's way to one service at one or more addresses: connects when the first call needs it, reconnects when a
/// connection is lost, and spreads calls as `ClientOptions.policy` says.
///
/// One channel keeps at most one connection to each address, all on one event loop. Any thread may use it.
public final class ClientChannel: RPC.Channel {
  private let loop: any EventLoop
  private let core: NIOLoopBoundBox<ClientChannelCore>
  /// Whether nothing is left to close. The loop may end before the channel does then.
  private let isClosed = Atomic(false)

  /// Connects nothing yet.
  ///
  /// - Parameter tls: nil for cleartext, which is meant for loopback and unix sockets.
  public init(
    addresses: [EndpointAddress], tls: ClientTLS? = nil, options: ClientOptions = ClientOptions(),
    eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    logger: Logger = Logger(label: "rpc.client")
  ) {
    precondition(!addresses.isEmpty, "a channel needs an address")
    loop = eventLoopGroup.next()
    core = NIOLoopBoundBox.makeBoxSendingValue(
      ClientChannelCore(addresses: addresses, tls: tls, options: options, loop: loop, logger: logger), eventLoop: loop)
  }

  deinit {
    guard !isClosed.load(ordering: .relaxed) else { return }
    // Connections hold the core, not the channel: a channel that is dropped closes them.
    let core = core
    loop.execute { core.value.close(calls: .cancel) }
  }

  public func withCall<Result: Sendable>(
    _ call: ClientCall, _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    onLoop { $0.submit(call) }
    defer { call.cancel(RPCError(.cancelled, "the caller left the call")) }
    return try await body()
  }

  /// Keeps the channel until the task is cancelled, then closes it gracefully.
  public func run() async throws {
    let (stream, continuation) = AsyncStream<Never>.makeStream()
    await withTaskCancellationHandler {
      for await _ in stream {}
    } onCancel: {
      continuation.finish()
    }
    await close()
  }

  /// Takes no new calls, lets running ones end, closes the connections.
  public func close() async {
    await withCheckedContinuation { continuation in
      onLoop { core in
        core.whenClosed { continuation.resume() }
        core.close(calls: .finish)
      }
    }
    isClosed.store(true, ordering: .relaxed)
  }

  /// Ends running calls with `cancelled` and closes the connections.
  public func closeNow() {
    onLoop { $0.close(calls: .cancel) }
  }

  private func onLoop(_ body: @escaping @Sendable (ClientChannelCore) -> Void) {
    if loop.inEventLoop {
      body(core.value)
    } else {
      loop.execute { [core] in body(core.value) }
    }
  }
}
